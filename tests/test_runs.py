"""A record exists whole or not at all, is found again by its spec alone, and is never taken when damaged."""

import json
import os

import numpy as np
import pytest

from study import paths, runs


def spec(**changes):
    return {
        "task": "demo-task", "model": "toy", "data": [], "profile": "quick", "seed": 0, "version": 1, "settings": {},
    } | changes  # fmt: skip


class Trainer:
    """Counts how often it is asked."""

    def __init__(self):
        self.calls = 0

    def __call__(self, given, scratch):
        self.calls += 1
        assert scratch.is_dir()
        return {"loss": 0.25 + given["seed"]}, {"history": np.arange(3.0), "rows": np.array([1, 2], dtype=np.int32)}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    return runs.Store(tmp_path / "runs")


def test_trains_once_and_reads_back_the_same(store):
    train = Trainer()
    made, read = store.get(spec(), train), store.get(spec(), train)
    assert train.calls == 1
    assert made.metrics == read.metrics == {"loss": 0.25}
    assert read.arrays["rows"].dtype == np.int32 and np.array_equal(read.arrays["history"], np.arange(3.0))
    assert {"started", "wall_seconds", "device", "threads", "libraries", "commit", "data"} <= set(read.provenance)
    assert list(store.folder.rglob(".*")) == []


def test_values_of_every_kind_are_read_back_as_json_has_them(store):
    metrics = {"by size": {1: -(2**60), 2: 1e-7}, "pair": (True, None), "ä": [], "": {}}
    arrays = {
        "found": np.array([True, False]), "words": np.array(["ä", "abc"]), "none": np.zeros((0, 3), np.float32),
        "one": np.array(3, np.uint8),
    }  # fmt: skip
    chosen = spec(settings={"sizes": [1, None], "text": "ä"})
    made, read = store.get(chosen, lambda given, scratch: (metrics, arrays)), store.load(chosen)
    assert read.metrics == made.metrics == json.loads(json.dumps(metrics))
    assert (read.spec, read.provenance) == (made.spec, made.provenance) and made.spec == chosen
    assert read.arrays.keys() == made.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert read.arrays[name].dtype == array.dtype and np.array_equal(read.arrays[name], array)


def test_a_record_from_elsewhere_replaces_no_sound_one(store):
    store.get(spec(), Trainer())
    for seed in (0, 1):
        store.put(runs.Record(spec(seed=seed), {"loss": 9.0}, {}, {}))
    assert [store.load(spec(seed=seed)).metrics["loss"] for seed in (0, 1)] == [0.25, 9.0]


def test_a_record_tells_the_commit_of_the_start_and_counts_epochs_before_a_kill(store, monkeypatch):
    checked_out = ["first"]
    monkeypatch.setattr(runs, "commit", lambda: checked_out[-1])

    def resumed(given, scratch):
        checked_out.append("second")
        return {"seconds": 3600.0}, {}

    found = store.get(spec(), resumed).provenance
    assert found["commit"] == "first" and found["wall_seconds"] == 3600.0


def test_every_library_that_computes_is_named():
    assert {"numpy", "keras", "torch", "tokenizers", "transformers", "pillow"} <= set(runs.surroundings()["libraries"])


def test_records_of_a_model_come_by_seed():
    records = [runs.Record(spec(seed=seed), {}, {}, {}) for seed in (2, 0, 1)]
    assert [record.spec["seed"] for record in runs.of(records, "demo-task", "toy")] == [0, 1, 2]


def test_another_decision_is_another_record(store):
    train = Trainer()
    changes = [{}, {"seed": 1}, {"version": 2}, {"settings": {"epochs": 3}}, {"profile": "full"}]
    for changed in changes:
        store.get(spec(**changed), train)
    assert train.calls == len(changes)


def test_the_digest_depends_on_content_and_not_on_order():
    one, other = spec(settings={"a": 1, "ä": [0.5, True]}), spec(settings={"ä": [0.5, True], "a": 1})
    assert runs.digest(one) == runs.digest(dict(reversed(other.items())))
    assert runs.digest(one) == runs.digest(json.loads(runs.canonical(one)))


@pytest.mark.parametrize("bad", [{"seed": float("nan")}, {"settings": {"f": print}}, {"data": {1, 2}}])
def test_a_spec_must_be_plain(bad):
    with pytest.raises(ValueError, match="plain JSON"):
        runs.canonical(spec(**bad))
    incomplete = spec()
    del incomplete["version"]
    with pytest.raises(ValueError, match="lacks version"):
        runs.canonical(incomplete)


def truncate(file):
    file.write_bytes(file.read_bytes()[:-20])


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("suffix", [".json", ".npz"])
@pytest.mark.parametrize("harm", [truncate, flip, lambda f: f.write_bytes(b""), lambda f: f.write_bytes(b"[]")])
def test_a_damaged_record_is_reported_and_made_anew(store, capsys, suffix, harm):
    train = Trainer()
    store.get(spec(), train)
    harm(store.file(spec()).with_suffix(suffix))
    again = store.get(spec(), train)
    assert train.calls == 2 and again.metrics == {"loss": 0.25}
    printed = capsys.readouterr()
    # What a cell prints is part of the report; the cells that read records may write to standard error.
    assert "Damaged record" in printed.err and printed.out == ""
    assert store.load(spec()) is not None


def test_a_missing_npz_and_a_foreign_record_are_not_taken(store):
    train = Trainer()
    store.get(spec(), train)
    store.file(spec()).with_suffix(".npz").unlink()
    assert store.load(spec()) is None
    store.get(spec(seed=1), train)
    os.replace(store.file(spec(seed=1)), store.file(spec()))
    assert store.load(spec()) is None


def test_an_edited_number_is_not_taken(store):
    store.get(spec(), Trainer())
    file = store.file(spec())
    file.write_text(file.read_text().replace("0.25", "0.26"))
    assert store.load(spec()) is None


def test_a_failed_training_leaves_no_record_and_keeps_its_scratch(store):
    def fail(given, scratch):
        (scratch / "state").write_text("epoch 3")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        store.get(spec(), fail)
    assert store.load(spec()) is None and list(store.folder.rglob("*.json")) == []

    def go_on(given, scratch):
        assert (scratch / "state").read_text() == "epoch 3"
        return {"loss": 1.0}, {}

    assert store.get(spec(), go_on).metrics == {"loss": 1.0}
    assert not any((paths.BUILD / "scratch").iterdir())


def test_nan_metrics_are_refused_without_half_a_record(store):
    with pytest.raises(ValueError):
        store.get(spec(), lambda given, scratch: ({"loss": float("nan")}, {"x": np.zeros(3)}))
    assert [p for p in store.folder.rglob("*") if p.is_file()] == []
