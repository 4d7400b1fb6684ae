"""From anomaly scores to alarms, and the one protocol by which every detector of Part II is judged.

The protocol is NAB's (Lavin & Ahmad 2015): a detector streams over a series and may fit itself on the probation
rows, which are not scored. Its alarm rule is chosen with the labels of the nine other series; the judged series'
labels are read once, to judge.
"""

from dataclasses import asdict, dataclass

import numpy as np

from study.anomaly import scoring
from study.anomaly.series import AAPL, Series

DAY_ROWS = 288
REFRACTORY_ROWS = (0, 12, 36, 72, 144, DAY_ROWS)  # none, 1 h, 3 h, 6 h, 12 h, 24 h
CANDIDATES = 60  # thresholds tried per pause


@dataclass(frozen=True)
class AlarmRule:
    """An alarm at a score >= threshold, unless one was raised in the preceding refractory rows."""

    threshold: float
    refractory_rows: int

    def alarms(self, scores: np.ndarray) -> np.ndarray:
        """(n,) scores to (n,) bool."""
        return scoring.alarms(scores, self.threshold, self.refractory_rows)


def nab_total(alarms: list[np.ndarray], series: list[Series]) -> float:
    """NAB standard score summed over series."""
    weights = scoring.PROFILES["standard"]
    return sum(scoring.nab_score(a, one.windows, weights) for a, one in zip(alarms, series, strict=True))


def pooled_event_f1(alarms: list[np.ndarray], series: list[Series]) -> float:
    """Event-wise F1 of the windows and false events of all series counted together."""
    counts = [scoring.eventwise(a, one.windows) for a, one in zip(alarms, series, strict=True)]
    found, wrong, missed = (sum(c[k] for c in counts) for k in ("found_windows", "fp_events", "missed_windows"))
    return 2 * found / max(2 * found + wrong + missed, 1)


CRITERIA = {"nab": nab_total, "events": pooled_event_f1}
"""What a rule is chosen for. Each of the two results of a detector is judged under the rule chosen for it."""


def choose_rules(scores: list[np.ndarray], series: list[Series]) -> dict[str, AlarmRule]:
    """For each criterion the rule that is best on the series given; among equals the highest threshold.

    Thresholds tried lie at ranks spaced evenly in the logarithm among the highest scores, from the top score to
    the top tenth.
    """
    pooled = np.sort(np.concatenate([s[scoring.probation_rows(len(s)) :] for s in scores]))[::-1]
    ranks = np.unique(np.geomspace(1, len(pooled) // 10, CANDIDATES).astype(int)) - 1
    best = dict.fromkeys(CRITERIA, -np.inf)
    chosen = {}
    for threshold in np.unique(pooled[ranks])[::-1]:
        for refractory in REFRACTORY_ROWS:
            rule = AlarmRule(float(threshold), refractory)
            alarms = [rule.alarms(s) for s in scores]
            for name, criterion in CRITERIA.items():
                reached = criterion(alarms, series)
                if reached > best[name]:
                    best[name], chosen[name] = reached, rule
    return chosen


def judge(scores: dict[str, np.ndarray], series: dict[str, Series]) -> tuple[dict, dict[str, np.ndarray]]:
    """Metrics and arrays of one detector from its anomaly scores (n,) on all ten series.

    Both rules come from the nine others. NAB scores are of the alarms under the rule chosen for them, events likewise;
    point-wise numbers are of all rows at or above the threshold of the rule chosen for the NAB score.
    """
    others = [name for name in scores if name != AAPL]
    rules = choose_rules([scores[n] for n in others], [series[n] for n in others])
    raised = {name: rules["nab"].alarms(scores[name]) for name in scores}
    events = rules["events"].alarms(scores[AAPL])
    weights = scoring.PROFILES["standard"]
    metrics = {
        "rules": {name: asdict(rule) for name, rule in rules.items()},
        **verdicts(scores[AAPL], scores[AAPL] >= rules["nab"].threshold, raised[AAPL], series[AAPL]),
        "events": scoring.eventwise(events, series[AAPL].windows),
        "others_nab": {name: scoring.nab_score(raised[name], series[name].windows, weights) for name in others},
        "others_event_f1": pooled_event_f1(
            [rules["events"].alarms(scores[n]) for n in others], [series[n] for n in others]
        ),
    }
    return metrics, {
        "scores": scores[AAPL].astype(np.float32),
        "alarm_rows": np.flatnonzero(raised[AAPL]).astype(np.int32),
        "event_alarm_rows": np.flatnonzero(events).astype(np.int32),
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
