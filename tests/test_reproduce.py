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
