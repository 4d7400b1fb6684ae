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
    """A heading: its identifier and its number."""

    identifier: str
    number: str


@dataclass(frozen=True)
class Checked:
    """A sentence with its checks, and where it stands."""

    where: str
    section: Section
    sentence: str
    checks: tuple[Check, ...]

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check.ok]

    def described(self) -> str:
        compared = "; ".join(check.compared for check in self.failed)
        return f"{self.where}: “{_short(self.sentence)}” needs {compared}"


def markdown(chapters: Sequence[Chapter], notes: Mapping[str, str]) -> list[str]:
    """The chapters' Markdown with the marks that `fill` looks for; `notes` are opening notes by notebook name."""
    parts = []
    for chapter in chapters:
        parts.append(mark(CELL, chapter.name))
        if chapter.name in notes:
            parts.append(f"::: {{.note}}\n{notes[chapter.name]}\n\n:::")
        parts.append(chapter.markdown)
    return [*parts, mark(CELL, END)]


def fill(
    blocks: list[Element], chapters: Sequence[Chapter], shown: Mapping[str, list[Element]]
) -> tuple[list[Element], list[Checked]]:
    """The document's blocks without marks and with everything in its place, and the checks in reading order.

    `shown` holds blocks by the keys of their marks. Raises PublishError for a cell whose Markdown swallows the next
    one, an inline value where the documents have no place for it, and a citation whose words name another source.
    """
    cells = {"": Cell("the front page"), END: Cell("the end of the report")}
    for chapter in chapters:
        cells |= {chapter.name: Cell(chapter.name), **chapter.cells}
    parts = _parts(blocks)
    _require_order([key for key, _ in parts], ["", *list(cells)[2:], END])
    section = title = Section("", "")
    filled, found = {}, {}
    for key, content in parts:
        here = [
            new for block in content for new in (shown[_key(block)] if tree.has_class(block, "Div", SHOWN) else [block])
        ]
        _put_values(here, cells[key])
        require_named_sources(here, cells[key].where)
        found[key] = []
        for block in here:
            for part in tree.find(block, "Header", "Para", "Plain"):
                if part["t"] == "Header" and not cells[key].summary:
                    section = Section(part["c"][1][0], dict(part["c"][1][2]).get("number", ""))
                    title = section if part["c"][0] == 1 else title
                elif part["t"] != "Header":
                    found[key] += _checked(part, cells[key].where, title if cells[key].summary else section)
        filled[key] = here
    body = list(filled[""])
    for chapter in chapters:
        body += _with_opening(chapter, filled)
    back = filled[END]
    inner = [key for one in chapters for key in sorted(one.cells, key=lambda key: not one.cells[key].summary)]
    checked = [one for key in ("", *inner, END) for one in found[key]]
    _list_checks(back, checked)
    return [*body, *back], checked


def require_named_sources(blocks: Any, where: str) -> None:
    """Raise PublishError unless each citation by a link stands in a sentence that names first author and year."""
    for part in tree.find(blocks, "Para", "Plain", "Header"):
        marked = {id(link): link for link in tree.find(part, "Link") if tree.attribute(link, "cited")}
        for words, links in _sentences(part, marked) if marked else []:
            for link in links:
                author, year = tree.attribute(link, "author"), tree.attribute(link, "year")
                lacking = [word for word in (author, year) if word and word not in words]
                if lacking:
                    raise PublishError(
                        f"{where}: the link [{tree.text(link['c'][1])}](#{tree.attribute(link, 'cited')}) cites "
                        f"{author} {year}, but its sentence does not say {' or '.join(lacking)}"
                    )
        for link in marked.values():
            link["c"][0][2] = []


def numbers(blocks: list[Element]) -> dict[str, str]:
    """The names of all numbered items with their numbers, sorted: {"nab-series": "Figure 3"}.

    A figure and a table of one name stand as `fig:name` and `tbl:name`.
    """
    found = {}
    for item in tree.find(blocks, "Figure", "Table"):
        identifier, number = item["c"][0][0], tree.attribute(item, "number")
        if number and identifier.startswith(("fig:", "tbl:")):
            found[identifier] = f"{'Figure' if item['t'] == 'Figure' else 'Table'} {number}"
    bare = Counter(identifier.partition(":")[2] for identifier in found)
    named = {(i if bare[i[4:]] > 1 else i[4:]): number for i, number in found.items()}
    return dict(sorted(named.items()))


def appendix() -> str:
    """The Markdown of the list of checks, whose rows `fill` makes."""
    empty = pd.DataFrame([["–"] * 3], columns=["Section", "Statement", "Compared"])
    return "# Checks {#sec:checks}\n\n" + table_markdown(
        empty,
        CHECKS_TABLE.partition(":")[2],
        "Statements that the data could overturn, each marked ✓ in the text, with the values that were compared: often "
        "the end of an interval or a difference, which need not stand in the sentence. The PDF leaves out bare "
        "equalities, such as 2 = 2, and what an earlier row compared; the HTML document has all.",
        align="lll",
    )


def failures(checked: Sequence[Checked]) -> str:
    """What to say of all failing checks together; empty if there is none."""
    failed = [one.described() for one in checked if one.failed]
    if not failed:
        return ""
    return "\n".join(
        ["The records no longer bear out what is written; rewrite these sentences, or find what has changed:", *failed]
    )


def _parts(blocks: Sequence[Element]) -> list[tuple[str, list[Element]]]:
    """The blocks after each mark of a cell, with the mark's key; those before the first have the key ""."""
    parts: list[tuple[str, list[Element]]] = [("", [])]
    for block in blocks:
        if tree.has_class(block, "Div", CELL):
            parts.append((_key(block), []))
        else:
            parts[-1][1].append(block)
    return parts


def _key(marked: Element) -> str:
    return tree.attribute(marked, "key") or ""


def _require_order(found: Sequence[str], expected: Sequence[str]) -> None:
    for position, key in enumerate(expected):
        if position >= len(found) or found[position] != key:
            raise PublishError(
                f"{expected[position - 1]}: its Markdown does not end with the cell; part it, or end its last block"
            )


def _put_values(blocks: list[Element], cell: Cell) -> None:
    """Replace every ``{eval}`expression` `` of a cell by its value. Raises PublishError where that cannot be done."""
    found: list[str] = []
    for inlines in tree.lists(blocks):
        kept: list[Element] = []
        for item in inlines:
            before = kept[-1] if kept else {"t": ""}
            if item["t"] == "Code" and before["t"] == "Str" and before["c"].endswith(inline.ROLE):
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
    classes = ["check"] if value.ok else ["check", "failed"]
    return [tree.span(classes, tree.words(str(value)), compared=value.compared)]


def _sentences(part: Element, marked: Mapping[int, Any]) -> list[tuple[str, list[Any]]]:
    """The sentences of a block of text, each with those of the marked elements (by `id`) that stand in it."""
    met: list[Any] = []

    def note(item: Element) -> str | None:
        if id(item) not in marked:
            return None
        met.append(marked[id(item)])
        return _MARK if tree.has_class(item, "Span", "check") else _MARK + tree.text(item["c"][1])

    found, position = [], 0
    for sentence in _END_OF_SENTENCE.split(tree.text(part["c"], note)):
        count = sentence.count(_MARK)
        words = " ".join(sentence.replace(_MARK, "").split())
        found.append((re.sub(r" (?=[.,;:!?)])", "", words), met[position : position + count]))
        position += count
    return found


def _checked(part: Element, where: str, section: Section) -> list[Checked]:
    spans = [span for span in tree.find(part, "Span") if tree.has_class(span, "Span", "check")]
    marked = {id(span): Check(tree.attribute(span, "compared"), "failed" not in span["c"][0][1]) for span in spans}
    if not marked:
        return []
    return [Checked(where, section, words, tuple(checks)) for words, checks in _sentences(part, marked) if checks]


def _with_opening(chapter: Chapter, filled: Mapping[str, list[Element]]) -> list[Element]:
    """A chapter's blocks; after its title stand its note and its summary, the last cell of the notebook."""
    note = filled[chapter.name]
    blocks = [block for key, cell in chapter.cells.items() if not cell.summary for block in filled[key]]
    lead = [_lead(filled[key]) for key, cell in chapter.cells.items() if cell.summary]
    title = next(i for i, block in enumerate(blocks) if block["t"] == "Header" and block["c"][0] == 1)
    blocks[title]["c"][1][2].append(["notebook", chapter.name])
    return [*blocks[: title + 1], *note, *lead, *blocks[title + 1 :]]


def _lead(summary: list[Element]) -> Element:
    """A summary without its headings; the first one's identifier stays, for links to it."""
    identifiers = [block["c"][1][0] for block in summary if block["t"] == "Header"]
    lead = tree.div(["lead"], [block for block in summary if block["t"] != "Header"])
    lead["c"][0][0] = identifiers[0] if identifiers else ""
    return lead


def _list_checks(back: list[Element], checked: Sequence[Checked]) -> None:
    """Fill the table of checks, if there is one at the end of the report, with a row for each sentence."""
    for table in tree.find(back, "Table"):
        if table["c"][0][0] == CHECKS_TABLE:
            shown: set[str] = set()
            for one in checked:
                compared = {check.compared for check in one.checks if not _is_bare(check)}
                table["c"][4][0][3].append(_line(one, known=compared <= shown and not one.failed))
                shown |= compared
            del table["c"][4][0][3][0]


def _is_bare(check: Check) -> bool:
    """Whether it says only that a value equals itself, which shows a reader nothing of what was compared."""
    one, _, other = check.compared.partition(" = ")
    return check.ok and one == other


def _line(one: Checked, known: bool) -> list[Any]:
    """A sentence's row; `known`, if it shows nothing new, has a class of its own, and print leaves it out."""
    compared = "; ".join(check.compared if check.ok else f"✗ {check.compared}" for check in one.checks)
    place = tree.link(f"#{one.section.identifier}", tree.words(one.section.number or one.section.identifier))
    row = tree.row([[place], tree.words(_short(one.sentence)), tree.words(compared)])
    row[0][1] = ["known"] if known else []
    return row


def _short(sentence: str) -> str:
    return textwrap.shorten(sentence, SENTENCE_LETTERS, placeholder=" …")
