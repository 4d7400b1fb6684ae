"""Executed notebooks as pages to read anywhere (`make report NOTEBOOKS=html`): nbconvert's, with values in prose."""

import re
from pathlib import Path

import nbformat
import pypandoc
from nbconvert import HTMLExporter

from study import contents, links
from study.checks import Check
from study.files import write_atomically
from study.page import escape
from study.publish import inline
from study.publish.outputs import WIDGET
from study.publish.render import READER

_VALUE = re.compile(r"\{eval\}(`+)(.+?)\1", flags=re.S)
_LEFT_OUT = {"mathjax_url": "", "require_js_url": "", "jquery_url": ""}
"""Scripts that nbconvert would ask the network for; formulas are MathML."""


def write(executed: Path, folder: Path) -> Path:
    """Write `<name>.html` of an executed notebook and return its path. Raises PublishError for a missing value."""
    notebook = nbformat.read(executed, as_version=4)
    numbers, cited = links.of_report(), []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            cited += links.targets(cell.source)
            values = inline.values_of(cell, inline.place(notebook, index, executed.name))
            cell.source = links.numbered(
                _VALUE.sub(lambda found, values=values: _shown(found, values), cell.source), numbers
            )
        elif cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr" and WIDGET not in o.get("data", {})]
    notebook.cells = [cell for cell in notebook.cells if not inline.is_injected(cell)]
    sources = re.sub(r"^\((.+)\)=$", r"[]{#\1}", contents.references(cited), flags=re.M)
    notebook.cells += [nbformat.v4.new_markdown_cell(f"## References\n\n{sources}")] if sources else []
    exporter = HTMLExporter(filters={"markdown2html": _html}, **_LEFT_OUT)
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": executed.stem}})
    page = folder / f"{executed.stem}.html"
    write_atomically(page, body.encode())
    return page


def _html(markdown: str) -> str:
    """As the report reads it."""
    return pypandoc.convert_text(markdown, "html", format=READER, extra_args=["--mathml"])


def _shown(found: re.Match, values: dict[str, inline.Value]) -> str:
    value = values.get(inline.same(found[2]))
    if value is None:
        return found[0]
    title = f'title="{value.compared}"' if isinstance(value, Check) else ""
    return f"[{escape(str(value))}]{{.value {title}}}"
