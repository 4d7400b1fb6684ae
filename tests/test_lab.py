"""`make lab` as a student has it: JupyterLab in the system's Chromium, driven by Playwright, on a copy."""

import difflib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pytest
from playwright.sync_api import TimeoutError

from study import contents, pairing, parts, paths

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("make") is None, reason="no make here")]

SECONDS = 300  # that anything may take on a loaded machine

# The notebook that is run here, and one that is only opened; test_notebooks has all without a browser.
RUN, OPENED = ("part2",), ("part3",)
NAMES = {part.key: part.notebook for part in parts.PARTS}

HEADER = paths.NOTEBOOKS.joinpath("part3_self_attention_theory.py").read_text(encoding="utf-8").split("\n\n")[0]
DEMO = f'''{HEADER}

# %% [markdown]
# # A chapter
#
# Prose with *emphasis*, a formula $a_1 = b^2$ and a citation ([Lavin & Ahmad 2015](#lavin2015evaluating)).
#
# > *What does the model do?*

# %% tags=["parameters"]
profile = "full"

# %% tags=["setup"]
import matplotlib.pyplot as plt
import pandas as pd

from study.notebook import Page, count, holds, number

page = Page.of(profile)


# %% tags=["model"]
def model(x):
    """Twice its input."""
    return 2 * x


# %%
answer = model(600)
kind = "synthetic" if page.synthetic else "real"

# %% [markdown]
# The model makes {{eval}}`number(answer)` of 600,
# and {{eval}}`model(4)` of 4; it grows {{eval}}`holds(answer, ">", 600)`. The text says {{eval}}`"it's " + kind` in
# {{eval}}`count(3, "word")`.
#
# | a | b |
# |---|---|
# | 1 | 2 |
#
# - one
# - two: $x^2$

# %% tags=["hide-input"]
fig, ax = plt.subplots()
ax.plot([1, 2])
page.figure(fig, "demo-line", "A *line*, as [the table](#demo-table) says.", "A line that rises")

# %%
page.table(pd.DataFrame({{"n": [1]}}), "demo-table", "One **number**.")

# %% [markdown]
# **Try it.** Put 3 in the place of 2.

# %% [markdown] tags=["answer"]
# **Answer: three.**
# It grows *more*, as [Figure](#demo-line) would show.

# %% [markdown] tags=["summary"]
# ## Summary
#
# In the end the model makes {{eval}}`number(answer)`, as [Figure](#demo-line) shows.
'''


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its folder, its address, its token and its process."""

    root: Path
    url: str
    token: str
    server: subprocess.Popen

    def ask(self, path: str, method: str = "GET", of: str = "api"):
        request = urllib.request.Request(f"{self.url}/{of}/{path}?token={self.token}", method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read() or "null")


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    """`make lab` on a copy of the project, with a notebook of our own beside those of the parts."""
    root = tmp_path_factory.mktemp("lab") / "project"
    for name in ("study", "notebooks", "data", ".jupyter"):
        shutil.copytree(paths.ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "raw", "*.ipynb"))
    (root / "report").mkdir()
    for file in [*paths.REPORT.glob("*.csv"), *paths.REPORT.glob("*.bib")]:
        shutil.copy(file, root / "report")
    for folder in (folder for key in RUN for folder in (paths.REPORT / "runs").glob(f"{parts.find(key).tasks}*")):
        shutil.copytree(folder, root / "report" / "runs" / folder.name)
    for name in ("Makefile", "pyproject.toml", "requirements.txt", "README.md"):
        shutil.copy(paths.ROOT / name, root)
    (root / "report" / "numbers.json").write_text('{"demo-line": "Figure 3", "demo-table": "Table 2"}')
    (root / "notebooks" / "demo.py").write_text(DEMO, encoding="utf-8")
    with _started(root) as lab:
        yield lab


@contextmanager
def _started(root: Path) -> Iterator[Lab]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = "a-token-of-the-test"
    own = {f"JUPYTER_{name}_DIR": str(root.parent / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {f"JUPYTERLAB_{name}_DIR": str(root.parent / name) for name in ("SETTINGS", "WORKSPACES")}
    for name in ("python3", "other"):  # kernels of the account
        kernel = root.parent / "DATA" / "kernels" / name / "kernel.json"
        kernel.parent.mkdir(parents=True)
        kernel.write_text(json.dumps({"argv": ["false"], "display_name": "Of the account", "language": "python"}))
    env = os.environ | own | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    for given in ("MAKEFLAGS", "PROFILE", "DATA"):  # to the make that runs the tests
        env.pop(given, None)
    options = f"--no-browser --ServerApp.port={port} --ServerApp.port_retries=0 --IdentityProvider.token={token}"
    # The environment is complete: the copy's newer files are no reason to install it again.
    command = ["make", "lab", f"VENV={sys.prefix}", f"LAB_OPTIONS={options}", "-o", f"{sys.prefix}/.installed"]
    log = root.parent / "lab.log"
    with log.open("w") as stream:
        server = subprocess.Popen(
            command, cwd=root, env=env, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
    lab = Lab(root, f"http://127.0.0.1:{port}", token, server)
    try:
        _until(lambda: server.poll() is not None or _answers(lab), "JupyterLab does not answer", log)
        assert server.poll() is None, log.read_text()
        yield lab
        lab.ask("shutdown", "POST")
        server.wait(SECONDS)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _answers(lab: Lab) -> bool:
    try:
        return "version" in lab.ask("")
    except OSError:
        return False


def _until(condition, otherwise: str, log: Path | None = None) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"{otherwise}\n{log.read_text() if log else ''}"
        time.sleep(0.2)


@contextmanager
def notebook(browser, lab: Lab, name: str) -> Iterator:
    """A notebook as it is opened, with a fresh kernel that is ready."""
    page = browser.new_page(viewport={"width": 1300, "height": 1600})
    page.set_default_timeout(SECONDS * 1000)
    fetched = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(f"{lab.url}/lab/tree/notebooks/{name}.ipynb?token={lab.token}&reset")
    kept = nbformat.read(lab.root / "notebooks" / f"{name}.ipynb", as_version=4)
    contents.decorate(kept, {})
    cells = len(kept.cells)
    page.wait_for_function(f"document.querySelectorAll('.jp-Notebook .jp-Cell').length === {cells}")
    page.wait_for_function("document.querySelector('#jp-main-statusbar').textContent.includes('Idle')")
    page.wait_for_function(
        "[...document.querySelectorAll('.jp-MarkdownCell')].every(c => c.querySelector('.myst > *, .jp-Placeholder'))"
    )
    yield page
    page.close()
    for session in lab.ask("sessions"):
        lab.ask(f"sessions/{session['id']}", "DELETE")
    assert {url for url in fetched if not url.startswith((lab.url, "data:", "blob:"))} == set()


def run_all(page) -> None:
    """Run All, until the kernel is idle again, every code cell has its number and every inline value its place."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(
        """() => {
            const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')];
            const idle = document.querySelector('#jp-main-statusbar').textContent.includes('Idle');
            const failed = document.querySelector('.jp-OutputArea-output[data-mime-type$=error]');
            return failed || (idle && prompts.every(prompt => /\\d/.test(prompt.textContent)));
        }"""
    )
    assert page.locator(".jp-OutputArea-output[data-mime-type$='error']").all_text_contents() == []
    page.wait_for_function(f"() => ({EXPRESSIONS})().length === 0")


# Inline values that have none: their expression is shown as code. Prose has code of its own, which Run All leaves.
EXPRESSIONS = """() => [...document.querySelectorAll('.jp-MarkdownCell')].flatMap(cell => {
    const source = cell.querySelector('.cm-content').innerText;
    return [...cell.querySelectorAll('.myst code')].map(c => c.textContent).filter(c => source.includes('{eval}`' + c));
})"""


def said(page) -> list[str]:
    """The Markdown cells as they are shown."""
    return [" ".join(text.split()) for text in page.locator(".jp-MarkdownCell .myst").all_text_contents()]


def save(page, lab: Lab, name: str) -> None:
    """Save, until the notebook is on disk."""
    file = lab.root / "notebooks" / f"{name}.ipynb"
    before = file.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    _until(lambda: file.stat().st_mtime_ns != before, f"{name} is not saved")
    page.wait_for_function("!document.querySelector('.jp-mod-current.jp-mod-dirty')")


def lines_changed(before: str, after: str) -> list[str]:
    return [
        line
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]


def listening(process: psutil.Process) -> list[str]:
    """The addresses at which a process waits for connections; none once it has ended."""
    try:
        return [one.laddr.ip for one in process.net_connections() if one.status == psutil.CONN_LISTEN]
    except psutil.NoSuchProcess:
        return []


def test_it_is_local_and_asks_for_its_token(lab):
    """It opens on the README and fetches no news; its kernel is this environment's, whatever the account has."""
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{lab.url}/api/contents", timeout=SECONDS)
    kernels = lab.ask("kernelspecs")["kernelspecs"]
    assert {name: one["spec"]["argv"][0] for name, one in kernels.items()} == {"python3": f"{sys.prefix}/bin/python"}
    plugins = {
        plugin["id"]: plugin["schema"]["properties"]
        for plugin in lab.ask("settings", of="lab/api")["settings"]
        if plugin["id"].endswith(("docmanager-extension:plugin", "apputils-extension:notification"))
    }
    values = {key: value.get("default") for properties in plugins.values() for key, value in properties.items()}
    assert values["defaultViewers"]["markdown"] == "Markdown Preview" and values["fetchNews"] == "false"
    processes = psutil.Process(lab.server.pid).children(recursive=True)
    assert {address for process in processes for address in listening(process)} == {"127.0.0.1"}


def test_opened_it_reads_as_prose_and_one_run_puts_every_value_in_its_sentence(browser, lab):
    source = lab.root / "notebooks" / "demo.py"
    with notebook(browser, lab, "demo") as page:
        hint, opening, sentence, _, _, summary, sources = said(page)
        assert hint == contents.HINT.strip("*") and sources.startswith("References")
        assert "Prose with emphasis" in opening and "What does the model do?" in opening
        assert "[@" not in opening and page.locator(".myst a", has_text="Lavin & Ahmad 2015").count() == 1
        assert page.locator(".jp-MarkdownCell .katex").count() == 2 and page.locator(".jp-MarkdownCell td").count() == 2
        assert page.locator(".jp-CodeCell .jp-InputPlaceholder").count() == 3  # collapsed
        shown = page.locator(".jp-CodeCell .cm-content:visible").all_inner_texts()
        assert any("def model(x):" in code for code in shown) and not any("import pandas" in code for code in shown)
        assert "makes number(answer) of 600" in sentence and "makes number(answer)," in summary
        run_all(page)
        whole = "The model makes 1,200 of 600, and 8 of 4; it grows ✓. The text says it's real in 3 words."

        def shown_whole() -> bool:  # texts are drawn anew, one value after the other
            _, _, sentence, _, answer, summary, _ = said(page)
            return (
                sentence.startswith(whole)
                and answer.startswith("Answer: three.")
                and answer.endswith("It grows more, as Figure 3 would show.")
                and summary.endswith("In the end the model makes 1,200, as Figure 3 shows.")
            )

        _until(shown_whole, "a text lacks a value")
        folded = page.locator(".jp-MarkdownCell details", has_text="Answer: three")
        assert not folded.get_by_text("It grows").is_visible()
        folded.locator("summary").click()
        assert folded.get_by_text("It grows").is_visible()
        for text, target in (("Figure 3", "figure#demo-line"), ("Lavin & Ahmad 2015", "#lavin2015evaluating")):
            page.locator(".jp-MarkdownCell .myst a", has_text=text).first.click()
            page.wait_for_function(f"document.querySelector('{target}').getBoundingClientRect().top < innerHeight")
        assert page.locator(".jp-DirListing-itemText", has_text="part2_").all_inner_texts() == [
            f"{NAMES['part2']}.ipynb"
        ]
        assert page.locator(".jp-MarkdownCell .check").get_attribute("title") == "1,200 > 600"
        caption = page.locator("figure#demo-line figcaption").inner_text()
        assert caption == "Figure 3. A line, as the table (Table 2) says."
        assert page.locator("figure#demo-table figcaption").inner_text() == "Table 2. One number."
        save(page, lab, "demo")
    assert source.read_text(encoding="utf-8") == DEMO
    assert not pairing.renew(source), "what is saved is what `make pair` makes: no outputs, no values"
    assert (lab.root / "build" / "full-real" / "lab-figures" / "demo-line.png").exists()


def edit(page, cell: str, old: str, new: str) -> None:
    """Write `new` for `old` in the cell that holds the text, and run it, as a person does."""
    place = page.locator(".jp-Cell", has_text=cell).first
    editor = place.locator(".cm-content")

    def opens() -> bool:  # a rendered text may be drawn anew at any moment, when a value arrives
        if not editor.is_visible():
            place.locator(".myst").click()
            page.keyboard.press("Enter")  # a double click may be lost
        try:
            editor.click(timeout=3000)
        except TimeoutError:
            return False
        return editor.is_visible()

    _until(opens, f"the cell {cell!r} does not open")
    before = editor.inner_text().split(old)[0]
    page.keyboard.press("Control+Home")
    for key, times in (
        ("ArrowDown", before.count("\n")), ("ArrowRight", len(before.split("\n")[-1])), ("Delete", len(old)),
    ):  # fmt: skip
        for _ in range(times):
            page.keyboard.press(key)
    page.keyboard.type(new)
    page.keyboard.press("Shift+Enter")


def test_an_edit_changes_its_own_lines_and_the_values_that_rest_on_it(browser, lab):
    source = lab.root / "notebooks" / "demo.py"
    with notebook(browser, lab, "demo") as page:
        run_all(page)
        edit(page, "def model(x):", "2 * x", "3 * x")
        edit(page, "answer = model(600)", "600", "500")
        run_all(page)
        # Until then the values of the first run stand there.
        new = ("The model makes 1,500 of 600, and 12 of 4; it grows ✓.", "the model makes 1,500, as Figure 3 shows.")
        _until(lambda: all(words in text for words, text in zip(new, said(page)[2:6:3], strict=True)), "no new values")

        edit(page, "The model makes", "makes {eval}`number(answer)` of 600", "gives {eval}`number(answer + 1)` of 500")
        # jupyterlab-myst evaluates the expressions that the cell had before; a second run those that it has now.
        page.locator(".jp-MarkdownCell .myst", has_text="The model gives").click()
        page.keyboard.press("Shift+Enter")
        _until(lambda: "The model gives 1,501 of 500, and 12 of 4" in said(page)[2], "no second value")
        save(page, lab, "demo")
    assert lines_changed(DEMO, source.read_text(encoding="utf-8")) == [
        "-    return 2 * x",
        "+    return 3 * x",
        "-answer = model(600)",
        "+answer = model(500)",
        "-# The model makes {eval}`number(answer)` of 600,",
        "+# The model gives {eval}`number(answer + 1)` of 500,",
    ]


@pytest.mark.parametrize("key", RUN + OPENED)
def test_the_notebooks_of_the_report_keep_every_line(browser, lab, key):
    part = parts.find(key)
    source = lab.root / "notebooks" / f"{part.notebook}.py"
    before = source.read_text(encoding="utf-8")
    with notebook(browser, lab, part.notebook) as page:
        assert len(said(page)) > 3 and not [text for text in said(page) if "[@" in text]
        if part.key in RUN:
            run_all(page)
        save(page, lab, part.notebook)
    assert lines_changed(before, source.read_text(encoding="utf-8")) == []
    assert not pairing.renew(source)
