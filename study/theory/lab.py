"""What Part III's notebook works with: the measurements that were kept, and the verdicts on the original."""

import pandas as pd
from torch import Tensor

from study import lab, profile, runs
from study.prose import number, percent
from study.theory import experiments

VARIANTS = {
    "two-heads-mixed": "2 heads, with Wₒ",
    "two-heads-joined": "2 heads, without Wₒ",
    "one-head-mixed": "1 head, with Wₒ",
}


class Measured:
    """The records of Part III under a profile of the report; those that are missing are made when it is created."""

    def __init__(self, profile_name: str) -> None:
        self.profile = profile.load(profile_name)
        specs = experiments.ALL.specs(self.profile)
        self.records = runs.Store(self.profile.records).get_all(specs, experiments.ALL.train)

    def verdicts(self) -> dict[str, str]:
        return lab.statuses("part3", self.records)


def growth(quantity: pd.Series) -> pd.Series:
    """By what a cost (a column of `tables.cost`) is multiplied between the two longest sequences, a value a model."""
    by_length = quantity.unstack("tokens")
    return by_length.iloc[:, -1] / by_length.iloc[:, -2]


def mixing_table(mixed: pd.DataFrame) -> pd.DataFrame:
    """The trainings (`tables.mixing`) by variant, for print."""
    groups = [mixed[mixed.variant == key] for key in VARIANTS]
    return pd.DataFrame(
        {
            "Layer": list(VARIANTS.values()),
            "Parameters": [number(g.parameters.iloc[0]) for g in groups],
            "Limit by place": [percent(g.expected.iloc[0], 0) for g in groups],
            "Best training": [percent(g.explained.max()) for g in groups],
            "Trainings that reach it": [f"{g.reached.sum()} of {len(g)}" for g in groups],
        }
    )


def vector(values: Tensor, digits: int = 0) -> str:
    """A vector as it stands in a sentence: "(2, 1)"."""
    return f"({', '.join(number(value, digits) for value in values.tolist())})"
