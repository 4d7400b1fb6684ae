"""The assignment's autoencoder, which Part I's notebook defines: trained, and asked for scores."""

import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from study import keras_training
from study.definitions import notebook
from study.manufacturing.detectors import checked

autoencoder = notebook("part1_autoencoder_theory").autoencoder

# Chosen by the loss of sound cycles of the development plant, which nothing else is measured on.
LEARNING_RATE = 2e-3  # at the start; it falls to zero along half a cosine (Loshchilov & Hutter 2017)
EPSILON = 1e-10  # Keras' 1e-7 is as large as the gradients of a mean over 1000 small errors, and slows Adam down


class Autoencoder:
    """The assignment's model, freshly initialised; the score is the mean squared error of a vector's reconstruction.

    `make` defines the network for vectors of a given width, by default that of Part I's notebook.
    """

    def __init__(self, width: int, seed: int, make: Callable[[int], keras.Model] | None = None) -> None:
        self.width, self.seed = width, seed
        keras.utils.set_random_seed(seed)
        self.model = (make or autoencoder)(width)

    def fit(
        self, vectors: np.ndarray, epochs: int, scratch: Path, validation: np.ndarray | None = None
    ) -> dict[str, list[float]]:
        """Train, or train on, with a new Adam and mean squared error, as the assignment says.

        Returns the `loss` per epoch, and that of `validation`. Resumes from `scratch`.
        """
        vectors = checked(vectors, self.width)
        scratch.mkdir(parents=True, exist_ok=True)
        steps = epochs * math.ceil(len(vectors) / keras_training.BATCH)
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps), epsilon=EPSILON)
        self.model.compile(optimizer=optimizer, loss="mse", steps_per_execution=keras_training.STEPS_AT_ONCE)
        parts = {} if validation is None else {"validation": checked(validation, self.width)}
        return keras_training.fit(self.model, vectors, epochs, self.seed, parts, scratch)

    def reconstruct(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors (n, width) as the network rebuilds them, in its precision."""
        # Calling the model, unlike `predict`, traces no new graph for every number of vectors.
        parts = np.array_split(checked(vectors, self.width), math.ceil(len(vectors) / 1024))
        return np.concatenate([np.asarray(self.model(part, training=False)) for part in parts])

    def residuals(self, vectors: np.ndarray) -> np.ndarray:
        """Reading minus reconstruction, of the vectors' shape."""
        return vectors - self.reconstruct(vectors)

    def score(self, vectors: np.ndarray) -> np.ndarray:
        return np.square(self.residuals(vectors), dtype=np.float64).mean(axis=1)
