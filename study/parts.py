"""The parts of the report, in reading order, and the modules that make their runs."""

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from study import paths


@dataclass(frozen=True)
class Part:
    """A chapter.

    `recipes` is a module with `specs(profile)`, `train(spec, scratch)`, `compared(record)` and `sentinel(profile)`.
    Beside it lies `analysis`, whose functions take the part's records: `judged` and `claims` give the verdicts on
    every number and claim of the original (`list[Judged]`, `dict[str, Verdict]` by the claim's name), `finding` one
    sentence and `glance` lines (`list[Glance]`) for the front page. It imports neither TensorFlow nor PyTorch.
    """

    key: str
    notebook: str
    recipes: str

    @property
    def source(self) -> Path:
        """The notebook's text, in jupytext's percent format."""
        return paths.NOTEBOOKS / f"{self.notebook}.py"

    @property
    def title(self) -> str:
        """The notebook's heading of level one."""
        return re.search(r"^# # (.+)$", self.source.read_text(encoding="utf-8"), flags=re.M)[1]

    @property
    def short_title(self) -> str:
        """The title's beginning, up to the colon: "Part II"."""
        return self.title.partition(":")[0]

    @property
    def tasks(self) -> str:
        """The beginning of this part's task names in the run store."""
        return f"{self.key}-"

    def module(self) -> ModuleType:
        return importlib.import_module(self.recipes)

    def analysis(self) -> ModuleType:
        return importlib.import_module(f"{self.recipes.rpartition('.')[0]}.analysis")


PARTS = (
    Part("part1", "part1_autoencoder_theory", "study.manufacturing.recipes"),
    Part("part2", "part2_nab_autoencoders", "study.anomaly.recipes"),
    Part("part3", "part3_self_attention_theory", "study.theory.recipes"),
    Part("part4", "part4_ag_news_transformer", "study.news.recipes"),
    Part("bonus", "bonus_vision_transformer", "study.vision.recipes"),
)


def find(key: str) -> Part:
    """The part of that key. Raises ValueError that lists the keys."""
    for part in PARTS:
        if part.key == key:
            return part
    raise ValueError(f"Unknown part '{key}'. Choose one of: {', '.join(p.key for p in PARTS)}.")
