"""Surge, the report's own detector: causal, deterministic, and it finds a burst in a daily cycle."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from study import paths
from study.anomaly import experiments, own

ALARM_LEVEL = 4.4  # about where rules chosen on the nine series put the threshold
ROWS = 8 * own.DAY_ROWS
DESIGN = replace(own.DESIGN, networks=2, epochs=1)


def daily_cycle(seed: int, rows: int = ROWS, level: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """Poisson counts around a daily cycle."""
    timestamps = np.datetime64("2015-02-26T00:00") + np.arange(rows) * np.timedelta64(5, "m")
    phase = 2 * np.pi * np.arange(rows) / own.DAY_ROWS
    return timestamps, np.random.default_rng(seed).poisson(level * (1 + 0.5 * np.sin(phase))).astype(float)


@pytest.fixture(scope="module")
def fitted():
    return own.fit([daily_cycle(seed) for seed in (1, 2)], 0, replace(DESIGN, epochs=4))


@pytest.fixture
def models(fitted):
    return fitted[0]


def score(models, timestamps, values):
    return own.score(models, timestamps, values, DESIGN)


def before_peaks(models, timestamps, values):
    return own.standing(own.errors(models, timestamps, values, DESIGN), DESIGN)


def test_training_lowers_the_loss(fitted):
    models, losses = fitted
    assert (len(models), len(losses)) == (2, 4)
    assert losses[-1] < losses[0]


def test_the_detector_has_not_changed_under_the_version():
    models, (loss,) = own.fit([daily_cycle(1)], 0, replace(DESIGN, networks=1))
    highest = before_peaks(models, *daily_cycle(3)).max()
    golden = pytest.approx(0.323110, rel=1e-3), pytest.approx(1.596895, rel=1e-3)
    found = experiments.ALL["part2-stream"].version, loss, highest
    assert found == (3, *golden), "raise its version"


def test_several_networks_rebuild_the_mean_of_each(models):
    series = daily_cycle(3)
    alone = [own.errors([model], *series, DESIGN) for model in models]
    assert np.abs(alone[0] - alone[1]).max() > 0.1
    np.testing.assert_allclose(own.errors(models, *series, DESIGN), np.mean(alone, axis=0), atol=1e-4)


def test_scores_are_those_of_the_seeds_networks_fitted_on_the_training_series():
    training, judged = [daily_cycle(1)], {"a": daily_cycle(2), "b": daily_cycle(3)}
    scores, loss = own.fit_and_score(training, judged, 3, epochs=1, networks=2)
    models, losses = own.fit(training, 3, DESIGN)
    assert loss == losses[-1] and list(scores) == ["a", "b"]
    for name, series in judged.items():
        np.testing.assert_array_equal(scores[name], score(models, *series))
    others = own.fit(training, 4, DESIGN)[0]
    weights = [model.get_layer("bottleneck").get_weights()[0] for model in (*models, *others)]
    assert all(np.abs(a - b).max() > 0 for i, a in enumerate(weights) for b in weights[:i])


def test_it_keeps_to_the_threads_that_it_is_given():
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")} | {"OMP_NUM_THREADS": "1"}
    program = "import os, study; print(os.environ['TF_NUM_INTRAOP_THREADS'])"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=paths.ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "1"


def test_a_burst_is_announced_once_with_the_top_score(models):
    timestamps, values = daily_cycle(3)
    burst = 1500
    values[burst : burst + 24] *= 4
    scores = score(models, timestamps, values)
    assert burst < scores.argmax() < burst + 24 + own.DESIGN.spans[1]
    assert (scores > scores.max() / 2).sum() == 1


def test_unusual_silence_is_no_burst(models):
    timestamps, values = daily_cycle(3)
    values[1500:1524] = 0
    assert score(models, timestamps, values)[1500:1524].max() < ALARM_LEVEL


def test_the_hour_matters(models):
    """The level of the busy hours is a burst when it comes in the quiet ones."""
    timestamps, values = daily_cycle(4)
    quiet, busy = 6 * own.DAY_ROWS + 216, 6 * own.DAY_ROWS + 72
    values[quiet : quiet + 12] = 45
    errors = own.errors(models, timestamps, values, DESIGN)
    assert errors[quiet : quiet + 12].mean() > errors[busy : busy + 12].mean() + 2


@pytest.mark.parametrize("cut", [751, 900, 1501, 2017])
@pytest.mark.parametrize("scored", [score, before_peaks], ids=["score", "before peaks"])
def test_scores_do_not_depend_on_later_rows(models, cut, scored):
    timestamps, values = daily_cycle(5)
    changed = values.copy()
    changed[cut:] = 5000 * np.random.default_rng(cut).random(len(values) - cut)
    before, after = scored(models, timestamps, values), scored(models, timestamps, changed)
    np.testing.assert_allclose(after[:cut], before[:cut], rtol=1e-4, atol=1e-4)
    assert np.abs(after[cut:] - before[cut:]).max() > 1
    shorter = scored(models, timestamps[:cut], values[:cut])
    np.testing.assert_allclose(shorter, before[:cut], rtol=1e-4, atol=1e-4)


def test_the_newest_hours_are_hidden_from_the_encoder(models):
    """A burst can't help to rebuild itself: hidden blocks leave the rebuilt week untouched, older ones don't."""
    week, calendar = np.zeros((1, len(own.BLOCKS)), np.float32), np.zeros((1, own.CALENDAR), np.float32)
    hidden, older = week.copy(), week.copy()
    hidden[:, : own.DESIGN.hidden_blocks] = 8
    older[:, own.DESIGN.hidden_blocks :] = 8
    rebuilt = [models[0].predict([w, calendar], verbose=0) for w in (week, hidden, older)]
    np.testing.assert_array_equal(rebuilt[0], rebuilt[1])
    assert np.abs(rebuilt[0] - rebuilt[2]).max() > 0.1


@pytest.mark.parametrize("value", [0.0, 40.0])
def test_a_series_that_never_changes_raises_no_alarm(models, value):
    timestamps, _ = daily_cycle(1)
    scores = score(models, timestamps, np.full(ROWS, value))
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert scores.max() < ALARM_LEVEL


def test_warm_up_has_no_score(models):
    series = daily_cycle(6)
    found = before_peaks(models, *series)
    assert (found[: own.DESIGN.warm_up_rows] == 0).all() and (found[own.DESIGN.warm_up_rows :] != 0).all()
    assert (score(models, *series)[: own.DESIGN.warm_up_rows] == 0).all()


def test_bursts_of_sparse_series_count_more(models):
    timestamps, values = daily_cycle(1, level=2.0)
    plain = own.score(models, timestamps, values, replace(DESIGN, sparse_gain=1.0))
    np.testing.assert_allclose(score(models, timestamps, values), own.DESIGN.sparse_gain * plain)


def test_peaks_by_hand():
    design = replace(own.DESIGN, peak_end=0.5, peak_rows=10)
    rows = np.zeros(40)
    # A peak of 4 ends two rows later, at 1.9; 3.8 is the rise to 5, which ends at 2.
    rows[1:9] = [1, 4, 2.1, 1.9, 3.8, 5, 2.6, 2]
    # 3 comes within ten rows of 5, 3.5 after them.
    rows[12:14], rows[25:28] = [3, 0], [3.5, 3, 1]
    announced = own.at_peaks(rows, design)
    assert {row: announced[row] for row in np.flatnonzero(announced)} == {4: 4.0, 8: 5.0, 27: 3.5}


@pytest.mark.parametrize("threshold", [0.5, 1.0, 2.0, 4.0])
def test_whatever_the_threshold_the_first_peak_above_it_is_announced(threshold):
    rng = np.random.default_rng(5)
    for _ in range(50):
        scores = np.abs(np.cumsum(rng.normal(size=400))) * rng.choice([0, 1], 400, p=[0.1, 0.9])
        scores[-1] = 0  # every peak ends
        announced = own.at_peaks(scores, own.DESIGN)
        above = np.flatnonzero(scores >= threshold)
        if len(above):
            first = np.flatnonzero(announced >= threshold)[0]
            assert first > above[0] and not (announced > scores.max()).any()
            # It comes with the end of the peak in which the threshold was first passed.
            top = np.maximum.accumulate(scores[above[0] : first])
            assert (scores[above[0] : first] >= own.DESIGN.peak_end * top).all()


def test_weeks_are_block_means_newest_first():
    values = np.arange(3000.0)
    design = replace(own.DESIGN, clip=np.inf)
    weeks, level, scale = own._weeks(values, design)
    row, stable = 2500, own.anscombe(values)
    back = stable[row::-1]
    ends = np.cumsum((0, *own.BLOCKS))
    means = [back[a:b].mean() for a, b in zip(ends[:-1], ends[1:], strict=True)]
    np.testing.assert_allclose(weeks[row] * scale[row] + level[row], means, rtol=1e-5)
    assert ends[-1] == 7 * own.DAY_ROWS


def test_anomaly_score_of_a_lone_peak():
    errors = np.random.default_rng(0).normal(size=2000)
    errors[1700] += 15
    assert 1700 <= own.standing(errors, own.DESIGN).argmax() < 1700 + own.DESIGN.spans[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, v: (t, v[:-1]), "one entry per row"),
        (lambda t, v: (t[:0], v[:0]), "one entry per row"),
        (lambda t, v: (t.astype(np.int64), v), "datetime64"),
        (lambda t, v: (np.delete(t, 5), v[:-1]), "rows 4 and 5"),
        (lambda t, v: (t, np.where(np.arange(len(v)) == 9, np.nan, v)), "at row 9"),
        (lambda t, v: (t, np.where(np.arange(len(v)) == 9, -1, v)), "at row 9"),
    ],
)
def test_bad_series_are_refused(models, change, message):
    bad = change(*daily_cycle(1))
    for refuse in (lambda: own.check(*bad), lambda: score(models, *bad), lambda: own.fit([bad], 0, DESIGN)):
        with pytest.raises(ValueError, match=message):
            refuse()


def test_nothing_to_train_on_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        own.fit([], 0, DESIGN)
    with pytest.raises(ValueError, match="more than 288 rows"):
        own.fit([daily_cycle(1, rows=288)], 0, DESIGN)


def test_errors_that_are_not_numbers_are_refused():
    with pytest.raises(ValueError, match="finite"):
        own.standing([0.0, np.nan], own.DESIGN)


def test_without_a_network_a_burst_stands_out_and_the_future_stays_unseen():
    rng = np.random.default_rng(8)
    values = rng.poisson(40, 4000).astype(float)
    values[3000:3006] += 400
    scores = own.score_without_network(values)
    assert scores.shape == (4000,) and not scores[: own.DESIGN.warm_up_rows].any()
    assert 3000 < int(np.argmax(scores)) < 3006 + 2 * own.DESIGN.spans[0] and scores.max() > ALARM_LEVEL
    changed = values.copy()
    changed[3500:] = 9999
    assert np.array_equal(own.score_without_network(changed)[:3500], scores[:3500])
    with pytest.raises(ValueError, match="finite counts"):
        own.score_without_network([1.0, np.nan])
