"""What is read from the records of Part IV, and how models are compared: on the same texts and seed by seed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.evaluation import Interval, mcnemar_p, paired_difference, t_interval
from study.news.recipes import VARIANTS
from study.runs import Record, of

NAMES = {
    "base": "Base",
    "dropout": "Dropout",
    "early-stopping": "Dropout + early stopping",
    "regularised": "Dropout + early stopping + L2",
    "own": "Own",
    "tfidf": "TF-IDF + linear SVM",
    "majority": "Majority class",
}
QUANTITIES = {
    "train_accuracy": "training accuracy",
    "train_loss": "training loss",
    "validation_accuracy": "validation accuracy",
    "validation_loss": "validation loss",
    "test_accuracy": "test accuracy",
    "test_loss": "test loss",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
}


def measured(record: Record, quantity: str) -> float:
    """One of QUANTITIES; precision, recall and F1 are those of the test split."""
    if quantity in ("precision", "recall", "f1"):
        return record.metrics["test"][quantity]
    split, what = quantity.split("_")
    return record.metrics[split][what]


def mean(records: Sequence[Record], quantity: str) -> float:
    return float(np.mean([measured(r, quantity) for r in records]))


def right(record: Record, split: str = "test") -> np.ndarray:
    """Which examples of the test or validation split a run classified rightly, (n,) bool."""
    return record.arrays[f"{split}_logits"].argmax(axis=1) == record.arrays[f"{split}_classes"]


@dataclass(frozen=True)
class Comparison:
    """Two models on the same examples: difference of mean accuracy over seeds, and McNemar's p-value per seed."""

    difference: Interval
    p_values: tuple[float, ...]

    @property
    def direction(self) -> str:
        """`higher` or `lower` if the interval leaves zero out and the median p-value is below .05."""
        if np.median(self.p_values) >= 0.05 or self.difference.low <= 0 <= self.difference.high:
            return "not clearly different"
        return "higher" if self.difference.low > 0 else "lower"


def compare(a: Sequence[Record], b: Sequence[Record], split: str = "test") -> Comparison:
    """a against b. The interval resamples examples; a model without seeds meets every seed of the other."""
    pairs = list(zip(a, b, strict=True)) if len(a) == len(b) else [(one, other) for one in a for other in b]
    share = [np.mean([right(r, split) for r in side], axis=0) for side in (a, b)]
    p_values = tuple(mcnemar_p(right(x, split), right(y, split)) for x, y in pairs)
    return Comparison(paired_difference(*share), p_values)


def over_seeds(records: Sequence[Record], read: Callable[[Record], float]) -> Interval:
    """Mean over seeds and Student's 95% interval."""
    return t_interval([read(r) for r in records])


def gap(record: Record) -> float:
    """Training accuracy minus validation accuracy."""
    return measured(record, "train_accuracy") - measured(record, "validation_accuracy")


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


def steps(records: Sequence[Record]) -> list[Step]:
    """The three techniques, in the original's order."""
    found = []
    for before, after in zip(list(VARIANTS)[:-1], list(VARIANTS)[1:], strict=True):
        a, b = of(records, "part4-variants", after), of(records, "part4-variants", before)
        train = difference(a, b, lambda r: measured(r, "train_accuracy"))
        loss = difference(a, b, lambda r: measured(r, "test_loss"))
        found.append(Step(after, train, difference(a, b, gap), compare(a, b, "validation"), compare(a, b), loss))
    return found


def regularised_strength(records: Sequence[Record]) -> float:
    """The strength of the fourth variant's penalty."""
    return of(records, "part4-variants", "regularised")[0].spec["settings"]["l2"]


def sweep(records: Sequence[Record]) -> pd.DataFrame:
    """The penalty's sweep: one row a strength, with means and intervals over seeds.

    Strength 0 is the variant without a penalty, and one strength is the fourth variant's.
    """
    groups = {
        0.0: of(records, "part4-variants", "early-stopping"),
        regularised_strength(records): of(records, "part4-variants", "regularised"),
    }
    for record in of(records, "part4-l2"):
        groups.setdefault(record.spec["settings"]["l2"], []).append(record)
    rows = []
    for strength, runs in sorted(groups.items()):
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
