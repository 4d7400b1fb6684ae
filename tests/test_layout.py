"""The committed PDF as it lies on its pages: how much of each stays white, and what must not be torn apart."""

import re
from itertools import pairwise

import committed
import pypdf
import pytest
from pypdf.generic import ContentStream

pytestmark = pytest.mark.slow

TEXT_TOP, TEXT_FOOT = 768.0, 68.0
"""Of the text block, in points from the foot of the page."""
GAP = 32.0
"""A white strip that is higher is no space between paragraphs."""
PAINTING = (b"f", b"f*", b"S", b"s", b"B", b"B*", b"b")

Matrix = tuple[float, ...]


@pytest.fixture
def report():
    return committed.pdf()


def product(a: Matrix, b: Matrix) -> Matrix:
    return (
        a[0] * b[0] + a[1] * b[2], a[0] * b[1] + a[1] * b[3], a[2] * b[0] + a[3] * b[2], a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4], a[4] * b[1] + a[5] * b[3] + b[5],
    )  # fmt: skip


def spans(page: pypdf.PageObject) -> list[tuple[float, float]]:
    """Between which heights each letter group, path and picture of a page stands."""
    found, path, kept = [], [], []
    now = text = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    pictures = page["/Resources"].get("/XObject", {})
    height = lambda x, y: now[1] * float(x) + now[3] * float(y) + now[5]  # noqa: E731
    for given, operator in ContentStream(page.get_contents(), page.pdf).operations:
        match operator:
            case b"q":
                kept.append(now)
            case b"Q":
                now = kept.pop()
            case b"cm":
                now = product(tuple(map(float, given)), now)
            case b"Tm":
                text = tuple(map(float, given))
            case b"Tj" | b"TJ":
                foot = product(text, now)[5]
                found.append((foot - 2, foot + 8))
            case b"m" | b"l":
                path.append(height(*given))
            case b"c":
                path.append(height(*given[4:]))
            case b"re":
                x, y, across, up = map(float, given)
                path += [height(x, y), height(x + across, y + up)]
            case b"Do":
                left, foot, right, top = pictures[given[0]].get_object().get("/BBox", (0, 0, 1, 1))
                corners = [height(x, y) for x in (left, right) for y in (foot, top)]
                found.append((min(corners), max(corners)))
            case b"n":  # a path that only clips
                path = []
            case _ if operator in PAINTING and path:
                found.append((min(path), max(path)))
                path = []
    return found


def white(page: pypdf.PageObject) -> float:
    """The share of the text block's height that is in white strips higher than GAP."""
    inside = sorted((max(a, TEXT_FOOT), min(b, TEXT_TOP)) for a, b in spans(page) if b > TEXT_FOOT and a < TEXT_TOP)
    reached, empty = TEXT_FOOT, 0.0
    for foot, top in [*inside, (TEXT_TOP, TEXT_TOP)]:
        empty += foot - reached if foot - reached > GAP else 0.0
        reached = max(reached, top)
    return empty / (TEXT_TOP - TEXT_FOOT)


def chapters(report: pypdf.PdfReader) -> list[int]:
    """The pages, from 0, on which chapters begin."""
    return [report.get_destination_page_number(entry) for entry in report.outline if not isinstance(entry, list)]


def test_no_page_is_more_than_a_third_white_but_chapter_ends(report):
    ends = {start - 1 for start in chapters(report)} | {len(report.pages) - 1}
    measured = {number: white(page) for number, page in enumerate(report.pages) if number not in ends}
    assert max(measured.values()) > 0.02  # it does measure
    assert {number + 1: round(share, 2) for number, share in measured.items() if share > 1 / 3} == {}


def pages_of(report: pypdf.PdfReader) -> dict[str, range]:
    """The pages of each chapter, from 0, up to that on which the next one begins."""
    titles = [entry.title for entry in report.outline if not isinstance(entry, list)]
    starts = pairwise([*chapters(report), len(report.pages)])
    return {title: range(start, after) for title, (start, after) in zip(titles, starts, strict=True)}


def test_front_pages_and_appendices_are_few(report):
    lengths = {title: len(pages) for title, pages in pages_of(report).items()}
    behind = [
        pages for title, pages in lengths.items() if not any(word in title for word in ("Part", "Bonus", "Summary"))
    ]
    assert lengths["Summary"] <= 4 and sum(behind) <= 20


def test_no_figure_of_a_chapter_stands_behind_the_page_where_the_answers_begin(report):
    (answers,) = (pages for title, pages in pages_of(report).items() if "Answers" in title)
    captions = re.compile(r"^Figure \d+\.", flags=re.M)
    pages = committed.pages()
    assert any(captions.search(page) for page in pages[: answers.start])
    assert not [number + 1 for number in answers[1:] if captions.search(pages[number])]


def test_headings_stay_with_their_text(report):
    """The last line of a page, above its number, is no heading."""
    headings = {entry.title for entry in flat(report.outline)}
    for page in committed.pages():
        lines = [" ".join(line.split()) for line in page.splitlines() if line.strip()]
        assert lines[-1].isdigit() and lines[-2] not in headings, lines[-2:]


def flat(outline):
    return [one for entry in outline for one in (flat(entry) if isinstance(entry, list) else [entry])]
