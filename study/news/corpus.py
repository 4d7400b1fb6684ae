"""AG's news (Zhang, Zhao & LeCun 2015): headlines with descriptions in four classes, read, checked and cleaned."""

import html
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from study import catalog, paths
from study.news import own_texts
from study.news.synthetic import texts_and_classes

CLASSES = ("World", "Sports", "Business", "Sci/Tech")
TEST = "ag_news/test.csv"
TRAINING = {"recovered": "ag_news/train_recovered.csv.gz", "official": "ag_news/train.csv"}
"""The two training splits: 87,617 rows recovered from public subsets, and the official 120,000 rows."""
VALIDATION_SHARE = 0.1
SPLIT_SEED = 0


@dataclass(frozen=True)
class Corpus:
    """Texts (title and description, cleaned) and their classes (n,) int64, in the order of `classes_of` a run."""

    texts: list[str]
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)

    def rows(self, chosen: np.ndarray) -> "Corpus":
        return Corpus([self.texts[i] for i in chosen], self.classes[chosen])

    def first(self, most: int) -> "Corpus":
        return Corpus(self.texts[:most], self.classes[:most])


@dataclass(frozen=True)
class Splits:
    """What a model is trained on, chosen by, and judged on once."""

    train: Corpus
    validation: Corpus
    test: Corpus


def classes_of(spec: Mapping) -> tuple[str, ...]:
    """The names of the classes that a run's texts have, in the order of their numbers."""
    return tuple(spec.get("settings", {}).get("classes", CLASSES))


def _given() -> Path | None:
    """The file or folder of one's own that NEWS_TRAIN names; None if it names one of TRAINING, or nothing.

    Raises catalog.DataError for another value.
    """
    chosen = os.environ.get("NEWS_TRAIN") or "recovered"
    if chosen in TRAINING:
        return None
    place = paths.ROOT / chosen  # notebooks run in another folder than trainings
    if not place.exists():
        raise catalog.DataError(
            f"NEWS_TRAIN={chosen} is unknown. Choose one of: {', '.join(TRAINING)}; or the path of texts of your own."
        )
    return place


def data_names(kind: str) -> list[str]:
    """The names of the data that `load` reads for this kind, real or synthetic, as they stand in a spec.

    Texts of one's own are named `own/<name>@<digest>`. Raises catalog.DataError when NEWS_TRAIN names nothing.
    """
    if kind == "synthetic":
        return ["synthetic/ag_news"]
    place = _given()
    if place is not None:
        own_texts.read(place, clean)  # what is wrong with them is reported before anything is made
        return [f"own/{place.name}@{own_texts.digest(place)[:12]}"]
    return [TEST, TRAINING[os.environ.get("NEWS_TRAIN") or "recovered"]]


def settings(kind: str) -> dict:
    """What texts of one's own add to a run's settings: the classes' names."""
    place = None if kind == "synthetic" else _given()
    return {} if place is None else {"classes": list(own_texts.read(place, clean)[0])}


def load(names: list[str], synthetic_rows: int = 0) -> Splits:
    """The three splits: the validation split is a tenth of the training rows, stratified by class and seeded.

    Texts of one's own give a tenth to the test split first. Raises catalog.DataError, with file and row, for files
    that can't be had and rows that are wrong.
    """
    if names == ["synthetic/ag_news"]:
        whole, test = (Corpus(*texts_and_classes(n, i)) for i, n in enumerate((synthetic_rows, synthetic_rows // 4)))
    elif names[0].startswith("own/"):
        place = _given()
        if place is None or names != data_names("real"):
            raise catalog.DataError(f"NEWS_TRAIN is not {names[0]} any more. Point it at those texts.")
        whole, test = _apart(Corpus(*own_texts.read(place, clean)[1:]))
    else:
        (training,) = (name for name in names if name != TEST)
        whole, test = (read(catalog.fetch(name)) for name in (training, TEST))
    return Splits(*_apart(whole), test)


def _apart(whole: Corpus) -> tuple[Corpus, Corpus]:
    """Nine tenths and a tenth, stratified by class and seeded."""
    rows = np.arange(len(whole))
    kept, held_out = train_test_split(rows, test_size=VALIDATION_SHARE, random_state=SPLIT_SEED, stratify=whole.classes)
    return whole.rows(kept), whole.rows(held_out)


def read(file: Path) -> Corpus:
    """A file of the catalog: class 1 to 4, title, description, below a header in the recovered file alone."""
    table = pd.read_csv(file, header=None, dtype=str, keep_default_na=False, encoding="utf-8")
    if table.iloc[0, 0] == "label":
        table = table[1:]
    return Corpus((table[1] + " " + table[2]).map(clean).tolist(), table[0].astype(np.int64).to_numpy() - 1)


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
    # Most texts have nothing of a kind: to ask first takes half the time.
    if ";" in text or "&" in text:
        for _ in range(2):  # "amp;pound7" hides a second reference
            text = html.unescape(_REFERENCE.sub(r"&\1;", text))
    text = _TAG.sub(" ", text)
    if "http" in text or "www." in text:
        text = _ADDRESS.sub(" ", text)
    text = text.replace("<", " ").replace(">", " ").replace("\u2019", "'").replace("\u2018", "'")
    return _CONTRACTION.sub(r"'\1", " ".join(text.split()))
