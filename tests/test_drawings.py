"""Drawings made small for the HTML look as they did."""

import io
from xml.etree import ElementTree

import numpy as np
import pytest
import typst
from PIL import Image

from study import figures
from study.publish.drawings import slim


@pytest.fixture(scope="module")
def drawing():
    """Text, dense lines, many marks, a matrix of few colours and a photograph."""
    random = np.random.default_rng(0)
    fig, (curve, marks, matrix, photograph) = figures.new(height_cm=6, cols=4)
    curve.plot(random.normal(size=300).cumsum(), label="line")
    curve.set(title="A curve", xlabel="time (minutes)")
    curve.legend()
    marks.plot(*random.normal(size=(2, 200)), "o", alpha=0.5)
    matrix.imshow([[0, 1], [2, 3]])
    photograph.imshow(random.normal(128, 20, (64, 64, 3)).cumsum(axis=1).astype(np.uint8))
    written = io.StringIO()
    fig.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def picture(svg):
    """The drawing as grey values, by Typst."""
    source = f'#set page(width: auto, height: auto, margin: 0pt)\n#image(bytes({svg_literal(svg)}), format: "svg")'
    return np.asarray(Image.open(io.BytesIO(typst.compile(source.encode(), format="png", ppi=144))).convert("L"), float)


def svg_literal(svg):
    quoted = svg.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def test_the_same_picture_in_few_bytes(drawing):
    small = slim(drawing)
    assert len(small) < 0.65 * len(drawing)
    apart = np.abs(picture(small) - picture(drawing))
    # A letter at a wrong place would be black where white was, over more than its edge.
    edges = apart > 60
    assert edges.mean() < 0.002 and apart.mean() < 1


def test_photographs_alone_become_jpeg(drawing):
    kinds = [image.get("href")[:15] for image in ElementTree.fromstring(slim(drawing)).iter() if "image" in image.tag]
    assert kinds == ["data:image/png;", "data:image/jpeg"]


def test_a_photograph_that_lets_the_ground_show_stays_as_it_is():
    random = np.random.default_rng(0)
    pixels = random.normal(128, 20, (64, 64, 4)).cumsum(axis=1).astype(np.uint8)
    for alpha, stored in ((255, True), (128, False)):
        pixels[..., 3] = alpha
        fig, axes = figures.new(height_cm=6, cols=4)
        axes[3].imshow(pixels)
        written = io.StringIO()
        fig.savefig(written, format="svg")
        assert ("data:image/jpeg" in slim(written.getvalue())) == stored


def test_names_still_point_at_something(drawing):
    root = ElementTree.fromstring(slim(drawing))
    names = {element.get("id") for element in root.iter()}
    used = [element.get("href")[1:] for element in root.iter() if element.get("href", "").startswith("#")]
    clips = [element.get("clip-path")[5:-1] for element in root.iter() if element.get("clip-path")]
    assert used and clips and set(used) | set(clips) == names - {None}


def test_what_is_no_drawing_is_refused():
    with pytest.raises(ElementTree.ParseError):
        slim("<svg")
