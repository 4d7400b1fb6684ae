"""Executed notebooks become pages that can be read anywhere, with the values of their prose."""

import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from documents import code, shows, told
from nbformat.v4 import new_markdown_cell, new_notebook

from study.checks import holds
from study.publish import notebooks
from study.publish.errors import PublishError
from study.publish.inline import REPLIES

PROSE = (
    "# Part\n\nIt has {eval}`rows` rows {eval}`more` [Kingma & Ba 2015](#kingma2015adam), $\\frac{1}{n}$.\n\n`{eval}`"
)
HOSTILE = "15,902 <b>*x*</b> $y$"


def executed(folder, prose=PROSE, **given):
    replies = [{"expression": name, "result": {"status": "ok", "data": data}} for name, data in given.items()]
    cells = [
        code("profile = 'full'", tags=["injected-parameters"]),
        new_markdown_cell(prose, metadata={REPLIES: replies}),
        code("train()", told("epoch 1", "stderr"), told("done")),
        shows({"text/html": "<table><tr><td>7</td></tr></table>"}),
    ]
    path = folder / "part.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_a_page_holds_values_outputs_formulas_and_sources_and_asks_the_network_for_nothing(tmp_path):
    check = holds(2, ">", 1)
    path = executed(tmp_path, rows={"text/plain": repr(HOSTILE)}, more=check._repr_mimebundle_())
    page = notebooks.write(path, tmp_path / "pages")
    assert page == tmp_path / "pages" / "part.html"
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    text = " ".join(soup.body.get_text(" ").split())
    assert f"It has {HOSTILE} rows ✓" in text and soup.find("span", title="2 > 1").get_text() == "✓"
    assert soup.find("math") and soup.find("td").get_text() == "7" and "train" in text and "done" in text
    assert "epoch 1" not in text and "profile" not in text
    assert "Adam: A Method" in text and soup.find(id="kingma2015adam")
    assert not [tag for tag in soup.find_all(["script", "link", "img"]) if re.match("https?:", tag.get("src") or "")]


def test_a_missing_value_is_named(tmp_path):
    with pytest.raises(PublishError, match="the inline value “rows” has no value"):
        notebooks.write(executed(tmp_path), tmp_path)
