"""The label-free detectors: causal, fitted on the probation alone, repeatable; NAB's published Gaussian."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study import catalog
from study.anomaly.baselines import BASELINES, pca_reconstruction, poly, sub_pca, value_score, windowed_gaussian
from study.anomaly.scoring import probation_rows
from study.anomaly.series import WINDOW

N = 2200  # the probation holds windows enough for all
START = probation_rows(N)


def volumes(seed: int = 0, n: int = N) -> np.ndarray:
    return np.random.default_rng(seed).poisson(20, n).astype(float)


every_baseline = pytest.mark.parametrize("score", BASELINES.values(), ids=BASELINES.keys())


@every_baseline
def test_one_finite_score_per_row_and_the_same_again(score):
    values = volumes()
    scores = score(values)
    assert scores.shape == (N,) and scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert np.array_equal(score(values.astype(int).tolist()), scores)
    assert np.array_equal(values, volumes())


@every_baseline
def test_burst_scores_above_everything_before_it(score):
    values = volumes()
    values[700 : 700 + WINDOW] = 900
    scores = score(values)
    assert scores[700 : 700 + WINDOW].max() > scores[START:700].max()


@every_baseline
@settings(max_examples=6, deadline=None)
@given(last=st.integers(START, N - 2), seed=st.integers(0, 9))
def test_the_future_does_not_change_past_scores(score, last, seed):
    values = volumes(seed)
    other = values.copy()
    other[last + 1 :] = np.random.default_rng(seed + 100).integers(0, 5000, N - last - 1)
    assert score(other)[: last + 1] == pytest.approx(score(values)[: last + 1], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "seen"),
    {"value": 1, "pca_reconstruction": 30, "isolation_forest": 30, "sub_pca": 100, "poly": 300}.items(),
)
def test_fitted_on_the_probation_alone(name, seen):
    score = BASELINES[name]
    one, two = volumes(1), volumes(2)
    quiet, loud = one.copy(), one.copy()
    loud[:START] *= 1 + 9 * (np.arange(START) % 7 == 0)
    # A score depends on what the probation holds ...
    assert not np.allclose(score(quiet)[START + seen :], score(loud)[START + seen :])
    # ... and of the rest only on the rows it sees: equal windows score the same wherever they stand.
    two[:START] = one[:START]
    two[900:1400] = one[1600:2100]
    assert score(two)[900 + seen : 1400] == pytest.approx(score(one)[1600 + seen : 2100], rel=1e-9)


def test_isolation_forest_follows_its_seed():
    score = BASELINES["isolation_forest"]
    assert np.array_equal(score(volumes(), seed=3), score(volumes(), seed=3))
    assert not np.array_equal(score(volumes(), seed=3), score(volumes(), seed=4))


def test_value_score_by_hand():
    values = np.zeros(N)
    values[:START] = np.arange(START)  # median 164.5, 99th percentile 325.71
    values[400:403] = [164.5, 325.71, 325.71 + 161.21]
    assert value_score(values)[400:403] == pytest.approx([0.0, 1.0, 2.0])


def test_windowed_gaussian_by_hand():
    # Rows 0 to 2 have mean 2 and standard deviation sqrt(8/3).
    values = np.array([2.0, 0.0, 4.0, 2 + 1.6448536 * np.sqrt(8 / 3), 3.0, 1.0, 9.0])
    scores = windowed_gaussian(values)
    assert scores[0] == 0.0
    assert scores[3] == pytest.approx(-np.log10(0.05))


def test_windowed_gaussian_window_moves_in_steps():
    values = volumes(n=60)

    def by_definition(row, first, stop):
        past = values[first:stop]
        return windowed_gaussian(np.append(past, values[row]))[-1]

    scores = windowed_gaussian(values, window=20, step=5)
    assert scores[20] == pytest.approx(by_definition(20, 0, 20))
    assert scores[24] == pytest.approx(by_definition(24, 0, 20))
    assert scores[25] == pytest.approx(by_definition(25, 5, 25))
    assert scores[59] == pytest.approx(by_definition(59, 35, 55))


def test_windowed_gaussian_keeps_its_resolution_far_out():
    values = volumes()
    values[[700, 900]] = [500, 5000]
    scores = windowed_gaussian(values, window=100, step=1)
    assert 100 < scores[700] < scores[900] < np.inf


def test_windowed_gaussian_is_the_published_one():
    name = "nab/detectors/windowedGaussian_Twitter_volume_AAPL.csv"
    if not catalog.at_hand([name]):
        pytest.skip("needs NAB's published detector output; set DATA_MIRROR to a folder that has it")
    rows = pd.read_csv(catalog.fetch(name))
    published, tails = rows.anomaly_score.to_numpy(), 10 ** -windowed_gaussian(rows.value)
    # Before the first row there is no Gaussian; NAB writes 0 there.
    assert 1 - tails[1:] == pytest.approx(published[1:], abs=1e-12)
    # Published scores are rounded to 12 digits, so its threshold 1.0 is a tail of 5e-13.
    assert np.array_equal(tails <= 5e-13, published >= 1.0)


def test_pca_reconstructs_what_the_probation_holds():
    rows = np.arange(N)
    daily = np.expm1(3 + np.sin(2 * np.pi * rows / 25))  # a sine in log space: two components
    daily[700:] = np.expm1(3 + np.sin(2 * np.pi * rows[700:] / 11))
    scores = pca_reconstruction(daily, components=2)
    assert scores[:700] == pytest.approx(0.0, abs=1e-12)
    assert scores[700 + WINDOW :].min() > 0.1


def test_windowed_detectors_score_0_before_their_first_window():
    for name, length in (("pca_reconstruction", 30), ("isolation_forest", 30), ("sub_pca", 100), ("poly", 300)):
        scores = BASELINES[name](volumes())
        assert (scores[: length - 1] == 0).all()
        assert (scores[length - 1 :] > 0).all()


def test_sub_pca_by_hand():
    """Windows of two rows: the sum over both components of distance to the unit vector over the share of variance."""
    values = volumes(n=400)
    head = np.lib.stride_tricks.sliding_window_view(values[:60], 2)
    mean, sd = head.mean(axis=0), head.std(axis=0)
    points = (np.lib.stride_tricks.sliding_window_view(values, 2) - mean) / sd
    shares, vectors = np.linalg.eigh(np.cov(points[:59].T))
    shares = shares / shares.sum()

    def by_definition(sign):  # a component's direction is arbitrary
        first, second = vectors[:, 1] * sign[0], vectors[:, 0] * sign[1]
        return np.linalg.norm(points - first, axis=1) / shares[1] + np.linalg.norm(points - second, axis=1) / shares[0]

    expected = [by_definition(sign) for sign in product((1, -1), repeat=2)]
    found = sub_pca(values, length=2)
    assert found[0] == 0
    assert any(np.allclose(found[1:], one / np.median(one[:59])) for one in expected)


def test_poly_by_hand():
    values = volumes(n=800)
    found = poly(values, length=5, degree=2, neighbourhood=40)

    def residual(row):
        past = values[row - 39 : row + 1]
        off = past - np.polyval(np.polyfit(np.arange(40), past, 2), np.arange(40))
        return np.sqrt((off[-5:] ** 2).mean())

    unit = np.median([residual(row) for row in range(39, 120)])
    assert found[[39, 100, 700]] == pytest.approx([residual(row) / unit for row in (39, 100, 700)])
    parabola = np.square(np.arange(800.0)) + volumes(n=800)
    straight = poly(parabola, length=5, degree=2, neighbourhood=40)
    assert straight[39:] == pytest.approx(found[39:]), "what the polynomial can follow is not off it"


@every_baseline
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((N, 2)), r"shape \(2200, 2\)"),
        (np.r_[volumes(), np.nan], "nan at row 2200"),
        (np.r_[volumes(), np.inf], "inf at row 2200"),
        (np.r_[volumes(), -1.0], "-1.0 at row 2200"),
        ([], "only 0 rows"),
        ([1.0, 2.0], "only 2 rows"),
    ],
)
def test_bad_values(score, values, message):
    with pytest.raises(ValueError, match=message):
        score(values)


def test_probation_too_short_or_too_flat():
    for name in ("pca_reconstruction", "isolation_forest", "sub_pca", "poly"):
        with pytest.raises(ValueError, match="probation must hold"):
            BASELINES[name](volumes(n=190))
    for name in ("value", "pca_reconstruction", "isolation_forest", "sub_pca", "poly"):
        with pytest.raises(ValueError, match="must vary in the probation"):
            BASELINES[name](np.r_[np.ones(START), volumes()[START:]])


def test_bad_parameters():
    with pytest.raises(ValueError, match="components must be 1 to 30"):
        pca_reconstruction(volumes(), components=31)
    with pytest.raises(ValueError, match="window and step"):
        windowed_gaussian(volumes(), step=0)
