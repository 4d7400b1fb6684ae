"""What a cell shows, for the documents: items of the page, printed text, and objects that Jupyter shows by itself."""

import base64
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from nbformat import NotebookNode
from PIL import Image

from study.page import PANDOC, PLOTLY, SVG_LIMIT_BYTES, fenced
from study.publish.errors import PublishError

NO_CAPTION, NO_TITLE = "Figure without caption", "chart without title"
WIDEST_CM, HIGHEST_CM = 16.0, 20.0

_SVG, _PNG, _JPEG, _HTML, _PLAIN = "image/svg+xml", "image/png", "image/jpeg", "text/html", "text/plain"
_MARKDOWN, _LATEX = "text/markdown", "text/latex"
WIDGET = "application/vnd.jupyter.widget-view+json"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")
_DRAWN = re.compile(r"<(Axes|Figure|BarContainer|matplotlib\.|seaborn\.|\w+ container)|\bText\(")
_OBJECT = re.compile(r"<[\w.]+( object)?>")
_SIDE = re.compile(r'\s(width|height)="([\d.]+)(pt|px|in|cm|mm|)"')
_FIGURE = re.compile(r"^::: \{#fig:(\S+)", flags=re.M)
_CM = {"pt": 2.54 / 72, "px": 2.54 / 96, "in": 2.54, "cm": 1.0, "mm": 0.1, "": 2.54 / 96}


@dataclass(frozen=True)
class Picture:
    """A picture without number: the content of its file, the file's ending, what it shows, and its width."""

    content: bytes
    kind: str
    alt: str
    width_cm: float


@dataclass(frozen=True)
class Chart:
    """An interactive chart without number: Plotly's JSON, what it shows, and perhaps a picture of it for print."""

    spec: str
    alt: str
    picture: Picture | None


@dataclass(frozen=True)
class Html:
    """What an object shows in HTML, such as a data frame, and in plain text."""

    source: str
    plain: str


@dataclass(frozen=True)
class Text:
    """An object's plain text, which joins what the cell prints."""

    text: str


Shown = Picture | Chart | Html


def shown_by(outputs: Sequence[NotebookNode], where: str) -> list[str | Shown]:
    """What a cell shows, in order: pandoc Markdown, or an object. Raises PublishError for a cell that failed."""
    found, text = [], ""
    drawn = any({_SVG, _PNG} & set(output.get("data", ())) for output in outputs)
    for output in outputs:
        if output.output_type == "error":
            raise PublishError(f"{where}: failed with {output.ename}: {output.evalue}; repair it and run it again")
        if output.output_type == "stream":
            text += output.text if output.name == "stdout" else ""
            continue
        item = _item(output.data)
        if isinstance(item, Text):
            # What Matplotlib's functions return is shown by the picture.
            text += "" if drawn and _DRAWN.search(item.text) else _ADDRESS.sub("", item.text).rstrip("\n") + "\n"
        elif item is not None and not (isinstance(item, Picture) and item in found):
            # The same picture comes twice when a figure is a cell's last value.
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


def _item(bundle: Mapping[str, Any]) -> str | Shown | Text | None:
    if PANDOC in bundle:
        return bundle[PANDOC]
    if WIDGET in bundle:
        return None
    if PLOTLY in bundle:
        return _chart(bundle)
    if {_SVG, _PNG, _JPEG} & set(bundle):
        return _picture(bundle)
    if _MARKDOWN in bundle:
        return bundle[_MARKDOWN]
    if bundle.get(_LATEX, "").startswith("$"):  # a formula, not a table or a text of its own
        return bundle[_LATEX]
    if _HTML in bundle and not bundle[_HTML].lstrip().startswith("<pre"):  # coloured text, such as Keras' summary
        return Html(bundle[_HTML], _ANSI.sub("", _ADDRESS.sub("", bundle.get(_PLAIN, ""))))
    return Text(bundle.get(_PLAIN) or f"({', '.join(bundle)}: shown in the notebook only)")


def is_bare_object(plain: str) -> bool:
    """Whether a plain text only names an object: `<IPython.core.display.HTML object>`."""
    return not plain or bool(_OBJECT.fullmatch(plain.strip()))


def _block(text: str) -> Iterator[str]:
    """Printed text as a reader saw it last: a progress line shows its final state only."""
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in _ANSI.sub("", text).split("\n")]
    shown = "\n".join(lines).strip("\n")
    if shown:
        yield fenced(shown, "{.output}")


def _chart(bundle: Mapping[str, Any]) -> Chart:
    figure = bundle[PLOTLY]
    layout = figure.get("layout", {})
    titles = [layout.get(part, {}).get("title", {}).get("text", "") for part in ("yaxis", "xaxis")]
    alt = _said(layout.get("title", {}).get("text", ""), *titles) or NO_TITLE
    picture = _picture(bundle, alt) if {_SVG, _PNG, _JPEG} & set(bundle) else None
    return Chart(json.dumps({"data": figure["data"], "layout": layout}), alt, picture)


def _picture(bundle: Mapping[str, Any], alt: str = "") -> Picture:
    drawing = bundle.get(_SVG)
    drawn = drawing.encode("utf-8") if drawing else None
    bitmap = next((base64.b64decode(bundle[kind]) for kind in (_PNG, _JPEG) if kind in bundle), None)
    if drawn and not (bitmap and len(drawn) > max(SVG_LIMIT_BYTES, len(bitmap))):
        content, kind = drawn, "svg"
    else:
        content, kind = bitmap, "png" if _PNG in bundle else "jpg"
    width, height = _size_of_drawing(drawing) if drawing else _size_of_bitmap(bitmap)
    fitting = min(width, WIDEST_CM, width / height * HIGHEST_CM)
    return Picture(content, kind, alt or _alt(drawing or ""), fitting)


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
    """What Matplotlib's drawing says of itself: titles and labels of its axes, which stand in comments."""
    builder = ElementTree.TreeBuilder(insert_comments=True)
    try:
        root = ElementTree.fromstring(drawing, parser=ElementTree.XMLParser(target=builder)) if drawing else None
    except ElementTree.ParseError:  # a drawing of another origin, which a browser may still read
        root = None
    axes = [group for group in root.iter() if str(group.get("id", "")).startswith("axes_")] if root is not None else []
    found = [_said(_comment(group), _label(group, "axis_2"), _label(group, "axis_1")) for group in axes]
    return "; ".join(dict.fromkeys(filter(None, found))) or NO_CAPTION


def _label(axes: ElementTree.Element, name: str) -> str:
    return next((_comment(part) for part in axes if str(part.get("id", "")).startswith(f"matplotlib.{name}")), "")


def _comment(group: ElementTree.Element) -> str:
    """The text that stands in a group itself, not in its ticks, legend or curves."""
    texts = [part for part in group if str(part.get("id", "")).startswith("text_")]
    comments = [child.text.strip() for part in texts[:1] for child in part.iter() if child.tag is ElementTree.Comment]
    return " ".join(comments)


def _said(title: str, upright: str, across: str) -> str:
    title, upright, across = (" ".join(re.sub(r"<[^>]*>", " ", part).split()) for part in (title, upright, across))
    over = f"{upright} over {across}" if upright and across else upright or across
    return ": ".join(filter(None, [title, over]))


def warnings(outputs: Sequence[NotebookNode]) -> list[str]:
    """What a cell wrote to stderr, a line for each; progress bars, which rewrite their line, are none."""
    written = "".join(output.text for output in outputs if output.output_type == "stream" and output.name == "stderr")
    # Python tells of a warning file and line before it, and the line of code below.
    found = re.sub(r"^\S+:\d+: (\w+Warning: .*)(\n  .*)?$", r"\1", _ANSI.sub("", written), flags=re.M)
    return list(dict.fromkeys(line.strip() for line in found.split("\n") if "\r" not in line and line.strip()))
