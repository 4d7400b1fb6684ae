"""The Bonus part's figures draw what the records hold."""

import numpy as np
import pytest

from study.runs import Record
from study.vision import charts

pytestmark = pytest.mark.usefixtures("legible")


def test_patches_stand_row_by_row_behind_the_class_token():
    number = np.arange(64).reshape(8, 8).repeat(8, 0).repeat(8, 1).astype(np.uint8)
    fig = charts.patches(np.stack([number] * 3, axis=2), patch=8)
    whole, apart, tokens = fig.axes
    assert whole.images[0].get_array().shape == (64, 64, 3) and apart.images[0].get_array().shape == (80, 80, 3)
    shown = [int(image.get_array()[0, 0, 0]) for image in tokens.images]
    assert shown == [0, 1, 2, 3, 4, 5, 6, 7, 63]


def training(sizes, epochs):
    curve = np.linspace(0.5, 0.9, epochs)
    arrays = {f"history_{name}": curve for name in ("accuracy", "loss", "validation_accuracy", "validation_loss")}
    return Record({"settings": {"sizes": sizes, "epochs": epochs}}, {}, arrays, {})


def test_curves_mark_small_images():
    fig = charts.history({"ViT": [training([32, 64], 8)], "VGG-13": [training([64], 4)]})
    accuracy = fig.axes[0]
    (shade,) = [patch for patch in accuracy.patches if patch.get_label() == "smaller images"]
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (0.5, 4.5)
    by_label = {line.get_label(): line for line in accuracy.lines}
    assert len(by_label["validation"].get_xdata()) == 8


def test_confusion_has_true_classes_in_rows():
    counts = [[9, 1, 0], [2, 8, 0], [0, 3, 7]]
    fig = charts.confusion({"ViT": [Record({}, {"test": {"confusion": counts}}, {}, {})]})
    places = {tuple(map(int, text.get_position())): text.get_text() for text in fig.axes[0].texts}
    assert places[1, 2] == "3" and places[2, 1] == "0"  # x is the prediction


def test_a_single_high_loss_leaves_the_others_apart():
    record = training([64], 4)
    record.arrays["history_validation_loss"] = np.array([6.3, 0.5, 0.4, 0.3])
    axis = charts.history({"ViT": [record]}).axes[1]
    assert axis.get_yscale() == "log" and axis.get_ylim()[0] < 0.3 and axis.get_ylim()[1] > 6.3 and not axis.texts


def test_seeds_are_told_apart_by_the_width_of_their_lines():
    fig = charts.history({"ViT": [training([64], 4), training([64], 4), training([64], 4)]})
    widths = [line.get_linewidth() for line in fig.axes[0].lines]
    assert widths == [charts.FIRST] * 2 + [charts.OTHERS] * 4


def test_attention_is_a_map_and_mistakes_are_orange_and_tell_both_classes():
    told = [{"true": "dogs", "predicted": "dogs"}, {"true": "dogs", "predicted": "food"}]
    maps = np.array([[[1.0, 0], [0, 0]]] * 2)
    arrays = {"attention_pixels": np.full((2, 4, 4, 3), 200, dtype=np.uint8), "attention_maps": maps}
    fig = charts.attention(Record({}, {"attention": told}, arrays, {}))
    titles = {axis.get_title(): axis.title.get_color() for axis in fig.axes if axis.get_title()}
    assert titles == {"dogs": "black", "dogs\nas food": charts.figures.PALETTE["vermillion"]}
    photograph, attended = fig.axes[9].images
    assert (photograph.get_array() == 227).all() and attended.get_array().tolist() == [[1, 0], [0, 0]]


def test_a_classified_picture_shows_every_probability():
    found = charts.Classified(np.zeros((4, 4, 3), np.uint8), {"dogs": 0.1, "food": 0.7, "vehicles": 0.2}, np.eye(2))
    bars = [patch.get_width() for patch in charts.classified(found).axes[2].patches]
    assert bars == [0.1, 0.7, 0.2]
