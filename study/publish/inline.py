"""Inline values: ``{eval}`expression` `` in a Markdown cell, and what the kernel answers to it."""

import ast
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from nbformat import NotebookNode

from study.checks import CHECK, Check
from study.publish.errors import PublishError

ROLE = "{eval}"
LONGEST = 100
"""Characters of an expression: a longer one is computed in a code cell and given a name."""
REPLIES = "user_expressions"
"""The place in a Markdown cell's metadata where jupyterlab-myst keeps the kernel's replies, and so do we."""

Value = str | Check
Replies = Mapping[str, Mapping[str, Any]]

# Without "text_join" an escaped brace stays a token of its own, so that \{eval} is no role.
_READER = MarkdownIt("commonmark").enable("table").disable("text_join")


def expressions(markdown: str) -> list[str]:
    """The expressions of a Markdown text in reading order; what stands in code is none."""
    return [expression for expression, _ in _found(markdown)]


def _found(markdown: str) -> list[tuple[str, bool]]:
    """Each expression, and whether it stands in a heading."""
    found, block = [], ""
    for token in _READER.parse(markdown) if ROLE in markdown else []:
        for before, child in pairwise(token.children or []):
            if child.type == "code_inline" and before.type == "text" and before.content.endswith(ROLE):
                found.append((child.content.strip(), block == "heading_open"))
        block = token.type
    return found


def named(expression: str) -> str:
    """An expression as errors name it, not in a form that is itself an inline value."""
    return f"the inline value “{expression}”"


def same(expression: str) -> str:
    """An expression as documents and kernel have it in common, whatever line breaks the author made."""
    return " ".join(expression.split())


def require_sound(notebook: NotebookNode, name: str) -> None:
    """Raise PublishError, naming cell and expression, for one that JupyterLab or the documents would misread."""
    for index, cell in enumerate(notebook.cells):
        for expression, in_heading in _found(cell.source) if cell.cell_type == "markdown" else []:
            fault = _fault(expression, in_heading)
            if fault:
                raise PublishError(f"{place(notebook, index, name)}: {named(expression)} {fault}")


def _fault(expression: str, in_heading: bool) -> str:
    if in_heading:
        return "stands in a heading: say it in the text below"
    if not expression:
        return "is empty"
    for sign, called in (("`", "a backtick"), ("|", "a pipe")):
        if sign in expression:
            return f"holds {called}: compute it in a code cell above, and write its name"
    if len(expression) > LONGEST:
        return f"has {len(expression)} characters, at most {LONGEST}: compute it in a code cell above"
    return ""


def place(notebook: NotebookNode, index: int, name: str) -> str:
    """Where a cell stands, as the author counts: without the cell of parameters that papermill puts in."""
    before = sum(not is_injected(cell) for cell in notebook.cells[:index])
    return f"{name}, cell {before + 1}"


def is_injected(cell: NotebookNode) -> bool:
    """Whether papermill put the cell in, to set the parameters that it was given."""
    return "injected-parameters" in cell.metadata.get("tags", [])


def value_of(expression: str, result: Mapping[str, Any], where: str) -> Value:
    """What a reply says: text, a whole number as text, or a check.

    Raises PublishError, naming place and expression, for an exception and for any other value.
    """
    what = f"{where}: {named(expression)}"
    if result["status"] == "error":
        raise PublishError(f"{what} fails with {result['ename']}: {result['evalue']}")
    data = result["data"]
    if CHECK in data:
        return Check(data[CHECK]["compared"], data[CHECK]["holds"])
    plain = data.get("text/plain", "")
    value = _literal(plain) if set(data) == {"text/plain"} else None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise PublishError(
            f"{what} gives {plain[:60] or ', '.join(data)}: an inline value is text, a whole number or a check. "
            "Put numbers into words, such as number(x, 2)"
        )
    text = value if isinstance(value, str) else str(value).replace("-", "−")
    if not text.strip() or any(unicodedata.category(sign) == "Cc" and sign not in "\n\t" for sign in text):
        raise PublishError(f"{what} gives {plain[:60]}: an inline value has letters or digits, and no control signs")
    return text


def _literal(plain: str) -> Any:
    try:
        return ast.literal_eval(plain)
    except (ValueError, SyntaxError):
        return None


def values_of(cell: NotebookNode, where: str) -> dict[str, Value]:
    """The values of an executed Markdown cell by expression. Raises PublishError for one that is missing."""
    given, values = replies_of(cell), {}
    for expression in expressions(cell.source):
        if same(expression) not in given:
            raise PublishError(f"{where}: {named(expression)} has no value; execute the whole notebook")
        values[same(expression)] = value_of(expression, given[same(expression)], where)
    return values


def replies_of(cell: NotebookNode) -> dict[str, Mapping[str, Any]]:
    """The replies to an executed Markdown cell by expression."""
    return {same(reply["expression"]): reply["result"] for reply in cell.metadata.get(REPLIES, [])}


def all_replies(notebook: NotebookNode, name: str) -> Replies:
    """The replies of a whole executed notebook by expression.

    Raises PublishError when one expression has had two values: prose could then not be moved without running it.
    """
    replies, values = {}, {}
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            where = place(notebook, index, name)
            for expression, value in values_of(cell, where).items():
                if values.setdefault(expression, value) != value:
                    raise PublishError(
                        f"{where}: {named(expression)} is {_shown(value)} here and {_shown(values[expression])} above: "
                        "bind a name used in prose once"
                    )
            replies |= replies_of(cell)
    return replies


def _shown(value: Value) -> str:
    return value if isinstance(value, str) else f"{value} ({value.compared})"


def with_replies(found: Sequence[str], replies: Replies) -> list[dict[str, Any]]:
    """Expressions with their replies, as they stand in a cell's metadata."""
    return [{"expression": expression, "result": replies[same(expression)]} for expression in found]
