"""From anomaly scores to alarms, and the one protocol by which every detector of Part II is judged.

The protocol is NAB's (Lavin & Ahmad 2015): a detector streams over a series and may fit itself on the probation
rows, which are not scored. Its alarm rule is chosen with the labels of the nine other series; the judged series'
labels are read once, to judge.
"""

from dataclasses import dataclass

import numpy as np

from study.anomaly import scoring
from study.anomaly.series import AAPL, Series

DAY_ROWS = 288
REFRACTORY_ROWS = (0, 12, 36, 72, 144, DAY_ROWS)  # none, 1 h, 3 h, 6 h, 12 h, 24 h
CANDIDATES = 120  # thresholds tried per pause


@dataclass(frozen=True)
class AlarmRule:
    """An alarm at a score >= threshold, unless one was raised in the preceding refractory rows."""

    threshold: float
    refractory_rows: int


def choose_rule(scores: list[np.ndarray], series: list[Series]) -> AlarmRule:
    """The rule with the highest NAB standard score summed over the series given; among equals the highest threshold.

    Thresholds tried lie at ranks spaced evenly in the logarithm among the highest scores, from the top score to
    the top tenth.
    """
    weights = scoring.PROFILES["standard"]
    pooled = np.sort(np.concatenate([s[scoring.probation_rows(len(s)) :] for s in scores]))[::-1]
    ranks = np.unique(np.geomspace(1, len(pooled) // 10, CANDIDATES).astype(int)) - 1
    best, chosen = -np.inf, None
    for threshold in np.unique(pooled[ranks])[::-1]:
        for refractory in REFRACTORY_ROWS:
            total = sum(
                scoring.nab_score(scoring.alarms(s, threshold, refractory), one.windows, weights)
                for s, one in zip(scores, series, strict=True)
            )
            if total > best:
                best, chosen = total, AlarmRule(float(threshold), refractory)
    return chosen


def judge(scores: dict[str, np.ndarray], series: dict[str, Series]) -> tuple[dict, dict[str, np.ndarray]]:
    """Metrics and arrays of one detector from its anomaly scores (n,) on all ten series.

    The alarm rule comes from the nine others. NAB scores and events are of the alarms; point-wise numbers are of
    all rows at or above the threshold.
    """
    others = [name for name in scores if name != AAPL]
    rule = choose_rule([scores[n] for n in others], [series[n] for n in others])
    raised = {name: scoring.alarms(scores[name], rule.threshold, rule.refractory_rows) for name in scores}
    metrics = {
        "rule": {"threshold": rule.threshold, "refractory_rows": rule.refractory_rows},
        **verdicts(scores[AAPL], scores[AAPL] >= rule.threshold, raised[AAPL], series[AAPL]),
        "others_nab": {
            name: scoring.nab_score(raised[name], series[name].windows, scoring.PROFILES["standard"])
            for name in others
        },
    }
    return metrics, {
        "scores": scores[AAPL].astype(np.float32),
        "alarm_rows": np.flatnonzero(raised[AAPL]).astype(np.int32),
    }


def verdicts(scores: np.ndarray, above: np.ndarray, alarms: np.ndarray, series: Series) -> dict:
    """Point-wise, event-wise and NAB results of one detector on one series, probation left out."""
    return {
        "points": scoring.pointwise(scores, above, series.windows),
        "events": scoring.eventwise(alarms, series.windows),
        "nab": {
            name: scoring.nab_score(alarms, series.windows, weights)
            for name, weights in scoring.PROFILES.items()
        },
    }
