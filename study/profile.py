"""Every size, number of epochs and seed of the report, for the two profiles `quick` and `full`.

`full` is the report. `quick` trains everything small, from scratch, on synthetic data, for tests and a first look.
The environment variable DATA (`real` or `synthetic`) overrides a profile's kind of data.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from study import paths


@dataclass(frozen=True)
class Part2:
    """Part II, the NAB autoencoders. Rows are five minutes each."""

    seeds: tuple[int, ...]
    epochs: int  # as published: 10
    stream_epochs: int  # passes over the pooled probation windows of all series
    own_epochs: int  # of the report's own autoencoder
    synthetic_rows: int  # length of each synthetic stand-in


@dataclass(frozen=True)
class Profile:
    """What one build of the report does, and where its outputs lie."""

    name: str
    data: str  # "real" or "synthetic"
    part2: Part2

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
    def work(self) -> Path:
        """What a build leaves on the way: executed notebooks, their figures, the sentinel's record."""
        return paths.BUILD / f"{self.name}-{self.data}"

    @property
    def executed(self) -> Path:
        return self.work / "executed"

    @property
    def figures(self) -> Path:
        """Where notebooks save figures; they are published with the report, when all of it is ready."""
        return self.work / "figures"

    @property
    def sentinels(self) -> Path:
        """A run store of its own for the runs that are made again on this machine."""
        return self.work / "sentinels"


PROFILES = {
    "full": Profile(
        name="full",
        data="real",
        part2=Part2(seeds=(0, 1, 2), epochs=10, stream_epochs=10, own_epochs=8, synthetic_rows=16_000),
    ),
    "quick": Profile(
        name="quick",
        data="synthetic",
        part2=Part2(seeds=(0,), epochs=2, stream_epochs=1, own_epochs=1, synthetic_rows=4_000),
    ),
}


def load(name: str) -> Profile:
    """The profile of that name, with DATA applied. Raises ValueError for an unknown name or kind of data."""
    if name not in PROFILES:
        raise ValueError(f"Unknown profile '{name}'. Choose one of: {', '.join(PROFILES)}.")
    data = os.environ.get("DATA") or PROFILES[name].data
    if data not in ("real", "synthetic"):
        raise ValueError(f"DATA={data} is unknown. Choose DATA=real or DATA=synthetic, or leave it unset.")
    return replace(PROFILES[name], data=data)
