"""The protocol: the rule comes from other series, the judged series' labels only judge; tables follow records."""

import numpy as np
import pandas as pd
import pytest

from study.anomaly import analysis, claims, detection, recipes, scoring, series
from study.runs import Record


def spiky(name, n=2000, seed=0):
    """A series whose score is 1 in noise and 10 at the left edge of its window."""
    rng = np.random.default_rng([seed, series.ALL.index(name)])
    values = rng.uniform(0, 1, n)
    windows = ((900, 1000), (1500, 1600))
    for first, _ in windows:
        values[first + 5 : first + 8] = 10 + rng.uniform(0, 1, 3)
    times = np.datetime64("2015-01-01T00:00:00") + np.arange(n) * np.timedelta64(5, "m")
    return series.Series(name, times, values, windows)


@pytest.fixture
def ten():
    return {name: spiky(name) for name in series.ALL}


def test_the_rule_separates_bursts_from_noise_with_one_alarm_each(ten):
    metrics, arrays = detection.judge({n: s.values for n, s in ten.items()}, ten)
    for rule in metrics["rules"].values():
        assert 1 < rule["threshold"] <= 11 and rule["refractory_rows"] in detection.REFRACTORY_ROWS
    assert metrics["events"]["f1"] == 1.0 and metrics["events"]["fp_events"] == 0
    assert metrics["nab"]["standard"] == pytest.approx(2.0, abs=0.05)
    assert arrays["alarm_rows"][0] in range(905, 908) and len(arrays["scores"]) == 2000


def test_labels_of_the_judged_series_do_not_choose_the_rule(ten):
    """Moving AAPL's labels changes its verdict, never the rule or the alarms."""
    scores = {n: s.values for n, s in ten.items()}
    metrics, arrays = detection.judge(scores, ten)
    moved = dict(ten)
    moved["AAPL"] = series.Series("AAPL", ten["AAPL"].timestamps, ten["AAPL"].values, ((400, 450),))
    other, same_arrays = detection.judge(scores, moved)
    assert other["rules"] == metrics["rules"]
    assert np.array_equal(arrays["alarm_rows"], same_arrays["alarm_rows"])
    assert other["nab"] != metrics["nab"] and other["events"]["f1"] == 0


def test_scores_of_the_judged_series_do_not_choose_the_rule(ten):
    scores = {n: s.values for n, s in ten.items()}
    rules = detection.judge(scores, ten)[0]["rules"]
    scores["AAPL"] = np.random.default_rng(1).uniform(50, 60, 2000)
    assert detection.judge(scores, ten)[0]["rules"] == rules


def smeared(ten, names):
    """Scores in which bursts are smeared and false ones occur, so that threshold and pause matter."""
    rng = np.random.default_rng(3)
    return [np.convolve(ten[n].values, np.ones(9))[:2000] + rng.exponential(2, 2000) for n in names]


def test_the_best_rule_is_best_by_its_criterion(ten):
    scores, others = smeared(ten, series.OTHERS), [ten[n] for n in series.OTHERS]
    trials = detection.try_rules(scores, others)
    columns = list(range(len(others)))
    by_hand = []
    for rule in trials.rules:
        alarms = [rule.alarms(v) for v in scores]
        nab = sum(
            scoring.nab_score(a, s.windows, scoring.PROFILES["standard"]) for a, s in zip(alarms, others, strict=True)
        )
        events = [scoring.eventwise(a, s.windows) for a, s in zip(alarms, others, strict=True)]
        found, wrong, missed = (sum(e[k] for e in events) for k in ("found_windows", "fp_events", "missed_windows"))
        by_hand.append((nab, 2 * found / (2 * found + wrong + missed)))
    nabs, f1s = zip(*by_hand, strict=True)
    assert nabs[trials.best("nab", columns)] == pytest.approx(max(nabs))
    assert f1s[trials.best("events", columns)] == pytest.approx(max(f1s))
    assert len(set(np.round(nabs, 3))) > 20, "the rules tried must differ"
    with pytest.raises(ValueError, match="Unknown criterion 'accuracy'"):
        trials.best("accuracy", columns)


def test_a_left_out_series_does_not_choose_its_rule(ten):
    names = series.OTHERS
    scores, others = smeared(ten, names), [ten[n] for n in names]
    trials = detection.try_rules(scores, others)
    reached = detection.left_out(trials)
    for out in (0, 4):
        rest = [c for c in range(len(names)) if c != out]
        rule = trials.rules[trials.best("nab", rest)]
        alarms = rule.alarms(scores[out])
        assert reached[out] == pytest.approx(
            scoring.nab_score(alarms, others[out].windows, scoring.PROFILES["standard"])
        )
    assert sum(reached) <= trials.nab.sum(axis=1).max() + 1e-9


def test_split_is_70_15_15_in_time():
    split = recipes.parts(15_902)
    assert [s.stop - s.start for s in split.values()] == [11131, 2385, 2386]
    assert [split[k].start for k in ("train", "middle", "last")] == [0, 11131, 13516]


def test_a_rule_counts_windows_above_its_threshold():
    errors = {"train": np.ones(10), "middle": np.array([1.0, 2, 3, 4]), "last": np.array([0.0, 0, 0, 10])}
    assert analysis.Rule("maximum", "middle", "last").count(errors) == 1
    assert analysis.Rule("maximum", "last", "middle").count(errors) == 0
    assert analysis.Rule("mean + 2 sd", "train", "middle").count(errors) == 3
    assert analysis.Rule("mean + 3 sd", "last", "last").threshold(errors) == pytest.approx(
        2.5 + 3 * np.std([0, 0, 0, 10])
    )


def published_records(losses, seeds=(0, 1, 2)):
    """Records of task part2-published whose losses are given per model; errors are small noise with ten high ones."""
    made = []
    for model, last in losses.items():
        for seed in seeds:
            rng = np.random.default_rng(seed)
            errors = {f"errors_{p}": rng.uniform(0, 1e-4, 400) for p in analysis.PARTS}
            errors["errors_last"][:10] = 1.0
            metrics = {
                "train_loss_first": 0.1, "train_loss": 0.00046, "last_loss": last, "middle_loss": 0.000117,
            }  # fmt: skip
            spec = {"task": "part2-published", "model": model, "seed": seed}
            made.append(Record(spec, metrics, errors | {"history_last": np.array([last, last])}, {}))
    return made


def test_verdicts_turn_round_with_the_data():
    nearest = analysis.Rule("mean + 3 sd", "last", "last")
    same = published_records({m: 0.0017 for m in recipes.AUTOENCODERS})
    far = published_records({m: 0.17 for m in recipes.AUTOENCODERS})

    def status(records):
        return {(j.model, j.quantity): j.verdict.status for j in analysis.judged_losses(records, nearest)}

    assert status(same)["Base", "validation loss"] == "reproduced"
    assert status(far)["Base", "validation loss"] == "not reproduced"
    assert status(same)["Base", "anomalies detected"] == "not reproduced"
    assert status(same)["Version 3", "validation loss"] == "not comparable"


def test_the_nearest_rule_is_first():
    table = analysis.rule_table(published_records({m: 0.0017 for m in recipes.AUTOENCODERS}))
    assert table.distance.is_monotonic_increasing and len(table) == len(analysis.RULES)
    assert {rule.applied_to for rule in table.rule} == {"middle", "last"}


def test_statistics_are_judged_to_the_published_digits():
    sound = {
        "rows": 15902, "mean": 85.5523, "sd": 321.0507, "min": 0, "q25": 29, "median": 47, "q75": 76, "max": 13479,
        "missing": 0, "columns": 2,
    }  # fmt: skip
    assert {j.verdict.status for j in analysis.judged_dataset(sound)} == {"reproduced"}
    wrong = {j.quantity: j.verdict.status for j in analysis.judged_dataset({**sound, "mean": 85.56, "rows": 15901})}
    assert wrong["mean"] == wrong["entries"] == "not reproduced" and wrong["standard deviation"] == "reproduced"


def test_most_seeds_make_half_a_claim_and_fewer_do_not():
    words = [claims._share(holding, 10) for holding in (0, 1, 4, 5, 9, 10)]
    assert words == ["refuted", *["not confirmed here"] * 2, *["half confirmed"] * 2, "confirmed"]


def dataset_and_runs(*alarms, f1=0.8):
    """A series with two windows, the second one fainter, and one unlabelled burst; a run for each list of alarms."""
    day = "2015-03-0{}T00:00:00".format
    metrics = {
        "rows": 2000, "first": day(1), "windows": [(900, 1000), (1500, 1600)], "window_maxima": [90, 20],
        "window_times": [[day(4), day(4)], [day(6), day(6)]],
        "bursts": [{"labelled": False, "time": day(7), "first": day(7), "last": day(7)}],
    }  # fmt: skip
    runs = []
    for i, rows in enumerate(alarms):
        false = sum(not (900 <= row <= 1000 or 1500 <= row <= 1600) for row in rows)
        found = {"events": {"f1": f1 + 0.01 * i, "fp_events": false}, "nab": {"standard": 1.0 + i}}
        runs.append(Record({"seed": i}, found, {"alarm_rows": np.array(rows, dtype=int)}, {}))
    return Record({}, metrics, {}, {}), runs


def test_seeds_are_told_by_what_they_find_and_never_mixed():
    dataset, runs = dataset_and_runs([950, 1550], [950], [960, 1510])
    assert analysis.told_by_windows(dataset, runs) == (
        "with 2 of 3\u00a0seeds it finds all 2 windows (event-wise F1 0.80 to 0.82, NAB score 1.00 to 3.00); "
        "with 1 of 3\u00a0seeds it misses the window of 2015-03-06, the faintest (event-wise F1 0.81, NAB score 2.00)"
    )
    assert [analysis.seeds_above(runs, nab) for nab in (0.5, 2.5, 9)] == [
        "with all 3\u00a0seeds", "with 1 of 3\u00a0seeds", "with none of 3\u00a0seeds",
    ]  # fmt: skip


def test_false_events_are_named_where_they_are_bursts():
    burst = 6 * detection.DAY_ROWS
    for alarms, told in (
        ([[950], [1550]], "no seed raises a false event"),
        ([[950, burst], [burst]], "the only false event is the unlabelled burst of 2015-03-07"),
        ([[950, burst], [700]], "there are 1 false events, not all of them bursts"),
    ):
        assert analysis.told_false_events(*dataset_and_runs(*alarms)) == told


def test_hyperparameters_matter_by_scoring_and_by_shape_apart():
    def verdict(shape, scoring_alone):
        rows = {"('code2', 1)": 10.0, "('code8', 1)": 10.0, "('deep', 1)": shape, "d27": 10.0, "('no network', 1)": 0.0}
        table = pd.DataFrame({"network": list(rows), "nab_sum_nine": list(rows.values())})
        one_more = pd.DataFrame({"network": ["d27"], "nab_sum_nine": [scoring_alone]})
        return claims.about_settings(pd.concat([table, one_more], ignore_index=True))

    assert verdict(shape=9.0, scoring_alone=2.0).status == "half confirmed"
    assert "over 5 settings" in verdict(9.0, 2.0).reason and "from 2.0 to 10.0" in verdict(9.0, 2.0).reason
    assert verdict(shape=2.0, scoring_alone=2.0).status == "confirmed"
    assert verdict(shape=9.0, scoring_alone=9.0).status == "not confirmed here"


def test_a_loss_ends_below_at_or_above_a_constant_s():
    runs = [
        Record({}, {"constant_loss": {"last": 1.0}}, {"history_last": np.array(curve)}, {})
        for curve in ([9.0, 1.1], [9.0, 0.9], [1.0, 0.5], [9.0, 5.0], [1.0, 5.0])
    ]
    assert analysis.told_against_constant(runs) == (
        "at it with 2, below it with 1, above it, still falling, with 1 and above it, risen, with 1"
    )
    assert analysis.against_constant(runs[2], 0) == "at"
