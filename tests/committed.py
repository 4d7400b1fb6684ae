"""The committed report and its records as tests read them, once; a copy of the checkout."""

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

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


def checkout(folder: Path, left_out: Callable[[str], bool]) -> Path:
    """Copy the tracked and new files, as a fresh clone would have them, but those left out by their names."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=paths.ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.split("\0"):
        if (paths.ROOT / name).is_file() and not left_out(name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(paths.ROOT / name, folder / name)
    return folder
