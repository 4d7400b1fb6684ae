"""Texts of one's own: a CSV file with a class and a text in each row, or a folder that has one of texts for each class.

What can't be read is refused with file, row and remedy, all rows at once, before anything is trained.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from study.catalog import DataError
from study.own_data import digest_of, hidden, refuse, table_of, text_of

LEAST = 20
"""Texts of a class: a tenth of them is for testing, and a tenth of the others for validation."""
LABELS = ("label", "class", "category", "topic", "target", "y")
TEXTS = ("text", "title", "headline", "description", "body", "content", "sentence", "review", "summary")
"""What columns are called that hold the class, and those that hold the text, joined in the order of the file."""


Found = tuple[tuple[str, ...], list[str], np.ndarray]


def digest(place: Path) -> str:
    """SHA-256 in hexadecimal digits of a file, or of a folder's names and contents."""
    files = [place] if place.is_file() else sorted(_files(place))
    return digest_of((f"{file.relative_to(place)!a}", file.read_bytes()) for file in files)


def read(place: Path, clean: Callable[[str], str]) -> Found:
    """The classes' names, the texts as `clean` leaves them, and the class (n,) int64 of each.

    Raises catalog.DataError.
    """
    return _read(place, digest(place), clean)


@lru_cache(maxsize=1)
def _read(place: Path, digest: str, clean: Callable[[str], str]) -> Found:
    found = _of_folder(place) if place.is_dir() else _of_table(place)
    rows = [(where, kind, clean(text)) for where, kind, text in found]
    faults = [
        f"{where}: {'the class' if text else 'the text'} is empty" for where, kind, text in rows if not (kind and text)
    ]
    refuse(place, faults, "Complete the rows, or take them out.")
    kinds = [kind for _, kind, _ in rows]
    whole = all(re.fullmatch(r"\d+", kind) for kind in kinds)
    names = sorted(set(kinds), key=int if whole else str)
    counts, alike = Counter(kinds), Counter(map(str.casefold, names))
    refuse(
        place,
        [f"class {name}" for name in names if alike[name.casefold()] > 1],
        "Write those alike that are one class.",
    )
    if len(names) < 2:
        raise DataError(f"{place} has {len(rows)} texts of {len(names)} classes. Give two classes or more.")
    refuse(
        place, [f"class {n}: {count} texts, fewer than {LEAST}" for n, count in counts.items() if count < LEAST],
        "Give more of them, or leave the class out" + (
            f". There are {len(names):,} classes: is the column of labels the right one?" if len(names) > 100 else "."
        ),
    )  # fmt: skip
    return tuple(names), [text for _, _, text in rows], np.array([names.index(kind) for kind in kinds])


def _of_folder(place: Path) -> Iterator[tuple[str, str, str]]:
    for file in sorted(_files(place)):
        inner = file.relative_to(place)
        if len(inner.parts) > 1:
            yield str(inner), inner.parts[0], text_of(file)[0]
        elif file.suffix.lower() == ".txt":
            raise DataError(f"{file} lies beside the classes' folders. Put it into one of them.")


def _files(place: Path) -> Iterator[Path]:
    return (file for file in place.rglob("*") if file.is_file() and not hidden(file.relative_to(place).as_posix()))


def _of_table(file: Path) -> Iterator[tuple[str, str, str]]:
    rows = table_of(file, text_of(file)[0], "\t;,")[1]
    width = len(rows[0][1])
    names = [name.lower() for name in rows[0][1]]
    labels = [i for i, name in enumerate(names) if name in LABELS]
    wanted = [i for i, name in enumerate(names) if name in TEXTS]
    if labels or wanted:
        rows = rows[1:]
    if not labels and not wanted and width == 2:  # without a header: a class is shorter than a text
        lengths = [sum(len(row[i]) for _, row in rows) for i in range(2)]
        labels, wanted = [int(np.argmin(lengths))], [int(np.argmax(lengths))]
    elif not labels and not wanted and width == 3 and all(re.fullmatch(r"\d+", row[0]) for _, row in rows):
        labels, wanted = [0], [1, 2]  # as AG's news
    if len(labels) != 1 or not wanted:
        raise DataError(
            f"{file} has the columns {', '.join(names)}. Name the one with the class 'label' and the one with the "
            "text 'text', in the first line."
        )
    for line, row in rows:
        yield f"line {line}", row[labels[0]], " ".join(row[i] for i in wanted if row[i])
