"""What all tests share: no network, no reader's data folder, one deep-learning framework per process."""

import os
import signal
import socket
import sys

import committed
import pytest

from study import catalog, environment, paths

pytest.register_assert_rewrite("chapter", "documents")

refreshed = {name: value for name, value in os.environ.items() if name.startswith("WRITE_")}
environment.shut_out()
os.environ.update(refreshed)
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell that starts tests in the background ignores
for choice in ("DATA", "IMAGES", "NEWS_TRAIN"):  # the caller's, for another report
    os.environ.pop(choice, None)
if not os.environ.get("GPU_TESTS"):  # the numbers that tests know are a CPU's, and so are their tensors
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A connection to anything but this machine is an error."""
    connect = socket.socket.connect

    def local_only(self, address):
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "localhost", "::1"):
            raise OSError(f"tests have no network: {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture
def own_catalog(tmp_path, monkeypatch):
    """An empty cache, no mirror, and a way to write a catalog of one's own: `own_catalog(toml_text)`."""
    monkeypatch.setattr(paths, "RAW", tmp_path / "raw")
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.setattr(paths, "DEFAULT_MIRROR", tmp_path / "no-mirror")
    monkeypatch.setattr(paths, "CATALOG", tmp_path / "catalog.toml")
    monkeypatch.delenv("DATA_MIRROR", raising=False)

    def write(text: str) -> None:
        paths.CATALOG.write_text(text)
        catalog.datasets.cache_clear()

    yield write
    catalog.datasets.cache_clear()


@pytest.fixture(autouse=True, scope="session")
def one_framework():
    yield
    both = {"torch", "tensorflow"} <= set(sys.modules)
    assert not both, (
        "TensorFlow and PyTorch met in one process: "
        "PyTorch's tests belong in tests/with_torch, TensorFlow's in tests/with_keras"
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the checkout without records, report and figures."""
    left_out = ("report/runs", "figures/", "report/report.")
    return committed.checkout(tmp_path_factory.mktemp("clone") / "project", lambda name: name.startswith(left_out))
