"""What the experiments of all parts share: which runs there are, what makes each, and what must come out again.

A part lists its experiments in `study/<part>/experiments.py`, without a framework, and makes their runs in
`study/<part>/trainings.py`, which imports TensorFlow or PyTorch.
"""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from study.profile import Profile
from study.runs import Outcome, Record, check_definition

Compared = list[tuple[str, float, float]]
"""What a repetition of a run is compared by: name, value, absolute tolerance."""


def accuracies(tolerance: float) -> Callable[[Record], Compared]:
    """Compares a classifier's accuracies on validation and, where it was measured, on test.

    The tolerance is that of a trained network, as wide as seeds need: another machine adds in another order, and
    training amplifies it. What is fitted without epochs agrees within 0.002.
    """

    def compared(record: Record) -> Compared:
        m, needed = record.metrics, tolerance if "epochs" in record.spec["settings"] else 0.002
        return [(f"{split} accuracy", m[split]["accuracy"], needed) for split in ("validation", "test") if split in m]

    return compared


@dataclass(frozen=True)
class Run:
    """One run of an experiment; what `data` names depends on the part."""

    model: str
    seed: int = 0
    settings: dict = field(default_factory=dict)
    data: tuple[str, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """Runs of one kind.

    `train` is the function of the part's `trainings` that makes one: (spec, scratch folder) -> outcome. Raise the
    `version` when what it computes changes; a model's definition is part of a record's key already. `runs` lists them
    for the part's settings in a profile, such as `profile.part3`. What belongs to a machine, such as times, is not
    `compared`. One that is `real` alone has no runs on synthetic data.
    """

    task: str
    version: int
    train: str
    runs: Callable[..., Iterable[Run]]
    compared: Callable[[Record], Compared] = lambda record: []
    real: bool = False


@dataclass(frozen=True)
class Experiments:
    """The experiments of a part, cheap ones first.

    `smoke_task` is the one whose first run is made again on the reader's machine. `definition` gives the digest of the
    model that a run trains or measures, from its spec; None without one. `data` gives the files that runs of that
    `Run.data` read, by their names in the catalog, and `settings` what all runs share.
    """

    part: str
    trainings: str
    rows: tuple[Experiment, ...]
    smoke_task: str
    definition: Callable[[dict], str | None]
    data: Callable[[Profile, tuple[str, ...]], list[str]] = lambda profile, names: []
    settings: Callable[[Profile], dict] = lambda profile: {}

    def __getitem__(self, task: str) -> Experiment:
        """The experiment of a task's name. Raises KeyError."""
        return {row.task: row for row in self.rows}[task]

    def specs(self, profile: Profile) -> list[dict]:
        """Every run under a profile."""
        # Both may read a whole folder of the reader's own.
        files, settings = cache(partial(self.data, profile)), self.settings(profile)
        return [
            self._spec(profile, row, run, files(run.data), settings)
            for row in self.rows
            if not (row.real and profile.synthetic)
            for run in row.runs(getattr(profile, self.part))
        ]

    def spec(self, profile: Profile, task: str, run: Run) -> dict:
        return self._spec(profile, self[task], run, self.data(profile, run.data), self.settings(profile))

    def _spec(self, profile: Profile, row: Experiment, run: Run, files: list[str], settings: dict) -> dict:
        spec = {
            "task": row.task,
            "model": run.model,
            "data": files,
            "profile": profile.name,
            "seed": run.seed,
            "version": row.version,
            "settings": settings | run.settings,
        }
        definition = self.definition(spec)
        return spec if definition is None else spec | {"definition": definition}

    def smoke_run(self, profile: Profile) -> dict:
        """The spec of the small run that is made again on the reader's machine."""
        first, *_ = self[self.smoke_task].runs(getattr(profile, self.part))
        return self.spec(profile, self.smoke_task, first)

    def train(self, spec: dict, scratch: Path) -> Outcome:
        """Make one run. Raises ValueError when its data can't be had or its model has another definition here."""
        check_definition(spec, self.definition(spec))
        return getattr(importlib.import_module(self.trainings), self[spec["task"]].train)(spec, scratch)

    def compared(self, record: Record) -> Compared:
        """What a repetition is compared by. On another machine rounding differs, and training amplifies it."""
        return self[record.spec["task"]].compared(record)
