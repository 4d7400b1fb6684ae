"""The assignment's autoencoder, which Part I's notebook defines: compiled, and rebuilt from a record."""

import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import layers

from study import keras_training
from study.definitions import notebook
from study.manufacturing.detectors import checked
from study.manufacturing.line import WIDTH

autoencoder = notebook("part1_autoencoder_theory").autoencoder

# Chosen by the loss of sound cycles of the development plant, which nothing else is measured on.
BATCH = 64
LEARNING_RATE = 2e-3  # at the start; it falls to zero along half a cosine (Loshchilov & Hutter 2017)
EPSILON = 1e-10  # Keras' 1e-7 is as large as the gradients of a mean over 1000 small errors, and slows Adam down


def build(seed: int, width: int = WIDTH, make: Callable[[int], keras.Model] | None = None) -> keras.Model:
    """The freshly initialised model, compiled; `compile_for` says for how long a training."""
    keras.utils.set_random_seed(seed)
    made = (make or autoencoder)(width)
    compile_for(made, steps=1)
    return made


def compile_for(model: keras.Model, steps: int) -> None:
    """Give a model a new Adam for a training of that many steps, and mean squared error, as the assignment says."""
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    optimizer = keras.optimizers.Adam(schedule, epsilon=EPSILON)
    model.compile(optimizer=optimizer, loss="mse", steps_per_execution=keras_training.STEPS_AT_ONCE)


def dense_layers(model: keras.Model) -> list[layers.Dense]:
    """The layers of a chain of dense layers, in order. Raises ValueError for a layer of another kind."""
    others = [layer.name for layer in model.layers if not isinstance(layer, layers.Dense)]
    if others:
        raise ValueError(f"The model must consist of Dense layers alone; {', '.join(others)} are of another kind.")
    return list(model.layers)


class Autoencoder:
    """The assignment's model; the score is the mean squared error of a vector's reconstruction.

    `make` defines the network for vectors of a given width, by default that of Part I's notebook.
    """

    def __init__(self, width: int, seed: int, make: Callable | None = None) -> None:
        self.width, self.seed = width, seed
        self.model = build(seed, width, make)

    def fit(
        self, vectors: np.ndarray, epochs: int, scratch: Path, validation: np.ndarray | None = None
    ) -> dict[str, list[float]]:
        """Train, or train on with a fresh optimizer; returns the `loss` per epoch, and that of `validation`.

        Resumes from `scratch`.
        """
        vectors = checked(vectors, self.width)
        scratch.mkdir(parents=True, exist_ok=True)
        compile_for(self.model, epochs * math.ceil(len(vectors) / BATCH))
        parts = {} if validation is None else {"validation": checked(validation, self.width)}
        return keras_training.fit(self.model, vectors, epochs, self.seed, parts, scratch, BATCH)

    def reconstruct(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (n, width) as the network rebuilds them, float32."""
        # Calling the model, unlike `predict`, traces no new graph for every number of vectors.
        parts = np.array_split(checked(vectors, self.width), math.ceil(len(vectors) / 1024))
        return np.concatenate([np.asarray(self.model(part, training=False)) for part in parts])

    def residuals(self, vectors: np.ndarray) -> np.ndarray:
        """Reading minus reconstruction, of the vectors' shape."""
        return vectors - self.reconstruct(vectors)

    def score(self, vectors: np.ndarray) -> np.ndarray:
        return np.square(self.residuals(vectors), dtype=np.float64).mean(axis=1)
