"""Report items: one bundle each, saved figures, refused input."""

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

from study import figures, prose
from study.page import PANDOC, PLOTLY, Page, fenced, table_markdown


@pytest.fixture
def shown():
    return []


@pytest.fixture
def page(tmp_path, shown):
    return Page(tmp_path / "figures", show=shown.append)


def line(values=(1, 3, 2)):
    fig, axes = figures.new(height_cm=5)
    axes.plot(values)
    return fig


def test_say_shows_the_same_markdown_to_both(page, shown):
    page.say("""
        Indented as in a cell, with $x$
        and [@fig:a].
    """)
    assert shown == [
        {"text/markdown": "Indented as in a cell, with $x$\nand [@fig:a].", PANDOC: shown[0]["text/markdown"]}
    ]


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


def test_same_figure_same_bytes(tmp_path):
    digests = []
    for run in ("one", "two"):
        Page(tmp_path / run, show=lambda bundle: None).figure(line(), "loss", "c", "a")
        digests.append([hashlib.sha256((tmp_path / run / f"loss.{k}").read_bytes()).digest() for k in ("png", "svg")])
    assert digests[0] == digests[1]


def test_a_heavy_figure_stands_in_the_report_as_png(page, shown):
    fig, axes = figures.new()
    rng = np.random.default_rng(0)
    axes.scatter(*rng.random((2, 8000)), c=rng.random(8000))
    page.figure(fig, "cloud", "c", "a")
    assert 'image="cloud.png"' in shown[0][PANDOC]


def test_synthetic_data_are_named_in_picture_and_caption(tmp_path, shown):
    real, synthetic = Page(tmp_path / "real", show=shown.append), Page(tmp_path / "fake", True, show=shown.append)
    chart = go.Figure(go.Scatter(y=[1, 2]))
    for page in (real, synthetic):
        page.figure(line(), "loss", "c", "a")
        page.table(pd.DataFrame({"n": [1]}), "t", "c")
        page.plot(chart, "p", "c", "a", line())
    assert (tmp_path / "real/loss.png").read_bytes() != (tmp_path / "fake/loss.png").read_bytes()
    assert [("Synthetic data" in bundle[PANDOC]) for bundle in shown] == [False] * 3 + [True] * 3
    assert "SYNTHETIC" in str(shown[5][PLOTLY]) and not chart.layout.annotations


def test_plot_carries_plotly_for_lab_and_a_twin_for_print(page, shown, tmp_path):
    page.plot(go.Figure(go.Scatterpolar(r=[1, 2], theta=[0, 90])), "polar", "c", "a", line())
    assert shown[0][PLOTLY]["data"][0]["type"] == "scatterpolar"
    assert 'plotly="polar.json"' in shown[0][PANDOC] and 'image="polar.svg"' in shown[0][PANDOC]
    assert (tmp_path / "figures/polar.json").exists()


@pytest.mark.parametrize("name", ["Loss", "a b", "a_b", "", "-a", "a--b", "fig:a", "../a"])
def test_names_that_are_no_names(page, name):
    with pytest.raises(ValueError, match="name"):
        page.figure(line(), name, "c", "a")


def test_a_name_serves_once(page):
    page.table(pd.DataFrame({"n": [1]}), "same", "c")
    page.figure(line(), "same", "c", "a")  # figures and tables count apart
    with pytest.raises(ValueError, match="already"):
        page.figure(line(), "same", "c", "a")


def test_running_a_cell_again_is_no_duplicate(page, monkeypatch):
    class Shell:
        execution_count, cell = 1, "first"

        def get_parent(self):
            return {"metadata": {"cellId": self.cell}}

    shell = Shell()
    monkeypatch.setattr("study.page.get_ipython", lambda: shell)
    page.figure(line(), "loss", "c", "a")
    shell.execution_count = 2
    page.figure(line(), "loss", "c", "a")
    with pytest.raises(ValueError, match="already"):
        page.figure(line(), "loss", "c", "a")
    shell.execution_count, shell.cell = 3, "second"
    with pytest.raises(ValueError, match="already"):
        page.figure(line(), "loss", "c", "a")


@pytest.mark.parametrize(("caption", "alt"), [("", "a"), ("c", " ")])
def test_figures_need_caption_and_alternative_text(page, caption, alt):
    with pytest.raises(ValueError, match="caption"):
        page.figure(line(), "loss", caption, alt)


def pandoc(source: str, to: str) -> str:
    run = subprocess.run(
        [pypandoc.get_pandoc_path(), "-f", "markdown", "-t", to, "--wrap=none", "--columns=100000"],
        input=source, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return run.stdout


HOSTILE = [
    "<script>alert(1)</script>",
    '#import "x": *',
    "a | b",
    "**b** _i_",
    "$x$",
    "[@x]",
    "\\ `c`",
    "::: x",
    "1. a",
]
ASCII = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), min_size=1)


@settings(max_examples=25, deadline=None)
@given(st.lists(ASCII, min_size=1, max_size=20))
def test_cells_show_exactly_their_text(texts):
    texts = [" ".join(text.split()) or "x" for text in texts + HOSTILE]
    html = BeautifulSoup(pandoc(table_markdown(pd.DataFrame({"v": texts}), "t", "c"), "html"), "html.parser")
    assert [cell.get_text() for cell in html.find_all("td")] == texts
    assert not html.find(["script", "em", "strong", "code", "math"])


def test_cells_of_numbers(page, shown):
    df = pd.DataFrame(
        {"model": ["Base", "Own"], "n": [588, -3], "loss": [0.00123, -0.5], "when": ["2015-04-14", "2015-05"]}
    )
    page.table(df, "t", "c", formats={"loss": ".3f", "when": str.upper})
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
        (pd.DataFrame({"x": [0.5]}), {}, TypeError, "give the column a format"),
        (pd.DataFrame({"x": [True]}), {}, TypeError, "format"),
        (pd.DataFrame({"x": [float("nan")]}), {"formats": {"x": ".2f"}}, ValueError, "missing value"),
        (pd.DataFrame({"x": [None]}), {}, ValueError, "missing value"),
        (pd.DataFrame({"x": [1]}), {"formats": {"y": ".2f"}}, ValueError, "lacks: y"),
        (pd.DataFrame({"x": [1]}), {"align": "lr"}, ValueError, "align"),
        (pd.DataFrame({"x": []}), {}, ValueError, "rows"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), {}, ValueError, "distinct"),
    ],
)
def test_tables_refuse(page, df, options, error, message):
    with pytest.raises(error, match=message):
        page.table(df, "t", "c", **options)


def test_code_shows_the_source_that_runs(page, shown):
    page.code(prose.number, figures.Look)
    assert "def number(value: float, digits: int = 0) -> str:" in shown[0][PANDOC]
    assert "class Look(NamedTuple):" in shown[0][PANDOC]


def test_code_too_wide_for_the_page_is_refused(page, monkeypatch):
    monkeypatch.setattr("study.page.CODE_COLUMNS", 40)
    with pytest.raises(ValueError, match="shown at most 40: break"):
        page.code(figures.look_of)


def test_fence_is_longer_than_any_inside():
    assert pandoc(fenced("a\n```\nb\n````", "text"), "plain").split() == ["a", "```", "b", "````"]


def test_models_of_a_chapter_have_their_own_looks():
    from study.anomaly.analysis import NAMES

    assert len({figures.colour_of(name) for name in NAMES.values()}) == len(NAMES)
    assert figures.colour_of("Own") == figures.LOOKS["Own"].colour
    with pytest.raises(KeyError, match="Version 3"):
        figures.colour_of("Version 9")


def test_figure_sizes_are_those_of_the_page():
    fig, axes = figures.new("half", 6, cols=2)
    assert fig.get_size_inches() * 2.54 == pytest.approx([8, 6]) and len(axes) == 2
    plt.close(fig)
    with pytest.raises(ValueError, match="full, half"):
        figures.new("third")
