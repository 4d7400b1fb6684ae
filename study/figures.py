"""One look for every figure: sizes in centimetres, colour-blind-safe colours, one colour per model.

The palette is that of Okabe and Ito (Color Universal Design, 2008). Matplotlib draws with its bundled DejaVu Sans,
so a figure needs no font of the machine.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import plotly.graph_objects as go
from matplotlib.figure import Figure
from plotly.subplots import make_subplots

TEXT_WIDTH_CM = 16.0
WIDTHS_CM = {"full": TEXT_WIDTH_CM, "half": TEXT_WIDTH_CM / 2}

PALETTE = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#767676",
    "brown": "#7F4F24",
    "wine": "#882255",
}


class Look(NamedTuple):
    """How a model is drawn: colour (hex), marker and line style (Matplotlib's letters)."""

    colour: str
    marker: str
    linestyle: str


LOOKS = {
    "Base": Look(PALETTE["blue"], "o", "-"),
    "Version 1": Look(PALETTE["orange"], "s", "--"),
    "Version 2": Look(PALETTE["green"], "^", "-."),
    "Version 3": Look(PALETTE["purple"], "D", ":"),
    "Own": Look(PALETTE["vermillion"], "*", "-"),
    "Own without network": Look(PALETTE["wine"], "d", "--"),
    "Value threshold": Look(PALETTE["black"], "x", "--"),
    "Windowed Gaussian": Look(PALETTE["grey"], "v", "-."),
    "PCA": Look(PALETTE["sky"], "P", "--"),
    "Isolation forest": Look(PALETTE["brown"], "p", ":"),
    "Autoencoder": Look(PALETTE["blue"], "o", "-"),
    "Limit check": Look(PALETTE["grey"], "v", "-."),
    "Ensemble": Look(PALETTE["vermillion"], "*", "-"),
    "Autoencoder with help": Look(PALETTE["green"], "s", "--"),
    "Dropout": Look(PALETTE["orange"], "s", "--"),
    "Dropout + early stopping": Look(PALETTE["green"], "^", "-."),
    "Dropout + early stopping + L2": Look(PALETTE["purple"], "D", ":"),
    "TF-IDF + linear SVM": Look(PALETTE["black"], "x", "--"),
    "Majority class": Look(PALETTE["grey"], "v", ":"),
    "VGG-13": Look(PALETTE["blue"], "o", "-"),
    "ResNet-18": Look(PALETTE["orange"], "s", "--"),
    "ViT": Look(PALETTE["green"], "^", "-."),
    "EfficientNet": Look(PALETTE["purple"], "D", ":"),
    "ViT, improved": Look(PALETTE["vermillion"], "*", "-"),
    "Heat-balance check": Look(PALETTE["black"], "x", ":"),
}

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "grid.color": "#E2E2E2",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "image.cmap": "cividis",
    "axes.prop_cycle": mpl.cycler(
        color=[PALETTE[name] for name in ("blue", "orange", "green", "purple", "vermillion", "sky", "black")]
    ),
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
}


def use_style() -> None:
    """Draw with the report's style from now on; `new` calls it, so only figures made without `new` need it."""
    mpl.rcParams.update(_STYLE)


def new(
    width: Literal["full", "half"] = "full",
    height_cm: float = 7.0,
    rows: int = 1,
    cols: int = 1,
    **subplots: Any,
) -> tuple[Figure, Any]:
    """A figure and its axes, as `matplotlib.pyplot.subplots` returns them, at its size in print.

    `width` is the report's text width (16 cm) or half of it. Raises ValueError for another width or no height.
    """
    if width not in WIDTHS_CM:
        raise ValueError(f"width must be one of {', '.join(WIDTHS_CM)}, not {width!r}")
    if height_cm <= 0:
        raise ValueError(f"height_cm must be positive, not {height_cm}")
    use_style()
    return plt.subplots(rows, cols, figsize=(WIDTHS_CM[width] / 2.54, height_cm / 2.54), **subplots)


def panels(names: Sequence[str], shared_yaxes: str | bool) -> tuple[go.Figure, list[dict]]:
    """An interactive figure with a panel a model, two in a row so that they can be read on a phone; their places."""
    rows = -(-len(names) // 2)
    fig = make_subplots(
        rows=rows, cols=2, subplot_titles=[broken(name).replace("\n", "<br>") for name in names],
        horizontal_spacing=0.12, vertical_spacing=0.36 / rows, shared_yaxes=shared_yaxes,
    )  # fmt: skip
    fig.update_layout(height=80 + 280 * rows, template="plotly_white", margin={"l": 60, "r": 15, "t": 80, "b": 50})
    fig.update_annotations(font_size=12)
    return fig, [{"row": i // 2 + 1, "col": i % 2 + 1} for i in range(len(names))]


def broken(name: str) -> str:
    """A model's name with a line for each technique, for narrow panels."""
    return name.replace(" + ", " +\n").replace(", ", ",\n")


def look_of(model: str) -> Look:
    """Colour, marker and line style of a model. Raises KeyError that lists the known names."""
    if model not in LOOKS:
        raise KeyError(f"no look for model {model!r}: known are {', '.join(LOOKS)}; add it to figures.LOOKS")
    return LOOKS[model]


def colour_of(model: str) -> str:
    """The one colour (hex) of a model in every figure. Raises KeyError that lists the known names."""
    return look_of(model).colour
