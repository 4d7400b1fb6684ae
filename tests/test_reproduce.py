"""The sentinel's sentence says what the comparison found."""

from types import SimpleNamespace

import pytest

from study import profile, reproduce, runs

SPEC = {"task": "t-x", "model": "m", "data": [], "profile": "quick", "seed": 0, "version": 1}
PART = SimpleNamespace(
    module=lambda: SimpleNamespace(
        sentinel=lambda chosen: SPEC, compared=lambda record: [("last_loss", record.metrics["loss"], 0.1)]
    )
)


@pytest.mark.parametrize(("anew", "said"), [(1.05, "the result agrees"), (1.2, "the result **DISAGREES**")])
def test_told_again(tmp_path, monkeypatch, anew, said):
    chosen = profile.load("quick")
    monkeypatch.setattr("study.paths.BUILD", tmp_path)
    assert "not made here" in reproduce.told_again(PART, chosen, "a model was trained")
    runs.Store(chosen.records).get(SPEC, lambda spec, scratch: ({"loss": 1.0}, {}))
    runs.Store(chosen.sentinels).get(SPEC, lambda spec, scratch: ({"loss": anew}, {}))
    sentence = reproduce.told_again(PART, chosen, "a model was trained")
    assert "a model was trained again" in sentence and said in sentence
    assert f"last loss {anew:.2f} (recorded 1.00)" in sentence


@pytest.fixture
def sweeps(tmp_path, monkeypatch):
    """A part of one run, its record, and what sweeps were asked to make anew; they make a loss of `sweeps.loss`."""
    monkeypatch.setattr("study.paths.BUILD", tmp_path)
    part = SimpleNamespace(key="t", module=lambda: SimpleNamespace(specs=lambda chosen: [SPEC], **vars(PART.module())))
    monkeypatch.setattr(reproduce.parts, "find", lambda key: part)
    runs.Store(profile.load("quick").records).get(SPEC, lambda spec, scratch: ({"loss": 1.0}, {}))
    told = SimpleNamespace(asked=[], loss=1.0)

    def sweep(part, specs, store, executor, threads, kept):
        told.asked.append((store.load(SPEC) is None, kept))
        store.get(SPEC, lambda spec, scratch: ({"loss": told.loss}, {}))
        return []

    monkeypatch.setattr(reproduce.sweep, "sweep", sweep)
    return told


ARGUMENTS = ["--profile", "quick", "--part", "t"]


def test_a_finished_reproduction_starts_over_and_an_interrupted_one_goes_on(sweeps, tmp_path):
    assert reproduce.main(ARGUMENTS) == 0 and sweeps.asked == [(True, reproduce.KEPT)]
    assert reproduce.main(ARGUMENTS) == 0 and sweeps.asked[1][0], "made anew"
    (report,) = tmp_path.rglob("report-quick-t.txt")
    report.unlink()
    assert reproduce.main(ARGUMENTS) == 0 and not sweeps.asked[2][0], "what was made before the interruption is kept"


def test_runs_of_other_code_are_neither_taken_nor_lost(sweeps, tmp_path, monkeypatch):
    assert reproduce.main(ARGUMENTS) == 0
    (kept,) = (tmp_path / reproduce.KEPT).rglob("*.json")
    monkeypatch.setattr(reproduce.sweep, "project", lambda: "other code")
    assert reproduce.main(ARGUMENTS) == 0 and sweeps.asked[1][0], "runs of other code do not count as made anew"
    assert kept.exists()


def test_a_number_outside_its_tolerance_fails_the_reproduction(sweeps, tmp_path):
    sweeps.loss = 1.2
    assert reproduce.main(ARGUMENTS) == 1
    (report,) = tmp_path.rglob("report-quick-t.txt")
    assert "DIFFERS" in report.read_text() and "1 numbers compared, 1 outside their tolerance" in report.read_text()


def test_a_run_without_a_record_is_told_before_anything_is_trained(sweeps, capsys):
    runs.Store(profile.load("quick").records).file(SPEC).unlink()
    assert reproduce.main(ARGUMENTS) == 1 and sweeps.asked == []
    assert "t-x: m, seed 0 has no record" in capsys.readouterr().err


def test_runs_that_fail_fail_the_reproduction(sweeps, monkeypatch, capsys):
    monkeypatch.setattr(reproduce.sweep, "sweep", lambda *arguments: ["t-x: ended with 1."])
    assert reproduce.main(ARGUMENTS) == 1
    assert "1\N{NO-BREAK SPACE}run failed" in capsys.readouterr().err
    assert reproduce.main([*ARGUMENTS, "--workers", "0"]) == 1
    assert "WORKERS=0 makes nothing" in capsys.readouterr().err
