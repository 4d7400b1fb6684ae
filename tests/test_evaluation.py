"""Scores, intervals and paired tests against cases worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study import evaluation


def test_scores_of_a_case_worked_by_hand():
    classes = np.array([0, 0, 1, 1, 1])
    logits = np.log([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7], [0.6, 0.4]])
    found = evaluation.scores(classes, logits)
    assert found["confusion"] == [[1, 1], [1, 2]]
    assert found["accuracy"] == pytest.approx(3 / 5)
    # Class 0: precision 1/2, recall 1/2; class 1: 2/3 and 2/3; the macro mean of both.
    assert found["precision"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found["recall"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found["f1"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found["loss"] == pytest.approx(-np.mean(np.log([0.8, 0.4, 0.9, 0.7, 0.4])))
    # Of the six pairs of a class 1 and a class 0, five are in order: .9 and .7 lie above .2 and .6, .4 above .2 alone.
    assert found["auc"] == pytest.approx([5 / 6, 5 / 6])


def test_a_class_that_is_never_predicted_has_precision_zero():
    found = evaluation.scores(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    assert found["precision"] == pytest.approx(1 / 4) and found["recall"] == pytest.approx(1 / 2)
    assert found["confusion"] == [[1, 0], [1, 0]]  # a row is a true class


def test_scores_refuse_arrays_that_do_not_fit():
    with pytest.raises(ValueError, match=r"classes \(3,\) and logits \(2, 2\)"):
        evaluation.scores(np.zeros(3, int), np.zeros((2, 2)))


def test_paired_difference_holds_the_mean_and_knows_the_same_from_the_other():
    random = np.random.default_rng(0)
    b = random.random(4000) < 0.85
    a = b | (random.random(4000) < 0.3)
    found = evaluation.paired_difference(a, b)
    assert found.mean == pytest.approx(a.mean() - b.mean()) and 0 < found.low < found.mean < found.high
    wider = evaluation.paired_difference(a, b, level=0.99)
    assert wider.low < found.low and found.high < wider.high
    assert evaluation.paired_difference(a, a) == (0, 0, 0)
    # A paired interval is narrower than that of two shares apart.
    assert found.high - found.low < 2 * 1.96 * math.sqrt(2 * 0.85 * 0.15 / 4000)
    with pytest.raises(ValueError, match="the same examples"):
        evaluation.paired_difference(a, b[1:])


def test_intervals_over_seeds_and_of_shares():
    found = evaluation.t_interval([1.0, 2.0, 3.0])
    assert found.mean == 2 and found.high - 2 == pytest.approx(4.3027 / math.sqrt(3), abs=1e-3)
    with pytest.raises(ValueError, match="two seeds"):
        evaluation.t_interval([1.0])
    share = evaluation.share_interval(6992, 7600)
    assert share.mean == 0.92 and 0.0055 < share.high - share.mean < 0.0065


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 4.0), st.integers(0, 5))
def test_the_temperature_that_was_put_in_is_found(temperature, seed):
    random = np.random.default_rng(seed)
    logits = 2 * random.standard_normal((6000, 3))
    classes = np.array([random.choice(3, p=p) for p in evaluation.probabilities(logits)])
    assert evaluation.best_temperature(classes, logits * temperature) == pytest.approx(temperature, rel=0.1)
