"""What the records of Part IV say of its variants and techniques, seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import pandas as pd

from study.comparison import compare, gap, mean, measured
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


def quantity(record: Record, name: str) -> float:
    """One of `comparison.QUANTITIES`; `gap` and `test_gap` are training minus validation and minus test accuracy."""
    if name == "gap":
        return gap(record)
    if name == "test_gap":
        return measured(record, "train_accuracy") - measured(record, "test_accuracy")
    return measured(record, name)


def over_seeds(records: Sequence[Record], name: str) -> Interval:
    """The mean of a quantity over seeds and Student's 95% interval."""
    return t_interval([quantity(r, name) for r in records])


def difference(a: Sequence[Record], b: Sequence[Record], name: str) -> Interval:
    """A quantity of a minus that of b, paired by seed, with Student's 95% interval."""
    return t_interval([quantity(x, name) - quantity(y, name) for x, y in zip(a, b, strict=True)])


@dataclass(frozen=True)
class Step:
    """What one technique more did: the variant that has it against the one before."""

    after: str
    train: Interval
    gap: Interval
    validation: Interval
    test: Interval
    test_loss: Interval


class Variants(dict[str, Sequence[Record]]):
    """The four variants in one setting: records by the keys of VARIANTS, one a seed."""

    @cached_property
    def steps(self) -> list[Step]:
        """What dropout, early stopping and the penalty each change, against the variant before."""
        found = []
        for (_, before), (key, after) in pairwise(self.items()):
            train, apart, loss = (difference(after, before, name) for name in ("train_accuracy", "gap", "test_loss"))
            found.append(Step(key, train, apart, compare(after, before, "validation"), compare(after, before), loss))
        return found

    def leads(self, key: str) -> dict[str, Interval]:
        """By how much a variant is ahead of each other one in test accuracy."""
        return {other: compare(self[key], runs) for other, runs in self.items() if other != key}

    def means(self, name: str) -> dict[str, float]:
        """The mean over seeds of a quantity for each variant."""
        return {key: mean(runs, name) for key, runs in self.items()}


def regularised_strength(records: Sequence[Record]) -> float:
    """The strength of the fourth variant's penalty."""
    return of(records, "part4-variants", "regularised")[0].spec["settings"]["l2"]


def strengths(records: Sequence[Record]) -> dict[float, list[Record]]:
    """The records of each strength of the penalty, in rising order; 0 and one more are those of variants."""
    groups = {
        0.0: of(records, "part4-variants", "early-stopping"),
        regularised_strength(records): of(records, "part4-variants", "regularised"),
    }
    for record in of(records, "part4-l2"):
        groups.setdefault(record.spec["settings"]["l2"], []).append(record)
    return dict(sorted(groups.items()))


def change(records: Sequence[Record], name: str, strength: float, base: float) -> Interval:
    """A quantity at one strength of the penalty minus that at another, by the seeds that both have."""
    a, b = ({r.spec["seed"]: r for r in strengths(records)[one]} for one in (strength, base))
    seeds = sorted(a.keys() & b.keys())
    return difference([a[seed] for seed in seeds], [b[seed] for seed in seeds], name)


def sweep(records: Sequence[Record]) -> pd.DataFrame:
    """The penalty's sweep: one row a strength, with means and intervals over seeds."""
    names = {"accuracy": "validation_accuracy", "loss": "validation_loss", "gap": "gap"}
    rows = []
    for strength, runs in strengths(records).items():
        found = {
            f"{column}_{end}": value
            for column, name in names.items()
            for end, value in over_seeds(runs, name)._asdict().items()
        }
        rows.append({"l2": strength, "seeds": len(runs), **found})
    return pd.DataFrame(rows)
