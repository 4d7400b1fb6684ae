"""Part II's sentences follow the records: altered copies of these turn verdicts and break the checks that rest on them.

The notebook's cells are run without drawing, on the committed records of the full profile.
"""

from dataclasses import replace

import chapter
import numpy as np
import pytest
from chapter import assert_broken, assert_sound, broken

from study import profile, runs
from study.anomaly import experiments
from study.runs import Record

pytestmark = pytest.mark.slow


def evaluated(monkeypatch, alter=None):
    """The value of each inline expression of the chapter when every record is read as `alter` returns it."""
    return chapter.evaluated(monkeypatch, "part2", alter)[0]


@pytest.fixture(scope="module")
def as_committed():
    with pytest.MonkeyPatch.context() as patch:
        return evaluated(patch)


def test_every_value_is_one_that_the_documents_take_and_every_check_holds(as_committed):
    assert_sound(as_committed, more_than=25)


def trained(record: Record, *models: str) -> bool:
    return record.spec["task"] == "part2-published" and record.spec["model"] in models


def streamed(record: Record, *models: str) -> bool:
    return record.spec["task"] == "part2-stream" and record.spec["model"] in models


def with_losses(record: Record, factor: float) -> Record:
    """The record of a training whose losses, and R² with them, are `factor` times what they were."""
    m = record.metrics
    losses = {name: factor * m[name] for name in ("train_loss_first", "train_loss", "last_loss", "middle_loss")}
    r2 = {part: 1 - factor * (1 - value) for part, value in m["r2"].items()}
    curves = {name: factor * a if name.startswith("history_") else a for name, a in record.arrays.items()}
    return replace(record, metrics={**m, **losses, "r2": r2}, arrays=curves)


def with_nab(record: Record, **scores: float) -> Record:
    """The record of a detector with other NAB standard scores, by column."""
    columns = {
        column: {**record.metrics[column], "nab": {**record.metrics[column]["nab"], "standard": score}}
        for column, score in scores.items()
    }
    return replace(record, metrics={**record.metrics, **columns})


def with_metrics(record: Record, **changed) -> Record:
    return replace(record, metrics={**record.metrics, **changed})


DENSE = ("base", "version-1", "version-2")


def dense_tenth(record):
    return with_losses(record, 0.1) if trained(record, *DENSE) else record


def lstm_tenfold(record):
    return with_losses(record, 10) if trained(record, "version-3") else record


def version_2_slower(record):
    return with_metrics(record, train_loss_first=0.003) if trained(record, "version-2") else record


def no_collapse(record):
    fell = trained(record, "base", "version-1") and record.metrics["last_loss"] > 0.005
    return with_losses(record, 0.1) if fell else record


def rising_days(record):
    if record.spec["task"] != "part2-dataset":
        return record
    return with_metrics(record, trend={**record.metrics["trend"], "p": 0.001, "tau": 0.6})


def no_cycle(record):
    if record.spec["task"] != "part2-dataset":
        return record
    return with_metrics(record, season={**record.metrics["season"], "hour_p": 0.4, "weekday_p": 0.5})


def burst_labelled(record):
    if record.spec["task"] != "part2-dataset":
        return record
    bursts = [burst | {"labelled": True} for burst in record.metrics["bursts"][:3]] + record.metrics["bursts"][3:]
    return with_metrics(record, bursts=bursts)


def pause_is_nothing(record):
    if not streamed(record, "windowed_gaussian"):
        return record
    return with_nab(record, paused=record.metrics["unpaused"]["nab"]["standard"])


def version_2_wins(record):
    return with_nab(record, paused=3.9, unpaused=3.9) if streamed(record, "version-2") else record


def rows_found_at_random(record):
    """Half of the labelled rows, and nine false ones for each."""
    if record.spec["task"] != "part2-stream":
        return record
    points = {**record.metrics["unpaused"]["points"], "recall": 0.5, "precision": 0.1}
    return with_metrics(record, unpaused={**record.metrics["unpaused"], "points": points})


def threshold_fails(record):
    return with_nab(record, unpaused=-20) if streamed(record, "value") else record


def pause_helps_surge(record):
    return with_nab(record, paused=3.9) if streamed(record, "surge-ae") else record


def surge_mean_fails(record):
    return with_nab(record, unpaused=0.1) if streamed(record, "surge-mean") else record


def errors_alike(record):
    """Every window has one error, so that every rule flags nothing."""
    if not trained(record, *DENSE, "version-3"):
        return record
    flat = {name: np.ones_like(a) if name.startswith("errors_") else a for name, a in record.arrays.items()}
    return replace(record, arrays=flat)


CASES = [
    (dense_tenth, ["best_dense", "at_constant"], {}),
    (lstm_tenfold, ['explained["Version 3"]'], {}),
    (version_2_slower, ["version-2.train_loss_first"], {}),
    (no_collapse, ["collapsed"], {}),
    (rising_days, ['trend["p"]'], {"steady_rise": "confirmed"}),
    (no_cycle, ['cycle["hour_p"]', 'cycle["weekday_p"]'], {"no_season": "confirmed"}),
    (burst_labelled, ["unlabelled.name"], {}),
    (pause_is_nothing, ["gain"], {}),
    (version_2_wins, ['drop("Version 3")', "holds(naive", "holds(control"], {}),
    (rows_found_at_random, ["most_recall", "unpaused_point_precision"], {}),
    (threshold_fails, ["holds(naive.unpaused_nab"], {}),
    (surge_mean_fails, ["holds(bare.unpaused_nab"], {}),
    (pause_helps_surge, ["holds(surge.paused_nab", "holds(naive.paused_nab"], {}),
    (errors_alike, ["flagged.max()"], {}),
]


@pytest.mark.parametrize(("alter", "checks", "verdicts"), CASES, ids=lambda one: getattr(one, "__name__", ""))
def test_an_altered_record_breaks_what_rests_on_it(monkeypatch, as_committed, alter, checks, verdicts):
    found = evaluated(monkeypatch, alter)
    assert_broken(found, checks)
    for name, status in verdicts.items():
        assert found[f'verdict["{name}"]'] == status != as_committed[f'verdict["{name}"]']


def test_swapped_models_turn_numbers_and_checks(monkeypatch, as_committed):
    full = profile.load("full")
    store = runs.Store(full.records)
    specs = [spec for spec in experiments.ALL.specs(full) if spec["task"] == "part2-published"]
    kept = {(spec["model"], spec["seed"]): store.load(spec) for spec in specs}
    swap = {"base": "version-3", "version-3": "base"}

    def swapped(record):
        if not trained(record, *swap):
            return record
        other = kept[swap[record.spec["model"]], record.spec["seed"]]
        weights = {name: array for name, array in record.arrays.items() if name.startswith("weight_")}
        rest = {name: array for name, array in other.arrays.items() if not name.startswith("weight_")}
        return replace(record, metrics=other.metrics, arrays=rest | weights)

    found = evaluated(monkeypatch, swapped)
    assert any("best_dense" in text for text in broken(found))
    base_loss = 'significant(1e3 * median["Base"].last_loss)'
    assert found[base_loss] != as_committed[base_loss]
