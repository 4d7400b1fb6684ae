"""Settings of the user's account change nothing, whichever library would read them."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap

import nbformat
import pytest
from jupyter_client.kernelspec import NoSuchKernel

from study import environment, kernel, paths, runs
from study.publish import render
from study.publish.errors import PublishError
from study.publish.execute import execute

HOSTILE = {
    "PYTHONPATH": "{home}/other", "PYTHONSTARTUP": "{home}/other/noise.py", "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2", "PYTHONHASHSEED": "7", "PYTHONUSERBASE": "{home}/.local", "PYTHONUTF8": "0",
    "JUPYTER_PATH": "{home}/jupyter", "JUPYTER_DATA_DIR": "{home}/jupyter", "JUPYTER_CONFIG_DIR": "{home}/jupyter",
    "JUPYTER_PREFER_ENV_PATH": "0", "IPYTHONDIR": "{home}/.ipython",
    "MPLBACKEND": "svg", "MPLCONFIGDIR": "{home}/.config/matplotlib",
    "MATPLOTLIBRC": "{home}/.config/matplotlib/matplotlibrc", "SOURCE_DATE_EPOCH": "1",
    "KERAS_BACKEND": "theano", "KERAS_HOME": "{home}/.keras", "TF_ENABLE_ONEDNN_OPTS": "1", "XLA_FLAGS": "--no_such",
    "OMP_NUM_THREADS": "3,2", "TF_NUM_INTRAOP_THREADS": "9", "MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default",
    "PLOTLY_RENDERER": "browser", "TQDM_DISABLE": "1", "XDG_DATA_HOME": "{home}/.local/share",
    "XDG_CONFIG_HOME": "{home}/.config", "TYPST_FONT_PATHS": "{home}", "GIT_DIR": "{home}/.git", "LC_ALL": "tr_TR",
    "TZ": "Asia/Kathmandu", "PYTEST_ADDOPTS": "-k nothing", "COLUMNS": "20",
}  # fmt: skip
FILES = {
    ".ipython/profile_default/ipython_config.py": """
        get_config().InteractiveShell.ast_node_interactivity = "all"
        get_config().InteractiveShellApp.exec_lines = ["print('configured')"]
    """,
    ".ipython/profile_default/ipython_kernel_config.py": 'get_config().IPKernelApp.exec_lines = ["1 / 0"]',
    ".ipython/profile_default/startup/00.py": 'print("startup")',
    ".config/matplotlib/matplotlibrc": "savefig.facecolor: red\nfigure.dpi: 33\n",
    ".keras/keras.json": '{"floatx": "float16", "backend": "theano", "epsilon": 0.1}',
    ".local/share/jupyter/kernels/python3/kernel.json": '{"argv": ["false"], "display_name": "x", "language": "x"}',
    "jupyter/kernels/python3/kernel.json": '{"argv": ["false"], "display_name": "x", "language": "x"}',
    "other/study/__init__.py": 'raise SystemExit("another checkout")',
    "other/sitecustomize.py": 'print("sitecustomize")',
    "other/noise.py": 'print("noise")',
    f".local/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/usercustomize.py": 'print("user")',
}


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """An account with settings for everything; returns its variables."""
    home = tmp_path / "home"
    for name, content in FILES.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(textwrap.dedent(content))
    variables = {name: value.replace("{home}", str(home)) for name, value in HOSTILE.items()} | {"HOME": str(home)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


NOTEBOOK = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
x = 1

# %%
import json, os, sys
import beside
import matplotlib
import plotly.io
import study
found = {
    "executable": sys.executable, "study": study.__file__, "variables": dict(os.environ), "path": sys.path,
    "modules": sorted(sys.modules), "dpi": matplotlib.rcParams["figure.dpi"], "backend": matplotlib.get_backend(),
    "renderer": plotly.io.renderers.default, "asserts": __debug__,
}
print(json.dumps(found))

# %%
1
2
"""


def test_a_kernel_is_this_environment_in_this_checkout_whatever_the_account_says(tmp_path, hostile):
    """In a folder whose name papermill would take for a parameter's."""
    folder = tmp_path / "a%20b{x}"
    folder.mkdir()
    (folder / "demo.py").write_text(NOTEBOOK)
    (folder / "beside.py").touch()
    execute(folder / "demo.py", folder / "demo.ipynb", {})
    _, told, last = (cell.outputs for cell in nbformat.read(folder / "demo.ipynb", as_version=4).cells)
    found = json.loads(told[0].text)
    assert found["executable"] == sys.executable and found["study"] == str(paths.STUDY / "__init__.py")
    assert found["path"][0] == str(paths.ROOT) and not [place for place in found["path"] if hostile["HOME"] in place]
    assert not {"sitecustomize", "usercustomize"} & set(found["modules"]) and found["asserts"]
    assert found["dpi"] == 100 and found["backend"] == "module://matplotlib_inline.backend_inline"
    assert found["renderer"] == "plotly_mimetype"
    ours = environment.clean(hostile | {environment.BUILDING: "yes"}) | {"MPLBACKEND": found["backend"]}
    assert {name: found["variables"].get(name) for name in HOSTILE} == {name: ours.get(name) for name in HOSTILE}
    assert [output.data["text/plain"] for output in last] == ["2"], "one value a cell, nothing of startup files"


def test_of_the_accounts_variables_only_those_listed_get_through(hostile):
    ours = environment.clean(hostile | {"DATA_MIRROR": "/data", "HTTPS_PROXY": "http://127.0.0.1:3128"})
    assert ours["DATA_MIRROR"] == "/data" and ours["HTTPS_PROXY"] and ours["HOME"] == hostile["HOME"]
    assert ours["OMP_NUM_THREADS"] == ours["TF_NUM_INTRAOP_THREADS"] == "3"
    assert ours["KERAS_BACKEND"] == "tensorflow" and ours["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert [name for name, value in ours.items() if value == hostile.get(name)] == ["HOME"]
    assert [name for name, value in ours.items() if hostile["HOME"] in value] == ["HOME"]


@pytest.mark.parametrize(
    ("given", "number"), [("4", 4), ("4,2", 4), (" 2 ", 2), *((bad, None) for bad in ("", "0", "x", "-1", ","))]
)
def test_threads_are_a_number_or_all(monkeypatch, given, number):
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    assert environment.threads() == number
    assert environment.clean({"OMP_NUM_THREADS": given}).get("OMP_NUM_THREADS") == (str(number) if number else None)
    if "torch" not in sys.modules:
        assert runs.surroundings()["threads"] == (number or os.cpu_count())


PROBE = """
import json, os, sys, time
open("written", "w").close()
print(json.dumps({"study": __import__("study").__file__, "path": sys.path, "arguments": sys.argv[1:]}), flush=True)
if sys.argv[1:] == ["wait"]:
    time.sleep(60)
"""


@pytest.fixture
def checkout(tmp_path):
    """Another checkout, of the smallest module that can be run; returns how it is run."""
    root = tmp_path / "checkout"
    (root / "study").mkdir(parents=True)
    for name in ("__init__", "environment"):
        shutil.copy(paths.STUDY / f"{name}.py", root / "study")
    (root / "study" / "probe.py").write_text(PROBE)
    return root, [sys.executable, "-I", "study/environment.py", "study.probe"]


def test_the_checkout_is_the_one_whose_entry_is_called(checkout, hostile):
    root, command = checkout
    done = subprocess.run([*command, "a", "b"], cwd=root, capture_output=True, text=True, umask=0o077)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    found = json.loads(done.stdout)
    assert found["study"] == str(root / "study" / "__init__.py") and found["arguments"] == ["a", "b"]
    assert not [place for place in found["path"] if hostile["HOME"] in place]
    assert stat.S_IMODE((root / "written").stat().st_mode) == 0o644, "whatever the account's umask"


@pytest.mark.parametrize("inner", [False, True])
def test_an_interrupted_command_says_so_in_a_line(checkout, inner):
    root, command = checkout
    variables = os.environ | ({"STUDY_STARTED": "yes"} if inner else {})
    variables = {name: value for name, value in variables.items() if inner or name != "STUDY_STARTED"}
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    child = subprocess.Popen([*command, "wait"], cwd=root, env=variables, **pipe)
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 130
    assert told.strip() == ("" if inner else "Interrupted. The same command goes on where it stopped.")


def test_jupyterlab_and_the_build_know_one_kernel():
    kernels = kernel.Kernels()
    assert list(kernels.get_all_specs()) == ["python3"] and kernels.get_all_specs()["python3"]["spec"]["language"]
    assert kernels.get_kernel_spec("python3").argv[:2] == [sys.executable, "-I"]
    assert str(paths.STUDY / "environment.py") in kernels.get_kernel_spec("python3").argv
    with pytest.raises(NoSuchKernel):
        kernels.get_kernel_spec("ir")
    lab = (paths.ROOT / "Makefile").read_text().partition("\nlab:")[2].partition("\n\n")[0]
    assert "--ServerApp.kernel_spec_manager_class=study.kernel.Kernels" in lab


def test_a_kernel_that_can_not_start_is_told(tmp_path, monkeypatch):
    (tmp_path / "demo.py").write_text(NOTEBOOK)
    monkeypatch.setattr(environment, "command", lambda *arguments: ["false"])
    with pytest.raises(PublishError, match="demo.py: its kernel does not start .*delete .venv and run again"):
        execute(tmp_path / "demo.py", tmp_path / "demo.ipynb", {})


STYLE = """<?xml version="1.0" encoding="utf-8"?>
<style xmlns="http://purl.org/net/xbiblio/csl" class="in-text" version="1.0">
<info><title>x</title><id>x</id><updated>2026-01-01T00:00:00+00:00</updated></info>
<citation><layout><text value="HOSTILE"/></layout></citation></style>
"""


def test_pandocs_data_folder_of_the_account_styles_no_citation(tmp_path, hostile):
    home = tmp_path / "home"
    for folder in (home / ".pandoc", home / ".local" / "share" / "pandoc"):
        folder.mkdir(parents=True)
        (folder / "default.csl").write_text(STYLE)
    place = tmp_path / "a%20b:{c}"  # pandoc would take this for more than a name
    place.mkdir()
    shutil.copy(paths.BIBLIOGRAPHY, place)
    told = render._document(["As [@lavin2015evaluating] says."], {}, place / "figures", place / "references.bib")
    assert "HOSTILE" not in told and "Lavin" in told


def git(folder, *arguments):
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.invalid"]
    return subprocess.check_output(["git", *identity, *arguments], cwd=folder, text=True).strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_the_commit_is_never_that_of_another_repository(tmp_path, monkeypatch):
    foreign, ours = tmp_path / "foreign", tmp_path / "foreign" / "ours"
    ours.mkdir(parents=True)
    git(foreign, "init", "-q")
    git(foreign, "commit", "-q", "--allow-empty", "-m", "foreign")
    monkeypatch.setattr(paths, "ROOT", ours)
    assert runs.commit() == "unknown"
    git(ours, "init", "-q")
    git(ours, "commit", "-q", "--allow-empty", "-m", "ours")
    monkeypatch.setenv("GIT_DIR", str(foreign / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(foreign))
    assert runs.commit() == git(ours, "--git-dir=.git", "rev-parse", "HEAD")[:12]


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_line_ends_are_those_of_the_repository_whatever_git_is_told(tmp_path):
    git(tmp_path, "init", "-q")
    shutil.copy(paths.ROOT / ".gitattributes", tmp_path)
    (tmp_path / "a.py").write_bytes(b"x = 1\n")
    git(tmp_path, "add", ".")
    (tmp_path / "a.py").unlink()
    git(tmp_path, "-c", "core.autocrlf=true", "-c", "core.eol=crlf", "checkout", "--", "a.py")
    assert (tmp_path / "a.py").read_bytes() == b"x = 1\n"


# make


needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make here")


def shown(*arguments, **variables):
    """What make would do, and its warnings."""
    command = ["make", "-n", "-o", f"{sys.prefix}/.installed", f"VENV={sys.prefix}", *arguments]
    done = subprocess.run(command, cwd=paths.ROOT, env=os.environ | variables, capture_output=True, text=True)
    return done.stdout, done.stderr


@needs_make
def test_names_that_a_shell_exports_for_its_own_ends_choose_nothing():
    own = {"DATA": "/srv/data", "PROFILE": "my profile", "PART": "2", "CODE": "/usr/bin/code", "WORKERS": "many"}
    for verb in ("report", "quick", "reproduce", "test"):
        told, warned = shown(verb, **own)
        assert told == shown(verb)[0]
    assert "DATA=/srv/data of the shell is left aside; to choose it, say make … DATA=…" in warned
    command = ["make", "-s", "--eval", "told: ; @echo DATA=$$DATA PROFILE=$(PROFILE)", "told"]
    chosen = {"DATA": "synthetic", "PROFILE": "quick"}
    for given, data, profile in (({}, "", "full"), (own, "", "full"), (chosen, "synthetic", "quick")):
        env = os.environ | given
        assert subprocess.check_output(command, cwd=paths.ROOT, env=env, text=True, stderr=subprocess.DEVNULL) == (
            f"DATA={data} PROFILE={profile}\n"
        )
    assert "--profile fulll" in shown("report", "PROFILE=fulll")[0], "what is said to make is taken, and refused"


INSTALLER = """#!/bin/sh
echo "$0 $* USER=$PIP_USER TARGET=$PIP_TARGET PYTHONPATH=$PYTHONPATH" >> "$LOG"
for last; do :; done
case "$*" in *"-m venv"*) mkdir -p "$last/bin"; cp "$0" "$last/bin/python";; esac
case "$*" in *"import papermill"*) exit "$ARRIVED";; esac
"""


@needs_make
@pytest.mark.parametrize("arrived", [True, False])
def test_the_environment_is_made_where_it_should_whatever_pip_is_told(tmp_path, arrived):
    """With stand-ins for Python and pip, in a folder whose name has a space."""
    python, place, log = tmp_path / "python3", tmp_path / "my env", tmp_path / "log"
    python.write_text(INSTALLER)
    python.chmod(0o755)
    own = {"PIP_USER": "1", "PIP_TARGET": "/elsewhere", "PYTHONPATH": "/other"}
    own |= {"LOG": str(log), "ARRIVED": str(int(not arrived))}
    command = ["make", f"VENV={place}", f"BASE_PYTHON={python}", "-s", str(place / ".installed")]
    done = subprocess.run(command, cwd=paths.ROOT, env=os.environ | own, capture_output=True, text=True)
    calls = log.read_text().splitlines()
    assert all("TARGET= PYTHONPATH=" in call and call.endswith("PYTHONPATH=") for call in calls)
    installs = [call for call in calls if " -m pip install " in call]
    assert installs and all("--no-user" in call and str(place / "bin" / "python") in call for call in installs)
    assert (done.returncode == 0) == (place / ".installed").exists() == arrived
    assert sorted(file.name for file in tmp_path.iterdir()) == ["log", "my env", "python3"]
    if not arrived:
        assert "pip installed nothing into" in done.stderr and "pip config list" in done.stderr
