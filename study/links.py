"""Links to figures, tables and sources: `[the series](#nab-series)`, `[Lavin & Ahmad 2015](#lavin2015evaluating)`."""

import json
import re
from collections.abc import Mapping

from study import paths

NUMBERS = "numbers.json"
"""File in the report's folder: the name of each figure and table and its number, such as "Figure 3"."""

Numbers = Mapping[str, str]

_LINK = re.compile(r"\[([^\]]+)\]\(#([\w-]+)\)")
_CITED = re.compile(r"\[([^\[\]]*-?@[^\[\]]+)\](?!\()")  # pandoc's notation
_KEY = re.compile(r"-?@((?:fig|tbl):)?([\w-]+)")
_AUTHOR_AND_YEAR = re.compile(r"([a-z]+)(\d{4})\w*")


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


def as_links(markdown: str, numbers: Numbers) -> str:
    """Markdown as JupyterLab should show it: `numbered`, with pandoc's `[@fig:name]` and `[@key]` as such links."""

    def bracket(match: re.Match) -> str:
        links = _KEY.sub(key, match[1])
        return links if re.fullmatch(r"(?:\s*;?\s*-?@(?:fig|tbl):[\w-]+)+", match[1]) else f"({links})"

    def key(match: re.Match) -> str:
        kind, name = match.groups()
        if kind:
            return f"[{numbers.get(name, {'fig:': 'Figure', 'tbl:': 'Table'}[kind])}](#{name})"
        named = _AUTHOR_AND_YEAR.fullmatch(name)
        return f"[{named[1].capitalize()} {named[2]}](#{name})" if named else f"[{name}](#{name})"

    return _CITED.sub(bracket, numbered(markdown, numbers))
