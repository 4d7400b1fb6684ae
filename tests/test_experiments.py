"""The experiments of every part: their runs, and that each has what makes it."""

import ast
from dataclasses import replace
from types import SimpleNamespace

import pytest

from study import paths, profile
from study.experiments import Experiment, Experiments, Run
from study.parts import PARTS
from study.runs import Record, canonical

EACH = pytest.mark.parametrize("part", PARTS, ids=lambda part: part.key)


@EACH
@pytest.mark.parametrize("name", ["quick", "full"])
def test_runs_are_distinct_and_the_smoke_run_is_one_of_them(part, name):
    chosen = profile.load(name)
    specs = part.experiments.specs(chosen)
    assert len({canonical(spec) for spec in specs}) == len(specs) > 3
    assert all(spec["task"].startswith(part.tasks) for spec in specs)
    assert part.experiments.smoke_run(chosen) in specs
    assert len(specs[0]["data"]) >= (part.key in ("part2", "part4", "bonus"))


@EACH
def test_each_experiment_names_a_function_that_makes_its_runs(part):
    file = paths.ROOT.joinpath(*part.experiments.trainings.split(".")).with_suffix(".py")
    functions = {
        one.name for one in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(one, ast.FunctionDef)
    }
    assert {row.train for row in part.experiments.rows} <= functions
    assert len({row.task for row in part.experiments.rows}) == len(part.experiments.rows)


def shown(**changes):
    row = Experiment(
        "part1-toy", 7, "train_toy", lambda sizes: [Run("a", 1, {"x": sizes.epochs}), Run("b", data=("f",))]
    )
    found = Experiments(
        "part1", "a_module", (row,), "part1-toy", definition=lambda spec: "0" * 12 if spec["model"] == "a" else None,
        data=lambda profile, names: [f"{profile.data}/{name}" for name in names],
        settings=lambda profile: {"x": 1, "y": 2},
    )  # fmt: skip
    return replace(found, **changes)


def test_a_spec_holds_what_is_shared_and_what_is_the_run_s_own():
    quick = profile.load("quick")
    first, second = shown().specs(quick)
    assert first == {
        "task": "part1-toy", "model": "a", "data": [], "profile": "quick", "seed": 1, "version": 7,
        "settings": {"x": quick.part1.epochs, "y": 2}, "definition": "0" * 12,
    }  # fmt: skip
    assert second["data"] == ["synthetic/f"] and second["settings"] == {"x": 1, "y": 2} and "definition" not in second
    assert shown().smoke_run(quick) == first
    only_real = (replace(shown().rows[0], real=True),)
    assert shown(rows=only_real).specs(quick) == []
    assert len(shown(rows=only_real).specs(replace(quick, data="real"))) == 2


def test_a_run_is_made_by_the_function_of_its_experiment(tmp_path, monkeypatch):
    made = SimpleNamespace(train_toy=lambda spec, scratch: ({"spec": spec, "scratch": scratch}, {}))
    monkeypatch.setattr("study.experiments.importlib.import_module", {"a_module": made}.get)
    _, spec = shown().specs(profile.load("quick"))
    assert shown().train(spec, tmp_path) == ({"spec": spec, "scratch": tmp_path}, {})
    with pytest.raises(ValueError, match="asked for with the definition None, but the model here has 0000"):
        shown().train(spec | {"model": "a"}, tmp_path)
    with pytest.raises(KeyError, match="part1-other"):
        shown().train(spec | {"task": "part1-other"}, tmp_path)


def test_a_repetition_is_compared_by_its_experiment():
    row = replace(shown().rows[0], compared=lambda record: [("loss", record.metrics["loss"], 0.5)])
    record = Record({"task": "part1-toy"}, {"loss": 3.0}, {}, {})
    assert shown().compared(record) == []
    assert shown(rows=(row,)).compared(record) == [("loss", 3.0, 0.5)]
