"""Every size, number of epochs and seed of the report, for the two profiles `quick` and `full`.

`full` is the report. `quick` trains everything small, from scratch, on synthetic data, for tests and a first look.
The environment variable DATA (`real` or `synthetic`) overrides a profile's kind of data. STUDY_PROFILE, which
`make lab PROFILE=quick` sets, overrides the profile that a notebook names, where a person runs it.
"""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from study import environment, paths


@dataclass(frozen=True)
class Part1:
    """Part I, the autoencoder of the simulated line. A seed is a plant."""

    seeds: tuple[int, ...]  # of the reference; two or more, for intervals
    fewer: int  # the first of them are also fitted on contaminated production
    cycles: int  # of production that detectors are fitted on
    epochs: int
    lengths: tuple[int, ...]  # epochs that were compared on the development plant
    short: int  # epochs of the training that is too short
    judged: int  # sound cycles for the threshold, and as many to be judged; half as many faulty ones
    contamination: tuple[float, ...]  # shares of faulty cycles in the production that detectors are fitted on


@dataclass(frozen=True)
class Part2:
    """Part II, the NAB autoencoders. Rows are five minutes each."""

    seeds: tuple[int, ...]
    epochs: int  # as published: 10
    stream_epochs: int  # passes over the pooled probation windows of all series
    surge_epochs: int  # of each network of Surge-AE, the report's own detector
    surge_networks: int  # that it averages
    synthetic_rows: int  # length of each synthetic stand-in


@dataclass(frozen=True)
class Part3:
    """Part III, self-attention in theory. Its inputs are random numbers from seeds, for both kinds of data."""

    d_k: tuple[int, ...]  # widths of queries and keys
    keys: int  # that each query sees
    queries: int  # per seed
    scaling_seeds: int
    ring: int  # tokens of the mixing task
    content: tuple[int, ...]  # widths of its tokens, beside their one-hot places
    steps: int  # of its training
    mixing_seeds: int
    tokens: tuple[int, ...]  # sequence lengths whose cost is measured
    width: int  # d, there
    heads: int
    seconds: float  # of repetitions per measured time


@dataclass(frozen=True)
class Part4:
    """Part IV, the transformer on AG News."""

    seeds: tuple[int, ...]  # of the four variants and the own classifier
    vocabulary: int  # words
    longest: int  # tokens of a text; the rest is cut off
    width: int
    heads: int
    hidden: int  # units of the feed-forward network
    batch: int
    learning_rate: float
    epochs: int  # at most
    dropout: float
    patience: int  # epochs without a lower validation loss
    l2: float  # strength of the published fourth variant's penalty, which is not stated
    l2_sweep: tuple[float, ...]
    sizes: tuple[int, ...]  # of training subsets
    own_sizes: tuple[int, ...]  # of those that the own classifier is trained on
    repeats: int  # of a measured throughput
    synthetic_rows: int
    own: dict  # changes of the own classifier's settings, which stand in study/news/design.py
    sweep_seeds: tuple[int, ...]  # of the strengths of the penalty and the sizes of the training split
    ablation_seeds: tuple[int, ...]
    grid: tuple[str, ...]  # settings that the original may have had, by their names in study/news/conditions.py
    grid_changes: dict  # of all these settings
    grid_epochs: int
    condition: str  # the setting that comes nearest to the original
    condition_seeds: tuple[int, ...]  # of that one, judged on the test split; seed 0 has chosen it


@dataclass(frozen=True)
class Training:
    """How one network of the Bonus part is trained; what it shares with the others stands in `Bonus`."""

    epochs: int
    learning_rate: float
    weight_decay: float
    sizes: tuple[int, ...]  # sides of the training images, for an equal stretch of epochs each; the last is judged on
    bf16: bool
    average: float | None = None  # decay of a moving average of the weights, which is then judged


@dataclass(frozen=True)
class Bonus:
    """The Bonus part, networks on 64×64 images."""

    seeds: tuple[int, ...]
    batch: int
    label_smoothing: float
    patience: int  # epochs without a lower validation loss
    width: int  # of both transformers
    depth: int
    heads: int
    hidden: int
    vit: Training
    vgg: Training
    resnet: Training
    efficientnet: Training
    improved: Training
    ablation_epochs: int
    ablation_sizes: tuple[int, ...]
    stride_epochs: int
    stride_sizes: tuple[int, ...]
    speed_images: int
    repeats: int  # of a measured throughput
    synthetic_rows: int
    mirrored: bool = False  # whether mirrored near-duplicates, too, stay on one side of the split


@dataclass(frozen=True)
class Profile:
    """What one build of the report does, and where its outputs lie."""

    name: str
    data: str  # "real" or "synthetic"
    part1: Part1
    part2: Part2
    part3: Part3
    part4: Part4
    bonus: Bonus

    @property
    def synthetic(self) -> bool:
        return self.data == "synthetic"

    @property
    def root(self) -> Path:
        """Only the full profile on real data writes to the committed places; all else goes below build/."""
        return paths.ROOT if (self.name, self.data) == ("full", "real") else self.work / "output"

    @property
    def report(self) -> Path:
        """Folder of the finished HTML and PDF."""
        return self.root / "report"

    @property
    def published_figures(self) -> Path:
        """Folder of the finished figures."""
        return self.root / "figures"

    @property
    def records(self) -> Path:
        """The run store."""
        return self.report / "runs"

    @property
    def drafts(self) -> Path:
        """A run store of its own for models that were changed since the records were made."""
        return self.work / "drafts"

    @property
    def reproductions(self) -> Path:
        """Folder of what `make reproduce` found, a file for each part and device."""
        return self.report / "reproductions"

    @property
    def audits(self) -> Path:
        """Folder of what `make audit KEEP=yes` found, a file for each."""
        return self.report / "audits"

    @property
    def work(self) -> Path:
        """What a build leaves on the way: executed notebooks, their figures, the smoke run's record."""
        return paths.BUILD / f"{self.name}-{self.data}"

    @property
    def executed(self) -> Path:
        return self.work / "executed"

    @property
    def figures(self) -> Path:
        """Where notebooks save figures: those of a build, which are published when all of it is ready, apart."""
        return self.work / ("lab-figures" if run_by_hand() else "figures")

    @property
    def smoke_runs(self) -> Path:
        """A run store of its own for the runs that are made again on this machine."""
        return self.work / "smoke-runs"


# fmt: off
PROFILES = {
    "full": Profile(
        name="full",
        data="real",
        part1=Part1(
            seeds=tuple(range(8)), fewer=4, cycles=2_000, epochs=120, lengths=(30, 60, 120, 240), short=30,
            judged=2_000, contamination=(0.2,),
        ),
        part2=Part2(
            seeds=tuple(range(10)), epochs=10, stream_epochs=10, surge_epochs=8, surge_networks=5,
            synthetic_rows=16_000,
        ),
        part3=Part3(
            d_k=(4, 8, 16, 32, 64, 128, 256, 512, 1024), keys=64, queries=512, scaling_seeds=10,
            ring=8, content=(8, 16, 24), steps=600, mixing_seeds=6,
            tokens=(64, 128, 256, 512, 1024, 2048, 4096), width=128, heads=4, seconds=1.0,
        ),
        part4=Part4(
            seeds=(0, 1, 2, 3, 4), vocabulary=20_000, longest=128, width=64, heads=4, hidden=128, batch=64,
            learning_rate=1e-3, epochs=12, dropout=0.2, patience=2, l2=1e-4, l2_sweep=(1e-5, 1e-4, 1e-3),
            sizes=(1_000, 4_000, 16_000), own_sizes=(20_000, 40_000), repeats=5, synthetic_rows=4_000, own={},
            sweep_seeds=(0, 1, 2), ablation_seeds=(0, 1),
            grid=("example", "dropout 0.05", "dropout 0.02", "10,000 words"), grid_changes={}, grid_epochs=10,
            condition="dropout 0.02", condition_seeds=(),
        ),
        bonus=Bonus(
            seeds=(0,), batch=64, label_smoothing=0.1, patience=12, width=192, depth=6, heads=3, hidden=384,
            vit=Training(epochs=28, learning_rate=4e-4, weight_decay=0.05, sizes=(32, 48, 64), bf16=True),
            vgg=Training(epochs=12, learning_rate=2e-3, weight_decay=0.05, sizes=(32, 32, 48, 64), bf16=True),
            resnet=Training(epochs=12, learning_rate=2e-3, weight_decay=0.05, sizes=(32, 32, 48, 64), bf16=True),
            efficientnet=Training(epochs=24, learning_rate=2e-3, weight_decay=0.05, sizes=(32, 48, 64), bf16=False),
            improved=Training(epochs=16, learning_rate=1e-3, weight_decay=0.05, sizes=(32, 32, 48, 64), bf16=True),
            ablation_epochs=3, ablation_sizes=(32, 32, 48), stride_epochs=3, stride_sizes=(32, 32, 64),
            speed_images=1_024, repeats=3, synthetic_rows=600,
        ),
    ),
    "quick": Profile(
        name="quick",
        data="synthetic",
        part1=Part1(
            seeds=(0, 1), fewer=2, cycles=192, epochs=2, lengths=(1, 2, 4), short=1, judged=200, contamination=(0.2,),
        ),
        part2=Part2(
            seeds=(0,), epochs=2, stream_epochs=1, surge_epochs=1, surge_networks=1, synthetic_rows=3_928,
        ),
        part3=Part3(
            d_k=(4, 16, 64, 256, 1024), keys=64, queries=128, scaling_seeds=3,
            ring=8, content=(8, 16), steps=150, mixing_seeds=2,
            tokens=(64, 256, 1024), width=128, heads=4, seconds=0.1,
        ),
        part4=Part4(
            seeds=(0, 1), vocabulary=500, longest=64, width=16, heads=2, hidden=32, batch=32,
            learning_rate=1e-2, epochs=3, dropout=0.2, patience=1, l2=1e-4, l2_sweep=(1e-5, 1e-3),
            sizes=(200,), own_sizes=(400,), repeats=1, synthetic_rows=1_200,
            own={
                "vocabulary": 500, "longest": 64, "width": 16, "heads": 2, "batch": 32, "epochs": 2,
                "learning_rate": 1e-2,
            },
            sweep_seeds=(0, 1), ablation_seeds=(0,),
            grid=("example", "dropout 0.05", "dropout 0.02", "10,000 words"),
            grid_changes={
                "vocabulary": 500, "longest": 64, "width": 16, "heads": 2, "hidden": 32, "learning_rate": 1e-2,
            },
            grid_epochs=3, condition="dropout 0.05", condition_seeds=(1, 2),
        ),
        bonus=Bonus(
            seeds=(0,), batch=32, label_smoothing=0.1, patience=2, width=24, depth=2, heads=2, hidden=48,
            vit=Training(epochs=2, learning_rate=2e-3, weight_decay=0.05, sizes=(32, 64), bf16=False),
            vgg=Training(epochs=2, learning_rate=1e-3, weight_decay=0.05, sizes=(32, 64), bf16=False),
            resnet=Training(epochs=2, learning_rate=1e-3, weight_decay=0.05, sizes=(32, 64), bf16=False),
            efficientnet=Training(epochs=2, learning_rate=1e-3, weight_decay=0.05, sizes=(32, 64), bf16=False),
            improved=Training(epochs=2, learning_rate=2e-3, weight_decay=0.05, sizes=(32, 64), bf16=False),
            ablation_epochs=1, ablation_sizes=(32,), stride_epochs=1, stride_sizes=(32,), speed_images=8, repeats=1,
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
    """The profile of that name, or in a notebook that a person runs the one of STUDY_PROFILE, with DATA applied.

    Raises ValueError for an unknown name or kind of data.
    """
    if run_by_hand():
        name = os.environ.get("STUDY_PROFILE") or name
    if name not in PROFILES:
        raise ValueError(f"Unknown profile '{name}'. Choose one of: {', '.join(PROFILES)}.")
    data = os.environ.get("DATA") or PROFILES[name].data
    if data not in ("real", "synthetic"):
        raise ValueError(f"DATA={data} is unknown. Choose DATA=real or DATA=synthetic, or leave it unset.")
    return replace(PROFILES[name], data=data)
