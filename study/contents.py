"""What JupyterLab reads and writes: a notebook is shown with numbers, references and a hint, and saved without them.

On disk stay the two forms that `study.pairing` makes, without outputs: saving changes no line that was not edited.
"""

import re
from typing import Any

import jupytext
import nbformat
import pypandoc
from jupytext.async_contentsmanager import AsyncTextFileContentsManager
from nbformat import NotebookNode

from study import links, pairing, paths
from study.tags import ANSWER

HINT = (
    "*“The original” is the course report whose numbers and claims are judged here; a verdict says whether one "
    "holds, and the scorecard in report/report.html has them all. Run All fills in the numbers, once it has ended "
    "without an error; ✓ marks a statement whose direction or margin was checked; ●●● opens hidden code. "
    "To undo your changes, type git checkout notebooks in a terminal.*"
)

_KEY = re.compile(r"^@\w+\{([\w-]+),", flags=re.M)
_ENTRY = re.compile(r'<div id="ref-([\w-]+)"[^>]*>\s*(.*?)\s*</div>', flags=re.S)
# Run All opens every Markdown cell, so an answer to “Try it” is shown as a line that opens at a click.
_ANSWER = re.compile(r"\*\*(Answer: [^\n]*)\*\*\n(.*)", flags=re.S)
_FOLDED = re.compile(r":::\{dropdown\} (Answer: [^\n]*)\n(.*)\n:::\s*", flags=re.S)
_ADDED = {"added": True, "deletable": False, "editable": False}


class Manager(AsyncTextFileContentsManager):
    """Jupytext's manager; notebooks that are paired with a text are decorated when read, and plain when written."""

    async def get(
        self, path: str, content: bool = True, type: str | None = None, format: str | None = None, **options: Any
    ) -> dict:
        model = await super().get(path, content=content, type=type, format=format, **options)
        if content and model["type"] == "notebook" and is_paired(model["content"]):
            decorate(model["content"], links.of_report())
        return model

    async def save(self, model: dict, path: str = "") -> dict | None:
        if model["type"] == "notebook":
            notebook = nbformat.from_dict(model["content"])
            if is_paired(notebook):
                model = {**model, "content": plain(notebook, links.of_report())}
        return await super().save(model, path)


def is_paired(notebook: NotebookNode) -> bool:
    return "py:percent" in notebook.metadata.get("jupytext", {}).get("formats", "")


def decorate(notebook: NotebookNode, numbers: links.Numbers) -> None:
    """Add the hint, numbers of figures and tables to links, and the references that the prose cites; fold answers."""
    prose = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    sources = references([name for cell in prose for name in links.targets(cell.source)])
    for cell in prose:
        cell.source = links.numbered(cell.source, numbers)
        if ANSWER in cell.metadata.get("tags", []) and (found := _ANSWER.fullmatch(cell.source)):
            cell.source = f":::{{dropdown}} {found[1]}\n{found[2]}\n:::"
            cell.metadata.pop("jupyter", None)  # its source need not be hidden any more
    notebook.cells.insert(0, _added("hint", HINT))
    if sources:
        notebook.cells.append(_added("references", f"## References\n\n{sources}"))


def plain(notebook: NotebookNode, numbers: links.Numbers) -> NotebookNode:
    """The notebook as `study.pairing` makes it of its text: without what `decorate` adds, outputs and values."""
    notebook.cells = [cell for cell in notebook.cells if not cell.metadata.get("added")]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = links.unnumbered(_FOLDED.sub(r"**\1**\n\2", cell.source), numbers)
    return pairing.of_text(jupytext.writes(notebook, fmt=pairing.PERCENT))


def references(names: list[str]) -> str:
    """The sources of the bibliography among some names, each with its name as a target, as MyST Markdown."""
    known = _KEY.findall(paths.BIBLIOGRAPHY.read_text(encoding="utf-8"))
    wanted = ", ".join(f"@{name}" for name in dict.fromkeys(names) if name in known)
    if not wanted:
        return ""
    listed = pypandoc.convert_text(
        f"---\nnocite: '{wanted}'\n---\n", "gfm", format="markdown",
        extra_args=["--citeproc", f"--bibliography={paths.BIBLIOGRAPHY}", "--wrap=none"],
    )  # fmt: skip
    return "\n\n".join(f"({name})=\n{text}" for name, text in _ENTRY.findall(listed))


def _added(name: str, source: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(source, id=name, metadata=dict(_ADDED))
