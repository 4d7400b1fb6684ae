"""What the original claims about Part II, each with its verdict. A claim has its name in data/published.toml.

A claim about a training holds if it holds with every seed, and half if it holds with some.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from study import paths
from study.anomaly.recipes import parts
from study.anomaly.series import WINDOW
from study.prose import (
    CONFIRMED,
    HALF,
    OPEN,
    REFUTED,
    Verdict,
    count,
    join_list,
    number,
    p_value,
    percent,
    significant,
)
from study.runs import Record

STEEP = 2.0
"""The factor by which a loss falls at least, if it "drops" or "decreases significantly" from the first epoch on."""
STEADY = 1.2
"""The factor between highest and lowest value at most, if a loss "remains constant" or has "plateaued"."""
EXPLAINS = 0.05
"""R², the share of variance that a model explains, at least, if it has learnt anything."""
GOOD = 0.5
"""R² at least, if a fit is "good"; and the share that "most" exceeds."""
LOW = 0.1
"""The share of the maximum below which counts are "low", and of windows that may lie above a threshold as "spikes"."""


def about_series(dataset: Record) -> dict[str, Verdict]:
    """Claims about the time series and its plots."""
    d = dataset.metrics
    months = pd.DataFrame(d["months"])
    trend, cycle = d["trend"], d["season"]
    rising, trending = months["mean"].is_monotonic_increasing, trend["p"] < 0.05
    daily, weekly = cycle["hour_p"] < 0.05, cycle["weekday_p"] < 0.05
    labelled = sum(burst["labelled"] for burst in d["bursts"])
    furthest = float(np.max(dataset.arrays["hour_max"] / dataset.arrays["hour_median"]))
    burst = float((months["max"] / months["median"]).min())
    bursts, far = burst >= 1 / LOW, furthest > 1 / LOW
    tests = f"hour of the day: {p_value(cycle['hour_p'])}, weekday: {p_value(cycle['weekday_p'])} (Friedman's tests)"
    means = f"the monthly means are {join_list([number(v, 1) for v in months['mean']])}"
    median_trend = f"Kendall's τ of the daily medians is {number(trend['tau'], 2)}, {p_value(trend['p'])}"
    return {
        "integer_counts": Verdict(CONFIRMED if d["dtype"] == "int64" else REFUTED, f"the column reads as {d['dtype']}"),
        "majority_low": Verdict(
            CONFIRMED if d["q75"] < LOW * d["max"] else REFUTED,
            f"three quarters of the counts lie below {percent(d['q75'] / d['max'])} of the maximum",
        ),
        "sporadic_spikes": Verdict(
            _share(labelled, len(d["bursts"])),
            f"{labelled} of the {len(d['bursts'])} highest bursts lie in windows that NAB labels as anomalous",
        ),
        "no_season": Verdict(
            REFUTED if daily or weekly else CONFIRMED,
            f"{'the bursts hide a clear cycle: ' if daily or weekly else ''}{tests}",
        ),
        "steady_rise": Verdict(CONFIRMED if rising and trending else OPEN, f"{means}; {median_trend}"),
        "monthly_pattern": Verdict(
            CONFIRMED if rising and len(months) >= 24 else OPEN,
            f"{means}; {count(trend['days'], 'day')} cannot show a pattern of the year",
        ),
        "no_spikes_by_month": Verdict(
            HALF if bursts else CONFIRMED,
            f"{'true of monthly means alone: ' if bursts else ''}every month holds a count of {number(burst)} times "
            "its median or more",
        ),
        "polar_daily": Verdict(
            CONFIRMED if daily else OPEN, f"{tests.split(',')[0]}; the claim about the time series plot says otherwise"
        ),
        "polar_uniform": Verdict(
            HALF if far else CONFIRMED,
            f"{'low radii hold most values, but ' if far else ''}an hour's maximum is up to {number(furthest)} times "
            "its median",
        ),
    }


def about_models(
    fitted: Mapping[str, Sequence[Record]], streamed: Mapping[str, Sequence[Record]]
) -> dict[str, Verdict]:
    """Claims that compare the four models, from the records of their trainings as published and by NAB's protocol."""
    late = {name: [r.metrics["last_loss"] for r in found] for name, found in fitted.items()}
    middle = {name: float(np.median(losses)) for name, losses in late.items()}
    explained = {name: float(np.median(_r2(found, "last"))) for name, found in fitted.items()}
    size = {name: found[0].metrics["parameters"] for name, found in fitted.items()}
    wider = ("Version 1", "Version 2")
    larger = all(size[name] > size["Base"] for name in wider)
    better = all(explained[name] > max(explained["Base"], 0) + EXPLAINS for name in wider)
    lower = [name for name in wider if middle[name] < middle["Base"]]
    beyond_seeds = max(late["Version 1"] + late["Version 2"]) < min(late["Base"])
    highest = middle["Version 3"] == max(middle.values())
    nab = {name: [r.metrics["nab"]["standard"] for r in streamed[name]] for name in fitted}
    dense = max((name for name in nab if name != "Version 3"), key=lambda name: np.median(nab[name]))
    by_name = join_list([f"{name} {significant(value)}" for name, value in middle.items()])
    from_to = f"with Version 3 from {significant(min(late['Version 3']))} to {significant(max(late['Version 3']))}"
    return {
        "larger_dense": Verdict(
            CONFIRMED if larger and better else HALF if larger or better else REFUTED,
            f"parameters: {join_list([f'{name} {number(size[name])}' for name in ('Base', *wider)])}; R² of the "
            f"last part: {join_list([f'{name} {number(explained[name], 2)}' for name in ('Base', *wider)])}",
        ),
        "lstm_suits": Verdict(
            _apart(nab["Version 3"], nab[dense]),
            f"NAB score {_range(nab['Version 3'], 2)} over seeds, {dense} {_range(nab[dense], 2)}",
        ),
        "lstm_highest": Verdict(CONFIRMED if highest else REFUTED, f"medians: {by_name}; over seeds, {from_to}"),
        "v1_v2_lower": Verdict(
            CONFIRMED if beyond_seeds else HALF if lower else REFUTED,
            f"medians: {by_name}; {'beyond' if beyond_seeds else 'not beyond'} the differences between seeds",
        ),
    }


def about_training(fitted: Mapping[str, Sequence[Record]]) -> dict[str, Verdict]:
    """Claims about each model's losses and their curves, from the records of the trainings as published."""
    base, first, second, third = (fitted[name] for name in ("Base", "Version 1", "Version 2", "Version 3"))
    constant = base[0].metrics["constant_loss"]

    def good_fit(found: Sequence[Record]) -> Verdict:
        explained = float(np.median(_r2(found, "middle")))
        status = CONFIRMED if explained >= GOOD else HALF if explained >= EXPLAINS else REFUTED
        return Verdict(
            status,
            f"R² is {number(explained, 2)} there; a constant has a loss of {significant(constant['middle'])}",
        )

    def of_seeds(found: Sequence[Record], holds: Sequence[bool], told: str) -> Verdict:
        return Verdict(
            _share(sum(holds), len(found)), f"holds with {sum(holds)} of {count(len(found), 'seed')}: {told}"
        )

    def curves(found: Sequence[Record], part: str) -> list[np.ndarray]:
        return [r.arrays[f"history_{part}"] for r in found]

    def falls(found: Sequence[Record]) -> str:
        factor = _range([_fall(c) for c in curves(found, "last")], 1)
        return f"validation loss falls by a factor of {factor} over the epochs"

    generalises = [_fall(t) > _fall(v) >= 1 for t, v in zip(curves(base, "loss"), curves(base, "last"), strict=True)]
    learnt = [r2 >= EXPLAINS for r2 in _r2(base, "last")]
    ratio = float(np.median([r.metrics["last_loss"] / r.metrics["train_loss"] for r in second]))
    of_constant = constant["last"] / constant["train"]
    gaps = [abs(r.metrics["r2"]["train"] - r.metrics["r2"]["middle"]) for r in third]
    third_learnt = [r2 >= EXPLAINS for r2 in _r2(third, "last")]
    return {
        "base_good_fit": good_fit(base),
        "base_generalises": Verdict(
            CONFIRMED if all(generalises) and all(learnt) else HALF if all(generalises) or any(learnt) else REFUTED,
            f"training loss falls by a factor of {_range([_fall(c) for c in curves(base, 'loss')])}, validation loss "
            f"by {_range([_fall(c) for c in curves(base, 'last')], 1)}; "
            f"R² of the last part is {number(float(np.median(_r2(base, 'last'))), 2)}",
        ),
        "validation_decreases": of_seeds(
            base, [_fall(c) >= STEEP and _plateau(c) for c in curves(base, "last")], falls(base)
        ),
        "version_1_stable": of_seeds(
            first, [1 <= _fall(c) < STEEP and _plateau(c) for c in curves(first, "last")], falls(first)
        ),
        "version_1_good_fit": good_fit(first),
        "version_1_converges": of_seeds(
            first,
            [
                all(_fall(c) >= STEEP and _plateau(c) for c in pair)
                for pair in zip(curves(first, "loss"), curves(first, "last"), strict=True)
            ],
            falls(first),
        ),
        "version_1_steep": of_seeds(
            first, [_fall(c) >= STEEP and _plateau(c) for c in curves(first, "last")], falls(first)
        ),
        "version_2_stable": of_seeds(
            second, [_fall(c) > 1 and _plateau(c) for c in curves(second, "last")], falls(second)
        ),
        "version_2_good_fit": good_fit(second),
        "version_2_gap": Verdict(
            REFUTED if ratio <= 1 else HALF if ratio <= STEADY * of_constant else CONFIRMED,
            f"validation loss is {number(ratio, 1)} times training loss, and {number(of_constant, 1)} times for a "
            f"constant{': the last part is the harder one' if of_constant > 1 else ''}",
        ),
        "version_2_constant": of_seeds(second, [_steady(c) for c in curves(second, "last")], falls(second)),
        "version_3_training": of_seeds(
            third, [_steady(c) for c in curves(third, "loss")], f"it ends at {_range(_metric(third, 'train_loss'))}"
        ),
        "version_3_no_overfitting": of_seeds(
            third, [_steady(c) for c in curves(third, "last")], f"it ends at {_range(_metric(third, 'last_loss'))}"
        ),
        "version_3_similar": of_seeds(
            third, [gap <= EXPLAINS for gap in gaps], f"R² in training and on that part differ by {_range(gaps, 2)}"
        ),
        "version_3_plateau": of_seeds(
            third,
            [_steady(t[1:]) and _steady(v) for t, v in zip(curves(third, "loss"), curves(third, "last"), strict=True)],
            f"validation loss ends at {_range(_metric(third, 'last_loss'))}",
        ),
        "version_3_constant": of_seeds(
            third, [_steady(c[1:]) for c in curves(third, "last")], f"it ends at {_range(_metric(third, 'last_loss'))}"
        ),
        "version_3_learnt": of_seeds(
            third,
            [good and _steady(c[1:]) for good, c in zip(third_learnt, curves(third, "loss"), strict=True)],
            f"R² of the last part is {_range(_r2(third, 'last'), 2)}",
        ),
    }


def about_threshold(dataset: Record, flagged: Sequence[np.ndarray], part: str) -> dict[str, Verdict]:
    """Claims about Version 3's threshold; `flagged` tells per seed which windows of a part lie above it, (windows,)."""
    windows, rows = dataset.metrics["windows"], parts(dataset.metrics["rows"])[part]
    labels = np.zeros(dataset.metrics["rows"], dtype=bool)
    for a, b in windows:
        labels[a : b + 1] = True
    labelled = labels[rows][WINDOW - 1 :]
    shares = [float(np.mean(above)) for above in flagged]
    right = [bool(labelled[above].mean() > GOOD) for above in flagged if above.any()]
    separates = Verdict(
        OPEN, "that part holds no labelled anomaly, so nothing says whether the flagged windows are any"
    )
    if labelled.any():
        separates = Verdict(
            _share(sum(right), len(flagged)),
            f"with {sum(right)} of {count(len(flagged), 'seed')} most of the flagged windows are labelled",
        )
    below = [share < LOW for share in shares]
    return {
        "version_3_below": Verdict(
            _share(sum(below), len(below)), f"{_range([100 * s for s in shares], 1)}% of the windows lie above it"
        ),
        "version_3_separates": separates,
    }


def about_detection(dataset: Record, models: Mapping[str, Sequence[Record]], threshold: Record) -> dict[str, Verdict]:
    """The strengths and limitations, by the four models and a threshold on the value itself under NAB's protocol."""
    d = dataset.metrics
    runs = [r for found in models.values() for r in found]
    nab = {name: [r.metrics["nab"]["standard"] for r in found] for name, found in models.items()}
    best = max(nab, key=lambda name: np.median(nab[name]))
    naive = threshold.metrics["nab"]["standard"]
    found, wrong = (
        float(np.median([r.metrics["events"][k] for r in models[best]])) for k in ("found_windows", "fp_events")
    )
    hits = [
        sum(bool(((a <= r.arrays["alarm_rows"]) & (r.arrays["alarm_rows"] <= b)).any()) for r in runs)
        for a, b in d["windows"]
    ]
    subtle, plain = int(np.argmin(d["window_maxima"])), int(np.argmax(d["window_maxima"]))
    missed = sum(r.metrics["events"]["missed_windows"] > 0 for r in runs)
    recall = float(np.median([r.metrics["points"]["recall"] for r in runs]))
    tried = pd.read_csv(paths.DETECTOR_TRIALS).nab_sum_nine
    return {
        "outliers_found": Verdict(
            _apart(nab[best], [naive]),
            f"the best of the four, {best}, has a NAB score of {_range(nab[best], 2)}, a threshold on the value itself "
            f"{number(naive, 2)}",
        ),
        "unsupervised": Verdict(
            CONFIRMED if found > 0 else REFUTED,
            f"fitted without labels, {best} finds {number(found)} of {len(d['windows'])} labelled windows, with "
            f"{count(int(wrong), 'false event')}",
        ),
        "versatile": Verdict(OPEN, "this report applies autoencoders to sensor readings and counts alone"),
        "hyperparameters": Verdict(
            CONFIRMED if tried.min() < GOOD * tried.max() else OPEN,
            f"over {number(len(tried))} settings of our own detector the summed NAB score of nine other series runs "
            f"from {number(tried.min(), 1)} to {number(tried.max(), 1)}",
        ),
        "local_anomalies": Verdict(
            CONFIRMED if hits[subtle] < hits[plain] else OPEN,
            f"the window that never exceeds {number(d['window_maxima'][subtle])} is found in {hits[subtle]} of "
            f"{count(len(runs), 'run')}, that of the highest burst in {hits[plain]}",
        ),
        "reconstructed_anomalies": Verdict(
            CONFIRMED if missed else HALF if recall < GOOD else REFUTED,
            f"{missed} of {count(len(runs), 'run')} miss a window; a share of {number(recall, 3)} of the labelled rows "
            "is flagged",
        ),
    }


def _share(holding: int, of: int) -> str:
    """The verdict on a claim that holds in so many cases of all."""
    return CONFIRMED if holding == of else HALF if holding else REFUTED


def _apart(ours: Sequence[float], others: Sequence[float]) -> str:
    """The verdict on a claim that ours are higher: with every seed, with none, or not told apart by the seeds."""
    return CONFIRMED if min(ours) > max(others) else REFUTED if max(ours) < min(others) else OPEN


def _fall(curve: np.ndarray) -> float:
    """First value over last."""
    return float(curve[0] / curve[-1])


def _steady(curve: np.ndarray) -> bool:
    return bool(curve.max() <= STEADY * curve.min())


def _plateau(curve: np.ndarray) -> bool:
    """Whether the second half of the epochs is steady."""
    return _steady(curve[len(curve) // 2 :])


def _metric(found: Sequence[Record], name: str) -> list[float]:
    return [r.metrics[name] for r in found]


def _r2(found: Sequence[Record], part: str) -> list[float]:
    return [r.metrics["r2"][part] for r in found]


def _range(values: Sequence[float], digits: int | None = None) -> str:
    """Lowest and highest, or the one that both show."""
    low, high = (significant(v) if digits is None else number(v, digits) for v in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
