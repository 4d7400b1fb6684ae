"""From the records of Part IV to the tables, comparisons and verdicts that its notebook shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from study import paths, published
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
from study.news.corpus import CLASSES, TEST
from study.news.recipes import VARIANTS
from study.prose import Judged, verdict
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
SHARE_TOLERANCE = 0.01
"""Of accuracies and the like: ±0.6 points are the interval of 7,600 examples; the rest is for other training rows."""
LOSS_TOLERANCE = 0.15
"""Of losses, relative."""


def measured(record: Record, quantity: str) -> float:
    """One of QUANTITIES; precision, recall and F1 are those of the test split."""
    if quantity in ("precision", "recall", "f1"):
        return record.metrics["test"][quantity]
    split, what = quantity.split("_")
    return record.metrics[split][what]


def mean(records: Sequence[Record], quantity: str) -> float:
    return float(np.mean([measured(r, quantity) for r in records]))


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


CONFIRMED, HALF, OPEN, REFUTED = "confirmed", "half confirmed", "not confirmed here", "refuted"
ALMOST_ALL = 0.95
"""What "almost every prediction" is taken to mean."""


def claims(records: Sequence[Record]) -> dict[str, str]:
    """The verdict on each of the original's claims about Part IV, by name in data/published.toml.

    A difference counts when its 95% interval leaves zero out; a claim that names two effects is half confirmed by one.
    """
    variants = {name: of(records, "part4-variants", name) for name in VARIANTS}
    base, best = variants["base"], variants["early-stopping"]
    dropout, stopped, regularised = steps(records)
    table = sweep(records)
    used = table[table.l2 == regularised_strength(records)].iloc[0]
    weaker = table[(table.l2 < used.l2) & (table.accuracy_low > used.accuracy_mean)]
    overfit = over_seeds(base, gap)
    against_base = [compare(runs, base).difference for name, runs in variants.items() if name != "base"]
    against_best = [compare(best, runs).difference for name, runs in variants.items() if name != "early-stopping"]
    iterations = [step.test.difference for step in (dropout, stopped, regularised)]
    diagonal = min(mean(runs, "test_accuracy") for runs in variants.values())
    areas = [j.verdict.status == "reproduced" for j in judged(records) if j.quantity.startswith("AUC")]
    return {
        "base_overfits": _one(overfit),
        "dropout_helps": _all(_minus(dropout.train), dropout.validation.difference, dropout.test.difference),
        "early_stopping_helps": _all(stopped.test.difference, _minus(stopped.test_loss)),
        "regularisation_reduces_gap": _one(_minus(regularised.gap)),
        "regularisation_too_strong": HALF
        if (len(weaker) > 0) != (regularised.test.direction == "lower")
        else CONFIRMED
        if len(weaker)
        else OPEN,
        "all_better_than_base": _all(*against_base),
        "early_stopping_best": _leads(*against_best),
        "diagonal": CONFIRMED if diagonal >= ALMOST_ALL else "overstated",
        "metrics_improve": _all(*iterations),
        "auc_perfect": CONFIRMED if all(areas) else HALF if any(areas) else OPEN,
    }


def _one(effect: Interval) -> str:
    return CONFIRMED if effect.low > 0 else REFUTED if effect.high < 0 else OPEN


def _all(*effects: Interval) -> str:
    """The verdict on a claim that all these effects are positive."""
    found = {_one(effect) for effect in effects}
    if len(found) == 1:
        return found.pop()
    return HALF if CONFIRMED in found else OPEN


def _leads(*effects: Interval) -> str:
    """The verdict on a claim that a model is ahead of all others, by how far it is ahead of each."""
    found = {_one(effect) for effect in effects}
    return REFUTED if REFUTED in found else OPEN if OPEN in found else CONFIRMED


def _minus(effect: Interval) -> Interval:
    return Interval(-effect.mean, -effect.high, -effect.low)


def regularised_strength(records: Sequence[Record]) -> float:
    """The strength of the fourth variant's penalty."""
    return of(records, "part4-variants", "regularised")[0].spec["settings"]["l2"]


READINGS = {
    "label": "the label is wrong, the prediction fits",
    "both": "both classes fit",
    "model": "the label is right",
}
"""What a person can find who reads a mistake (report/mistakes_read.csv)."""


def shared_mistakes(records: Sequence[Record]) -> pd.DataFrame:
    """Test texts that every run, with and without a network, gives the same wrong class; the most certain first.

    Columns: `row`, `text`, `true`, `predicted`, `confidence`, the variants' mean, and `reading`, what a person found
    (see READINGS; empty for texts that were not read). Only texts that a run kept among its own most confident
    mistakes are listed; `attrs["all"]` counts the rest too.
    """
    runs = of(records, "part4-variants")
    others = [*of(records, "part4-baselines", "tfidf"), *of(records, "part4-own")]
    predicted = np.array([r.arrays["test_logits"].argmax(axis=1) for r in (*runs, *others)])
    shared = (predicted == predicted[0]).all(axis=0) & ~right(runs[0])
    found = {m["row"]: m for r in runs for m in r.metrics["mistakes"] if shared[m["row"]]}
    certain = np.mean([probabilities(r.arrays["test_logits"]).max(axis=1) for r in runs], axis=0)
    rows = [one | {"confidence": float(certain[row])} for row, one in found.items()]
    table = pd.DataFrame(rows, columns=["row", "text", "true", "predicted", "confidence"])
    table = table.sort_values("confidence", ascending=False, ignore_index=True)
    read = pd.read_csv(paths.MISTAKES_READ).set_index("row").reading
    if TEST not in runs[0].spec["data"]:  # what was read are rows of the real test split
        read = read[:0]
    table["reading"] = [read.get(row, "") for row in table.row]
    table.attrs["all"] = int(shared.sum())
    return table


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
