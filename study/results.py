"""The README's table of results, the front page's own: `python -m study.results` writes it, a test holds it."""

import re

from study import parts, paths, profile, repeats
from study.files import write_atomically

README = paths.ROOT / "README.md"
_PLACE = re.compile(r"(<!-- results: [^>]* -->\n).*(<!-- /results -->)", flags=re.S)


def table() -> str:
    """The table as GitHub Markdown, from the committed records. Raises ValueError for a missing one."""
    chosen = profile.load("full")
    lines = ["| Part | Measure | Published | This report | For comparison |", "|---|---|---|---|---|"]
    for part in parts.PARTS:
        found = part.analysis().highlights(repeats.recorded([part], chosen))
        lines += [f"| {' | '.join([part.short_title, *line])} |" for line in found]
    return "\n".join(lines) + "\n"


def updated(readme: str) -> str:
    """The README's text with the table in its place. Raises ValueError if the place is gone."""
    if not _PLACE.search(readme):
        raise ValueError(f"{README} has no place for the results: keep its two 'results' comments")
    return _PLACE.sub(lambda m: m[1] + table() + m[2], readme)


if __name__ == "__main__":
    write_atomically(README, updated(README.read_text(encoding="utf-8")).encode())
