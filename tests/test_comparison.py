"""Verdicts on claims follow the intervals of the effects."""

import numpy as np
import pytest

from study.comparison import (
    CONFIRMED,
    HALF,
    OPEN,
    REFUTED,
    Comparison,
    all_positive,
    frequent_mistake,
    is_positive,
    leads,
    mean_confusion,
    minus,
    seconds_to,
)
from study.evaluation import Interval
from study.runs import Record

UP, DOWN, UNCLEAR = Interval(1, 0.5, 1.5), Interval(-1, -1.5, -0.5), Interval(0.1, -1, 1)


def test_seconds_to_an_accuracy_count_the_epochs_up_to_the_first_that_has_it():
    history = {"history_validation_accuracy": np.array([0.8, 0.91, 0.9]), "history_seconds": np.array([3.0, 4.0, 5.0])}
    trained = Record({}, {}, history, {})
    assert [seconds_to(trained, a) for a in (0.8, 0.9, 0.92)] == [3.0, 7.0, None]
    fitted = Record({}, {"seconds": 21.0, "validation": {"accuracy": 0.92}}, {}, {})
    assert seconds_to(fitted, 0.92) == pytest.approx(21.0) and seconds_to(fitted, 0.93) is None


def test_the_most_frequent_mistake_is_off_the_diagonal_and_a_mean_over_seeds():
    matrices = [[9, 1, 0], [2, 8, 0], [4, 0, 6]], [[7, 3, 0], [2, 8, 0], [1, 0, 9]]
    seeds = [Record({}, {"test": {"confusion": matrix}}, {}, {}) for matrix in matrices]
    assert mean_confusion(seeds).tolist() == [[8, 2, 0], [2, 8, 0], [2.5, 0, 7.5]]
    assert frequent_mistake(seeds) == (2, 0, 2.5)


def test_a_direction_needs_the_interval_and_the_test():
    found = [Comparison(effect, (p,)).than for effect, p in ((UP, 0.01), (DOWN, 0.01), (UP, 0.2), (UNCLEAR, 0.01))]
    assert found == ["better than", "worse than", *["not clearly different from"] * 2]


def test_one_effect():
    assert [is_positive(e) for e in (UP, DOWN, UNCLEAR, minus(DOWN))] == [CONFIRMED, REFUTED, OPEN, CONFIRMED]


def test_all_of_several_effects():
    assert all_positive(UP, UP) == CONFIRMED and all_positive(DOWN, DOWN) == REFUTED
    assert all_positive(UP, UNCLEAR) == all_positive(UP, DOWN) == HALF
    assert all_positive(UNCLEAR, DOWN) == OPEN


def test_being_ahead_of_all_others():
    assert leads(UP, UP) == CONFIRMED and leads(UP, UNCLEAR) == OPEN and leads(UP, UNCLEAR, DOWN) == REFUTED
