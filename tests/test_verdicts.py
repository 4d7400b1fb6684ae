"""The one rule for published numbers by hand-worked cases, and the words for claims.

All verdicts of the report are compared with those last read in test_scorecard.py.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study import verdicts
from study.verdicts import (
    CLOSE,
    CONFIRMED,
    CONTRADICTED,
    EXACT,
    NOT_COMPARABLE,
    NOT_EXACT,
    NOT_REPRODUCED,
    PARTLY,
    REPRODUCED,
    UNCLEAR,
    Kind,
)

# The interval for one more seed


@pytest.mark.parametrize(
    ("values", "kind", "low", "high"),
    [
        # Mean 0.91, s = 0.01, t(2) = 4.302653: half = 4.302653 · 0.01 · √(4/3) = 0.0496827.
        ([0.90, 0.91, 0.92], Kind.SHARE, 0.8603173, 0.9596827),
        # ln 91, ln 92, ln 93: mean 4.521749, s = 0.0108700; exp(4.521749 ∓ 4.302653 · 0.0108700 · √(4/3)) − 1.
        ([90, 91, 92], Kind.COUNT, 86.15985, 96.10128),
        # Logarithms 0, 1, 2: exp(1 ∓ 4.968275).
        ([1.0, math.e, math.e**2], Kind.LOSS, 0.01890601, 390.8311),
        # ln 2 to ln 6: mean 1.315850, s = 0.4337618, t(4) = 2.776445, half = t s √(6/5); 0 is the lowest count.
        ([1, 2, 3, 4, 5], Kind.COUNT, 0.0, 12.944875),
        # A share is 1 at most: half = 4.302653 · 0.01 · √(4/3) about 0.98.
        ([0.97, 0.98, 0.99], Kind.SHARE, 0.9303173, 1.0),
        ([7, 7, 7, 7], Kind.COUNT, 7.0, 7.0),
    ],
)
def test_prediction_intervals_worked_by_hand(values, kind, low, high):
    assert verdicts.prediction_interval(values, kind) == pytest.approx((low, high), rel=1e-5, abs=1e-9)


def test_an_interval_needs_three_seeds_and_facts_have_none():
    assert verdicts.prediction_interval([0.9], Kind.SHARE) is None
    assert verdicts.prediction_interval([0.9, 0.91], Kind.SHARE) is None
    with pytest.raises(ValueError, match="does not depend on a seed"):
        verdicts.prediction_interval([1, 2, 3], Kind.FACT)
    with pytest.raises(ValueError, match="above 0"):
        verdicts.prediction_interval([0.1, 0.2, 0.0], Kind.LOSS)


def test_a_collapsed_training_widens_no_interval():
    sound = [0.0010, 0.0011, 0.0012, 0.0011]
    with_one = [*sound, 0.0056]  # 5.1 times the median
    assert verdicts.collapsed(with_one, Kind.LOSS) == [0.0056]
    assert verdicts.prediction_interval(with_one, Kind.LOSS) == verdicts.prediction_interval(sound, Kind.LOSS)
    worse = [*sound, 0.0054]  # 4.9 times
    assert verdicts.collapsed(worse, Kind.LOSS) == []
    assert verdicts.prediction_interval(worse, Kind.LOSS)[1] > 0.0054
    # Only losses collapse, and only upwards.
    assert verdicts.collapsed([0.1, 0.1, 0.9], Kind.SHARE) == verdicts.collapsed([1.0, 1.0, 0.01], Kind.LOSS) == []
    # What is left must still be three seeds.
    assert verdicts.prediction_interval([1.0, 1.1, 9.0], Kind.LOSS) is None


def test_the_interval_holds_one_more_seed_in_95_of_100_cases():
    rng = np.random.default_rng(0)
    for kind, draw in (
        (Kind.SHARE, lambda n: rng.normal(0.5, 0.01, n)),
        (Kind.LOSS, lambda n: rng.lognormal(0, 0.1, n)),
    ):
        inside = []
        for _ in range(2000):
            *seen, other = draw(6)
            low, high = verdicts.prediction_interval(seen, kind)
            inside.append(low <= other <= high)
        assert 0.935 < np.mean(inside) < 0.965


# Verdicts on numbers


def status(*args, **options):
    return verdicts.of_number(*args, **options).status


@pytest.mark.parametrize(
    ("published", "values", "kind", "expected"),
    [
        (0.8604, [0.90, 0.91, 0.92], Kind.SHARE, REPRODUCED),  # the lower end is 0.86032
        (0.8603, [0.90, 0.91, 0.92], Kind.SHARE, NOT_REPRODUCED),  # and more than a point from 0.91
        (0.9596, [0.90, 0.91, 0.92], Kind.SHARE, REPRODUCED),
        (0.9100, [0.90, 0.90, 0.90], Kind.SHARE, CLOSE),  # a point, in binary a little more
        (0.9101, [0.90, 0.90, 0.90], Kind.SHARE, NOT_REPRODUCED),
        (0.8900, [0.90, 0.90, 0.90], Kind.SHARE, CLOSE),
        (0.0190, [1.0, math.e, math.e**2], Kind.LOSS, REPRODUCED),  # from 0.0189
        (0.0188, [1.0, math.e, math.e**2], Kind.LOSS, NOT_REPRODUCED),
        (390.0, [1.0, math.e, math.e**2], Kind.LOSS, REPRODUCED),  # to 390.8
        (2.00, [1.80, 1.80, 1.80], Kind.LOSS, CLOSE),  # 10% of the published number
        (2.00, [1.79, 1.79, 1.79], Kind.LOSS, NOT_REPRODUCED),
        (2.00, [2.20, 2.20, 2.20], Kind.LOSS, CLOSE),
        (2.00, [2.21, 2.21, 2.21], Kind.LOSS, NOT_REPRODUCED),
        (33, [30, 31, 32], Kind.COUNT, REPRODUCED),
        (30, [32, 32, 32], Kind.COUNT, CLOSE),
        (29, [32, 32, 32], Kind.COUNT, NOT_REPRODUCED),
        (0, [32, 32, 32], Kind.COUNT, NOT_REPRODUCED),
        # The centre of what is close is the median, whatever one seed does.
        (2.00, [2.0, 2.0, 2.0, 2.0, 3.0], Kind.LOSS, REPRODUCED),
        # Without an interval a number is close at best.
        (2.00, [2.00], Kind.LOSS, CLOSE),
        (2.00, [2.00, 2.10], Kind.LOSS, CLOSE),
        (2.00, [2.50], Kind.LOSS, NOT_REPRODUCED),
        (0.9, [0.90], Kind.SHARE, CLOSE),
        (588, [588], Kind.FACT, EXACT),
        (588, [589], Kind.FACT, NOT_EXACT),
    ],
)
def test_verdicts_worked_by_hand(published, values, kind, expected):
    assert status(published, values, kind) == expected


def test_a_published_number_stands_for_all_that_round_to_it():
    values = [1.752e-3, 1.753e-3, 1.754e-3]  # the interval begins at 0.001748
    assert status(0.0017, values, Kind.LOSS, rounding=0.00005) == REPRODUCED  # up to 0.00175
    assert status(0.0017, values, Kind.LOSS, rounding=0.00004) == CLOSE
    assert status(85.55, [85.5523], Kind.FACT, rounding=0.005) == EXACT
    assert status(85.55, [85.5551], Kind.FACT, rounding=0.005) == NOT_EXACT


def test_an_obstacle_comes_before_everything():
    found = verdicts.of_number(0.5, [], Kind.SHARE, obstacle="other images", cause="no matter")
    assert (found.status, found.reason) == (NOT_COMPARABLE, "other images")
    assert status(588, [588], Kind.FACT, obstacle="so") == NOT_COMPARABLE


@pytest.mark.parametrize(
    ("published", "values", "kind", "reason"),
    [
        (588, [588], Kind.FACT, "equal"),
        (512_000, [513_000], Kind.FACT, "differs by 1,000: no seed"),
        (0.90, [0.91, 0.91, 0.91], Kind.SHARE, "differs by 1.0 points"),
        (0.90, [0.9101, 0.9101, 0.9101], Kind.SHARE, "differs by slightly more than 1.0 points: no seed"),
        (0.90, [0.93], Kind.SHARE, "one seed, so no interval; differs by 3.0 points: no seed"),
        (0.90, [0.93, 0.94], Kind.SHARE, "too few seeds, so no interval; differs by 3.5 points: no seed"),
        (85.55, [85.7], Kind.FACT, "differs by 0.150: no seed"),
        (2.0, [2.2001, 2.2001, 2.2001], Kind.LOSS, "differs by slightly more than 10.0%: no seed"),
        (2.0, [2.5, 2.5, 2.5], Kind.LOSS, "differs by 25.0%: no seed"),
        (2.0, [1.0, 1.0, 1.0], Kind.LOSS, "differs by 50.0%: no seed"),
        (2.0, [4.0, 4.0, 4.0], Kind.LOSS, "differs by 100.0%: no seed"),
        (0.0027, [0.0506, 0.0506, 0.0506], Kind.LOSS, "differs by a factor of 18.7: no seed"),
        (
            2.0, [2.0, 2.0, 2.0, 20.0], Kind.LOSS,
            "differs by 0.0%; 1 of 4 trainings collapsed and is left out of the interval",
        ),
        (
            2.0, [2.0, 2.0, 2.0, 2.0, 20.0, 30.0], Kind.LOSS,
            "differs by 0.0%; 2 of 6 trainings collapsed and are left out of the interval",
        ),
    ],
)  # fmt: skip
def test_reasons(published, values, kind, reason):
    assert verdicts.of_number(published, values, kind, cause="no seed").reason == reason


@pytest.mark.parametrize("missing", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_missing_value_is_an_error(missing, kind):
    for published, values in ((missing, [1.0]), (1.0, [1.0, missing]), (1.0, [])):
        with pytest.raises(ValueError, match="missing"):
            verdicts.of_number(published, values, kind)


@given(st.lists(st.floats(0.01, 0.99), min_size=3, max_size=8), st.floats(0.01, 0.99))
def test_what_lies_in_the_interval_is_reproduced_and_nothing_else(values, published):
    low, high = verdicts.prediction_interval(values, Kind.SHARE)
    clearly_in, clearly_out = low < published < high, published < low - 1e-6 or published > high + 1e-6
    found = status(published, values, Kind.SHARE)
    assert (found == REPRODUCED or not clearly_in) and (found != REPRODUCED or not clearly_out)


# Words for claims


@pytest.mark.parametrize(
    ("holding", "of", "expected"),
    [
        (10, 10, CONFIRMED),
        (9, 10, CONFIRMED),  # Wilson's interval begins at 0.596
        (8, 10, PARTLY),  # at 0.490
        (5, 10, PARTLY),
        (4, 10, PARTLY),  # no jump at one half
        (2, 10, PARTLY),  # it ends at 0.510
        (1, 10, CONTRADICTED),  # at 0.404
        (0, 10, CONTRADICTED),
        (4, 4, CONFIRMED),  # begins at 0.510
        (3, 3, UNCLEAR),  # at 0.438: too few
        (0, 3, UNCLEAR),
        (1, 1, UNCLEAR),
        (1, 3, PARTLY),
    ],
)
def test_a_claim_about_a_model_holds_if_it_holds_in_most_trainings(holding, of, expected):
    assert verdicts.by_share(holding, of) == expected
    assert verdicts.by_seed([True] * holding + [False] * (of - holding)) == expected


def test_two_models_are_compared_over_seeds():
    low, high = [1.0, 1.1, 1.2, 1.3], [1.4, 1.5, 1.6, 1.7]  # Mann-Whitney, exact: p = 2/70
    mixed = [0.9, 1.15, 1.25, 1.8]
    assert verdicts.higher(high, low) == verdicts.lower(low, high) == CONFIRMED
    assert verdicts.higher(low, high) == verdicts.lower(high, low) == CONTRADICTED
    assert verdicts.higher(mixed, low) == verdicts.lower(mixed, low) == UNCLEAR
    assert verdicts.higher(low[:3], high[:3]) == UNCLEAR  # p = 0.1: three seeds cannot tell
    # One value without seeds is a bound, and the share of seeds beyond it decides.
    assert verdicts.higher(high, [1.0]) == CONFIRMED and verdicts.lower(high, [1.0]) == CONTRADICTED
    assert verdicts.higher(high, [1.55]) == PARTLY
    assert verdicts.higher([1.0] * 4, [1.0]) == verdicts.lower([1.0] * 4, [1.0]) == CONTRADICTED  # level is not beyond


def test_parts_of_a_claim_make_one_verdict():
    assert verdicts.all_of(CONFIRMED, CONFIRMED) == CONFIRMED
    assert verdicts.all_of(CONTRADICTED, CONTRADICTED) == CONTRADICTED
    assert verdicts.all_of(CONTRADICTED, CONFIRMED) == verdicts.all_of(UNCLEAR, PARTLY) == PARTLY
    assert verdicts.all_of(UNCLEAR, CONTRADICTED) == UNCLEAR
    assert verdicts.with_point(CONTRADICTED, CONFIRMED) == CONTRADICTED
    assert verdicts.with_point(CONFIRMED, CONTRADICTED) == PARTLY
    assert verdicts.with_point(CONFIRMED) == CONFIRMED
    assert verdicts.ahead_of_all(CONFIRMED, CONFIRMED) == CONFIRMED
    assert verdicts.ahead_of_all(CONFIRMED, UNCLEAR) == UNCLEAR
    assert verdicts.ahead_of_all(UNCLEAR, CONTRADICTED, CONFIRMED) == CONTRADICTED
    assert verdicts.ahead_of_all(CONFIRMED, PARTLY) == PARTLY
    assert verdicts.ahead_of_all(PARTLY, UNCLEAR) == UNCLEAR
    assert (verdicts.fact(True), verdicts.fact(False)) == (CONFIRMED, CONTRADICTED)
