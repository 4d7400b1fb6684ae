"""How well scores tell faulty from normal cycles, and intervals of rates over seeds."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from study.evaluation import Interval, t_interval

FALSE_ALARMS = 0.01
"""Share of normal cycles that may raise an alarm."""


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


def rate_interval(values: Sequence[float]) -> Interval:
    """Student's 95% interval of a mean rate over seeds, cut to 0 to 1."""
    mean, low, high = t_interval(values)
    return Interval(mean, max(low, 0.0), min(high, 1.0))
