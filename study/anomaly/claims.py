"""What the original claims about Part II, each with its verdict. A claim has its name in data/published.toml.

A claim about a training is confirmed if it holds with every seed, half confirmed if with half of them or more, not
confirmed if with fewer, and refuted if with none.
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
    interval,
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
"""R² at least, if a fit is "good"; the share that "most" exceeds; and of the best score, what little tuning keeps."""
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
            f"NAB score {between(nab['Version 3'], 2)} over seeds, {dense} {between(nab[dense], 2)}",
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

    def of_seeds(found: Sequence[Record], holds: Sequence[bool], what: str, told: str) -> Verdict:
        return Verdict(
            _share(sum(holds), len(found)), f"with {sum(holds)} of {count(len(found), 'seed')} {what}; {told}"
        )

    def curves(found: Sequence[Record], part: str) -> list[np.ndarray]:
        return [r.arrays[f"history_{part}"] for r in found]

    def falls(found: Sequence[Record]) -> str:
        return f"over all epochs validation loss falls by {between([_fall(c) for c in curves(found, 'last')], 1)}"

    down = f"falls by a factor of {STEEP:g} or more"
    level = f"stays within a factor of {STEADY:g} in the second half of the epochs"
    steady = f"stays within a factor of {STEADY:g}"
    after = f"{steady} after the first epoch"
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
            f"training loss falls by a factor of {between([_fall(c) for c in curves(base, 'loss')])}, validation loss "
            f"by {between([_fall(c) for c in curves(base, 'last')], 1)}; "
            f"R² of the last part is {number(float(np.median(_r2(base, 'last'))), 2)}",
        ),
        "validation_decreases": of_seeds(
            base,
            [_fall(c) >= STEEP and _plateau(c) for c in curves(base, "last")],
            f"it {down} and {level}",
            falls(base),
        ),
        "version_1_stable": of_seeds(
            first,
            [1 <= _fall(c) < STEEP and _plateau(c) for c in curves(first, "last")],
            f"it falls by a factor of less than {STEEP:g} and {level}",
            falls(first),
        ),
        "version_1_good_fit": good_fit(first),
        "version_1_converges": of_seeds(
            first,
            [
                all(_fall(c) >= STEEP and _plateau(c) for c in pair)
                for pair in zip(curves(first, "loss"), curves(first, "last"), strict=True)
            ],
            f"both losses fall by a factor of {STEEP:g} or more and stay within {STEADY:g} in the second half",
            falls(first),
        ),
        "version_1_steep": of_seeds(
            first,
            [_fall(c) >= STEEP and _plateau(c) for c in curves(first, "last")],
            f"it {down} and {level}",
            falls(first),
        ),
        "version_2_stable": of_seeds(
            second,
            [_fall(c) > 1 and _plateau(c) for c in curves(second, "last")],
            f"it falls and {level}",
            falls(second),
        ),
        "version_2_good_fit": good_fit(second),
        "version_2_gap": Verdict(
            REFUTED if ratio <= 1 else HALF if ratio <= STEADY * of_constant else CONFIRMED,
            f"validation loss is {number(ratio, 1)} times training loss, and {number(of_constant, 1)} times for a "
            f"constant{': the last part is the harder one' if of_constant > 1 else ''}",
        ),
        "version_2_constant": of_seeds(
            second, [_steady(c) for c in curves(second, "last")], f"it {steady}", falls(second)
        ),
        "version_3_training": of_seeds(
            third,
            [_steady(c) for c in curves(third, "loss")],
            f"it {steady}",
            f"it ends at {between(_metric(third, 'train_loss'))}",
        ),
        "version_3_no_overfitting": of_seeds(
            third,
            [_steady(c) for c in curves(third, "last")],
            f"it {steady}",
            f"it ends at {between(_metric(third, 'last_loss'))}",
        ),
        "version_3_similar": of_seeds(
            third,
            [gap <= EXPLAINS for gap in gaps],
            f"R² in training and on that part differ by {EXPLAINS:g} at most",
            f"they differ by {between(gaps, 2)}",
        ),
        "version_3_plateau": of_seeds(
            third,
            [_steady(t[1:]) and _steady(v) for t, v in zip(curves(third, "loss"), curves(third, "last"), strict=True)],
            f"validation loss {steady} and training loss {after}",
            f"validation loss ends at {between(_metric(third, 'last_loss'))}",
        ),
        "version_3_constant": of_seeds(
            third,
            [_steady(c[1:]) for c in curves(third, "last")],
            f"it {after}",
            f"it ends at {between(_metric(third, 'last_loss'))}",
        ),
        "version_3_learnt": of_seeds(
            third,
            [good and _steady(c[1:]) for good, c in zip(third_learnt, curves(third, "loss"), strict=True)],
            f"R² of the last part is {EXPLAINS:g} or more and training loss {after}",
            f"R² is {between(_r2(third, 'last'), 2)}",
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
            _share(sum(below), len(below)), f"{between([100 * s for s in shares], 1)}% of the windows lie above it"
        ),
        "version_3_separates": separates,
    }


def about_detection(
    dataset: Record, models: Mapping[str, Sequence[Record]], own: Sequence[Record], threshold: Record
) -> dict[str, Verdict]:
    """The strengths and limitations, by the detectors under NAB's protocol.

    They are the original's four models, the report's own, and a threshold on the value itself.
    """
    d = dataset.metrics
    runs = [r for found in models.values() for r in found]
    nab = {name: [r.metrics["nab"]["standard"] for r in found] for name, found in models.items()}
    best = max(nab, key=lambda name: np.median(nab[name]))
    naive = threshold.metrics["nab"]["standard"]
    found, wrong = (
        float(np.median([r.metrics["events"][k] for r in models[best]])) for k in ("found_windows", "fp_events")
    )
    subtle, plain = int(np.argmin(d["window_maxima"])), int(np.argmax(d["window_maxima"]))
    groups = {"four": runs, "own": own}
    hits = {
        who: [sum(found_windows(r, d["windows"])[i] for r in by) for i in (subtle, plain)] for who, by in groups.items()
    }
    false = {who: [r.metrics["events"]["fp_events"] for r in by] for who, by in groups.items()}
    fainter = [seen < bright for seen, bright in hits.values()]
    missed = sum(r.metrics["events"]["missed_windows"] > 0 for r in runs)
    recall = float(np.median([r.metrics["points"]["recall"] for r in runs]))
    return {
        "outliers_found": Verdict(
            _apart(nab[best], [naive]),
            f"the best of the four, {best}, has a NAB score of {between(nab[best], 2)}, a threshold on the value "
            f"itself {number(naive, 2)}",
        ),
        "unsupervised": Verdict(
            CONFIRMED if found > 0 else REFUTED,
            f"fitted without labels, {best} finds {found:g} of {len(d['windows'])} labelled windows, with {wrong:g} "
            "false events (medians)",
        ),
        "versatile": Verdict(OPEN, "this report applies autoencoders to sensor readings and counts alone"),
        "hyperparameters": about_settings(pd.read_csv(paths.DETECTOR_TRIALS)),
        "local_anomalies": Verdict(
            CONFIRMED if all(fainter) else HALF if any(fainter) else OPEN,
            f"the window that never exceeds {number(d['window_maxima'][subtle])} is found in {hits['four'][0]} of "
            f"{count(len(runs), 'run')} of the four, with {between(false['four'], 0)} false events, and in "
            f"{hits['own'][0]} of {len(own)} of our own, with {between(false['own'], 0)}; that of the highest burst in "
            f"{hits['four'][1]} and {hits['own'][1]}",
        ),
        "reconstructed_anomalies": Verdict(
            CONFIRMED if missed else HALF if recall < GOOD else REFUTED,
            f"{missed} of {count(len(runs), 'run')} of the four miss a window; a share of {number(recall, 3)} of the "
            "labelled rows is flagged",
        ),
    }


def about_settings(tried: pd.DataFrame) -> Verdict:
    """The claim about hyperparameters, by the trials of the report's own detector that have a network.

    Most of them vary the scoring of one network; three networks that differ in bottleneck and depth share scorings.
    """
    tried = tried[~tried.network.str.contains("no network")]
    of_network = tried.groupby("network").nab_sum_nine.agg(["min", "max"])
    scored = of_network.loc[(of_network["max"] - of_network["min"]).idxmax()]
    scoring = tried.network.str.extract(r"^\('(?:code2|code8|deep)', (.*)\)$", expand=False)
    of_scoring = tried.groupby(scoring).nab_sum_nine.agg(["min", "max"])
    matters = [scored["min"] < GOOD * scored["max"], bool((of_scoring["min"] < GOOD * of_scoring["max"]).any())]
    return Verdict(
        CONFIRMED if all(matters) else HALF if any(matters) else OPEN,
        f"over {number(len(tried))} settings of our own network and its scoring, the summed NAB score of nine other "
        f"series runs from {interval(tried.nab_sum_nine.min(), tried.nab_sum_nine.max(), 1)}: with one network, by its "
        f"scoring alone, from {interval(*scored, 1)}; but with one scoring, bottleneck and number of layers change it "
        f"by {number((of_scoring['max'] - of_scoring['min']).max(), 1)} at most",
    )


def found_windows(record: Record, windows: Sequence[Sequence[int]]) -> list[bool]:
    """Whether an alarm lies in each of the windows (first and last row)."""
    rows = record.arrays["alarm_rows"]
    return [bool(((first <= rows) & (rows <= last)).any()) for first, last in windows]


def _share(holding: int, of: int) -> str:
    """The verdict on a claim that holds in so many cases of all."""
    if holding in (0, of):
        return CONFIRMED if holding else REFUTED
    return HALF if 2 * holding >= of else OPEN


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


def between(values: Sequence[float], digits: int | None = None) -> str:
    """Lowest and highest, or the one that both show."""
    low, high = (significant(v) if digits is None else number(v, digits) for v in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
