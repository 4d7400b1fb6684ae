"""Nothing is executed on load, nothing comes over an open line, and JupyterLab asks for its token."""

import ast
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psutil
import pytest
from jupyter_server.serverapp import list_running_servers

from study import paths

SOURCES = [*sorted(paths.STUDY.rglob("*.py")), *sorted(paths.NOTEBOOKS.glob("*.py"))]
EXECUTES = {paths.STUDY / "definitions": {"exec", "compile"}}
"""What takes models from the project's own notebooks, which are code."""
# Each executes what it reads, unless it is told not to.
FORBIDDEN = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.load", "pickle.loads", "marshal.load",
    "marshal.loads", "shelve.open", "joblib.load", "dill.load", "cloudpickle.load", "cloudpickle.loads", "yaml.load",
    "yaml.unsafe_load", "pd.read_pickle", "pandas.read_pickle", "torch.hub.load", "torch.jit.load", "np.fromregex",
}  # fmt: skip
NEEDED = {
    "np.load": ("allow_pickle", False), "numpy.load": ("allow_pickle", False), "torch.load": ("weights_only", True),
    "keras.models.load_model": ("safe_mode", True), "keras.saving.load_model": ("safe_mode", True),
}  # fmt: skip


def faults(text):
    """(line, what is wrong) of each dangerous call in a program."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found = {alias.name for alias in node.names} & {"pickle", "marshal", "shelve", "dill", "joblib"}
            yield from ((node.lineno, f"import {name}") for name in found)
        if isinstance(node, ast.ImportFrom) and node.module in ("pickle", "marshal", "shelve", "dill", "joblib"):
            if [alias.name for alias in node.names] != ["UnpicklingError"]:
                yield node.lineno, f"from {node.module} import …"
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        keywords = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
        if name in FORBIDDEN or keywords.get("shell"):
            yield node.lineno, name
        if keywords.get("allow_pickle") or keywords.get("trust_remote_code"):
            yield node.lineno, name
        if name in NEEDED and keywords.get(NEEDED[name][0]) is not NEEDED[name][1]:
            yield node.lineno, f"{name} without {NEEDED[name][0]}={NEEDED[name][1]}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(paths.ROOT)))
def test_nothing_is_executed_on_load(source):
    allowed = EXECUTES.get(source.parent, set())
    assert [fault for fault in faults(source.read_text(encoding="utf-8")) if fault[1] not in allowed] == []


@pytest.mark.parametrize(
    "line",
    [
        "np.load(f)", "np.load(f, allow_pickle=True)", "torch.load(f)", "torch.load(f, weights_only=False)", "eval(x)",
        "import pickle", "from pickle import loads", "subprocess.run(c, shell=True)",
        "np.save(f, x, allow_pickle=True)", "np.load(f, allow_pickle=flag)",
    ],
)  # fmt: skip
def test_the_search_finds_what_it_is_for(line):
    assert list(faults(line))


def test_no_address_is_open():
    """Downloads are https; http stands only for names of XML and for this machine."""
    for source in SOURCES:
        for address in re.findall(r"http://[^\s\"'`)]+", source.read_text(encoding="utf-8")):
            assert re.match(r"http://(127\.0\.0\.1|localhost|www\.w3\.org/)", address), f"{source}: {address}"


@pytest.mark.slow
def test_jupyterlab_is_local_and_asks_for_its_token(tmp_path):
    """The command of `make lab`, without a browser and on a free port; it opens on the README and fetches no news.

    Its kernel is this environment's, whatever kernels the account has.
    """
    for name in ("python3", "other"):
        (tmp_path / "kernels" / name).mkdir(parents=True)
        spec = {"argv": ["false"], "display_name": "Of the account", "language": "python"}
        (tmp_path / "kernels" / name / "kernel.json").write_text(json.dumps(spec))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"--no-browser --ServerApp.port={port} --ServerApp.port_retries=0"
    child = subprocess.Popen(
        ["make", "-s", "-o", ".venv/.installed", "lab", f"PYTHON={sys.executable}", f"LAB_OPTIONS={options}"],
        cwd=paths.ROOT, env=os.environ | dict.fromkeys(("JUPYTER_RUNTIME_DIR", "JUPYTER_PATH"), str(tmp_path)),
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert _status(f"http://127.0.0.1:{port}/api/contents", child) == 403
        [server] = list_running_servers(tmp_path)
        kernels = _asked(server, "api/kernelspecs")["kernelspecs"]
        assert {name: one["spec"]["argv"][0] for name, one in kernels.items()} == {"python3": sys.executable}
        values = _lab_settings(server)
        assert values["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]["markdown"] == "Markdown Preview"
        assert values["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
        processes = psutil.Process(child.pid).children(recursive=True)
        assert {address for process in processes for address in _listening(process)} == {"127.0.0.1"}
    finally:
        os.killpg(child.pid, signal.SIGTERM)
        child.wait(30)


def _listening(process):
    """The addresses at which a process waits for connections; none once it has ended."""
    try:
        return [one.laddr.ip for one in process.net_connections() if one.status == psutil.CONN_LISTEN]
    except psutil.NoSuchProcess:
        return []


def _asked(server, path):
    headers = {"Authorization": f"token {server['token']}"}
    with urllib.request.urlopen(urllib.request.Request(server["url"] + path, headers=headers), timeout=30) as answer:
        return json.load(answer)


def _lab_settings(server):
    """The defaults of JupyterLab's page, as the server gives them out: plugin -> setting -> value."""
    plugins = _asked(server, "lab/api/settings")["settings"]
    properties = {plugin["id"]: plugin["schema"].get("properties", {}) for plugin in plugins}
    return {name: {key: value.get("default") for key, value in of.items()} for name, of in properties.items()}


def _status(address, child):
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and child.poll() is None:
        try:
            return urllib.request.urlopen(address, timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            time.sleep(0.2)
    pytest.fail("JupyterLab did not answer")
