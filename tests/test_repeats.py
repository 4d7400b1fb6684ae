"""Runs made again: a reproduction makes all, an audit draws some; each finds those that come out otherwise."""

import hashlib
import json
import math
import platform
from collections import Counter
from types import SimpleNamespace

import pytest

from study import audit, catalog, parts, paths, profile, repeats, reproduce, runs, sweep
from study.publish import provenance
from study.repeats import Reproduction, Row

QUICK = profile.load("quick")
SECONDS = {"short": 10.0, "middling": 20.0, "long": 40.0, "longer": 80.0}


def spec(name):
    return {"task": "t-x", "model": name, "data": [], "profile": "quick", "seed": 0, "version": 1}


def record_of(name, seconds, started="2026-11-01T10:00:00+00:00", device="CPU, x86_64, Linux"):
    where = {"device": device, "threads": 1, "python": "3.12.3", "libraries": {}, "commit": "0123abc", "data": {}}
    return runs.Record(spec(name), {"loss": 1.0}, {}, {"started": started, "wall_seconds": seconds} | where)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A part of four records of a loss of 1 and the times SECONDS."""
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(sweep, "project", lambda: "code")
    experiments = SimpleNamespace(
        specs=lambda chosen: [spec(name) for name in SECONDS],
        smoke_run=lambda chosen: spec("short"),
        compared=lambda record: [("loss", record.metrics["loss"], 0.1)],
    )
    part = SimpleNamespace(key="t", short_title="Part T", experiments=experiments)
    monkeypatch.setattr(parts, "find", lambda key: part)
    found = runs.Store(QUICK.records)
    for name, seconds in SECONDS.items():
        found._write(record_of(name, seconds))
    return found


@pytest.fixture
def made(store, monkeypatch):
    """Runs are made of `made.loss`, and noted; a kill comes when none are `left`."""
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


def run(*more, verb=audit, minutes=1.0):
    minutes = ["--minutes", str(minutes)] if verb is audit else []
    return verb.main(["--profile", "quick", "--part", "t", "--workers", "1", *minutes, *more])


def records(store):
    return [store.load(spec(name)) for name in SECONDS]


def plain(text):
    return text.replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(("loss", "found"), [(1.05, "agrees with its record"), (1.2, "DISAGREES with its record")])
def test_smoke_run(store, loss, found):
    part = parts.find("t")
    assert "no smoke run" in repeats.smoke_run(part, QUICK)
    runs.Store(QUICK.smoke_runs).get(spec("short"), lambda spec, scratch: ({"loss": loss}, {}))
    line = repeats.smoke_run(part, QUICK)
    assert line.startswith("t: ") and found in line and f"loss {loss:.2f} (recorded 1.00)" in line


# Reproduction


def test_a_finished_reproduction_starts_over_and_an_interrupted_one_goes_on(made):
    for times in (1, 2):
        assert run(verb=reproduce) == 0 and made.names == [*SECONDS] * times
    made.left = 3
    with pytest.raises(KeyboardInterrupt):
        run(verb=reproduce)
    made.left = 99
    assert run(verb=reproduce) == 0 and made.names == [*SECONDS] * 3, "what was made before the interruption is kept"


def test_runs_of_other_code_are_neither_taken_nor_lost(made, tmp_path, monkeypatch):
    assert run(verb=reproduce) == 0
    kept = [*(tmp_path / reproduce.KEPT).rglob("t-x/*.json")]
    monkeypatch.setattr(sweep, "project", lambda: "other code")
    assert run(verb=reproduce) == 0 and made.names == [*SECONDS] * 2
    assert len(kept) == 4 and all(file.exists() for file in kept)


def test_a_number_outside_its_tolerance_fails_the_reproduction(made, capsys):
    made.loss = 1.2
    assert run(verb=reproduce) == 1
    told = capsys.readouterr().out
    assert told.count("DIFFERS") == 4 and "4 numbers compared, 4 outside their tolerance" in told


@pytest.mark.parametrize("verb", [reproduce, audit])
@pytest.mark.parametrize("harm", [lambda file: file.unlink(), lambda file: file.write_text("{")])
def test_a_run_without_a_sound_record_is_named_before_anything_is_made(store, made, capsys, verb, harm):
    harm(store.file(spec("long")))
    assert run(verb=verb) == 1 and made.names == []
    assert "t-x: long, seed 0 has no sound record" in capsys.readouterr().err


def test_runs_that_fail_fail_the_reproduction(store, monkeypatch, capsys):
    monkeypatch.setattr(sweep, "sweep", lambda *arguments: ["t-x: ended with 1."])
    assert run(verb=reproduce) == 1
    assert "1\N{NO-BREAK SPACE}run failed" in capsys.readouterr().err
    assert run("--workers", "0", verb=reproduce) == 1
    assert "WORKERS=0 makes nothing" in capsys.readouterr().err


def test_the_report_shows_repeated_runs(store, made):
    assert provenance._reproductions(repeats.kept(QUICK.reproductions), set()) == []
    assert run(verb=reproduce) == 0
    known = {runs.digest(record.spec) for record in records(store)}
    (shown,) = provenance._reproductions(repeats.kept(QUICK.reproductions), known)
    shown = plain(shown)
    assert "| Part T, 4 runs, 20" in shown and "1 at a time | 4 of 4 |" in shown
    assert "t-x: short, seed 0, loss: 1.05 (recorded 1.00 ± 0.100)" in shown
    made.loss = 1.2
    assert run("--workers", "2", verb=reproduce) == 1
    assert provenance._reproductions(repeats.kept(QUICK.reproductions), set()) == [], "none is of this report"
    (shown,) = provenance._reproductions(repeats.kept(QUICK.reproductions), {min(known)})
    assert "2 at a time | 0 of 4 |" in plain(shown), "the later one takes the place of the earlier one"
    assert "4 runs (3 of an earlier version)" in plain(shown)


def test_a_reproduction_takes_from_the_first_start_to_the_last_end(tmp_path):
    day = "2026-11-28T10:00"
    repeated = [
        record_of("m", 60.0, f"{day}:30+00:00", "A GPU"), record_of("m", 20.5, f"{day}:00+00:00", "CPU, x86_64")
    ]  # fmt: skip
    found = repeats.summarised("all", repeated, [Row("t-x: m, seed 0", "loss", 1.0, 1.05, 0.1)], 6)
    assert found.seconds == 90.0 and found.started == "2026-11-28T10:00:00+00:00" and found.device == "A GPU"
    file = found.write(tmp_path)
    assert file.name == "all-a-gpu.json" and Reproduction.read(file) == found


def test_the_number_nearest_to_its_tolerance():
    assert not Row("r", "q", 1.0, 0.8, 0.1).agrees  # below, too
    assert Row("r", "q", 0.3, 0.4, 0.1).agrees  # though 0.4 - 0.3 is a little more in binary
    assert Row("r", "q", 1.0, 1.05, 0.1).share == pytest.approx(0.5)
    assert Row("r", "q", 22, 22, 0.0).share == 0 and Row("r", "q", 22, 23, 0.0).share == math.inf


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"part": "t", "rows": [{}], "runs": []}'])
def test_a_file_that_is_no_reproduction_is_named(tmp_path, content):
    (tmp_path / "bonus-x.json").write_text(content)
    with pytest.raises(ValueError, match=r"bonus-x\.json holds no repeated runs"):
        repeats.kept(tmp_path)


# Audit


def names(drawn):
    return [record.spec["model"] for record in drawn]


def one_audit(*drawn, started="2026-11-02T10:00:00+00:00", machine="A"):
    digests = tuple(runs.digest(spec(name)) for name in drawn)
    rows = tuple(Row(runs.label(spec(name)), "loss", 1.0, 1.0, 0.1) for name in drawn)
    return Reproduction("audit", "CPU", 1, started, 60.0, digests, {"machine": machine}, rows, 1)


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


def test_every_records_turn_comes(made):
    assert run("--seed", "1", minutes=1.5) == 0 and set(made.names) < set(SECONDS)
    assert run("--seed", "1", minutes=1.5) == 0 and set(made.names) == set(SECONDS), "by the same throws"


def seed_told(capsys):
    return capsys.readouterr().out.partition("SEED=")[2].split()[0]


def test_the_seed_is_printed_and_draws_the_same(made, capsys):
    assert run() == 0
    seed = seed_told(capsys)
    drawn, made.names = made.names, []
    for file in (paths.BUILD / "audits").iterdir():
        file.unlink()
    assert run("--seed", seed) == 0
    assert made.names == drawn, "made again, and not taken from the first audit"
    assert seed_told(capsys) == seed


def test_a_killed_audit_goes_on_with_its_draw(made, capsys):
    made.left = 1
    with pytest.raises(KeyboardInterrupt):
        run(minutes=4)
    seed = seed_told(capsys)
    made.left = 99
    assert run(minutes=4) == 0
    assert f"SEED={seed} draws 4 of" in capsys.readouterr().out
    assert sorted(made.names) == sorted(SECONDS), "each once"
    assert run(minutes=4) == 0 and len(made.names) == 8, "an audit that has ended is over"


def test_a_false_record_is_found_when_it_is_drawn(store, made, capsys):
    file = store.file(spec("long"))  # gets another number, and digests that fit it
    content = json.loads(file.read_text()) | {"metrics": {"loss": 0.8}}
    del content["sha256"]
    content["sha256"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    file.write_text(json.dumps(content))
    assert run("--keep", minutes=4) == 1
    out = capsys.readouterr().out
    (differs,) = (line for line in out.splitlines() if "DIFFERS" in line)
    assert "t-x: long, seed 0" in differs and "4 numbers compared, 1 outside their tolerance" in out
    (told,) = provenance._audits(repeats.kept(QUICK.audits), records(store))
    assert "3 of 4" in told and "1.05 (recorded 0.800 ± 0.100)" in plain(told)


def test_what_is_left_out_is_told(made, capsys, monkeypatch):
    monkeypatch.setattr(catalog, "at_hand", lambda files: files != ["far"])
    monkeypatch.setattr(catalog, "listed", lambda data: ["far"] if away else [])
    away = False
    assert run(minutes=0.5) == 0 and set(made.names) <= {"short", "middling"}
    assert "left out: 2 runs longer than 30.0 s" in plain(capsys.readouterr().out)
    away = True
    assert run() == 1
    said = capsys.readouterr()
    assert "4 runs whose data are not here; `make data` gets them" in plain(said.out)
    assert "MINUTES=1: no run fits" in said.err
    away = False
    parts.find("t").experiments.compared = lambda record: []
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
    assert "2 audits on 2 machines covered 50.0% of them and 60.0% of their time: 3 of 3 numbers agree" in plain(told)
    assert "others" not in told
    assert provenance._audits([one_audit("short", started="2026-10-01T10:00:00+00:00")], records(store)) == []
