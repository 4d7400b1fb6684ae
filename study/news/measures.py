"""What Part IV reads off its records beside accuracy and loss: per class, ROC, calibration, shared mistakes."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

from study import paths
from study.comparison import mean_confusion, right
from study.evaluation import best_temperature, probabilities
from study.news.corpus import TEST, classes_of
from study.runs import Record, of

ROC_POINTS = 300
"""Points of a drawn ROC curve at most."""
READINGS = {
    "label": "the label is wrong, the prediction fits",
    "both": "both classes fit",
    "model": "the label is right",
}
"""What a person can find who reads a mistake (report/mistakes_read.csv)."""


def classes(runs: Mapping[str, Sequence[Record]]) -> tuple[str, ...]:
    """The names of the classes that models, each with its records, tell apart."""
    return classes_of(next(iter(runs.values()))[0].spec)


def per_class(records: Sequence[Record]) -> np.ndarray:
    """Precision, recall and F1 on the test split, (3, classes), means over seeds."""
    counts = np.array([record.metrics["test"]["confusion"] for record in records], dtype=float)  # (seeds, true, called)
    hits = np.diagonal(counts, axis1=1, axis2=2)
    precision, recall = (hits / np.maximum(counts.sum(axis=axis), 1e-9) for axis in (1, 2))
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    return np.mean([precision, recall, f1], axis=1)


def confused(records: Sequence[Record], one: str, other: str) -> float:
    """Share of all mistakes on the test split that take one class for the other, either way; means over seeds.

    0 where the texts have no such classes.
    """
    counts, names = mean_confusion(records), classes_of(records[0].spec)
    if not {one, other} <= set(names):
        return 0.0
    i, j = names.index(one), names.index(other)
    return float((counts[i, j] + counts[j, i]) / (counts.sum() - np.trace(counts)))


def roc(record: Record, kind: int, points: int | None = ROC_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates of one class against the rest on the test split, thinned to `points` at most."""
    found = probabilities(record.arrays["test_logits"])[:, kind]
    x, y, _ = roc_curve(record.arrays["test_classes"] == kind, found)
    if points is None:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, points).astype(int))
    return x[kept], y[kept]


def corner_distance(record: Record, kind: int) -> float:
    """How near a class's ROC curve comes to the upper left corner, along the axis on which it is further away."""
    x, y = roc(record, kind, None)
    return float(np.maximum(x, 1 - y).min())


def calibrated(record: Record) -> tuple[float, float]:
    """Temperature scaling of one training (Guo et al. 2017): the temperature, which comes from the validation split,
    and the loss on test, nats, after it.
    """
    a = record.arrays
    temperature = best_temperature(a["validation_classes"], a["validation_logits"].astype(np.float64))
    classes = a["test_classes"].astype(np.int64)
    chosen = probabilities(a["test_logits"], temperature)[np.arange(len(classes)), classes]
    return temperature, float(-np.log(chosen).mean())


def accuracy_without(records: Sequence[Record], some: np.ndarray) -> tuple[float, float]:
    """Test accuracy over all texts, and over those left without some (by mask, (n,) bool); medians over seeds."""
    found = np.array([right(record) for record in records])
    return float(np.median(found.mean(axis=1))), float(np.median(found[:, ~some].mean(axis=1)))


def shared_mistakes(records: Sequence[Record]) -> pd.DataFrame:
    """Test texts that every run, with and without a network, gives the same wrong class; the most certain first.

    Columns: `row`, `text`, `true`, `predicted`, `confidence`, the variants' mean, and `reading`, what a person found
    (see READINGS; empty for texts that were not read). Only texts that a run kept among its own most confident
    mistakes are listed; `attrs["pairs"]` counts all that are shared, by true and predicted class.
    """
    runs = of(records, "part4-variants")
    others = [*of(records, "part4-baselines", "tfidf"), *of(records, "part4-own")]
    predicted = np.array([r.arrays["test_logits"].argmax(axis=1) for r in (*runs, *others)])
    shared = (predicted == predicted[0]).all(axis=0) & ~right(runs[0])
    found = {m["row"]: m for r in runs for m in r.metrics["mistakes"] if shared[m["row"]]}
    certain = np.mean([probabilities(r.arrays["test_logits"]).max(axis=1) for r in runs], axis=0)
    table = pd.DataFrame(list(found.values()), columns=["row", "text", "true", "predicted"])
    table["confidence"] = certain[table.row.astype(int)]
    table = table.sort_values("confidence", ascending=False, ignore_index=True)
    read = pd.read_csv(paths.MISTAKES_READ).set_index("row").reading
    real = TEST in runs[0].spec["data"]  # what was read are rows of the real test split
    table["reading"] = [read.get(row, "") if real else "" for row in table.row]
    classes = zip(runs[0].arrays["test_classes"][shared], predicted[0][shared], strict=True)
    names = classes_of(runs[0].spec)
    table.attrs["pairs"] = Counter((names[true], names[called]) for true, called in classes)
    return table
