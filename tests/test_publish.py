"""Executed notebooks become one HTML and one PDF: whole, numbered alike, closed to the network, or not at all."""

import base64
import hashlib
import inspect
import json
import re
import zlib
from functools import partial
from types import SimpleNamespace
from urllib.parse import unquote
from xml.etree import ElementTree

import committed
import pandas as pd
import plotly.graph_objects as go
import pypdf
import pytest
import typst
from documents import Built, code, shows, told
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from study import figures, paths, profile, runs
from study.page import Page, fenced
from study.publish import provenance
from study.publish.errors import PublishError

META = {
    "title": "A <small> report & more",
    "author": ["Ada Lovelace", "Alan Turing"],
    "contributions": "Both did half.",
    "source": "0123abc",
    "lang": "en-GB",
    "notebooks": "../notebooks",
}
FRONT = "# Findings {.unnumbered}\n\n## At a glance\n\nFront, [@sec:why]; “How?” is in [§][How?]."
OPENING = "# Part One\n\nSee [@fig:second], [@tbl:hostile], [@sec:why] and [@eq:loss]; [@kingma2015adam] too."
EQUATION = "$$\\frac{1}{N}\\sum_i x_i^2$$ {#eq:loss}\n\n## Why? {#sec:why}\n\nBecause:\n- one\n- two"
HOSTILE = ["<script>alert(1)</script>", '#import "x": *', "a | b *c* $d$ [@e]", "x" * 150]
MARKS = ["+ plus", "- dash", "* star", "1. one", "12. dozen", "# hash", "= equals", "/ slash: colon", "+", "-"]
"""What would begin a list, a heading or a term in Markdown or Typst."""


def line():
    fig, axes = figures.new(height_cm=5)
    axes.plot([1, 3, 2])
    return fig


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two executed notebooks of all kinds of items, built twice and once without code."""
    folder = tmp_path_factory.mktemp("report")
    shown = []
    page = Page(folder / "figures", show=shown.append)

    def item(source, act, *tags):
        shown.clear()
        act()
        return shows(*shown, source=source, tags=tags)

    wide = pd.DataFrame(
        {"Model": ["Base", "Own"]} | {f"Validation accuracy {i}": ["0.1234", "0.5000"] for i in range(12)}
    )
    hostile = pd.DataFrame({"v": HOSTILE, "n": range(len(HOSTILE))})
    polar = go.Figure(go.Scatterpolar(r=[1, 2], theta=[0, 90]))
    chart = go.Figure(go.Scatter(y=[1, 2], name="</script>"))
    definition = fenced(inspect.getsource(line).strip(), "{.python .definition}")
    first = new_notebook(
        cells=[
            new_markdown_cell(OPENING),
            new_markdown_cell(EQUATION),
            code("profile = 'secret_parameter'", tags=["parameters"]),
            item("shown_cell()", lambda: page.figure(line(), "first", "First *caption*.", "First alternative")),
            item("hidden_cell()", lambda: page.say("Prose **from** a cell, [@fig:first; @fig:second]."), "hide-input"),
            item("polar()", lambda: page.plot(polar, "second", "Second.", "Second alternative", line())),
            item("chart()", lambda: page.plot(chart, "third", "Third.", "Third alternative", line())),
            item("table()", lambda: page.table(hostile, "hostile", "Text stays text.")),
            item("marks()", lambda: page.table(pd.DataFrame({"v": MARKS}), "marks", "Marks stay marks.")),
            new_markdown_cell("- \\+ item\n\n::: {.screen}\nFor the screen alone.\n:::"),
            code("hidden_entirely()", told("hidden output"), tags=["hide-cell"]),
            code("noisy()", told("warned", "stderr"), tags=["allow-stderr"]),
            code("loop()", told("epoch 1\repoch 2\r"), told("\n\x1b[31mred\x1b[0m " + "y" * 300 + "\n")),
        ]
    )  # fmt: skip
    second = new_notebook(
        cells=[
            new_markdown_cell("# Part Two\n\n## How?"),
            item("wide()", lambda: page.table(wide, "wide", "Wide.")),
            item("model()", lambda: page.say(definition), "hide-input"),
            code("\n".join(["long()"] * 7)),
        ]
    )

    back = "# Provenance {.unnumbered}\n\nBack."
    notebooks = {"one.ipynb": first, "two.ipynb": second}
    build = partial(Built, folder / "figures", notebooks=notebooks, meta=META, front=FRONT, back=back)
    return SimpleNamespace(figures=folder / "figures", build=build, report=build())


def flat(node):
    return " ".join(node.get_text().split())


@pytest.fixture(scope="module")
def soup(made):
    return made.report.soup


@pytest.fixture(scope="module")
def pdf(made):
    return made.report.reader


@pytest.fixture(scope="module")
def pdf_text(made):
    return made.report.printed


def test_html_needs_nothing_from_outside(soup):
    for element in soup.find_all(src=True):
        assert element["src"].startswith("data:"), element["src"][:80]
    for element in soup.find_all(["link", "iframe", "object", "base"]):
        pytest.fail(f"{element.name} may load something")
    for link in soup.find_all("a", href=True):
        assert link["href"].startswith(("#", "https://")), link["href"]
    assert "url(" not in soup.style.string and "@import" not in soup.style.string


def unpacked(script):
    return zlib.decompress(base64.b64decode(script.string)).decode()


def test_policy_admits_exactly_the_scripts_of_the_page(soup):
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    scripts = [s.string for s in soup.find_all("script", type=None)] + [unpacked(soup.find("script", id="plotly"))]
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = re.search(r"script-src ([^;]*);", policy)[1].split()
    assert allowed == [f"'sha256-{digest}'" for digest in digests]
    assert "default-src 'none'" in policy and "unsafe-eval" not in policy


def test_plotly_comes_once_and_only_where_it_is_needed(soup, tmp_path):
    (packed,) = soup.find_all("script", type="text/plain")
    assert "Plotly, Inc." in unpacked(packed)[:400] and len(packed.string) < 2_000_000
    assert len(soup.find_all("script", type="application/json")) == len(soup.find_all(class_="chart")) == 2
    data = soup.find("figure", id="fig:third").script.string
    assert "<" not in data and json.loads(data)["data"][0]["name"] == "</script>"
    assert len(Built(tmp_path, meta=META).html) < 200_000


def test_numbers_are_the_same_in_both_documents(soup, pdf_text):
    captions = [flat(c) for c in soup.select("figcaption, caption")]
    assert captions == [
        "Figure 1. First caption.", "Figure 2. Second.", "Figure 3. Third.",
        "Table 1. Text stays text.", "Table 2. Marks stay marks.", "Table 3. Wide.",
    ]  # fmt: skip
    assert all(caption in pdf_text for caption in captions)
    headings = [flat(h) for h in soup.select("main h2, main h3")]
    assert headings == [
        "Findings", "At a glance", "1 Part One", "1.1 Why?", "2 Part Two", "2.1 How?", "Provenance", "References",
    ]  # fmt: skip
    assert all(heading in pdf_text for heading in headings)


def test_references_resolve_alike(soup, pdf_text):
    sentence = "See Figure 2, Table 1, Section 1.1 and Equation 1; (Kingma and Ba 2015) too."
    assert sentence in flat(soup.main) and sentence in pdf_text
    assert "Prose from a cell, Figure 1 and Figure 2." in flat(soup.main)
    assert "Front, Section 1.1; “How?” is in Section 2.1." in flat(soup.main)
    assert soup.find("a", string="Section\N{NO-BREAK SPACE}2.1")["href"] == "#how"
    targets = {element["id"] for element in soup.find_all(id=True)}
    for link in soup.find_all("a", href=re.compile("^#")):
        assert link["href"][1:] in targets, link
    assert "Adam: A Method" in flat(soup.find(id="refs")) and "Adam: A Method" in pdf_text


def test_contents_lead_everywhere(soup, pdf):
    assert [flat(a) for a in soup.select("nav a")][:4] == ["Findings", "At a glance", "1 Part One", "1.1 Why?"]

    def titles(outline):
        return [title for entry in outline for title in (titles(entry) if isinstance(entry, list) else [entry.title])]

    assert {"Findings", "1 Part One", "1.1 Why?", "References"} <= set(titles(pdf.outline))


def test_chapters_can_be_shown_one_by_one(soup):
    titles = [flat(section.find("h2")) for section in soup.select("main > section.chapter")]
    assert titles == ["Findings", "1 Part One", "2 Part Two", "Provenance", "References"]
    assert {heading.parent.name for heading in soup.select("main :is(h2, h3)")} == {"section"}


def test_items_can_lead_to_their_notebook(soup):
    """The script makes links of these; test_browser.py follows one."""
    named = {flat(heading): heading.get("data-notebook") for heading in soup.select("main h2")}
    assert named == {
        "Findings": None, "1 Part One": "one.ipynb", "2 Part Two": "two.ipynb", "Provenance": None, "References": None,
    }  # fmt: skip
    assert soup.body["data-notebooks"] == META["notebooks"]


def test_rows_of_wide_tables_can_be_cards(soup):
    wide, narrow = soup.find("table", id="tbl:wide"), soup.find("table", id="tbl:hostile")
    assert {"cards", "dense", "broken"} <= set(wide["class"]) and narrow["class"] == ["dense", "broken"]
    heads = [flat(head) for head in wide.select("th")]
    assert [[cell["data-label"] for cell in row.select("td")] for row in wide.select("tbody tr")] == [heads] * 2
    assert not narrow.select("[data-label]")


def test_cell_text_is_data(soup, pdf_text):
    assert [td.get_text() for td in soup.find("table", id="tbl:hostile").select("td:first-child")] == HOSTILE
    joined = pdf_text.replace(" ", "")
    assert all(text.replace(" ", "") in joined for text in HOSTILE)


def test_marks_of_lists_and_headings_at_a_cell_s_beginning_are_text(soup, pdf_text):
    assert [td.get_text() for td in soup.select('table[id="tbl:marks"] td')] == MARKS
    shown = pdf_text.partition("Marks stay marks. v ")[2]
    assert shown.startswith(" ".join(MARKS)) and "• + item" in shown


def test_print_leaves_out_what_is_for_the_screen_alone(soup, pdf_text):
    assert "For the screen alone." in flat(soup) and "For the screen alone." not in pdf_text


def test_pictures_have_alternative_texts(soup, pdf):
    images = soup.select("main img")
    assert [image["alt"] for image in images] == ["First alternative", "Second alternative", "Third alternative"]
    # Typst leaves document structure uncompressed objects apart; pypdf resolves them.
    alts = {str(found.get("/Alt")) for found in _dictionaries(pdf)}
    assert {"First alternative", "Second alternative", "Third alternative", "\\frac{1}{N}\\sum_i x_i^2"} <= alts


def test_drawings_come_in_few_bytes(soup, made):
    image = soup.find("figure", id="fig:first").img
    kind, text = image["src"].split(",", 1)
    assert kind == "data:image/svg+xml" and not set('"#&') & set(text)
    drawn = (made.figures / "first.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(unquote(text)).tag.endswith("svg") and len(text) < 0.6 * len(drawn)


def _dictionaries(reader):
    objects = (pypdf.generic.IndirectObject(number, 0, reader) for number in range(1, reader.trailer["/Size"]))
    return [found for found in (one.get_object() for one in objects) if isinstance(found, dict)]


def test_the_report_is_named_by_what_it_was_made_from(soup, pdf_text):
    assert all("Both did half." in told and "0123abc" in told for told in (flat(soup.main), pdf_text))


def test_pdf_says_what_it_is(pdf):
    assert pdf.metadata.title == META["title"]
    assert pdf.metadata.author == "Ada Lovelace, Alan Turing"
    root = pdf.trailer["/Root"]
    assert root["/Lang"] == "en-GB" and root["/MarkInfo"]["/Marked"]
    assert "pdfuaid:part" in root["/Metadata"].get_object().get_data().decode()
    fonts = {str(found["/BaseFont"]) for found in _dictionaries(pdf) if "/BaseFont" in found}
    assert fonts and all(re.match(r"/[A-Z]{6}\+(Libertinus|NewCM|DejaVu)", font) for font in fonts)


def test_nothing_stands_in_the_margins_of_the_pdf(made):
    made.report.assert_white_margins()
    assert len(made.report.pages) >= 5


def test_code_folds_or_goes(soup, made):
    folded = [flat(block.pre) for block in soup.select("details.code")]
    definition = "def line(): fig, axes = figures.new(height_cm=5) axes.plot([1, 3, 2]) return fig"
    assert folded == [
        "shown_cell()", "polar()", "chart()", "table()", "marks()", "noisy()", "loop()", "wide()", definition,
        "long() " * 6 + "long()",
    ]  # fmt: skip
    assert [block.has_attr("open") for block in soup.select("details.code")] == [True] * 9 + [False]
    assert flat(soup.select("details.code")[8].summary) == "Code of line 4 lines"
    everything = flat(soup.main)
    for absent in ("secret_parameter", "hidden_entirely", "hidden output", "warned", "epoch 1", "\x1b"):
        assert absent not in everything
    # The code that a figure's button shows.
    assert [(flat(one.pre), one.has_attr("hidden")) for one in soup.select(".behind")] == [
        ("hidden_cell()", True), ("model()", True),
    ]  # fmt: skip
    assert "shown_cell()" in made.report.printed and "hidden_cell()" not in made.report.printed
    assert soup.find("pre", class_="output").get_text().startswith("epoch 2\nred yyy")
    assert [flat(block) for block in made.build(code=False).soup.select("details.code pre, .behind")] == [definition]


def test_same_notebooks_same_bytes(made):
    again = made.build()
    assert (again.html, again.pdf) == (made.report.html, made.report.pdf)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (code("x", new_output("error", ename="KeyError", evalue="'x'")), "n.ipynb, cell 2: failed with KeyError"),
        (code("x", new_output("error", ename="E", evalue=""), tags=["hide-cell"]), "cell 2: failed"),
        (new_code_cell("x"), "cell 2: has not been run"),
        (new_markdown_cell("# Another"), "2 headings of level one"),
    ],
)  # fmt: skip
def test_a_notebook_that_cannot_be_told_names_the_cell(tmp_path, cell, message):
    with pytest.raises(PublishError, match=message):
        Built(tmp_path, cell, meta=META)


def test_progress_bars_and_comments_are_no_faults(tmp_path):
    bar = new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {}, "text/plain": "0%"})
    comment = new_markdown_cell("```python\n# no heading\n```")
    assert "0%" not in Built(tmp_path, code("run()", bar), comment, meta=META).text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[@fig:nowhere]", r"unresolved reference \[@fig:nowhere\] \(in the chapter “Title”\)"),
        ("[@sec:nowhere] and @tbl:nowhere", r"(?s)sec:nowhere.*tbl:nowhere"),
        ("[@nobody1999]", "nobody1999"),
        ("[§][Nothing]", r"no heading has the words of the link \[§\]\[Nothing\]"),
        ("## A {#sec:a}\n\n## B {#sec:a}", "(?i)duplicate identifier.*sec:a|sec:a is defined twice"),
        (2 * '::: {#fig:a .figure image="a.svg" width="9" alt="a"}\nc\n:::\n\n', "fig:a is defined twice"),
        ('::: {#fig:gone .figure image="gone.svg" width="9" alt="a"}\nc\n:::', "gone.svg is not in the figures folder"),
        ("::: {#tbl:t .table}\nc\n:::", "tbl:t holds no table"),
    ],
)
def test_a_failed_build_says_why(tmp_path, text, message):
    with pytest.raises(PublishError, match=message):
        Built(tmp_path, new_markdown_cell(text), meta=META)


RESTLESS = b"""
#show figure: it => context if here().position().y < 300pt { v(400pt) + it } else { it }
#for i in range(9) [#figure([a], caption: [b]) #context counter(figure).display()]
#context v(calc.rem(here().page() + counter(figure).final().first(), 7) * 90pt)
"""
"""Each figure that floats away makes room for the next heading, which asks for the page and calls it back."""


@pytest.mark.parametrize(
    ("source", "message"),
    [(b"#unknown", "unknown variable"), (RESTLESS, "did not converge")],
    ids=["fails", "restless"],
)
def test_what_typst_fails_at_or_warns_of_is_no_report(tmp_path, monkeypatch, source, message):
    compile_typst = typst.compile_with_warnings
    monkeypatch.setattr(typst, "compile_with_warnings", lambda _, **options: compile_typst(source, **options))
    with pytest.raises(PublishError, match=message):
        Built(tmp_path, meta=META)


@pytest.mark.slow
def test_figures_of_the_committed_report_are_numbered_in_order():
    text = "\n".join(committed.pages())
    numbers = [int(n) for n in re.findall(r"^Figure (\d+)\. ", text.replace("\N{NO-BREAK SPACE}", " "), flags=re.M)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) >= 39


def test_the_committed_report_can_be_sent_by_mail():
    sizes = [(paths.ROOT / "report" / name).stat().st_size for name in ("report.html", "report.pdf")]
    assert max(sizes) < 6_000_000


def test_runs_without_data_files_have_a_provenance_page():
    """Those of Parts I and III alone."""
    spec = {"task": "t-x", "model": "m", "data": [], "profile": "full", "version": 1}
    where = {"device": "CPU", "python": "3.11.7", "libraries": {"numpy": "2.4.6"}, "data": {}, "wall_seconds": 2.0}
    where |= {"threads": 2, "started": "2026-11-27T14:55:37+00:00"}
    made = [
        runs.Record(spec | {"seed": seed}, {}, {}, where | {"commit": commit})
        for seed, commit in enumerate(("0123abc4", "fedcba98", "0123abc4"))
    ]
    page = provenance.page(profile.load("full"), made).replace("\\", "")
    assert "These runs read no data file." in page and "0123abc, fedcba9" in page and "with seeds 0, 1 and 2" in page


def test_raw_markup_shows_as_text(tmp_path):
    data = '<script>alert(1)</script>, #import "x": \\* and #read("/etc/passwd")'
    made = Built(tmp_path, new_markdown_cell(f"<b>bold</b> and \\textbf{{x}}\n\n{data}"), meta=META)
    assert not made.soup.main.find_all("script")
    for text in ("<b>bold</b>", "<script>alert(1)</script>", "#import", "#read("):
        assert text in made.text and text in made.printed
