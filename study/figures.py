"""One look for every figure: sizes in centimetres, colour-blind-safe colours, one colour per model.

The palette is that of Okabe and Ito (Color Universal Design, 2008). Matplotlib draws with its bundled DejaVu Sans,
so a figure needs no font of the machine.
"""

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

TEXT_WIDTH_CM = 16.0

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
    "indigo": "#332288",
    "olive": "#999933",
    "red": "#C00000",
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
    "Surge-AE": Look(PALETTE["vermillion"], "*", "-"),
    "Surge-mean": Look(PALETTE["wine"], "d", "--"),
    "Towers": Look(PALETTE["vermillion"], "*", "-"),
    "Value threshold": Look(PALETTE["black"], "x", "--"),
    "Windowed Gaussian": Look(PALETTE["grey"], "v", "-."),
    "PCA": Look(PALETTE["sky"], "P", "--"),
    "Isolation forest": Look(PALETTE["brown"], "p", ":"),
    "Sub-PCA": Look(PALETTE["indigo"], "h", "-."),
    "POLY": Look(PALETTE["olive"], "X", ":"),
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
    "ViT-C": Look(PALETTE["vermillion"], "*", "-"),
    "Heat-balance check": Look(PALETTE["black"], "x", ":"),
}

NO_MODEL = ("indigo", "sky", "olive", "wine")
"""Names of colours for what is no model, such as classes; no model drawn near them has one."""

_SPARE_COLOURS = ("#44AA99", "#AA4499", "#CC6677", "#117733", "#661100")
_SPARE_MARKERS = ("<", ">")
"""Of models that have no entry in LOOKS; no entry uses them."""

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


def new(height_cm: float = 7.0, rows: int = 1, cols: int = 1, **subplots: Any) -> tuple[Figure, Any]:
    """A figure as wide as the report's text and its axes, as `matplotlib.pyplot.subplots` returns them.

    pyplot forgets it, or JupyterLab would show it a second time where it is a cell's last value.
    """
    use_style()
    fig, axes = plt.subplots(rows, cols, figsize=(TEXT_WIDTH_CM / 2.54, height_cm / 2.54), **subplots)
    plt.close(fig)
    return fig, axes


def panels(names: Sequence[str], shared_yaxes: str | bool) -> tuple[go.Figure, list[dict]]:
    """An interactive figure with a panel a model, two in a row so that they can be read on a phone; their places."""
    titles, cols = [broken(name).replace("\n", "<br>") for name in names], min(len(names), 2)
    rows, lines = -(-len(names) // cols), 1 + max(title.count("<br>") for title in titles)
    # In pixels: a panel; what stands between two, on a phone upright labels; titles below the chart's buttons; an axis.
    panel, between, above, below = 210, 75 + 15 * lines, 32 + 15 * lines, 50
    inside = rows * panel + (rows - 1) * between
    fig = make_subplots(
        rows=rows, cols=cols, subplot_titles=titles, horizontal_spacing=0.12, vertical_spacing=between / inside,
        shared_yaxes=shared_yaxes,
    )  # fmt: skip
    margin = {"l": 60, "r": 15, "t": above, "b": below}
    fig.update_layout(height=above + inside + below, template="plotly_white", margin=margin)
    fig.update_annotations(font_size=12)
    return fig, [{"row": i // cols + 1, "col": i % cols + 1} for i in range(len(names))]


def see_through(colour: str, opacity: float) -> str:
    """A hex colour as Plotly's fill that lets the ground show."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def band(fig: go.Figure, low: Sequence[float], high: Sequence[float], name: str, colour: str, **shared: Any) -> None:
    """Fill an interactive figure between two curves (n,): these are not drawn, but named in the values of the figure.

    `shared` has their `x` and their panel.
    """
    clear = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, **shared}
    fig.add_scatter(y=low, name=f"{name}: lowest", **clear)
    fig.add_scatter(y=high, name=f"{name}: highest", fill="tonexty", fillcolor=see_through(colour, 0.2), **clear)


def epoch_axes(fig: go.Figure) -> None:
    """Give all panels of an interactive figure one range of epochs, with room beside the longest curve."""
    last = max(len(trace.x) for trace in fig.data)
    # The range alone: with `matches`, Plotly would not see how high the curves are.
    ticks = {"tick0": 0, "dtick": max(1, round(last / 5))}
    fig.update_xaxes(title={"text": "epoch", "standoff": 4}, range=[0.7, last + 0.3], **ticks)


def legend_below(fig: go.Figure, room: int) -> None:
    """Put the legend of an interactive figure below its panels, into so many more pixels."""
    legend = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"}
    fig.update_layout(legend=legend, margin={"b": fig.layout.margin.b + room}, height=fig.layout.height + room)


def heatmap(axis: Axes, shades: ArrayLike, text: ArrayLike, fmt: str, cmap: str | Colormap, **options: Any) -> None:
    """Draw a matrix (rows, columns) as shades, each cell with its `text`; `options` are those of seaborn's heatmap."""
    import seaborn  # with SciPy's statistics more than a second, which most figures do without

    small = {"fontsize": 7, "linespacing": 1.2}
    chosen = {"xticklabels": False, "yticklabels": False, "cbar": False, "annot_kws": small} | options
    axis.figure.set_visible(False)  # seaborn draws the whole figure to see whether labels collide
    seaborn.heatmap(shades, annot=np.asarray(text), fmt=fmt, cmap=cmap, ax=axis, **chosen)
    axis.figure.set_visible(True)
    axis.tick_params(length=0, labelrotation=0)  # seaborn turns labels that it takes to collide
    axis.grid(False)


RIGHT = "#E4E4E4"
"""Behind the right predictions, so that the colours tell the mistakes apart."""


def confusion(
    axis: Axes, shares: np.ndarray, text: ArrayLike, classes: Sequence[str], most: float, first: bool
) -> None:
    """Draw a confusion matrix (true, predicted), its mistakes coloured by their share of the true class, up to `most`.

    The `first` of a row of matrices names the true classes.
    """
    right = np.eye(len(classes), dtype=bool)
    labels = {"xticklabels": classes, "yticklabels": classes if first else False, "square": True}
    heatmap(axis, shares, text, "", "Blues", mask=right, vmin=0, vmax=most, **labels)
    heatmap(axis, shares, text, "", ListedColormap([RIGHT]), mask=~right, **labels)
    axis.set_xlabel("predicted")
    if first:
        axis.set_ylabel("true class")


def broken(name: str) -> str:
    """A model's name with a line for each technique, for narrow panels."""
    return name.replace(" + ", " +\n").replace(", ", ",\n")


def look_of(model: str) -> Look:
    """Colour, marker and line style of a model; one without an entry in LOOKS gets a spare one, by its name alone."""
    if model in LOOKS:
        return LOOKS[model]
    # Not hash(), which differs between processes.
    chosen = zlib.crc32(model.encode())
    colour = _SPARE_COLOURS[chosen % len(_SPARE_COLOURS)]
    return Look(colour, _SPARE_MARKERS[chosen // len(_SPARE_COLOURS) % len(_SPARE_MARKERS)], "-")


def colour_of(model: str) -> str:
    return look_of(model).colour


def four_digits(values: ArrayLike) -> list[float]:
    """Rounded: the last digits of a network's answer differ between machines, and figures must not."""
    return [float(f"{value:.4g}") for value in np.asarray(values, dtype=float)]


def plain_ticks(*axes: Axis) -> None:
    """Label the ticks of logarithmic axes in full (0.001, 10,000): superscripts would be too small in print."""
    for axis in axes:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10f}".rstrip("0").rstrip(".")))
        axis.set_minor_formatter(NullFormatter())
