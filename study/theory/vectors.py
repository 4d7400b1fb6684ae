"""Vectors of a reader's own for Part III: a file with a token and its numbers in each row, such as word vectors."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from study.catalog import DataError
from study.own_data import refuse, table_of, text_of

MOST = 24
"""Tokens whose weights can still be read in a figure."""


def read(file: str | Path) -> tuple[list[str], Tensor]:
    """The tokens of a file and their vectors, (N, d) float32.

    Columns are separated by semicolon, tab, bar, comma or space; a first row without numbers is left out. Raises
    DataError, naming file, lines and remedy, for what is no number, fewer than two tokens or more than MOST.
    """
    file = Path(file)
    text, _ = text_of(file)
    delimiter, rows = table_of(file, text, ";\t|, ")
    decimal = "," if delimiter == ";" else "."
    numbers = [[_number(cell, decimal) for cell in row[1:]] for _, row in rows]
    if np.isnan(numbers[0]).all():
        rows, numbers = rows[1:], numbers[1:]
    refuse(
        file,
        [
            f"line {line}: {row[1 + i]!r} is no number"
            for (line, row), found in zip(rows, numbers, strict=True)
            for i in np.flatnonzero(~np.isfinite(found))[:1]
        ],
        "Give each row a token and its numbers.",
    )
    if not 2 <= len(rows) <= MOST:
        raise DataError(f"{file} has {len(rows):,} tokens. Give 2 to {MOST}, so that the figure can be read.")
    return [row[0] for _, row in rows], torch.tensor(numbers, dtype=torch.float32)


def _number(cell: str, decimal: str) -> float:
    """A finite number, or NaN."""
    try:
        return float(cell.replace(decimal, "."))
    except ValueError:
        return float("nan")
