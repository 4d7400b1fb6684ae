"""How classifiers are judged: scores, intervals, paired tests, the best temperature."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint


class Interval(NamedTuple):
    """An estimate and the ends of its 95% interval."""

    mean: float
    low: float
    high: float


def t_interval(values: Sequence[float]) -> Interval:
    """Student's 95% interval of the mean over seeds. Raises ValueError for fewer than two values."""
    if len(values) < 2:
        raise ValueError(f"an interval over seeds needs two seeds or more, got {len(values)}")
    mean = float(np.mean(values))
    half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    return Interval(mean, mean - half, mean + half)


def share_interval(successes: int, total: int) -> Interval:
    """A share of independent examples and Wilson's 95% interval."""
    low, high = proportion_confint(successes, total, method="wilson")
    return Interval(successes / total, float(low), float(high))


def probabilities(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Softmax of logits (n, classes), divided by a temperature."""
    return special.softmax(np.asarray(logits, dtype=np.float64) / temperature, axis=1)


def scores(classes: np.ndarray, logits: np.ndarray) -> dict:
    """What a report tells of a classifier, from classes (n,) and logits (n, k).

    `accuracy`; `loss` (mean cross-entropy, nats); `precision`, `recall` and `f1`, each the plain mean over classes;
    `auc`, one-vs-rest area under the ROC curve of each class; `confusion` (k, k), rows are true classes. Raises
    ValueError for arrays that do not fit.
    """
    if logits.ndim != 2 or classes.shape != (len(logits),):
        raise ValueError(f"classes {classes.shape} and logits {logits.shape}: expected (n,) and (n, k)")
    kinds, found = np.arange(logits.shape[1]), probabilities(logits)
    predicted = logits.argmax(axis=1)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        classes, predicted, labels=kinds, average="macro", zero_division=0.0
    )
    return {
        "accuracy": float(metrics.accuracy_score(classes, predicted)),
        "loss": float(metrics.log_loss(classes, found, labels=kinds)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "auc": [float(metrics.roc_auc_score(classes == kind, found[:, kind])) for kind in kinds],
        "confusion": metrics.confusion_matrix(classes, predicted, labels=kinds).tolist(),
    }


def kept(split: str, logits: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
    """What a record holds of a split's predictions."""
    return {f"{split}_logits": logits.astype(np.float16), f"{split}_classes": classes.astype(np.int8)}


def paired_difference(values_a: np.ndarray, values_b: np.ndarray, seed: int = 0, level: float = 0.95) -> Interval:
    """Mean of a − b over the same examples, (n,) or (seeds, n), and its bootstrap interval, of 95% by default.

    Each of 2000 resamples draws examples and seeds with replacement; the ends are percentiles.
    """
    if values_a.shape != values_b.shape:
        raise ValueError(f"a paired difference needs the same examples: {values_a.shape} and {values_b.shape}")
    differences = np.atleast_2d(values_a.astype(np.float64) - values_b)
    if not differences.any():
        return Interval(0.0, 0.0, 0.0)
    n = differences.shape[1]
    times_drawn, state = _resampled(n, seed)
    by_seed = times_drawn.astype(np.float64) @ differences.T / n
    rng = np.random.default_rng()
    rng.bit_generator.state = state
    seeds = rng.integers(by_seed.shape[1], size=by_seed.shape)
    means = np.take_along_axis(by_seed, seeds, axis=1).mean(axis=1)
    low, high = np.quantile(means, ((1 - level) / 2, (1 + level) / 2))
    return Interval(float(differences.mean()), float(low), float(high))


@lru_cache(maxsize=2)
def _resampled(n: int, seed: int) -> tuple[np.ndarray, Mapping]:
    """How often each of n examples is drawn in each resample, (2000, n) uint8, and the state of the generator after."""
    rng = np.random.default_rng(seed)
    drawn = [np.bincount(rng.integers(n, size=n), minlength=n).astype(np.uint8) for _ in range(2000)]
    return np.array(drawn), rng.bit_generator.state


def best_temperature(classes: np.ndarray, logits: np.ndarray) -> float:
    """The temperature that minimises the cross-entropy of classes (n,) under logits (n, k) (Guo et al. 2017)."""

    def loss(log_temperature: float) -> float:
        return float(
            metrics.log_loss(classes, probabilities(logits, np.exp(log_temperature)), labels=range(logits.shape[1]))
        )

    return float(np.exp(optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))
