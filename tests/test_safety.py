"""Nothing is executed on load, nothing comes over an open line, and JupyterLab asks for its token."""

import ast
import json
import os
import re
import shlex
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
    assert list(faults(source.read_text(encoding="utf-8"))) == []


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


def test_jupyterlab_is_local_and_asks_for_its_token(tmp_path):
    """The command of `make lab`, without a browser and on a free port; it opens on the README and fetches no news."""
    makefile = (paths.ROOT / "Makefile").read_text()
    variable, command = re.search(r"^lab:.*\n\t@(\S+=\S+) \$\(PYTHON\) (.+)$", makefile, flags=re.M).groups()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [*shlex.split(command), "--no-browser", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if os.geteuid() == 0:
        arguments.append("--allow-root")
    settings = dict([variable.split("=")]) | {"JUPYTER_RUNTIME_DIR": str(tmp_path)}
    child = subprocess.Popen(
        [sys.executable, *arguments], cwd=paths.ROOT, env=os.environ | settings,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert _status(f"http://127.0.0.1:{port}/api/contents", child) == 403
        [server] = list_running_servers(tmp_path)
        values = _lab_settings(server)
        assert values["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]["markdown"] == "Markdown Preview"
        assert values["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
        open_at = {c.laddr.ip for c in psutil.Process(child.pid).net_connections() if c.status == psutil.CONN_LISTEN}
        assert open_at == {"127.0.0.1"}
    finally:
        child.terminate()
        child.wait(30)


def _lab_settings(server):
    """The defaults of JupyterLab's page, as the server gives them out: plugin -> setting -> value."""
    request = urllib.request.Request(
        f"{server['url']}lab/api/settings", headers={"Authorization": f"token {server['token']}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        plugins = json.load(answer)["settings"]
    properties = {plugin["id"]: plugin["schema"].get("properties", {}) for plugin in plugins}
    return {name: {key: value.get("default") for key, value in of.items()} for name, of in properties.items()}


def _status(address, child):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and child.poll() is None:
        try:
            return urllib.request.urlopen(address, timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            time.sleep(0.2)
    pytest.fail("JupyterLab did not answer")
