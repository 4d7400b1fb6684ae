"""Classifiers beside each other on the same examples, from their records, and verdicts on what others claimed of them.

A record's arrays hold `<split>_logits` (n, classes) and `<split>_classes` (n,), as `study.evaluation.kept` makes them.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from study.evaluation import Interval, paired_difference, t_interval
from study.prose import NO_BREAK_SPACE, interval, number
from study.runs import Record
from study.verdicts import CONFIRMED, CONTRADICTED, UNCLEAR, Verdict, ahead_of_all, all_of

Evidence = TypeVar("Evidence")

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


def mean_confusion(records: Sequence[Record]) -> np.ndarray:
    """The confusion matrix (classes, classes) on the test split, a row a true class, mean over seeds."""
    return np.mean([r.metrics["test"]["confusion"] for r in records], axis=0)


def frequent_mistake(records: Sequence[Record]) -> tuple[int, int, float]:
    """The most frequent mistake on the test split: the true class, what it is called, how often (mean over seeds)."""
    counts = mean_confusion(records)
    np.fill_diagonal(counts, 0)
    true, called = np.unravel_index(counts.argmax(), counts.shape)
    return int(true), int(called), float(counts[true, called])


def gap(record: Record) -> float:
    return measured(record, "train_accuracy") - measured(record, "validation_accuracy")


def right(record: Record, split: str = "test") -> np.ndarray:
    """Which examples of the test or validation split a run classified correctly, (n,) bool."""
    return record.arrays[f"{split}_logits"].argmax(axis=1) == record.arrays[f"{split}_classes"]


def compare(a: Sequence[Record], b: Sequence[Record], split: str = "test", level: float = 0.95) -> Interval:
    """Mean accuracy of a minus that of b on the same examples, with an interval that resamples examples and seeds.

    Without as many seeds of both, each meets every other. Where no predictions were kept, the interval is Student's
    over the pairs of seeds.
    """
    pairs = list(zip(a, b, strict=True)) if len(a) == len(b) else [(one, other) for one in a for other in b]
    if f"{split}_logits" not in a[0].arrays:
        return t_interval([x.metrics[split]["accuracy"] - y.metrics[split]["accuracy"] for x, y in pairs])
    ours, theirs = (np.array([right(one, split) for one in side]) for side in zip(*pairs, strict=True))
    return paired_difference(ours, theirs, level=level)


def is_positive(effect: Interval) -> str:
    """The verdict on a claim that an effect is positive: by whether its interval leaves zero out."""
    return CONFIRMED if effect.low > 0 else CONTRADICTED if effect.high < 0 else UNCLEAR


def is_negative(effect: Interval) -> str:
    """The same for a claim that an effect is negative."""
    return is_positive(minus(effect))


def all_positive(*effects: Interval) -> str:
    """The verdict on a claim that all these effects are positive; partly confirmed by some of them."""
    return all_of(*(is_positive(effect) for effect in effects))


def leads(*effects: Interval) -> str:
    """The verdict on a claim that a model is ahead of all others, by how far it is ahead of each."""
    return ahead_of_all(*(is_positive(effect) for effect in effects))


def minus(effect: Interval) -> Interval:
    return Interval(-effect.mean, -effect.high, -effect.low)


def with_interval(change: Interval, digits: int) -> str:
    """A value with its 95% interval in brackets, such as "1.20 [0.90 to 1.50]"."""
    return f"{number(change.mean, digits)}{NO_BREAK_SPACE}[{interval(change.low, change.high, digits)}]"


def in_points(change: Interval, digits: int = 2) -> str:
    """A difference of shares in percentage points with its 95% interval, without the unit."""
    return with_interval(Interval(*(100 * end for end in change)), digits)


def points(change: Interval, digits: int = 2) -> str:
    """A difference of shares in percentage points, with its 95% interval in brackets."""
    return f"{number(100 * change.mean, digits)} points [{interval(100 * change.low, 100 * change.high, digits)}]"


def by_effects(
    measure: Callable[[Evidence], Sequence[Interval]],
    *rules: Callable[[Interval], str],
    words: str,
    show: Callable[[Interval], str] = points,
) -> Callable[[Evidence], Verdict]:
    """What judges a claim of effects that the evidence gives: by a rule for each, and by all of them together.

    The reason are the `words`, with an effect in each pair of braces.
    """

    def judge(evidence: Evidence) -> Verdict:
        effects = measure(evidence)
        statuses = [rule(effect) for rule, effect in zip(rules, effects, strict=True)]
        return Verdict(all_of(*statuses), words.format(*map(show, effects)))

    return judge
