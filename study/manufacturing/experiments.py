"""The experiments of Part I on the simulated line; `study.manufacturing.trainings` makes them.

A run's seed makes its plant, its production, its faults and its network. All detectors of a run are fitted on the same
vectors. What had to be chosen (length of the training, its step, the standard severity) was chosen on the development
plant, which no result rests on.
"""

import numpy as np

from study import definitions, paths
from study.experiments import Compared, Experiment, Experiments, Run
from study.manufacturing.detectors import AUTOENCODER, PCA_NAME
from study.profile import Part1, Profile
from study.runs import Record

NOTEBOOK = "part1_autoencoder_theory"
DEVELOPMENT = 100
"""Seed of the plant on which choices are made."""

SEVERITIES = (0.1, 0.2, 0.4, 0.7, 1.0)
STANDARD_SEVERITY = 0.7
"""Severity of the faults in every experiment that varies something else."""

LABELS = (10, 30, 100)
MONTHS = 12
RETRAINING_MONTHS = (3, 6, 9)
RETRAINING_SHARE = 8
"""The share of a training's epochs, as a divisor, for which the network is trained on in service."""
NOISE = (2.0, 4.0)
"""Factors by which the gauges' noise grows in service."""
BROKEN_GAUGES = (0.02, 0.1)
"""Shares of the gauges that break in service and read noise alone."""
UNNOTICED_FAULTS = 0.01
"""Share of faulty cycles in the unlabelled production that a deployed system is retrained on."""

FALSE_ALARM_GRID = np.geomspace(1e-3, 0.5, 80)


def key_of(detector: str) -> str:
    """A detector's name in the arrays of a record."""
    return detector.lower().replace(", ", "_").replace(" ", "_")


def reference(sizes: Part1, seed: int, epochs: int | None = None) -> Run:
    """A plant's reference run, by default with the profile's epochs; the first plant's record keeps the weights."""
    epochs = sizes.epochs if epochs is None else epochs
    return Run("autoencoder", seed, {"weights": seed == sizes.seeds[0], "epochs": epochs})


def _settings(profile: Profile) -> dict:
    return {name: getattr(profile.part1, name) for name in ("cycles", "epochs", "judged")}


def _areas(record: Record) -> Compared:
    scores = record.metrics["scores"]
    return [(f"AUROC of {name}", scores[name]["auroc"], t) for name, t in ((AUTOENCODER, 0.1), (PCA_NAME, 1e-4))]


def _over_the_year(record: Record) -> Compared:
    last = record.metrics["months"][-1]
    strategies = "fixed", "retrained"
    later = [(f"AUROC in the last month, {s}", last[s][AUTOENCODER]["auroc"], 0.1) for s in strategies]
    return _areas(record) + later


ALL = Experiments(
    part="part1",
    trainings="study.manufacturing.trainings",
    rows=(
        Experiment(
            "part1-latency", 2, "latency",
            lambda sizes: [Run("single-vector")],
            lambda record: [("parameters", record.metrics["parameters"], 0.0)],
        ),
        Experiment(  # few epochs
            "part1-short", 2, "standard",
            lambda sizes: [
                Run("smoke-run", sizes.seeds[0], {"epochs": 2, "cycles": 1000}),
                *(Run(f"epochs-{sizes.short}", seed, {"epochs": sizes.short}) for seed in sizes.seeds),
            ],
            _areas,
        ),
        Experiment(  # how many epochs the development plant needs
            "part1-length", 2, "standard",
            lambda sizes: [Run(f"epochs-{n}", DEVELOPMENT, {"epochs": n}) for n in sizes.lengths],
            _areas,
        ),
        Experiment(  # judged under many conditions and over a year of service
            "part1-reference", 2, "plant_year",
            lambda sizes: [reference(sizes, seed) for seed in sizes.seeds],
            _over_the_year,
        ),
        Experiment(
            "part1-contamination", 3, "contamination",
            lambda sizes: [
                Run(f"share-{round(100 * share)}", seed, {"share": share})
                for seed in sizes.seeds[: sizes.fewer]
                for share in sizes.contamination
            ],
            _areas,
        ),
    ),
    smoke_task="part1-short",
    definition=lambda spec: definitions.in_file(paths.NOTEBOOKS / f"{NOTEBOOK}.py", "autoencoder"),
    settings=_settings,
)  # fmt: skip
