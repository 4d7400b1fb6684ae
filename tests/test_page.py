"""Report items: their bundles, saved figures, refused input."""

import ast
import hashlib
import subprocess

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pypandoc
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell

from study import figures, paths, profile
from study.links import NUMBERS, numbered, targets, unnumbered
from study.page import PANDOC, PLOTLY, Page, fenced, inline_html, table_markdown
from study.prose import NO_BREAK_SPACE

REPORTED = {"loss": "Figure 3", "scores": "Table 2"}


@pytest.fixture
def shown():
    return []


@pytest.fixture
def page(tmp_path, shown):
    return Page(tmp_path / "figures", show=shown.append, numbers=REPORTED)


def line(values=(1, 3, 2)):
    fig, axes = figures.new(height_cm=5)
    axes.plot(values)
    return fig


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("see [the series](#loss)", "see [the series (Figure 3)](#loss)"),
        ("[Table](#scores) and [Figure](#unknown)", "[Table 2](#scores) and [Figure](#unknown)"),
        ("[Lavin & Ahmad 2015](#lavin2015evaluating)", "[Lavin & Ahmad 2015](#lavin2015evaluating)"),
        ("[a link](https://example.org/#x)", "[a link](https://example.org/#x)"),
    ],
)
def test_links_to_figures_and_tables_have_their_numbers(written, read):
    assert numbered(written, REPORTED) == read


def test_numbers_in_links_are_taken_out_again():
    plain = "[the series](#loss), [Table](#scores), [Figure](#unknown), [Ahmad (Part 3)](#ahmad2017unsupervised)"
    assert unnumbered(numbered(plain, REPORTED), REPORTED) == plain != numbered(plain, REPORTED)
    assert targets(plain) == ["loss", "scores", "unknown", "ahmad2017unsupervised"]


def test_captions_are_html_and_keep_their_mathematics():
    html = inline_html("The *loss* of **two** $a_1 < b_2$, <b>no tag</b> & [x](#y)")
    formula = '<span class="math inline">$a_1 &lt; b_2$</span>'
    loss = f"The <em>loss</em> of <strong>two</strong> {formula}"
    assert html == f'{loss}, &lt;b&gt;no tag&lt;/b&gt; &amp; <a href="#y">x</a>'


def test_items_have_the_numbers_of_the_report_and_captions_without_asterisks(page, shown):
    page.figure(line(), "loss", "The loss *falls* ([He 2016](#he2016deep)), as [the scores](#scores) say.", "a")
    page.table(pd.DataFrame({"n": [1]}), "scores", "**All** scores.")
    page.figure(line(), "new", "Without number.", "a")
    figure, table, new = (BeautifulSoup(bundle["text/html"], "html.parser").figure for bundle in shown)
    assert figure["id"] == "loss"
    assert figure.figcaption.text == "Figure 3. The loss falls (He 2016), as the scores (Table 2) say."
    assert [link["href"] for link in figure.find_all("a")] == ["#he2016deep", "#scores"]
    assert table.figcaption.text == "Table 2. All scores." and table.find("td").text == "1"
    assert table.figcaption.find_next_sibling().name == "table" and figure.img.find_next_sibling().name == "figcaption"
    assert new.figcaption.text == "Without number."


def test_numbers_are_those_of_the_last_whole_build(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "REPORT", tmp_path)
    assert Page(tmp_path).numbers == {}
    (tmp_path / NUMBERS).write_text('{"loss": "Figure 3"}')
    assert Page(tmp_path).numbers == {"loss": "Figure 3"}
    (tmp_path / NUMBERS).write_text('{"loss": ')
    with pytest.raises(ValueError, match=f"{NUMBERS}.*Delete it; `make report` writes it again"):
        Page(tmp_path)


def test_a_notebook_needs_one_line_for_its_page(monkeypatch):
    page, chosen = Page.of("quick"), profile.load("quick")
    assert page.synthetic and page.figures_dir == chosen.figures and page.documents
    monkeypatch.setattr(profile, "run_by_hand", lambda: True)
    assert not Page.of("quick").documents
    assert plt.rcParams["axes.grid"]
    with pytest.raises(ValueError, match="Unknown profile 'fast'. Choose one of: full, quick"):
        Page.of("fast")


def test_no_break_spaces_of_inline_values_are_shown_as_such(monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr("study.page.get_ipython", lambda: shell)
    Page.of("quick")
    for text in ("10\N{NO-BREAK SPACE}s", "it's", "a\\xa0b"):
        plain, _ = shell.display_formatter.format(text)
        assert ast.literal_eval(plain["text/plain"]) == text
    assert shell.display_formatter.format("10\N{NO-BREAK SPACE}s")[0] == {"text/plain": "'10\N{NO-BREAK SPACE}s'"}


def test_figure_is_one_bundle_with_files_and_is_closed(page, shown, tmp_path):
    fig = line()
    page.figure(fig, "loss", "The loss *falls*.", 'A line, "falling"')
    assert not plt.fignum_exists(fig.number)
    assert sorted(p.name for p in (tmp_path / "figures").iterdir()) == ["loss.png", "loss.svg"]
    (bundle,) = shown
    picture = BeautifulSoup(bundle["text/html"], "html.parser").img
    assert picture["alt"] == 'A line, "falling"' and picture["src"].startswith("data:image/png;base64,")
    attributes = 'image="loss.svg" width="16.00" alt="A line, \\"falling\\""'
    assert bundle[PANDOC].startswith(f"::: {{#fig:loss .figure {attributes}}}")


def test_in_jupyterlab_nothing_is_drawn_for_the_documents_alone(tmp_path, shown):
    page, twin = Page(tmp_path, show=shown.append, documents=False), line()
    page.figure(line(), "loss", "c", "a")
    page.plot(go.Figure(go.Scatter(y=[1, 2])), "p", "c", "<an alt>", twin)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["loss.png", "p.json"]
    assert not plt.fignum_exists(twin.number)
    assert "data:image/png" in shown[0]["text/html"] and shown[2]["text/html"] == "&lt;an alt&gt;"
    assert shown[3]["text/html"] == "<figcaption>c</figcaption>"


def test_same_figure_same_bytes(tmp_path):
    digests = []
    for run in ("one", "two"):
        Page(tmp_path / run, show=lambda bundle: None).figure(line(), "loss", "c", "a")
        digests.append([hashlib.sha256((tmp_path / run / f"loss.{k}").read_bytes()).digest() for k in ("png", "svg")])
    assert digests[0] == digests[1]


def test_a_heavy_figure_stands_in_the_report_as_png(page, shown, monkeypatch):
    fig, axes = figures.new()
    rng = np.random.default_rng(0)
    axes.scatter(*rng.random((2, 8000)), c=rng.random(8000))
    page.figure(fig, "cloud", "c", "a")
    assert 'image="cloud.png"' in shown[0][PANDOC]
    monkeypatch.setattr("study.page.SVG_LIMIT_BYTES", 10)
    page.figure(line(), "loss", "c", "a")
    assert 'image="loss.svg"' in shown[1][PANDOC]  # its picture would be heavier


def test_synthetic_data_are_named_in_picture_and_caption(tmp_path, shown):
    real, synthetic = Page(tmp_path / "real", show=shown.append), Page(tmp_path / "fake", True, show=shown.append)
    chart = go.Figure(go.Scatter(y=[1, 2]))
    for page in (real, synthetic):
        page.figure(line(), "loss", "c", "a")
        page.table(pd.DataFrame({"n": [1]}), "t", "c")
        page.plot(chart, "p", "c", "a", line())
    assert (tmp_path / "real/loss.png").read_bytes() != (tmp_path / "fake/loss.png").read_bytes()
    sources = [bundle[PANDOC] for bundle in shown if bundle[PANDOC]]
    assert [("Synthetic data" in source) for source in sources] == [False] * 3 + [True] * 3
    assert "SYNTHETIC" in str(shown[8][PLOTLY]) and not chart.layout.annotations


def test_plot_carries_plotly_for_lab_and_a_twin_for_print(page, shown, tmp_path):
    page.plot(go.Figure(go.Scatterpolar(r=[1, 2], theta=[0, 90])), "polar", "c", "a", line())
    anchor, chart, caption = shown
    assert anchor["text/html"] == '<div id="polar"></div>' and not anchor[PANDOC]
    assert chart[PLOTLY]["data"][0]["type"] == "scatterpolar" and "<img" in chart["text/html"] and not chart[PANDOC]
    assert 'plotly="polar.json"' in caption[PANDOC] and 'image="polar.svg"' in caption[PANDOC]
    assert caption["text/html"] == "<figcaption>c</figcaption>"
    assert (tmp_path / "figures/polar.json").exists()


@pytest.mark.parametrize(
    ("name", "caption", "alt", "message"),
    [
        *((name, "c", "a", "name") for name in ("Loss", "a b", "a_b", "", "-a", "a--b", "fig:a", "../a")),
        ("loss", "", "a", "caption"),
        ("loss", "c", " ", "alternative text"),
    ],
)
def test_figures_need_a_name_a_caption_and_an_alternative_text(page, name, caption, alt, message):
    with pytest.raises(ValueError, match=message):
        page.figure(line(), name, caption, alt)


def pandoc(source: str, to: str) -> str:
    run = subprocess.run(
        [pypandoc.get_pandoc_path(), "-f", "markdown", "-t", to, "--wrap=none", "--columns=100000"],
        input=source, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return run.stdout


HOSTILE = [
    "<script>alert(1)</script>", '#import "x": *', "a | b", "**b** _i_", "$x$", "[@x]", "\\ `c`", "::: x", "1. a",
]  # fmt: skip
ASCII = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), min_size=1)


@settings(max_examples=25, deadline=None)
@given(st.lists(ASCII, min_size=1, max_size=20))
def test_cells_show_exactly_their_text(texts):
    texts = [" ".join(text.split()) or "x" for text in texts + HOSTILE]
    html = BeautifulSoup(pandoc(table_markdown(pd.DataFrame({"v": texts}), "t", "c"), "html"), "html.parser")
    assert [cell.get_text() for cell in html.find_all("td")] == texts
    assert not html.find(["script", "em", "strong", "code", "math"])


def test_an_interval_stays_on_its_line():
    texts = [f"−6.77{NO_BREAK_SPACE}[−7.14 to −6.40]", "1 (0 to 2)", "[0 to 1]", "three (from 1 to 2)"]
    html = BeautifulSoup(pandoc(table_markdown(pd.DataFrame({"v": texts}), "t", "c"), "html"), "html.parser")
    shown = [cell.get_text().replace(NO_BREAK_SPACE, "_") for cell in html.find_all("td")]
    assert shown == ["−6.77 [−7.14_to_−6.40]", "1 (0_to_2)", "[0_to_1]", "three (from 1 to 2)"]


def test_cells_of_numbers(page, shown):
    df = pd.DataFrame(
        {"model": ["Base", "Own"], "n": [588, -3], "loss": ["0.001", "−0.500"], "when": ["2015-04-14", "2015-05"]}
    )
    page.table(df, "t", "c")
    rows = BeautifulSoup(pandoc(shown[0][PANDOC], "html"), "html.parser").find_all("tr")
    assert [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in rows] == [
        ["model", "n", "loss", "when"],
        ["Base", "588", "0.001", "2015-04-14"],
        ["Own", "−3", "−0.500", "2015-05"],
    ]
    assert [("right" in cell["style"]) for cell in rows[1].find_all("td")] == [False, True, True, False]


@pytest.mark.parametrize(
    ("df", "options", "error", "message"),
    [
        (pd.DataFrame({"x": [0.5]}), {}, TypeError, "put it into words"),
        (pd.DataFrame({"x": [True]}), {}, TypeError, "words"),
        (pd.DataFrame({"x": [float("nan")]}), {}, ValueError, "missing value"),
        (pd.DataFrame({"x": [None]}), {}, ValueError, "missing value"),
        (pd.DataFrame({"x": [1]}), {"align": "lr"}, ValueError, "align"),
        (pd.DataFrame({"x": []}), {}, ValueError, "rows"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), {}, ValueError, "distinct"),
    ],
)
def test_tables_refuse(page, df, options, error, message):
    with pytest.raises(error, match=message):
        page.table(df, "t", "c", **options)


def test_fence_is_longer_than_any_inside():
    assert pandoc(fenced("a\n```\nb\n````\nc", "text"), "plain").split() == ["a", "```", "b", "````", "c"]


def test_models_of_a_chapter_have_their_own_looks():
    from study.anomaly.detectors import NAMES, PUBLISHED

    names = [name for name in NAMES.values() if name not in PUBLISHED]
    assert len({figures.colour_of(name) for name in names}) == len(names) and set(names) <= set(figures.LOOKS)


def test_a_model_without_a_look_gets_one_that_no_other_has():
    made = figures.look_of("wide")
    assert made == figures.Look("#44AA99", "<", "-") and made != figures.look_of("deep")  # the same in every process
    known = figures.LOOKS.values()
    assert made.colour not in {look.colour for look in known} and made.marker not in {look.marker for look in known}


def test_a_note_is_shown_where_there_is_something_to_note(page, shown):
    page.note("")
    page.note("Base was *changed*.")
    (note,) = shown
    assert note["text/markdown"] == "> **Note.** Base was *changed*." and pandoc(note[PANDOC], "plain").strip() == (
        "Base was changed."
    )


def test_text_stands_left_and_numbers_right_in_jupyterlab_too(page, shown):
    page.table(pd.DataFrame({"Claim": ["it <rises> | $x$ \\| *y*"], "n": [3]}), "claims", "Claims.")
    cells = BeautifulSoup(shown[0]["text/html"], "html.parser").find_all(["th", "td"])
    assert [cell["style"] for cell in cells] == ["text-align:left", "text-align:right"] * 2
    assert cells[2].text == "it <rises> | $x$ \\| *y*"
