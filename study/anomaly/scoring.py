"""Scores of anomaly detectors: the NAB score, point-wise and event-wise counts.

The NAB score follows Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly
Benchmark" (ICMLA 2015, arXiv:1510.03336), checked against the per-row scores that NAB publishes.

Rows are 0-based positions in one series of `n` rows. `windows` lists the labelled anomaly windows as
inclusive `(first_row, last_row)` pairs, in order, disjoint, and after the probation. Scores are real numbers,
higher meaning more anomalous; flags are booleans, one per row. The first rows of a series are its probation:
a detector may learn from them, and no function here that compares flags with windows counts them.

All raise ValueError for other windows, for scores that are not one finite number per row, and for flags that are not
one boolean per row.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score

Windows = Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Weights:
    """What an application profile gives or takes: for a found window, a false positive, a missed window."""

    tp: float
    fp: float
    fn: float


PROFILES = {
    "standard": Weights(tp=1.0, fp=0.11, fn=1.0),
    "reward_low_FP_rate": Weights(tp=1.0, fp=0.22, fn=1.0),
    "reward_low_FN_rate": Weights(tp=1.0, fp=0.11, fn=2.0),
}


def probation_rows(n: int) -> int:
    """Number of unscored rows at the start of a series of `n` rows: 15 %, at most 750."""
    if n < 1:
        raise ValueError(f"n must be at least 1 row, got {n}")
    return min(15 * n // 100, 750)


def row_weights(n: int, windows: Windows, weights: Weights) -> np.ndarray:
    """What flagging each row alone would earn (inside a window, positive) or cost (outside, negative): (n,) float64.

    Inside a window the reward falls from `weights.tp` at the left edge towards 0 at the right one. After a window the
    cost of a false positive grows with the distance from its right edge, in window lengths; it is the full `weights.fp`
    from three lengths on and where no window comes before. Rows of the probation have 0.
    """
    bounds = _checked_windows(windows, n)
    signed = np.full(n, -weights.fp)
    for k, (first, last) in enumerate(bounds):
        width = last - first + 1
        rows = np.arange(first, last + 1)
        signed[rows] = weights.tp * _sigmoid(-(last - rows + 1) / width) / _sigmoid(-1.0)
        after = np.arange(last + 1, bounds[k + 1, 0] if k + 1 < len(bounds) else n)
        # A window of one row has no length to measure by; one row serves as its unit.
        lengths_away = (after - last) / max(width - 1, 1)
        signed[after] = weights.fp * np.where(lengths_away >= 3, -1.0, _sigmoid(lengths_away))
    signed[: probation_rows(n)] = 0.0
    return signed


def window_of_rows(n: int, windows: Windows) -> np.ndarray:
    """Index of the window each row lies in, -1 outside: int of shape (n,)."""
    window_of = np.full(n, -1)
    for k, (first, last) in enumerate(_checked_windows(windows, n)):
        window_of[first : last + 1] = k
    return window_of


def nab_score(flags: ArrayLike, windows: Windows, weights: Weights) -> float:
    """NAB score of one series, not normalised: at best `tp` per window; `-fn` per window for no flag at all.

    Each window counts once, by its earliest flagged row; every flagged row outside windows counts.
    """
    flags = _checked_flags(flags)
    signed = row_weights(len(flags), windows, weights)
    return nab_score_of_rows(np.flatnonzero(flags), signed, window_of_rows(len(flags), windows), len(windows), weights)


def nab_score_of_rows(
    rows: np.ndarray, signed: np.ndarray, window_of: np.ndarray, count: int, weights: Weights
) -> float:
    """`nab_score` of the flagged `rows` (k,), rising, of a series with `count` windows, for many flags on one series.

    `signed` (n,) is its `row_weights`, `window_of` (n,) its `window_of_rows`.
    """
    windows = window_of[rows]
    # Rewards fall along a window, so its first flagged row has the highest.
    found, first = np.unique(windows, return_index=True)
    first = first[found >= 0]
    missed = count - len(first)
    return float(signed[rows[windows < 0]].sum() + signed[rows[first]].sum() - weights.fn * missed)


def normalised(score: float, windows: int, weights: Weights) -> float:
    """A NAB score on the scale of NAB's leaderboard, here of one series: 0 for no flag at all, 100 at best.

    `windows` is their number. The scale has no lower end: many false positives give less than 0.
    Raises ValueError without a window: silence is then the best possible.
    """
    if windows < 1:
        raise ValueError("a series without labelled windows has no scale from silence to the best possible")
    null, perfect = -weights.fn * windows, weights.tp * windows
    return 100 * (score - null) / (perfect - null)


def pointwise(scores: ArrayLike, flags: ArrayLike, windows: Windows) -> dict:
    """Confusion counts and rates over the scored rows; a row is truly anomalous inside a window.

    Returns `tp`, `fp`, `tn`, `fn` (int), `precision`, `recall`, `f1`, `roc_auc` and `pr_auc` (average precision). A
    ratio with an empty denominator is 0; `roc_auc` and `pr_auc` are None where all scored rows belong to one class.
    """
    scores, flags = _checked_scores(scores), _checked_flags(flags)
    if len(scores) != len(flags):
        raise ValueError(f"scores and flags must have one entry per row, got {len(scores)} and {len(flags)}")
    scored = slice(probation_rows(len(flags)), None)
    truth = (window_of_rows(len(flags), windows) >= 0)[scored]
    flags, scores = flags[scored], scores[scored]
    tn, fp, fn, tp = map(int, confusion_matrix(truth, flags, labels=[False, True]).ravel())
    found = {"tp": tp, "fp": fp, "tn": tn, "fn": fn, **_rates(tp, fp, fn)}
    ranking = {"roc_auc": roc_auc_score, "pr_auc": average_precision_score}
    both = truth.any() and not truth.all()
    return found | {name: float(measure(truth, scores)) if both else None for name, measure in ranking.items()}


MERGED_ROWS = 12
"""Flags that are closer, by an hour on the five-minute grid, are one event."""


def first_rows(rows: np.ndarray) -> np.ndarray:
    """Where events begin, of flagged rows (k,), rising."""
    return rows[np.diff(rows, prepend=-MERGED_ROWS) >= MERGED_ROWS]


def eventwise(flags: ArrayLike, windows: Windows) -> dict:
    """Counts and rates by events and windows over the scored rows; an event counts where it begins.

    That is when someone is called: an event is true if its first row lies in a window, and a window is found if an
    event begins in it. Each found window is one true positive however many events begin in it, so precision =
    found_windows / (found_windows + fp_events) and recall = found_windows / all windows. To flag every row is one event
    that begins before all windows and finds none. The Orion benchmark (sintel-dev/Orion) counts any overlap instead, by
    which one endless event finds every window.

    Returns `fp_events`, `found_windows`, `missed_windows` (int), `precision`, `recall` and `f1`; a ratio with an empty
    denominator is 0.
    """
    flags = _checked_flags(flags).copy()
    flags[: probation_rows(len(flags))] = False
    return events_of_rows(first_rows(np.flatnonzero(flags)), window_of_rows(len(flags), windows), len(windows))


def events_of_rows(begun: np.ndarray, window_of: np.ndarray, count: int) -> dict:
    """`eventwise` of events given by their first rows (k,), on a series with `count` windows; see `window_of_rows`."""
    inside = window_of[begun]
    found, wrong = len(np.unique(inside[inside >= 0])), int((inside < 0).sum())
    missed = count - found
    return {"fp_events": wrong, "found_windows": found, "missed_windows": missed, **_rates(found, wrong, missed)}


def alarms(scores: ArrayLike, threshold: float, refractory_rows: int = 0) -> np.ndarray:
    """Flags (n,) bool with a pause after each: a row flags at `score >= threshold` unless one of the preceding
    `refractory_rows` rows flagged. Probation rows flag and pause like all others. Raises ValueError for a NaN
    threshold or a negative pause, too.
    """
    scores = _checked_scores(scores)
    if np.isnan(threshold):
        raise ValueError("threshold must be a number, got NaN")
    if refractory_rows < 0:
        raise ValueError(f"refractory_rows must be 0 or more, got {refractory_rows}")
    flags = np.zeros(len(scores), dtype=bool)
    flags[alarm_rows(np.flatnonzero(scores >= threshold), refractory_rows)] = True
    return flags


def alarm_rows(above: np.ndarray, refractory_rows: int) -> np.ndarray:
    """Those of the rows above a threshold, (k,) rising, that raise an alarm; see `alarms`."""
    if refractory_rows == 0:
        return above
    rows, raised, at = above.tolist(), [], 0
    while at < len(rows):
        raised.append(rows[at])
        at = bisect_right(rows, rows[at] + refractory_rows, at)
    return np.array(raised, dtype=int)


def _sigmoid(y: ArrayLike) -> np.ndarray:
    """NAB's scaled sigmoid: 1 far left of a window's right edge, 0 on it, -1 far right."""
    return 2.0 * expit(-5.0 * np.asarray(y)) - 1.0


def _rates(tp: int, fp: int, fn: int) -> dict:
    ratios = {"precision": (tp, tp + fp), "recall": (tp, tp + fn), "f1": (2 * tp, 2 * tp + fp + fn)}
    return {name: above / below if below else 0.0 for name, (above, below) in ratios.items()}


def _checked_windows(windows: Windows, n: int) -> np.ndarray:
    if len(windows) == 0:
        return np.empty((0, 2), dtype=int)
    bounds = np.asarray(windows)
    if bounds.ndim != 2 or bounds.shape[1] != 2 or not np.issubdtype(bounds.dtype, np.integer):
        raise ValueError(f"windows must be pairs of whole rows (first_row, last_row), got {windows!r}")
    if (bounds[:, 0] > bounds[:, 1]).any():
        raise ValueError(f"windows must have first_row <= last_row, got {bounds.tolist()}")
    if (bounds[1:, 0] <= bounds[:-1, 1]).any():
        raise ValueError(f"windows must be in order and must not overlap, got {bounds.tolist()}")
    start = probation_rows(n)
    if bounds[0, 0] < start or bounds[-1, 1] >= n:
        raise ValueError(
            f"windows must lie in the scored rows {start} to {n - 1} (the first {start} of {n} rows are "
            f"probation), got {bounds.tolist()}"
        )
    return bounds


def _checked_flags(flags: ArrayLike) -> np.ndarray:
    flags = np.asarray(flags)
    if flags.ndim != 1 or len(flags) == 0 or flags.dtype != bool:
        raise ValueError(f"flags must be one boolean per row, got dtype {flags.dtype} and shape {flags.shape}")
    return flags


def _checked_scores(scores: ArrayLike) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1 or len(scores) == 0:
        raise ValueError(f"scores must be one number per row, got shape {scores.shape}")
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        raise ValueError(f"scores must be finite, got {scores[bad[0]]} at row {bad[0]} ({len(bad)} such rows)")
    return scores
