"""Markdown chapters -> one document -> HTML and PDF, through pandoc and Typst."""

import base64
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import pypandoc
import typst
from plotly.offline import get_plotlyjs

from study import paths
from study.publish.chapters import PublishError, chapter

# Close to what JupyterLab reads; raw HTML and TeX stay text, because one of the two documents would drop them.
_READER = (
    "markdown+lists_without_preceding_blankline-blank_before_header-blank_before_blockquote"
    "-raw_html-raw_tex-native_divs-native_spans-markdown_in_html_blocks"
)
_REFERENCES = "# References {.unnumbered}\n\n::: {#refs}\n:::\n"


def build(
    notebooks: Sequence[Path],
    out_dir: Path,
    *,
    figures: Path,
    meta: Mapping[str, Any],
    front: str = "",
    back: str = "",
    code: bool = True,
    name: str = "report",
    bibliography: Path = paths.BIBLIOGRAPHY,
) -> tuple[Path, Path]:
    """Write `<name>.html` and `<name>.pdf` from executed notebooks and return their paths.

    Each notebook is a chapter, in the given order; `front` and `back` are pandoc Markdown before and after them, the
    references close the document. `figures` is the folder that the notebooks' pages wrote to. `meta` holds title
    (required), subtitle, author (list), abstract, lang, commit. Without `code` the cells' source is left out. Both
    files are replaced together, and only when both are complete. Raises PublishError with the place and the remedy.
    """
    if not meta.get("title"):
        raise PublishError("the report needs a title: meta['title']")
    chapters = [chapter(_read(path), path.name, code) for path in notebooks]
    document = _document([front, *chapters, back, _REFERENCES], meta, figures, bibliography)
    with ThreadPoolExecutor() as both:  # pandoc and Typst work outside Python
        html = both.submit(to_html, document, figures)
        pdf = both.submit(to_pdf, document, figures, meta.get("author", []))
    contents = {out_dir / f"{name}.html": html.result().encode("utf-8"), out_dir / f"{name}.pdf": pdf.result()}
    out_dir.mkdir(parents=True, exist_ok=True)
    return tuple(_replace(contents))


def to_html(document: str, figures: Path) -> str:
    """The document (pandoc's JSON) as one HTML page that holds all it needs and asks the network for nothing."""
    page = _pandoc(
        document,
        "--from=json", "--to=html5", "--standalone", "--mathml", "--embed-resources", "--shift-heading-level-by=1",
        "--toc", "--toc-depth=4", "--wrap=none",
        f"--resource-path={figures}",
        f"--template={paths.TEMPLATES / 'report.html'}",
        f"--lua-filter={paths.TEMPLATES / 'html.lua'}",
    )  # fmt: skip
    page = re.sub(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", _svg_as_text, page)
    scripts = {"<!-- script -->": (paths.TEMPLATES / "report.js").read_text(encoding="utf-8"), "<!-- charts -->": ""}
    if 'class="chart"' in page:
        scripts["<!-- charts -->"] = get_plotlyjs()
    digests = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts.values() if script)
    # Plotly and MathML set style attributes, so styles cannot be pinned by digest as scripts are.
    policy = (
        f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    pieces = {mark: f"<script>{script}</script>" if script else "" for mark, script in scripts.items()}
    pieces["<!-- policy -->"] = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    pieces["<!-- style -->"] = f"<style>\n{(paths.TEMPLATES / 'report.css').read_text(encoding='utf-8')}</style>"
    for mark, piece in pieces.items():
        page = page.replace(mark, piece, 1)
    return page


def to_pdf(document: str, figures: Path, authors: Sequence[str]) -> bytes:
    """The document (pandoc's JSON) as a tagged PDF (PDF/UA-1), set by Typst in the fonts that Typst carries."""
    source = _pandoc(
        document,
        "--from=json", "--to=typst-citations", "--standalone", "--wrap=none", "--syntax-highlighting=idiomatic",
        f"--template={paths.TEMPLATES / 'report.typ'}",
        f"--lua-filter={paths.TEMPLATES / 'typst.lua'}",
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


def _read(path: Path) -> nbformat.NotebookNode:
    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError as error:
        raise PublishError(f"{path}: there is no such notebook; execute it first") from error
    except nbformat.reader.NotJSONError as error:
        raise PublishError(f"{path}: is not a notebook; execute it again") from error


def _document(parts: Sequence[str], meta: Mapping[str, Any], figures: Path, bibliography: Path) -> str:
    """One document as pandoc's JSON: numbered, with references and citations resolved."""
    header = {"lang": "en", "link-citations": True} | dict(meta)
    # JSON is YAML, so it serves as the metadata block.
    return _pandoc(
        "\n\n".join([f"---\n{json.dumps(header, ensure_ascii=False)}\n---", *parts]),
        f"--from={_READER}", "--to=json", "--standalone", "--columns=100000",
        f"--resource-path={figures}",
        # The order counts: references to figures are resolved before citeproc reads what is left as citations.
        f"--lua-filter={paths.TEMPLATES / 'report.lua'}",
        "--citeproc", f"--bibliography={bibliography}",
    )  # fmt: skip


def _pandoc(source: str, *arguments: str) -> str:
    run = subprocess.run(
        [pypandoc.get_pandoc_path(), "--fail-if-warnings", *arguments],
        input=source.encode("utf-8"), capture_output=True,
    )  # fmt: skip
    if run.returncode:
        said = run.stderr.decode("utf-8", "replace").strip()
        raise PublishError(f"pandoc cannot write the report: {said or f'it ended with {run.returncode}'}")
    return run.stdout.decode("utf-8")


def _svg_as_text(link: re.Match[str]) -> str:
    """A data link with the drawing's text in place of its base64, which is a third longer."""
    return "data:image/svg+xml," + quote(base64.b64decode(link[1]), safe=" /:;=,()!*.@?+$")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _replace(contents: Mapping[Path, bytes]) -> list[Path]:
    """Write every file under a temporary name, then move all into place."""
    # The same names each time: what a killed build leaves, the next one overwrites.
    temporary = {path: path.with_name(f".{path.name}.part") for path in contents}
    try:
        for path, content in contents.items():
            temporary[path].write_bytes(content)
        for path, written in temporary.items():
            os.replace(written, path)
    finally:
        for written in temporary.values():
            written.unlink(missing_ok=True)
    return list(contents)
