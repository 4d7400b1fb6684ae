"""The protocol: the rule comes from other series, the judged series' labels only judge."""

import numpy as np
import pytest

from study.anomaly import detection, scoring, series


def spiky(name, n=2000, seed=0):
    """A series whose score is 1 in noise and 10 at the left edge of its window."""
    rng = np.random.default_rng([seed, series.ALL.index(name)])
    values = rng.uniform(0, 1, n)
    windows = ((900, 1000), (1500, 1600))
    for first, _ in windows:
        values[first + 5 : first + 8] = 10 + rng.uniform(0, 1, 3)
    times = np.datetime64("2015-01-01T00:00:00") + np.arange(n) * np.timedelta64(5, "m")
    return series.Series(name, times, values, windows)


@pytest.fixture(scope="module")
def ten():
    return {name: spiky(name) for name in series.ALL}


def scores_of(ten):
    return {name: one.values for name, one in ten.items()}


@pytest.fixture(scope="module")
def plain(ten):
    """The verdict on the plain scores: metrics, arrays."""
    return detection.judge(scores_of(ten), ten)


@pytest.mark.parametrize("column", detection.COLUMNS)
def test_the_rule_separates_bursts_from_noise(plain, column):
    metrics, arrays = plain
    found = metrics[column]
    for rule in found["rules"].values():
        assert 1 < rule["threshold"] <= 11 and rule["refractory_rows"] in detection.COLUMNS[column]
    assert found["events"]["f1"] == 1.0 and (found["found_windows"], found["false_events"]) == (2, 0)
    assert found["nab"]["standard"] == pytest.approx(2.0, abs=0.05)
    assert found["nab_100"] == pytest.approx(100, abs=1.5)
    assert arrays[f"{column}_alarm_rows"][0] in range(905, 908) and len(arrays["scores"]) == 2000
    # Only three rows of each window are high, so that rows of noise come before the others.
    assert metrics["vus_pr"] > 0.2 and found["affiliation"]["f1"] > 0.9


def test_without_a_pause_every_row_above_the_threshold_is_an_alarm(ten, plain):
    metrics, arrays = plain
    assert [rule["refractory_rows"] for rule in metrics["unpaused"]["rules"].values()] == [0, 0]
    threshold = metrics["unpaused"]["rules"]["nab"]["threshold"]
    assert arrays["unpaused_alarm_rows"].tolist() == np.flatnonzero(ten["AAPL"].values >= threshold).tolist()


def test_labels_of_the_judged_series_do_not_choose_the_rule(ten, plain):
    """Moving AAPL's labels changes its verdict, never the rule or the alarms."""
    metrics, arrays = plain
    moved = {**ten, "AAPL": relabelled(ten["AAPL"], (400, 450))}
    other, same_arrays = detection.judge(scores_of(ten), moved)
    for column in detection.COLUMNS:
        assert other[column]["rules"] == metrics[column]["rules"]
        assert other[column]["left_out"] == metrics[column]["left_out"]
        assert np.array_equal(arrays[f"{column}_alarm_rows"], same_arrays[f"{column}_alarm_rows"])
        assert other[column]["nab"] != metrics[column]["nab"] and other[column]["events"]["f1"] == 0


def relabelled(one, *windows):
    return series.Series(one.name, one.timestamps, one.values, windows)


def test_scores_of_the_judged_series_do_not_choose_the_rule(ten, plain):
    scores, (chosen, _) = scores_of(ten), plain
    scores["AAPL"] = np.random.default_rng(1).uniform(50, 60, 2000)
    other = detection.judge(scores, ten)[0]
    assert all(other[column]["rules"] == chosen[column]["rules"] for column in detection.COLUMNS)


def smeared(ten, names):
    """Scores in which bursts are smeared and false ones occur, so that threshold and pause matter."""
    rng = np.random.default_rng(3)
    return {n: np.convolve(ten[n].values, np.ones(5))[:2000] + rng.exponential(6, 2000) for n in names}


def worth(scores, some, rule):
    """NAB score and F1 of all events of a rule on some series, from the public scorers."""
    alarms = {name: rule.alarms(scores[name]) for name in some}
    nab = sum(scoring.nab_score(alarms[n], one.windows, detection.STANDARD) for n, one in some.items())
    events = [scoring.eventwise(alarms[n], one.windows) for n, one in some.items()]
    found, wrong, missed = (sum(e[k] for e in events) for k in ("found_windows", "fp_events", "missed_windows"))
    return nab, 2 * found / (2 * found + wrong + missed)


def tried(scores, some):
    return detection.try_rules([detection.OnSeries(*pair) for pair in zip(scores, some, strict=True)])


def test_the_best_rule_is_best_by_its_criterion(ten):
    others = {name: ten[name] for name in series.OTHERS}
    scores = smeared(ten, series.OTHERS)
    trials = tried(scores.values(), others.values())
    by_hand = {rule: worth(scores, others, rule) for rule in trials.rules}
    one_rule = trials.rules[200]
    events = [scoring.eventwise(one_rule.alarms(scores[name]), one.windows) for name, one in others.items()]
    assert trials.wrong[200].tolist() == [found["fp_events"] for found in events]
    assert any(one_rule.alarms(scores[name])[:300].any() for name in others), "the probation must raise alarms here"
    assert len({round(nab, 3) for nab, _ in by_hand.values()}) > 20, "the rules tried must differ"
    for pauses in detection.COLUMNS.values():
        allowed = {rule: value for rule, value in by_hand.items() if rule.refractory_rows in pauses}
        nabs, f1s = zip(*allowed.values(), strict=True)
        assert allowed[trials.best("nab", pauses)][0] == pytest.approx(max(nabs))
        assert allowed[trials.best("events", pauses)][1] == pytest.approx(max(f1s))
    assert trials.best("nab") != trials.best("events"), "the criteria must differ here"
    with pytest.raises(ValueError, match="Unknown criterion 'accuracy'"):
        trials.best("accuracy")


def test_each_result_is_under_the_rule_of_its_criterion(ten):
    scores = smeared(ten, series.ALL)
    metrics, arrays = detection.judge(scores, ten)
    judged = ten["AAPL"]
    for column in detection.COLUMNS:
        found = metrics[column]
        nab, events = (detection.AlarmRule(**found["rules"][name]) for name in ("nab", "events"))
        assert found["events"] == scoring.eventwise(events.alarms(scores["AAPL"]), judged.windows)
        assert found["events"] != scoring.eventwise(nab.alarms(scores["AAPL"]), judged.windows), (
            "rules must differ here"
        )
        alarms = nab.alarms(scores["AAPL"])
        assert found["nab"]["standard"] == scoring.nab_score(alarms, judged.windows, detection.STANDARD)
        assert found["false_events"] == scoring.eventwise(alarms, judged.windows)["fp_events"]
        assert np.flatnonzero(alarms).tolist() == arrays[f"{column}_alarm_rows"].tolist()
        # Rows count by their scores: a pause hides none of them.
        above = scores["AAPL"] >= nab.threshold
        assert found["points"] == scoring.pointwise(scores["AAPL"], above, judged.windows)
    paused = metrics["paused"]
    assert paused["points"]["tp"] + paused["points"]["fp"] > len(arrays["paused_alarm_rows"])


def test_a_left_out_series_has_no_say_in_its_rule(ten):
    scores, others = smeared(ten, series.OTHERS), {name: ten[name] for name in series.OTHERS}
    chosen = detection.left_out(scores, others)
    for out in ("AMZN", "GOOG"):
        rest = {name: one for name, one in others.items() if name != out}
        trials = tried([scores[n] for n in rest], rest.values())
        assert chosen[out]["paused"] == trials.best("nab") and chosen[out]["unpaused"] == trials.best("nab", (0,))
        changed = detection.left_out(
            {**scores, out: scores[out][::-1] * 7}, {**others, out: relabelled(others[out], (400, 450), (500, 600))}
        )
        assert changed[out] == chosen[out] and changed != chosen


def test_the_nine_are_judged_under_rules_of_the_others(ten):
    scores = smeared(ten, series.ALL)
    metrics = detection.judge(scores, ten)[0]
    others = {name: ten[name] for name in series.OTHERS}
    rules = detection.left_out({name: scores[name] for name in others}, others)
    for column in detection.COLUMNS:
        assert metrics[column]["left_out"] == {
            name: scoring.nab_score(rules[name][column].alarms(scores[name]), one.windows, detection.STANDARD)
            for name, one in others.items()
        }


def test_thresholds_come_from_scored_rows_and_one_lies_above_them_all(ten):
    others = [ten[name] for name in series.OTHERS]
    scores = [one.values.copy() for one in others]
    for values in scores:
        values[: scoring.probation_rows(2000)] = 1e6
    thresholds = [rule.threshold for rule in tried(scores, others).rules]
    top = max(values[scoring.probation_rows(2000) :].max() for values in scores)
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] == np.nextafter(top, np.inf) and top in thresholds


def test_among_equals_the_highest_threshold_wins():
    rules = [detection.AlarmRule(threshold, pause) for threshold in (9.0, 5.0, 1.0) for pause in (0, 12)]
    same = np.ones((6, 2), dtype=int)
    trials = detection.Trials(rules, same.astype(float), same, same, same)
    for criterion in ("nab", "events"):
        assert trials.best(criterion) == detection.AlarmRule(9.0, 0)
        assert trials.best(criterion, (12,)) == detection.AlarmRule(9.0, 12)


def test_a_detector_that_does_harm_stays_silent(ten):
    wrong = {name: np.where(one.labels, 0.0, one.values) for name, one in ten.items()}
    found = detection.judge(wrong, ten)[0]["unpaused"]
    assert (found["nab"]["standard"], found["nab_100"], found["found_windows"]) == (-2.0, 0.0, 0)


@pytest.mark.parametrize("scores", [np.ones(2000), np.r_[np.zeros(301), np.ones(1699)]], ids=["constant", "tied"])
def test_equal_scores_are_worth_nothing(ten, scores):
    metrics = detection.judge({name: scores for name in ten}, ten)[0]
    assert metrics["unpaused"]["events"]["f1"] == 0 and metrics["unpaused"]["nab_100"] == 0
    # A blind alarm a day meets every window sooner or later, which the pause turns into points; not into a high F1.
    assert metrics["paused"]["events"]["f1"] < 0.6
    assert metrics["vus_pr"] < 0.2 and metrics["roc_auc"] == pytest.approx(0.5, abs=0.05)


def test_split_is_70_15_15_in_time():
    split = series.parts(15_902)
    assert [s.stop - s.start for s in split.values()] == [11131, 2385, 2386]
    assert [split[k].start for k in ("train", "middle", "last")] == [0, 11131, 13516]
