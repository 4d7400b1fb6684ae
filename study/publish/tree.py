"""pandoc's syntax tree (its JSON): searched, read as text, and built. An element is `{"t": type, "c": content}`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

Element = dict[str, Any]

_SPACES = {"Space", "SoftBreak", "LineBreak"}
_QUOTES = {"SingleQuote": "‘’", "DoubleQuote": "“”"}


def find(node: Any, *types: str) -> Iterator[Element]:
    """Every element of one of the types, in reading order, also inside others."""
    if isinstance(node, list):
        for child in node:
            yield from find(child, *types)
    elif isinstance(node, dict):
        if node.get("t") in types:
            yield node
        for child in node.values():
            yield from find(child, *types)


def lists(node: Any) -> Iterator[list[Element]]:
    """Every list of elements, in reading order; a list may be changed in place when it is met."""
    if isinstance(node, list):
        if node and all(isinstance(child, dict) and "t" in child for child in node):
            yield node
        for child in node:
            yield from lists(child)
    elif isinstance(node, dict):
        for child in node.values():
            yield from lists(child)


def text(inlines: Any, mark: Callable[[Element], str | None] = lambda element: None) -> str:
    """The words of inline elements or blocks, without footnotes; `mark` may give an element other words."""
    if isinstance(inlines, list):
        return "".join(text(child, mark) for child in inlines)
    if not isinstance(inlines, dict) or "t" not in inlines:
        return ""
    kind, content = inlines["t"], inlines.get("c")
    marked = mark(inlines)
    if marked is not None:
        return marked
    if kind == "Str":
        return content
    if kind in _SPACES:
        return " "
    if kind in ("Code", "Math"):
        return content[1]
    if kind == "Quoted":
        left, right = _QUOTES[content[0]["t"]]
        return left + text(content[1], mark) + right
    return "" if kind in ("Note", "RawInline") else text(content, mark)


def words(value: str) -> list[Element]:
    """Text as it is, whatever a language would read into it."""
    found = []
    for position, word in enumerate(value.split(" ")):
        found += [{"t": "Space"}] if position else []
        # A line break of a value is a space to the reader.
        found += [{"t": "Str", "c": " ".join(word.split("\n"))}] if word else []
    return found


def element(kind: str, *content: Any) -> Element:
    """An element whose content is a list, or the one content given."""
    return {"t": kind, "c": content[0] if len(content) == 1 else list(content)}


def attributes(identifier: str = "", classes: Sequence[str] = (), pairs: Sequence[tuple[str, str]] = ()) -> list[Any]:
    """pandoc's `Attr`."""
    return [identifier, list(classes), [list(pair) for pair in pairs]]


def div(classes: Sequence[str], blocks: list[Element], **pairs: str) -> Element:
    return element("Div", attributes("", classes, list(pairs.items())), blocks)


def span(classes: Sequence[str], inlines: list[Element], **pairs: str) -> Element:
    return element("Span", attributes("", classes, list(pairs.items())), inlines)


def link(target: str, inlines: list[Element]) -> Element:
    return element("Link", attributes(), inlines, [target, ""])


def paragraph(inlines: list[Element]) -> Element:
    return element("Para", inlines)


def row(cells: Sequence[list[Element]]) -> list[Any]:
    """A table's row of cells that hold inline elements."""
    align = {"t": "AlignDefault"}
    return [attributes(), [[attributes(), align, 1, 1, [element("Plain", inlines)]] for inlines in cells]]


def attribute(node: Element, name: str) -> str | None:
    """An attribute of an element that has them first (Div, Span, Link, Table, Figure, …)."""
    return dict(node["c"][0][2]).get(name)


def has_class(node: Element, kind: str, name: str) -> bool:
    """Whether an element is a Div or a Span, by its kind, of that class."""
    return node.get("t") == kind and name in node["c"][0][1]
