"""A sweep makes each missing run once, wherever it runs, and a lost worker's run is tried anew."""

import contextlib
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from study import environment, parts, paths, profile, runs, sweep

PART = parts.find("part2")
QUICK = profile.load("quick")
REPOSITORY = paths.ROOT
STREAM = ("value", "windowed_gaussian", "pca_reconstruction", "isolation_forest", "sub_pca", "poly")


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
for name in ("--part", "--store", "--spec"):
    parser.add_argument(name)
given, _ = parser.parse_known_args()
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


def test_two_at_a_time_each_once(build, store, tiny, capsys):
    specs = quick_specs("value", "windowed_gaussian")
    with sweep.workers(2, None) as executor:
        assert sweep.sweep([*specs, specs[0]], store, executor, 3) == []
    made = {s["model"]: store.load(s) for s in specs}
    assert all(made.values()) and made["value"].provenance["threads"] == 3
    with sweep.workers(2, None) as executor:
        assert sweep.sweep(specs, store, executor) == []
    assert "0\N{NO-BREAK SPACE}runs to be made" in capsys.readouterr().out
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


def test_other_code_data_or_libraries_keep_a_machine_from_making_a_sweeps_runs(build, own_catalog, monkeypatch):
    (spec,) = quick_specs("value")
    own_catalog('[nab]\nbase_url = "https://example.invalid/"\n')
    monkeypatch.setattr(sweep, "project", lambda: "same")
    with pytest.raises(sweep.RunError, match="value, seed 0, on .*differs from the sweep's.*one commit"):
        sweep.make(spec, "other")
    with pytest.raises(sweep.RunError, match="value, seed 0, on .*'nab/gone.csv' isn't in"):
        sweep.make(spec | {"data": ["nab/gone.csv"]}, "same")
    here = runs.surroundings()["libraries"]
    assert sweep.differences("same", here, []) == [f"{platform.node()}, {paths.ROOT}"]
    _, code, data, libraries = sweep.differences("other", here | {"numpy": "0.1"}, ["nab/gone.csv"])
    assert (
        "differs from the sweep's" in code
        and "'nab/gone.csv'" in data
        and f"numpy {here['numpy']} for 0.1" in libraries
    )


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


def checkout(folder):
    """A checkout of its own, whose runs take no time; another commit if it is called `changed`."""
    ignored = shutil.ignore_patterns("__pycache__", "*.ipynb", "raw")
    for name in ("study", "notebooks", "data"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)
    (folder / "study" / "train.py").write_text(TRAIN.replace("1.0", "2.0") if folder.name == "changed" else TRAIN)
    return folder


def sweep_from(folder, monkeypatch):
    """Have this process sweep from another checkout."""
    for name in ("STUDY", "NOTEBOOKS", "CATALOG", "ROOT"):
        monkeypatch.setattr(paths, name, folder / getattr(paths, name).relative_to(paths.ROOT))


@pytest.fixture
def start(tmp_path):
    """Starts a scheduler or a worker, in a process group and a checkout of its own."""
    pytest.importorskip("distributed")
    children = {}

    def begin(name, program, *arguments):
        command = [sys.executable, "-I", "-X", "utf8", "study/environment.py", f"distributed.cli.dask_{program}"]
        folder = checkout(tmp_path / name)
        children[name] = subprocess.Popen(
            [*command, *arguments, "--no-dashboard"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        return folder

    begin.kill = lambda name: os.killpg(children[name].pid, signal.SIGKILL)
    yield begin
    for name, child in children.items():
        with contextlib.suppress(ProcessLookupError):
            begin.kill(name)
        child.wait()


@pytest.fixture
def scheduler(start, monkeypatch):
    """The address of a scheduler, in whose checkout the sweep is started, too."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sweep_from(start("scheduler", "scheduler", "--host", "127.0.0.1", "--port", str(port)), monkeypatch)
    return f"tcp://127.0.0.1:{port}"


def workers_of(start, scheduler, *names):
    """Workers of those names, connected to the scheduler; their checkouts."""
    distributed = pytest.importorskip("distributed")
    checkouts = [
        start(name, "worker", scheduler, "--no-nanny", "--nthreads", "1", "--local-directory", "build")
        for name in names
    ]
    with distributed.Client(scheduler, timeout=90) as client:
        client.wait_for_workers(len(names), timeout=90)
    return checkouts


def when(ready, act):
    """A thread that acts as soon as something is so."""

    def wait():
        deadline = time.monotonic() + 120
        while not ready() and time.monotonic() < deadline:
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def made_in(folder):
    return {file.stem.rpartition("-")[2] for file in folder.rglob("part2-*/*.json")}


@pytest.mark.slow
def test_a_cluster_of_which_one_is_killed_after_its_first_record_and_one_is_of_another_commit(
    start, scheduler, store, build, capfd, monkeypatch
):
    one, two, changed = workers_of(start, scheduler, "one", "two", "changed")
    specs = quick_specs(*STREAM)
    finished = set()

    def kill():
        finished.update(made_in(store.folder) & made_in(one))
        start.kill("one")

    with sweep.workers(1, scheduler) as executor:
        killer = when(lambda: made_in(store.folder) & made_in(one), kill)
        assert sweep.sweep(specs, store, executor) == []
    killer.join()
    assert finished and not finished & made_in(two), "what has arrived is not made again"
    assert made_in(store.folder) == {runs.digest(spec) for spec in specs}
    assert not made_in(changed)
    said = capfd.readouterr().err
    assert (
        f"left out: {platform.node()}, {changed}: its code, a model or data/catalog.toml differs from the sweep's"
        in said
    )
    assert said.count("left out: ") == 1

    start.kill("two")  # and none that matches is left
    monkeypatch.setattr(sweep, "CONNECTION_SECONDS", 20)
    with pytest.raises(OSError, match="no worker of the scheduler at .* matches this checkout"):
        with sweep.workers(1, scheduler):
            pass


@pytest.mark.slow
def test_a_scheduler_that_is_killed_is_named(start, scheduler, store, build, capfd):
    workers_of(start, scheduler, "one")
    killer = when(lambda: made_in(store.folder), lambda: start.kill("scheduler"))
    specs = quick_specs(*STREAM)
    with pytest.raises(OSError, match=f"the scheduler at {scheduler} was lost; start it again"):
        with sweep.workers(1, scheduler) as executor:
            sweep.check(sweep.sweep(specs, store, executor))
    killer.join()
    said = capfd.readouterr().err
    assert "Traceback" not in said and "error: " not in said


SBATCH = """#!/usr/bin/env bash
cp "$1" {folder}/job
setsid bash {folder}/job > {folder}/log 2>&1 < /dev/null &
echo "Submitted batch job $!"
"""
SCANCEL = "#!/usr/bin/env bash\nkill -9 -- -$1\n"


@pytest.mark.slow
def test_the_lines_for_slurm(tmp_path, store, build, monkeypatch):
    """They start workers by `sbatch`, here one that starts the job at once, and the sweep uses them."""
    pytest.importorskip("dask_jobqueue")
    folder, programs = checkout(tmp_path / "shared"), tmp_path / "programs"
    programs.mkdir()
    for name, content in (("sbatch", SBATCH.format(folder=tmp_path)), ("scancel", SCANCEL)):
        (programs / name).write_text(content)
        (programs / name).chmod(0o755)
    (lines,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "CONTRIBUTING.md").read_text(), flags=re.S)
    for given, fewer in (("jobs=5", "jobs=1"), ("cores=4, processes=4", "cores=2, processes=2")):
        assert given in lines
        lines = lines.replace(given, fewer)
    (folder / "lines.py").write_text(lines)
    here = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "DASK_JOBQUEUE__SLURM__SCHEDULER_OPTIONS": "{'host': '127.0.0.1', 'dashboard': False}",
    }
    sweep_from(folder, monkeypatch)
    monkeypatch.setattr(sweep, "CONNECTION_SECONDS", 150)
    with subprocess.Popen(
        [sys.executable, "lines.py"],
        cwd=folder, env=os.environ | here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as cluster:  # fmt: skip
        try:
            told = cluster.stdout.readline().strip()
            assert told.startswith("make sweep PART=part4 SEEDS=0-4 SCHEDULER=tcp://127.0.0.1:")
            with sweep.workers(1, told.partition("SCHEDULER=")[2]) as executor:
                assert sweep.sweep(quick_specs("value", "poly"), store, executor) == []
        finally:
            cluster.communicate("\n", timeout=120)
    assert len(made_in(store.folder)) == 2 and made_in(folder / "build") == made_in(store.folder)
    job = (tmp_path / "job").read_text()
    assert "#SBATCH -t 08:00:00" in job and "--nworkers 2" in job and "--nthreads 1" in job


def test_a_scheduler_that_is_not_there_is_told(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(sweep, "CONNECTION_SECONDS", 1)
    with pytest.raises(OSError, match="no Dask scheduler at tcp://127.0.0.1:9.*start it, or set WORKERS"):
        with sweep.workers(1, "tcp://127.0.0.1:9"):
            pass
