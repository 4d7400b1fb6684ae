"""An audit draws records so that each one's turn comes, makes them again and finds those that are not so."""

import hashlib
import json
import platform
from collections import Counter
from types import SimpleNamespace

import pytest

from study import audit, catalog, parts, paths, profile, repeats, runs, sweep
from study.publish import provenance

QUICK = profile.load("quick")


def spec(name):
    return {"task": "t-x", "model": name, "data": [], "profile": "quick", "seed": 0, "version": 1}


SECONDS = {"short": 10.0, "middling": 20.0, "long": 40.0, "longer": 80.0}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A part of four records of a loss of 1 and the times SECONDS; runs are made of `made.loss`, and noted."""
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(sweep, "project", lambda: "code")
    experiments = SimpleNamespace(
        specs=lambda chosen: [spec(name) for name in SECONDS],
        compared=lambda record: [("loss", record.metrics["loss"], 0.1)],
    )
    part = SimpleNamespace(key="t", experiments=experiments)
    monkeypatch.setattr(parts, "find", lambda key: part)
    found = runs.Store(QUICK.records)
    for name in SECONDS:
        found._write(runs.Record(spec(name), {"loss": 1.0}, {}, provenance_of(SECONDS[name])))
    return found


def provenance_of(seconds):
    where = {"device": "CPU, x86_64, Linux", "threads": 1, "python": "3.12.3", "libraries": {}, "commit": "0123abc"}
    return {"started": "2026-11-01T10:00:00+00:00", "wall_seconds": seconds, "data": {}} | where


@pytest.fixture
def made(monkeypatch):
    told = SimpleNamespace(loss=1.05, names=[], left=99)

    def train(spec, scratch):
        if not told.left:
            raise KeyboardInterrupt
        told.left -= 1
        told.names.append(spec["model"])
        return {"loss": told.loss}, {}

    def sweeping(specs, store, executor, threads, kept):
        for one in specs:
            store.get(one, train)
        return []

    monkeypatch.setattr(sweep, "sweep", sweeping)
    return told


def run(*more, minutes=1.0):
    return audit.main(["--profile", "quick", "--part", "t", "--workers", "1", "--minutes", str(minutes), *more])


def records(store):
    return [store.load(spec(name)) for name in SECONDS]


def names(drawn):
    return [record.spec["model"] for record in drawn]


def one_audit(*drawn, started="2026-11-02T10:00:00+00:00", loss=1.0, machine="A"):
    digests = tuple(runs.digest(spec(name)) for name in drawn)
    rows = tuple(repeats.Row(runs.label(spec(name)), "loss", 1.0, loss, 0.1) for name in drawn)
    return repeats.Reproduction("audit", "CPU", 1, started, 60.0, digests, {"machine": machine}, rows, 1)


def test_a_draw_is_its_seeds_and_fits_the_time(store):
    found = records(store)
    for seed in range(20):
        drawn = audit.draw(found, [], 60, 1, seed)
        assert sum(SECONDS[name] for name in names(drawn)) <= 60 and drawn
        assert names(audit.draw(found[::-1], [], 60, 1, seed)) == names(drawn), "whatever the order"
    assert len({tuple(names(audit.draw(found, [], 60, 1, seed))) for seed in range(20)}) > 1
    two = names(audit.draw(found, [], 80, 2, 0))
    assert sorted(two) == sorted(SECONDS), "80 seconds of two workers hold 150"


def test_long_runs_are_drawn_sooner_and_those_audited_least_first(store):
    found = records(store)
    first = Counter(names(audit.draw(found, [], 80, 1, seed))[0] for seed in range(300))
    assert 130 < first["longer"] < 190 and 10 <= first["short"] <= 35, "80 and 10 of 150 seconds"
    every = one_audit(*SECONDS)
    for seed in range(20):
        assert names(audit.draw(found, [every, one_audit("longer", "long", "middling")], 80, 1, seed))[0] == "short"
    before = one_audit("longer", "long", "middling", started="2026-10-01T10:00:00+00:00")
    assert repeats.audited([every, before], found) == Counter(every.runs), "before its record was made does not count"


def test_every_records_turn_comes(store, made):
    assert run("--seed", "1", minutes=1.5) == 0 and set(made.names) < set(SECONDS)
    assert run("--seed", "1", minutes=1.5) == 0 and set(made.names) == set(SECONDS), "by the same throws"


def test_the_seed_is_printed_and_draws_the_same(store, made, capsys):
    assert run() == 0
    seed = capsys.readouterr().out.partition("SEED=")[2].split()[0]
    drawn, made.names = made.names, []
    for file in (paths.BUILD / "audits").iterdir():
        file.unlink()
    assert run("--seed", seed) == 0
    assert made.names == drawn, "made again, and not taken from the first audit"
    assert f"SEED={seed} draws" in capsys.readouterr().out


def test_a_killed_audit_goes_on_with_its_draw(store, made, capsys):
    made.left = 1
    with pytest.raises(KeyboardInterrupt):
        run(minutes=4)
    seed = capsys.readouterr().out.partition("SEED=")[2].split()[0]
    made.left = 99
    assert run(minutes=4) == 0
    assert f"SEED={seed} draws 4 of" in capsys.readouterr().out
    assert sorted(made.names) == sorted(SECONDS), "each once"
    assert run(minutes=4) == 0 and len(made.names) == 8, "an audit that has ended is over"


def falsify(store, name, loss):
    """A record with another number, and digests that fit it."""
    file = store.file(spec(name))
    content = json.loads(file.read_text())
    del content["sha256"]
    content["metrics"]["loss"] = loss
    content["sha256"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    file.write_text(json.dumps(content))


def test_a_false_record_is_found_when_it_is_drawn(store, made, capsys):
    falsify(store, "long", 0.8)
    assert run("--keep", minutes=4) == 1
    out = capsys.readouterr().out
    (differs,) = (line for line in out.splitlines() if "DIFFERS" in line)
    assert "t-x: long, seed 0" in differs and "4 numbers compared, 1 outside their tolerance" in out
    (told,) = provenance._audits(repeats.kept(QUICK.audits), records(store))
    assert "3 of 4" in told and "1\\.05 \\(recorded 0\\.800 ± 0\\.100\\)" in told


def test_a_damaged_record_is_named_before_anything_is_made(store, made, capsys):
    store.file(spec("long")).write_text("{")
    assert run() == 1 and made.names == []
    assert "t-x: long, seed 0 has no sound record" in capsys.readouterr().err


def test_what_is_left_out_is_told(store, made, capsys, monkeypatch):
    monkeypatch.setattr(catalog, "at_hand", lambda files: files != ["far"])
    monkeypatch.setattr(catalog, "listed", lambda data: ["far"] if away else [])
    away = False
    assert run(minutes=0.5) == 0 and set(made.names) <= {"short", "middling"}
    assert "left out: 2 runs longer than 30.0 s" in capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    away = True
    assert run() == 1
    said = capsys.readouterr()
    assert "4\N{NO-BREAK SPACE}runs whose data are not here; `make data` gets them" in said.out
    assert "MINUTES=1: no run fits" in said.err
    away = False
    part = parts.find("t")
    part.experiments.compared = lambda record: []
    assert run() == 1 and "that hold times alone" in capsys.readouterr().out


def test_only_what_is_kept_is_shown(store, made, monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "somebodys-machine")
    assert run() == 0 and not QUICK.audits.exists()
    assert provenance._audits(repeats.kept(QUICK.audits), records(store)) == []
    assert run("--keep") == 0
    (file,) = QUICK.audits.iterdir()
    text = file.read_text()
    assert "somebodys" not in text and str(paths.ROOT) not in text and str(paths.BUILD) not in text
    found = json.loads(text)
    assert set(found["surroundings"]) == {"threads", "python", "libraries", "commit", "machine"}
    assert found["runs"] and len(found["rows"]) == len(found["runs"]) and isinstance(found["seed"], int)
    assert " cores, " in found["surroundings"]["machine"]


def test_the_report_shows_the_coverage(store):
    audits = [one_audit("longer", "short"), one_audit("longer", machine="B"), one_audit("gone", machine="C")]
    (told,) = provenance._audits(audits, records(store))
    told = told.replace("\N{NO-BREAK SPACE}", " ")
    assert "2 audits on 2 machines covered 50.0% of them and 60.0% of their time: 3 of 3 numbers agree" in told
    assert "others" not in told
    assert provenance._audits([one_audit("short", started="2026-10-01T10:00:00+00:00")], records(store)) == []
