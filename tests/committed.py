"""The committed report and its records as tests read them, once."""

from functools import cache

import pypdf

from study import parts, paths, profile, runs


@cache
def pdf() -> pypdf.PdfReader:
    return pypdf.PdfReader(paths.REPORT / "report.pdf")


@cache
def records(part: str) -> list[runs.Record]:
    """Of a part, by its key, in the order of its specs."""
    full = profile.load("full")
    return list(map(runs.Store(full.records).load, parts.find(part).experiments.specs(full)))


@cache
def pages() -> list[str]:
    """The text of each page."""
    return [page.extract_text() for page in pdf().pages]
