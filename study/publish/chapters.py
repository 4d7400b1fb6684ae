"""One executed notebook as a chapter of the report: pandoc Markdown, and what is put into it afterwards.

Before each cell stands an empty Div of class `cell`, and an empty Div of class `shown` wherever a cell shows an object;
`study.publish.filling` finds the places by them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from study.page import fenced
from study.publish import inline, outputs
from study.publish.errors import PublishError
from study.publish.tree import Element
from study.tags import ANSWER, HIDE_CELL, HIDE_INPUT, MODEL, SUMMARY

CELL, SHOWN = "cell", "shown"
"""Classes of the Divs that mark a place."""

_FENCE = re.compile(r"^ {0,3}(`{3,}(?=[^`\n]*$)|~{3,})", flags=re.M)
_FENCED = re.compile(_FENCE.pattern + r".*\n(?:.*\n)*? {0,3}\1[`~]*[ \t]*$", flags=re.M)
_TRY_IT = re.compile(r"^\*\*Try it.*(?:\n.+)*", flags=re.M)


@dataclass(frozen=True)
class Cell:
    """A place in the report: what errors call it, and the inline values of its Markdown in reading order."""

    where: str
    expressions: tuple[str, ...] = ()
    values: Mapping[str, inline.Value] = field(default_factory=dict)
    summary: bool = False


@dataclass(frozen=True)
class Chapter:
    """A notebook as Markdown with marked places; cells and objects' blocks by the keys of their marks."""

    name: str
    markdown: str
    cells: Mapping[str, Cell]
    shown: Mapping[str, list[Element]]


def chapter(notebook: NotebookNode, name: str, figures: Path, code: bool = True) -> Chapter:
    """The chapter that an executed notebook tells; without `code` the source of its cells is left out.

    The code of cells tagged `model` stays; hidden code stands, of class `behind`, after what it shows; in the place of
    Markdown cells tagged `answer` stands a link to where `answers` puts them. `name` is what errors call the notebook;
    files of objects go to `figures`. Raises PublishError for a cell that failed or was not run, an inline value that is
    missing or none, and a summary that is not the last prose.
    """
    parts, cells, shown, titles = [], {}, {}, 0
    last = max((i for i, cell in enumerate(notebook.cells) if cell.cell_type == "markdown"), default=None)
    for index, cell in enumerate(notebook.cells):
        tags, where = _tags(cell), inline.place(notebook, index, name)
        if SUMMARY in tags and index != last:
            raise PublishError(
                f"{where}: is tagged {SUMMARY}; only the last Markdown cell can be the chapter's summary"
            )
        if not cell.source.strip() or cell.cell_type == "raw" or inline.is_injected(cell):
            continue
        if ANSWER in tags:
            _link_answer(parts, f"[Answer](#{_answer(name, index)}){{.answer}}")
            continue
        parts.append(mark(CELL, where))
        if cell.cell_type == "markdown":
            found = tuple(map(inline.same, inline.expressions(cell.source)))
            cells[where] = Cell(where, found, inline.values_of(cell, where), SUMMARY in tags)
            parts.append(cell.source)
            titles += _titles(cell.source, where)
            continue
        cells[where] = Cell(where)
        if cell.execution_count is None:
            raise PublishError(f"{where}: has not been run; execute the whole notebook")
        items = outputs.shown_by(cell.outputs, where, figures)
        if HIDE_CELL in tags:
            continue
        if MODEL in tags or (code and not tags & HIDE_INPUT):
            parts.append(fenced(cell.source.strip(), "{.python .definition}" if MODEL in tags else "{.python .source}"))
        for number, item in enumerate(items, start=1):
            if isinstance(item, str):
                parts.append(item)
            else:
                shown[f"{where}, output {number}"] = item
                parts.append(mark(SHOWN, f"{where}, output {number}"))
        if code and items and tags & HIDE_INPUT:
            parts.append(fenced(cell.source.strip(), "{.python .behind}"))
    if titles != 1:
        raise PublishError(f"{name}: has {titles} headings of level one (#), needs one, the title of its chapter")
    return Chapter(name, "\n\n".join(parts) + "\n", cells, shown)


def answers(notebook: NotebookNode, name: str) -> list[str]:
    """The Markdown of the answers to “Try it”, for the appendix. Raises PublishError for one with inline values."""
    found = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and ANSWER in _tags(cell):
            if inline.expressions(cell.source):
                raise PublishError(f"{inline.place(notebook, index, name)}: an answer can't hold inline values")
            found.append(f"::: {{#{_answer(name, index)}}}\n{cell.source}\n\n:::")
    return found


def _link_answer(parts: list[str], link: str) -> None:
    """Put the link to an answer at the end of its question, the last paragraph “Try it”, or below all if none is."""
    for i in reversed(range(len(parts))):
        if questions := list(_TRY_IT.finditer(parts[i])):
            end = questions[-1].end()
            parts[i] = f"{parts[i][:end]} {link}{parts[i][end:]}"
            return
    parts.append(link)


def _answer(name: str, index: int) -> str:
    """The identifier of an answer, by its notebook and cell."""
    return f"answer-{Path(name).stem.replace('_', '-')}-{index}"


def mark(kind: str, key: str) -> str:
    """The Markdown of an empty Div that marks a place."""
    quoted = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'::: {{.{kind} key="{quoted}"}}\n:::'


def warnings(notebook: NotebookNode, name: str) -> list[str]:
    """What the cells of an executed notebook wrote to stderr, each line with its place."""
    return [
        f"{inline.place(notebook, index, name)}: {line}"
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and "allow-stderr" not in _tags(cell)
        for line in outputs.warnings(cell.outputs)
    ]


def _tags(cell: NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _titles(markdown: str, where: str) -> int:
    """How many headings of level one a cell has. Raises PublishError for what it opens and does not close."""
    plain = _FENCED.sub("", markdown)
    opened = _FENCE.search(plain)
    if opened:
        raise PublishError(f"{where}: opens a code block with {opened[1]} and does not close it")
    divs = [line for line in plain.splitlines() if line.startswith(":::")]
    if len(divs) != 2 * sum(bool(line.strip(": ")) for line in divs):
        raise PublishError(f"{where}: needs as many closing lines ::: as opening ones")
    return len(re.findall(r"^ {0,3}#\s", plain, flags=re.M))
