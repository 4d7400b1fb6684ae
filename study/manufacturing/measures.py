"""How well scores tell faulty from normal cycles, and intervals of rates over plants."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from study.evaluation import Interval

FALSE_ALARMS = 0.01
"""Share of normal cycles that may raise an alarm."""
RESAMPLES = 10_000


def threshold(normal: np.ndarray, false_alarms: float = FALSE_ALARMS) -> float:
    """The score that this share of normal cycles exceeds. Raises ValueError for a share outside 0 to 1 or too few."""
    if not 0 < false_alarms < 1:
        raise ValueError(f"a share of false alarms lies between 0 and 1, not at {false_alarms}")
    if len(normal) * false_alarms < 1:
        raise ValueError(f"{len(normal)} normal cycles are too few for a false-alarm rate of {false_alarms}")
    return float(np.quantile(normal, 1 - false_alarms))


def rates(calibration: np.ndarray, normal: np.ndarray, faulty: np.ndarray) -> dict[str, float]:
    """AUROC, detection rate and false-alarm rate; the threshold comes from calibration cycles, which are normal."""
    limit = threshold(calibration)
    labels = np.repeat([0, 1], [len(normal), len(faulty)])
    return {
        "auroc": float(roc_auc_score(labels, np.concatenate([normal, faulty]))),
        "detection": float((faulty > limit).mean()),
        "false_alarms": float((normal > limit).mean()),
    }


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean over plants and its 95% bootstrap interval, which stays inside the range of the values.

    The ends are percentiles of the means of resamples. Raises ValueError for fewer than two values.
    """
    if len(values) < 2:
        raise ValueError(f"an interval over plants needs two plants or more, got {len(values)}")
    found = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(0).integers(len(found), size=(RESAMPLES, len(found)))
    low, high = np.percentile(found[drawn].mean(axis=1), (2.5, 97.5))
    return Interval(float(found.mean()), float(low), float(high))
