"""Verdicts on claims follow the intervals of the effects."""

from study.comparison import CONFIRMED, HALF, OPEN, REFUTED, all_positive, is_positive, leads, minus
from study.evaluation import Interval

UP, DOWN, UNCLEAR = Interval(1, 0.5, 1.5), Interval(-1, -1.5, -0.5), Interval(0.1, -1, 1)


def test_one_effect():
    assert [is_positive(e) for e in (UP, DOWN, UNCLEAR, minus(DOWN))] == [CONFIRMED, REFUTED, OPEN, CONFIRMED]


def test_all_of_several_effects():
    assert all_positive(UP, UP) == CONFIRMED and all_positive(DOWN, DOWN) == REFUTED
    assert all_positive(UP, UNCLEAR) == all_positive(UP, DOWN) == HALF
    assert all_positive(UNCLEAR, DOWN) == OPEN


def test_being_ahead_of_all_others():
    assert leads(UP, UP) == CONFIRMED and leads(UP, UNCLEAR) == OPEN and leads(UP, UNCLEAR, DOWN) == REFUTED
