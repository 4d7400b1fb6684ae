"""The drawing of layers reads what Keras' own models say of themselves."""

import pytest
from matplotlib.colors import to_rgb

from study.anomaly import charts, diagrams
from study.keras_training import STEPS_AT_ONCE  # noqa: F401  # it sets TensorFlow's environment

import keras  # isort: skip
from keras import layers  # isort: skip


pytestmark = pytest.mark.usefixtures("legible")


def texts(model: keras.Model) -> list[str]:
    (axis,) = charts.layers({"wide": model}).axes
    assert axis.get_title("left") == f"wide: {model.count_params():,} parameters"
    return [text.get_text() for text in axis.texts]


def test_dense_layers():
    model = keras.Sequential(
        [
            keras.Input((30, 1)),
            layers.Flatten(),
            layers.Dense(6, activation="relu"),
            layers.Dense(30, activation="sigmoid"),
            layers.Reshape((30, 1)),
        ]
    )
    assert texts(model) == ["30", "input", "6", "Dense\nReLU\n186", "bottleneck", "30", "Dense\nsigmoid\n210"]
    boxes = [p for p in charts.layers({"wide": model}).axes[0].patches if hasattr(p, "get_boxstyle")]
    assert [b.get_facecolor()[:3] == to_rgb(diagrams.NARROW) for b in boxes] == [False, True, False]
    assert boxes[0].get_height() == boxes[2].get_height() > boxes[1].get_height()


def test_recurrent_layers():
    model = keras.Sequential(
        [
            keras.Input((30, 1)),
            layers.LSTM(4, activation="relu", name="bottleneck"),
            layers.RepeatVector(30),
            layers.TimeDistributed(layers.Dense(1)),
        ]
    )
    assert texts(model) == [
        "30", "input", "4", "LSTM\nReLU\n96", "bottleneck", "30×4", "Repeat", "30×1", "Dense a step\nlinear\n5",
    ]  # fmt: skip


def test_a_model_that_is_not_built_yet_is_refused():
    with pytest.raises(ValueError, match="built"):
        texts(keras.Sequential([layers.Dense(2)]))


def test_a_model_of_two_inputs_is_refused():
    inputs = keras.Input((3,)), keras.Input((3,))
    with pytest.raises(ValueError, match=r"one keras\.Input"):
        texts(keras.Model(inputs, layers.Add()(inputs)))
