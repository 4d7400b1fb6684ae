"""Nothing is executed on load, nothing comes over an open line, and JupyterLab asks for its token."""

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
UNSAFE = re.compile(
    r"allow_pickle=(?!False)|weights_only=(?!True)|safe_mode=(?!True)|trust_remote_code|\bjoblib\b|\bload_model\("
    r"|torch\.(hub|jit)\b|fromregex|__import__"
)
"""What would execute what it reads and ruff has no rule for (its others stand in pyproject.toml)."""


def test_nothing_is_executed_on_load():
    found = [(source.name, text[0]) for source in SOURCES for text in UNSAFE.finditer(source.read_text("utf-8"))]
    assert found == []


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
