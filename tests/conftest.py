"""What all tests share: no network, no reader's data folder, one deep-learning framework per process."""

import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator

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


@pytest.fixture(scope="module")  # as long as it is there, asyncio's loop runs, which other modules need for themselves
def browser() -> Iterator:
    """The system's Chromium, driven by Playwright."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium here (Debian: apt install chromium)")
    from playwright.sync_api import sync_playwright

    offline = [f"--disable-{name}" for name in ("gpu", "background-networking", "component-update", "sync")]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--no-first-run", *offline])
        yield browser
        browser.close()


@pytest.fixture
def legible(monkeypatch):
    """Each figure that is drawn must be as wide as the page, or half of it, in letters of seven points or more."""
    from matplotlib.text import Text

    from study import figures

    new, made = figures.new, []

    def remembered(*given, **named):
        made.append(new(*given, **named))
        return made[-1]

    monkeypatch.setattr(figures, "new", remembered)
    yield
    for fig, _ in made:
        fig.draw_without_rendering()
        shown = [text for text in fig.findobj(Text) if text.get_visible() and text.get_text().strip()]
        assert {text.get_text() for text in shown if text.get_size() < 7} == set()
        assert not any("^{" in text.get_text() for text in shown)  # superscripts would be smaller
        assert round(2.54 * fig.get_size_inches()[0], 6) in (8, 16)
        for legend in fig.legends:
            assert 0 <= legend.get_window_extent().x0 and legend.get_window_extent().x1 <= fig.bbox.x1
