"""The four published autoencoders of Part II, in Keras; `study.keras_training` trains them.

Input and output are windows of shape (30, 1). The published parameter counts (588, 1,356, 1,356, 4,193) fix the
layers. Reconstruction by a narrow bottleneck follows Hinton & Salakhutdinov (2006).
"""

from __future__ import annotations

from study.keras_training import BATCH, STEPS_AT_ONCE, errors, fit  # first: it sets TensorFlow's environment  # isort: skip

import keras
from keras import layers

from study.anomaly.series import WINDOW

__all__ = ["BATCH", "MODELS", "base", "build", "errors", "fit", "version_1", "version_2", "version_3"]


def base() -> keras.Model:
    """588 parameters: 8-4-2 units, then 8, ReLU throughout, sigmoid output."""
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
            layers.Dense(4, activation="relu"),
            layers.Dense(2, activation="relu", name="bottleneck"),
            layers.Dense(8, activation="relu"),
            layers.Dense(WINDOW, activation="sigmoid"),
            layers.Reshape((WINDOW, 1)),
        ],
        name="base",
    )


def version_1() -> keras.Model:
    """1,356 parameters: 16-8-4-2 units, then 8-16, ReLU throughout, sigmoid output."""
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(8, activation="relu"),
            layers.Dense(4, activation="relu"),
            layers.Dense(2, activation="relu", name="bottleneck"),
            layers.Dense(8, activation="relu"),
            layers.Dense(16, activation="relu"),
            layers.Dense(WINDOW, activation="sigmoid"),
            layers.Reshape((WINDOW, 1)),
        ],
        name="version_1",
    )


def version_2() -> keras.Model:
    """1,356 parameters: the layers of Version 1 with ReLU and tanh alternating, sigmoid output."""
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(8, activation="tanh"),
            layers.Dense(4, activation="relu"),
            layers.Dense(2, activation="tanh", name="bottleneck"),
            layers.Dense(8, activation="relu"),
            layers.Dense(16, activation="tanh"),
            layers.Dense(WINDOW, activation="sigmoid"),
            layers.Reshape((WINDOW, 1)),
        ],
        name="version_2",
    )


def version_3() -> keras.Model:
    """4,193 parameters: LSTM encoder 16-8-4, decoder 8-16 with ReLU, a linear unit per step."""
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            layers.LSTM(16, activation="relu", return_sequences=True),
            layers.LSTM(8, activation="relu", return_sequences=True),
            layers.LSTM(4, activation="relu", name="bottleneck"),
            layers.RepeatVector(WINDOW),
            layers.LSTM(8, activation="relu", return_sequences=True),
            layers.LSTM(16, activation="relu", return_sequences=True),
            layers.TimeDistributed(layers.Dense(1)),
        ],
        name="version_3",
    )


MODELS = {"base": base, "version-1": version_1, "version-2": version_2, "version-3": version_3}


def build(model: str, seed: int) -> keras.Model:
    """A freshly initialised model of that name, compiled with Adam and mean squared error, as published.

    Raises ValueError for an unknown name.
    """
    if model not in MODELS:
        raise ValueError(f"Unknown autoencoder '{model}'. Choose one of: {', '.join(MODELS)}.")
    keras.utils.set_random_seed(seed)
    made = MODELS[model]()
    # By itself Keras leaves LSTM layers uncompiled, whose training step then takes four times as long.
    made.compile(keras.optimizers.Adam(), loss="mse", steps_per_execution=STEPS_AT_ONCE, jit_compile=True)
    return made
