"""Verdicts on claims follow the intervals of the effects."""

import numpy as np
import pytest

from study.comparison import (
    all_positive,
    compare,
    frequent_mistake,
    gap,
    is_positive,
    leads,
    mean_confusion,
    minus,
)
from study.evaluation import Interval
from study.runs import Record
from study.verdicts import CONFIRMED, CONTRADICTED, PARTLY, UNCLEAR

UP, DOWN, LEVEL = Interval(1, 0.5, 1.5), Interval(-1, -1.5, -0.5), Interval(0.1, -1, 1)


def test_the_most_frequent_mistake_is_off_the_diagonal_and_a_mean_over_seeds():
    matrices = [[9, 1, 0], [2, 8, 0], [4, 0, 6]], [[7, 3, 0], [2, 8, 0], [1, 0, 9]]
    seeds = [Record({}, {"test": {"confusion": matrix}}, {}, {}) for matrix in matrices]
    assert mean_confusion(seeds).tolist() == [[8, 2, 0], [2, 8, 0], [2.5, 0, 7.5]]
    assert frequent_mistake(seeds) == (2, 0, 2.5)


def test_the_gap_is_that_to_the_validation_split():
    shares = {"train": 0.9, "validation": 0.8, "test": 0.6}
    run = Record({}, {split: {"accuracy": share} for split, share in shares.items()}, {}, {})
    assert gap(run) == pytest.approx(0.1)


def test_an_effect_must_outlast_other_seeds_and_other_examples():
    def run(seed, correct):
        logits = np.eye(2)[np.where(np.arange(1000) < 1000 * correct, 0, 1)]
        return Record({"seed": seed}, {}, {"test_logits": logits, "test_classes": np.zeros(1000, int)}, {})

    base = [run(seed, 0.90) for seed in range(4)]
    steady = [run(seed, 0.92) for seed in range(4)]
    erratic = [run(seed, 0.90 + 0.08 * (seed == 0)) for seed in range(4)]
    found = [compare(after, base) for after in (steady, erratic)]
    # By the examples alone, with the mean over seeds of each, both gains would be clear.
    assert [one.mean for one in found] == pytest.approx([0.02, 0.02])
    assert [is_positive(one) for one in found] == [CONFIRMED, UNCLEAR]
    surer = compare(steady, base, level=0.999)
    assert surer.low < found[0].low < found[0].high < surer.high
    assert is_positive(compare(steady, base[:1])) == CONFIRMED


def test_one_effect():
    assert [is_positive(e) for e in (UP, DOWN, LEVEL, minus(DOWN))] == [CONFIRMED, CONTRADICTED, UNCLEAR, CONFIRMED]


def test_all_of_several_effects():
    assert all_positive(UP, UP) == CONFIRMED and all_positive(DOWN, DOWN) == CONTRADICTED
    assert all_positive(UP, LEVEL) == all_positive(UP, DOWN) == PARTLY
    assert all_positive(LEVEL, DOWN) == UNCLEAR


def test_being_ahead_of_all_others():
    assert leads(UP, UP) == CONFIRMED and leads(UP, LEVEL) == UNCLEAR and leads(UP, LEVEL, DOWN) == CONTRADICTED
