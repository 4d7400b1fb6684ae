"""One executed notebook as pandoc Markdown: a chapter of the report."""

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from study.page import PANDOC, fenced

# Tags of a cell, set in JupyterLab or in the percent format.
HIDE_INPUT = {"parameters", "injected-parameters", "setup", "hide-input"}
HIDE_CELL = "hide-cell"
ALLOW_STDERR = "allow-stderr"

_WIDGET = "application/vnd.jupyter.widget-view+json"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


class PublishError(Exception):
    """The report cannot be built; the message names the notebook and cell, and the remedy."""


def chapter(notebook: NotebookNode, name: str, code: bool = True) -> str:
    """The chapter that an executed notebook tells; without `code` the source of its cells is left out.

    `name` is what errors call the notebook. Raises PublishError for a cell that failed, was not run, wrote to stderr
    or shows what has no place in the report.
    """
    parts = []
    for position, cell in enumerate(notebook.cells, start=1):
        tags = set(cell.metadata.get("tags", []))
        where = f"{name}, cell {position}"
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code" and cell.source.strip():
            if cell.execution_count is None:
                raise PublishError(f"{where}: has not been run; execute the whole notebook")
            outputs = list(_outputs(cell.outputs, tags, where))
            if HIDE_CELL in tags:
                continue
            if code and not tags & HIDE_INPUT:
                parts.append(fenced(cell.source.strip(), "{.python .source}"))
            parts += outputs
    titles = sum(_count_titles(cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    if titles != 1:
        raise PublishError(f"{name}: has {titles} headings of level one (#), needs one, the title of its chapter")
    return "\n\n".join(parts) + "\n"


def _outputs(outputs: list[NotebookNode], tags: set[str], where: str) -> Iterator[str]:
    text = ""
    for output in outputs:
        if output.output_type == "error":
            raise PublishError(f"{where}: failed with {output.ename}: {output.evalue}; repair it and run it again")
        if output.output_type == "stream":
            if output.name == "stdout":
                text += output.text
            elif ALLOW_STDERR not in tags:
                raise PublishError(
                    f"{where}: wrote to stderr: {output.text.strip()[:300]!r}; "
                    f"remove the cause, or tag the cell {ALLOW_STDERR} to leave it out of the report"
                )
            continue
        bundle = output.data
        if PANDOC in bundle:
            yield from _text_block(text)
            text = ""
            yield bundle[PANDOC]
        elif set(bundle) == {"text/plain"}:
            text += bundle["text/plain"] + "\n"
        elif _WIDGET not in bundle:
            raise PublishError(
                f"{where}: shows {', '.join(bundle)} without number and caption; "
                "use page.figure, page.plot, page.table or page.say"
            )
    yield from _text_block(text)


def _text_block(text: str) -> Iterator[str]:
    """Printed text as a reader saw it last: a progress line shows its final state only."""
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in _ANSI.sub("", text).split("\n")]
    shown = "\n".join(lines).strip("\n")
    if shown:
        yield fenced(shown, "{.output}")


def _count_titles(markdown: str) -> int:
    titles, fence = 0, None
    for line in markdown.splitlines():
        mark = _FENCE.match(line)
        if mark and fence is None:
            fence = mark[1]
        elif mark and mark[1].startswith(fence):
            fence = None
        elif fence is None and re.match(r" {0,3}#\s", line):
            titles += 1
    return titles
