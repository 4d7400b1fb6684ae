"""Notebooks run headlessly, fail loudly, and run again only when something that they depend on has changed."""

import nbformat
import pytest

from study.publish import PublishError
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


def test_parameters_are_injected_and_the_result_is_complete(source, tmp_path):
    target = tmp_path / "out" / "demo.ipynb"
    execute(source(), target, {"number": 21})
    assert printed(target) == "twice 42\n"
    assert [p.name for p in target.parent.iterdir()] == ["demo.ipynb"]


def test_unknown_parameter_is_refused_before_anything_runs(source, tmp_path):
    with pytest.raises(PublishError, match="unknown parameter nubmer; its parameters cell has number"):
        execute(source(), tmp_path / "out.ipynb", {"nubmer": 3})
    assert not (tmp_path / "out.ipynb").exists()


def test_missing_parameters_tag_is_refused(source, tmp_path):
    with pytest.raises(PublishError, match='0 cells are tagged "parameters"'):
        execute(source(BODY.replace(' tags=["parameters"]', "")), tmp_path / "out.ipynb", {})


def test_missing_kernel_is_refused(source, tmp_path):
    with pytest.raises(PublishError, match="names no python3 kernel; run `jupytext --set-kernel"):
        execute(source(header=""), tmp_path / "out.ipynb", {})


def test_a_failed_cell_keeps_the_earlier_result_and_names_the_cell(source, tmp_path):
    target = tmp_path / "demo.ipynb"
    execute(source(), target, {"number": 1})
    before = target.read_bytes()
    with pytest.raises(PublishError, match="ZeroDivisionError"):
        execute(source(BODY + "\n# %%\n1 / 0\n"), target, {"number": 1})
    assert target.read_bytes() == before
    assert "ZeroDivisionError" in (tmp_path / "demo.failed.ipynb").read_text()


def test_only_code_parameters_and_inputs_make_it_stale(source, tmp_path):
    target = tmp_path / "demo.ipynb"
    assert not is_fresh(source(), target, {"number": 1}, "a")
    execute(source(), target, {"number": 1}, "a")
    assert is_fresh(source(), target, {"number": 1}, "a")
    assert is_fresh(source(BODY.replace("First words", "Other words")), target, {"number": 1}, "a")
    assert not is_fresh(source(BODY.replace("2 * number", "3 * number")), target, {"number": 1}, "a")
    assert not is_fresh(source(), target, {"number": 2}, "a")
    assert not is_fresh(source(), target, {"number": 1}, "b")


@pytest.mark.parametrize("harm", [b"", b'{"cells": [', b"\xff{}", b"[]", b"{}", b'{"nbformat": 4, "cells": 3}'])
def test_a_damaged_notebook_is_told_and_stale(source, tmp_path, capsys, harm):
    target = tmp_path / "demo.ipynb"
    target.write_bytes(harm)
    assert not is_fresh(source(), target, {}, "")
    assert f"Damaged notebook {target}" in capsys.readouterr().out


def test_a_change_of_prose_is_taken_over_without_running(source, tmp_path):
    target = tmp_path / "demo.ipynb"
    execute(source(), target, {"number": 4})
    changed = source(BODY.replace("First words.", "Better words.") + "\n# %% [markdown]\n# An end.\n")
    refresh_prose(changed, target)
    texts = [c.source for c in nbformat.read(target, as_version=4).cells if c.cell_type == "markdown"]
    assert texts == ["# Title\n\nBetter words.", "An end."]
    assert printed(target) == "twice 8\n"
    with pytest.raises(PublishError, match="other code"):
        refresh_prose(source(BODY.replace("twice", "thrice")), target)


def test_the_key_does_not_depend_on_the_order_of_parameters(source):
    notebook = read_source(source())
    assert key_of(notebook, {"a": 1, "b": 2}, "") == key_of(notebook, {"b": 2, "a": 1}, "")


def test_a_killed_kernel_is_told_and_the_earlier_result_stays(source, tmp_path):
    """As the system kills it when the memory is full."""
    target = tmp_path / "demo.ipynb"
    execute(source(), target, {})
    before = target.read_bytes()
    with pytest.raises(PublishError, match="demo.py: its kernel died; the memory may be full"):
        execute(source(BODY + "\n# %%\nimport os\nos.kill(os.getpid(), 9)\n"), target, {})
    assert target.read_bytes() == before
