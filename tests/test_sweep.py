"""A sweep makes each missing run once, wherever it runs, and a lost worker's run is tried anew."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from study import environment, parts, paths, profile, runs, sweep

PART = parts.find("part2")
QUICK = profile.load("quick")


@pytest.fixture
def build(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    return tmp_path / "build"


@pytest.fixture
def store(tmp_path):
    return runs.Store(tmp_path / "runs")


TRAIN = """
import argparse, json, os
from pathlib import Path
from study import runs
parser = argparse.ArgumentParser()
for name in ("module", "--part", "--store", "--spec"):
    parser.add_argument(name)
given = parser.parse_args()
spec = json.loads(given.spec)
def train(spec, scratch):
    return {"worth": {"part2-stream": 1.0}[spec["task"]], "process": os.getpid()}, {}
runs.Store(Path(given.store)).get(spec, train)
"""


@pytest.fixture
def tiny(monkeypatch):
    """Processes that make a run of nothing in place of `study.train`, which reads and computes for seconds."""
    monkeypatch.setattr(environment, "command", lambda *given: [sys.executable, "-c", TRAIN, *given])


def quick_specs(*models):
    """Runs of the quick profile that need no framework and about a second each."""
    return [s for s in PART.experiments.specs(QUICK) if s["task"] == "part2-stream" and s["model"] in models]


@pytest.mark.parametrize(("text", "seeds"), [("0-3", (0, 1, 2, 3)), ("5", (5,)), ("3,0-1,1", (0, 1, 3))])
def test_seeds_are_written_as_ranges_or_lists(text, seeds):
    assert sweep.seeds_of(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1..3"])
def test_bad_seeds_are_refused(text):
    with pytest.raises(ValueError, match="Write 0-9 or 0,3,5"):
        sweep.seeds_of(text)


def test_other_seeds_change_the_seeds_alone():
    wider = sweep.with_seeds(QUICK, PART, (0, 1, 2))
    old, new = PART.experiments.specs(QUICK), PART.experiments.specs(wider)
    assert {runs.digest(s) for s in old} < {runs.digest(s) for s in new}
    assert {s["seed"] for s in new} == {0, 1, 2}
    with pytest.raises(ValueError, match="part3 has no list of seeds"):
        sweep.with_seeds(QUICK, parts.find("part3"), (0,))


def test_two_at_a_time_each_once(build, store, capsys):
    specs = quick_specs("value", "windowed_gaussian")
    with sweep.workers(2, None) as executor:
        assert sweep.sweep([*specs, specs[0]], store, executor, 1) == []
    made = {s["model"]: store.load(s) for s in specs}
    assert all(made.values()) and made["value"].provenance["threads"] == 1
    with sweep.workers(2, None) as executor:
        assert sweep.sweep(specs, store, executor) == []
    assert "0 of 2 runs to be made" in capsys.readouterr().out
    assert {s["model"]: store.load(s).provenance for s in specs} == {m: r.provenance for m, r in made.items()}


def test_a_record_that_did_not_arrive_is_not_made_again(build, store, tiny):
    (spec,) = quick_specs("value")
    first = sweep.make(spec, sweep.project())
    with sweep.workers(1, None) as executor:
        sweep.sweep([spec], store, executor)
    assert store.load(spec).metrics == first.metrics


def test_a_failed_run_is_told_and_the_others_are_kept(build, store, tiny):
    good, bad = quick_specs("value", "windowed_gaussian")
    bad["task"] = "part2-nonsense"
    with sweep.workers(1, None) as executor:
        (failure,) = sweep.sweep([bad, good], store, executor)
    assert "part2-nonsense: " in failure and "KeyError" in failure
    assert store.load(good) and not store.load(bad)


def test_a_killed_process_is_started_again_and_goes_on(build, tiny, monkeypatch):
    """The child is killed at its first start, as the system does when memory is full."""
    (spec,) = quick_specs("value")
    started = []
    run = subprocess.run

    def kill_first(command, **options):
        if "study.train" not in command:
            return run(command, **options)
        started.append(command)
        if len(started) == 1:
            command = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", kill_first)
    assert sweep.make(spec, sweep.project()).spec == spec
    assert len(started) == 2


def test_other_code_or_other_data_are_refused(build, own_catalog, tmp_path, monkeypatch):
    (spec,) = quick_specs("value")
    monkeypatch.setattr(sweep, "project", lambda: "same")
    with pytest.raises(sweep.RunError, match="value, seed 0, on .*differs from the sweep's.*one commit"):
        sweep.make(spec, "other")
    (tmp_path / "mirror" / "nab").mkdir(parents=True)
    (tmp_path / "mirror" / "nab" / "a.csv").write_text("wrong")
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path / "mirror"))
    own_catalog(
        '[nab]\nbase_url = "https://example.invalid/"\n[nab.files."a.csv"]\npath = "a"\nsize = 3\n'
        f'sha256 = "{"0" * 64}"\n'
    )
    with pytest.raises(sweep.RunError, match="a.csv: wrong content"):
        sweep.make(spec | {"data": ["nab/a.csv"]}, "same")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--part", "none"], "Unknown part 'none'. Choose one of: part1"),
        (["--part", "part2", "--workers", "0"], "WORKERS=0 makes nothing"),
        (["--part", "part2", "--seeds", "x"], "SEEDS=x is no list of seeds"),
    ],
)
def test_bad_settings_are_refused(arguments, said, capsys):
    assert sweep.main(arguments) == 1
    assert said in capsys.readouterr().err


WORKER = """
    import pathlib, subprocess, sys, time
    from study import paths
    paths.BUILD = pathlib.Path(sys.argv[1])
    from distributed.cli.dask_worker import main
    main(sys.argv[2:], standalone_mode=False)
"""


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, processes of their own; (address, workers by name)."""
    distributed = pytest.importorskip("distributed")
    variables = os.environ | {"PYTHONPATH": str(paths.ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    with distributed.LocalCluster(
        n_workers=0, protocol="tcp", host="127.0.0.1", dashboard_address=None, processes=False, silence_logs=50
    ) as local:
        address = local.scheduler_address
        children = {
            name: subprocess.Popen(
                [
                    sys.executable, "-c", textwrap.dedent(WORKER), str(tmp_path / "build" / name), address,
                    "--name", name, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--death-timeout", "60",
                    "--local-directory", str(tmp_path / name),
                ],
                env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for name in ("one", "two")
        }  # fmt: skip
        try:
            yield local, children
        finally:
            for child in children.values():
                child.kill()
                child.wait()


@pytest.mark.slow
def test_a_cluster_of_two_of_which_one_is_killed(cluster, store, build, tmp_path):
    local, children = cluster
    specs = quick_specs("value", "windowed_gaussian", "pca_reconstruction")
    local.wait_for_workers(2, timeout=90)
    with sweep.workers(1, local.scheduler_address) as executor:

        def kill_a_busy_worker():
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                for worker in local.scheduler.workers.values():
                    if worker.processing:
                        os.kill(children[worker.name].pid, signal.SIGKILL)
                        return
                time.sleep(0.02)

        killer = threading.Thread(target=kill_a_busy_worker)
        killer.start()
        failed = sweep.sweep(specs, store, executor)
        killer.join()
    assert failed == []
    assert sorted(child.poll() is None for child in children.values()) == [False, True]
    assert all(store.load(spec) for spec in specs)


def test_a_scheduler_that_is_not_there_is_told(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(sweep, "CONNECTION_SECONDS", 1)
    with pytest.raises(sweep.RunError, match="no Dask scheduler at tcp://127.0.0.1:9.*start it, or set WORKERS"):
        with sweep.workers(1, "tcp://127.0.0.1:9"):
            pass
