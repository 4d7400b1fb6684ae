"""What the interactive charts of the HTML show is what their twins in print show: captions tell of both."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from study import classifier_charts
from study.anomaly import charts
from study.runs import Record


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def trained(seed: int, epochs: int, patience: int | None = None) -> Record:
    random = np.random.default_rng(seed)
    names = ("loss", "accuracy", "validation_loss", "validation_accuracy", "middle", "last")
    history = {f"history_{name}": random.integers(1, 100, epochs) / np.float32(100) for name in names}
    metrics = {"best_epoch": 2, "constant_loss": {"train": 0.1, "middle": 0.2, "last": 0.3}}
    return Record({"seed": seed, "settings": {"patience": patience}}, metrics, history, {})


def lines_in_print(axis) -> list:
    return sorted([round(float(y), 3) for y in line.get_ydata()] for line in axis.lines if line.get_linestyle() != ":")


def lines_on_screen(fig, panel: int) -> list:
    """Of the panel with this number: Plotly counts its axes from 1, and calls the first one y."""
    axis = f"y{panel + 1 if panel else ''}"
    return sorted([round(y, 3) for y in t.y] for t in fig.data if (t.yaxis or "y") == axis)


def test_loss_curves_are_a_line_a_seed_and_a_constant_on_each_part():
    names = ("Base", "Version 1", "Version 2", "Version 3")
    records = {name: [trained(seed, 3) for seed in range(2)] for name in names}
    printed, shown = charts.losses(records), charts.losses_interactive(records)
    for panel, axis in enumerate(printed.axes):
        lines = lines_in_print(axis)
        assert len(lines) == 2 * 3 and lines_on_screen(shown, panel) == lines
    constants = sorted({shape.y0 for shape in shown.layout.shapes})
    assert constants == [0.1, 0.2, 0.3] and len(shown.layout.shapes) == 4 * 3
    assert sum(bool(trace.showlegend) for trace in shown.data) == 3


@pytest.mark.parametrize("quantity", ["accuracy", "loss"])
def test_histories_are_a_line_a_seed_and_split_and_a_dot_at_the_kept_epoch(quantity):
    records = {"Base": [trained(0, 4), trained(1, 4)], "Dropout + early stopping": [trained(2, 3, patience=2)]}
    printed = classifier_charts.history(records, quantity)
    shown = classifier_charts.history_interactive(records, quantity)
    for panel, axis in enumerate(printed.axes):
        assert lines_on_screen(shown, panel) == lines_in_print(axis)
    assert [len(lines_in_print(axis)) for axis in printed.axes] == [4, 3]
    (dot,) = [trace for trace in shown.data if trace.mode == "markers"]
    assert dot.x == (2,) and sum(trace.showlegend is not False for trace in shown.data) == 2
