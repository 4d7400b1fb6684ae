"""What Part I's notebook works with: simulated plants, trainings that are kept or made, the evidence.

A training is found by all that decides it (the model's definition, plant, epochs), so a stored result stands beside
the code that made it or not at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import pandas as pd

from study import definitions, lab, profile, published, runs
from study.comparison import with_interval
from study.keras_training import BATCH, with_weights
from study.manufacturing import experiments, faults, readings, trainings
from study.manufacturing.claims import SUBTLE
from study.manufacturing.detectors import AUTOENCODER, ENSEMBLE, FOREST, LIMITS, OR_CHECK, PCA_NAME, WORST
from study.manufacturing.evaluation import Economy, Evidence, by_cost, detection_at, points, shown
from study.manufacturing.experiments import BROKEN_GAUGES, LABELS, MONTHS, NOISE, STANDARD_SEVERITY
from study.manufacturing.line import GAUGES, STATIONS, STEPS, WIDTH, Line, Stream
from study.manufacturing.model import LEARNING_RATE, Autoencoder
from study.manufacturing.readings import read
from study.runs import Record

__all__ = [
    "AUTOENCODER", "BATCH", "BROKEN_GAUGES", "CALIBRATION", "ENSEMBLE", "FOREST", "LABELS", "LEARNING_RATE", "LIMITS",
    "MONTHS", "NOISE", "OR_CHECK", "PCA_NAME", "SERVICE", "STANDARD_SEVERITY", "SUBTLE", "WORST", "Economy", "Line",
    "Plants", "by_cost", "detection_at", "faults", "gradients", "judge", "points", "read", "shown", "table",
    "with_interval",
]  # fmt: skip

CALIBRATION, SERVICE = Stream.CALIBRATION, Stream.DRIFT
Make = Callable[[int], keras.Model]
"""A function that returns a Keras model, not compiled, for vectors of a given width."""


@dataclass(frozen=True)
class Run:
    """One training on a plant: the function that defines the model, and the record of what came out."""

    make: Make
    record: Record

    @property
    def history(self) -> pd.DataFrame:
        """Mean squared error after each epoch (from 1): `loss` in training, `validation` on other sound cycles."""
        return lab.history(self.record, "loss", "validation")

    @property
    def threshold(self) -> float:
        """The score that 1% of sound cycles exceed; a cycle above it raises an alarm."""
        return self.record.metrics["thresholds"][AUTOENCODER]

    @cached_property
    def detector(self) -> Autoencoder:
        """The trained network, from its kept weights, in float64: `score` and `reconstruct` take vectors (n, 1000)."""
        made = partial(self.make, WIDTH)
        return Autoencoder(WIDTH, self.record.spec["seed"], lambda width: with_weights(made, self.record))


class Plants:
    """The simulated plants and everything that was fitted on them, for one profile of the report."""

    def __init__(self, profile_name: str) -> None:
        self.profile = profile.load(profile_name)
        self._store = runs.Store(self.profile.records, self.profile.drafts)

    def train(self, make: Make, epochs: int | None = None) -> Run:
        """The model trained on the first plant's sound production, with its threshold.

        The kept result if this definition was trained for so many epochs; otherwise it is trained here, with a
        progress bar, and kept below build/. Without `epochs` it is the profile's number. Raises ValueError for epochs
        that are no whole number above 0.
        """
        if epochs is not None and (not isinstance(epochs, int) or epochs < 1):
            raise ValueError(f"epochs={epochs!r}: give a whole number from 1 up, or leave it out.")
        plant = self.profile.part1.seeds[0]
        run = experiments.reference(self.profile.part1, plant, epochs)
        spec = experiments.ALL.spec(self.profile, "part1-reference", run) | {"definition": definitions.of(make)}
        kept = self._store.load(spec)
        here = partial(trainings.by_hand, make=make)  # the reference also judges it, over a year of service
        return Run(make, kept or self._store.by_hand(spec | {"task": "part1-by-hand"}, here))

    @cached_property
    def evidence(self) -> Evidence:
        """The records of all runs; those that are missing are made."""
        return Evidence(self._store.get_all(experiments.ALL.specs(self.profile), experiments.ALL.train))

    def verdicts(self) -> dict[str, str]:
        return lab.statuses("part1", self.evidence.records)

    def reported(self, key: str) -> int:
        return int(published.value(f"part1.{key}"))


def gradients(network: keras.Model, vectors: np.ndarray) -> list[np.ndarray]:
    """Keras' gradients of the mean squared error of `vectors` (n, width): an array for each weight, in its shape."""
    import tensorflow

    with tensorflow.GradientTape() as tape:
        loss = tensorflow.reduce_mean(tensorflow.square(network(vectors) - vectors))
    return [gradient.numpy() for gradient in tape.gradient(loss, network.trainable_variables)]


def table(cycles: np.ndarray) -> pd.DataFrame:
    """Cycles (n, 1000) of the simulated line as a table with a named column for each reading."""
    gauges = [(station, gauge) for station in range(1, STATIONS + 1) for gauge in GAUGES]
    names = [f"station {station}, {gauge}, step {step}" for station, gauge in gauges for step in range(1, STEPS + 1)]
    return pd.DataFrame(cycles, columns=names).rename_axis("cycle")


def judge(table: pd.DataFrame, make: Make | None = None, epochs: int = 120) -> pd.DataFrame:
    """A table of readings, a row for each component in order of production, judged; see `readings.judge`.

    PCA does it, or the network that `make` defines, trained here for so many epochs. What is left out and what is done
    is printed. Raises catalog.DataError for a table that no detector can be fitted to.
    """

    def trained(vectors: np.ndarray) -> tuple[readings.Rebuild, str]:
        network = Autoencoder(vectors.shape[1], 0, make)
        with TemporaryDirectory() as scratch:
            network.fit(vectors, epochs, Path(scratch))
        # Not `reconstruct`, which refuses readings outside of the fitted range: here they are what is looked for.
        return partial(network.model.predict, verbose=0), f"{network.model.name}, trained for {epochs} epochs"

    found, notes = readings.judge(table, trained if make else readings.pca)
    for note in notes:
        print(f"Note: {note}.")
    return found
