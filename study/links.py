"""Links to figures, tables and sources: `[the series](#nab-series)`, `[Lavin & Ahmad 2015](#lavin2015evaluating)`."""

import json
import re
from collections.abc import Mapping

from study import paths

NUMBERS = "numbers.json"
"""File in the report's folder: the name of each figure and table and its number, such as "Figure 3"."""

Numbers = Mapping[str, str]

_LINK = re.compile(r"\[([^\]]+)\]\(#([\w-]+)\)")


def of_report() -> dict[str, str]:
    """Numbers of figures and tables in the report; none before its first build. Raises ValueError for a damaged one."""
    file = paths.REPORT / NUMBERS
    if not file.exists():
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file}: {error}. Delete it; `make report` writes it again.") from error


def targets(markdown: str) -> list[str]:
    """The names that a text links to, in reading order."""
    return [name for _, name in _LINK.findall(markdown)]


def numbered(markdown: str, numbers: Numbers) -> str:
    """Markdown whose links say the numbers of figures and tables.

    `[the series](#nab-series)` becomes `[the series (Figure 3)](#nab-series)`, a link that is just `Figure` or `Table`
    its number.
    """

    def link(match: re.Match) -> str:
        text, name = match.groups()
        number = numbers.get(name)
        shown = text if number is None else number if text in ("Figure", "Table") else f"{text} ({number})"
        return f"[{shown}](#{name})"

    return _LINK.sub(link, markdown)


def unnumbered(markdown: str, numbers: Numbers) -> str:
    """What `numbered` was given."""

    def link(match: re.Match) -> str:
        text, name = match.groups()
        number = numbers.get(name, "")
        plain = number.partition(" ")[0] if number and text == number else text.removesuffix(f" ({number})")
        return f"[{plain}](#{name})"

    return _LINK.sub(link, markdown)
