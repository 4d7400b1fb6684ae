"""From the records of Part IV to the tables, comparisons and verdicts that its notebook shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from study import published
from study.evaluation import (
    Calibration,
    Interval,
    best_temperature,
    calibration,
    mcnemar_p,
    paired_difference,
    probabilities,
    t_interval,
)
from study.news.corpus import CLASSES
from study.news.recipes import VARIANTS
from study.prose import Verdict, verdict
from study.runs import Record

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
SHARE_TOLERANCE = 0.01
"""Of accuracies and the like: ±0.6 points are the interval of 7,600 examples; the rest is for other training rows."""
LOSS_TOLERANCE = 0.15
"""Of losses, relative."""


def of(records: Sequence[Record], task: str, model: str | None = None) -> list[Record]:
    """The records of a task (and model), by seed. Raises KeyError if there are none."""
    found = [r for r in records if r.spec["task"] == task and model in (None, r.spec["model"])]
    if not found:
        raise KeyError(f"no record of {task}, {model}")
    return sorted(found, key=lambda r: r.spec["seed"])


def measured(record: Record, quantity: str) -> float:
    """One of QUANTITIES; precision, recall and F1 are those of the test split."""
    if quantity in ("precision", "recall", "f1"):
        return record.metrics["test"][quantity]
    split, what = quantity.split("_")
    return record.metrics[split][what]


def mean(records: Sequence[Record], quantity: str) -> float:
    return float(np.mean([measured(r, quantity) for r in records]))


@dataclass(frozen=True)
class Judged:
    """A published number beside what the seeds give."""

    model: str
    quantity: str
    published: float
    values: tuple[float, ...]
    verdict: Verdict


def judged(records: Sequence[Record]) -> list[Judged]:
    """Every number of the original's tables and its AUCs, judged by the mean over seeds."""
    found = []
    for model in VARIANTS:
        runs = of(records, "part4-variants", model)
        for quantity, name in QUANTITIES.items():
            values = [measured(r, quantity) for r in runs]
            found.append(_judged(NAMES[model], name, published.value(f"part4.{model}.{quantity}"), values))
        for kind, label in enumerate(CLASSES):
            values = [r.metrics["test"]["auc"][kind] for r in runs]
            said = published.value(f"part4.auc.class-{kind}")
            found.append(_judged(NAMES[model], f"AUC, {label}", said, values))
    stopped = [r.metrics["epochs"] for r in of(records, "part4-variants", "regularised")]
    said = published.value("part4.regularised.epochs")
    tolerance = max(1.0, (max(stopped) - min(stopped)) / 2)
    decided = verdict(said, float(np.mean(stopped)), tolerance)
    return [*found, Judged(NAMES["regularised"], "epochs until the stop", said, tuple(stopped), decided)]


def _judged(model: str, quantity: str, said: float, values: Sequence[float]) -> Judged:
    own = LOSS_TOLERANCE * said if "loss" in quantity else SHARE_TOLERANCE
    tolerance = max(own, (max(values) - min(values)) / 2)
    return Judged(model, quantity, said, tuple(values), verdict(said, float(np.mean(values)), tolerance))


def right(record: Record) -> np.ndarray:
    """Which test examples a run classified rightly, (n,) bool."""
    return record.arrays["test_logits"].argmax(axis=1) == record.arrays["test_classes"]


@dataclass(frozen=True)
class Comparison:
    """Two models on the same test examples: difference of mean accuracy over seeds, and McNemar's p-value per seed."""

    difference: Interval
    p_values: tuple[float, ...]

    @property
    def direction(self) -> str:
        """`higher`, `lower` or `not clearly different`, by the interval of the difference."""
        if self.difference.low > 0:
            return "higher"
        return "lower" if self.difference.high < 0 else "not clearly different"


def compare(a: Sequence[Record], b: Sequence[Record]) -> Comparison:
    """a against b. The interval resamples test examples; a model without seeds meets every seed of the other."""
    pairs = list(zip(a, b, strict=True)) if len(a) == len(b) else [(one, other) for one in a for other in b]
    share = [np.mean([right(r) for r in side], axis=0) for side in (a, b)]
    return Comparison(paired_difference(*share), tuple(mcnemar_p(right(x), right(y)) for x, y in pairs))


def over_seeds(records: Sequence[Record], read: Callable[[Record], float]) -> Interval:
    """Mean over seeds and Student's 95% interval."""
    return t_interval([read(r) for r in records])


def gap(record: Record) -> float:
    """Training accuracy minus validation accuracy."""
    return measured(record, "train_accuracy") - measured(record, "validation_accuracy")


def difference_of_gaps(a: Sequence[Record], b: Sequence[Record]) -> Interval:
    """Gap of a minus gap of b, paired by seed."""
    return t_interval([gap(x) - gap(y) for x, y in zip(a, b, strict=True)])


def sweep(records: Sequence[Record]) -> pd.DataFrame:
    """The penalty's sweep: one row a strength (0 is the variant without), with means and intervals over seeds."""
    groups = {0.0: of(records, "part4-variants", "early-stopping")}
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


def roc(record: Record, kind: int, points: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates of one class against the rest on the test split, thinned to `points` at most."""
    logits = record.arrays["test_logits"].astype(np.float64)
    x, y, _ = roc_curve(record.arrays["test_classes"] == kind, probabilities(logits)[:, kind])
    kept = np.unique(np.linspace(0, len(x) - 1, points).astype(int))
    return x[kept], y[kept]


@dataclass(frozen=True)
class Calibrated:
    """Calibration on test before and after temperature scaling; the temperature comes from the validation split."""

    temperature: float
    before: Calibration
    after: Calibration
    loss_before: float
    loss_after: float


def calibrated(record: Record) -> Calibrated:
    a = record.arrays
    logits, classes = a["test_logits"].astype(np.float64), a["test_classes"].astype(np.int64)
    temperature = best_temperature(a["validation_classes"], a["validation_logits"].astype(np.float64))
    found = {t: probabilities(logits, t) for t in (1.0, temperature)}
    loss = {t: float(-np.log(p[np.arange(len(p)), classes]).mean()) for t, p in found.items()}
    before, after = (calibration(classes, found[t]) for t in (1.0, temperature))
    return Calibrated(temperature, before, after, loss[1.0], loss[temperature])


def near_accuracy(record: Record, near: np.ndarray) -> tuple[float, float]:
    """Test accuracy among examples with a near-duplicate in the training split (by mask), and among the others."""
    found = right(record)
    return float(found[near].mean()), float(found[~near].mean())
