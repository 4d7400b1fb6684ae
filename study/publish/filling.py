"""Puts into the document, after it was read, what Markdown must not see: inline values, checks and shown objects.

It also moves each summary to the head of its chapter, and lists the checks.
"""

import re
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from study.checks import Check
from study.page import table_markdown
from study.publish import inline, tree
from study.publish.chapters import CELL, SHOWN, Cell, Chapter, mark
from study.publish.errors import PublishError
from study.publish.tree import Element

END = "end"
"""The key of the mark after the last chapter."""
CHECKS_TABLE = "tbl:checks"
SENTENCE_LETTERS = 180
"""How much of a sentence the list of checks shows."""

_END_OF_SENTENCE = re.compile(r"(?<=[.!?…])(?<!\bal\.)[”’)]*\s+(?=[A-ZÄÖÜ“‘(])")
_MARK = "\0"


class Section(NamedTuple):
    """A heading: its identifier, and its number if it has one."""

    identifier: str
    number: str

    def __str__(self) -> str:
        return self.number or self.identifier


@dataclass(frozen=True)
class Checked:
    """A sentence with the marks of its checks (elements of the document), and where it stands."""

    where: str
    section: Section
    sentence: str
    marks: tuple[Element, ...]

    @property
    def checks(self) -> list[Check]:
        read = [(tree.attribute(span, "compared") or "", tree.has_class(span, "Span", "failed")) for span in self.marks]
        return [Check(compared, not failed) for compared, failed in read]

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check.ok]


def markdown(chapters: Sequence[Chapter], notes: Mapping[str, str]) -> list[str]:
    """The chapters' Markdown with the marks that `fill` looks for; `notes` are opening notes by notebook name."""
    parts = []
    for chapter in chapters:
        note = [f"::: {{.note}}\n{notes[chapter.name]}\n\n:::"] if chapter.name in notes else []
        parts += [mark(CELL, chapter.name), *note, chapter.markdown]
    return [*parts, mark(CELL, END)]


def fill(blocks: list[Element], chapters: Sequence[Chapter]) -> tuple[list[Element], list[Checked]]:
    """The document's blocks without marks and with everything in its place, and the checks in reading order.

    Raises PublishError for a cell whose Markdown swallows the next one, an inline value where the documents have no
    place for it, and a citation whose words name another source.
    """
    cells, shown = {"": Cell("the front page")}, {}
    for chapter in chapters:
        cells |= {chapter.name: Cell(chapter.name), **chapter.cells}
        shown |= chapter.shown
    cells[END] = Cell("the end of the report")
    filled = _parted(blocks, list(cells))
    section = title = Section("", "")
    found: dict[str, list[Checked]] = {key: [] for key in cells}
    for key, cell in cells.items():
        filled[key] = [new for block in filled[key] for new in shown.get(_key(block, SHOWN), [block])]
        _put_values(filled[key], cell)
        require_named_sources(filled[key], cell.where)
        for part in tree.find(filled[key], "Header", "Para", "Plain"):
            if part["t"] != "Header":
                found[key] += _checked(part, cell.where, title if cell.summary else section)
            elif not cell.summary:
                section = Section(part["c"][1][0], dict(part["c"][1][2]).get("number", ""))
                title = section if part["c"][0] == 1 else title
    inner = [key for one in chapters for key in sorted(one.cells, key=lambda key: not one.cells[key].summary)]
    checked = [one for key in ("", *inner, END) for one in found[key]]
    _list_checks(filled[END], checked)
    body = [block for chapter in chapters for block in _opened(chapter, filled)]
    return [*filled[""], *body, *filled[END]], checked


def require_named_sources(blocks: Any, where: str) -> None:
    """Raise PublishError unless each citation by a link stands in a sentence that names first author and year."""
    for part in tree.find(blocks, "Para", "Plain", "Header"):
        marked = [link for link in tree.find(part, "Link") if tree.attribute(link, "cited")]
        for words, links in _sentences(part, marked):
            for link in links:
                author, year = tree.attribute(link, "author"), tree.attribute(link, "year")
                lacking = [word for word in (author, year) if word and word not in words]
                if lacking:
                    raise PublishError(
                        f"{where}: the link [{tree.text(link['c'][1])}](#{tree.attribute(link, 'cited')}) cites "
                        f"{author} {year}, but its sentence does not say {' or '.join(lacking)}"
                    )
        for link in marked:
            link["c"][0][2] = []


def numbers(blocks: list[Element]) -> dict[str, str]:
    """The names of all numbered items with their numbers, sorted: {"nab-series": "Figure 3"}.

    A figure and a table of one name stand as `fig:name` and `tbl:name`.
    """
    found = {}
    for item in tree.find(blocks, "Figure", "Table"):
        identifier, number = item["c"][0][0], tree.attribute(item, "number")
        if number and identifier.startswith(("fig:", "tbl:")):
            found[identifier] = f"{item['t']} {number}"
    bare = Counter(identifier[4:] for identifier in found)
    return dict(sorted((i if bare[i[4:]] > 1 else i[4:], number) for i, number in found.items()))


def appendix() -> str:
    """The Markdown of the list of checks, for the screen alone and last, whose rows `fill` makes."""
    empty = pd.DataFrame([["–"] * 3], columns=["Section", "Statement", "Compared"])
    table = table_markdown(
        empty,
        CHECKS_TABLE.partition(":")[2],
        "Statements that the data could overturn, with the values that were compared: often the end of an interval or "
        "a difference, which need not stand in the sentence.",
        align="lll",
    )
    return (
        "# Checks {#sec:checks}\n\nEvery statement with a ✓ was compared with the data when this report was built. The "
        "HTML document lists them with the values that were compared, and `report/results.json` holds the same.\n\n"
        f"::: {{.screen}}\n{table}\n:::"
    )


def failures(checked: Sequence[Checked]) -> str:
    """What to say of all failing checks together; empty if there is none."""
    failed = [
        f"{one.where}: “{_short(one.sentence)}” needs {'; '.join(check.compared for check in one.failed)}"
        for one in checked
        if one.failed
    ]
    opening = "The records no longer bear out what is written; rewrite these sentences, or find what has changed:"
    return "\n".join([opening, *failed]) if failed else ""


def _key(block: Element, kind: str) -> str | None:
    """The key of a mark of that kind; None of any other block."""
    return tree.attribute(block, "key") if tree.has_class(block, "Div", kind) else None


def _parted(blocks: Sequence[Element], expected: Sequence[str]) -> dict[str, list[Element]]:
    """The blocks after each cell's mark by its key, those before the first with the first one expected.

    Raises PublishError for a cell in which the next one's mark was lost.
    """
    here = expected[0]
    parts: dict[str, list[Element]] = {here: []}
    for block in blocks:
        key = _key(block, CELL)
        if key is None:
            parts[here].append(block)
        else:
            here, parts[key] = key, []
    for position, key in enumerate(expected):
        if list(parts)[position : position + 1] != [key]:
            before = expected[position - 1]
            raise PublishError(f"{before}: its Markdown does not end with the cell; part it, or end its last block")
    return parts


def _put_values(blocks: list[Element], cell: Cell) -> None:
    """Replace every ``{eval}`expression` `` of a cell by its value. Raises PublishError where that cannot be done."""
    found: list[str] = []
    for inlines in tree.walk(blocks):
        if not isinstance(inlines, list) or not all(isinstance(item, dict) for item in inlines):
            continue
        kept: list[Element] = []
        for item in inlines:
            before = kept[-1] if kept else {}
            if item.get("t") == "Code" and before.get("t") == "Str" and before["c"].endswith(inline.ROLE):
                expression = inline.same(item["c"][1])
                found.append(expression)
                if expression in cell.values:
                    kept[-1:] = tree.words(before["c"].removesuffix(inline.ROLE))
                    kept += _shown(cell.values[expression], kept)
                    continue
            kept.append(item)
        inlines[:] = kept
    differing = Counter(found) - Counter(cell.expressions) | Counter(cell.expressions) - Counter(found)
    if differing:
        raise PublishError(
            f"{cell.where}: {inline.named(next(iter(differing)))} stands where JupyterLab and the documents differ, "
            "such as in a formula, in raw HTML or after a backslash: let it stand in plain text"
        )


def _shown(value: inline.Value, before: list[Element]) -> list[Element]:
    """A value's inline elements; a check is kept on the line of the word before it."""
    if isinstance(value, str):
        return tree.words(value)
    if before and before[-1]["t"] in ("Space", "SoftBreak"):
        before[-1] = tree.element("Str", "\N{NO-BREAK SPACE}")
    attributes = tree.attributes("check", *([] if value.ok else ["failed"]), compared=value.compared)
    return [tree.element("Span", attributes, tree.words(str(value)))]


def _sentences(part: Element, marked: Sequence[Element]) -> list[tuple[str, list[Element]]]:
    """The sentences of a block of text in which marked elements stand, each with these; a check says no words."""
    left = list(marked)

    def note(item: Element) -> str | None:
        if not any(item is one for one in marked):
            return None
        return _MARK if item["t"] == "Span" else _MARK + tree.text(item["c"][1])

    found = []
    for sentence in _END_OF_SENTENCE.split(tree.text(part["c"], note)) if marked else []:
        here = [left.pop(0) for _ in range(sentence.count(_MARK))]
        words = " ".join(sentence.replace(_MARK, "").split())
        found += [(re.sub(r" (?=[.,;:!?)])", "", words), here)] if here else []
    return found


def _checked(part: Element, where: str, section: Section) -> list[Checked]:
    spans = [span for span in tree.find(part, "Span") if tree.has_class(span, "Span", "check")]
    return [Checked(where, section, words, tuple(found)) for words, found in _sentences(part, spans)]


def _opened(chapter: Chapter, filled: Mapping[str, list[Element]]) -> list[Element]:
    """A chapter's blocks; after its title stand its note and its summary, the last cell of the notebook."""
    blocks = [block for key, cell in chapter.cells.items() if not cell.summary for block in filled[key]]
    lead = [_lead(filled[key]) for key, cell in chapter.cells.items() if cell.summary]
    title = next(i for i, block in enumerate(blocks) if block["t"] == "Header" and block["c"][0] == 1)
    blocks[title]["c"][1][2].append(["notebook", chapter.name])
    return [*blocks[: title + 1], *filled[chapter.name], *lead, *blocks[title + 1 :]]


def _lead(summary: list[Element]) -> Element:
    """A summary without its headings; the first one's identifier stays, for links to it."""
    identifiers = [block["c"][1][0] for block in summary if block["t"] == "Header"]
    lead = tree.element("Div", tree.attributes("lead"), [block for block in summary if block["t"] != "Header"])
    lead["c"][0][0] = identifiers[0] if identifiers else ""
    return lead


def _list_checks(back: list[Element], checked: Sequence[Checked]) -> None:
    """Fill the table of checks, if there is one at the end of the report: a row a sentence, linked with its marks."""
    for table in tree.find(back, "Table"):
        if table["c"][0][0] == CHECKS_TABLE:
            table["c"][4][0][3] = [_row(one, f"check-{i}", f"checked-{i}") for i, one in enumerate(checked, start=1)]


def _row(one: Checked, name: str, place: str) -> list[Any]:
    """A row of that identifier; the first mark of the sentence gets the one of its place."""
    compared = "; ".join(check.compared if check.ok else f"✗ {check.compared}" for check in one.checks)
    one.marks[0]["c"][0][0] = place
    for span in one.marks:
        span["c"][0][2].append(["row", name])
    link = tree.element("Link", tree.attributes(), tree.words(str(one.section)), [f"#{place}", ""])
    cells = [[link], tree.words(_short(one.sentence)), tree.words(compared)]
    return [[name, [], []], [tree.cell(inlines) for inlines in cells]]


def _short(sentence: str) -> str:
    return textwrap.shorten(sentence, SENTENCE_LETTERS, placeholder=" …")
