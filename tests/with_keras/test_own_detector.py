"""The study's own detector: causal, deterministic, and it finds a burst in a daily cycle."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from study import paths
from study.anomaly import own, recipes

ALARM_LEVEL = 4.4  # about where rules chosen on the nine series put the threshold
ROWS = 8 * own.DAY_ROWS


def daily_cycle(seed: int, rows: int = ROWS, level: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """Poisson counts around a daily cycle."""
    timestamps = np.datetime64("2015-02-26T00:00") + np.arange(rows) * np.timedelta64(5, "m")
    phase = 2 * np.pi * np.arange(rows) / own.DAY_ROWS
    return timestamps, np.random.default_rng(seed).poisson(level * (1 + 0.5 * np.sin(phase))).astype(float)


@pytest.fixture(scope="module")
def model():
    return own.fit([daily_cycle(seed) for seed in (1, 2)], seed=0, epochs=4)[0]


def test_training_lowers_the_loss():
    _, losses = own.fit([daily_cycle(1)], seed=0, epochs=4)
    assert len(losses) == 4
    assert losses[-1] < losses[0]


def test_the_detector_has_not_changed_under_the_version():
    model, (loss,) = own.fit([daily_cycle(1)], seed=0, epochs=1)
    highest = own.score(model, *daily_cycle(3)).max()
    golden = pytest.approx(0.323110, rel=1e-3), pytest.approx(1.596895, rel=1e-3)
    found = recipes.VERSIONS["part2-stream"], loss, highest
    assert found == (2, *golden), "raise the version in recipes.VERSIONS"


def test_it_keeps_to_the_threads_that_it_is_given():
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")} | {"OMP_NUM_THREADS": "1"}
    program = "import os, study.anomaly.own; print(os.environ['TF_NUM_INTRAOP_THREADS'])"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=paths.ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "1"


def test_a_burst_gets_the_top_score(model):
    timestamps, values = daily_cycle(3)
    burst = 1500
    values[burst : burst + 24] *= 4
    scores = own.score(model, timestamps, values)
    assert burst <= scores.argmax() < burst + 24 + own.DESIGN.spans[1]
    outside = np.r_[scores[:burst], scores[burst + 24 + own.DESIGN.spans[1] :]]
    assert scores.max() > 2 * outside.max()


def test_unusual_silence_is_no_burst(model):
    timestamps, values = daily_cycle(3)
    values[1500:1524] = 0
    assert own.score(model, timestamps, values)[1500:1524].max() < ALARM_LEVEL


def test_the_hour_matters(model):
    """The level of the busy hours is a burst when it comes in the quiet ones."""
    timestamps, values = daily_cycle(4)
    quiet, busy = 6 * own.DAY_ROWS + 216, 6 * own.DAY_ROWS + 72
    values[quiet : quiet + 12] = 45
    errors = own.errors(model, timestamps, values)
    assert errors[quiet : quiet + 12].mean() > errors[busy : busy + 12].mean() + 3


@pytest.mark.parametrize("cut", [751, 900, 1501, 2017])
def test_scores_do_not_depend_on_later_rows(model, cut):
    timestamps, values = daily_cycle(5)
    changed = values.copy()
    changed[cut:] = 5000 * np.random.default_rng(cut).random(len(values) - cut)
    before, after = own.score(model, timestamps, values), own.score(model, timestamps, changed)
    np.testing.assert_allclose(after[:cut], before[:cut], rtol=1e-4, atol=1e-4)
    assert np.abs(after[cut:] - before[cut:]).max() > 1
    shorter = own.score(model, timestamps[:cut], values[:cut])
    np.testing.assert_allclose(shorter, before[:cut], rtol=1e-4, atol=1e-4)


def test_the_newest_hours_are_hidden_from_the_encoder(model):
    """A burst can't help to rebuild itself: hidden blocks leave the rebuilt week untouched, older ones don't."""
    week, calendar = np.zeros((1, len(own.BLOCKS)), np.float32), np.zeros((1, own.CALENDAR), np.float32)
    hidden, older = week.copy(), week.copy()
    hidden[:, : own.DESIGN.hidden_blocks] = 8
    older[:, own.DESIGN.hidden_blocks :] = 8
    rebuilt = [model.predict([w, calendar], verbose=0) for w in (week, hidden, older)]
    np.testing.assert_array_equal(rebuilt[0], rebuilt[1])
    assert np.abs(rebuilt[0] - rebuilt[2]).max() > 0.1


def test_same_seed_same_scores_other_seed_others():
    training = [daily_cycle(1)]
    scores = [own.score(own.fit(training, seed, epochs=1)[0], *daily_cycle(2)) for seed in (7, 7, 8)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert np.abs(scores[0] - scores[2]).max() > 0


@pytest.mark.parametrize("value", [0.0, 40.0])
def test_a_series_that_never_changes_raises_no_alarm(model, value):
    timestamps, _ = daily_cycle(1)
    scores = own.score(model, timestamps, np.full(ROWS, value))
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    assert scores.max() < ALARM_LEVEL


def test_warm_up_has_no_score(model):
    scores = own.score(model, *daily_cycle(6))
    assert (scores[: own.DESIGN.warm_up_rows] == 0).all()
    assert (scores[own.DESIGN.warm_up_rows :] != 0).all()


def test_bursts_of_sparse_series_count_more(model):
    timestamps, values = daily_cycle(1, level=2.0)
    plain = own.score(model, timestamps, values, replace(own.DESIGN, sparse_gain=1.0))
    np.testing.assert_allclose(own.score(model, timestamps, values), own.DESIGN.sparse_gain * plain)


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
    assert 1700 <= own.anomaly_score(errors).argmax() < 1700 + own.DESIGN.spans[0]


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
def test_bad_series_are_refused(model, change, message):
    bad = change(*daily_cycle(1))
    with pytest.raises(ValueError, match=message):
        own.score(model, *bad)
    with pytest.raises(ValueError, match=message):
        own.fit([bad], seed=0, epochs=1)


def test_nothing_to_train_on_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        own.fit([], seed=0)
    with pytest.raises(ValueError, match="more than 288 rows"):
        own.fit([daily_cycle(1, rows=288)], seed=0)


def test_errors_that_are_not_numbers_are_refused():
    with pytest.raises(ValueError, match="finite"):
        own.anomaly_score([0.0, np.nan])


def test_without_a_network_a_burst_stands_out_and_the_future_stays_unseen():
    rng = np.random.default_rng(8)
    values = rng.poisson(40, 4000).astype(float)
    values[3000:3006] += 400
    scores = own.score_without_network(values)
    assert scores.shape == (4000,) and not scores[: own.DESIGN.warm_up_rows].any()
    assert 3000 <= int(np.argmax(scores)) < 3006 + own.DESIGN.spans[0] and scores.max() > ALARM_LEVEL
    changed = values.copy()
    changed[3500:] = 9999
    assert np.array_equal(own.score_without_network(changed)[:3500], scores[:3500])
    with pytest.raises(ValueError, match="finite counts"):
        own.score_without_network([1.0, np.nan])
