"""Two scores of TSB-AD (Liu & Paparrizos 2024) that judge by ranges of rows: VUS-PR and affiliation F1.

Both are written from their papers and agree with the package TSB-AD on the cases in the tests. Rows, windows, scores
and flags are those of `study.anomaly.scoring`; rows of the probation are left out here too.
"""

import numpy as np
from numpy.typing import ArrayLike

from study.anomaly.scoring import Windows, probation_rows, window_of_rows

BUFFER_ROWS = 100
"""The widest buffer around a window, over which VUS-PR is averaged: TSB-AD's default."""
THRESHOLDS = 250
"""Thresholds of a precision-recall curve, at ranks spaced evenly from the top score to the lowest."""


def vus_pr(scores: ArrayLike, windows: Windows, buffer_rows: int = BUFFER_ROWS) -> float:
    """Volume under the surface of precision and recall (Paparrizos et al. 2022), between 0 and 1; no alarm rule enters.

    A buffer of w rows lets a window fade out over w // 2 rows on either side, as sqrt(1 - distance / w): what is
    detected just beside it still counts. Recall is multiplied by the share of windows in which anything is detected.
    The area under precision over recall is averaged over all w from 0 to `buffer_rows`. A constant score gives about
    the share of labelled rows.
    Raises ValueError for scores that are not one finite number per row, and for no window or a faulty one.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise ValueError(f"scores must be one finite number per row, got shape {scores.shape} or some not finite")
    if len(windows) == 0:
        raise ValueError("without a labelled window there is no recall")
    start = probation_rows(len(scores))
    labelled = window_of_rows(len(scores), windows)[start:] >= 0
    bounds = np.asarray(windows) - start
    falling = np.argsort(-scores[start:], kind="stable")
    ranked = scores[start:][falling]
    ranks = np.linspace(0, len(ranked) - 1, THRESHOLDS).astype(int)
    # A threshold takes all rows that tie with it.
    detected = len(ranked) - np.searchsorted(ranked[::-1], ranked[ranks])
    row = np.arange(len(labelled))
    gaps = [np.maximum(first - row, row - last) for first, last in bounds]
    areas = []
    for width in range(buffer_rows + 1):
        soft = labelled.astype(float)
        for gap in gaps:
            beside = (gap > 0) & (gap <= width // 2)
            soft[beside] += np.sqrt(1 - gap[beside] / max(width, 1))
        soft = np.minimum(soft, 1)
        true = np.cumsum(soft[falling])[detected - 1]
        # Half of the buffer's weight counts as to be found, and of it only what is found.
        positives = labelled.sum() + np.cumsum(np.where(labelled, 0, soft)[falling])[detected - 1] / 2
        tops = np.array([scores[start:][first : last + 1].max() for first, last in _joined(bounds, width, len(row))])
        existing = (tops >= ranked[ranks][:, None]).mean(axis=1)
        recall = np.minimum(true / positives, 1) * existing
        areas.append(np.diff(recall, prepend=0) @ (true / detected))
    return float(np.mean(areas))


def _joined(bounds: np.ndarray, width: int, n: int) -> list[tuple[int, int]]:
    """The windows with half a buffer on either side, those that then touch as one."""
    joined: list[tuple[int, int]] = []
    for first, last in bounds:
        begin, end = max(first - width // 2, 0), min(last + width // 2, n - 1)
        if joined and begin <= joined[-1][1]:
            begin = joined.pop()[0]
        joined.append((begin, end))
    return joined


def affiliation(flags: ArrayLike, windows: Windows) -> dict[str, float]:
    """Affiliation precision, recall and F1 (Huet et al. 2022): how near flags and windows lie, against random flags.

    Each window has a zone, the part of the series that is nearer to it than to any other. Precision is the mean, over
    the flagged time of a zone, of the probability that a random point of the zone lies farther from the window, and
    its mean over the zones with a flag; recall is the mean, over the time of a window, of the probability that a random
    point of the zone lies farther from it than the nearest flag does, 0 in a zone without one. Nothing flagged gives 0.
    Random flags have a precision of about one half, so that flagging everything has a high F1; the measure separates
    detectors little, and stands beside the others for comparison only.
    Raises ValueError for flags that are not one boolean per row, and for no window or a faulty one.
    """
    flags = np.asarray(flags)
    if flags.ndim != 1 or flags.dtype != bool:
        raise ValueError(f"flags must be one boolean per row, got dtype {flags.dtype} and shape {flags.shape}")
    if len(windows) == 0:
        raise ValueError("without a labelled window there is nothing to be near to")
    start = probation_rows(len(flags))
    window_of_rows(len(flags), windows)  # refuses faulty windows
    bounds = np.asarray(windows) - start + [0, 1]  # row i is the time from i to i + 1
    edges = np.concatenate([[0], (bounds[:-1, 1] + bounds[1:, 0]) / 2, [len(flags) - start]])
    # Everything below is linear between quarters of a row, so that the middles of quarters give the integrals exactly.
    middles = (np.arange(4 * (len(flags) - start)) + 0.5) / 4
    flagged = np.repeat(flags[start:], 4)
    precisions, recalls = [], []
    for (first, stop), low, high in zip(bounds, edges[:-1], edges[1:], strict=True):
        near = middles[flagged & (low < middles) & (middles < high)]
        if len(near) == 0:
            recalls.append(0.0)
            continue
        away = np.maximum(np.maximum(first - near, near - stop), 0)
        # Points of the zone that lie as near to the window: the window itself and what is within `away` on its sides.
        as_near = stop - first + np.minimum(away, first - low) + np.minimum(away, high - stop)
        precisions.append(np.where(away > 0, 1 - as_near / (high - low), 1).mean())
        inside = middles[(first < middles) & (middles < stop)]
        at = np.searchsorted(near, inside)
        left, right = near[np.maximum(at - 1, 0)] + 1 / 8, near[np.minimum(at, len(near) - 1)] - 1 / 8
        distance = np.maximum(np.where(at > 0, inside - left, np.inf), 0)
        distance = np.minimum(distance, np.maximum(np.where(at < len(near), right - inside, np.inf), 0))
        nearer = np.minimum(distance, inside - low) + np.minimum(distance, high - inside)
        recalls.append((1 - nearer / (high - low)).mean())
    precision, recall = (float(np.mean(found)) if found else 0.0 for found in (precisions, recalls))
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}
