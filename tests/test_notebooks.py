"""The notebooks as their author has them: text and .ipynb in step, no outputs, no result typed by hand."""

import ast
import re
import tomllib

import jupytext
import nbformat
import pytest

from study import parts, paths
from study.publish import PublishError, front

SOURCES = sorted(paths.NOTEBOOKS.glob("*.py"))


def test_every_part_has_its_notebook():
    assert {part.source for part in parts.PARTS} == set(SOURCES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_text_and_ipynb_are_in_step(source):
    text, paired = jupytext.read(source), nbformat.read(source.with_suffix(".ipynb"), as_version=4)

    def cells(notebook):
        return [(c.cell_type, c.source, c.metadata.get("tags", [])) for c in notebook.cells]

    assert cells(text) == cells(paired), f"run `make pair` after a change of {source.name}"
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in paired.cells)
    assert paired.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_saving_in_jupyterlab_changes_nothing_but_what_the_author_changed(source):
    assert jupytext.writes(jupytext.read(source.with_suffix(".ipynb")), fmt="py:percent") == source.read_text()


SHOWS = ("say", "figure", "plot", "table")  # methods of study.page.Page that take text


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_no_measured_result_is_typed_by_hand(source):
    """Decimals and percentages with a decimal in prose, or in the fixed text of sentences and captions, are results."""
    typed = re.compile(r"(?<![\w.=-])\d+\.\d+(?!\w*[)\]}])|\d+\.\d+ ?%")
    for cell in jupytext.read(source).cells:
        text = cell.source if cell.cell_type != "code" else " ".join(_fixed_text(cell.source))
        found = typed.findall(re.sub(r"`[^`]*`|\[[^\]]*\]\([^)]*\)|\$[^$]*\$", "", text))
        assert not found, f"{source.name}: typed by hand: {found}"


def _fixed_text(code):
    """The text in what a cell shows that is not computed."""
    for call in ast.walk(ast.parse(code)):
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in SHOWS:
            for value in (*call.args, *(keyword.value for keyword in call.keywords)):
                for part in [value] if not isinstance(value, ast.JoinedStr) else value.values:
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value


@pytest.mark.parametrize("part", parts.PARTS, ids=lambda p: p.key)
def test_every_question_of_the_assignment_has_its_heading(part):
    assigned = tomllib.loads(paths.ASSIGNMENT.read_text(encoding="utf-8"))
    assert part.key in assigned, f"{paths.ASSIGNMENT.name} lacks the points and questions of {part.key}"
    assert len(front.questions(part)) == 1 + len(assigned[part.key]["questions"])


def test_a_question_without_its_heading_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ASSIGNMENT", tmp_path / "assignment.toml")
    paths.ASSIGNMENT.write_text('[part1]\ntitle = "Part I"\npoints = 10\nquestions = ["Why?"]\n')
    with pytest.raises(PublishError, match="no heading “Why\\?”: repeat the question there, or correct .*assignment"):
        front.questions(parts.find("part1"))
