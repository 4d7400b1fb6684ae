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
    """A part of one run, its record, and the stores of the sweeps that were asked to make it anew."""
    monkeypatch.setattr("study.paths.BUILD", tmp_path)
    part = SimpleNamespace(key="t", module=lambda: SimpleNamespace(specs=lambda chosen: [SPEC], **vars(PART.module())))
    monkeypatch.setattr(reproduce.parts, "find", lambda key: part)
    runs.Store(profile.load("quick").records).get(SPEC, lambda spec, scratch: ({"loss": 1.0}, {}))
    asked = []

    def sweep(part, specs, store, executor, threads, kept):
        asked.append((store.load(SPEC) is None, kept))
        (tmp_path / kept).mkdir(exist_ok=True)
        store.get(SPEC, lambda spec, scratch: ({"loss": 1.0}, {}))
        return []

    monkeypatch.setattr(reproduce.sweep, "sweep", sweep)
    return asked


def test_a_finished_reproduction_starts_over_and_an_interrupted_one_goes_on(sweeps, tmp_path):
    arguments = ["--profile", "quick", "--part", "t"]
    assert reproduce.main(arguments) == 0 and sweeps == [(True, reproduce.KEPT)]
    (tmp_path / reproduce.KEPT / "of-the-first").touch()
    assert reproduce.main(arguments) == 0 and sweeps[1][0], "made anew"
    assert not (tmp_path / reproduce.KEPT / "of-the-first").exists()
    (report,) = tmp_path.rglob("report.txt")
    report.unlink()
    assert reproduce.main(arguments) == 0 and not sweeps[2][0], "what was made before the interruption is kept"


def test_runs_that_fail_fail_the_reproduction(sweeps, monkeypatch, capsys):
    monkeypatch.setattr(reproduce.sweep, "sweep", lambda *arguments: ["t-x: ended with 1."])
    assert reproduce.main(["--profile", "quick", "--part", "t"]) == 1
    assert "1\N{NO-BREAK SPACE}run failed" in capsys.readouterr().err
    assert reproduce.main(["--profile", "quick", "--part", "t", "--workers", "0"]) == 1
    assert "WORKERS=0 makes nothing" in capsys.readouterr().err
