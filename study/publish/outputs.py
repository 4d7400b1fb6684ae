"""What a cell shows, for the documents: items of the page, printed text, and objects that Jupyter shows by itself.

Objects become blocks of pandoc's tree: pictures, interactive charts, and the tables or words of what is HTML.
"""

import base64
import hashlib
import io
import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pypandoc
from nbformat import NotebookNode
from PIL import Image

from study.files import write_atomically
from study.page import PANDOC, PLOTLY, SVG_LIMIT_BYTES, fenced
from study.publish import tree
from study.publish.errors import PublishError
from study.publish.tree import Element

STEM = "shown-"
"""The beginning of the names of files that belong to no numbered figure."""
NO_CAPTION, NO_TITLE = "Figure without caption", "chart without title"
WIDEST_CM, HIGHEST_CM = 16.0, 20.0

_SVG, _PNG, _JPEG, _HTML, _PLAIN = "image/svg+xml", "image/png", "image/jpeg", "text/html", "text/plain"
_MARKDOWN, _LATEX = "text/markdown", "text/latex"
_PICTURES = {_SVG, _PNG, _JPEG}
WIDGET = "application/vnd.jupyter.widget-view+json"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")
_DRAWN = re.compile(r"<(Axes|Figure|BarContainer|matplotlib\.|seaborn\.|\w+ container)|\bText\(")
_OBJECT = re.compile(r"(<[\w.]+( object)?>)?")
_NUMERIC = re.compile(r"[-−+]?[\d,]*\.?\d+(e[-+]?\d+)?%?|NaN|nan|-?inf|None|<NA>|\.\.\.|")
_SIDE = re.compile(r'\s(width|height)="([\d.]+)(pt|px|in|cm|mm|)"')
_FIGURE = re.compile(r"^::: \{#fig:(\S+)", flags=re.M)
_CM = {"pt": 2.54 / 72, "px": 2.54 / 96, "in": 2.54, "cm": 1.0, "mm": 0.1, "": 2.54 / 96}


def shown_by(outputs: Sequence[NotebookNode], where: str, figures: Path) -> list[str | list[Element]]:
    """What a cell shows, in order: pandoc Markdown, or an object's blocks, whose files go to the folder `figures`.

    Raises PublishError for a cell that failed.
    """
    found, text = [], ""
    drawn = any({_SVG, _PNG} & set(output.get("data", ())) for output in outputs)
    for output in outputs:
        if output.output_type == "error":
            raise PublishError(f"{where}: failed with {output.ename}: {output.evalue}; repair it and run it again")
        if output.output_type == "stream":
            text += output.text if output.name == "stdout" else ""
        elif WIDGET not in output.data:
            item = _item(output.data, figures)
            if item is None:
                plain = output.data.get(_PLAIN) or f"({', '.join(output.data)}: shown in the notebook only)"
                # What Matplotlib's functions return is shown by the picture.
                text += "" if drawn and _DRAWN.search(plain) else _ADDRESS.sub("", plain).rstrip("\n") + "\n"
            # The same picture comes twice when a figure is a cell's last value.
            elif not (_PICTURES & set(output.data) and item in found):
                found += [*_block(text), item]
                text = ""
    return [*found, *_block(text)]


def items_of(notebook: NotebookNode) -> list[str]:
    """The pandoc Markdown of the items of the page that an executed notebook shows."""
    bundles = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    return [bundle[PANDOC] for bundle in bundles if PANDOC in bundle]


def figures_in(texts: Iterable[str]) -> list[str]:
    """The names of the figures that some pandoc Markdown shows, sorted."""
    return sorted({name for text in texts for name in _FIGURE.findall(text)})


def warnings(outputs: Sequence[NotebookNode]) -> list[str]:
    """What a cell wrote to stderr, a line for each; progress bars, which rewrite their line, are none."""
    written = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stderr")
    # Python tells of a warning file and line before it, and the line of code below.
    found = re.sub(r"^\S+:\d+: (\w+Warning: .*)(\n  .*)?$", r"\1", _ANSI.sub("", written), flags=re.M)
    return list(dict.fromkeys(line.strip() for line in found.split("\n") if "\r" not in line and line.strip()))


def _item(bundle: Mapping[str, Any], figures: Path) -> str | list[Element] | None:
    """An item's Markdown or blocks; None if its plain text is all that the documents can show."""
    if PANDOC in bundle:
        return bundle[PANDOC]
    if PLOTLY in bundle:
        return [_chart(bundle, figures)]
    if _PICTURES & set(bundle):
        return [tree.element("Div", tree.attributes("shown"), [_picture(bundle, figures)])]
    if _MARKDOWN in bundle:
        return bundle[_MARKDOWN]
    if bundle.get(_LATEX, "").startswith("$"):  # a formula, not a table or a text of its own
        return bundle[_LATEX]
    if _HTML in bundle and not bundle[_HTML].lstrip().startswith("<pre"):  # coloured text, such as Keras' summary
        return _of_html(bundle[_HTML], _ANSI.sub("", _ADDRESS.sub("", bundle.get(_PLAIN, ""))))
    return None


def _block(text: str) -> Iterator[str]:
    """Printed text as a reader saw it last: a progress line shows its final state only."""
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in _ANSI.sub("", text).split("\n")]
    shown = "\n".join(lines).strip("\n")
    if shown:
        yield fenced(shown, "{.output}")


def _written(content: bytes, kind: str, figures: Path) -> str:
    name = f"{STEM}{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
    write_atomically(figures / name, content)
    return name


def _chart(bundle: Mapping[str, Any], figures: Path) -> Element:
    """An interactive chart with Plotly's JSON, what it shows, and perhaps a picture of it for print."""
    chart, layout = bundle[PLOTLY], bundle[PLOTLY].get("layout", {})
    titles = [layout.get(part, {}).get("title", {}).get("text", "") for part in ("yaxis", "xaxis")]
    alt = _said(layout.get("title", {}).get("text", ""), *titles) or NO_TITLE
    spec = json.dumps({"data": chart["data"], "layout": layout})
    inside = [_picture(bundle, figures, alt)] if _PICTURES & set(bundle) else []
    attributes = tree.attributes("shown", "chart", plotly=_written(spec.encode(), "json", figures), alt=alt)
    return tree.element("Div", attributes, inside)


def _picture(bundle: Mapping[str, Any], figures: Path, alt: str = "") -> Element:
    drawing = bundle.get(_SVG, "")
    bitmap = next((base64.b64decode(bundle[kind]) for kind in (_PNG, _JPEG) if kind in bundle), b"")
    content, kind = drawing.encode(), "svg"
    if not drawing or (bitmap and len(content) > max(SVG_LIMIT_BYTES, len(bitmap))):
        content, kind = bitmap, "png" if _PNG in bundle else "jpg"
    width, height = _size_of_drawing(drawing) if drawing else _size_of_bitmap(bitmap)
    fitting = min(width, WIDEST_CM, width / height * HIGHEST_CM)
    attributes = tree.attributes(alt=alt or _alt(drawing), width=f"{fitting:.2f}cm")
    return tree.element("Plain", [tree.element("Image", attributes, [], [_written(content, kind, figures), ""])])


def _size_of_drawing(drawing: str) -> tuple[float, float]:
    """Width and height in centimetres; those of a page of text where the drawing does not say them."""
    root = re.search(r"<svg\b[^>]*>", drawing)
    given = {side: float(size) * _CM[unit] for side, size, unit in _SIDE.findall(root[0] if root else "")}
    return (given["width"], given["height"]) if len(given) == 2 else (WIDEST_CM, HIGHEST_CM)


def _size_of_bitmap(bitmap: bytes) -> tuple[float, float]:
    image = Image.open(io.BytesIO(bitmap))
    dots = float(image.info.get("dpi", (96.0,))[0]) or 96.0
    return image.width / dots * 2.54, image.height / dots * 2.54


def _alt(drawing: str) -> str:
    """What Matplotlib's drawing says of itself: titles, labels and legends of its axes, which stand in comments."""
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    try:
        groups = list(ElementTree.fromstring(drawing, parser=parser).iter()) if drawing else []
    except ElementTree.ParseError:  # a drawing of another origin, which a browser may still read
        groups = []
    axes = [group for group in groups if group.get("id", "").startswith("axes_")]
    found = []
    for group in axes:
        across, upright = [*map(_comment, _parts(group, "matplotlib.axis_")), "", ""][:2]
        entries = [entry for legend in _parts(group, "legend_") for entry in _parts(legend, "text_")]
        found.append(_said(_comment(group), upright or ", ".join(map(_text, entries)), across))
    return "; ".join(dict.fromkeys(filter(None, found))) or NO_CAPTION


def _parts(group: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [part for part in group if part.get("id", "").startswith(name)]


def _comment(group: ElementTree.Element) -> str:
    """The text that stands in a group itself, not in its ticks, legend or curves."""
    return " ".join(map(_text, _parts(group, "text_")[:1]))


def _text(group: ElementTree.Element) -> str:
    return " ".join((part.text or "").strip() for part in group.iter() if part.tag is ElementTree.Comment)


def _said(title: str, upright: str, across: str) -> str:
    title, upright, across = (" ".join(re.sub(r"<[^>]*>", " ", part).split()) for part in (title, upright, across))
    over = f"{upright} over {across}" if upright and across else upright or across
    return ": ".join(filter(None, [title, over]))


def _of_html(source: str, plain: str) -> list[Element]:
    """The tables of an object's HTML with what stands beside them, as text; else its plain text."""
    # Markup that pandoc does not know is left out, and that it is, is no fault of the report.
    run = subprocess.run(
        [pypandoc.get_pandoc_path(), "--quiet", "--from=html-native_divs-native_spans", "--to=json"],
        input=source.encode("utf-8"), capture_output=True, check=True,
    )  # fmt: skip
    read = json.loads(run.stdout)["blocks"]
    if not any(tree.find(read, "Table")) and not _OBJECT.fullmatch(plain.strip()):
        return [tree.element("CodeBlock", tree.attributes("output"), plain.strip("\n"))]
    paragraph = lambda block: tree.element("Para", tree.words(tree.text(block)))  # noqa: E731
    return [_table(block) if block["t"] == "Table" else paragraph(block) for block in _outermost(read)]


def _outermost(blocks: list[Element]) -> list[Element]:
    """Tables, and blocks of text outside of them that are not empty."""
    found = []
    for block in blocks:
        if block["t"] == "Div":
            found += _outermost(block["c"][1])
        elif block["t"] == "Table" or tree.text(block).strip():
            found.append(block)
    return found


def _table(table: Element) -> Element:
    """The table with its cells as text, whatever they held; columns of numbers stand right."""
    _, caption, columns, head, bodies, foot = table["c"]
    for part in (head, foot, *bodies):
        part[0] = tree.attributes()
    for row in [*head[1], *foot[1], *(row for body in bodies for half in body[2:] for row in half)]:
        row[:] = [tree.attributes(), [tree.cell(tree.words(tree.text(c[4]).strip()), *c[2:4]) for c in row[1]]]
    rows = [[tree.text(cell[4]) for cell in row[1]] for body in bodies for row in body[3]]
    regular = all(len(row) == len(columns) for row in rows)
    for i, column in enumerate(columns):
        right = regular and _are_numbers([row[i] for row in rows])
        column[:] = [{"t": "AlignRight" if right else "AlignDefault"}, {"t": "ColWidthDefault"}]
    title = tree.text(caption[1]).strip()
    caption[:] = [None, [tree.element("Plain", tree.words(title))] if title else []]
    table["c"][0] = tree.attributes()
    return table


def _are_numbers(texts: list[str]) -> bool:
    return any(any(map(str.isdigit, text)) for text in texts) and all(_NUMERIC.fullmatch(text) for text in texts)
