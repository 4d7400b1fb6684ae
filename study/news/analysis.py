"""From the records of Part IV to the tables, comparisons and verdicts that its notebook shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from study import paths, published
from study.comparison import (
    CONFIRMED,
    HALF,
    OPEN,
    QUANTITIES,
    Comparison,
    all_positive,
    compare,
    gap,
    is_positive,
    leads,
    mean,
    measured,
    minus,
    right,
)
from study.evaluation import Calibration, Interval, best_temperature, calibration, probabilities, t_interval
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
SHARE_TOLERANCE = 0.01
"""Of accuracies and the like: ±0.6 points are the interval of 7,600 examples; the rest is for other training rows."""
LOSS_TOLERANCE = 0.15
"""Of losses, relative."""


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


def steps(records: Sequence[Record]) -> list[Step]:
    """The three techniques, in the original's order."""
    found = []
    for before, after in zip(list(VARIANTS)[:-1], list(VARIANTS)[1:], strict=True):
        a, b = of(records, "part4-variants", after), of(records, "part4-variants", before)
        train = difference(a, b, lambda r: measured(r, "train_accuracy"))
        loss = difference(a, b, lambda r: measured(r, "test_loss"))
        found.append(Step(after, train, difference(a, b, gap), compare(a, b, "validation"), compare(a, b), loss))
    return found


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
        "base_overfits": is_positive(overfit),
        "dropout_helps": all_positive(minus(dropout.train), dropout.validation.difference, dropout.test.difference),
        "early_stopping_helps": all_positive(stopped.test.difference, minus(stopped.test_loss)),
        "regularisation_reduces_gap": is_positive(minus(regularised.gap)),
        "regularisation_too_strong": HALF
        if (len(weaker) > 0) != (regularised.test.direction == "lower")
        else CONFIRMED
        if len(weaker)
        else OPEN,
        "all_better_than_base": all_positive(*against_base),
        "early_stopping_best": leads(*against_best),
        "diagonal": CONFIRMED if diagonal >= ALMOST_ALL else "overstated",
        "metrics_improve": all_positive(*iterations),
        "auc_perfect": CONFIRMED if all(areas) else HALF if any(areas) else OPEN,
    }


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
