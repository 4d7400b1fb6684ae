"""The simulated line, its faults, the detectors beside the autoencoder, and the measures: all without TensorFlow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.decomposition import PCA

from study import profile
from study.manufacturing import detectors, evaluation, experiments, faults
from study.manufacturing.line import NOISE, SHAPE, STATIONS, STEPS, WIDTH, Line, as_stations
from study.runs import Record


@pytest.fixture(scope="module")
def production():
    line = Line(5)
    return line, *line.produce(400, 1)


# The line


def test_readings_are_1000_floats_in_the_unit_interval_and_come_again_from_the_seed(production):
    line, readings, product = production
    assert readings.shape == (400, 1000) and WIDTH == 1000 and readings.dtype == np.float32
    assert readings.min() >= 0 and readings.max() <= 1 and set(product) == {0, 1, 2}
    again, _ = Line(5).produce(400, 1)
    np.testing.assert_array_equal(readings, again)
    assert not np.array_equal(readings, Line(6).produce(400, 1)[0])
    assert not np.array_equal(readings, line.produce(400, 2)[0])


def test_few_states_move_all_readings(production):
    _, readings, _ = production
    explained = PCA(32).fit(readings).explained_variance_ratio_.sum()
    assert explained > 0.95


def test_without_noise_temperatures_follow_the_heat_balance_but_for_the_ambient():
    line = Line(5, noise=0.0)
    readings, _ = line.produce(300, 1)
    readings = readings[readings.max(axis=1) < 1]  # a reading at the end of its range is not the true one
    departure = line.heat_balance(readings)
    assert len(readings) > 250 and departure.shape[1:] == (STATIONS, STEPS - 1)
    # The ambient temperature is constant within a cycle and so is its departure.
    assert np.ptp(departure, axis=2).max() < 1e-3
    assert departure.mean() == pytest.approx(0.5, abs=2e-3)


def test_the_heat_check_tells_of_the_worst_station():
    line = Line(5)
    readings, _ = line.produce(20, 1)
    as_stations(readings)[:, 3, :2] = 0.5  # thermometers that no heater moves
    departures = np.square(line.heat_balance(readings) - 0.5).mean(axis=2)
    assert line.heat_check(readings) == pytest.approx(departures[:, 3], rel=1e-5)


def test_noise_has_the_promised_size():
    still, _ = Line(5, noise=0.0).produce(200, 1)
    for factor in (1, 3):
        noisy, _ = Line(5, noise=factor).produce(200, 1)
        assert (noisy - still).std() == pytest.approx(factor * NOISE, rel=0.05)


def test_wear_raises_the_voltage_and_lowers_the_pressure(production):
    line, new, _ = production
    old, _ = line.produce(400, 1, age=1.0)
    change = (as_stations(old) - as_stations(new)).mean(axis=(0, 1, 3))
    assert change[4] > 0.02 and change[2] < -0.005 and change[3] < change[2]


def test_broken_gauges_carry_no_information():
    line = Line(5, broken_gauges=0.2)
    assert (~line.sound).sum() == 10
    readings, product = line.produce(600, 1)
    lost = as_stations(readings)[:, ~line.sound].reshape(600, -1)
    assert abs(np.corrcoef(lost, rowvar=False)[np.triu_indices(200, 1)]).mean() < 0.05
    for kind in ("spike", "drift", "stuck sensor", "joint shift"):
        faulty = faults.inject(readings, product, line, kind, 1.0, np.random.default_rng(0))
        np.testing.assert_array_equal(as_stations(faulty)[:, ~line.sound], as_stations(readings)[:, ~line.sound])


def test_an_impossible_line_or_production_is_refused():
    for wrong in ({"noise": -1}, {"broken_gauges": 1.0}, {"broken_gauges": -0.1}):
        with pytest.raises(ValueError, match="noise must be at least 0"):
            Line(0, **wrong)
    for cycles, stream, age in ((0, 1, 0), (1, 0, 0), (1, 1, -0.5)):
        with pytest.raises(ValueError, match="at least"):
            Line(0).produce(cycles, stream, age)


# Faults


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(faults.KINDS), st.floats(0, 1), st.integers(0, 2**32 - 1), st.booleans())
def test_a_fault_stays_in_range_and_leaves_its_input_alone(kind, severity, seed, recurring):
    line = Line(5)
    readings, product = line.produce(30, 1)
    before = readings.copy()
    faulty = faults.inject(readings, product, line, kind, severity, np.random.default_rng(seed), recurring)
    np.testing.assert_array_equal(readings, before)
    assert faulty.shape == readings.shape and faulty.dtype == np.float32
    assert faulty.min() >= 0 and faulty.max() <= 1


@pytest.mark.parametrize("kind", faults.KINDS)
def test_severity_zero_changes_nothing_and_more_severity_changes_more(production, kind):
    line, readings, product = production
    change = [
        np.abs(faults.inject(readings, product, line, kind, s, np.random.default_rng(1)) - readings).mean()
        for s in (0, 0.2, 0.5, 1)
    ]
    assert change[0] < 1e-7 and change[0] < change[1] < change[2] < change[3]


def gross(production, kind, recurring=False):
    """Readings (n, station, gauge, time step) with that fault, and which gauges it struck (n, station, gauge)."""
    line, readings, product = production
    faulty = faults.inject(readings, product, line, kind, 1.0, np.random.default_rng(1), recurring)
    faulty, sound = as_stations(faulty), as_stations(readings)
    return faulty, np.abs(faulty - sound).max(axis=3) > 1e-6


@pytest.mark.parametrize(
    ("kind", "gauges"),
    [("spike", 1), ("drift", 1), ("stuck sensor", 1), ("broken correlation", 2), ("joint shift", 50)],
)
def test_a_fault_strikes_the_gauges_that_it_should(production, kind, gauges):
    _, struck = gross(production, kind)
    assert (struck.sum(axis=(1, 2)) == gauges).all()
    assert gauges == 50 or len({tuple(np.flatnonzero(one)) for one in struck}) > 5
    _, recurring = gross(production, kind, recurring=True)
    assert len({tuple(np.flatnonzero(one)) for one in recurring}) == 1


def test_a_stuck_sensor_of_full_severity_keeps_one_value(production):
    faulty, struck = gross(production, "stuck sensor")
    held = faulty[struck]
    assert held.shape == (400, 20) and (np.ptp(held[:, 10:], axis=1) == 0).all()


def test_a_broken_correlation_shows_ordinary_temperatures_of_another_product(production):
    _, readings, product = production
    faulty, _ = gross(production, "broken correlation")
    sound = as_stations(readings)
    for row in range(20):
        station = int(np.abs(faulty[row] - sound[row]).sum(axis=(1, 2)).argmax())
        found = np.flatnonzero((np.abs(sound[:, station, :2] - faulty[row, station, :2]) < 1e-6).all(axis=(1, 2)))
        assert len(found) == 1 and product[found[0]] != product[row]
        np.testing.assert_array_equal(faulty[row, station, 2:], sound[row, station, 2:])


def test_a_mixture_has_every_kind_alike(production):
    line, readings, product = production
    _, kinds = faults.mixture(readings, product, line, 0.5, np.random.default_rng(0))
    assert (np.bincount(kinds) == 80).all()


def test_wrong_faults_are_refused(production):
    line, readings, product = production
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="spike, drift"):
        faults.inject(readings, product, line, "rust", 0.5, rng)
    with pytest.raises(ValueError, match="between 0 and 1"):
        faults.inject(readings, product, line, "spike", 1.5, rng)
    with pytest.raises(ValueError, match="another product"):
        faults.inject(readings, np.zeros_like(product), line, "broken correlation", 0.5, rng)


# Detectors


def test_pca_scores_are_those_of_scikit_learn(production):
    _, readings, _ = production
    reference = PCA(32, svd_solver="full").fit(readings.astype(np.float64))
    rebuilt = reference.inverse_transform(reference.transform(readings.astype(np.float64)))
    expected = np.square(readings - rebuilt).mean(axis=1)
    np.testing.assert_allclose(detectors.Pca(readings).score(readings), expected, rtol=1e-6)


def test_the_limit_check_finds_the_one_reading_out_of_bounds():
    rng = np.random.default_rng(0)
    normal = (0.5 + 0.01 * rng.standard_normal((500, 6))).astype(np.float32)
    judged = np.full((2, 6), 0.5, dtype=np.float32)
    judged[1, 3] = 0.6
    score = detectors.limit_check(normal)(judged)
    assert score[0] < 1 and score[1] == pytest.approx(10, rel=0.15)


@pytest.fixture(scope="module")
def fitted(production):
    _, readings, _ = production
    return detectors.Pca(readings).score, detectors.isolation_forest(readings, 0), detectors.limit_check(readings)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.full((2, 999), 0.5), r"shape \(n, 1000\)"),
        (np.full(1000, 0.5), r"shape \(n, 1000\)"),
        (np.full((2, 1000), 1), "floating-point"),
        (np.where(np.arange(2000).reshape(2, 1000) == 1007, np.nan, 0.5), "reading 7 of vector 1 is nan"),
        (np.where(np.arange(2000).reshape(2, 1000) == 3, 1.2, 0.5), r"reading 3 of vector 0 is 1.2: .*\[0, 1\]"),
        (np.where(np.arange(2000).reshape(2, 1000) == 3, -0.1, 0.5), r"\[0, 1\]"),
    ],
)
def test_bad_vectors_are_refused_by_every_detector(fitted, wrong, message):
    for score in fitted:
        with pytest.raises(ValueError, match=message):
            score(wrong)


def test_an_ensemble_of_equals_keeps_their_order_and_the_maximum_follows_the_member_that_sees_more():
    normal = np.exp(np.random.default_rng(0).standard_normal(1000))
    judged = np.array([1.0, 2.0, 8.0])
    alike = detectors.ensemble({"a": judged, "b": 5 * judged}, {"a": normal, "b": 5 * normal})
    np.testing.assert_allclose(alike, (np.log(judged) - np.log(normal).mean()) / np.log(normal).std())
    blind = np.ones(3)
    most = detectors.ensemble({"a": judged, "b": blind}, {"a": normal, "b": normal})
    assert most[2] == pytest.approx(alike[2])


def test_the_worst_gauge_is_seen_where_the_mean_is_blind():
    rng = np.random.default_rng(0)
    noise = np.where(np.arange(1000) < 500, 0.1, 0.01)  # half of the gauges err ten times as much as the others
    usual, judged = rng.normal(0, noise, (400, 1000)), rng.normal(0, noise, (2, 1000))
    judged[1].reshape(SHAPE)[7, 2] += 0.05
    score = detectors.worst_gauge(lambda x: x, usual)(judged)
    assert score[1] > 20 and score[0] < 5
    assert (judged[1] ** 2).mean() < 1.1 * (judged[0] ** 2).mean()
    assert detectors.gauge_errors(judged).shape == (2, 50)


def test_residual_features_do_not_depend_on_the_place():
    rng = np.random.default_rng(0)
    residuals = rng.normal(0, 0.01, (3, *SHAPE))
    moved = residuals[:, ::-1, ::-1].reshape(3, WIDTH)
    # Stations and gauges change places; a station keeps its gauges.
    np.testing.assert_allclose(
        detectors.residual_features(residuals.reshape(3, WIDTH)), detectors.residual_features(moved), rtol=1e-9
    )


def test_labels_teach_what_tells_the_classes_apart():
    rng = np.random.default_rng(0)
    normal, faulty = rng.normal(0, 1, (200, 3)), rng.normal([0, 3, 0], 1, (20, 3))
    score = detectors.learn_from_labels(normal, faulty)
    assert score(np.array([[0.0, 3, 0]])) > 0 > score(np.array([[0.0, 0, 0]]))
    assert score(np.array([[0.0, 3, 0]])) > score(np.array([[3.0, 0, 0]]))
    with pytest.raises(ValueError, match="both classes"):
        detectors.learn_from_labels(normal, faulty[:0])


# Evaluation and specs


def test_rates_of_a_hand_worked_case():
    calibration = np.arange(1, 101, dtype=float)
    found = evaluation.rates(calibration, np.array([1.0, 2, 3, 200]), np.array([100.5, 50, 300, 400]))
    assert evaluation.threshold(calibration) == pytest.approx(99.01)
    # 14 of the 16 pairs are in order: 200 stands above 100.5 and 50.
    assert found == {"auroc": 14 / 16, "detection": 3 / 4, "false_alarms": 1 / 4}


def test_a_threshold_needs_enough_sound_cycles():
    with pytest.raises(ValueError, match="too few"):
        evaluation.threshold(np.arange(50.0))


def test_an_interval_over_plants_stays_inside_the_range_of_its_values():
    found = evaluation.mean_interval([0.0, 0.0, 0.9, 1.0])
    assert found.mean == pytest.approx(0.475) and 0 <= found.low < found.mean < found.high <= 1
    assert evaluation.mean_interval([0.4, 0.4]) == (0.4, 0.4, 0.4)
    # Of two plants both resamples are the same one in a quarter of all cases, so the ends are the values.
    assert evaluation.mean_interval([0.2, 0.6])[1:] == (0.2, 0.6)
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    _, low, high = evaluation.mean_interval(values)
    assert (high - low) / 2 == pytest.approx(1.96 * stats.sem(values), rel=0.05)
    with pytest.raises(ValueError, match="two plants"):
        evaluation.mean_interval([0.5])


def test_rates_are_in_per_cent_and_their_changes_in_points():
    rate, change = evaluation.Interval(0.691, 0.668, 0.712), evaluation.Interval(-0.026, -0.041, 0.012)
    assert evaluation.shown(rate) == "69% [67 to 71]" and evaluation.points(change) == "−3 points [−4 to 1]"


def test_a_paired_difference_sees_what_unpaired_means_hide():
    def rate(by_plant):
        records = [Record({"seed": seed}, {"a": [0, {"b": value}]}, {}, {}) for seed, value in by_plant.items()]
        return evaluation.by_plant(records, "a", 1, "b")

    before, after = rate({0: 0.1, 1: 0.5, 2: 0.9, 3: 0.3}), rate({2: 0.93, 0: 0.12, 1: 0.52})
    change = evaluation.difference(after, before)
    by_scipy = stats.ttest_rel([0.12, 0.52, 0.93], [0.1, 0.5, 0.9]).confidence_interval()
    assert change == pytest.approx((0.07 / 3, *by_scipy)) and change.low > 0
    with pytest.raises(KeyError, match="3"):
        evaluation.difference(before, after)


def test_costs_of_a_hand_worked_case():
    prices = evaluation.Economy(faulty_share=0.01, missed=(50.0,), seconds_per_cycle=10, hours_per_shift=8)
    assert prices.affordable * 0.99 * 2880 == pytest.approx(prices.alarm_budget)  # of 2880 cycles 99% are sound
    # 990 sound components, 2% of them inspected; 10 faulty ones, 4 of them missed at 50 each.
    assert prices.cost(np.array(0.02), np.array(0.6), 50) == pytest.approx(19.8 + 200)
    assert prices.cycles_per_shift == 2880


def test_no_alarm_is_chosen_when_alarms_cost_more_than_they_save():
    grid = experiments.FALSE_ALARM_GRID
    # No better than chance.
    arrays = {f"{part}_pca": grid for part in ("false_alarms", "detection", "chosen_detection")}
    record = Record({"seed": 0}, {}, arrays, {})
    prices = evaluation.Economy(faulty_share=0.005, missed=(20.0, 2000.0))
    # At 2000 a look at every component pays: 0.995 for the sound ones instead of 10 a component for missed faults.
    assert [one[:] for one in evaluation.by_cost([record], "PCA", prices)] == [(20, 0), (2000, pytest.approx(0.9005))]


@pytest.mark.parametrize("name", ["full", "quick"])
def test_choices_are_made_on_a_plant_of_its_own(name):
    chosen = profile.load(name)
    specs = experiments.ALL.specs(chosen)
    assert {s["seed"] for s in specs if s["task"] == "part1-reference"} == set(chosen.part1.seeds)
    assert {s["seed"] for s in specs if s["task"] == "part1-length"} == {experiments.DEVELOPMENT}
    assert experiments.DEVELOPMENT not in chosen.part1.seeds
    assert sum(s["settings"].get("weights", False) for s in specs) == 1


def test_the_simulator_has_not_changed_under_the_versions():
    """Raise every version of Part I (but the latency's) when these values change."""
    line = Line(0, broken_gauges=0.1)
    readings, product = line.produce(40, 1, age=0.5)
    faulty, _ = faults.mixture(readings, product, line, 0.7, np.random.default_rng(0))
    means = as_stations(readings.astype(np.float64)).mean(axis=(0, 1, 3))
    assert means == pytest.approx([0.483344, 0.46455, 0.424732, 0.365982, 0.593195], abs=2e-6)
    assert np.abs(faulty.astype(np.float64) - readings).mean() == pytest.approx(0.002454, abs=2e-6)
