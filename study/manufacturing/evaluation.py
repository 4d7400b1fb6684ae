"""From scores to rates of a plant; from the records of all plants to mean rates with their intervals, and to costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from operator import getitem
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from study import comparison
from study.comparison import minus
from study.evaluation import Interval, t_interval
from study.manufacturing.detectors import AUTOENCODER, ENSEMBLE, OR_CHECK, PCA_NAME, WORST
from study.manufacturing.experiments import FALSE_ALARM_GRID, LABELS, MONTHS, SEVERITIES, key_of
from study.prose import interval, percent
from study.runs import Record, of

FALSE_ALARMS = 0.01
"""Share of normal cycles that may raise an alarm."""
RESAMPLES = 10_000


def threshold(normal: np.ndarray) -> float:
    """The score that a share FALSE_ALARMS of normal cycles exceeds. Raises ValueError for too few cycles."""
    if len(normal) * FALSE_ALARMS < 1:
        raise ValueError(f"{len(normal)} normal cycles are too few for a false-alarm rate of {FALSE_ALARMS}")
    return float(np.quantile(normal, 1 - FALSE_ALARMS))


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
    """The mean over plants of a rate and its 95% bootstrap interval, which stays inside the range of the values.

    The ends are percentiles of the means of resamples. Raises ValueError for fewer than two values.
    """
    if len(values) < 2:
        raise ValueError(f"an interval over plants needs two plants or more, got {len(values)}")
    found = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(0).integers(len(found), size=(RESAMPLES, len(found)))
    low, high = np.percentile(found[drawn].mean(axis=1), (2.5, 97.5))
    return Interval(float(found.mean()), float(low), float(high))


def shown(rate: Interval) -> str:
    """A rate in whole per cent with its interval, for a table or sentence: "81% [79 to 83]"."""
    return f"{percent(rate.mean, 0)} [{interval(100 * rate.low, 100 * rate.high, 0)}]"


points = partial(comparison.points, digits=0)
"""A change of a rate in whole percentage points with its interval: "3 points [−1 to 6]"."""


def by_plant(records: Sequence[Record], *place: str | int) -> pd.Series:
    """A number of each record by its place in the metrics, such as "scores", "PCA", "auroc"; indexed by plant."""
    return pd.Series({r.spec["seed"]: reduce(getitem, place, r.metrics) for r in records}, dtype=float)


def difference(after: pd.Series, before: pd.Series) -> Interval:
    """Mean difference of two rates, paired by plant, and Student's 95% interval: a change has no bounds to stay inside.

    Plants of `before` alone are left out. Raises KeyError for plants of `after` alone.
    """
    return t_interval(after - before.loc[after.index])


@dataclass(frozen=True)
class Evidence:
    """What tables, figures and verdicts rest on: the records of Part I.

    Quantities of a detector are `auroc`, `detection` and `false_alarms`; differences are paired by plant.
    """

    records: Sequence[Record]

    @cached_property
    def reference(self) -> list[Record]:
        """The autoencoder after its whole training on sound production, a record a plant."""
        return of(self.records, "part1-reference", "autoencoder")

    @cached_property
    def short(self) -> list[Record]:
        """The autoencoder after a training that is too short."""
        return [r for r in of(self.records, "part1-short") if r.spec["model"].startswith("epochs-")]

    def contaminated(self, share: float) -> list[Record]:
        """Those fitted on production of which this share is faulty."""
        return of(self.records, "part1-contamination", f"share-{round(100 * share)}")

    @property
    def shares(self) -> list[float]:
        """The shares of faulty cycles in contaminated production, rising."""
        return sorted({r.spec["settings"]["share"] for r in of(self.records, "part1-contamination")})

    @property
    def epochs(self) -> int:
        return self.reference[0].spec["settings"]["epochs"]

    @property
    def short_epochs(self) -> int:
        return self.short[0].spec["settings"]["epochs"]

    def at(self, *place: str | int) -> pd.Series:
        """A number of the reference by its place in the metrics; see `by_plant`."""
        return by_plant(self.reference, *place)

    def rate(self, detector: str, quantity: str, kind: str | None = None) -> Interval:
        """For faults of the standard severity, of one kind or all."""
        return mean_interval(self.at("scores", detector, *(("kinds", kind) if kind else ()), quantity))

    def ahead(self, detector: str) -> Interval:
        """How much more a detector detects than the autoencoder."""
        return difference(self.at("scores", detector, "detection"), self.at("scores", AUTOENCODER, "detection"))

    def severe(self, severity: float, detector: str) -> Interval:
        return mean_interval(self.at("severities", SEVERITIES.index(severity), "scores", detector, "detection"))

    def subtle(self, detector: str) -> Interval:
        """Detection of faults of the second lowest severity."""
        return self.severe(SEVERITIES[1], detector)

    def condition(self, name: str, level: float, detector: str) -> Interval:
        """Detection with `noise` (times normal) or `broken` gauges (a share of them)."""
        return mean_interval(self.at("conditions", f"{name}-{level:g}", detector, "detection"))

    def worsened(self, name: str, level: float, detector: str) -> Interval:
        """What such a condition changes in detection."""
        worse = self.at("conditions", f"{name}-{level:g}", detector, "detection")
        return difference(worse, self.at("scores", detector, "detection"))

    def shortened(self, detector: str, absolute: bool = False) -> Interval:
        """What too short a training changes in detection; with `absolute` detection itself."""
        short = by_plant(self.short, "scores", detector, "detection")
        return mean_interval(short) if absolute else difference(short, self.at("scores", detector, "detection"))

    def _contamination(self, group: str, detector: str) -> Interval:
        most = by_plant(self.contaminated(self.shares[-1]), group, detector, "detection")
        return difference(most, self.at(group, detector, "detection"))

    def recurring(self, detector: str) -> Interval:
        """What contamination with the largest share changes in detection of faults that recur in the training data."""
        return self._contamination("recurring", detector)

    def scattered(self, detector: str) -> Interval:
        """The same for faults that strike another place every time."""
        return self._contamination("scores", detector)

    def own_threshold(self, detector: str) -> Interval:
        """What detection loses if the threshold is set on cycles as contaminated as the training data."""
        most = self.contaminated(self.shares[-1])
        own, sound = (by_plant(most, group, detector, "detection") for group in ("own_threshold", "scores"))
        return difference(own, sound)

    def service(self, month: int, strategy: str, detector: str, quantity: str) -> Interval:
        """In a month of service; month 12 is a year after the start."""
        return mean_interval(self.at("months", month, strategy, detector, quantity))

    def over_the_year(self, detector: str, quantity: str) -> Interval:
        """What a year of wear changes for a detector that is left as it is."""
        last, first = (self.at("months", month, "fixed", detector, quantity) for month in (MONTHS, 0))
        return difference(last, first)

    def retraining(self, detector: str, quantity: str) -> Interval:
        """What retraining has changed after a year in service, against a new threshold alone."""
        strategies = "retrained", "new threshold"
        return difference(*(self.at("months", MONTHS, strategy, detector, quantity) for strategy in strategies))

    def subtle_gain(self, detector: str) -> Interval:
        """What the heat balance as a check changes in detection of faults of the second lowest severity."""
        place = "severities", 1, "scores"
        return difference(*(self.at(*place, name, "detection") for name in (OR_CHECK.format(detector), detector)))

    def gains(self, detector: str) -> dict[str, Interval]:
        """What each improvement changes in detection by the autoencoder or PCA, by its name."""
        improved = {
            "check": ("scores", OR_CHECK.format(detector)),
            "labels": ("labels", detector, "all", str(LABELS[0])),
            "more labels": ("labels", detector, "all", str(LABELS[1])),
            "ensemble": ("scores", ENSEMBLE),
            "worst": ("scores", WORST.format(detector)),
        }
        plain = self.at("scores", detector, "detection")
        return {name: difference(self.at(*place, "detection"), plain) for name, place in improved.items()}

    def unseen(self, kind: str, group: str) -> Interval:
        """Detection of a kind by the labelled autoencoder: `seen` with labels of that kind, `detection` without."""
        return mean_interval(self.at("labels", AUTOENCODER, "unseen", kind, group))

    less = staticmethod(minus)
    """A change as a loss: with the other sign."""

    def mean(self, quantity: str) -> float:
        """The mean over plants of a quantity such as `validation_loss`."""
        return float(self.at(quantity).mean())

    def headroom(self, detector: str) -> float:
        """The threshold over the mean error of sound cycles, for the autoencoder or PCA; mean over plants."""
        error = {AUTOENCODER: "validation_loss", PCA_NAME: "pca_loss"}[detector]
        return float((self.at("thresholds", detector) / self.at(error)).mean())

    @property
    def typical_milliseconds(self) -> dict[str, float]:
        """The median time to score one vector, by detector; the ensemble's is the sum of its members'."""
        (latency,) = of(self.records, "part1-latency")
        medians = {name: times["median"] for name, times in latency.metrics["milliseconds"].items()}
        return medians | {ENSEMBLE: sum(medians.values())}

    @property
    def lengths(self) -> dict[int, dict]:
        """The metrics on the development plant by the number of epochs, rising."""
        found = {r.spec["settings"]["epochs"]: r.metrics for r in of(self.records, "part1-length")}
        return dict(sorted(found.items()))

    def developed(self, epochs: int) -> float:
        """The autoencoder's detection rate on the development plant after so many epochs; KeyError for others."""
        return self.lengths[epochs]["scores"][AUTOENCODER]["detection"]


@dataclass(frozen=True)
class Economy:
    """A plant's prices, in units of one inspection of a component after an alarm."""

    faulty_share: float = 0.005
    missed: tuple[float, ...] = (20.0, 100.0, 500.0)
    seconds_per_cycle: float = 10.0
    hours_per_shift: float = 8.0
    alarm_budget: float = 20.0

    @property
    def cycles_per_shift(self) -> float:
        return 3600 * self.hours_per_shift / self.seconds_per_cycle

    @property
    def affordable(self) -> float:
        """The false-alarm rate of sound cycles that fills the alarm budget of a shift."""
        return self.alarm_budget / (self.cycles_per_shift * (1 - self.faulty_share))

    def cost(self, false_alarms: np.ndarray, detection: np.ndarray, missed: float) -> np.ndarray:
        """Expected cost per 1000 components: inspections after false alarms, and missed faults."""
        inspected = (1 - self.faulty_share) * false_alarms
        return 1000 * (inspected + self.faulty_share * (1 - detection) * missed)


class Saved(NamedTuple):
    """What alarms are worth at a price of a missed fault: the share of the cost without alarms that they save."""

    missed: float
    saved: float


def by_cost(records: Sequence[Record], detector: str, economy: Economy) -> list[Saved]:
    """For each price: the threshold of least expected cost, chosen on one half of the faults, judged on the other.

    Rates are means over the plants; no alarm at all, the first, and an alarm for every cycle, the last, are among the
    choices.
    """
    key = key_of(detector)
    false_alarms, detection, to_choose = (
        np.concatenate([[0], np.mean([r.arrays[f"{part}_{key}"] for r in records], axis=0), [1]])
        for part in ("false_alarms", "detection", "chosen_detection")
    )
    found = []
    for missed in economy.missed:
        best = economy.cost(np.concatenate([[0], FALSE_ALARM_GRID, [1]]), to_choose, missed).argmin()
        costs = economy.cost(false_alarms, detection, missed)
        found.append(Saved(missed, 1 - costs[best] / costs[0]))
    return found


def detection_at(records: Sequence[Record], detector: str, false_alarms: float) -> Interval:
    """Detection rate where the threshold, set on normal cycles, allows that rate of false alarms."""
    i = int(np.argmin(np.abs(np.log(FALSE_ALARM_GRID / false_alarms))))
    return mean_interval([float(r.arrays[f"detection_{key_of(detector)}"][i]) for r in records])
