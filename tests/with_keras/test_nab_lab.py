"""What Part II's notebook calls: a training is kept by all that decides it, and shown beside no other code."""

from study.anomaly import experiments, lab, series, tables, trainings  # first: it sets TensorFlow's environment  # isort: skip

from dataclasses import replace
from types import FunctionType, SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from study import paths, published
from study.anomaly.diagrams import narrowest
from study.prose import significant
from study.runs import Record

WINDOW = 30


def dense(units):
    flat = [keras.Input((WINDOW, 1)), layers.Flatten(), layers.Dense(units, name="bottleneck"), layers.Dense(WINDOW)]
    return keras.Sequential([*flat, layers.Reshape((WINDOW, 1))])


def narrow():
    return dense(2)


def wide():
    return dense(6)


@pytest.fixture(scope="module")
def nab(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "BUILD", tmp_path_factory.mktemp("build"))
        yield lab.Nab("quick")


@pytest.fixture(scope="module")
def windows(nab):
    return series.original_windows(nab.series().values)[0]


@pytest.fixture(scope="module")
def run(nab, windows):
    return nab.train(narrow, windows, epochs=2)


def test_a_series_is_a_table_of_whole_counts_with_its_labelled_windows(nab):
    table, marked = nab.load("AAPL"), nab.windows("AAPL")
    assert list(table.columns) == ["timestamp", "value"] and table.value.dtype == np.int64
    assert len(marked) == 3 and all(table.timestamp.iloc[0] < a < b < table.timestamp.iloc[-1] for a, b in marked)


def test_history_network_and_errors_are_those_of_one_training(run, windows):
    assert list(run.history.columns) == ["loss", "last", "middle"] and list(run.history.index) == [1, 2]
    assert run.history["last"].iloc[-1] == pytest.approx(run.metrics["last_loss"], rel=1e-5)
    again = np.square(run.reconstruct(windows["last"]) - windows["last"]).mean(axis=(1, 2))
    assert again == pytest.approx(run.errors["last"], rel=1e-3, abs=1e-9), "the kept weights are the trained ones"
    assert run.codes(windows["middle"]).shape == (len(windows["middle"]), 2)


def test_what_was_trained_is_kept_and_not_trained_again(nab, windows, run, monkeypatch):
    monkeypatch.setattr(trainings, "train_as_published", lambda *given, **also: pytest.fail("trained again"))
    assert nab.train(narrow, windows, epochs=2).record.metrics == run.record.metrics
    assert [one.record.metrics for one in nab.repeat(narrow, windows, epochs=2)] == [run.record.metrics]


@pytest.mark.parametrize("changed", ["model", "data", "epochs", "seed"])
def test_a_change_of_anything_that_decides_trains_again(nab, windows, run, monkeypatch, changed):
    class Trained(Exception):
        pass

    def trains(*given, **also):
        raise Trained

    monkeypatch.setattr(trainings, "train_as_published", trains)
    other = {**windows, "train": windows["train"][:-1]}
    with pytest.raises(Trained):
        nab.train(
            wide if changed == "model" else narrow,
            other if changed == "data" else windows,
            epochs=3 if changed == "epochs" else 2,
            seed=1 if changed == "seed" else 0,
        )


def test_the_constant_is_the_mean_of_the_training_part():
    parts = {"train": np.array([[[0.0], [2.0]]]), "last": np.array([[[4.0], [4.0]]])}
    assert lab.constant_losses(parts) == {"train": 1.0, "last": 9.0}


def test_examples_are_a_usual_a_busy_and_the_window_with_the_burst_midway():
    values = np.r_[np.linspace(0.1, 0.2, 200), 9.0, np.full(100, 0.1)]
    found, titles = lab.example_windows(series.windows_of(values))
    usual, busy, burst = found[..., 0]
    assert burst.argmax() == WINDOW // 2 - 1 and burst.max() == 9.0
    assert usual.mean() <= busy.mean() and len(titles) == 3


def test_labelled_windows_are_counted_by_the_part_that_they_touch(nab):
    counted = lab.labelled_by_part(nab.series())
    assert set(counted) == {"train", "middle", "last"} and sum(counted.values()) >= 3


def test_a_file_of_ones_own_is_read_scored_and_its_burst_raises_the_alarm(tmp_path, capsys):
    value = np.random.default_rng(0).poisson(40, 9_000)  # a month of calm counts with one burst
    value[6_000:6_006] = 4_000
    own_table = pd.DataFrame({"timestamp": pd.date_range("2026-01-01", periods=9_000, freq="5min"), "value": value})
    own_table.drop(index=100).to_csv(tmp_path / "mine.csv", sep=";", index=False, date_format="%d.%m.%Y %H:%M")
    nab = lab.Nab("full")
    found = nab.surge_mean(nab.read(tmp_path / "mine.csv"))
    assert list(found.columns) == ["timestamp", "value", "score", "alarm"] and np.isfinite(found.score).all()
    assert 6_000 <= np.flatnonzero(found.alarm)[0] <= 6_010 and np.isnan(found.value[100])
    said = "Note: dates are read day first.\nNote: 1 of 9,000 steps have no value and score nothing.\n"
    assert capsys.readouterr().out == said


def test_changed_and_new_models_are_named_and_stand_beside_the_published_trainings():
    full, (base, *_) = lab.Nab("full"), trainings.published_models().values()
    windows = series.original_windows(full.series().values)[0]

    def renamed(make):
        return FunctionType(make.__code__, make.__globals__, "base")

    other = renamed(wide)
    assert full.changed({"Base": base}) == [] and full.note({"Base": base}) == ""
    assert full.changed({"Base": base, "Wide": wide}) == ["Wide"]
    assert full.note({"Base": other, "Wide": wide}).startswith("Base and Wide were changed or added.")
    kept = [record.metrics for record in full.committed(base, windows)]
    assert len(kept) == 10 and [record.metrics for record in full.committed(other, windows)] == kept
    assert full.committed(wide, windows) == []


def test_without_a_layer_of_that_name_the_narrowest_is_the_bottleneck():
    network = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(1, name="code"), layers.Dense(4)])
    assert narrowest(network.layers).name == "code" and narrowest(narrow().layers).name == "bottleneck"


def test_losses_of_ours_stand_beside_those_reported_of_the_original_s_models(run):
    table = tables.losses({"Base": [run], "Wide": [run]}).set_index("Model")
    ours = significant(1e3 * run.metrics["last_loss"])
    assert table["Validation (last 15%)"].tolist() == [
        f"{ours} ({1e3 * published.value('part2.base.last_loss'):.6g})",
        ours,
    ]


def test_the_test_set_is_counted_by_thresholds_of_either_part():
    def of(middle, last):
        arrays = {"errors_train": np.zeros(1), "errors_middle": np.array(middle), "errors_last": np.array(last)}
        return lab.Run(narrow, Record({}, {}, arrays, {}))

    runs = [of([0.0, 0, 0, 4], [9.0, 0]), of([1.0, 2, 3, 4], [2.5, 0]), of([1.0, 2, 3, 4], [0.5, 0])]
    rules = [lab.thresholds.Rule("maximum", part, "middle") for part in ("last", "middle")]
    table = tables.test_set({"Base": runs, "Wide": runs[:1]}, rules).set_index("Model")
    assert table.columns.tolist() == [
        f"{one}, by {part}"
        for part in ("validation (last 15%)", "testing (middle 15%)")
        for one in ("Normal", "Anomaly")
    ]
    # Above 9, 2.5 and 0.5 lie none, two and all four; nothing lies above the maximum of its own part.
    assert table.loc["Base"].tolist() == ["2 (0 to 4)", "2 (0 to 4)", "4", "0"]
    assert table.loc["Wide"].tolist() == ["4", "0", "4", "0"]


def test_nab_scores_have_ranges_over_seeds_and_stand_beside_those_of_the_nine():
    row = {"kind": "original", "unpaused_left_out": -19.0, "paused_left_out": 1.0}
    row |= {f"unpaused_nab{end}": score for end, score in (("_low", -18.75), ("", -3.03), ("_high", -0.5))}
    row |= {f"paused_nab{end}": 1.25 for end in ("_low", "", "_high")}
    board = pd.DataFrame([row, row | {"kind": "published"}], index=["Version 3", "ARTime"])
    table = tables.nab_scores(board)
    assert table.Detector.tolist() == ["Version 3", "NAB: ARTime"]
    shown = ["−3.03 (−18.75 to −0.50)", "1.25", "−19.00", "1.00"]
    assert table.drop(columns="Detector").iloc[0].tolist() == shown


def test_an_edit_of_the_notebook_leaves_the_judgements_of_the_original(monkeypatch):
    known, before = experiments.ALL.definition, lab.Nab("full").verdicts()
    changed = replace(experiments.ALL, definition=lambda spec: "0" * 12 if spec["model"] == "base" else known(spec))
    monkeypatch.setattr(experiments, "ALL", changed)
    assert lab.Nab("full").verdicts() == before


def test_false_alarms_are_those_outside_every_window_and_counted_by_runs(monkeypatch):
    nab = lab.Nab("full")
    alarms = [[1005, 1012, 1030, 1031, 1033, 1060, 1090], [1012], [1070, 1082]]
    made = [SimpleNamespace(arrays={"unpaused_alarm_rows": np.array(rows)}) for rows in alarms]
    monkeypatch.setattr(lab.Nab, "detector", lambda self, key: made)
    monkeypatch.setattr(
        lab.Nab, "dataset", lambda self: SimpleNamespace(metrics={"windows": [[1010, 1020], [1055, 1065]]})
    )
    found = nab.false_alarms("version-3")
    assert found.to_numpy().tolist() == [[5, 3, "2 March"], [0, 0, ""], [2, 1, "2 March"]]
