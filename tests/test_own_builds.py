"""Reports on data of one's own, built from nothing as a reader builds them."""

import re

import pytest
from bs4 import BeautifulSoup

from study.news.synthetic import texts_and_classes
from tests.test_build import run
from tests.test_vision import picture, zipped


@pytest.fixture
def own_data(tmp_path):
    """A table of texts of two classes, and a zip of images of two."""
    texts, kinds = texts_and_classes(240, 1)
    rows = [f"{('dry', 'wet')[kind % 2]};{text}" for text, kind in zip(texts, kinds, strict=True)]
    table = tmp_path / "mine.csv"
    table.write_text("\n".join(["label;text", *rows]))
    content = {
        f"{kind}/{i}.png": picture(40 * n + i, side=72) for n, kind in enumerate(("dry", "wet")) for i in range(20)
    }
    return {"NEWS_TRAIN": str(table), "IMAGES": str(zipped(tmp_path / "mine.zip", content))}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "choice", "shown"), [("part4", "NEWS_TRAIN", r"\bdry\b.*\bwet\b"), ("bonus", "IMAGES", r"\b40 images in")]
)
def test_data_of_ones_own_make_a_whole_chapter_of_their_own(clone, own_data, part, choice, shown):
    """Of other classes than the text was written for: it is built, says so, and judges nothing of the original."""
    done = run(clone, "study.build", "--profile", "quick", "--part", part, DATA="real", **{choice: own_data[choice]})
    assert done.returncode == 0, done.stdout + done.stderr
    html = clone / "build" / "quick-real" / "output" / "report" / f"{part}.html"
    page = BeautifulSoup(html.read_text(encoding="utf-8"), "html.parser")
    text = page.main.get_text()
    assert choice in text and re.search(shown, text, re.DOTALL)
    assert not page.select("table[id^='tbl:scorecard']") and page.select("figure img, figure svg")
    assert html.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert not list((clone / "report").glob("report.*")) and not (clone / "report" / "runs").exists()
