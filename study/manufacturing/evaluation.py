"""From the records of Part I to rates over plants, with their intervals, and to the costs of alarms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from study.evaluation import Interval
from study.manufacturing.detectors import AUTOENCODER, ENSEMBLE, PCA_NAME
from study.manufacturing.experiments import (
    FALSE_ALARM_GRID,
    LABELS,
    MONTHS,
    OR_CHECK,
    SEVERITIES,
    WORST,
    key_of,
)
from study.manufacturing.measures import mean_interval
from study.prose import interval, number
from study.runs import Record, of

Read = Callable[[dict], float]
"""Takes one number out of a record's metrics."""


def over_plants(records: Sequence[Record], read: Read) -> Interval:
    """Mean of a rate over plants and its 95% interval."""
    return mean_interval([read(r.metrics) for r in records])


def difference(after: Sequence[Record], read_after: Read, before: Sequence[Record], read_before: Read) -> Interval:
    """Mean difference of two rates, paired by plant, and its 95% interval.

    Plants of `before` that are not in `after` are left out. Raises ValueError for one that `before` lacks.
    """
    earlier = {r.spec["seed"]: r for r in before}
    if not {r.spec["seed"] for r in after} <= set(earlier):
        raise ValueError("a paired difference needs the same plants on both sides")
    return mean_interval([read_after(r.metrics) - read_before(earlier[r.spec["seed"]].metrics) for r in after])


def score(detector: str, quantity: str, kind: str | None = None, group: str = "scores") -> Read:
    """Reads `auroc`, `detection` or `false_alarms` of a detector, over all faults or one kind of them."""

    def read(metrics: dict) -> float:
        found = metrics[group][detector]
        return (found["kinds"][kind] if kind else found)[quantity]

    return read


def at_severity(severity: float, detector: str, quantity: str) -> Read:
    """Reads a rate for faults of one severity from a reference record."""
    i = SEVERITIES.index(severity)
    return lambda metrics: metrics["severities"][i]["scores"][detector][quantity]


def labelled(detector: str, labels: int, quantity: str) -> Read:
    """Reads a rate of the classifier that was fitted to so many labelled faults."""
    return lambda metrics: metrics["labels"][detector]["all"][str(labels)][quantity]


def in_month(month: int, strategy: str, detector: str, quantity: str) -> Read:
    """Reads a rate in a month of the year in service; month 12 is a year after the start."""
    return lambda metrics: metrics["months"][month][strategy][detector][quantity]


def shown(found: Interval, digits: int = 2) -> str:
    """An interval in a table or sentence: "0.81 [0.79 to 0.83]"."""
    return f"{number(found.mean, digits)} [{interval(found.low, found.high, digits)}]"


def _in_condition(name: str, level: float, detector: str, quantity: str) -> Read:
    return lambda metrics: metrics["conditions"][f"{name}-{level:g}"][detector][quantity]


@dataclass(frozen=True)
class Evidence:
    """What tables, figures and verdicts rest on: the records of Part I."""

    records: Sequence[Record]

    @cached_property
    def reference(self) -> list[Record]:
        """The autoencoder after its whole training on sound production, a record a plant."""
        return of(self.records, "part1-reference", "autoencoder")

    def runs(self, experiment: str, model: str | None = None) -> list[Record]:
        """The records of an experiment, by its task without `part1-`."""
        return of(self.records, f"part1-{experiment}", model)

    @cached_property
    def short(self) -> list[Record]:
        """The autoencoder after a training that is too short."""
        return [r for r in self.runs("short") if r.spec["model"].startswith("epochs-")]

    def contaminated(self, share: float) -> list[Record]:
        """Those fitted on production of which this share is faulty."""
        return self.runs("contamination", f"share-{round(100 * share)}")

    @property
    def shares(self) -> list[float]:
        """The shares of faulty cycles in contaminated production, rising."""
        return sorted({r.spec["settings"]["share"] for r in self.runs("contamination")})

    def rate(self, detector: str, quantity: str, kind: str | None = None) -> Interval:
        """A rate of the reference, for faults of the standard severity."""
        return over_plants(self.reference, score(detector, quantity, kind))

    def condition(self, name: str, level: float, detector: str, quantity: str = "detection") -> Interval:
        """A rate with `noise` (times normal) or `broken` gauges (a share of them)."""
        return over_plants(self.reference, _in_condition(name, level, detector, quantity))

    def worsened(self, name: str, level: float, detector: str, quantity: str = "detection") -> Interval:
        """What such a condition changes in a rate, paired by plant."""
        read = _in_condition(name, level, detector, quantity)
        return difference(self.reference, read, self.reference, score(detector, quantity))

    def subtle(self, detector: str) -> Interval:
        """Detection of faults of the second lowest severity."""
        return over_plants(self.reference, at_severity(SEVERITIES[1], detector, "detection"))

    def shortened(self, detector: str, quantity: str = "detection", absolute: bool = False) -> Interval:
        """What too short a training changes in a rate; with `absolute` the rate itself."""
        read = score(detector, quantity)
        return over_plants(self.short, read) if absolute else difference(self.short, read, self.reference, read)

    @property
    def epochs(self) -> int:
        """Epochs of the whole training."""
        return self.reference[0].spec["settings"]["epochs"]

    @property
    def short_epochs(self) -> int:
        """Epochs of the training that is too short."""
        return self.short[0].spec["settings"]["epochs"]

    @staticmethod
    def less(change: Interval) -> Interval:
        """A change as a loss: with the other sign."""
        return Interval(-change.mean, -change.high, -change.low)

    def mean(self, quantity: str) -> float:
        """The mean over plants of a quantity such as `validation_loss`."""
        return float(np.mean([r.metrics[quantity] for r in self.reference]))

    def headroom(self, detector: str) -> float:
        """The threshold over the mean error of sound cycles, for the autoencoder or PCA; mean over plants."""
        error = {AUTOENCODER: "validation_loss", PCA_NAME: "pca_loss"}[detector]
        return float(np.mean([r.metrics["thresholds"][detector] / r.metrics[error] for r in self.reference]))

    def ahead(self, detector: str, quantity: str = "detection") -> Interval:
        """How much a detector's rate is above the autoencoder's."""
        return difference(self.reference, score(detector, quantity), self.reference, score(AUTOENCODER, quantity))

    def recurring(self, detector: str, quantity: str = "detection") -> Interval:
        """What contamination with the largest share changes for faults that recur in the training data."""
        read = score(detector, quantity, group="recurring")
        return difference(self.contaminated(self.shares[-1]), read, self.reference, read)

    def scattered(self, detector: str, quantity: str = "detection") -> Interval:
        """The same for faults that strike another place every time."""
        read = score(detector, quantity)
        return difference(self.contaminated(self.shares[-1]), read, self.reference, read)

    def own_threshold(self, detector: str) -> Interval:
        """What the threshold loses in detection if it is set on cycles as contaminated as the training data."""
        most = self.contaminated(self.shares[-1])
        return difference(most, score(detector, "detection", group="own_threshold"), most, score(detector, "detection"))

    def service(self, month: int, strategy: str, detector: str, quantity: str) -> Interval:
        """A rate in a month of service."""
        return over_plants(self.reference, in_month(month, strategy, detector, quantity))

    def over_the_year(self, detector: str, quantity: str) -> Interval:
        """What a year of wear changes in a rate of a detector that is left as it is."""
        last, first = (in_month(month, "fixed", detector, quantity) for month in (MONTHS, 0))
        return difference(self.reference, last, self.reference, first)

    def gains(self, detector: str, quantity: str = "detection") -> dict[str, Interval]:
        """What each improvement changes in a rate of the autoencoder or PCA, paired by plant, by its name."""
        plain = score(detector, quantity)
        changed = {
            "check": score(OR_CHECK.format(detector), quantity),
            "labels": labelled(detector, LABELS[0], quantity),
            "ensemble": score(ENSEMBLE, quantity),
            "worst": score(WORST.format(detector), quantity),
        }
        return {name: difference(self.reference, after, self.reference, plain) for name, after in changed.items()}

    def retraining(self, detector: str, quantity: str) -> Interval:
        """What retraining has changed in a rate after a year in service, against a new threshold alone."""
        retrained, renewed = (in_month(MONTHS, s, detector, quantity) for s in ("retrained", "new threshold"))
        return difference(self.reference, retrained, self.reference, renewed)

    def unseen(self, kind: str, group: str) -> Interval:
        """Detection of a kind by the labelled autoencoder: `seen` with labels of that kind, `detection` without."""
        return over_plants(self.reference, lambda m: m["labels"][AUTOENCODER]["unseen"][kind][group])

    @property
    def milliseconds(self) -> dict[str, dict[str, float]]:
        """Time to score one vector: `median`, `p99`, and `in_batch` of a thousand, by detector."""
        return self.runs("latency")[0].metrics["milliseconds"]

    @property
    def typical_milliseconds(self) -> dict[str, float]:
        """The median time to score one vector, by detector; the ensemble's is the sum of its members'."""
        medians = {name: times["median"] for name, times in self.milliseconds.items()}
        return medians | {ENSEMBLE: sum(medians.values())}

    @property
    def lengths(self) -> dict[int, dict]:
        """The metrics on the development plant by the number of epochs, rising."""
        found = {r.spec["settings"]["epochs"]: r.metrics for r in self.runs("length")}
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
        """The false-alarm rate that fills the alarm budget of a shift."""
        return self.alarm_budget / self.cycles_per_shift

    def cost(self, false_alarms: np.ndarray, detection: np.ndarray, missed: float) -> np.ndarray:
        """Expected cost per 1000 components: inspections after false alarms, and missed faults."""
        inspected = (1 - self.faulty_share) * false_alarms
        return 1000 * (inspected + self.faulty_share * (1 - detection) * missed)


@dataclass(frozen=True)
class Chosen:
    """The threshold of least expected cost for a price of a missed fault, and what it costs on fresh cycles."""

    missed: float
    false_alarms: float
    detection: float
    cost: float
    without: float  # cost per 1000 components without any alarm

    @property
    def saved(self) -> float:
        """The share of the cost without alarms that is saved."""
        return 1 - self.cost / self.without


def by_cost(records: Sequence[Record], detector: str, economy: Economy) -> list[Chosen]:
    """For each price of a missed fault: the threshold chosen on one half of the faults and judged on the other.

    Rates are means over the plants; no alarm at all is among the choices.
    """
    key, found = key_of(detector), []
    mean = {
        part: np.mean([r.arrays[f"{part}_{key}"] for r in records], axis=0)
        for part in ("false_alarms", "detection", "chosen_detection")
    }
    for missed in economy.missed:
        expected = economy.cost(FALSE_ALARM_GRID, mean["chosen_detection"], missed)
        without = 1000 * economy.faulty_share * missed
        best = int(np.argmin(expected))
        if expected[best] < without:
            false_alarms, detection = float(mean["false_alarms"][best]), float(mean["detection"][best])
        else:
            false_alarms = detection = 0.0
        cost = float(economy.cost(np.array(false_alarms), np.array(detection), missed))
        found.append(Chosen(missed, false_alarms, detection, cost, without))
    return found


def detection_at(records: Sequence[Record], detector: str, false_alarms: float) -> Interval:
    """Detection rate where the threshold, set on normal cycles, allows that rate of false alarms."""
    i = int(np.argmin(np.abs(np.log(FALSE_ALARM_GRID / false_alarms))))
    return mean_interval([float(r.arrays[f"detection_{key_of(detector)}"][i]) for r in records])
