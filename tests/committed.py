"""The committed report as tests read it, once."""

from functools import cache

import pypdf

from study import paths


@cache
def pdf() -> pypdf.PdfReader:
    return pypdf.PdfReader(paths.REPORT / "report.pdf")


@cache
def pages() -> list[str]:
    """The text of each page."""
    return [page.extract_text() for page in pdf().pages]
