"""The figures of Part IV show what their captions say, in letters of seven points or more."""

import numpy as np
import pandas as pd
import pytest

from study import figures
from study.evaluation import Interval
from study.news import charts
from study.news.corpus import CLASSES
from study.news.variants import NAMES
from study.runs import Record

pytestmark = pytest.mark.usefixtures("legible")


def trained(seed, epochs, patience=None, best=1):
    """A training whose values after each epoch are known."""
    steps = np.arange(epochs) / 10
    names = {"loss": 1 - steps, "accuracy": 0.5 + steps / 2, "validation_loss": 1.1 - steps / 2}
    arrays = {f"history_{name}": values + 0.01 * seed for name, values in names.items()}
    arrays["history_validation_accuracy"] = arrays["history_accuracy"] - 0.1
    arrays |= {"test_classes": np.arange(40) % 4, "test_logits": 3 * np.eye(4)[np.arange(40) % 4]}
    metrics = {"best_epoch": best, "test": {"confusion": (10 * np.eye(4)).tolist()}}
    return Record({"seed": seed, "settings": {"patience": patience}}, metrics, arrays, {})


@pytest.fixture
def runs():
    stopped = [trained(0, 4, 2, best=2), trained(1, 6, 2, best=4), trained(2, 5, 2, best=3)]
    return {"Dropout": [trained(seed, 6) for seed in range(3)], "Dropout + early stopping": stopped}


LITERATURE = pd.DataFrame({"model": ["n-grams", "XLNet (pre-trained)"], "accuracy": [0.92, 0.955]})
ENDS = {"mean": 0.9, "low": 0.8, "high": 1.0}
SWEEP = pd.DataFrame(
    [
        {"l2": strength, **{f"{name}_{end}": value for name in ("accuracy", "loss") for end, value in ENDS.items()}}
        for strength in (0.0, 1e-5, 1e-3)
    ]
)
SETTINGS = {"width": 96, "longest": 100, "vocabulary": 30_000, "heads": 4}
TOKENS = ["oil", "prices", "rise", "in", "the", "gulf"] * 6


def test_confusion_and_sizes_are_drawn(runs):
    assert len(charts.confusion(runs).axes[0].texts) == 16
    fig = charts.sizes({"Towers": ([10, 100], [0.5, 0.9]), "Base": ([10], [Interval(0.4, 0.3, 0.5)])})
    assert [0.5, 0.9] in [list(line.get_ydata()) for line in fig.axes[0].lines]


def test_over_epochs_is_the_median_and_the_range_of_the_seeds_that_still_train(runs):
    found = charts.over_epochs(runs["Dropout + early stopping"], "loss")
    assert list(found.index) == [1, 2, 3, 4, 5, 6]
    assert found.loc[1].tolist() == pytest.approx([1.01, 1.0, 1.02])
    assert found.loc[5].tolist() == pytest.approx([0.615, 0.61, 0.62])
    assert found.loc[6].nunique() == 1, "the sixth epoch is that of one seed alone"
    assert charts.kept_epochs(runs["Dropout + early stopping"]) == [2, 4, 3]
    assert charts.kept_epochs(runs["Dropout"]) == []


@pytest.mark.parametrize("quantity", ["loss", "accuracy"])
def test_curves_are_a_line_a_split_and_an_arrow_a_kept_epoch(runs, quantity):
    fig = charts.curves(runs, quantity)
    drawn = [len([line for line in axis.lines if len(line.get_xdata()) > 1]) for axis in fig.axes]
    arrows = [sorted(line.get_xdata()[0] for line in axis.lines if len(line.get_xdata()) == 1) for axis in fig.axes]
    assert drawn == [2, 2] and arrows == [[], [2, 3, 4]]
    assert [axis.get_title(loc="left") for axis in fig.axes] == ["Dropout", "+ early stopping"]
    screen = charts.curves_interactive(runs, quantity)
    lines = [trace for trace in screen.data if trace.name in ("training", "validation")]
    assert [list(line.y) for line in lines][0] == pytest.approx(fig.axes[0].lines[0].get_ydata(), abs=1e-4)
    assert len(lines) == 4 and len(screen.layout.shapes) == 3
    assert lines[0].customdata[0] == pytest.approx(
        charts.over_epochs(runs["Dropout"], quantity).loc[1, ["low", "high"]], abs=1e-4
    )
    assert {axis.range for axis in screen.select_xaxes()} == {(0.7, 6.3)}


def test_roc_has_full_axes_and_the_corner_enlarged(runs):
    fig = charts.roc(runs)
    axis = fig.axes[0]
    corner = axis.child_axes[0]
    assert axis.get_xlim() == (0, 1) and axis.get_ylim()[0] == 0 and axis.get_ylim()[1] >= 1
    assert corner.get_xlim()[1] == 0.2 and corner.get_ylim()[0] == 0.8
    assert [t.get_text() for t in fig.legends[0].get_texts()] == [*CLASSES, "chance"]
    classes = {line.get_color() for line in axis.lines[: len(CLASSES)]}
    assert len(classes) == len(CLASSES) and not classes & {figures.colour_of(name) for name in NAMES.values()}


def test_attention_is_darker_where_more_is_received():
    received = np.array([[0.7, 0.1, 0.1, 0.1], [0.5, 0.3, 0.1, 0.1]])
    fig = charts.attention(["oil", "prices", "rise", "."], received, "Business (98%)")
    axis = fig.axes[0]
    brightness = axis.collections[0].get_facecolors()[:, :3].mean(axis=1)
    assert brightness[0] < brightness[1] < brightness[2] == brightness[3]
    assert [text.get_text() for text in axis.texts] == ["oil", "prices", "rise", "."]
    assert axis.get_title(loc="left") == "Business (98%)"
    lines = charts.attention(TOKENS, np.ones((2, len(TOKENS)))).axes[0]
    assert [text.get_text() for text in lines.texts] == TOKENS and lines.get_ylim() == (5, 0)


def test_the_field_is_in_order_with_ours_in_bold():
    fig = charts.field({"Towers": [0.93, 0.94], "Base": [0.88]}, LITERATURE)
    labels = fig.axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == ["Base", "n-grams", "Towers", "XLNet (pre-trained)"]
    assert [label.get_fontweight() for label in labels] == ["bold", "normal", "bold", "normal"]
    assert [t.get_text() for t in fig.axes[0].get_legend().get_texts()] == ["a seed of this report", "published"]


def test_the_towers_name_what_is_set():
    texts = " ".join(text.get_text() for text in charts.towers(SETTINGS).axes[0].texts)
    for words in ("first 100 words, 30,000 known", "vectors of 96", "4 heads", "words and\npairs of words"):
        assert words in texts


def test_the_sweep_marks_the_strength_that_was_used():
    fig = charts.sweep(SWEEP, 1e-5)
    assert [label.get_text() for label in fig.axes[0].get_xticklabels()] == ["none", "1e−5", "1e−3"]
    dotted = [line for line in fig.axes[0].lines if line.get_linestyle() == ":"]
    assert dotted[0].get_xdata()[0] == 1
