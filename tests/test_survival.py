"""Faults are injected: kills at chosen and at random moments, two at once, no room, no right to write, wrong clocks.

Afterwards the same command is said again: no damaged file is taken for a good one, nothing finished is repeated, and
the numbers are those of an undisturbed run.
"""

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from study import catalog, files, parts, paths, profile, runs

CONTENT = b"timestamp,value\n" + b"2015-02-26 21:42:53,104\n" * 50


def start(program, *arguments, **options):
    """A Python program in a process group of its own, without output."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        cwd=paths.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, **options,
    )  # fmt: skip


def kill_when(child, condition, seconds=300, end=signal.SIGKILL):
    """Send a signal, kill -9 if no other, as soon as the condition holds; fails if the child ends before."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert child.poll() is None and time.monotonic() < deadline, "the moment never came"
        time.sleep(0.005)
    # As a terminal does: of an interruption the whole group learns.
    (os.killpg if end == signal.SIGINT else os.kill)(child.pid, end)
    child.wait()


# Download


DOWNLOAD = """
    import pathlib, sys, time
    import pooch
    from study import catalog, paths
    folder, content = pathlib.Path(sys.argv[1]), bytes.fromhex(sys.argv[2])
    paths.RAW, paths.BUILD, paths.CATALOG = folder / "raw", folder / "build", folder / "catalog.toml"
    paths.DEFAULT_MIRROR = folder / "none"
    class Slow:
        def __init__(self, **options): ...
        def __call__(self, url, output, store):
            with open(output, "wb") as stream:
                for i in range(0, len(content), 300):
                    stream.write(content[i:i + 300])
                    stream.flush()
                    time.sleep(float(sys.argv[3]))
    pooch.HTTPDownloader = Slow
    catalog.fetch("demo/a.csv")
"""


@pytest.mark.slow
def test_a_killed_download_leaves_nothing_that_is_taken_for_data(own_catalog, tmp_path):
    digest = hashlib.sha256(CONTENT).hexdigest()
    own_catalog(
        f'[demo]\nbase_url = "https://example.invalid/"\n[demo.files."a.csv"]\npath = "a.csv"\n'
        f'size = {len(CONTENT)}\nsha256 = "{digest}"\n'
    )
    written = lambda: any(p.is_file() and p.stat().st_size > 300 for p in paths.RAW.rglob("*"))  # noqa: E731
    kill_when(start(DOWNLOAD, tmp_path, CONTENT.hex(), 0.5), written)
    assert not catalog.at_hand(["demo/a.csv"]) and written()
    two = [start(DOWNLOAD, tmp_path, CONTENT.hex(), 0.01) for _ in range(2)]
    assert [child.wait(60) for child in two] == [0, 0]
    assert [p for p in paths.RAW.rglob("*") if p.is_file()] == [catalog.fetch("demo/a.csv")]


# Training


EPOCHS = 40
HOSTILE = '<script>alert(1)</script> #import "x": *'
STEPS = f"""
import json, pathlib, sys, time
from types import SimpleNamespace
import numpy as np
from study import files, paths, runs

def train(spec, scratch):
    state = files.kept_state(scratch / "state")
    losses = json.loads(state) if state else []
    for epoch in range(len(losses), {EPOCHS}):
        time.sleep(0.01)
        losses.append(float(np.random.default_rng([spec["seed"], epoch]).random()))
        files.keep_state(scratch / "state", json.dumps(losses).encode())
        with (paths.BUILD / "epochs").open("a") as log:
            log.write("x")
    return {{"loss": losses[-1], "text": {HOSTILE!r}}}, {{"history": np.array(losses)}}
"""
TRAIN = (
    STEPS
    + """
paths.BUILD = pathlib.Path(sys.argv[1])
runs.Store(paths.BUILD / "runs").get(json.loads(sys.argv[2]), train)
"""
)
SPEC = {"task": "toy-task", "model": "toy", "data": [], "profile": "quick", "seed": 3, "version": 1}


def is_undisturbed(folder):
    """Whether the record holds the losses of an undisturbed run."""
    found = runs.Store(folder / "runs").load(SPEC).arrays["history"].tolist()
    return found == [float(np.random.default_rng([3, epoch]).random()) for epoch in range(EPOCHS)]


@pytest.mark.slow
def test_a_training_killed_at_random_moments_ends_at_the_same_numbers(tmp_path):
    store, log = runs.Store(tmp_path / "runs"), tmp_path / "epochs"
    log.touch()
    moments, kills = random.Random(7), 0
    while store.load(SPEC) is None and kills < 4:
        done = log.stat().st_size
        child = start(TRAIN, tmp_path, json.dumps(SPEC))
        pause = moments.uniform(0, 0.12)
        while log.stat().st_size == done and child.poll() is None:
            time.sleep(0.002)
        time.sleep(pause)
        child.kill()
        child.wait()
        kills += 1
    two = [start(TRAIN, tmp_path, json.dumps(SPEC)) for _ in range(2)]  # and two at once
    assert [child.wait(60) for child in two] == [0, 0]
    assert is_undisturbed(tmp_path)
    # A kill repeats one epoch at most, the one whose state it interrupted, or leaves the last one out of the log.
    assert EPOCHS - kills <= log.stat().st_size <= EPOCHS + kills
    assert not list((tmp_path / "scratch").iterdir())


def test_a_full_disk_is_told_and_loses_nothing(tmp_path):
    """The largest file that the process may write is smaller than the record."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))  # noqa: E731
    command = [sys.executable, "-c", textwrap.dedent(TRAIN), str(tmp_path), json.dumps(SPEC)]
    done = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, preexec_fn=limit)
    assert done.returncode != 0
    assert "can't write the file: File too large" in done.stderr and "run the same command again" in done.stderr
    assert not [p for p in tmp_path.rglob(".*")]
    assert 1 < (tmp_path / "epochs").stat().st_size < EPOCHS
    assert start(TRAIN, tmp_path, json.dumps(SPEC)).wait(60) == 0
    assert is_undisturbed(tmp_path)
    assert (tmp_path / "epochs").stat().st_size <= EPOCHS + 1


def test_a_changed_byte_of_a_state_is_noticed(tmp_path):
    file = tmp_path / "state"
    files.keep_state(file, CONTENT)
    sound = file.read_bytes()
    for place in (0, 31, 32, len(sound) - 1):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        with pytest.raises(ValueError, match="not the state of a training .*Delete it"):
            files.kept_state(file)
    file.write_bytes(sound[:20])
    with pytest.raises(ValueError, match="not the state of a training"):
        files.kept_state(file)


RUN = """
    import json, pathlib, sys
    from study import paths
    paths.BUILD = pathlib.Path(sys.argv[1])
    from study import train
    sys.exit(train.main(["--part", sys.argv[2], "--store", sys.argv[1] + "/runs", "--spec", sys.argv[3]]))
"""


def without_times(record):
    arrays = {name: a.tolist() for name, a in record.arrays.items() if "seconds" not in name}
    return {name: m for name, m in record.metrics.items() if "second" not in name}, arrays


def trained(folder, part, task, model):
    """A process that makes a run of the quick profile, and where its record will be: (child, store, spec)."""
    specs = parts.find(part).experiments.specs(profile.load("quick"))
    spec = next(s for s in specs if (s["task"], s["model"]) == (task, model))
    child = start(RUN, folder, part, json.dumps(spec), env=os.environ | {"OMP_NUM_THREADS": "1"})
    return child, runs.Store(folder / "runs"), spec


@pytest.mark.slow
def test_pytorch_same_machine_same_seed_same_numbers_killed_or_not(tmp_path):
    """One process undisturbed, one killed after its first epoch and started again."""
    dropout = ("part4", "part4-variants", "dropout")
    killed, store, spec = trained(tmp_path / "killed", *dropout)
    undisturbed, beside, _ = trained(tmp_path / "undisturbed", *dropout)
    kill_when(killed, lambda: any((tmp_path / "killed").rglob("state.pt")))
    assert store.load(spec) is None, "the kill came too late to show anything"
    again, _, _ = trained(tmp_path / "killed", *dropout)
    assert [undisturbed.wait(240), again.wait(240)] == [0, 0]
    first, second = without_times(beside.load(spec)), without_times(store.load(spec))
    assert first == second and len(first[1]) > 1


# Records


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("records")


@pytest.fixture(scope="module")
def sound(place):
    store = runs.Store(place / "sound")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "BUILD", place / "build")
        store.get(SPEC, lambda given, scratch: ({"loss": [0.5, 1e-7], "text": "ä"}, {"x": np.arange(50.0)}))
    return store, {s: store.file(SPEC).with_suffix(s).read_bytes() for s in (".json", ".npz")}


@given(st.sampled_from([".json", ".npz"]), st.floats(0, 1, exclude_max=True), st.integers(1, 255), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_changed_byte_or_a_cut_of_a_record_is_noticed(sound, suffix, where, difference, cut):
    """Only a change of JSON's white space, which changes nothing of the record, may pass."""
    store, contents = sound
    content, at = contents[suffix], int(where * len(contents[suffix]))
    changed = content[:at] if cut else content[:at] + bytes([content[at] ^ difference]) + content[at + 1 :]
    file = store.file(SPEC).with_suffix(suffix)
    file.write_bytes(changed)
    try:
        read = store.load(SPEC)
        assert read is None or (suffix == ".json" and json.loads(changed) == json.loads(content))
    finally:
        file.write_bytes(content)


def test_an_array_with_code_in_it_is_refused_and_not_executed(place, sound, tmp_path, capsys):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    store, contents = sound
    file, spec = store.file(SPEC), json.loads(contents[".json"])
    np.savez(file.with_suffix(".npz"), x=np.array([Bomb()], dtype=object))
    (tmp_path / "executed").unlink(missing_ok=True)
    # As somebody would forge it: with the right digests.
    spec["arrays_sha256"] = hashlib.sha256(file.with_suffix(".npz").read_bytes()).hexdigest()
    del spec["sha256"]
    spec["sha256"] = runs._sha256(spec)
    file.write_text(json.dumps(spec))
    try:
        assert store.load(SPEC) is None
        said = capsys.readouterr()
        assert "Damaged record" in said.out + said.err and "pickle" in (said.out + said.err)
        assert not (tmp_path / "executed").exists()
    finally:
        for suffix, content in contents.items():
            file.with_suffix(suffix).write_bytes(content)


# The whole build, of a report with one small part


NOTEBOOK = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Part Zero
#
# First words.

# %% tags=["parameters"]
profile = "full"

# %% tags=["allow-stderr"]
import os, time
from pathlib import Path
import pandas as pd
from study import figures, runs
from study.demo.experiments import ALL
from study import profile as profiles
from study.page import Page

P = profiles.load(profile)
page = Page(P.figures, P.synthetic)
(record,) = runs.Store(P.records).get_all(ALL.specs(P), ALL.train)
(P.work / "kernel").write_text(str(os.getpid()))
while (P.work / "slowly").exists():
    time.sleep(0.1)

# %% tags=["hide-input"]
fig, axes = figures.new(height_cm=4)
axes.plot(record.arrays["history"])
page.figure(fig, "losses", "Losses.", "A line.")
page.say(f"The last loss is {record.metrics['loss']:.6f}.")
page.table(pd.DataFrame({"Text": [record.metrics["text"]]}), "text", "What the data say.")
"""
TOY = SPEC | {"task": "part0-toy", "seed": 0}
EXPERIMENTS = f"""{STEPS}
SPEC = json.loads({json.dumps(TOY)!r})
ALL = SimpleNamespace(
    specs=lambda profile: [SPEC], smoke_run=lambda profile: SPEC, train=train,
    compared=lambda record: [("loss", record.metrics["loss"], 0.0)],
)
"""
ANALYSIS = '''"""Numbers of the demonstration."""

from study import published
from study.prose import Highlight, number
from study.verdicts import Kind


def judged(records):
    return [published.judge("part2.rows", "toy", "rows", [15902.0], Kind.FACT, number)]


def highlights(records):
    return [Highlight("loss", "0", "1", "toy")]
'''
CLAIMS = '''"""Claims on the demonstration."""

from study.verdicts import CONFIRMED, Verdict

gather = list
CLAIMS = {"steady_rise": lambda evidence: Verdict(CONFIRMED, "as it is made")}
'''
# Loaded by every Python process of the build: all of them die just before the named file is moved into its place.
KILLER = """
import os, signal
from pathlib import Path
told, replace = Path(__file__).with_name("kill_before"), os.replace
name = told.read_text() if told.exists() else ""
def replacing(source, target, **options):
    if name and str(target).endswith(name):
        os.killpg(0, signal.SIGKILL)
    return replace(source, target, **options)
os.replace = replacing
"""


class Project:
    """A copy of the project whose report has one small part."""

    def __init__(self, folder):
        self.folder, self.work = folder, folder / "build" / "quick-synthetic"
        ignored = shutil.ignore_patterns("__pycache__", "runs", "report.pdf", "raw")
        for name in ("study", "report", "data"):
            shutil.copytree(paths.ROOT / name, folder / name, ignore=ignored)
        (folder / "notebooks").mkdir()
        (folder / "notebooks" / "part0.py").write_text(NOTEBOOK)
        demo = folder / "study" / "demo"
        demo.mkdir()
        modules = {"__init__": "", "experiments": EXPERIMENTS, "analysis": ANALYSIS, "claims": CLAIMS}
        for name, content in modules.items():
            (demo / f"{name}.py").write_text(content)
        listed = folder / "study" / "parts.py"
        one = 'PARTS = (Part("part0", "part0", "study.demo"),)\n'
        before, _, after = listed.read_text().partition("PARTS = (\n")
        listed.write_text(before + one + after.partition("\n)\n")[2])
        with (folder / "study" / "__init__.py").open("a") as begin:
            begin.write(KILLER)

    def start(self, before="", wrapper=(), module="study.build", **options):
        (self.folder / "study" / "kill_before").write_text(before)
        command = [sys.executable, "-I", "-X", "utf8", "study/environment.py", module, "--profile", "quick"]
        env = {k: v for k, v in os.environ.items() if k not in ("DATA", "DATA_MIRROR", "STUDY_STARTED")}
        return subprocess.Popen(
            [*wrapper, *command],
            cwd=self.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, **options,
        )  # fmt: skip

    def build(self, **options):
        child = self.start(**options)
        out, err = child.communicate(timeout=300)
        return child.returncode, out, err

    @property
    def outputs(self):
        folder = self.work / "output" / "report"
        return folder / "report.html", folder / "report.pdf"

    def assert_whole(self):
        """Whatever is there is whole."""
        html, pdf = self.outputs
        assert not html.exists() or html.read_text(encoding="utf-8").rstrip().endswith("</html>")
        assert not pdf.exists() or b"%%EOF" in pdf.read_bytes()[-32:]
        for figure in (self.work / "output" / "figures").glob("[!.]*.svg"):
            assert figure.read_text().rstrip().endswith("</svg>")
        for record in (self.work / "output" / "report" / "runs").rglob("[!.]*.json"):
            assert runs.Store(record.parent.parent).load(json.loads(record.read_text())["spec"]) is not None

    def words(self, old, new):
        source = self.folder / "notebooks" / "part0.py"
        source.write_text(source.read_text().replace(old, new))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Built through a kill at each output, most often of all processes, and at last by two commands at once."""
    # papermill and pandoc read more than a name into this one.
    project = Project(tmp_path_factory.mktemp("survival") / "a%20b{x}" / "project")
    assert project.build(before="toy-" + runs.digest(TOY) + ".json")[0] == -signal.SIGKILL
    project.assert_whole()

    # While its notebook runs, the build alone is killed, or all are interrupted; the kernel must not go on without it.
    project.work.mkdir(parents=True, exist_ok=True)
    (project.work / "slowly").touch()
    for end in (signal.SIGKILL, signal.SIGINT):
        (project.work / "kernel").unlink(missing_ok=True)
        child = project.start()
        kill_when(child, (project.work / "kernel").exists, end=end)
        told = child.communicate()[1]
        assert end != signal.SIGINT or (child.returncode == 130 and "Traceback" not in told), told
        kernel = Path("/proc") / (project.work / "kernel").read_text()
        deadline = time.monotonic() + 30
        while (kernel / "cmdline").exists() and b"study.kernel" in (kernel / "cmdline").read_bytes():
            assert time.monotonic() < deadline, "the kernel outlived its build"
            time.sleep(0.1)
    (project.work / "slowly").unlink()

    for moment in ("part0.ipynb", "report.html", ".png", "stamp-report.json"):
        assert project.build(before=moment)[0] == -signal.SIGKILL, moment
        project.assert_whole()
    # Two commands come while another is at work: both say that they wait, then go on one after the other.
    with files.alone(project.work / "build.lock", "the report"):
        both = [project.start(), project.start()]
        said = [child.stderr.readline() for child in both]
    told = [child.communicate(timeout=300) for child in both]
    assert [child.returncode for child in both] == [0, 0], told
    return project, said


@pytest.mark.slow
def test_a_build_killed_at_every_output_ends_whole(project):
    project, said = project
    project.assert_whole()
    html, pdf = project.outputs
    sentence = f"The last loss is {np.random.default_rng([0, EPOCHS - 1]).random():.6f}."
    assert sentence in " ".join(html.read_text(encoding="utf-8").split())
    # The epochs of the run, once, though the moments before its record was written were kills'; and those of the smoke
    # run in each of the four builds that executed the notebook.
    assert (project.folder / "build" / "epochs").read_text().count("x") == 5 * EPOCHS
    left = [p for p in (project.work / "output").rglob(".*")]
    assert left == [] and not list(project.work.rglob(".part0-*"))
    assert all("Another process is at work on the report of the profile quick; waiting" in line for line in said)


@pytest.mark.slow
def test_what_data_say_is_text_in_both_documents(project):
    project, _ = project
    html, pdf = project.outputs
    cell = BeautifulSoup(html.read_text(encoding="utf-8"), "html.parser").find("table", id="tbl:text").find("td")
    assert cell.get_text(strip=True) == HOSTILE and not cell.find("script")
    assert HOSTILE in " ".join(" ".join(page.extract_text() for page in PdfReader(pdf).pages).split())


def read_only(folder):
    """(a command's beginning, what undoes it) such that the command can't write to a folder."""
    if os.geteuid():
        folder.chmod(0o555)
        return (), lambda: folder.chmod(0o755)
    script = f'mount --bind "{folder}" "{folder}" && mount -o remount,bind,ro "{folder}" && exec "$@"'
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("root may write everywhere, and this machine gives no mounts of one's own")
    return ("unshare", "-m", "sh", "-c", script, "sh"), lambda: None


@pytest.mark.slow
def test_what_cannot_be_written_is_told_and_the_earlier_report_stays(project):
    project, _ = project
    earlier = [file.read_bytes() for file in project.outputs]
    project.words("First words.", "Other words.")
    wrapper, undo = read_only(project.outputs[0].parent)
    code, _, err = project.build(wrapper=wrapper)
    undo()
    told = err.splitlines()[-1]
    assert code == 1 and told.startswith("error: ") and "part" in told and "Traceback" not in err
    assert [file.read_bytes() for file in project.outputs] == earlier
    # Damage beside it: what earlier builds noted and executed.
    (project.work / "stamp-report.json").write_text('{"inputs": "0')
    (project.work / "seconds.json").write_text("")
    notebook = project.work / "executed" / "part0.ipynb"
    notebook.write_bytes(notebook.read_bytes()[:500])
    code, out, err = project.build()
    assert code == 0, err
    assert f"Damaged notebook {notebook}" in out and err.count("Damaged note ") == 2
    assert "Other words." in project.outputs[0].read_text(encoding="utf-8")


@pytest.mark.slow
def test_reproduce_makes_every_run_again_and_finds_the_same(project):
    project, _ = project
    code, out, err = project.build(module="study.reproduce")
    assert code == 0 and "1 numbers compared, 0 outside their tolerance" in out, out + err
    assert " 0 " in next(line for line in out.splitlines() if line.endswith(" agrees")), "same machine, same seed"
