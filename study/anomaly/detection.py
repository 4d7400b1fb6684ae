"""From anomaly scores to alarms, and the one protocol by which every detector of Part II is judged.

The protocol is NAB's (Lavin & Ahmad 2015): a detector streams over a series and may fit itself on the probation
rows, which are not scored. Its alarm rule is chosen with the labels of the nine other series; the judged series'
labels are read once, to judge. Every detector is judged twice, with a pause after each alarm, whose length is chosen
like the threshold, and without one.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from study.anomaly import ranges, scoring
from study.anomaly.series import AAPL, DAY_ROWS, HOUR_ROWS, Series

REFRACTORY_ROWS = (0, HOUR_ROWS, 3 * HOUR_ROWS, 6 * HOUR_ROWS, 12 * HOUR_ROWS, DAY_ROWS)
"""The pauses that are tried after an alarm."""
COLUMNS = {"paused": REFRACTORY_ROWS, "unpaused": (0,)}
"""The two ways in which a detector is judged: the pauses that its rule is chosen from."""
CANDIDATES = 60  # thresholds tried per pause
STANDARD = scoring.PROFILES["standard"]


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

    def best(self, criterion: str, pauses: Sequence[int] = REFRACTORY_ROWS) -> AlarmRule:
        """The rule with one of these pauses that is best on all the series; among equals the highest threshold.

        `nab` is the NAB standard score summed over them, `events` the F1 of their events counted together.
        Raises ValueError for another criterion.
        """
        if criterion == "nab":
            worth = self.nab.sum(axis=1)
        elif criterion == "events":
            found, wrong, missed = (a.sum(axis=1) for a in (self.found, self.wrong, self.missed))
            worth = 2 * found / np.maximum(2 * found + wrong + missed, 1)
        else:
            raise ValueError(f"Unknown criterion '{criterion}'. Choose 'nab' or 'events'.")
        allowed = [i for i, rule in enumerate(self.rules) if rule.refractory_rows in pauses]
        # Rules stand by falling threshold, and argmax takes the first of equals.
        return self.rules[allowed[int(np.argmax(worth[allowed]))]]


class OnSeries:
    """What rules give on one series from scores (n,): NAB score, windows found, false events, windows missed.

    Two thresholds that as many rows reach are reached by the same rows, so each such number is tried once a pause.
    """

    def __init__(self, scores: np.ndarray, series: Series) -> None:
        self.scores, self.rising, self.windows = scores, np.sort(scores), len(series.windows)
        self.signed = scoring.row_weights(len(series), series.windows, STANDARD)
        self.window_of = scoring.window_of_rows(len(series), series.windows)
        self.head, self.tried = scoring.probation_rows(len(series)), {}

    def under(self, rule: AlarmRule) -> tuple[float, int, int, int]:
        flagged = len(self.rising) - int(np.searchsorted(self.rising, rule.threshold)), rule.refractory_rows
        if flagged not in self.tried:
            rows = scoring.alarm_rows(np.flatnonzero(self.scores >= rule.threshold), rule.refractory_rows)
            nab = scoring.nab_score_of_rows(rows, self.signed, self.window_of, self.windows, STANDARD)
            begun = scoring.first_rows(rows[rows >= self.head])
            events = scoring.events_of_rows(begun, self.window_of, self.windows)
            self.tried[flagged] = nab, *(events[k] for k in ("found_windows", "fp_events", "missed_windows"))
        return self.tried[flagged]


def try_rules(on: Sequence[OnSeries]) -> Trials:
    """Every candidate rule on every series given, by falling threshold; only these series have a say in it.

    Thresholds lie at ranks spaced evenly in the logarithm among the highest scores of scored rows, from the top score
    to the top tenth, after one that no score reaches; each is tried with every pause.
    """
    pooled = np.sort(np.concatenate([one.scores[one.head :] for one in on]))[::-1]
    ranks = np.unique(np.geomspace(1, len(pooled) // 10, CANDIDATES).astype(int)) - 1
    thresholds = [np.nextafter(pooled[0], np.inf), *np.unique(pooled[ranks])[::-1]]
    rules = [AlarmRule(float(t), pause) for t in thresholds for pause in REFRACTORY_ROWS]
    nab, *counts = np.moveaxis(np.array([[one.under(rule) for one in on] for rule in rules]), 2, 0)
    return Trials(rules, nab, *(count.astype(int) for count in counts))


def left_out(scores: dict[str, np.ndarray], series: dict[str, Series]) -> dict[str, dict[str, AlarmRule]]:
    """For each series the rule of each column that is best on all the others by the NAB score; its own has no say."""
    return _left_out({name: OnSeries(scores[name], series[name]) for name in scores})


def _left_out(on: dict[str, OnSeries]) -> dict[str, dict[str, AlarmRule]]:
    chosen = {}
    for out in on:
        trials = try_rules([one for name, one in on.items() if name != out])
        chosen[out] = {column: trials.best("nab", pauses) for column, pauses in COLUMNS.items()}
    return chosen


def judge(scores: dict[str, np.ndarray], series: dict[str, Series]) -> tuple[dict, dict[str, np.ndarray]]:
    """Metrics and arrays of one detector from its anomaly scores (n,) on all ten series, judged on AAPL.

    In each of COLUMNS, rules are chosen on the nine others: one by the summed NAB score, whose alarms are judged by
    NAB, by rows and by affiliation, and one by the F1 of events, whose alarms are judged by events. `left_out` has
    the NAB score on each of the nine under a rule chosen on the eight others.
    """
    others = {name: one for name, one in series.items() if name != AAPL}
    judged, on_others = series[AAPL], {name: OnSeries(scores[name], one) for name, one in others.items()}
    trials, elsewhere = try_rules(list(on_others.values())), _left_out(on_others)
    metrics: dict = {}
    arrays: dict[str, np.ndarray] = {"scores": scores[AAPL].astype(np.float32)}
    for column, pauses in COLUMNS.items():
        rules = {criterion: trials.best(criterion, pauses) for criterion in ("nab", "events")}
        raised = rules["nab"].alarms(scores[AAPL])
        metrics[column] = {
            "rules": {criterion: asdict(rule) for criterion, rule in rules.items()},
            **verdicts(raised, judged),
            "events": scoring.eventwise(rules["events"].alarms(scores[AAPL]), judged.windows),
            "points": scoring.pointwise(scores[AAPL], scores[AAPL] >= rules["nab"].threshold, judged.windows),
            "left_out": {
                name: scoring.nab_score(elsewhere[name][column].alarms(scores[name]), one.windows, STANDARD)
                for name, one in others.items()
            },
        }
        arrays[f"{column}_alarm_rows"] = np.flatnonzero(raised).astype(np.int32)
    ranking = {name: metrics["paused"]["points"][name] for name in ("roc_auc", "pr_auc")}
    return {**metrics, **ranking, "vus_pr": ranges.vus_pr(scores[AAPL], judged.windows)}, arrays


def verdicts(alarms: np.ndarray, series: Series) -> dict:
    """What alarms (n,) bool are worth on a series: NAB's scores, windows found and false events, affiliation."""
    nab = {name: scoring.nab_score(alarms, series.windows, weights) for name, weights in scoring.PROFILES.items()}
    events = scoring.eventwise(alarms, series.windows)
    return {
        "nab": nab,
        "nab_100": scoring.normalised(nab["standard"], len(series.windows), STANDARD),
        "found_windows": events["found_windows"],
        "false_events": events["fp_events"],
        "affiliation": ranges.affiliation(alarms, series.windows),
    }
