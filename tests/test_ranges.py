"""VUS-PR and affiliation F1: hand-worked cases, and values that the package TSB-AD 1.5 gives."""

import numpy as np
import pytest

from study.anomaly.ranges import affiliation, vus_pr


def flags_at(n: int, *rows: int) -> np.ndarray:
    flags = np.zeros(n, dtype=bool)
    flags[list(rows)] = True
    return flags


def wave(n: int) -> np.ndarray:
    """Scores without ties that need no random numbers."""
    row = np.arange(n)
    return np.sin(row * 0.7) + np.cos(row * row * 0.013)


CASES = {
    "apart": (400, [(100, 119), (200, 260), (330, 333)]),
    "near each other": (300, [(60, 80), (90, 99), (112, 140)]),
    "at the end": (250, [(45, 50), (200, 249)]),
    "one row": (200, [(100, 100)]),
}
OF_THE_PACKAGE = {
    "apart": (0.48368545624, 0.44910832183, 0.780754065642),
    "near each other": (0.561669591902, 0.495590534667, 0.813995235498),
    "at the end": (0.512300150412, 0.467949628657, 0.810830725603),
    "one row": (0.104990444875, 0.0822696953422, 0.673406047708),
}
"""(VUS-PR with a buffer of 20 rows, the same of rounded scores, affiliation F1 of scores >= 1.2) of each case."""


@pytest.mark.parametrize("name", CASES)
def test_they_are_the_packages(name):
    n, windows = CASES[name]
    scores = wave(n)
    for first, last in windows:
        scores[first : last + 1] += 0.8
    found = (
        vus_pr(scores, windows, 20),
        vus_pr(np.round(scores), windows, 20),
        affiliation(scores >= 1.2, windows)["f1"],
    )
    assert found == pytest.approx(OF_THE_PACKAGE[name], rel=1e-9)


# By hand: 20 rows have a probation of 3, 120 rows one of 18


def ranked(*rows: int) -> np.ndarray:
    """Scores of 20 rows by which these come first, in this order."""
    scores = -np.arange(20.0)
    scores[list(rows)] = np.arange(len(rows), 0, -1)
    return scores


def test_a_perfect_ranking_has_the_whole_volume():
    assert vus_pr(ranked(10, 11), [(10, 11)], buffer_rows=0) == pytest.approx(1.0)


def test_a_buffer_by_hand():
    # Without a buffer (widths 0 and 1) row 11 is false: precision 1/2 when the window is found.
    # With one of two rows, row 11 weighs 0.7071 and half of that is to be found.
    half = np.sqrt(0.5)
    recall = half / (1 + half / 2)
    area = recall * half + (1 - recall) * (1 + half) / 2
    assert vus_pr(ranked(11, 10), [(10, 10)], buffer_rows=2) == pytest.approx((1 / 2 + 1 / 2 + area) / 3)


def test_recall_counts_windows_that_exist():
    # Rows 10 and 11 find one of two windows, and two of their three rows: recall 2/3 of 1/2 at precision 1.
    expected = 1 / 2 * 2 / 3 + (1 - 1 / 3) * 3 / 17
    scores = np.where(np.isin(np.arange(20), [10, 11]), 1.0, 0.0)
    assert vus_pr(scores, [(10, 11), (15, 15)], buffer_rows=0) == pytest.approx(expected)


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_a_constant_has_the_share_of_labelled_rows(constant):
    assert vus_pr(np.full(20, constant), [(10, 11)], buffer_rows=0) == pytest.approx(2 / 17)


def test_probation_rows_do_not_count():
    scores, flags = ranked(10, 11), flags_at(20, 11)
    scores[:3], flags[:3] = 99, True
    assert vus_pr(scores, [(10, 11)], buffer_rows=0) == pytest.approx(1.0)
    assert affiliation(flags, [(10, 11)]) == affiliation(flags_at(20, 11), [(10, 11)])


WINDOW = [(58, 67)]  # scored time 40 to 50, in a zone from 0 to 102


def test_one_flag_by_hand():
    # 10 to 11 rows off, 10 + 2 * 10.5 of 102 points are as near; from the window the flag is 10 to 20 rows away.
    found = affiliation(flags_at(120, 78), WINDOW)
    assert found["precision"] == pytest.approx(1 - 31 / 102)
    assert found["recall"] == pytest.approx(1 - 30 / 102)
    assert found["f1"] == pytest.approx(2 / (1 / found["precision"] + 1 / found["recall"]))


def test_flagging_everything_has_a_high_affiliation_all_the_same():
    found = affiliation(np.ones(120, dtype=bool), WINDOW)
    left, right = 40 * (1 - 50 / 102), 52 * (1 - (10 + 26 + (800 + 480) / 52) / 102)
    assert found["precision"] == pytest.approx((10 + left + right) / 102)
    assert found["recall"] == 1 and 0.6 < found["f1"] < 0.7


def test_zones_without_a_flag():
    windows = [(30, 35), (80, 85)]
    near_one = affiliation(flags_at(120, 33), windows)
    assert near_one["precision"] == 1 and 0.45 < near_one["recall"] < 0.5
    assert affiliation(flags_at(120), windows) == {"precision": 0, "recall": 0, "f1": 0}


def test_bad_input():
    for call in (lambda w: vus_pr(ranked(1), w), lambda w: affiliation(flags_at(20, 11), w)):
        with pytest.raises(ValueError, match="without a labelled window"):
            call([])
        with pytest.raises(ValueError, match="probation"):
            call([(1, 10)])
    with pytest.raises(ValueError, match="one finite number per row"):
        vus_pr([1.0, np.nan], [(1, 1)])
    with pytest.raises(ValueError, match="one boolean per row"):
        affiliation(np.zeros(20), [(10, 11)])
