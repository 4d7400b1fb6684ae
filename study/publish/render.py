"""Markdown chapters -> one document -> HTML and PDF, through pandoc and Typst."""

import base64
import hashlib
import json
import os
import re
import subprocess
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import ParseError

import pypandoc
import typst
from nbformat import NotebookNode
from plotly.offline import get_plotlyjs

from study import paths
from study.publish import drawings, filling, outputs
from study.publish.chapters import chapter
from study.publish.errors import PublishError
from study.publish.tree import Element

# Close to what JupyterLab reads; raw HTML and TeX stay text, because one of the two documents would drop them.
READER = (
    "markdown+lists_without_preceding_blankline-blank_before_header-blank_before_blockquote"
    "-raw_html-raw_tex-native_divs-native_spans-markdown_in_html_blocks"
)
_REFERENCES = "# References {.unnumbered}\n\n```{=typst}\n#set text(size: 8.5pt)\n```\n\n::: {#refs}\n:::\n"


class Rendered(NamedTuple):
    """Both documents, the blocks of pandoc's tree that they show, and the checks in reading order."""

    html: bytes
    pdf: bytes
    blocks: list[Element]
    checked: list[filling.Checked]


def render(
    notebooks: Mapping[str, NotebookNode],
    figures: Path,
    meta: Mapping[str, Any],
    *,
    front: str = "",
    back: str = "",
    code: bool = True,
    strict: bool = True,
    notes: Mapping[str, str] | None = None,
) -> Rendered:
    """The documents of executed notebooks, which have the names that errors call them by.

    Each notebook is a chapter, in the given order; `front` and `back` are pandoc Markdown before and after them, the
    references close the document. `figures` is the folder that the notebooks' pages wrote to; what else they show is
    written there. `meta` holds title, subtitle, author (list), contributions, lang, source (a digest of what the report
    is made from), notebooks (the folder of the notebooks, from the documents, to which figures link), and `draft`, a
    line that says what a draft lacks. Without `code` the cells' source is left out. `notes` is pandoc Markdown that
    opens a chapter, by the notebook's name. Raises PublishError with the place and the remedy; when `strict`, also for
    failing checks.
    """
    for left in figures.glob(f"{outputs.STEM}*"):  # of an earlier build
        left.unlink()
    chapters = [chapter(notebook, name, figures, code) for name, notebook in notebooks.items()]
    markdown = filling.markdown(chapters, notes or {})
    tree = json.loads(_document([front, *markdown, back, _REFERENCES], meta, figures, paths.BIBLIOGRAPHY))
    tree["blocks"], checked = filling.fill(tree["blocks"], chapters)
    failures = filling.failures(checked)
    if strict and failures:
        raise PublishError(failures)
    document = json.dumps(tree, ensure_ascii=False)
    with ThreadPoolExecutor() as both:  # pandoc and Typst work outside Python
        html = both.submit(to_html, document, figures)
        pdf = both.submit(to_pdf, document, figures, meta.get("author", []))
    return Rendered(html.result().encode(), pdf.result(), tree["blocks"], checked)


def to_html(document: str, figures: Path) -> str:
    """The document (pandoc's JSON) as one HTML page that holds all it needs and asks the network for nothing."""
    page = _pandoc(
        document, figures,
        "--from=json", "--to=html5", "--standalone", "--mathml", "--embed-resources", "--shift-heading-level-by=1",
        "--toc", "--toc-depth=4", "--wrap=none",
        f"--template={_from(figures, paths.TEMPLATES / 'report.html')}",
        f"--lua-filter={_from(figures, paths.TEMPLATES / 'html.lua')}",
    )  # fmt: skip
    page = re.sub(r'src="data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)"', _drawing, page)
    script = (paths.TEMPLATES / "report.js").read_text(encoding="utf-8")
    scripts = [script, get_plotlyjs()] if 'class="chart"' in page else [script]
    digests = " ".join(f"'sha256-{_sha256(source)}'" for source in scripts)
    # Plotly and MathML set style attributes, so styles cannot be pinned by digest as scripts are.
    policy = (
        f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    pieces = {
        "<!-- policy -->": f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        "<!-- style -->": f"<style>\n{(paths.TEMPLATES / 'report.css').read_text(encoding='utf-8')}</style>",
        "<!-- script -->": f"<script>{script}</script>",
        "<!-- charts -->": "".join(map(_packed, scripts[1:])),
    }
    for mark, piece in pieces.items():
        page = page.replace(mark, piece, 1)
    return page


def to_pdf(document: str, figures: Path, authors: Sequence[str]) -> bytes:
    """The document (pandoc's JSON) as a tagged PDF (PDF/UA-1), set by Typst in the fonts that Typst carries."""
    source = _pandoc(
        document, figures,
        "--from=json", "--to=typst-citations", "--standalone", "--wrap=none", "--syntax-highlighting=idiomatic",
        f"--template={_from(figures, paths.TEMPLATES / 'report.typ')}",
        f"--lua-filter={_from(figures, paths.TEMPLATES / 'typst.lua')}",
    )  # fmt: skip
    try:
        pdf, warnings = typst.compile_with_warnings(
            source.encode("utf-8"),
            root=str(figures.resolve()),
            ignore_system_fonts=True,
            # Plain text for the file's metadata, beside the formatted names on the title page.
            sys_inputs={"authors": json.dumps(list(authors))},
            pdf_standards="ua-1",
        )
    except typst.TypstError as error:
        raise PublishError(f"Typst cannot set the PDF: {error.diagnostic or error.message}") from error
    if warnings:  # such as a layout that does not settle, whose numbers of figures and pages are then wrong
        raise PublishError(f"Typst warns of the PDF: {'; '.join(warning.message for warning in warnings)}")
    return pdf


def _document(parts: Sequence[str], meta: Mapping[str, Any], figures: Path, bibliography: Path) -> str:
    """One document as pandoc's JSON: numbered, with references and citations resolved."""
    header = {"lang": "en", "link-citations": True} | dict(meta)
    # JSON is YAML, so it serves as the metadata block.
    return _pandoc(
        "\n\n".join([f"---\n{json.dumps(header, ensure_ascii=False)}\n---", *parts]), figures,
        f"--from={READER}", "--to=json", "--standalone", "--columns=100000",
        # The order counts: references to figures are resolved before citeproc reads what is left as citations.
        f"--lua-filter={_from(figures, paths.TEMPLATES / 'report.lua')}",
        "--citeproc", f"--bibliography={_from(figures, bibliography)}",
    )  # fmt: skip


def _pandoc(source: str, figures: Path, *arguments: str) -> str:
    """What pandoc writes, in the folder of figures.

    The account's data folder for pandoc, whose styles and templates would take the place of pandoc's own, is left out.
    """
    figures.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(
        [pypandoc.get_pandoc_path(), "--fail-if-warnings", f"--data-dir={_from(figures, paths.TEMPLATES)}", *arguments],
        input=source.encode("utf-8"), capture_output=True, cwd=figures,
    )  # fmt: skip
    if run.returncode:
        fault = run.stderr.decode("utf-8", "replace").strip()
        raise PublishError(f"pandoc cannot write the report: {fault or f'it ended with {run.returncode}'}")
    return run.stdout.decode("utf-8")


def _from(figures: Path, path: Path) -> str:
    """A path as pandoc is given it, without the folders above the checkout: it takes colons and %20 there for more."""
    return os.path.relpath(path.resolve(), figures.resolve())


_IN_ATTRIBUTE = str.maketrans({'"': "'", "'": "%26apos;", "%": "%25", "#": "%23", "&": "%26", "\n": " "})
"""What a drawing's text needs to stand in the address of a picture, in double quotes."""


def _drawing(found: re.Match) -> str:
    """A drawing's address, made small; as text it takes less room than as base64."""
    try:
        drawing = drawings.slim(base64.b64decode(found[1]).decode("utf-8"))
    except ParseError:  # of another origin, which a browser may still read
        return found[0]
    return f'src="data:image/svg+xml,{drawing.translate(_IN_ATTRIBUTE)}"'


def _packed(script: str) -> str:
    """A large script that the page unpacks and runs when it needs it."""
    packed = zlib.compress(script.encode("utf-8"), 9)  # gzip's header differs between versions of Python
    return f'<script type="text/plain" id="plotly">{base64.b64encode(packed).decode("ascii")}</script>'


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
