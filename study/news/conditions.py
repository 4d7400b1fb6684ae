"""Under which conditions the original could have trained: a stated grid, and which of its settings comes nearest.

The original states neither sizes nor learning rate, epochs or patience, and describes the network of a known example
(Nandan 2020, Text classification with Transformer, keras.io): 32 numbers a word, two heads, a feed-forward network of
32, 20,000 words, texts of 200, dropout 0.1. The example drops in four places and this report's network in six, so
that 0.05 stands in the middle of the grid, and one of the others changes at a time.

Three trainings of a setting tell all four variants: without dropout, with dropout, with dropout and penalty. Learning
rates are constant, so a trajectory of n epochs holds every shorter training, and early stopping for every patience. A
setting is chosen by the published numbers of training and validation alone; those of the test split choose nothing.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

import numpy as np
import pandas as pd

from study import published
from study.profile import Part4
from study.runs import Record, of
from study.verdicts import NEAR, Kind


@dataclass(frozen=True)
class Setting:
    """What a training is given; the defaults are the example's, and its batch is Keras' own."""

    width: int = 32
    heads: int = 2
    hidden: int = 32
    vocabulary: int = 20_000
    longest: int = 200
    dropout: float = 0.1
    learning_rate: float = 1e-3
    batch: int = 32


GRID: dict[str, Setting] = {
    "example": Setting(),
    "dropout 0.05": Setting(dropout=0.05),
    "dropout 0.02": Setting(dropout=0.02),
    "10,000 words": Setting(vocabulary=10_000, dropout=0.05),
    "learning rate 0.003": Setting(learning_rate=3e-3, dropout=0.05),
}
"""The settings that can be searched, the most plausible and cheapest first."""
OWN = "ours"

TRAININGS = ("plain", "dropout", "penalty")
VARIANTS = {"base": "plain", "dropout": "dropout", "early-stopping": "dropout", "regularised": "penalty"}
"""The training that tells each variant of the original."""
STOPPED = ("early-stopping", "regularised")
QUANTITIES = ("train_accuracy", "train_loss", "validation_accuracy", "validation_loss")
"""The published numbers that choose; each stands in a training's history."""
PATIENCES = (1, 2, 3)

Trajectory = Mapping[str, np.ndarray]
"""One value an epoch of QUANTITIES: the loop's means of training, and of validation after the epoch."""


@dataclass(frozen=True)
class Reading:
    """How the original's numbers may have come from the trajectories: how many epochs the variants without early
    stopping took, which is the most for the others too; the patience of these; and whether theirs are the numbers of
    the best epoch or, as a training prints them at its end, of the last one.
    """

    epochs: int
    patience: int
    best: bool


def grid(sizes: Part4) -> dict[str, Setting]:
    """The settings that a profile searches, by name."""
    return {name: replace(GRID[name], **sizes.grid_changes) for name in sizes.grid}


def with_own(sizes: Part4) -> dict[str, Setting]:
    """The same and, beside them, the setting of this report's variants."""
    return grid(sizes) | {OWN: Setting(**{field.name: getattr(sizes, field.name) for field in fields(Setting)})}


def trainings(setting: Setting, l2: float) -> dict[str, dict]:
    """The sizes, dropout and penalty of the three trainings of a setting."""
    sizes = asdict(setting)
    penalties = {"plain": {"dropout": 0.0, "l2": 0.0}, "dropout": {"l2": 0.0}, "penalty": {"l2": l2}}
    return {training: sizes | penalties[training] for training in TRAININGS}


def name_of(training: str, settings: Mapping) -> str:
    """A training's name in the run store: settings that share a training share the name."""
    s = settings
    sizes = f"w{s['width']}-v{s['vocabulary']}-n{s['longest']}-b{s['batch']}-lr{s['learning_rate']:g}"
    return f"{training}-{sizes}-p{s['dropout']:g}"


def found(records: Sequence[Record], setting: Setting, training: str, seed: int = 0) -> Record:
    """The record that holds a training's trajectory, the longest if there are several. Raises KeyError for none.

    Records of other tasks than `part4-conditions` are read too: the report's own setting is not trained again.
    """
    wanted = trainings(setting, 0.0)[training]
    wanted.pop("l2")
    fitting = [
        r
        for r in records
        if r.spec["task"] in ("part4-conditions", "part4-variants") and r.spec["seed"] == seed
        and wanted.items() <= r.spec["settings"].items() and (r.spec["settings"]["l2"] > 0) == (training == "penalty")
    ]  # fmt: skip
    if not fitting:
        raise KeyError(f"no record of the training {name_of(training, wanted)}, seed {seed}")
    return max(fitting, key=lambda r: len(r.arrays["history_loss"]))


def trajectories(records: Sequence[Record], setting: Setting, seed: int = 0) -> dict[str, Trajectory]:
    """The three trajectories of a setting, with `test_accuracy` and `test_loss` where they were measured."""
    runs = {training: found(records, setting, training, seed) for training in TRAININGS}
    return {training: _history(record) for training, record in runs.items()}


def _history(record: Record) -> dict[str, np.ndarray]:
    by_name = {name.removeprefix("history_"): a for name, a in record.arrays.items() if name.startswith("history_")}
    return {f"train_{name}" if name in ("loss", "accuracy") else name: a for name, a in by_name.items()}


def stop(losses: np.ndarray, epochs: int, patience: int) -> int | None:
    """After how many epochs a training ends that takes `epochs` at most and waits `patience` epochs for a lower
    validation loss; None if a trajectory of these losses is too short to tell.
    """
    for n in range(1, min(len(losses), epochs) + 1):
        if n - 1 - int(np.argmin(losses[:n])) >= patience:
            return n
    return epochs if len(losses) >= epochs else None


def ends(by_training: Mapping[str, Trajectory], reading: Reading) -> dict[str, int] | None:
    """The epoch, from 1 on, whose numbers are each variant's; None if a trajectory is too short to tell."""
    found = {}
    for variant, training in VARIANTS.items():
        losses = by_training[training]["validation_loss"]
        patience = reading.patience if variant in STOPPED else reading.epochs
        last = stop(losses, reading.epochs, patience)
        if last is None:
            return None
        found[variant] = int(np.argmin(losses[:last])) + 1 if reading.best and variant in STOPPED else last
    return found


def numbers(by_training: Mapping[str, Trajectory], epochs: Mapping[str, int]) -> dict[str, float]:
    """The numbers that choose, by their keys in data/published.toml, each variant's at its epoch."""
    return {
        f"part4.{variant}.{quantity}": float(by_training[VARIANTS[variant]][quantity][epoch - 1])
        for variant, epoch in epochs.items()
        for quantity in QUANTITIES
    }


def off(key: str, value: float) -> float:
    """How far a number lies from the published one: 1 is the farthest that verdicts call close.

    A share is off by its difference in points, a loss by its ratio: one of 1.1 or 1 / 1.1 is 1 off.
    """
    printed = published.value(key)
    if key.endswith("loss"):
        return abs(math.log(value / printed)) / math.log1p(NEAR[Kind.LOSS])
    return abs(value - printed) / NEAR[Kind.SHARE]


def distance(values: Mapping[str, float]) -> float:
    """The mean over the published numbers that choose of how far each is off."""
    return float(np.mean([off(key, value) for key, value in values.items()]))


def readings(by_training: Mapping[str, Trajectory]) -> Iterator[tuple[Reading, dict[str, float]]]:
    """Every reading that the trajectories can tell, with its numbers."""
    for epochs in range(1, len(by_training["plain"]["validation_loss"]) + 1):
        for patience in PATIENCES:
            for best in (False, True):
                reading = Reading(epochs, patience, best)
                at = ends(by_training, reading)
                if at is not None:
                    yield reading, numbers(by_training, at)


def nearest_reading(by_training: Mapping[str, Trajectory]) -> tuple[Reading, dict[str, float]]:
    """The reading that comes nearest to the published numbers, with its own."""
    return min(readings(by_training), key=lambda pair: distance(pair[1]))


def nearest(records: Sequence[Record], settings: Mapping[str, Setting]) -> pd.DataFrame:
    """The grid, a row a setting, each with the reading that comes nearest; the nearest setting first.

    Indexed by the setting's name; columns `distance`, `close` (how many of the numbers that choose are 1 off at
    most), the reading's `epochs`, `patience` and `best`, the `setting` and the `numbers`, by their published keys.
    """
    rows = {}
    for name, setting in settings.items():
        reading, values = nearest_reading(trajectories(records, setting))
        close = sum(off(key, value) <= 1 for key, value in values.items())
        found = {"distance": distance(values), "close": close, **asdict(reading)}
        rows[name] = found | {"setting": setting, "numbers": values}
    return pd.DataFrame.from_dict(rows, orient="index").sort_values("distance", kind="stable")


def unreached(records: Sequence[Record], settings: Mapping[str, Setting]) -> dict[str, float]:
    """The published numbers that no setting comes close to under any reading, and how far the nearest is off."""
    nearest_to: dict[str, float] = {}
    for setting in settings.values():
        for _, values in readings(trajectories(records, setting)):
            for key, value in values.items():
                nearest_to[key] = min(off(key, value), nearest_to.get(key, math.inf))
    return {key: least for key, least in nearest_to.items() if least > 1}


def tested(records: Sequence[Record]) -> dict[Setting, dict[str, list[Record]]]:
    """The settings that were measured on the test split, the nearest first, each with its variants by key.

    A variant has a record a seed, which stands at the epoch that the setting's nearest reading by seed 0 gives it,
    without predictions. Raises KeyError where no training was measured on the test split, and ValueError where one is
    too short for that reading.
    """
    tests = [r for r in of(records, "part4-conditions") if "tested" in r.spec["settings"]]
    # The training without dropout shares all else with the others.
    with_dropout = (r.spec["settings"] for r in tests if r.spec["settings"]["dropout"])
    settings = dict.fromkeys(Setting(**{field.name: s[field.name] for field in fields(Setting)}) for s in with_dropout)
    if not settings:
        raise KeyError("no record of part4-conditions with scores on the test split")
    readings = {setting: nearest_reading(trajectories(records, setting)) for setting in settings}
    return {
        setting: _variants(tests, setting, readings[setting][0])
        for setting in sorted(settings, key=lambda setting: distance(readings[setting][1]))
    }


def _variants(records: Sequence[Record], setting: Setting, reading: Reading) -> dict[str, list[Record]]:
    variants = {variant: [] for variant in VARIANTS}
    for seed in sorted({record.spec["seed"] for record in records}):
        epochs = ends(trajectories(records, setting, seed), reading)
        if epochs is None:
            raise ValueError(f"a training of seed {seed} is too short for {reading}")
        for variant, epoch in epochs.items():
            variants[variant].append(_ended(found(records, setting, VARIANTS[variant], seed), variant, epoch))
    return variants


def _ended(record: Record, variant: str, epoch: int) -> Record:
    """The beginning of a training as a variant that ended after an epoch."""
    history = _history(record)
    metrics = {
        split: {score: float(history[f"{split}_{score}"][epoch - 1]) for score in ("accuracy", "loss")}
        for split in ("train", "validation", "test")
    }
    arrays = {name: values[:epoch] for name, values in record.arrays.items()}
    return Record(record.spec | {"model": variant}, metrics | {"epochs": epoch}, arrays, record.provenance)
