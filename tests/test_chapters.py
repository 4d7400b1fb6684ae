"""What notebooks hold becomes chapters: inline values as text, checks, summaries, links, and whatever Jupyter shows."""

import base64
import errno
import io
import json
import os
import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import nbformat
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from documents import Built, code, markdown, shows, told
from matplotlib.figure import Figure
from nbformat.v4 import new_markdown_cell, new_notebook

from study import parts
from study.checks import holds
from study.drafts import Draft
from study.page import table_markdown
from study.publish import assemble, chapters, filling, front, outputs, tree
from study.publish.errors import PublishError
from study.runs import Record

NOTE = "Written for full, shown on other data."
META = {"title": "Report", "lang": "en-GB"}
HOSTILE = '<b>*x*</b> $y$ [@a] #import "z" -- ... it\'s [§][Q] https://a.b {#eq:c}'


def drawing(title="A title", points=(1, 3, 2)):
    """A figure as the headless kernel shows it."""
    fig = Figure(figsize=(4, 2))
    fig.subplots().plot(points)
    fig.axes[0].set(xlabel="time in s", ylabel="counts", title=title)
    return saved(fig)


def saved(fig):
    files = {kind: io.BytesIO() for kind in ("svg", "png")}
    with mpl.rc_context({"svg.hashsalt": "study", "svg.fonttype": "path"}):
        for kind, file in files.items():
            fig.savefig(file, format=kind, dpi=200, metadata={"Date": None})
    return {
        "image/svg+xml": files["svg"].getvalue().decode(),
        "image/png": base64.b64encode(files["png"].getvalue()).decode(),
        "text/plain": "<Figure size 400x200 with 1 Axes>",
    }


def frame(df):
    return {"text/html": df._repr_html_(), "text/plain": repr(df)}


@pytest.fixture
def build(tmp_path):
    return partial(Built, tmp_path, meta=META)


def refused(build, match, *cells, **options):
    with pytest.raises(PublishError, match=match):
        build(*cells, **options)


class TestValues:
    def test_values_are_text_in_both_documents_whatever_they_hold(self, build):
        made = build(markdown("It says {eval}`v` and {eval}`n`.\n\n{eval}`v`\n\n- {eval}`v`", v=HOSTILE, n=-3))
        for text in (made.text, made.printed):
            assert f"It says {HOSTILE} and −3." in text and text.count(HOSTILE) == 3
        assert not made.soup.main.find_all(["b", "math"])

    def test_what_only_looks_like_a_value_stays(self, build):
        made = build(markdown("Code `{eval}` and ``{eval}`x` `` stay.\n\n    {eval}`x`\n\n```\n{eval}`x`\n```"))
        assert made.text.count("{eval}`x`") == 3

    def test_each_cell_has_its_own_values_and_any_run_of_backticks_will_do(self, build):
        made = build(markdown('{eval}``d["a"]`` **({eval}`x`)**', **{'d["a"]': "one", "x": "two"}))
        assert "one (two)" in made.text and made.soup.main.strong.get_text() == "(two)"

    def test_values_stand_in_tables_and_links_and_a_check_that_holds_stops_nothing(self, build):
        text = "| a |\n|---|\n| {eval}`x` |\n\n## Here\n\nSee [the {eval}`x`](#here) {eval}`good`."
        made = build(markdown(text, x="it", good=holds(1, "<", 2)))
        assert made.soup.main.td.get_text() == "it" and made.soup.main.p.a.get_text() == "the it"
        assert "See the it ✓." in made.text

    @pytest.mark.parametrize("text", ["$a + {eval}`x` = b$", "\\\\{eval}`x` <!-- {eval}`y` -->", "\\{eval}`x`"])
    def test_where_jupyterlab_and_documents_differ_is_named(self, build, text):
        refused(
            build, r"n.ipynb, cell 2: the inline value “[xy]” stands where JupyterLab", markdown(text, x="1", y="2")
        )

    def test_a_missing_value_is_named(self, build):
        refused(build, "cell 2: the inline value “x” has no value", new_markdown_cell("{eval}`x`"))


class TestChecks:
    SENTENCES = (
        "The score rises by 1.5 points {eval}`good`. But does it not fall {eval}`bad`? "
        "So says Fig. 3 {eval}`good`, and so on {eval}`bad`."
    )
    VALUES = {"good": holds(1.65, ">", 0.15), "bad": holds(1.65, "<", 0.15)}

    @pytest.fixture(scope="class")
    @classmethod
    def made(cls, tmp_path_factory):
        return Built(
            tmp_path_factory.mktemp("checks"),
            markdown("## Part\n\n" + cls.SENTENCES, **cls.VALUES),
            meta=META, back=filling.appendix(), strict=False,
            notes={"n.ipynb": "Written for `full`, shown on *other* data."},
        )  # fmt: skip

    def test_a_check_is_a_mark_with_its_comparison(self, made):
        mark = made.soup.find("a", class_="check")
        assert mark.get_text() == "✓" and mark["title"] == "1.65 > 0.15"
        assert mark["aria-label"] == "checked: 1.65 > 0.15"
        assert "rises by 1.5 points ✓. But" in made.text and "points ✓" in made.printed

    def test_a_failed_check_is_seen(self, made):
        for text in (made.text, made.printed):
            assert "not fall ✗ not so here: 1.65 is not below 0.15?" in text

    def test_the_chapter_opens_with_the_note(self, made):
        assert made.soup.find("h2", id="title").find_next(class_="note").p.get_text() == NOTE
        assert NOTE in made.printed and "DRAFT" not in made.printed and made.soup.find("aside") is None

    def test_all_checks_are_listed_by_sentence(self, made):
        rows = [[td.get_text() for td in tr.find_all("td")] for tr in made.soup.select("[id='tbl:checks'] tbody tr")]
        assert rows == [
            ["1.1", "The score rises by 1.5 points.", "1.65 > 0.15"],
            ["1.1", "But does it not fall?", "✗ 1.65 < 0.15"],
            ["1.1", "So says Fig. 3, and so on.", "1.65 > 0.15; ✗ 1.65 < 0.15"],
        ]
        listed = made.soup.select("[id='tbl:checks'] tbody tr")
        marks = made.soup.find_all("a", class_="check")
        assert [mark["href"] for mark in marks] == [f"#{listed[i]['id']}" for i in (0, 1, 2, 2)]
        assert [row.a["href"] for row in listed] == [f"#{marks[i]['id']}" for i in (0, 1, 2)]
        assert "The HTML document lists them" in made.printed and "1.65 > 0.15" not in made.printed

    def test_strict_names_every_failing_sentence(self, build):
        refused(
            build,
            "(?s)rewrite these sentences.*n.ipynb, cell 2: “But does it not fall\\?” needs 1.65 < 0.15\n"
            "n.ipynb, cell 2: “So says Fig. 3, and so on.” needs 1.65 < 0.15$",
            markdown(self.SENTENCES, **self.VALUES),
        )


class TestSummary:
    CELLS = (
        markdown("## Start\n\nWords."),
        markdown("## Summary {#sec:sum}\n\nIn {eval}`x`, [§][Start].\n\n$$a$$ {#eq:a}", tags=["summary"], x="short"),
    )

    def test_it_stands_once_at_the_chapters_head(self, build):
        made = build(*self.CELLS)
        assert made.text.count("In short, Section 1.1.") == 1 and made.printed.count("In short, Section 1.1.") == 1
        lead = made.soup.find("h2", id="title").find_next("div", class_="lead")
        assert "In short" in lead.get_text() and not lead.find_all(["h3", "h4"]) and lead["id"] == "sec:sum"
        identifiers = [element["id"] for element in made.soup.find_all(id=True)]
        assert len(identifiers) == len(set(identifiers))

    def test_only_the_last_prose_can_be_it(self, build):
        refused(build, "n.ipynb, cell 2: is tagged summary; only the last", *self.CELLS[::-1])
        refused(build, "n.ipynb, cell 2: is tagged summary", shows(tags=["summary"]))


TABLE = table_markdown(pd.DataFrame({"a": ["1"]}), "runs", "All [of it](#runs).")


class TestLinks:
    TEXT = (
        "As [Kingma & Ba 2015](#kingma2015adam) show, and Kingma et al. [2015](#kingma2015adam). "
        "See [the runs](#runs), [Table](#runs), [below](#why), [@kingma2015adam] and [@tbl:runs].\n\n## Why\n\n"
    )

    def test_links_become_citations_and_numbered_references(self, build):
        made = build(markdown(self.TEXT), shows({"text/x-pandoc": TABLE}))
        sentence = "See the runs (Table 1), Table 1, below, (Kingma and Ba 2015) and Table 1."
        for text in (made.text, made.printed):
            assert "As Kingma & Ba 2015 show, and Kingma et al. 2015." in text and sentence in text
            assert "Adam: A Method for Stochastic Optimization" in text and "All of it (Table 1)." in text
        links = {a.get_text().replace("\N{NO-BREAK SPACE}", " "): a["href"] for a in made.soup.main.p.find_all("a")}
        assert links["Kingma & Ba 2015"] == links["2015"] == "#ref-kingma2015adam"
        assert links["the runs (Table 1)"] == "#tbl:runs" and links["below"] == "#why"
        assert not made.soup.find_all(attrs={"data-cited": True})
        assert filling.numbers(made.blocks) == {"runs": "Table 1"}

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[x](#nowhere)", r"n.ipynb, cell 2: unresolved link \[x\]\(#nowhere\)"),
            ("[Ba 2015](#kingma2015adam)", r"cell 2: the link \[Ba 2015\].* cites Kingma 2015.*does not say Kingma"),
            ("Kingma. In [2014](#kingma2015adam)", "does not say Kingma or 2015"),
            (f"## Runs\n\n[runs](#runs)\n\n{TABLE}", "may mean Table.1 or a heading: rename one"),
        ],
    )
    def test_a_link_that_leads_nowhere_or_to_another_is_named(self, build, text, message):
        refused(build, message, markdown(text))

    def test_links_of_the_front_pages_resolve_too(self, build):
        made = build(front="# Summary {.unnumbered}\n\n::: {.abstract}\nBy [Kingma 2015](#kingma2015adam).\n:::")
        assert made.soup.find(class_="abstract").a.attrs == {"href": "#ref-kingma2015adam"}

    def test_a_quoted_question_is_found_by_its_words(self, build):
        asked = f"[§](#asked:{front.spelt('Title')}:{front.spelt('Why is $x_1$ so, isn’t it?')})"
        quote = "## Answer\n\n> *Why is $x_1$ so,\n> isn't it?*\n>\n> *More?*"
        made = build(markdown(quote), front=f"See {asked}.")
        assert "See Section 1.1." in made.text and made.soup.main.p.a["href"] == "#answer"
        refused(build, "no block quote has the words of the question “title:why”", front="[§](#asked:title:why)")


class TestObjects:
    @pytest.fixture(scope="class")
    @classmethod
    def made(cls, tmp_path_factory):
        df = pd.DataFrame({"share": [1.5, 2, -3], "name": ["x", "<b>y</b>", "$z$ <!--"]})
        many = pd.DataFrame(np.full((2, 20), 123456.789), columns=[f"column {i}" for i in range(20)])
        styled = df[["share"]].style.format("{:.2f}").set_caption("Styled <i>caption</i>")
        chart = go.Figure(
            go.Scatter(y=[1, 2]), layout={"title": {"text": "Chart"}, "xaxis": {"title": {"text": "day"}}}
        )
        plotly = "application/vnd.plotly.v1+json"
        cell = '1<img src="http://a.b/c.png"><a href="javascript:x">l</a><script>x</script>'
        evil = f"<table><tr><td>{cell}</td></tr></table>"
        return Built(
            tmp_path_factory.mktemp("objects"),
            shows(frame(df), source="df"),
            shows({"text/html": styled.to_html(), "text/plain": "<pandas.Styler at 0x7f1937beeb10>"}),
            shows(drawing(), drawing(), {"text/plain": "<matplotlib.legend.Legend at 0x7f19377524>"}),
            shows(drawing("", range(60_000)) | {"image/svg+xml": drawing()["image/svg+xml"] + " " * 10**6}),
            shows({plotly: json.loads(chart.to_json())}),
            shows({"text/html": evil, "text/plain": "evil"}),
            shows({"text/html": "<b>no table</b>", "text/plain": "plain words"}),
            shows({"text/html": "<p>HTML <b>words</b></p><script>x</script>", "text/plain": "<a.HTML object>"}),
            shows({"text/markdown": "*leaning*"}, {"text/latex": "$x^2$"}),
            shows({"text/plain": "<__main__.Thing at 0x7f192da2fad0>"}, {"audio/wav": "…"}),
            shows(frame(many)),
            shows({"text/x-pandoc": TABLE}),
            meta=META,
        )

    def test_a_data_frame_is_a_table_with_its_index(self, made):
        table = made.soup.main.table
        assert [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")] == [
            ["", "share", "name"], ["0", "1.5", "x"], ["1", "2.0", "<b>y</b>"], ["2", "-3.0", "$z$ <!--"],
        ]  # fmt: skip
        assert "right" in table.tbody.td["style"] and "<b>y</b>" in made.printed
        assert "Styled caption" in made.text and "-3.00" in made.text and "T_" not in str(made.soup.main)

    def test_what_has_no_number_counts_in_neither_document(self, made):
        assert "Table 1. All of it (Table 1)." in made.text and "Table 1. All of it (Table 1)." in made.printed
        assert filling.numbers(made.blocks) == {"runs": "Table 1"}

    def test_a_figure_is_shown_once_sharp_and_described(self, made):
        first, second = made.soup.select("figure.shown > img")
        assert first["src"].startswith("data:image/svg+xml,") and first["alt"] == "A title: counts over time in s"
        assert second["src"].startswith("data:image/png;"), "a large drawing stands as a picture"
        assert "matplotlib" not in made.text and "Figure size" not in made.text

    def test_a_chart_is_interactive_and_print_says_where(self, made):
        chart = made.soup.find("figure", class_="interactive")
        assert json.loads(chart.script.string)["layout"]["title"]["text"] == "Chart"
        assert chart["aria-label"] == "Chart: day" and "An interactive chart: Chart: day." in chart.get_text()
        assert "An interactive chart stands here in the HTML document: Chart: day." in made.printed

    def test_html_of_unknown_origin_is_text(self, made):
        everything = re.sub('src="data:[^"]*"', "", str(made.soup.main))
        assert not any(word in everything for word in ("a.b/c", "javascript:", "no table"))
        assert "1l" in made.text and "plain words" in made.text and "HTML words" in made.text
        assert made.soup.main.em.get_text() == "leaning" and made.soup.main.math
        assert "<__main__.Thing>" in made.text and "(audio/wav: shown in the notebook only)" in made.text

    def test_a_wide_frame_stays_inside_the_page(self, made):
        made.assert_white_margins()


def test_pictures_of_other_kinds(tmp_path):
    def image(kind, content):
        """The file, the alternative text and the width in centimetres of a picture that a cell shows."""
        ((shown,),) = outputs.shown_by(shows({kind: content}).outputs, "here", tmp_path)
        attributes, _, (file, _) = next(tree.find(shown, "Image"))["c"]
        (_, alt), (_, width) = attributes[2]
        return file, alt, float(width.removesuffix("cm"))

    png, svg = (drawing()[kind] for kind in ("image/png", "image/svg+xml"))
    file, alt, width = image("image/png", png)
    assert (tmp_path / file).suffix == ".png" and (tmp_path / file).read_bytes() == base64.b64decode(png)
    assert alt == "Figure without caption" and width == pytest.approx(10.16, 0.01)
    _, *other = image("image/svg+xml", '<svg height="1in" width="2in"><p></svg>')
    assert other == ["Figure without caption", 5.08]
    assert image("image/svg+xml", '<svg width="10cm" height="100cm"></svg>')[2] == 2
    assert image("image/svg+xml", svg.replace("<!-- A title -->", ""))[1] == "counts over time in s"
    panels = Figure(figsize=(4, 2))
    for axis, names in zip(panels.subplots(2, sharex=True), (["value"], ["score", "limit"]), strict=True):
        for name in names:
            axis.plot([1, 3, 2], label=name)
        axis.legend()
    axis.set_xlabel("day")
    assert image("image/svg+xml", saved(panels)["image/svg+xml"])[1] == "value; score, limit over day"


def test_warnings_stop_nothing_and_are_listed():
    warned = "/tmp/ipykernel_1/2.py:5: UserWarning: careful\n  warnings.warn('careful')\n"
    cell = code("x", told(warned, "stderr"), told("10%\r20%\r\n", "stderr"))
    quiet, injected = code("x", *cell.outputs, tags=["allow-stderr"]), code("p = 1", tags=["injected-parameters"])
    notebook = new_notebook(cells=[markdown("# Title"), injected, cell, quiet])
    assert chapters.warnings(notebook, "n.ipynb") == ["n.ipynb, cell 2: UserWarning: careful"]
    assert "careful" not in chapters.chapter(notebook, "n.ipynb", Path()).markdown


def test_a_models_code_stays_where_code_is_left_out():
    cells = [markdown("# Title"), shows(source="def model(): ...", tags=["model"]), shows(source="other()")]
    told = chapters.chapter(new_notebook(cells=cells), "n.ipynb", Path(), code=False).markdown
    assert "{.python .definition}\ndef model(): ..." in told and "other()" not in told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```python\nx = 1", "cell 2: opens a code block with ``` and does not close it"),
        ("::: {.x}\nwords", "cell 2: needs as many closing lines ::: as opening ones"),
        ("words\n\n:::", "cell 2: needs as many closing lines ::: as opening ones"),
    ],
)
def test_what_a_cell_opens_it_closes(build, text, message):
    refused(build, message, markdown(text), markdown("next"))


def test_a_draft_says_so_on_every_page(build):
    made = build(markdown("words"), meta=META | {"draft": "3 runs of `base` are missing."})
    assert made.soup.find("aside", class_="draft").get_text() == "DRAFT. 3 runs of base are missing."
    assert len(made.pages) >= 3 and all("DRAFT. 3 runs of base are missing." in page for page in made.pages)


def test_a_figure_and_a_table_of_one_name_keep_their_kinds():
    figure = {"t": "Figure", "c": [["fig:a", [], [["number", "2"]]]]}
    table = {"t": "Table", "c": [["tbl:a", [], [["number", "1"]]]]}
    other = {"t": "Table", "c": [["tbl:b", [], [["number", "3"]]]]}
    assert filling.numbers([table, other, figure]) == {"b": "Table 3", "fig:a": "Figure 2", "tbl:a": "Table 1"}


@pytest.mark.parametrize("quoted", [True, False])
def test_questions_are_found_as_headings_and_as_quotations(tmp_path, monkeypatch, quoted):
    asked = 'questions = ["Why is it so? And how?", "a. Plot."]'
    (tmp_path / "assignment.toml").write_text(f'[part9]\ntitle = "T"\npoints = 1\n{asked}\n')
    monkeypatch.setattr(front.paths, "ASSIGNMENT", tmp_path / "assignment.toml")
    quotes = "# ## Short\n#\n# > *Why is it so?\n# > And how?*\n#\n# > *a. Plot.*\n"
    source = tmp_path / "n.py"
    source.write_text("# # Part IX: T\n" + (quotes if quoted else "# ## Why is it so? And how?\n# ### a. Plot.\n"))
    part = type("Part", (), {"key": "part9", "title": "Part IX: T", "source": source})
    first = "[§](#asked:partixt:whyisitsoandhow)" if quoted else "[§][Why is it so? And how?]"
    lines = front.questions(part)
    assert lines[0] == "- [§][Part IX: T]: **T** [1 points]"
    assert lines[1] == f"    - {first}: Why is it so? And how?" and re.match(r"    - \[§\].*: a\. Plot\.$", lines[2])


class TestAssembly:
    """What `assemble` asks of the documents for the kinds of builds, with the documents themselves left out."""

    @pytest.fixture
    def assembled(self, tmp_path, monkeypatch):
        spec = {"task": "t", "model": "base", "seed": 0, "data": []}
        experiments = SimpleNamespace(specs=lambda chosen: [spec])
        part = parts.Part("p", "n", "study.vision")
        chosen = SimpleNamespace(
            name="full", data="real", synthetic=False, other_data={}, records=tmp_path / "runs",
            drafts=tmp_path / "drafts", executed=tmp_path, report=tmp_path, figures=tmp_path,
            published_figures=tmp_path / "out",
        )  # fmt: skip
        cells = [markdown("# Title\n\n{eval}`x`", x=holds(1, "<", 2)), code("x", told("UserWarning: old", "stderr"))]
        nbformat.write(new_notebook(cells=cells), tmp_path / "n.ipynb")
        asked = {}

        def render(notebooks, figures, meta, **given):
            asked.update(given, meta=meta)
            return assemble.render.Rendered(b"html", b"pdf", [], [])

        monkeypatch.setattr(assemble.render, "render", render)
        monkeypatch.setattr(parts, "PARTS", (part,))
        monkeypatch.setattr(parts.Part, "experiments", experiments)
        monkeypatch.setattr(parts.Part, "short_title", "Part P")
        load = lambda store, spec: Record(spec, {}, {}, {}) if experiments.there else None  # noqa: E731
        monkeypatch.setattr(assemble.runs.Store, "load", load)
        monkeypatch.setattr(assemble.scorecard, "collect", lambda records: [])
        monkeypatch.setattr(assemble.scorecard, "write", lambda page, verdicts: None)
        monkeypatch.setattr(assemble, "digest", lambda notebooks, records: "0123abc")
        monkeypatch.setattr(assemble.front, "write", lambda page, *given: page.say("Front."))
        monkeypatch.setattr(assemble.results, "collect", lambda records, verdicts, source, checked: {"source": source})
        monkeypatch.setattr(assemble.provenance, "page", lambda chosen, records: "# Provenance")

        def run(drafted=False, there=True, used=(), **change):
            experiments.there, spec["data"] = there, list(used)
            draft = [Draft(part, (spec, spec), (spec,), 30.0)] if drafted else []
            kind = SimpleNamespace(**vars(chosen) | change)
            return assemble.assemble(kind, (part,), "report", True, draft), asked

        return run

    def test_the_committed_report_is_strict_and_notes_its_numbers(self, assembled, tmp_path):
        (documents, warned), asked = assembled()
        assert documents == [tmp_path / "report.html", tmp_path / "report.pdf"]
        assert [file.read_bytes() for file in documents] == [b"html", b"pdf"]
        assert warned == ["Warning in n.ipynb, cell 2: UserWarning: old"]
        assert asked["strict"] and asked["notes"] == {} and (tmp_path / "numbers.json").read_text() == "{}\n"
        assert json.loads((tmp_path / "results.json").read_bytes()) == {"source": "0123abc"}
        assert asked["front"] == "Front." and "draft" not in asked["meta"]
        assert asked["back"].index("# Provenance") < asked["back"].index("# Checks")  # the last tables are the screen's

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"name": "quick", "data": "synthetic", "synthetic": True}, "on synthetic data of the profile `quick`"),
            ({"other_data": {"IMAGES": "my_own_*"}}, "on other data: `IMAGES=my_own_*`."),
            ({"name": "quick"}, "on records of the profile `quick`"),
        ],
    )
    def test_on_other_data_the_chapter_says_so(self, assembled, tmp_path, change, said):
        _, asked = assembled(**change)
        assert not asked["strict"] and not list(tmp_path.glob("*.json")) and said in asked["notes"]["n.ipynb"]
        assert asked["front"] == "Front."

    @pytest.mark.parametrize(("used", "opening"), [("own/a.zip@1", ""), ("own/course:a.zip@1", "Front.")])
    def test_on_data_of_ones_own_nothing_of_the_original_is_judged(self, assembled, used, opening):
        assert assembled(other_data={"IMAGES": "a.zip"}, used=[used])[1]["front"] == opening

    def test_a_chapter_that_other_data_leave_alone_has_no_note(self, assembled):
        _, asked = assembled(other_data={"NEWS_TRAIN": "mine.csv"})
        assert not asked["strict"] and asked["notes"] == {}

    def test_a_draft_has_neither_front_page_nor_verdicts(self, assembled, tmp_path):
        _, asked = assembled(drafted=True, there=False)
        assert not asked["strict"] and not list(tmp_path.glob("*.json")) and asked["front"] == ""
        assert asked["meta"]["draft"] == "Part P: models were changed; 1 of 2 runs are missing."
        assert "base changed, 1 of 2" in asked["notes"]["n.ipynb"].replace("\N{NO-BREAK SPACE}", " ")

    def test_all_files_are_replaced_or_none(self, assembled, tmp_path, monkeypatch):
        def write(path, content):
            if "pdf" in path.name:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            path.write_text(content.decode())

        (tmp_path / "report.html").write_text("earlier")
        monkeypatch.setattr(Path, "write_bytes", write)
        with pytest.raises(OSError, match="can't write the file: No space left.*report.pdf"):
            assembled()
        assert (tmp_path / "report.html").read_text() == "earlier"
        assert {file.name for file in tmp_path.iterdir()} == {"n.ipynb", "report.html"}

    def test_missing_records_without_a_draft_are_named(self, assembled):
        with pytest.raises(PublishError, match="records of p are missing"):
            assembled(there=False)


class TestAnswers:
    def test_answers_leave_the_chapter_for_an_appendix(self):
        cells = [markdown("# Title\n\nTry it."), markdown("It is 3.", tags=["answer"])]
        notebook = new_notebook(cells=cells)
        assert "It is 3." not in chapters.chapter(notebook, "n.ipynb", Path()).markdown
        assert chapters.answers(notebook, "n.ipynb") == ["::: {#answer-n-1}\nIt is 3.\n\n:::"]
        appendix = assemble._answers({parts.find("part3"): notebook, parts.find("part4"): new_notebook()})
        assert appendix.startswith("# Answers to “Try it” {#sec:answers}\n\n## Part III: answers\n\n::: {#answer-part3")
        assert assemble._answers({parts.find("part3"): new_notebook()}) == ""

    def test_a_question_ends_with_a_link_to_its_answer(self, tmp_path):
        cells = [
            markdown("**Try it.** Add one to two.\nHow much is it?\n\n```\n1 + 2\n```"),
            markdown("**Answer: a sum.**\nIt is 3.", tags=["answer"]),
            markdown("**Try it again.** How many are left?"),
            markdown("**Answer: none.**", tags=["answer"]),
        ]
        notebook = new_notebook(cells=[markdown("# Title"), *cells])
        appendix = "\n\n".join(["# Answers", *chapters.answers(notebook, "n.ipynb")])
        made = Built(tmp_path, *cells, meta=META, back=appendix)
        links = made.soup.select("a.answer")
        asked = [link.find_parent("p").get_text() for link in links]
        assert asked == ["Try it. Add one to two. How much is it? Answer", "Try it again. How many are left? Answer"]
        assert [made.soup.find(id=link["href"][1:]).strong.get_text() for link in links] == [
            "Answer: a sum.", "Answer: none.",
        ]  # fmt: skip
        assert "How much is it? Answer, page" in made.printed

    def test_an_answer_with_an_inline_value_is_refused(self):
        notebook = new_notebook(cells=[markdown("It is {eval}`n`.", tags=["answer"], n=3)])
        with pytest.raises(PublishError, match="n.ipynb, cell 1: an answer can't hold inline values"):
            chapters.answers(notebook, "n.ipynb")
