"""The assignment's autoencoder, 1000-512-32-512-1000, in Keras; its parameters, memory and arithmetic."""

from __future__ import annotations

import study.keras_training  # first: it sets TensorFlow's environment  # noqa: F401  # isort: skip

import keras
import numpy as np
import pandas as pd
from keras import layers

from study.manufacturing.line import WIDTH

BYTES = 4  # of a float32
BATCH = 64
LEARNING_RATE = 2e-3  # at the start; it falls to zero along half a cosine (Loshchilov & Hutter 2017)
ADAM_COPIES = 4  # weights, gradients, and Adam's two moments


def autoencoder(width: int = WIDTH) -> keras.Model:
    """The assignment's model; its bottleneck is named without an activation."""
    return keras.Sequential(
        [
            keras.Input((width,)),
            layers.Dense(512, activation="relu", name="hidden_1"),
            layers.Dense(32, name="bottleneck"),
            layers.Dense(512, activation="relu", name="hidden_2"),
            layers.Dense(width, activation="sigmoid", name="output"),
        ],
        name="electroguard",
    )


def build(seed: int, width: int = WIDTH) -> keras.Model:
    """The freshly initialised model, compiled; `compile_for` says for how long a training."""
    keras.utils.set_random_seed(seed)
    made = autoencoder(width)
    compile_for(made, steps=1)
    return made


def compile_for(model: keras.Model, steps: int) -> None:
    """Give a model a new Adam for a training of that many steps, and mean squared error, as the assignment says."""
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(optimizer=keras.optimizers.Adam(schedule), loss="mse")


def dense_layers(model: keras.Model) -> list[layers.Dense]:
    """The layers of a chain of dense layers, in order. Raises ValueError for a layer of another kind."""
    others = [layer.name for layer in model.layers if not isinstance(layer, layers.Dense)]
    if others:
        raise ValueError(f"The model must consist of Dense layers alone; {', '.join(others)} are of another kind.")
    return list(model.layers)


def counted(model: keras.Model) -> pd.DataFrame:
    """Parameters of each layer as the model holds them: columns layer, inputs, outputs, weights, biases, total."""
    rows = [
        (
            layer.name,
            layer.kernel.shape[0],
            layer.kernel.shape[1],
            int(np.prod(layer.kernel.shape)),
            int(np.prod(layer.bias.shape)) if layer.use_bias else 0,
            layer.count_params(),
        )
        for layer in dense_layers(model)
    ]
    return pd.DataFrame(rows, columns=["layer", "inputs", "outputs", "weights", "biases", "total"])


def costs(model: keras.Model) -> dict[str, int]:
    """Bytes of the parameters, of the activations of one vector, and of training; multiply-adds per vector.

    Training holds the parameters, their gradients and Adam's two moments, and the activations of one batch.
    """
    table = counted(model)
    activations = BYTES * (int(table.inputs.iloc[0]) + int(table.outputs.sum()))
    return {
        "parameter_bytes": BYTES * int(table.total.sum()),
        "activation_bytes": activations,
        "training_bytes": ADAM_COPIES * BYTES * int(table.total.sum()) + BATCH * activations,
        "multiply_adds": int(table.weights.sum()),
    }
