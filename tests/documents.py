"""Cells of executed notebooks, made by hand, and the documents that come of them, read back."""

import io

import numpy as np
import pypdf
import pytest
import typst
from bs4 import BeautifulSoup
from IPython.core.formatters import DisplayFormatter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from study.publish import inline, render


def reply(value):
    """What a kernel answers to an inline expression of that value."""
    return {"status": "ok", "data": DisplayFormatter().format(value)[0], "metadata": {}}


def markdown(source, tags=(), **values):
    """A Markdown cell whose expressions have these values, each given by its name."""
    found = inline.expressions(source)
    replies = inline.with_replies(found, {name: reply(values[name]) for name in found})
    return new_markdown_cell(source, metadata={"tags": list(tags)} | ({inline.REPLIES: replies} if found else {}))


def code(source, *outputs, tags=()):
    return new_code_cell(source, outputs=list(outputs), execution_count=1, metadata={"tags": list(tags)})


def shows(*bundles, source="show()", tags=()):
    """A code cell that displays MIME bundles."""
    return code(source, *(new_output("display_data", data=dict(bundle)) for bundle in bundles), tags=tags)


def told(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def flat(text):
    """With one space between words, wherever lines may break."""
    return " ".join(text.replace("\u200b", "").split())


class Built:
    """Notebooks, by name, as HTML and PDF, read back; cells alone are those of one notebook after its title."""

    def __init__(self, folder, *cells, meta, notebooks=None, **options):
        notebooks = notebooks or {"n.ipynb": new_notebook(cells=[new_markdown_cell("# Title"), *cells])}
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(typst, "compile_with_warnings", self._keep(typst.compile_with_warnings))
            self.html, self.pdf, self.blocks, _ = render.render(notebooks, folder, meta, **options)
        self.soup = BeautifulSoup(self.html.decode(), "html.parser")
        self.text = flat(self.soup.main.get_text())
        self.pages = [flat(page.extract_text()) for page in self.reader.pages]
        self.printed = " ".join(self.pages)

    def _keep(self, compile_typst):
        """Typst's compiler, which notes what it is given."""

        def keep(source, **given):
            self.given = given | {"input": source}
            return compile_typst(source, **given)

        return keep

    @property
    def reader(self):
        return pypdf.PdfReader(io.BytesIO(self.pdf))

    def assert_white_margins(self):
        """Wide tables, long words and long lines of output stay inside the text block."""
        given = {name: value for name, value in self.given.items() if name != "pdf_standards"}
        for page in typst.compile(format="png", ppi=60, **given):
            grey = np.asarray(Image.open(io.BytesIO(page)).convert("L"))
            margin = round(2.4 / 21 * grey.shape[1])
            assert grey[:, :margin].min() == 255 and grey[:, -margin:].min() == 255
