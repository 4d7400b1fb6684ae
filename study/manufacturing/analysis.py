"""From the records of Part I to the tables and verdicts that its notebook shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from study import profile, published
from study.evaluation import Interval, t_interval
from study.manufacturing import recipes
from study.manufacturing.detectors import AUTOENCODER, ENSEMBLE, PCA_NAME
from study.manufacturing.line import WIDTH
from study.manufacturing.measures import FALSE_ALARMS, rate_interval
from study.manufacturing.recipes import FALSE_ALARM_GRID, LABELS, SEVERITIES, STANDARD_SEVERITY
from study.profile import Part1
from study.prose import (
    CONFIRMED,
    HALF,
    NOTHING,
    OPEN,
    REFUTED,
    Glance,
    Judged,
    Verdict,
    count,
    interval,
    join_list,
    number,
)
from study.runs import Record, of

Read = Callable[[dict], float]
"""Takes one number out of a record's metrics."""


def over_seeds(records: Sequence[Record], read: Read) -> Interval:
    """Mean of a rate over seeds and its 95% interval."""
    return rate_interval([read(r.metrics) for r in records])


def difference(after: Sequence[Record], read_after: Read, before: Sequence[Record], read_before: Read) -> Interval:
    """Mean difference of two rates of the same seeds and its 95% interval. Raises ValueError for different seeds."""
    if [r.spec["seed"] for r in after] != [r.spec["seed"] for r in before]:
        raise ValueError("a paired difference needs the same seeds on both sides")
    pairs = zip(after, before, strict=True)
    return t_interval([read_after(a.metrics) - read_before(b.metrics) for a, b in pairs])


def direction(change: Interval) -> str:
    """`higher than` or `lower than` where the interval of a difference excludes zero, else that it is not clear."""
    if change.low > 0:
        return "higher than"
    return "lower than" if change.high < 0 else "not clearly different from"


def shown(found: Interval, digits: int = 2) -> str:
    """An interval in a table or sentence: "0.81 [0.79 to 0.83]"."""
    return f"{number(found.mean, digits)} [{interval(found.low, found.high, digits)}]"


def at_severity(severity: float, detector: str, quantity: str, kind: str | None = None) -> Read:
    """Reads a rate of a `part1-severity` record."""
    i = SEVERITIES.index(severity)

    def read(metrics: dict) -> float:
        found = metrics["severities"][i]["scores"][detector]
        return (found["kinds"][kind] if kind else found)[quantity]

    return read


def standard(detector: str, quantity: str, kind: str | None = None) -> Read:
    """The same at the standard severity."""
    return at_severity(STANDARD_SEVERITY, detector, quantity, kind)


def score(detector: str, quantity: str, kind: str | None = None, group: str = "scores") -> Read:
    """Reads a rate of a record whose metrics hold detectors under `group`."""

    def read(metrics: dict) -> float:
        found = metrics[group][detector]
        return (found["kinds"][kind] if kind else found)[quantity]

    return read


def monthly(records: Sequence[Record], strategy: str, detector: str, quantity: str) -> list[Interval]:
    """One interval a month of a year in service."""
    months = range(len(records[0].metrics["months"]))
    return [over_seeds(records, lambda m, i=i: m["months"][i][strategy][detector][quantity]) for i in months]


def last_month(strategy: str, detector: str, quantity: str) -> Read:
    """Reads a rate after a year in service."""
    return lambda m: m["months"][-1][strategy][detector][quantity]


def labelled(detector: str, labels: int, quantity: str) -> Read:
    """Reads a rate of the classifier that learnt from so many labelled faults."""
    return lambda m: m["labels"][detector]["all"][str(labels)][quantity]


def harms(records: Sequence[Record], sizes: Part1, detector: str) -> dict[str, Interval]:
    """What each challenge at its worst does to a detector: changes of its AUROC, for `threshold` of its detection.

    `gentle` is no change, but its detection rate of faults of the second lowest severity, and `alarms` its
    false-alarm rate after a year.
    """
    clean, year = of(records, "part1-severity", "clean"), of(records, "part1-drift", "year")
    few, many = (
        of(records, "part1-contamination", f"share-{round(100 * share)}")
        for share in (min(sizes.contamination), max(sizes.contamination))
    )
    noisy = of(records, "part1-noise", f"times-{max(sizes.noise):g}")
    broken = of(records, "part1-broken-gauges", f"share-{round(100 * max(sizes.broken_gauges))}")
    usual, auroc = standard(detector, "auroc"), score(detector, "auroc")
    recurring, scattered = (score(detector, "auroc", group=group) for group in ("recurring", "scattered"))
    own, normal = (score(detector, "detection", group=group) for group in ("own_threshold", "scattered"))
    return {
        "recurring": difference(many, recurring, few, recurring),
        "scattered": difference(many, scattered, clean, usual),
        "threshold": difference(many, own, many, normal),
        "gentle": over_seeds(clean, at_severity(SEVERITIES[1], detector, "detection")),
        "noise": difference(noisy, auroc, clean, usual),
        "broken": difference(broken, auroc, clean, usual),
        "wear": difference(
            year, last_month("fixed", detector, "auroc"), year, lambda m: m["months"][0]["fixed"][detector]["auroc"]
        ),
        "alarms": over_seeds(year, last_month("fixed", detector, "false_alarms")),
    }


def gains(records: Sequence[Record], detector: str) -> dict[str, dict[str, Interval]]:
    """What each improvement changes in AUROC and detection of the autoencoder or PCA, by the improvement's name."""
    clean, year = of(records, "part1-severity", "clean"), of(records, "part1-drift", "year")
    knowledge = of(records, "part1-knowledge", "heat-balance")
    wider, either = {
        AUTOENCODER: (recipes.KNOWLEDGE_INPUT, recipes.EITHER), PCA_NAME: (recipes.PCA_INPUT, recipes.PCA_EITHER),
    }[detector]  # fmt: skip
    changes = {
        "input": lambda q: (knowledge, score(wider, q), knowledge, score(detector, q)),
        "check": lambda q: (knowledge, score(either, q), knowledge, score(detector, q)),
        "labels": lambda q: (clean, labelled(detector, min(LABELS), q), clean, standard(detector, q)),
        "ensemble": lambda q: (clean, standard(ENSEMBLE, q), clean, standard(detector, q)),
        "retraining": lambda q: (
            year, last_month("retrained", detector, q), year, last_month("new threshold", detector, q),
        ),
    }  # fmt: skip
    return {name: {q: difference(*pair(q)) for q in ("auroc", "detection")} for name, pair in changes.items()}


def challenge_verdicts(harm: Mapping[str, Interval]) -> dict[str, Verdict]:
    """Whether the original's challenges are seen in the harms of a detector, by the claim's name."""
    blurred = [harm[name].high < 0 for name in ("noise", "broken")]
    learnt, at_once = harm["recurring"].high < 0, harm["threshold"].high < 0
    slow = "the threshold suffers at once, but the model learns them only slowly: " if at_once and not learnt else ""
    changed = harm["wear"].high < 0 or harm["alarms"].low > FALSE_ALARMS
    return {
        "errors_learnt": Verdict(
            CONFIRMED if learnt else HALF if at_once else OPEN,
            f"{slow}with recurring faults in the training data AUROC changes by {shown(harm['recurring'], 3)}, "
            f"detection by a threshold set on those data by {shown(harm['threshold'])}",
        ),
        "subtle_missed": Verdict(
            CONFIRMED if harm["gentle"].high < 0.5 else OPEN,
            f"of faults of severity {SEVERITIES[1]:g}, a share of {shown(harm['gentle'])} is found",
        ),
        "messy_sensors": Verdict(
            CONFIRMED if all(blurred) else HALF if any(blurred) else OPEN,
            f"AUROC changes by {shown(harm['noise'])} with noise and by {shown(harm['broken'])} with broken gauges",
        ),
        "conditions_change": Verdict(
            CONFIRMED if changed else OPEN,
            f"after a year of wear AUROC has changed by {shown(harm['wear'])}, "
            f"and {shown(harm['alarms'])} of the normal cycles raise an alarm",
        ),
    }


def improvement_verdicts(gain: Mapping[str, Mapping[str, Interval]]) -> dict[str, Verdict]:
    """Whether the original's improvements are seen in the gains of a detector, by the claim's name."""

    def helped(changes: Mapping[str, Interval]) -> Verdict:
        seen = changes.values()
        status = OPEN
        if any(change.low > 0 for change in seen):
            status = CONFIRMED
        elif all(change.high < 0 for change in seen):
            status = REFUTED
        return Verdict(
            status, f"changes {join_list([f'{name} by {shown(change)}' for name, change in changes.items()])}"
        )

    def both(name: str) -> dict[str, Interval]:
        return {"AUROC": gain[name]["auroc"], "detection": gain[name]["detection"]}

    beside = {f"{what}, as a check beside the model,": change for what, change in both("check").items()}
    return {
        "expert_knowledge": helped(both("input") | beside),
        "few_labels": helped(both("labels")),
        "combined_methods": helped(both("ensemble")),
        "keep_teaching": helped({"AUROC, against a new threshold alone,": gain["retraining"]["auroc"]}),
    }


def claims(records: Sequence[Record]) -> dict[str, Verdict]:
    """The verdict on each of the original's claims about Part I, as measured with its autoencoder."""
    sizes = profile.load(records[0].spec["profile"]).part1
    harm, gain = harms(records, sizes, AUTOENCODER), gains(records, AUTOENCODER)
    return challenge_verdicts(harm) | improvement_verdicts(gain)


LAYERS = {"hidden_1": 512, "bottleneck": 32, "hidden_2": 512, "output": WIDTH}
"""Units of the assignment's layers, those of `model.autoencoder`."""


def formula(widths: Sequence[int]) -> pd.DataFrame:
    """Parameters of a chain of dense layers by m x n weights + n biases: columns weights, biases, total."""
    rows = [(m * n, n, m * n + n) for m, n in zip(widths, widths[1:], strict=False)]
    return pd.DataFrame(rows, columns=["weights", "biases", "total"])


def parameters(counted: pd.DataFrame, formula: pd.DataFrame) -> pd.DataFrame:
    """Layer by layer: the model's parameters, the formula's, and the published ones; the last row is the sum.

    Raises ValueError when model and formula disagree.
    """
    if not (counted[["weights", "biases", "total"]].to_numpy() == formula.to_numpy()).all():
        raise ValueError(f"the model's parameters are not the formula's:\n{counted}\n{formula}")
    rows = counted.copy()
    rows["published"] = [int(published.value(f"part1.{layer}.total")) for layer in rows.layer]
    sums = rows[["weights", "biases", "total", "published"]].sum()
    last = {"layer": "sum", "inputs": 0, "outputs": 0, **sums, "published": int(published.value("part1.total"))}
    return pd.concat([rows, pd.DataFrame([last])], ignore_index=True)


def counted_parameters(records: Sequence[Record]) -> int:
    """Parameters of the model that was trained."""
    return of(records, "part1-latency", "single-vector")[0].metrics["parameters"]


def judged(records: Sequence[Record]) -> list[Judged]:
    """The published parameter counts: of each layer by the formula, in all as the trained model has them."""
    found, forgotten = [], ""
    for layer, row in zip(LAYERS, formula([WIDTH, *LAYERS.values()]).itertuples(), strict=True):
        key = f"part1.{layer}.total"
        if published.value(key) == row.weights:
            forgotten = f"the {number(row.biases)} biases of the layer {layer} are left out"
        name = f"parameters of layer {layer}"
        found.append(published.judge(key, "Autoencoder", name, [row.total], 0, show=number, cause=forgotten))
    total = [counted_parameters(records)]
    return [*found, published.judge("part1.total", "Autoencoder", "parameters", total, 0, show=number, cause=forgotten)]


def aurocs(records: Sequence[Record]) -> dict[str, Interval]:
    """AUROC of the autoencoder and of PCA at the standard severity."""
    clean = of(records, "part1-severity", "clean")
    return {name: over_seeds(clean, standard(name, "auroc")) for name in (AUTOENCODER, PCA_NAME)}


def with_patience(records: Sequence[Record]) -> str:
    """The autoencoder's AUROC after its usual training and after the long one, of which there are fewer plants."""
    usual, patient = of(records, "part1-severity", "clean"), of(records, "part1-patience", "long-training")
    auroc = {name: np.mean([score(name, "auroc")(r.metrics) for r in patient]) for name in (AUTOENCODER, PCA_NAME)}
    below = "still below" if auroc[AUTOENCODER] < auroc[PCA_NAME] else "not below"
    return (
        f"{shown(aurocs(records)[AUTOENCODER])} after {usual[0].spec['settings']['epochs']} epochs and "
        f"{number(auroc[AUTOENCODER], 2)} after {patient[0].spec['settings']['epochs']} "
        f"({count(len(patient), 'plant')}; {below} PCA's {number(auroc[PCA_NAME], 2)} there)"
    )


def finding(records: Sequence[Record]) -> str:
    """The part in one sentence."""
    clean, auroc = of(records, "part1-severity", "clean"), aurocs(records)
    ahead = difference(clean, standard(PCA_NAME, "auroc"), clean, standard(AUTOENCODER, "auroc"))
    apart = published.value("part1.total") - counted_parameters(records)
    counted = f"is {number(abs(apart))} too {'high' if apart > 0 else 'low'}" if apart else "is right"
    return (
        f"On a simulated production line the AUROC of PCA, {shown(auroc[PCA_NAME])}, is {direction(ahead)} that of the "
        f"assignment's autoencoder, {with_patience(records)}; the published number of its parameters {counted}."
    )


def glance(records: Sequence[Record]) -> list[Glance]:
    """The part on the front page."""
    auroc, counted = aurocs(records), number(counted_parameters(records))
    best = winner(auroc)
    return [
        Glance("parameters of the autoencoder", number(published.value("part1.total")), counted, NOTHING),
        Glance(
            "AUROC on the simulated line",
            NOTHING,
            f"{AUTOENCODER} {shown(auroc[AUTOENCODER])}",
            f"{best} {shown(auroc[best])}",
        ),
    ]


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
    def worth_it(self) -> bool:
        return self.cost < self.without


def key_of(detector: str) -> str:
    """A detector's name in the arrays of a record."""
    return detector.lower().replace(" ", "_")


def by_cost(records: Sequence[Record], detector: str, economy: Economy) -> list[Chosen]:
    """For each price of a missed fault: the threshold chosen on one half of the faults and judged on the other.

    Rates are means over the seeds; no alarm at all is among the choices.
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
    return rate_interval([float(r.arrays[f"detection_{key_of(detector)}"][i]) for r in records])


def winner(found: Mapping[str, Interval]) -> str:
    """The name with the highest mean."""
    return max(found, key=lambda name: found[name].mean)
