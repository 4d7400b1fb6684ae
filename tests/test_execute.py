"""Notebooks run headlessly, fail loudly, and run again only when something that they depend on has changed."""

import errno
import os
import shutil

import nbformat
import numpy as np
import papermill
import pytest
from documents import code, markdown, reply
from nbformat.v4 import new_notebook

from study.checks import holds
from study.page import PANDOC
from study.publish import chapters, inline, outputs, tree
from study.publish import execute as execution
from study.publish.errors import PublishError
from study.publish.execute import execute, is_fresh, key_of, read_source, refresh_prose

HEADER = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

"""
BODY = """# %% [markdown]
# # Title
#
# First words.

# %% tags=["parameters"]
number = 1

# %%
print("twice", 2 * number)
"""


INLINE = (
    BODY
    + """
# %%
from study.checks import holds

def twice(x):
    return f"{2 * x} < 100"

# %% [markdown]
# It doubles {eval}`number` to {eval}``twice(number)``, which is more {eval}`holds(2 * number, ">", number)`. No `value`
# is {eval} `this`, nor `{eval}`, nor ``{eval}`that` ``.
"""
)


GIVEN = {"number": 21}, "a"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The folder of a notebook with inline values, and of what came of it, executed once."""
    folder = tmp_path_factory.mktemp("inline")
    (folder / "demo.py").write_text(HEADER + INLINE)
    execute(folder / "demo.py", folder / "demo.ipynb", *GIVEN)
    return folder


@pytest.fixture
def target(executed, tmp_path):
    return shutil.copy(executed / "demo.ipynb", tmp_path / "demo.ipynb")


@pytest.fixture
def source(tmp_path):
    def write(body=BODY, header=HEADER):
        file = tmp_path / "demo.py"
        file.write_text(header + body)
        return file

    return write


def printed(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    return "".join(o.text for c in cells if c.cell_type == "code" for o in c.outputs if o.output_type == "stream")


def test_parameters_are_injected_and_the_result_is_complete(executed):
    assert printed(executed / "demo.ipynb") == "twice 42\n"
    assert {path.name for path in executed.iterdir()} == {"demo.py", "demo.ipynb"}


@pytest.mark.parametrize(
    ("body", "header", "message"),
    [
        (BODY, HEADER, "unknown parameter nubmer; its parameters cell has number"),
        (BODY.replace(' tags=["parameters"]', ""), HEADER, '0 cells are tagged "parameters"'),
        (BODY, "", "names no python3 kernel; run `jupytext --set-kernel"),
    ],
)
def test_what_papermill_cannot_run_is_refused_before_anything_runs(source, tmp_path, body, header, message):
    with pytest.raises(PublishError, match=message):
        execute(source(body, header), tmp_path / "out.ipynb", {"nubmer": 3})
    assert not (tmp_path / "out.ipynb").exists()


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1 / 0", r"demo.py, code cell 3: ZeroDivisionError.*\nThe notebook up to there: .*failed.ipynb"),
        # As the system kills it when the memory is full.
        ("import os\nos.kill(os.getpid(), 9)", "demo.py: its kernel died; the memory may be full"),
    ],
    ids=["fails", "kills"],
)
def test_a_failed_cell_or_killed_kernel_is_told_and_the_earlier_result_stays(source, target, cell, message):
    before = target.read_bytes()
    with pytest.raises(PublishError, match=message):
        execute(source(f"{BODY}\n# %%\n{cell}\n"), target, {})
    assert target.read_bytes() == before
    failed = target.with_suffix(".failed.ipynb")
    assert failed.exists() == ("failed" in message) and (not failed.exists() or "ZeroDivision" in failed.read_text())


def test_only_code_parameters_and_inputs_make_it_stale(source, target):
    fresh = lambda old="", new="", given=GIVEN: is_fresh(source(INLINE.replace(old, new)), target, *given)  # noqa: E731
    assert fresh() and fresh("First words", "Other words")
    assert not fresh("2 * number", "3 * number") and not fresh(given=({"number": 2}, "a"))
    assert not fresh(given=({"number": 21}, "b")) and not is_fresh(source(INLINE), target.parent / "none.ipynb", *GIVEN)


@pytest.mark.parametrize("harm", [b"", b'{"cells": [', b"\xff{}", b"[]", b"{}", b'{"nbformat": 4, "cells": 3}'])
def test_a_damaged_notebook_is_told_and_stale(source, tmp_path, capsys, harm):
    target = tmp_path / "demo.ipynb"
    target.write_bytes(harm)
    assert not is_fresh(source(), target, {}, "")
    assert f"Damaged notebook {target}" in capsys.readouterr().out


DRAWS = f"""
# %%
from pathlib import Path
for name in ("one", "two"):
    for kind in ("svg", "png"):
        Path(f"figures/{{name}}.{{kind}}").write_text(name)
    print(name)
shown = '::: {{#fig:one .figure image="one.svg"}}\\nOne.\\n:::'
get_ipython().display_pub.publish({{"{PANDOC}": shown, "text/plain": "one"}})
"""


def test_a_figure_that_is_missing_or_changed_makes_it_stale(source, tmp_path):
    target, figures = tmp_path / "demo.ipynb", tmp_path / "figures"
    figures.mkdir()
    execute(source(BODY + DRAWS), target, {}, "a", figures)
    given = source(BODY + DRAWS), target, {}, "a", figures
    (figures / "two.svg").unlink()  # which the notebook does not show
    assert is_fresh(*given)
    for harm in (lambda file: file.unlink(), lambda file: file.write_text("other")):
        for kind in ("svg", "png"):
            harm(figures / f"one.{kind}")
            assert not is_fresh(*given)
            (figures / f"one.{kind}").write_text("one")
            assert is_fresh(*given)


def test_a_full_disk_is_told_with_the_file(source, tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for where, name in ((nbformat, "write"), (papermill, "execute_notebook")):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, full)
            with pytest.raises(OSError, match=r"can't write the file: No space left.*\.ipynb'$") as told:
                execute(source(), tmp_path / "demo.ipynb", {})
        assert str(tmp_path) in str(told.value)
    assert [file.name for file in tmp_path.iterdir()] == ["demo.py"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TimeoutError("(60 s)"), r"did not answer in time \(60 s\); the machine may be overloaded"),  # no full disk
        (RuntimeError("no port"), r"does not start \(no port\). The environment may be damaged: delete .venv"),
    ],
)
def test_a_kernel_that_does_not_answer_or_start_is_told(source, tmp_path, monkeypatch, error, message):
    def fail(*given, **options):
        raise error

    monkeypatch.setattr("papermill.execute_notebook", fail)
    with pytest.raises(PublishError, match=message):
        execute(source(), tmp_path / "demo.ipynb", {})


def test_the_key_does_not_depend_on_the_order_of_parameters(source):
    notebook = read_source(source())
    assert key_of(notebook, {"a": 1, "b": 2}, "") == key_of(notebook, {"b": 2, "a": 1}, "")


def values(notebook):
    replies = [reply for cell in notebook.cells for reply in cell.metadata.get(inline.REPLIES, [])]
    return {reply["expression"]: inline.value_of(reply["expression"], reply["result"], "here") for reply in replies}


def test_inline_values_are_kept_where_jupyterlab_keeps_them(target):
    notebook = nbformat.read(target, as_version=4)
    assert values(notebook) == {
        "number": "21", "twice(number)": "42 < 100", 'holds(2 * number, ">", number)': holds(42, ">", 21),
    }  # fmt: skip
    assert notebook.cells[-1].metadata[inline.REPLIES][0] == {
        "expression": "number", "result": {"status": "ok", "data": {"text/plain": "21"}, "metadata": {}},
    }  # fmt: skip


def test_prose_moves_with_its_values_and_new_expressions_run(source, target):
    moved = INLINE.replace("It doubles {eval}`number` to", "From") + "\n# %% [markdown]\n# Anew, {eval}`number`.\n"
    assert is_fresh(source(moved), target, *GIVEN)
    refresh_prose(source(moved), target)
    cells = nbformat.read(target, as_version=4).cells
    assert [reply["expression"] for reply in cells[-1].metadata[inline.REPLIES]] == ["number"]
    assert cells[-1].source == "Anew, {eval}`number`." and cells[-2].source.startswith("From {eval}``twice(number)``")
    assert printed(target) == "twice 42\n"
    for new in (INLINE + "\n# %% [markdown]\n# {eval}`number + 1`\n", INLINE.replace("twice", "thrice")):
        assert not is_fresh(source(new), target, *GIVEN)
        with pytest.raises(PublishError, match="other code"):
            refresh_prose(source(new), target)
    earlier = INLINE.replace("First words.", "First {eval}`number`.")
    assert not is_fresh(source(earlier), target, *GIVEN), "above the cell that binds it, it would be another value"


def test_tags_are_taken_over_without_running(source, target):
    refresh_prose(source(INLINE.replace("# %%\nprint", '# %% tags=["hide-input"]\nprint')), target)
    assert ["hide-input"] in [cell.metadata.get("tags") for cell in nbformat.read(target, as_version=4).cells]


def test_an_inline_value_that_fails_names_notebook_cell_and_expression(source, tmp_path):
    target = tmp_path / "demo.ipynb"
    text = BODY + "\n# %% [markdown]\n# One {eval}`number`, and {eval}`1 / 0`.\n\n# %%\nraise SystemExit\n"
    with pytest.raises(
        PublishError, match="(?s)^demo.py, cell 4: the inline value “1 / 0” fails with ZeroDivisionError"
    ):
        execute(source(text), target, {"number": 1})
    assert not target.exists() and "ZeroDivisionError" in (tmp_path / "demo.failed.ipynb").read_text()


def test_a_kernel_that_dies_of_an_inline_value_is_told(source, tmp_path):
    text = BODY + '\n# %% [markdown]\n# {eval}`__import__("os")._exit(1)`\n'
    with pytest.raises(PublishError, match="demo.py: its kernel died"):
        execute(source(text), tmp_path / "demo.ipynb", {})


def test_inline_values_do_not_take_for_ever(source, tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "EXPRESSION_SECONDS", 1)
    text = BODY + '\n# %% [markdown]\n# {eval}`__import__("time").sleep(60)`\n'
    with pytest.raises(PublishError, match="demo.py, cell 4: its inline values took longer than 1 s"):
        execute(source(text), tmp_path / "demo.ipynb", {})


STUDENT = (
    BODY
    + """
# %%
import sys, warnings
import matplotlib.pyplot as plt
import pandas as pd
import plotly.graph_objects as go
rows = pd.DataFrame({"share": [0.5, 0.25]})
warnings.warn("careful")
print("progress", end="\\r", file=sys.stderr)
rows

# %%
fig, ax = plt.subplots()
ax.plot([1, 2])
ax.set_xlabel("day")

# %%
fig, ax = plt.subplots()
ax.plot([1, 2])
ax.set_xlabel("day")
plt.show()

# %%
go.Figure(go.Scatter(y=[1, 2]))
"""
)


@pytest.mark.slow
def test_what_a_student_writes_is_shown_the_same_each_time(source, tmp_path):
    execute(source(STUDENT), tmp_path / "demo.ipynb", {})
    notebook = nbformat.read(tmp_path / "demo.ipynb", as_version=4)
    table, first, again, chart = (outputs.shown_by(cell.outputs, "here", tmp_path) for cell in notebook.cells[3:])
    assert "0.25" in tree.text(table[0])
    ((shown,),) = first
    image = next(tree.find(shown, "Image"))
    drawing = (tmp_path / image["c"][2][0]).read_text()
    assert first == again and tree.attribute(image, "alt") == "day" and drawing.startswith("<?xml")
    assert "<text" not in drawing and "<dc:date>" not in drawing
    assert [tree.has_class(block, "Div", "chart") for item in chart for block in item] == [True]
    assert chapters.warnings(notebook, "demo.py") == ["demo.py, cell 4: UserWarning: careful"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1.5, "gives 1.5"), (None, "gives None"), (float("nan"), "gives nan"), (np.float64(2), r"gives np.float64\(2"),
        (np.int64(2), r"gives np.int64\(2\).*number\(x, 2\)"), (True, "gives True"), (["a"], r"gives \['a'\]"),
        ("", "gives ''"), (" \n", "gives .*no control signs"), ("a\x1b[31m", "gives .*no control"),
        (np.arange(999), r"gives array\(\["),
    ],
)  # fmt: skip
def test_what_is_no_inline_value_is_refused_by_name(value, told):
    with pytest.raises(PublishError, match=f"(?s)^n.py, cell 3: the inline value “x” {told}"):
        inline.value_of("x", reply(value), "n.py, cell 3")


@pytest.mark.parametrize(
    ("value", "text"),
    [("it's", "it's"), ("\"'\\", "\"'\\"), (-1234, "−1234"), ("a\nb", "a\nb"), (holds(1, "<", 2), holds(1, "<", 2))],
)
def test_text_whole_numbers_and_checks_are_inline_values(value, text):
    assert inline.value_of("x", reply(value), "here") == text


def test_one_expression_has_one_value_in_a_notebook():
    cells = [markdown("{eval}`x`", x="1"), code("x = 2"), markdown("Now {eval}`x`", x="2")]
    with pytest.raises(
        PublishError, match="n.py, cell 3: the inline value “x” is 2 here and 1 above: bind a name used"
    ):
        inline.all_replies(new_notebook(cells=cells), "n.py")
    cells[-1] = markdown("Now {eval}`x`", x="1")
    assert list(inline.all_replies(new_notebook(cells=cells), "n.py")) == ["x"]


@pytest.mark.parametrize(
    ("prose", "told"),
    [
        ("## All {eval}`n` of them", "“n” stands in a heading"),
        ("All {eval}`n`\n===", "“n” stands in a heading"),
        ("{eval}``a`b``", "holds a backtick"),
        ("{eval}`a | b`", "holds a pipe: compute it in a code cell above"),
        ("{eval}`" + "a + " * 25 + "a`", "has 101 characters, at most 100"),
        ("{eval}`  `", "is empty"),
    ],
)
def test_an_expression_that_would_be_misread_is_refused_before_anything_runs(source, prose, told):
    text = BODY + "\n# %% [markdown]\n" + "".join(f"# {line}\n" for line in prose.split("\n"))
    with pytest.raises(PublishError, match=f"^demo.py, cell 4: the inline value .*{told}"):
        read_source(source(text))


@pytest.mark.parametrize(
    "text",
    [
        "`{eval}`", "``{eval}`x` ``", "{eval} `x`", "eval`x`", "\\{eval}`x`", "```\n{eval}`x`\n```", "    {eval}`x`",
        "~~~~\n{eval}`x`\n~~~\n~~~~", "<!--\n{eval}`x`\n-->",
    ],
)  # fmt: skip
def test_what_stands_in_code_is_no_expression(text):
    assert inline.expressions(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{eval}`x`{eval}``y[`0`]``.", ["x", "y[`0`]"]),
        ("({eval}`a +\nb`)", ["a + b"]),
        ("- {eval}`a`\n\n> **{eval}`b`**\n\n| h |\n|---|\n| {eval}`c` |\n\n[{eval}`d`](#e)", ["a", "b", "c", "d"]),
    ],
)
def test_expressions_are_found_wherever_prose_stands(text, found):
    assert inline.expressions(text) == found
