"""AG's news (Zhang, Zhao & LeCun 2015): headlines with descriptions in four classes, read, checked and cleaned."""

import csv
import gzip
import html
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from study import catalog
from study.news.synthetic import texts_and_classes

CLASSES = ("World", "Sports", "Business", "Sci/Tech")
TEST = "ag_news/test.csv"
TRAINING = {"recovered": "ag_news/train_recovered.csv.gz", "official": "ag_news/train.csv"}
"""The two training splits: 87,617 rows recovered from public subsets, and the official 120,000 rows."""
VALIDATION_SHARE = 0.1
SPLIT_SEED = 0

_FORMS = {TEST: 3, TRAINING["official"]: 3, TRAINING["recovered"]: 4}


@dataclass(frozen=True)
class Corpus:
    """Texts (title and description, cleaned) and their classes (n,) int64, 0 to 3 in the order of CLASSES."""

    texts: list[str]
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, chosen: np.ndarray) -> "Corpus":
        return Corpus([self.texts[i] for i in chosen], self.classes[chosen])


@dataclass(frozen=True)
class Splits:
    """What a model is trained on, chosen by, and judged on once."""

    train: Corpus
    validation: Corpus
    test: Corpus


def training_name() -> str:
    """The catalog's name of the training split: the recovered one, or the official one with NEWS_TRAIN=official.

    Raises ValueError for another value of NEWS_TRAIN.
    """
    chosen = os.environ.get("NEWS_TRAIN") or "recovered"
    if chosen not in TRAINING:
        raise ValueError(f"NEWS_TRAIN={chosen} is unknown. Choose one of: {', '.join(TRAINING)}.")
    return TRAINING[chosen]


def data_names(kind: str) -> list[str]:
    """The catalog's names of the files that `load` reads for this kind of data, real or synthetic."""
    return ["synthetic/ag_news"] if kind == "synthetic" else [TEST, training_name()]


def load(names: list[str], synthetic_rows: int = 0) -> Splits:
    """The three splits: the validation split is a tenth of the training rows, stratified by class and seeded.

    Raises catalog.DataError for files that can't be had, and ValueError, with file and row, for rows that are wrong.
    """
    if names == ["synthetic/ag_news"]:
        whole, test = (Corpus(*texts_and_classes(n, i)) for i, n in enumerate((synthetic_rows, synthetic_rows // 4)))
    else:
        (training,) = (name for name in names if name != TEST)
        whole, test = (read(catalog.fetch(name), _FORMS[name]) for name in (training, TEST))
    kept, held_out = train_test_split(
        np.arange(len(whole)), test_size=VALIDATION_SHARE, random_state=SPLIT_SEED, stratify=whole.classes
    )
    return Splits(whole.rows(kept), whole.rows(held_out), test)


def read(file: Path, columns: int) -> Corpus:
    """A CSV file (gzipped if its name says so) of class 1 to 4, title and description.

    With three columns there is no header, as in the official files; with four, as in the recovered one, a header
    `label,title,description,form` comes first. Raises ValueError, naming the file and the row, for bytes that are not
    UTF-8, another number of columns, another class, or an example without text.
    """
    rows = list(csv.reader(io.StringIO(_decoded(file), newline="")))
    first = 1
    if columns == 4:
        if not rows or rows[0] != ["label", "title", "description", "form"]:
            raise ValueError(f"{file}, row 1: expected the header label,title,description,form")
        rows, first = rows[1:], 2
    if not rows:
        raise ValueError(f"{file}: holds no example; get it again")
    texts, classes = [], np.empty(len(rows), dtype=np.int64)
    for i, row in enumerate(rows):
        if len(row) != columns:
            raise ValueError(f"{file}, row {i + first}: {len(row)} columns, expected {columns}")
        if row[0] not in ("1", "2", "3", "4"):
            raise ValueError(f"{file}, row {i + first}: class {row[0]!r}, expected 1, 2, 3 or 4")
        texts.append(clean(f"{row[1]} {row[2]}"))
        classes[i] = int(row[0]) - 1
        if not texts[-1]:
            raise ValueError(f"{file}, row {i + first}: title and description are empty")
    return Corpus(texts, classes)


def _decoded(file: Path) -> str:
    content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{file}, row {row}: is not UTF-8 ({error.reason}); save the file as UTF-8") from error


# The files lost the ampersand of most character references, so "Israel #39;s" stands for "Israel's".
_REFERENCE = re.compile(r"&?(#\d{2,4}|quot|amp|lt|gt|nbsp|hellip|[lr][sd]quo|[mn]dash);")
_CONTRACTION = re.compile(r" '(s|t|d|m|re|ve|ll)\b")
_TAG = re.compile(
    r"</?(a|b|br|center|div|em|font|h[1-6]|hr|i|img|li|ol|p|small|span|strong|table|td|tr|u|ul)\b[^<>]*>", re.IGNORECASE
)
_ADDRESS = re.compile(r"(https?://|www\.)\S+")


def clean(text: str) -> str:
    """Text without the artefacts of the files: as a reader of the news saw it.

    Backslashes were line breaks, except before a dollar sign; character references become
    characters, HTML tags and addresses go. Tickers such as <TXN.N> are no tags and stay, without
    their brackets.
    """
    text = text.replace("\\$", "$").replace("\\", " ")
    for _ in range(2):  # "amp;pound7" hides a second reference
        text = html.unescape(_REFERENCE.sub(r"&\1;", text))
    text = _ADDRESS.sub(" ", _TAG.sub(" ", text))
    text = text.replace("<", " ").replace(">", " ").replace("\u2019", "'").replace("\u2018", "'")
    return _CONTRACTION.sub(r"'\1", " ".join(text.split()))
