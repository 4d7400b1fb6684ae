"""What the readers of the user's own data share: text of a file, rows of a table, numbers, and all faults at once."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from study.catalog import DataError

LISTED = 20
"""Faults that an error names; of the others it says how many there are."""
NO_VALUE = ("", "-", "na", "nan", "n/a", "none", "null")

_EXPONENT = r"(?:[eE][+-]?\d+)?"
_STYLES = {  # decimal sign, and the sign of thousands
    (".", ","): rf"[+-]?(?:(?:\d+\.?\d*|\.\d+){_EXPONENT}|[1-9]\d{{0,2}}(?:,\d{{3}})+(?:\.\d+)?)",
    (",", "."): rf"[+-]?(?:(?:\d+,?\d*|,\d+){_EXPONENT}|[1-9]\d{{0,2}}(?:\.\d{{3}})+(?:,\d+)?)",
}


def hidden(name: str) -> bool:
    """Whether file managers left a file behind, by its name in a folder or archive: .DS_Store, __MACOSX/, Thumbs.db."""
    parts = PurePosixPath(name).parts
    return any(p.startswith(".") or p == "__MACOSX" for p in parts) or parts[-1].lower() in ("thumbs.db", "desktop.ini")


def digest_of(files: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 in hexadecimal digits of names and contents."""
    found = hashlib.sha256()
    for name, content in files:
        found.update(f"{name}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()


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


def cells_of(
    file: Path, notes: list[str], is_header: Callable[[list[str]], bool]
) -> tuple[str, int | None, list[str], dict[int, list[str]]]:
    """What a table in UTF-8, UTF-16 or Windows' Latin-1 holds: its delimiter, the header's line (None without one), the
    columns' names, where there are none by their places, and the cells of each other row by its line.

    `is_header` tells of the first row whether it names columns; `notes` gets what was read into the file. Raises
    DataError as `text_of` and `table_of` do.
    """
    text, encoding = text_of(file, ("utf-8-sig", "cp1252"))
    if encoding != "utf-8-sig":
        notes.append(f"read as {encoding}")
    delimiter, numbered = table_of(file, text)
    rows, (first, header) = dict(numbered), numbered[0]
    names = [f"column {i + 1}" for i in range(len(header))]
    if not is_header(header):
        return delimiter, None, names, rows
    del rows[first]
    return delimiter, first, [name or unnamed for name, unnamed in zip(header, names, strict=True)], rows


def like_numbers(cells: pd.Series) -> pd.Series:
    """Which cells (n,) of text look like a number, whatever its decimal sign: (n,) bool."""
    return _plain(_with_minus(cells)).str.fullmatch("|".join(_STYLES.values())).fillna(False).astype(bool)


def _with_minus(cells: pd.Series) -> pd.Series:
    return cells.str.replace("\u2212", "-")


def _plain(cells: pd.Series) -> pd.Series:
    """Cells without spaces between thousands; NaN where they hold no value."""
    plain = cells.str.replace(r"(?<=\d)[ '\u2019\u00a0\u202f](?=\d{3}(?!\d))", "", regex=True)
    return plain.mask(plain.str.lower().isin(NO_VALUE))


def numbers(cells: pd.Series, delimiter: str, file: Path, notes: list[str]) -> pd.Series:
    """The numbers (n,) float64 in cells of text that are indexed by their lines; NaN where they hold no value.

    A line may have several. Their decimal sign follows from all of them; the notes say what was read into it. Raises
    DataError, naming file and line.
    """
    cells = _with_minus(cells)
    plain = _plain(cells)
    given = plain.dropna()
    fits = {style: given.str.fullmatch(pattern) for style, pattern in _STYLES.items()}
    style = max(fits, key=lambda one: (fits[one].sum(), one[0] == "."))
    refuse_cells(cells[plain.notna()], ~fits[style], file, "value", "a number", "Correct it, or leave it empty.")
    decimal, thousands = style
    read = lambda d, t: pd.to_numeric(plain.str.replace(t, "").str.replace(d, "."))  # noqa: E731
    values = read(decimal, thousands)
    if all(fit.all() for fit in fits.values()) and delimiter != ",":  # such a table may well have a decimal comma
        refuse_cells(
            cells, (values != read(thousands, decimal)) & values.notna(), file, "value",
            "a number of one meaning (a decimal sign or one of thousands?)", "Write 1234, or 1.2340.",
        )  # fmt: skip
    if given.str.contains(thousands, regex=False).any() or not plain.equals(cells.mask(plain.isna())):
        notes.append("signs between thousands are left out")
    if decimal == "," and given.str.contains(",").any():
        notes.append("the comma is the decimal sign")
    return values.astype(np.float64)


def refuse_cells(cells: pd.Series, bad: pd.Series, file: Path, what: str, expected: str, remedy: str) -> None:
    """Raise DataError for the first of the bad cells, indexed by their lines, if there are any."""
    if bad.any():
        line, more = cells.index[bad][0], int(bad.sum()) - 1
        others = f" (and {more} more)" if more else ""
        raise DataError(
            f"{file}, line {line}{others}: the {what} is {cells[bad].iloc[0]!r}; expected {expected}. {remedy}"
        )
