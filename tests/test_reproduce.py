"""What is reported of repeated runs: the smoke run's sentence, and the table of reproductions."""

import math
from types import SimpleNamespace

import pytest

from study import parts, profile, repeats, reproduce, runs, sweep
from study.publish import provenance
from study.repeats import Reproduction, Row

SPEC = {"task": "t-x", "model": "m", "data": [], "profile": "quick", "seed": 0, "version": 1}
PART = SimpleNamespace(
    key="t",
    experiments=SimpleNamespace(
        smoke_run=lambda chosen: SPEC, compared=lambda record: [("last_loss", record.metrics["loss"], 0.1)]
    ),
)


@pytest.mark.parametrize(("loss", "found"), [(1.05, "agrees with its record"), (1.2, "DISAGREES with its record")])
def test_smoke_run(tmp_path, monkeypatch, loss, found):
    monkeypatch.setattr(parts, "of", lambda spec: PART)
    chosen = profile.load("quick")
    monkeypatch.setattr("study.paths.BUILD", tmp_path)
    assert "no smoke run" in repeats.smoke_run(PART, chosen)
    runs.Store(chosen.records).get(SPEC, lambda spec, scratch: ({"loss": 1.0}, {}))
    runs.Store(chosen.smoke_runs).get(SPEC, lambda spec, scratch: ({"loss": loss}, {}))
    line = repeats.smoke_run(PART, chosen)
    assert line.startswith("t: ") and found in line and f"last_loss {loss:.2f} (recorded 1.00)" in line


@pytest.fixture
def sweeps(tmp_path, monkeypatch):
    """A part of one run, its record, and what sweeps were asked to repeat; they make a loss of `sweeps.loss`."""
    monkeypatch.setattr("study.paths.BUILD", tmp_path)
    experiments = SimpleNamespace(specs=lambda chosen: [SPEC], **vars(PART.experiments))
    part = SimpleNamespace(key="t", short_title="Part T", experiments=experiments)
    monkeypatch.setattr(parts, "find", lambda key: part)
    runs.Store(profile.load("quick").records).get(SPEC, lambda spec, scratch: ({"loss": 1.0}, {}))
    told = SimpleNamespace(asked=[], loss=1.0)

    def made(specs, store, executor, threads, kept):
        told.asked.append((store.load(SPEC) is None, kept))
        store.get(SPEC, lambda spec, scratch: ({"loss": told.loss}, {}))
        return []

    monkeypatch.setattr(sweep, "sweep", made)
    return told


ARGUMENTS = ["--profile", "quick", "--part", "t"]


def test_a_finished_reproduction_starts_over_and_an_interrupted_one_goes_on(sweeps, tmp_path):
    assert reproduce.main(ARGUMENTS) == 0 and sweeps.asked == [(True, reproduce.KEPT)]
    assert reproduce.main(ARGUMENTS) == 0 and sweeps.asked[1][0], "repeated"
    (report,) = tmp_path.rglob("report-quick-t.txt")
    report.unlink()
    assert reproduce.main(ARGUMENTS) == 0 and not sweeps.asked[2][0], "what was made before the interruption is kept"


def test_runs_of_other_code_are_neither_taken_nor_lost(sweeps, tmp_path, monkeypatch):
    assert reproduce.main(ARGUMENTS) == 0
    (kept,) = (tmp_path / reproduce.KEPT).rglob("*.json")
    monkeypatch.setattr(sweep, "project", lambda: "other code")
    assert reproduce.main(ARGUMENTS) == 0 and sweeps.asked[1][0], "runs of other code do not count as repeated"
    assert kept.exists()


def test_a_number_outside_its_tolerance_fails_the_reproduction(sweeps, tmp_path):
    sweeps.loss = 1.2
    assert reproduce.main(ARGUMENTS) == 1
    (report,) = tmp_path.rglob("report-quick-t.txt")
    assert "DIFFERS" in report.read_text() and "1 numbers compared, 1 outside their tolerance" in report.read_text()


def test_a_run_without_a_record_is_named_before_anything_is_trained(sweeps, capsys):
    runs.Store(profile.load("quick").records).file(SPEC).unlink()
    assert reproduce.main(ARGUMENTS) == 1 and sweeps.asked == []
    assert "t-x: m, seed 0 has no sound record" in capsys.readouterr().err


def test_runs_that_fail_fail_the_reproduction(sweeps, monkeypatch, capsys):
    monkeypatch.setattr(sweep, "sweep", lambda *arguments: ["t-x: ended with 1."])
    assert reproduce.main(ARGUMENTS) == 1
    assert "1\N{NO-BREAK SPACE}run failed" in capsys.readouterr().err
    assert reproduce.main([*ARGUMENTS, "--workers", "0"]) == 1
    assert "WORKERS=0 makes nothing" in capsys.readouterr().err


def test_the_report_shows_repeated_runs(sweeps):
    chosen = profile.load("quick")
    sweeps.loss = 1.05
    assert provenance._reproductions(repeats.kept(chosen.reproductions), set()) == []
    assert reproduce.main([*ARGUMENTS, "--workers", "1"]) == 0
    (shown,) = provenance._reproductions(repeats.kept(chosen.reproductions), {runs.digest(SPEC)})
    shown = shown.replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")
    assert "| Part T, 1 run, 20" in shown and "1 at a time | 1 of 1 |" in shown
    assert "t-x: m, seed 0, last_loss: 1.05 (recorded 1.00 ± 0.100)" in shown
    sweeps.loss = 1.2
    assert reproduce.main(ARGUMENTS) == 1
    (shown,) = provenance._reproductions(repeats.kept(chosen.reproductions), set())
    shown = shown.replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")
    assert "2 at a time | 0 of 1 |" in shown, "the later one takes the place of the earlier one"
    assert "1 run (1 of an earlier version)" in shown


def test_a_reproduction_takes_from_the_first_start_to_the_last_end(tmp_path):
    def made(start, seconds, device):
        where = {"started": start, "wall_seconds": seconds, "device": device, "threads": 2, "python": "3.12.3"}
        return runs.Record(SPEC, {}, {}, where | {"libraries": {}, "commit": "0123abc"})

    day = "2026-11-28T10:00"
    repeated = [made(f"{day}:30+00:00", 60.0, "A GPU"), made(f"{day}:00+00:00", 20.5, "CPU, x86_64")]
    found = repeats.summarised("all", repeated, [Row("t-x: m, seed 0", "loss", 1.0, 1.05, 0.1)], 6)
    assert found.seconds == 90.0 and found.started == "2026-11-28T10:00:00+00:00" and found.device == "A GPU"
    file = found.write(tmp_path)
    assert file.name == "all-a-gpu.json" and Reproduction.read(file) == found


def test_the_number_nearest_to_its_tolerance():
    assert Row("r", "q", 1.0, 1.05, 0.1).share == pytest.approx(0.5)
    assert Row("r", "q", 22, 22, 0.0).share == 0 and Row("r", "q", 22, 23, 0.0).share == math.inf


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"part": "t", "rows": [{}], "runs": []}'])
def test_a_file_that_is_no_reproduction_is_named(tmp_path, monkeypatch, content):
    monkeypatch.setattr("study.paths.BUILD", tmp_path)
    folder = profile.load("quick").reproductions
    folder.mkdir(parents=True)
    (folder / "bonus-x.json").write_text(content)
    with pytest.raises(ValueError, match=r"bonus-x\.json holds no repeated runs"):
        repeats.kept(folder)
