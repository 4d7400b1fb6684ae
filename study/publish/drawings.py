"""Matplotlib's SVG drawings, made small for the HTML: the same picture in about half of the bytes."""

import base64
import io
import re
from collections import Counter
from xml.etree import ElementTree

from PIL import Image

DECIMALS = 2
"""Of coordinates in points: a hundredth of one is below what a screen shows."""
JPEG_QUALITY = 88

_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_PNG = "data:image/png;base64,"
_LONG_NUMBER = re.compile(rf"-?\d+\.\d{{{DECIMALS + 1},}}")
_SHIFTED = re.compile(r"translate\((\S+) (\S+)\)")
_TRANSLATION = re.compile(r"translate\([^)]*\)")
_POINTED_AT = re.compile(r"url\(#([^)]+)\)")
_COORDINATES = {"d", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "points"}


def slim(drawing: str) -> str:
    """A drawing without what no reader sees.

    Coordinates are rounded to DECIMALS, comments and metadata go, names become short, and opaque photographs become
    JPEG. Raises ParseError for what is no XML.
    """
    root = ElementTree.fromstring(drawing)
    for metadata in root.findall(f"{_SVG}metadata"):
        root.remove(metadata)
    for image in root.iter(f"{_SVG}image"):
        _store_as_jpeg(image)
    _shorten_names(root)
    for element in root.iter():
        _shorten(element)
    ElementTree.register_namespace("", _SVG.strip("{}"))
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")


def _store_as_jpeg(image: ElementTree.Element) -> None:
    """Store a bitmap as JPEG if that is much smaller."""
    link = image.get(f"{_XLINK}href", "")
    if not link.startswith(_PNG):
        return
    png = base64.b64decode(link.removeprefix(_PNG))
    bitmap = Image.open(io.BytesIO(png)).convert("RGBA")
    if any(bitmap.getchannel("A").histogram()[:255]):  # pixels that let the ground show
        return
    jpeg = io.BytesIO()
    bitmap.convert("RGB").save(jpeg, "JPEG", quality=JPEG_QUALITY, optimize=True)
    if 2 * len(jpeg.getvalue()) > len(png):  # a few even colours, such as a matrix
        return
    image.set(f"{_XLINK}href", f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode()}")


def _shorten_names(root: ElementTree.Element) -> None:
    """Give short names to what is referred to; take the others away."""
    links = [element.get(f"{_XLINK}href", "") for element in root.iter()]
    values = [value for element in root.iter() for value in element.attrib.values()]
    used = [link[1:] for link in links if link.startswith("#")]
    used += [name for value in values for name in _POINTED_AT.findall(value)]
    # The most used ones get the shortest names.
    short = {name: f"i{n}" for n, (name, _) in enumerate(Counter(used).most_common())}
    for element in root.iter():
        if "id" in element.attrib:
            name = element.attrib.pop("id")
            if name in short:
                element.set("id", short[name])
        for key, value in list(element.attrib.items()):
            if key == f"{_XLINK}href":
                del element.attrib[key]
                element.set("href", f"#{short[value[1:]]}" if value.startswith("#") else value)
            elif "url(#" in value:
                element.set(key, _POINTED_AT.sub(lambda found: f"url(#{short[found[1]]})", value))


def _shorten(element: ElementTree.Element) -> None:
    element.text, element.tail = (text if (text or "").strip() else None for text in (element.text, element.tail))
    for key in _COORDINATES & set(element.attrib):
        element.set(key, _LONG_NUMBER.sub(_rounded, " ".join(element.attrib[key].split())))
    if "transform" in element.attrib:  # a scale needs all of its decimals
        moved = _TRANSLATION.sub(lambda found: _LONG_NUMBER.sub(_rounded, found[0]), element.attrib["transform"])
        element.set("transform", moved)
    if "d" in element.attrib:
        element.set("d", _path(element.attrib["d"]))
    if "style" in element.attrib:
        element.set("style", re.sub(r"\s*([:;])\s*", r"\1", element.attrib["style"]))
    shifted = _SHIFTED.fullmatch(element.get("transform", ""))
    if element.tag == f"{_SVG}use" and shifted and not {"x", "y"} & set(element.attrib):
        del element.attrib["transform"]
        element.attrib |= {key: at for key, at in zip("xy", shifted.groups(), strict=True) if at != "0"}


def _rounded(number: re.Match) -> str:
    text = f"{float(number[0]):.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _path(commands: str) -> str:
    """A path without needless spaces and letters: after a first point, lines go on with numbers alone."""
    path, before = "", ""
    for command in re.findall(r"[A-Za-z][^A-Za-z]*", commands):
        letter, points = command[0], command[1:].strip()
        path += f" {points}" if letter == "L" and before in "ML" else letter + points
        before = letter
    return path
