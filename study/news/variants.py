"""What the records of Part IV say of its variants and techniques, seed by seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd

from study.comparison import Comparison, compare, gap, measured
from study.evaluation import Interval, t_interval
from study.runs import Record, of

NAMES = {
    "base": "Base",
    "dropout": "Dropout",
    "early-stopping": "Dropout + early stopping",
    "regularised": "Dropout + early stopping + L2",
    "own": "Towers",
    "tfidf": "TF-IDF + linear SVM",
    "majority": "Majority class",
}


def added(name: str) -> str:
    """What a variant adds to the one before it, such as `+ L2`: its name where room is narrow."""
    return f"{'+ ' * (' + ' in name)}{name.rpartition(' + ')[2]}"


def over_seeds(records: Sequence[Record], read: Callable[[Record], float]) -> Interval:
    """Mean over seeds and Student's 95% interval."""
    return t_interval([read(r) for r in records])


def difference(a: Sequence[Record], b: Sequence[Record], read: Callable[[Record], float]) -> Interval:
    """A quantity of a minus that of b, paired by seed, with Student's 95% interval."""
    return t_interval([read(x) - read(y) for x, y in zip(a, b, strict=True)])


@dataclass(frozen=True)
class Step:
    """What one technique more did: the variant that has it against the one before."""

    after: str
    train: Interval
    gap: Interval
    validation: Comparison
    test: Comparison
    test_loss: Interval


class Variants(dict[str, Sequence[Record]]):
    """The four variants in one setting: records by the keys of VARIANTS, one a seed."""

    @cached_property
    def steps(self) -> list[Step]:
        """What dropout, early stopping and the penalty each change, against the variant before."""
        found = []
        for (_, b), (after, a) in pairwise(self.items()):
            train = difference(a, b, lambda r: measured(r, "train_accuracy"))
            loss = difference(a, b, lambda r: measured(r, "test_loss"))
            found.append(Step(after, train, difference(a, b, gap), compare(a, b, "validation"), compare(a, b), loss))
        return found

    def leads(self, key: str) -> dict[str, Interval]:
        """By how much a variant is ahead of each other one in test accuracy."""
        return {other: compare(self[key], runs).difference for other, runs in self.items() if other != key}

    def medians(self, quantity: str) -> dict[str, float]:
        """The median over seeds of a quantity for each variant."""
        return {key: float(np.median([measured(r, quantity) for r in runs])) for key, runs in self.items()}


def regularised_strength(records: Sequence[Record]) -> float:
    """The strength of the fourth variant's penalty."""
    return of(records, "part4-variants", "regularised")[0].spec["settings"]["l2"]


def strengths(records: Sequence[Record]) -> dict[float, list[Record]]:
    """The records of each strength of the penalty, in rising order.

    Strength 0 is the variant without a penalty, and one strength is the fourth variant's.
    """
    groups = {
        0.0: of(records, "part4-variants", "early-stopping"),
        regularised_strength(records): of(records, "part4-variants", "regularised"),
    }
    for record in of(records, "part4-l2"):
        groups.setdefault(record.spec["settings"]["l2"], []).append(record)
    return dict(sorted(groups.items()))


def change(records: Sequence[Record], quantity: str, strength: float, base: float) -> Interval:
    """A quantity at one strength of the penalty minus that at another, by the seeds that both have."""
    found = strengths(records)
    seeds = {r.spec["seed"] for r in found[strength]} & {r.spec["seed"] for r in found[base]}
    a, b = ([r for r in found[one] if r.spec["seed"] in seeds] for one in (strength, base))
    return difference(a, b, lambda r: measured(r, quantity))


def sweep(records: Sequence[Record]) -> pd.DataFrame:
    """The penalty's sweep: one row a strength, with means and intervals over seeds."""
    rows = []
    for strength, runs in strengths(records).items():
        row = {"l2": strength, "seeds": len(runs)}
        reads = {
            "accuracy": lambda r: measured(r, "validation_accuracy"),
            "loss": lambda r: measured(r, "validation_loss"),
            "gap": gap,
        }
        for name, read in reads.items():
            row |= {f"{name}_{end}": value for end, value in over_seeds(runs, read)._asdict().items()}
        rows.append(row)
    return pd.DataFrame(rows)
