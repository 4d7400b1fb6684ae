"""What the readers of the user's own data share: text of a file, rows of a table, and all faults at once."""

import csv
import io
from pathlib import Path, PurePosixPath

from study.catalog import DataError

LISTED = 20
"""Faults that an error names; of the others it says how many there are."""


def hidden(name: str) -> bool:
    """Whether file managers left a file behind, by its name in a folder or archive: .DS_Store, __MACOSX/, Thumbs.db."""
    parts = PurePosixPath(name).parts
    return any(p.startswith(".") or p == "__MACOSX" for p in parts) or parts[-1].lower() in ("thumbs.db", "desktop.ini")


def refuse(place: Path, faults: list[str], remedy: str = "") -> None:
    """Raise DataError with all the faults of a file or folder at once, if there are any."""
    if faults:
        more = [f"and {len(faults) - LISTED:,} more"] if len(faults) > LISTED else []
        first = f"{place}: {len(faults):,} to correct. {remedy}".rstrip()
        raise DataError("\n  ".join([first, *faults[:LISTED], *more]))


def text_of(file: Path, encodings: tuple[str, ...] = ("utf-8-sig",)) -> tuple[str, str]:
    """A file's text and the first of these encodings, or UTF-16, that fits. Raises DataError, naming file and line."""
    if not file.is_file():
        raise DataError(f"{file} is no file. Give the path of a CSV file.")
    content = file.read_bytes()
    if content.startswith((b"PK", b"\x1f\x8b", b"\xd0\xcf")):
        raise DataError(f"{file} is a workbook or packed. Save it as CSV or text, or unpack it.")
    for encoding in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else encodings:
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError as error:
            line, reason = content[: error.start].count(b"\n") + 1, error.reason
    raise DataError(f"{file}, line {line}: is not UTF-8 ({reason}). Save the file as UTF-8.")


def table_of(file: Path, text: str, delimiters: str = ";\t|,") -> tuple[str, list[tuple[int, list[str]]]]:
    """The delimiter, the first of these in the first line, and each row that is not blank with its line in the file.

    Raises DataError, naming file and lines, for broken quotes and rows of unequal length, or none.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((sign for sign in delimiters if sign in first), None)
    if delimiter is None:
        raise DataError(f"{file} is no table: {first[:40]!r} has one column. Give it rows of two or more.")
    csv.field_size_limit(2**24)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num}: {error}. Correct the quotes, or the line.") from error
    width = len(rows[0][1])
    refuse(
        file, [f"line {line}: {len(row)} columns, not {width}" for line, row in rows if len(row) != width],
        f"Put fields that hold a {delimiter!r} between quotes, and complete the others.",
    )  # fmt: skip
    return delimiter, rows
