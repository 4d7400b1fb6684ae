"""From the records of Part II to the tables and verdicts that its notebook shows. Nothing here reads raw data."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from study import published
from study.anomaly import claims as verdicts
from study.anomaly import scoring
from study.anomaly.recipes import AUTOENCODERS, BASELINES, DETECTORS, NO_NETWORK, OWN, parts
from study.anomaly.series import STEP, WINDOW
from study.prose import (
    NOT_COMPARABLE,
    NOTHING,
    REPRODUCED,
    Glance,
    Judged,
    Verdict,
    count,
    join_list,
    number,
    significant,
)
from study.runs import Record, of

NAMES = {
    "base": "Base",
    "version-1": "Version 1",
    "version-2": "Version 2",
    "version-3": "Version 3",
    OWN: "Own",
    NO_NETWORK: "Own without network",
    "value": "Value threshold",
    "windowed_gaussian": "Windowed Gaussian",
    "pca_reconstruction": "PCA",
    "isolation_forest": "Isolation forest",
}
"""How the report calls a model of the run store."""

# The original's words for the parts of its split: what it calls validation is the last part, testing the middle one.
LOSSES = {
    "train_loss_first": "training loss, first epoch",
    "train_loss": "training loss",
    "last_loss": "validation loss",
    "middle_loss": "testing loss",
}
QUANTITIES = LOSSES | {"last_loss_first": "validation loss, first epoch", "anomalies": "anomalies detected"}

STATISTICS = {
    "rows": "entries",
    "columns": "variables",
    "mean": "mean",
    "sd": "standard deviation",
    "min": "minimum",
    "q25": "first quartile",
    "median": "median",
    "q75": "third quartile",
    "max": "maximum",
    "missing": "missing values",
}
"""The statistics of the series that the original gives, by their names in the dataset's record."""

CAUSES = {
    "train_loss_first": "the first epoch depends on the start, and the original states no seed",
    "anomalies": "the original states no threshold, and no rule gives this number beside the other models'",
}
"""What is known of a number that does not come out again; see `UNKNOWN` for the others."""
UNKNOWN = "the original states neither seed nor batch size"
TOLERANCE = 0.1
"""Of losses and anomaly counts, relative."""

THRESHOLDS = {
    "mean + 2 sd": lambda errors: errors.mean() + 2 * errors.std(),
    "mean + 3 sd": lambda errors: errors.mean() + 3 * errors.std(),
    "maximum": lambda errors: errors.max(),
    "99th percentile": lambda errors: np.quantile(errors, 0.99),
    "95th percentile": lambda errors: np.quantile(errors, 0.95),
}
PARTS = ("train", "middle", "last")


def errors_of(record: Record) -> dict[str, np.ndarray]:
    """Reconstruction error of every window, by part of the split: (windows,) float32 each."""
    return {part: record.arrays[f"errors_{part}"] for part in PARTS}


@dataclass(frozen=True)
class Rule:
    """A threshold rule: a statistic of one part's errors, applied to the windows of a part."""

    statistic: str
    of_part: str
    applied_to: str

    def threshold(self, errors: dict[str, np.ndarray]) -> float:
        return float(THRESHOLDS[self.statistic](errors[self.of_part]))

    def count(self, errors: dict[str, np.ndarray]) -> int:
        """Number of windows of the judged part above the threshold."""
        return int((errors[self.applied_to] > self.threshold(errors)).sum())


RULES = [Rule(s, of_part, to) for to in ("middle", "last") for of_part in PARTS for s in THRESHOLDS]


def rule_table(records: Sequence[Record]) -> pd.DataFrame:
    """Every rule with its median number of anomalies per model and its distance from the published numbers.

    Distance is the sum of absolute differences over Base, Version 1 and Version 2; Version 3's published number
    repeats Version 2's and is left out. Sorted, the nearest rule first.
    """
    rows = []
    for rule in RULES:
        counts = {
            model: float(np.median([rule.count(errors_of(r)) for r in of(records, "part2-published", model)]))
            for model in AUTOENCODERS
        }
        distance = sum(
            abs(counts[m] - published.value(f"part2.{m}.anomalies")) for m in AUTOENCODERS if m != "version-3"
        )
        rows.append({"rule": rule, **counts, "distance": distance})
    return pd.DataFrame(rows).sort_values("distance", kind="stable", ignore_index=True)


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, lowest and highest."""
    return float(np.median(values)), float(min(values)), float(max(values))


def against_constant(run: Record, epoch: int = -1) -> str:
    """Whether the loss on the last part is `below`, `at` or `above` that of a constant, at a factor of STEADY."""
    ratio = run.arrays["history_last"][epoch] / run.metrics["constant_loss"]["last"]
    return "below" if ratio * verdicts.STEADY < 1 else "above" if ratio > verdicts.STEADY else "at"


def told_against_constant(runs: Sequence[Record]) -> str:
    """With how many seeds the loss on the last part ends below, at or above that of a constant."""
    ends = [against_constant(run) for run in runs]
    falls = [run.arrays["history_last"][-1] < run.arrays["history_last"][-2] for run in runs]
    above = [("still falling" if fall else "risen") for end, fall in zip(ends, falls, strict=True) if end == "above"]
    told = [f"{where} it with {ends.count(where)}" for where in ("at", "below") if where in ends]
    told += [f"above it, {how}, with {above.count(how)}" for how in ("still falling", "risen") if how in above]
    return join_list(told)


def judged_losses(records: Sequence[Record], nearest: Rule) -> list[Judged]:
    """Every published loss and number of anomalies of the four autoencoders, judged by the median over seeds."""
    found = []
    for model in AUTOENCODERS:
        runs = of(records, "part2-published", model)
        measured = {key: [r.metrics[key] for r in runs] for key in LOSSES}
        measured["anomalies"] = [nearest.count(errors_of(r)) for r in runs]
        if model == "version-1":
            measured["last_loss_first"] = [float(r.arrays["history_last"][0]) for r in runs]
        if model == "version-3":
            del measured["train_loss_first"]  # not in the original
        for key, values in measured.items():
            name, place = QUANTITIES[key], f"part2.{model}.{key}"
            found.append(
                published.judge(
                    place, NAMES[model], name, values,
                    published.tolerance(TOLERANCE * abs(published.value(place)), values),
                    centre=np.median,
                    show=number if key == "anomalies" else loss,
                    obstacle="the original repeats Version 2's numbers here" if model == "version-3" else None,
                    cause=CAUSES.get(key, UNKNOWN),
                )
            )  # fmt: skip
    return found


DIGITS = 0.005
"""The tolerance of a number that the original gives to two decimals."""


def loss(value: float) -> str:
    """The original prints losses with up to five figures."""
    return significant(value, 4)


def judged_dataset(metrics: dict) -> list[Judged]:
    """The published statistics of the series, judged to the digits that the original gives."""
    found = []
    for name, title in STATISTICS.items():
        key = "part2.variables" if name == "columns" else f"part2.{name}"
        exact = name not in ("mean", "sd")
        show, within = (number, 0) if exact else (partial(number, digits=3), DIGITS)
        found.append(published.judge(key, "", title, [metrics[name]], within, show=show))
    return found


def judged_sizes(records: Sequence[Record]) -> list[Judged]:
    """The published parameter counts and their kilobytes (1024 bytes) in single precision, to the digits given."""
    found = []
    for model in AUTOENCODERS:
        counted = of(records, "part2-published", model)[0].metrics["parameters"]
        found.append(
            published.judge(f"part2.{model}.parameters", NAMES[model], "parameters", [counted], 0, show=number)
        )
        size = 4 * counted / 1024
        key = f"part2.{model}.kilobytes"
        show = partial(number, digits=3)
        found.append(published.judge(key, NAMES[model], "kilobytes of parameters", [size], DIGITS, show=show))
    return found


def judged(records: Sequence[Record]) -> list[Judged]:
    """Every number that the original gives of the series and of its four autoencoders."""
    dataset = of(records, "part2-dataset", "aapl")[0].metrics
    nearest = rule_table(records).loc[0, "rule"]
    return [*judged_dataset(dataset), *judged_sizes(records), *judged_losses(records, nearest)]


def claims(records: Sequence[Record]) -> dict[str, Verdict]:
    """The verdict on each of the original's claims about Part II, by name in data/published.toml."""
    dataset = of(records, "part2-dataset", "aapl")[0]
    nearest = rule_table(records).loc[0, "rule"]
    fitted = {NAMES[m]: of(records, "part2-published", m) for m in AUTOENCODERS}
    streamed = {NAMES[m]: of(records, "part2-stream", m) for m in AUTOENCODERS}
    errors = [errors_of(r) for r in fitted["Version 3"]]
    flagged = [one[nearest.applied_to] > nearest.threshold(one) for one in errors]
    naive = of(records, "part2-stream", "value")[0]
    return {
        **verdicts.about_series(dataset),
        **verdicts.about_models(fitted, streamed),
        **verdicts.about_training(fitted),
        **verdicts.about_threshold(dataset, flagged, nearest.applied_to),
        **verdicts.about_detection(dataset, streamed, of(records, "part2-stream", OWN), naive),
    }


def finding(records: Sequence[Record]) -> str:
    """The part in one sentence."""
    board = leaderboard(records).set_index("model")
    originals = board.loc[[NAMES[m] for m in AUTOENCODERS]].nab
    simple = board.loc[[NAMES[b] for b in BASELINES]].nab
    numbers = [j for j in judged(records) if j.verdict.status != NOT_COMPARABLE]
    again = sum(j.verdict.status == REPRODUCED for j in numbers)
    bare, naive = (number(board.nab[name], 2) for name in (NAMES[NO_NETWORK], "Value threshold"))
    own = board.loc[NAMES[OWN]]
    ahead = seeds_above(of(records, "part2-stream", OWN), simple.max())
    return (
        f"On the Twitter series {number(again)} of the original's {number(len(numbers))} comparable numbers come out "
        f"again, but under NAB's protocol {originals.idxmax()}, the best of its four autoencoders, scores "
        f"{number(originals.max(), 2)} where a threshold on the value scores {naive}; our own autoencoder "
        f"({verdicts.between([own.nab_low, own.nab_high], 2)} over seeds) beats the best simple method, "
        f"{simple.idxmax()} ({number(simple.max(), 2)}), {ahead}, and its scoring without the network has {bare}."
    )


def seeds_above(runs: Sequence[Record], nab: float) -> str:
    """With how many of its seeds a detector has a NAB standard score above a value: "with 5 of 10 seeds"."""
    above = sum(r.metrics["nab"]["standard"] > nab for r in runs)
    seeds = count(len(runs), "seed")
    return f"with all {seeds}" if above == len(runs) else f"with {above or 'none'} of {seeds}"


def told_by_windows(dataset: Record, runs: Sequence[Record]) -> str:
    """What a detector finds, seeds that find the same windows told together: a median would mix them."""
    d, alike = dataset.metrics, {}
    for run in runs:
        alike.setdefault(tuple(verdicts.found_windows(run, d["windows"])), []).append(run)
    days = [f"of {first[:10]}" for first, _ in d["window_times"]]
    days[int(np.argmin(d["window_maxima"]))] += ", the faintest"
    told = []
    for hits, group in sorted(alike.items(), key=lambda one: -sum(one[0])):
        missed = [day for day, hit in zip(days, hits, strict=True) if not hit]
        window = "window" if len(missed) == 1 else "windows"
        what = f"misses the {window} {join_list(missed)}" if missed else f"finds all {len(hits)} windows"
        f1, nab = ([r.metrics[place][name] for r in group] for place, name in (("events", "f1"), ("nab", "standard")))
        told.append(
            f"with {len(group)} of {count(len(runs), 'seed')} it {what} "
            f"(event-wise F1 {verdicts.between(f1, 2)}, NAB score {verdicts.between(nab, 2)})"
        )
    return "; ".join(told)


def told_false_events(dataset: Record, runs: Sequence[Record]) -> str:
    """How many false events a detector raises, and whether they are bursts that nobody labelled."""
    d = dataset.metrics
    row_of = lambda time: (pd.Timestamp(time) - pd.Timestamp(d["first"])) // STEP  # noqa: E731
    unlabelled = [burst for burst in d["bursts"] if not burst["labelled"]]
    days, elsewhere = set(), False
    for run in runs:
        for row in run.arrays["alarm_rows"]:
            if any(a <= row <= b for a, b in d["windows"]) or row < scoring.probation_rows(d["rows"]):
                continue
            burst = [one["time"][:10] for one in unlabelled if row_of(one["first"]) <= row <= row_of(one["last"])]
            days, elsewhere = days | set(burst), elsewhere or not burst
    raised = [r.metrics["events"]["fp_events"] for r in runs]
    if max(raised) == 0:
        return "no seed raises a false event"
    if elsewhere:
        return f"there are {verdicts.between(raised, 0)} false events, not all of them bursts"
    which = f"the unlabelled burst of {join_list(sorted(days))}"
    return f"the only false event is {which}" if max(raised) == 1 else f"all false events are {which}"


def glance(records: Sequence[Record]) -> list[Glance]:
    """The part on the front page: the original's lowest validation loss, and the scores under NAB's protocol."""
    lowest = min(
        (j for j in judged(records) if j.quantity == LOSSES["last_loss"] and j.verdict.status != NOT_COMPARABLE),
        key=lambda j: j.published,
    )
    low, middle, high = (significant(v) for v in np.quantile(lowest.values, (0, 0.5, 1)))
    board = leaderboard(records)
    original = board[board.model.isin([NAMES[m] for m in AUTOENCODERS])].iloc[0]
    best = board.iloc[0]
    regenerated = f"{middle} ({low} to {high})"
    return [
        Glance(f"validation loss of {lowest.model}", significant(lowest.published), regenerated, NOTHING),
        Glance(
            f"NAB standard score, of {len(of(records, 'part2-dataset')[0].metrics['windows'])}",
            NOTHING,
            f"{original.model} {number(original.nab, 2)}",
            f"{best.model} {number(best.nab, 2)}",
        ),
    ]


def whole_series(record: Record, windows: Sequence[tuple[int, int]], n: int) -> dict:
    """Point-wise result of an as-published model over the whole series, threshold mean + 3 sd of the last part.

    The model has seen the labelled windows in training, so this is no test; it is what the original could have shown.
    """
    errors = errors_of(record)
    scores = np.full(n, min(float(e.min()) for e in errors.values()))
    for part, rows in parts(n).items():
        scores[rows.start + WINDOW - 1 : rows.stop] = errors[part]
    limit = THRESHOLDS["mean + 3 sd"](errors["last"])
    return scoring.pointwise(scores, scores > limit, [tuple(w) for w in windows])


def leaderboard(records: Sequence[Record]) -> pd.DataFrame:
    """Every detector of this report under the streaming protocol, medians over seeds, best NAB standard score first."""
    rows = []
    for model in DETECTORS:
        runs = of(records, "part2-stream", model)
        median = lambda pick, runs=runs: float(np.median([pick(r.metrics) for r in runs]))  # noqa: E731
        rows.append(
            {
                "model": NAMES[model],
                "seeds": len(runs),
                "windows": median(lambda m: m["events"]["found_windows"]),
                "fp_events": median(lambda m: m["events"]["fp_events"]),
                "precision": median(lambda m: m["events"]["precision"]),
                "recall": median(lambda m: m["events"]["recall"]),
                "event_f1": median(lambda m: m["events"]["f1"]),
                "event_f1_low": min(r.metrics["events"]["f1"] for r in runs),
                "event_f1_high": max(r.metrics["events"]["f1"] for r in runs),
                "nab": median(lambda m: m["nab"]["standard"]),
                "nab_low": min(r.metrics["nab"]["standard"] for r in runs),
                "nab_high": max(r.metrics["nab"]["standard"] for r in runs),
                "nab_low_fp": median(lambda m: m["nab"]["reward_low_FP_rate"]),
                "nab_low_fn": median(lambda m: m["nab"]["reward_low_FN_rate"]),
                "event_rule_f1": median(lambda m: m["events_by_event_rule"]["f1"]),
                "event_rule_low": min(r.metrics["events_by_event_rule"]["f1"] for r in runs),
                "event_rule_high": max(r.metrics["events_by_event_rule"]["f1"] for r in runs),
                "left_out": median(lambda m: float(np.mean(list(m["left_out"].values())))),
                "point_precision": median(lambda m: m["points"]["precision"]),
                "point_recall": median(lambda m: m["points"]["recall"]),
                "point_f1": median(lambda m: m["points"]["f1"]),
                "roc_auc": median(lambda m: m["points"]["roc_auc"]),
                "pr_auc": median(lambda m: m["points"]["pr_auc"]),
                **{k: median(lambda m, k=k: m["points"][k]) for k in ("tp", "fp", "fn", "tn")},
            }
        )
    return pd.DataFrame(rows).sort_values("nab", ascending=False, kind="stable", ignore_index=True)


def paired_over_series(records: Sequence[Record], a: str, b: str) -> tuple[float, float]:
    """Mean difference of left-out NAB standard scores (a - b) over the nine other series, with Wilcoxon's p-value.

    Scores are medians over seeds.
    """
    per_series = []
    for model in (a, b):
        runs = of(records, "part2-stream", model)
        names = sorted(runs[0].metrics["left_out"])
        per_series.append([float(np.median([r.metrics["left_out"][n] for r in runs])) for n in names])
    difference = np.subtract(*per_series)
    if not difference.any():
        return 0.0, 1.0
    return float(difference.mean()), float(stats.wilcoxon(difference).pvalue)
