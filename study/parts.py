"""The parts of the report, in reading order, and the packages with their code."""

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from study import definitions, paths

if TYPE_CHECKING:  # it loads NumPy, which commands that only look whether something is due do without
    from study.experiments import Experiments
    from study.runs import Record
    from study.verdicts import Verdict


@dataclass(frozen=True)
class Part:
    """A chapter.

    `package` holds its code, in `experiments` the list of its runs and in `claims` what judges each claim of the
    original (`CLAIMS`, by name) by the evidence that `gather` finds in the part's records. The functions of `analysis`
    take these records, too: `judged` gives the verdicts on every number of the original (`list[Judged]`), `highlights`
    the lines of the front page's table (`list[Highlight]`). These modules import neither TensorFlow nor PyTorch.
    """

    key: str
    notebook: str
    package: str

    @property
    def source(self) -> Path:
        return paths.NOTEBOOKS / f"{self.notebook}.py"

    @property
    def title(self) -> str:
        return re.findall(r"^# # (.+)$", self.source.read_text(encoding="utf-8"), flags=re.M)[0]

    @property
    def short_title(self) -> str:
        """The title's beginning, up to the colon: "Part II"."""
        return self.title.partition(":")[0]

    @property
    def tasks(self) -> str:
        """The beginning of this part's task names in the run store."""
        return f"{self.key}-"

    def models(self) -> ModuleType:
        """The models that the notebook defines, by name."""
        return definitions.load(self.source)

    @property
    def experiments(self) -> "Experiments":
        """Its runs: which there are, and what makes each."""
        return importlib.import_module(f"{self.package}.experiments").ALL

    def analysis(self) -> ModuleType:
        return importlib.import_module(f"{self.package}.analysis")

    @property
    def judges(self) -> ModuleType:
        return importlib.import_module(f"{self.package}.claims")

    def claims(self, records: "Sequence[Record]") -> "dict[str, Verdict]":
        """The verdict on each of the original's claims about the part, by its name in data/published.toml."""
        evidence = self.judges.gather(records)
        return {name: judge(evidence) for name, judge in self.judges.CLAIMS.items()}


PARTS = (
    Part("part1", "part1_autoencoder_theory", "study.manufacturing"),
    Part("part2", "part2_nab_autoencoders", "study.anomaly"),
    Part("part3", "part3_self_attention_theory", "study.theory"),
    Part("part4", "part4_ag_news_transformer", "study.news"),
    Part("bonus", "bonus_vision_transformer", "study.vision"),
)


def find(key: str) -> Part:
    """The part of that key. Raises ValueError that lists the keys."""
    for part in PARTS:
        if part.key == key:
            return part
    raise ValueError(f"Unknown part '{key}'. Choose one of: {', '.join(p.key for p in PARTS)}.")


def of(spec: Mapping) -> Part:
    """The part that a run belongs to, by the name of its task. Raises ValueError that lists the keys."""
    return find(spec["task"].partition("-")[0])
