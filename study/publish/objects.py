"""Objects that Jupyter shows by itself, as blocks of pandoc's tree: pictures, interactive charts, tables."""

import hashlib
import json
import re
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pypandoc

from study.files import write_atomically
from study.publish import tree
from study.publish.outputs import Chart, Html, Picture, Shown, is_bare_object
from study.publish.tree import Element

STEM = "shown-"
"""The beginning of the names of files that belong to no numbered figure."""

_NUMERIC = re.compile(r"[-−+]?[\d,]*\.?\d+(e[-+]?\d+)?%?|NaN|nan|-?inf|None|<NA>|\.\.\.|")


def blocks(shown: Mapping[str, Shown], figures: Path) -> dict[str, list[Element]]:
    """The blocks of each object by its key; pictures and charts are written to the folder of figures.

    Files of objects of an earlier build are removed there.
    """
    for left in figures.glob(f"{STEM}*"):
        left.unlink()
    with ThreadPoolExecutor(4) as pool:  # pandoc works outside Python
        read = pool.map(lambda item: _of_html(item) if isinstance(item, Html) else None, shown.values())
        return {
            key: done if done is not None else _drawn(item, figures)
            for (key, item), done in zip(shown.items(), read, strict=True)
        }


def _drawn(item: Picture | Chart, figures: Path) -> list[Element]:
    if isinstance(item, Picture):
        return [tree.div(["shown"], [_image(item, figures)])]
    data = _written(item.spec.encode("utf-8"), "json", figures)
    inside = [_image(item.picture, figures)] if item.picture else []
    return [tree.div(["shown", "chart"], inside, plotly=data, alt=item.alt)]


def _image(picture: Picture, figures: Path) -> Element:
    name = _written(picture.content, picture.kind, figures)
    pairs = [("alt", picture.alt), ("width", f"{picture.width_cm:.2f}cm")]
    return tree.element("Plain", [tree.element("Image", tree.attributes(pairs=pairs), [], [name, ""])])


def _written(content: bytes, kind: str, figures: Path) -> str:
    name = f"{STEM}{hashlib.sha256(content).hexdigest()[:16]}.{kind}"
    write_atomically(figures / name, content)
    return name


def _of_html(item: Html) -> list[Element]:
    """The tables of an object's HTML with what stands beside them, as text; else its plain text."""
    read = _read_html(item.source)
    if any(tree.find(read, "Table")):
        return [_table(b) if b["t"] == "Table" else tree.paragraph(tree.words(tree.text(b))) for b in _blocks_of(read)]
    if not is_bare_object(item.plain):
        return [tree.element("CodeBlock", tree.attributes(classes=["output"]), item.plain.strip("\n"))]
    return [tree.paragraph(tree.words(tree.text(block))) for block in _blocks_of(read)]


def _read_html(source: str) -> list[Element]:
    # Markup that pandoc does not know is left out, and that it is, is no fault of the report.
    run = subprocess.run(
        [pypandoc.get_pandoc_path(), "--quiet", "--from=html-native_divs-native_spans", "--to=json"],
        input=source.encode("utf-8"), capture_output=True, check=True,
    )  # fmt: skip
    return json.loads(run.stdout)["blocks"]


def _blocks_of(read: list[Element]) -> list[Element]:
    """Tables, and blocks of text outside of them that are not empty."""
    found = []
    for block in read:
        if block["t"] == "Table":
            found.append(block)
        elif block["t"] == "Div":
            found += _blocks_of(block["c"][1])
        elif tree.text(block).strip():
            found.append(block)
    return found


def _table(table: Element) -> Element:
    """The table with its cells as text, whatever they held; columns of numbers stand right."""
    _, caption, columns, head, bodies, foot = table["c"]
    for part in (head, foot, *bodies):
        part[0] = tree.attributes()
    for row in [*head[1], *foot[1], *(row for body in bodies for half in body[2:] for row in half)]:
        row[0] = tree.attributes()
        for cell in row[1]:
            words = tree.words(tree.text(cell[4]).strip())
            cell[0], cell[1], cell[4] = tree.attributes(), {"t": "AlignDefault"}, [tree.element("Plain", words)]
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
