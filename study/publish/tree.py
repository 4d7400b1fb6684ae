"""pandoc's syntax tree (its JSON): searched, read as text, and built. An element is `{"t": type, "c": content}`."""

import re
from collections.abc import Callable, Iterator
from typing import Any

Element = dict[str, Any]

_QUOTES = {"SingleQuote": "‘’", "DoubleQuote": "“”"}


def walk(node: Any) -> Iterator[Element | list[Any]]:
    """Every element and list in reading order, each before what is inside; a list may be changed when it is met."""
    if isinstance(node, list | dict):
        yield node
        for child in node.values() if isinstance(node, dict) else node:
            yield from walk(child)


def find(node: Any, *types: str) -> Iterator[Element]:
    """Every element of one of the types, also inside others."""
    return (one for one in walk(node) if isinstance(one, dict) and one.get("t") in types)


def text(inlines: Any, mark: Callable[[Element], str | None] = lambda element: None) -> str:
    """The words of inline elements or blocks, without footnotes; `mark` may give an element other words."""
    if isinstance(inlines, list):
        return "".join(text(child, mark) for child in inlines)
    if not isinstance(inlines, dict) or "t" not in inlines:
        return ""
    marked = mark(inlines)
    if marked is not None:
        return marked
    match inlines["t"], inlines.get("c", ""):
        case "Str", content:
            return content
        case "Space" | "SoftBreak" | "LineBreak", _:
            return " "
        case "Code" | "Math", content:
            return content[1]
        case "Quoted", (kind, content):
            left, right = _QUOTES[kind["t"]]
            return left + text(content, mark) + right
        case "Note" | "RawInline", _:
            return ""
        case _, content:
            return text(content, mark)


def words(value: str) -> list[Element]:
    """Text as it is, whatever a language would read into it; a line break is a space to the reader."""
    parts = re.findall(" |[^ ]+", value)
    return [{"t": "Space"} if part == " " else element("Str", part.replace("\n", " ")) for part in parts]


def element(kind: str, *content: Any) -> Element:
    """An element whose content is a list, or the one content given."""
    return {"t": kind, "c": content[0] if len(content) == 1 else list(content)}


def attributes(*classes: str, **pairs: str) -> list[Any]:
    """pandoc's `Attr`, without an identifier."""
    return ["", list(classes), [list(pair) for pair in pairs.items()]]


def cell(inlines: list[Element], rows: int = 1, columns: int = 1) -> list[Any]:
    """A table's cell over so many rows and columns."""
    return [attributes(), {"t": "AlignDefault"}, rows, columns, [element("Plain", inlines)]]


def attribute(node: Element, name: str) -> str | None:
    """An attribute of an element that has them first (Div, Span, Link, Table, Figure, …)."""
    return dict(node["c"][0][2]).get(name)


def has_class(node: Element, kind: str, name: str) -> bool:
    """Whether an element is a Div or a Span, by its kind, of that class."""
    return node.get("t") == kind and name in node["c"][0][1]
