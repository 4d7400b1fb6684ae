"""The scorer against hand-worked cases, its own rules, and what NAB publishes for two detectors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study import catalog
from study.anomaly.scoring import (
    PROFILES,
    alarms,
    eventwise,
    first_rows,
    nab_score,
    normalised,
    pointwise,
    probation_rows,
    row_weights,
)

STANDARD = PROFILES["standard"]
PUBLISHED = json.loads((Path(__file__).parent / "data" / "nab_flagged_rows.json").read_text())
DETECTORS = sorted(PUBLISHED["detectors"])


def flags_at(n: int, *rows: int) -> np.ndarray:
    flags = np.zeros(n, dtype=bool)
    flags[list(rows)] = True
    return flags


def published_case(detector: str) -> tuple[np.ndarray, list, dict]:
    figures = PUBLISHED["detectors"][detector]
    return flags_at(PUBLISHED["n"], *figures["flagged_rows"]), PUBLISHED["windows"], figures


@st.composite
def labelled_series(draw):
    """Scores (ties are common), disjoint windows after the probation, one of the profiles."""
    n = draw(st.integers(8, 80))
    start = probation_rows(n)
    cuts = sorted(draw(st.sets(st.integers(start, n - 1), max_size=6)))
    windows = [(cuts[i], cuts[i + 1] - 1) for i in range(0, len(cuts) - 1, 2)]
    scores = np.array(draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n)), dtype=float)
    return scores, windows, PROFILES[draw(st.sampled_from(sorted(PROFILES)))]


# Published figures


@pytest.mark.parametrize("detector", DETECTORS)
def test_published_counts_and_scores(detector):
    flags, windows, figures = published_case(detector)
    counts = pointwise(flags.astype(float), flags, windows)
    assert {name: counts[name] for name in ("tp", "tn", "fp", "fn")} == {
        name: figures[name] for name in ("tp", "tn", "fp", "fn")
    }
    for profile, score in figures["scores"].items():
        assert nab_score(flags, windows, PROFILES[profile]) == pytest.approx(score, abs=1e-8)


@pytest.mark.parametrize("detector", DETECTORS)
def test_published_rows(detector):
    name = f"nab/detectors/{detector}_Twitter_volume_AAPL.csv"
    if not catalog.at_hand([name]):
        pytest.skip("needs NAB's published detector output; set DATA_MIRROR to a folder that has it")
    rows = pd.read_csv(catalog.fetch(name))
    flags, windows, figures = published_case(detector)
    assert np.array_equal(rows.anomaly_score >= figures["threshold"], flags)
    assert np.flatnonzero(rows.label).tolist() == [i for a, b in windows for i in range(a, b + 1)]
    for profile, weights in PROFILES.items():
        published = rows[f"S(t)_{profile}"]
        assert published.sum() == pytest.approx(figures["scores"][profile], abs=1e-8)
        signed = row_weights(len(rows), windows, weights)
        expected = np.where(flags, signed, 0.0)
        # NAB books what a window earns or costs on the window's first row.
        for first, last in windows:
            earned = expected[first : last + 1].max()
            expected[first : last + 1] = 0.0
            expected[first] = earned if earned > 0 else -weights.fn
        assert expected == pytest.approx(published, abs=1e-9)


@pytest.mark.parametrize(
    ("detector", "windows", "false", "f1"),
    [("windowedGaussian", (4, 0), 12, 0.4), ("numenta", (3, 1), 6, 6 / 13)],
)
def test_events_of_published_detectors(detector, windows, false, f1):
    flags, labelled, _ = published_case(detector)
    found = eventwise(flags, labelled)
    assert (found["found_windows"], found["missed_windows"]) == windows and found["f1"] == pytest.approx(f1)
    assert found["fp_events"] == false


# The NAB score by hand: 100 rows have a probation of 15


def test_probation_is_15_percent_and_at_most_750_rows():
    assert [probation_rows(n) for n in (1, 99, 100, 4999, 5000, 15902)] == [0, 14, 15, 749, 750, 750]


def test_row_weights_by_hand():
    signed = row_weights(100, [(40, 49)], STANDARD)
    scale = 1 - 2 / (1 + np.exp(-5.0))  # s(-1) without its sign
    assert signed[40] == 1.0
    assert signed[45] == pytest.approx((2 / (1 + np.exp(-2.5)) - 1) / -scale)  # y = -5/10
    assert signed[49] == pytest.approx((2 / (1 + np.exp(-0.5)) - 1) / -scale)  # y = -1/10
    assert signed[58] == pytest.approx(0.11 * (2 / (1 + np.exp(5.0)) - 1))  # y = 9/9
    assert signed[76] == -0.11  # y = 27/9
    assert (signed[:15] == 0.0).all()
    assert (signed[15:40] == -0.11).all()


def test_short_window_in_a_long_series_does_not_overflow():
    with np.errstate(over="raise"):
        signed = row_weights(20_000, [(1000, 1000), (2000, 2001)], STANDARD)
    assert signed[1000] == signed[2000] == 1.0
    assert signed[1500] == signed[-1] == -0.11


def test_weights_restart_after_each_window():
    signed = row_weights(100, [(40, 49), (60, 79)], STANDARD)
    assert signed[59] == pytest.approx(0.11 * (2 / (1 + np.exp(5 * 10 / 9)) - 1))
    assert signed[60] == 1.0
    assert signed[80] == pytest.approx(0.11 * (2 / (1 + np.exp(5 * 1 / 19)) - 1))


TWO = [(40, 49), (60, 69)]


@pytest.mark.parametrize(
    ("rows", "windows", "profile", "expected"),
    [
        ([], TWO, "standard", -2.0),
        ([20], TWO, "standard", -2.11),
        ([20], TWO, "reward_low_FP_rate", -2.22),
        ([20], TWO, "reward_low_FN_rate", -4.11),
        (range(15), [(40, 49)], "standard", -1.0),  # flags in the probation do not count
        ([], [], "standard", 0.0),
        ([30, 60], [], "standard", -0.22),
    ],
)
def test_false_positives_and_missed_windows_cost_what_the_profile_says(rows, windows, profile, expected):
    assert nab_score(flags_at(100, *rows), windows, PROFILES[profile]) == pytest.approx(expected)


def test_only_the_earliest_flag_of_a_window_counts():
    windows = [(40, 49)]
    one = nab_score(flags_at(100, 43), windows, STANDARD)
    assert nab_score(flags_at(100, 43, 44, 49), windows, STANDARD) == one
    assert nab_score(flags_at(100, 42, 43), windows, STANDARD) > one


@given(labelled_series())
def test_perfect_and_null_detectors(case):
    scores, windows, weights = case
    perfect = flags_at(len(scores), *(first for first, _ in windows))
    assert nab_score(perfect, windows, weights) == pytest.approx(len(windows))
    assert nab_score(flags_at(len(scores)), windows, weights) == -weights.fn * len(windows)


@given(labelled_series(), st.data())
def test_one_more_flag_helps_inside_windows_and_harms_outside(case, data):
    scores, windows, weights = case
    flags = scores > 0
    row = data.draw(st.integers(probation_rows(len(flags)), len(flags) - 1))
    more = flags.copy()
    more[row] = True
    change = nab_score(more, windows, weights) - nab_score(flags, windows, weights)
    inside = any(first <= row <= last for first, last in windows)
    if flags[row]:
        assert change == 0
    elif inside:
        assert change >= 0
    else:
        assert change == pytest.approx(row_weights(len(flags), windows, weights)[row])
        assert change < 0


def test_nabs_scale_by_hand():
    # Two windows: silence costs 2, the best is 2.
    assert [normalised(score, 2, STANDARD) for score in (-2.0, 0.0, 1.5, 2.0)] == [0.0, 50.0, 87.5, 100.0]
    assert normalised(-4.0, 2, STANDARD) == -50.0
    assert normalised(-4.0, 2, PROFILES["reward_low_FN_rate"]) == 0.0
    with pytest.raises(ValueError, match="without labelled windows"):
        normalised(0.0, 0, STANDARD)


# Point-wise and event-wise


def test_pointwise_by_hand():
    scores = np.zeros(100)
    scores[[5, 42, 43, 60]] = [9.0, 2.0, 1.0, 2.0]
    result = pointwise(scores, scores >= 2, [(40, 43)])
    assert (result["tp"], result["fp"], result["fn"], result["tn"]) == (1, 1, 3, 80)
    assert (result["precision"], result["recall"]) == (0.5, 0.25)
    assert result["f1"] == pytest.approx(1 / 3)
    # Pairs of 4 anomalous and 81 normal rows: the 2 beats 80 and ties 1, the 1 beats 80, each 0 ties 80.
    assert result["roc_auc"] == pytest.approx((80.5 + 80 + 40 + 40) / (4 * 81))
    # Precision 1/2 at recall 1/4, 2/3 at 1/2, 4/85 at 1.
    assert result["pr_auc"] == pytest.approx(0.25 * 1 / 2 + 0.25 * 2 / 3 + 0.5 * 4 / 85)


def test_ratios_without_a_denominator_are_0_and_rankings_of_one_class_are_none():
    assert pointwise(np.zeros(100), flags_at(100), [(40, 49)])["precision"] == 0.0
    result = pointwise(np.zeros(100), flags_at(100), [])
    assert (result["precision"], result["recall"], result["f1"]) == (0.0, 0.0, 0.0)
    assert result["roc_auc"] is None and result["pr_auc"] is None


def test_flags_closer_than_the_limit_are_one_event():
    rows = np.array([3, 14, 26, 27, 60])
    assert first_rows(rows).tolist() == [3, 26, 60]
    assert first_rows(rows[:0]).tolist() == []


def test_eventwise_by_hand():
    windows = [(160, 199), (240, 279), (320, 359)]
    # Probation: 20. Two events begin in the first window, one before the second and reaches into it, one in the third
    # and leaves it, one outside.
    flags = flags_at(400, 20, 80, 164, 188, 232, 240, 356, 364)
    result = eventwise(flags, windows)
    assert result["fp_events"] == 2
    assert (result["found_windows"], result["missed_windows"]) == (2, 1)
    assert result["precision"] == 2 / 4
    assert result["recall"] == pytest.approx(2 / 3)
    assert result["f1"] == pytest.approx(4 / 7)


@pytest.mark.parametrize(
    ("rows", "windows", "found"),
    [
        ([45, 55, 65], TWO, {"fp_events": 0, "found_windows": 1, "f1": 2 / 3}),  # one, over two windows
        (range(10, 20), [(15, 30)], {"found_windows": 1}),  # events begin with the scored rows
        (range(10, 20), [(16, 30)], {"fp_events": 1}),
        ([3], [(40, 49)], {"fp_events": 0, "missed_windows": 1, "precision": 0.0}),
    ],
)  # fmt: skip
def test_where_an_event_begins_decides(rows, windows, found):
    flags = flags_at(100, *rows)
    result = eventwise(flags, windows)
    assert {name: result[name] for name in found} == found
    assert np.flatnonzero(flags).tolist() == list(rows)  # the flags are left alone


FOUR = [(1235, 1631), (2920, 3316), (4761, 5157), (9087, 9483)]
"""The windows of AAPL, of 15,902 rows."""


def test_flagging_without_looking_has_a_low_f1():
    everything = np.ones(15_902, dtype=bool)
    assert eventwise(everything, FOUR)["f1"] == 0  # one event, begun with the scored rows
    from_the_first = everything.copy()
    from_the_first[:1300] = False
    assert eventwise(from_the_first, FOUR)["f1"] == 2 / 5  # one window of four, and no false event
    daily = flags_at(15_902, *range(750, 15_902, 288))
    result = eventwise(daily, FOUR)
    assert (result["found_windows"], result["fp_events"]) == (4, 46)
    assert result["f1"] == 8 / 54
    often = flags_at(15_902, *range(750, 15_902, 13))
    assert eventwise(often, FOUR)["f1"] < 0.01


# Alarms


@pytest.mark.parametrize(("pause", "expected"), [(0, [1, 2, 4, 6, 7]), (1, [1, 4, 6]), (2, [1, 4, 7]), (4, [1, 6])])
def test_alarms_pause_after_each_alarm_and_not_after_silenced_rows(pause, expected):
    scores = np.array([0.0, 2.0, 2.0, 1.0, 2.0, 0.0, 2.0, 2.0])
    assert np.flatnonzero(alarms(scores, 2.0, pause)).tolist() == expected


# Bad input


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ([(40, 49), (49, 60)], "overlap"),
        ([(60, 69), (40, 49)], "in order"),
        ([(49, 40)], "first_row <= last_row"),
        ([(40, 100)], "scored rows 15 to 99"),
        ([(10, 20)], "probation"),
        ([(40, 49, 50)], "pairs"),
        ([(40.0, 49.0)], "whole rows"),
    ],
)
@pytest.mark.parametrize(
    "score",
    [
        lambda windows: row_weights(100, windows, STANDARD),
        lambda windows: nab_score(flags_at(100), windows, STANDARD),
        lambda windows: pointwise(np.zeros(100), flags_at(100), windows),
        lambda windows: eventwise(flags_at(100), windows),
    ],
)
def test_bad_windows(score, windows, message):
    with pytest.raises(ValueError, match=message):
        score(windows)


SCORES = np.zeros(100)
HOLED = np.where(np.arange(100) == 7, np.nan, SCORES)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pointwise(HOLED, flags_at(100), []), "nan at row 7"),
        (lambda: alarms(HOLED, 1.0), "nan at row 7"),
        (lambda: pointwise(SCORES, flags_at(99), []), "100 and 99"),
        (lambda: nab_score(SCORES, [], STANDARD), "one boolean per row"),
        (lambda: alarms([], 1.0), "one number per row"),
        (lambda: alarms(SCORES, 1.0, -1), "refractory_rows"),
        (lambda: alarms(SCORES, np.nan), "NaN"),
    ],
)
def test_bad_scores_flags_and_lengths(call, message):
    with pytest.raises(ValueError, match=message):
        call()
