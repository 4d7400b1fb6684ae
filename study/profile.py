"""Every size, number of epochs and seed of the report, for the two profiles `quick` and `full`.

`full` is the report: the values in the classes. `quick` trains everything small, from scratch, on synthetic data, for
tests and a first look.
The environment variable DATA (`real` or `synthetic`) overrides a profile's kind of data; those of DATA_CHOICES put
other data in the place of the report's own. STUDY_PROFILE, which `make lab PROFILE=quick` sets, overrides the profile
that a notebook names, where a person runs it.
"""

import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from study import environment, paths

DATA_CHOICES = {"IMAGES": "study.vision.images", "NEWS_TRAIN": "study.news.corpus"}
"""Environment variables that choose data, and the modules that know what they mean."""


@dataclass(frozen=True)
class Part1:
    """Part I, the autoencoder of the simulated line. A seed is a plant."""

    seeds: tuple[int, ...] = tuple(range(8))  # of the reference; two or more, for intervals
    fewer: int = 4  # the first of them are also fitted on contaminated production
    cycles: int = 2_000  # of production that detectors are fitted on
    epochs: int = 120
    lengths: tuple[int, ...] = (30, 60, 120, 240)  # epochs that were compared on the development plant
    short: int = 30  # epochs of the training that is too short
    judged: int = 2_000  # sound cycles for the threshold, and as many to be judged; half as many faulty ones
    contamination: tuple[float, ...] = (0.2,)  # shares of faulty cycles in the production that detectors are fitted on


@dataclass(frozen=True)
class Part2:
    """Part II, the NAB autoencoders. Rows are five minutes each."""

    seeds: tuple[int, ...] = tuple(range(10))
    epochs: int = 10  # as published
    stream_epochs: int = 10  # passes over the pooled probation windows of all series
    surge_epochs: int = 8  # of each network of Surge-AE, the report's own detector
    surge_networks: int = 5  # that it averages
    synthetic_rows: int = 16_000  # length of each synthetic stand-in


@dataclass(frozen=True)
class Part3:
    """Part III, self-attention in theory. Its inputs are random numbers from seeds, for both kinds of data."""

    d_k: tuple[int, ...] = (4, 8, 16, 32, 64, 128, 256, 512, 1024)  # widths of queries and keys
    keys: int = 64  # that each query sees
    queries: int = 512  # per seed
    scaling_seeds: int = 10
    ring: int = 8  # tokens of the mixing task
    content: tuple[int, ...] = (8, 16, 24)  # widths of its tokens, beside their one-hot places
    steps: int = 600  # of its training
    mixing_seeds: int = 6
    tokens: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048, 4096)  # sequence lengths whose cost is measured
    width: int = 128  # d, there
    heads: int = 4
    seconds: float = 1.0  # of repetitions per measured time


@dataclass(frozen=True)
class Part4:
    """Part IV, the transformer on AG News."""

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)  # of the four variants and the own classifier
    vocabulary: int = 20_000  # words
    longest: int = 128  # tokens of a text; the rest is cut off
    width: int = 64
    heads: int = 4
    hidden: int = 128  # units of the feed-forward network
    batch: int = 64
    learning_rate: float = 1e-3
    epochs: int = 12  # at most
    dropout: float = 0.2
    patience: int = 2  # epochs without a lower validation loss
    l2: float = 1e-4  # strength of the published fourth variant's penalty, which is not stated
    l2_sweep: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2)
    sizes: tuple[int, ...] = (1_000, 4_000, 16_000)  # of training subsets
    own_sizes: tuple[int, ...] = (20_000, 40_000)  # of those that the own classifier is trained on
    repeats: int = 5  # of a measured throughput
    synthetic_rows: int = 4_000
    own: dict = field(default_factory=dict)  # changes of the own classifier's settings, which stand in news/design.py
    sweep_seeds: tuple[int, ...] = (0, 1, 2)  # of the strengths of the penalty and the sizes of the training split
    ablation_seeds: tuple[int, ...] = (0, 1)
    # Settings that the original may have had, by their names in study/news/conditions.py.
    grid: tuple[str, ...] = ("example", "dropout 0.05", "dropout 0.02", "10,000 words", "learning rate 0.003")
    grid_changes: dict = field(default_factory=dict)  # of all these settings
    grid_epochs: int = 10
    tested: tuple[str, ...] = ("learning rate 0.003", "dropout 0.02")  # the nearest of these settings
    tested_seeds: tuple[int, ...] = (1, 2, 3)  # of those, judged on the test split; seed 0 has chosen them


@dataclass(frozen=True)
class Training:
    """How one network of the Bonus part is trained; what it shares with the others stands in `Bonus`."""

    epochs: int
    learning_rate: float
    sizes: tuple[int, ...]  # sides of the training images, for an equal stretch of epochs each; the last is judged on
    bf16: bool = True
    weight_decay: float = 0.05


@dataclass(frozen=True)
class Bonus:
    """The Bonus part, networks on 64×64 images."""

    seeds: tuple[int, ...] = (0, 1)
    batch: int = 64
    label_smoothing: float = 0.1
    width: int = 192  # of the transformers
    depth: int = 6
    heads: int = 3
    hidden: int = 384
    vit: Training = Training(24, 4e-4, (32, 48, 64))
    vgg: Training = Training(6, 2e-3, (32, 48, 64))
    resnet: Training = Training(6, 2e-3, (32, 48, 64))
    efficientnet: Training = Training(18, 2e-3, (32, 48, 64), bf16=False)
    vit_c: Training = Training(24, 6e-4, (32, 48, 64, 64))
    speed_images: int = 1_024
    repeats: int = 3  # of a measured throughput
    synthetic_rows: int = 600


def _below(folder: str, name: str) -> property:
    return property(lambda self: getattr(self, folder) / name)


@dataclass(frozen=True)
class Profile:
    """What one build of the report does, and where its outputs lie."""

    name: str
    data: str  # "real" or "synthetic"
    other_data: dict[str, str] = field(default_factory=dict, kw_only=True)  # those of DATA_CHOICES that are set
    part1: Part1 = Part1()
    part2: Part2 = Part2()
    part3: Part3 = Part3()
    part4: Part4 = field(default_factory=Part4)
    bonus: Bonus = Bonus()

    @property
    def synthetic(self) -> bool:
        return self.data == "synthetic"

    @property
    def work(self) -> Path:
        """What a build leaves on the way."""
        return paths.BUILD / f"{self.name}-{self.data}"

    @property
    def figures(self) -> Path:
        """Where notebooks save figures: those of a build, which are published when all of it is ready, apart."""
        return self.work / ("lab-figures" if run_by_hand() else "figures")

    @property
    def root(self) -> Path:
        """Only the full profile on real data has its records at the committed places; all else lies below build/."""
        return paths.ROOT if (self.name, self.data) == ("full", "real") else self.work / "output"

    @property
    def published(self) -> Path:
        """Where documents and figures go: on other data never to the committed places."""
        return self.work / "output" if self.other_data else self.root

    executed = _below("work", "executed")  # notebooks
    drafts = _below("work", "drafts")  # a run store for models that were changed since the records were made
    smoke_runs = _below("work", "smoke-runs")  # a run store for the runs that are made again on this machine
    report = _below("published", "report")  # the finished HTML and PDF
    published_figures = _below("published", "figures")
    records = _below("root", "report/runs")  # the run store
    reproductions = _below("root", "report/reproductions")  # what `make reproduce` found, a file a part and device
    audits = _below("root", "report/audits")  # what `make audit KEEP=yes` found, a file for each


_SMALL_TEXTS = {"vocabulary": 500, "longest": 64, "width": 16, "heads": 2, "learning_rate": 1e-2}
_SMALL_IMAGES = Training(2, 1e-3, (32, 64), bf16=False)
# fmt: off
PROFILES = {
    "full": Profile("full", "real"),
    "quick": Profile(
        "quick", "synthetic",
        Part1(seeds=(0, 1), fewer=2, cycles=192, epochs=2, lengths=(1, 2, 4), short=1, judged=200),
        Part2(seeds=(0,), epochs=2, stream_epochs=1, surge_epochs=1, surge_networks=1, synthetic_rows=3_928),
        Part3(
            d_k=(4, 16, 64, 256, 1024), queries=128, scaling_seeds=3, content=(8, 16), steps=150, mixing_seeds=2,
            tokens=(64, 256, 1024), seconds=0.1,
        ),
        Part4(
            seeds=(0, 1), hidden=32, batch=32, epochs=3, patience=1, l2_sweep=(1e-5, 1e-3), sizes=(200,),
            own_sizes=(400,), repeats=1, synthetic_rows=1_200, own={"batch": 32, "epochs": 2, **_SMALL_TEXTS},
            sweep_seeds=(0, 1), ablation_seeds=(0,), grid_changes={"hidden": 32, **_SMALL_TEXTS}, grid_epochs=3,
            tested=("dropout 0.05",), tested_seeds=(1, 2), **_SMALL_TEXTS,
        ),
        Bonus(
            seeds=(0,), batch=32, width=24, depth=2, heads=2, hidden=48,
            vit=replace(_SMALL_IMAGES, learning_rate=2e-3), vgg=_SMALL_IMAGES, resnet=_SMALL_IMAGES,
            efficientnet=_SMALL_IMAGES, vit_c=replace(_SMALL_IMAGES, learning_rate=2e-3), speed_images=8, repeats=1,
            synthetic_rows=60,
        ),
    ),
}
# fmt: on


def run_by_hand() -> bool:
    """Whether this process is the kernel of a notebook that a person runs, not a build."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None and not os.environ.get(environment.BUILDING)


def load(name: str) -> Profile:
    """The profile of that name, or in a notebook that a person runs the one of STUDY_PROFILE, with choices of data.

    Raises ValueError for an unknown name or kind of data.
    """
    if run_by_hand():
        name = os.environ.get("STUDY_PROFILE") or name
    if name not in PROFILES:
        raise ValueError(f"Unknown profile '{name}'. Choose one of: {', '.join(PROFILES)}.")
    data = os.environ.get("DATA") or PROFILES[name].data
    if data not in ("real", "synthetic"):
        raise ValueError(f"DATA={data} is unknown. Choose DATA=real or DATA=synthetic, or leave it unset.")
    other = {name: os.environ[name] for name in DATA_CHOICES if data == "real" and os.environ.get(name)}
    return replace(PROFILES[name], data=data, other_data=other)
