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


@dataclass(frozen=True)
class Trials:
    """What every rule tried gives on every series: arrays of shape (rules, series)."""

    rules: list[AlarmRule]
    nab: np.ndarray
    found: np.ndarray
    wrong: np.ndarray
    missed: np.ndarray

    def best(self, criterion: str, columns: list[int]) -> int:
        """Index of the rule that is best on some of the series; among equals the highest threshold.

        `nab` is the NAB standard score summed over them, `events` the F1 of their events counted together.
        Raises ValueError for another criterion.
        """
        if criterion == "nab":
            return int(np.argmax(self.nab[:, columns].sum(axis=1)))
        if criterion == "events":
            found, wrong, missed = (a[:, columns].sum(axis=1) for a in (self.found, self.wrong, self.missed))
            return int(np.argmax(2 * found / np.maximum(2 * found + wrong + missed, 1)))
        raise ValueError(f"Unknown criterion '{criterion}'. Choose 'nab' or 'events'.")


def try_rules(scores: list[np.ndarray], series: list[Series]) -> Trials:
    """Every candidate rule on every series given, by falling threshold.

    Thresholds lie at ranks spaced evenly in the logarithm among the highest scores, from the top score to the top
    tenth; each is tried with every pause.
    """
    pooled = np.sort(np.concatenate([s[scoring.probation_rows(len(s)) :] for s in scores]))[::-1]
    ranks = np.unique(np.geomspace(1, len(pooled) // 10, CANDIDATES).astype(int)) - 1
    thresholds = np.unique(pooled[ranks])[::-1]
    rules = [AlarmRule(float(t), pause) for t in thresholds for pause in REFRACTORY_ROWS]
    nab = np.empty((len(rules), len(series)))
    counts = np.empty((3, len(rules), len(series)), dtype=int)
    for column, (score, one) in enumerate(zip(scores, series, strict=True)):
        for row, rule in enumerate(rules):
            alarms = rule.alarms(score)
            nab[row, column] = scoring.nab_score(alarms, one.windows, scoring.PROFILES["standard"])
            events = scoring.eventwise(alarms, one.windows)
            counts[:, row, column] = [events[k] for k in ("found_windows", "fp_events", "missed_windows")]
    return Trials(rules, nab, *counts)


def left_out(trials: Trials) -> list[float]:
    """NAB standard score of each series under the rule that is best on all the others."""
    columns = range(trials.nab.shape[1])
    return [float(trials.nab[trials.best("nab", [c for c in columns if c != out]), out]) for out in columns]


def judge(scores: dict[str, np.ndarray], series: dict[str, Series]) -> tuple[dict, dict[str, np.ndarray]]:
    """Metrics and arrays of one detector from its anomaly scores (n,) on all ten series.

    The alarm rule is the one with the highest summed NAB score on the nine others; all results are under it. Events
    are also given under the rule with the highest event-wise F1 there. `left_out` estimates the NAB score of a
    series that had no part in choosing the rule, on each of the nine.
    """
    others = [name for name in scores if name != AAPL]
    trials = try_rules([scores[n] for n in others], [series[n] for n in others])
    rules = {name: trials.rules[trials.best(name, list(range(len(others))))] for name in ("nab", "events")}
    raised = rules["nab"].alarms(scores[AAPL])
    metrics = {
        "rules": {name: asdict(rule) for name, rule in rules.items()},
        **verdicts(scores[AAPL], scores[AAPL] >= rules["nab"].threshold, raised, series[AAPL]),
        "events_by_event_rule": scoring.eventwise(rules["events"].alarms(scores[AAPL]), series[AAPL].windows),
        "left_out": dict(zip(others, left_out(trials), strict=True)),
    }
    return metrics, {
        "scores": scores[AAPL].astype(np.float32),
        "alarm_rows": np.flatnonzero(raised).astype(np.int32),
    }


def verdicts(scores: np.ndarray, above: np.ndarray, alarms: np.ndarray, series: Series) -> dict:
    """Point-wise, event-wise and NAB results of one detector on one series, probation left out."""
    return {
        "points": scoring.pointwise(scores, above, series.windows),
        "events": scoring.eventwise(alarms, series.windows),
        "nab": {name: scoring.nab_score(alarms, series.windows, weights) for name, weights in scoring.PROFILES.items()},
    }
