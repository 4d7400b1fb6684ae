"""Models that were changed, whose runs stay apart from the committed records until they are adopted; changed data."""

from types import SimpleNamespace

import numpy as np
import pytest

from study import catalog, drafts, parts, profile, runs, train

OLD = {"task": "t-x", "model": "m", "data": [], "profile": "quick", "seed": 0, "version": 1, "definition": "old"}
NEW = OLD | {"definition": "new"}
CHOSEN = profile.load("quick")


def made(loss: float, seconds: float = 0.0):
    return lambda spec, scratch: ({"loss": loss, "seconds": seconds}, {"curve": np.array([loss])})


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The quick profile's records and drafts in a folder of their own, with the records of two seeds."""
    monkeypatch.setattr("study.paths.BUILD", tmp_path)
    for seed in (0, 1):
        runs.Store(CHOSEN.records).get(OLD | {"seed": seed}, made(1.0, seconds=100.0))
    return runs.Store(CHOSEN.records, CHOSEN.drafts)


def part(*specs: dict, training=None) -> SimpleNamespace:
    experiments = SimpleNamespace(specs=lambda chosen: list(specs), train=training or made(2.0))
    return SimpleNamespace(key="t", short_title="Part T", experiments=experiments)


def test_only_another_definition_of_the_same_run_is_an_earlier_one(store):
    assert store.before(NEW).metrics["loss"] == 1.0
    assert store.before(OLD) is None, "its own definition"
    for other in ({"seed": 2}, {"version": 2}, {"model": "m-2"}, {"task": "t-y"}):
        assert store.before(NEW | other) is None, other


def test_a_changed_models_run_goes_to_the_drafts_and_never_between_the_records(store):
    before = sorted(CHOSEN.records.rglob("*"))
    assert store.load(NEW) is None
    assert store.get(NEW, made(2.0)).metrics["loss"] == 2.0
    store.put(runs.Record(NEW | {"seed": 1}, {"loss": 3.0}, {}, {"data": {}}))
    assert sorted(CHOSEN.records.rglob("*")) == before
    assert [store.load(NEW | {"seed": seed}).metrics["loss"] for seed in (0, 1)] == [2.0, 3.0]
    assert runs.Store(CHOSEN.records).load(NEW) is None


def test_without_a_place_for_drafts_a_changed_model_is_refused_before_it_trains(store):
    def never(spec, scratch):
        raise AssertionError("trained")

    with pytest.raises(ValueError, match="t-x: m, seed 0: the model has been changed since its records"):
        runs.Store(CHOSEN.records).get(NEW, never)


def test_a_model_without_any_record_is_made_into_the_records(store):
    store.get(NEW | {"model": "added"}, made(4.0))
    assert runs.Store(CHOSEN.records).load(NEW | {"model": "added"}).metrics["loss"] == 4.0


def test_a_draft_makes_first_seeds_first_and_stops_at_its_limit(store, monkeypatch):
    clock, order = [0.0], []

    def slow(spec, scratch):
        clock[0] += 100.0
        order.append(spec["seed"])
        return made(2.0)(spec, scratch)

    changed = part(NEW | {"seed": 1}, NEW, training=slow)
    monkeypatch.setattr(train.time, "perf_counter", lambda: clock[0])
    train.make_drafts(changed, changed.experiments.specs(CHOSEN), store, limit=150.0)
    assert order == [0], "each takes 100 s"
    draft = drafts.of(changed, CHOSEN)
    assert [spec["seed"] for spec in draft.missing] == [1] and draft.seconds == pytest.approx(100.0)
    assert draft.summary() == (
        "Part T: m changed, 1 of 2\N{NO-BREAK SPACE}runs made. The rest takes about "
        "1\N{NO-BREAK SPACE}min 40\N{NO-BREAK SPACE}s: `make sweep PART=t`."
    )


def test_runs_on_data_of_ones_own_are_no_draft_that_could_be_adopted(store):
    mine = part(OLD | {"data": ["own/mine.csv@1"]})
    assert store.get(*mine.experiments.specs(CHOSEN), made(2.0)).metrics["loss"] == 2.0
    assert drafts.of(mine, CHOSEN) is None and drafts.adopt(mine, CHOSEN) == 0


def test_nothing_changed_is_no_draft(store):
    assert drafts.of(part(OLD, OLD | {"seed": 1}), CHOSEN) is None


def test_a_complete_draft_is_adopted_and_an_incomplete_one_changes_nothing(store):
    both = part(NEW, NEW | {"seed": 1})
    store.get(NEW, made(2.0))
    before = sorted(CHOSEN.records.rglob("*"))
    with pytest.raises(ValueError, match="1 of 2.runs made"):
        drafts.adopt(both, CHOSEN)
    assert sorted(CHOSEN.records.rglob("*")) == before
    store.get(NEW | {"seed": 1}, made(3.0))
    assert drafts.adopt(both, CHOSEN) == 2
    committed = runs.Store(CHOSEN.records)
    assert [committed.load(NEW | {"seed": seed}).metrics["loss"] for seed in (0, 1)] == [2.0, 3.0]
    assert len(list(CHOSEN.records.rglob("*.json"))) == len(list(CHOSEN.records.rglob("*.npz"))) == 2, "the old ones go"
    assert drafts.of(both, CHOSEN) is None


LISTED = '[demo]\nbase_url = "https://example.invalid/"\n[demo.files."a.csv"]\npath = "a"\nsize = 3\nsha256 = "{}"\n'


def test_records_of_other_data_than_the_catalog_names_are_refused(own_catalog, monkeypatch, capsys):
    spec = OLD | {"data": ["demo/a.csv"]}
    monkeypatch.setattr(parts, "find", lambda key: part(spec))
    own_catalog(LISTED.format("a" * 64))
    file = runs.Store(CHOSEN.records).file(spec)
    runs.Store(CHOSEN.records).get(spec, made(1.0))
    assert train.main(["--part", "t", "--profile", "quick"]) == 0
    own_catalog(LISTED.format("b" * 64))
    assert train.main(["--part", "t", "--profile", "quick"]) == 1
    said = capsys.readouterr().err
    assert f"{file} was made from another demo/a.csv than data/catalog.toml names" in said and "make report" in said
    assert not catalog.at_hand(["demo/a.csv"])
