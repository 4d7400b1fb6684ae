"""Part II's sentences follow the records: altered copies of these turn verdicts and break the checks that rest on them.

The notebook's cells are run without drawing, on the committed records of the full profile.
"""

from dataclasses import replace
from functools import partial

import chapter
import numpy as np
import pytest
from chapter import assert_broken, assert_sound, composed

from study.anomaly import lab, series
from study.runs import Record

pytestmark = pytest.mark.slow


def evaluated(monkeypatch, alter=None):
    """The value of each inline expression of the chapter when every record is read as `alter` returns it."""
    return chapter.evaluated(monkeypatch, "part2", alter)[0]


@pytest.fixture(scope="module", autouse=True)
def records_are_read_and_networks_computed_once():
    """No case alters the weights or the windows."""

    def key(run, windows):
        return run.record.spec["model"], run.record.spec["seed"], series.digest_of(windows)

    with pytest.MonkeyPatch.context() as patch:
        chapter.read_once(patch)
        for name in ("reconstruct", "codes"):
            patch.setattr(lab.Run, name, chapter.remembering(getattr(lab.Run, name), key))
        yield


@pytest.fixture(scope="module")
def as_committed():
    with pytest.MonkeyPatch.context() as patch:
        return evaluated(patch)


def test_every_value_is_one_that_the_documents_take_and_every_check_holds(as_committed):
    assert_sound(as_committed, more_than=25)


def with_losses(record: Record, factor: float) -> Record:
    """The record of a training whose losses, and R² with them, are `factor` times what they were."""
    m = record.metrics
    losses = {name: factor * m[name] for name in ("train_loss_first", "train_loss", "last_loss", "middle_loss")}
    r2 = {part: 1 - factor * (1 - value) for part, value in m["r2"].items()}
    curves = {name: factor * a if name.startswith("history_") else a for name, a in record.arrays.items()}
    return replace(record, metrics={**m, **losses, "r2": r2}, arrays=curves)


def with_metrics(record: Record, **changed) -> Record:
    """The record with other metrics; of those that are mappings, with other entries in them."""
    old = record.metrics
    new = {name: {**old[name], **one} if isinstance(one, dict) else one for name, one in changed.items()}
    return replace(record, metrics={**old, **new})


def with_nab(record: Record, **scores: float) -> Record:
    """The record of a detector with other NAB standard scores, by column."""
    nab = {column: {"nab": {**record.metrics[column]["nab"], "standard": score}} for column, score in scores.items()}
    return with_metrics(record, **nab)


def errors_alike(record: Record) -> Record:
    """Every window has one error, so that every rule flags nothing."""
    alike = {name: np.ones_like(a) if name.startswith("errors_") else a for name, a in record.arrays.items()}
    return replace(record, arrays=alike)


def rows_found_at_random(record: Record) -> Record:
    """Half of the labelled rows, and nine false ones for each."""
    points = record.metrics["unpaused"]["points"] | {"recall": 0.5, "precision": 0.1}
    return with_metrics(record, unpaused={"points": points})


def wrong_by_rows(record: Record) -> Record:
    return with_metrics(record, unpaused={"points": record.metrics["unpaused"]["points"] | {"f1": 0.03}})


def better_elsewhere(record: Record) -> Record:
    """A detector that scores higher on the nine other series, without a pause alone."""
    scores = {name: score + 9 for name, score in record.metrics["unpaused"]["left_out"].items()}
    return with_metrics(record, unpaused={"left_out": scores})


def wavering(record: Record) -> Record:
    """A training whose loss on the last part falls by a tenth of itself in every epoch."""
    course = record.arrays["history_last"][0] * 0.9 ** np.arange(len(record.arrays["history_last"]))
    return replace(record, arrays={**record.arrays, "history_last": course})


def no_collapse(record: Record) -> Record:
    return with_losses(record, 0.1) if record.metrics["last_loss"] > 0.005 else record


def burst_labelled(record: Record) -> Record:
    bursts = record.metrics["bursts"]
    return with_metrics(record, bursts=[burst | {"labelled": True} for burst in bursts[:3]] + bursts[3:])


def pause_is_nothing(record: Record) -> Record:
    return with_nab(record, paused=record.metrics["unpaused"]["nab"]["standard"])


DENSE = ("base", "version-1", "version-2")
CASES = {  # task, models (None: all), change, words of the checks that break
    "dense models of a tenth": ("published", DENSE, partial(with_losses, factor=0.1), ["best_dense", "at_constant"]),
    "an LSTM of ten times": (
        "published", ["version-3"], partial(with_losses, factor=10), ['explained["Version 3"]'],
    ),
    "version 2 begins lower": (
        "published", ["version-2"], partial(with_metrics, train_loss_first=0.003), ["version-2.train_loss_first"],
    ),
    "no collapse": ("published", ["base", "version-1"], no_collapse, ["collapsed"]),
    "rising days": ("dataset", ["aapl"], partial(with_metrics, trend={"p": 0.001, "tau": 0.6}), ['trend["p"]']),
    "no cycle": (
        "dataset", ["aapl"], partial(with_metrics, season={"hour_p": 0.4, "weekday_p": 0.5}),
        ['cycle["hour_p"]', 'cycle["weekday_p"]'],
    ),
    "the burst is labelled": ("dataset", ["aapl"], burst_labelled, ["unlabelled.name"]),
    "a pause is nothing": ("stream", ["windowed_gaussian"], pause_is_nothing, ["gain"]),
    "a pause finds no more": (
        "stream", ["windowed_gaussian"], partial(with_metrics, paused={"found_windows": 3}), ["found_by"],
    ),
    "a pause needs no other threshold": (
        "stream", ["windowed_gaussian"], partial(with_metrics, paused={"rules": {"nab": {"threshold": 99.0}}}), ["at["],
    ),
    "blind alarms win with a pause": (
        "published-detectors", ["null"], partial(with_nab, paused=2.0), ['holds(constant, "<"'],
    ),
    "blind alarms gain nothing": ("published-detectors", ["null"], partial(with_nab, paused=-4.0), ['constant, ">"']),
    "Version 1 is wrong by rows": ("stream", ["version-1"], wrong_by_rows, ["holds(chosen.unpaused_point_f1"]),
    "Base is the best elsewhere": ("stream", ["base"], better_elsewhere, ["paused_left_out.idxmax()"]),
    "skyline is the best elsewhere": ("published-detectors", ["skyline"], better_elsewhere, ["holds(top.name"]),
    "an LSTM that goes on learning": ("published", ["version-3"], wavering, ["1.2 * final"]),
    "version 2 wins": (
        "stream", ["version-2"], partial(with_nab, paused=3.9, unpaused=3.9),
        ['drop("Version 3")', "holds(naive", "holds(control"],
    ),
    "rows found at random": ("stream", None, rows_found_at_random, ["most_recall", "unpaused_point_precision"]),
    "the threshold fails": ("stream", ["value"], partial(with_nab, unpaused=-20), ["holds(naive.unpaused_nab"]),
    "Surge-mean fails": ("stream", ["surge-mean"], partial(with_nab, unpaused=0.1), ["holds(bare.unpaused_nab"]),
    "Surge-mean is silent": (
        "stream", ["surge-mean"], partial(with_metrics, unpaused={"found_windows": 0}), ['simple["found_windows"]'],
    ),
    "a pause helps Surge": (
        "stream", ["surge-ae"], partial(with_nab, paused=3.9), ["holds(surge.paused_nab", "holds(naive.paused_nab"],
    ),
    "errors alike": ("published", None, errors_alike, ["flagged.max()"]),
}  # fmt: skip


def altering(case):
    task, models, change, _ = CASES[case]

    def alter(record):
        meant = record.spec["task"] == f"part2-{task}" and (models is None or record.spec["model"] in models)
        return change(record) if meant else record

    return alter


@pytest.mark.parametrize("group", chapter.together(CASES, 4), ids=", ".join)
def test_altered_records_break_what_rests_on_them(monkeypatch, as_committed, group):
    found = evaluated(monkeypatch, composed(map(altering, group)))
    assert_broken(found, {case: CASES[case][-1] for case in group})
    if "dense models of a tenth" in group:
        base_loss = 'significant(1e3 * median["Base"].last_loss)'
        assert found[base_loss] != as_committed[base_loss]
