"""The autoencoders of Part II, which its notebook defines: compiled, trained, and rebuilt from their records.

A model is a function without arguments that returns a Keras model for windows of shape (30, 1), not compiled; it may
be one of the notebook's or any other. `study.keras_training` trains it.
"""

from collections.abc import Callable

import keras

from study.keras_training import BATCH, STEPS_AT_ONCE, errors, fit, with_weights
from study.runs import Record

__all__ = ["BATCH", "Make", "build", "errors", "fit", "trained"]

Make = Callable[[], keras.Model]


LONG = 5
"""Epochs from which on a training is worth XLA's compilation, which takes ten seconds, of LSTM layers forty."""


def build(make: Make, seed: int, epochs: int) -> keras.Model:
    """A freshly initialised model, compiled with Adam and mean squared error, as published.

    By itself Keras leaves LSTM layers to no compiler, whose training step then takes four times as long; a model that
    is trained for LONG epochs or more is compiled by XLA, and takes several steps at once.
    """
    keras.utils.set_random_seed(seed)
    made = make()
    speed = {"steps_per_execution": STEPS_AT_ONCE, "jit_compile": True} if epochs >= LONG else {"jit_compile": False}
    made.compile(keras.optimizers.Adam(), loss="mse", **speed)
    return made


def trained(make: Make, record: Record) -> keras.Model:
    """The network of a `part2-published` record, from its weights, without training; it computes in float64.

    Raises ValueError when the model that `make` returns has weights of other shapes.
    """
    return with_weights(make, record)
