"""The figures of the Bonus part: values in, a Matplotlib figure out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, PercentFormatter

from study import classifier_charts, figures
from study.runs import Record
from study.vision.evaluation import first_whole
from study.vision.sources import CLASSES, classes_of

Found = Mapping[str, Sequence[Record]]
"""The records of networks, by name, a record a seed."""

FIRST, OTHERS = 1.3, 0.6
"""Widths of the curves of a network's first seed, and of its other ones (points)."""


@dataclass(frozen=True)
class Classified:
    """A picture (64, 64, 3) uint8, the probability of each class, and the roll-out of attention (grid, grid)."""

    pixels: np.ndarray
    probability: dict[str, float]
    attended: np.ndarray


def contact_sheet(pixels: np.ndarray, classes: np.ndarray, names: Sequence[str] = CLASSES) -> Figure:
    """Images (n, S, S, 3), a row a class (n,) with its name."""
    columns = int(np.bincount(classes).max())
    fig, axes = figures.new(height_cm=round(0.4 + 1.4 * len(names), 1), rows=len(names), cols=columns, squeeze=False)
    for kind, row in enumerate(axes):
        for axis in row:
            axis.set_axis_off()
        for axis, image in zip(row, pixels[classes == kind], strict=False):
            axis.imshow(image)
        _named(row[0], names[kind])
    return fig


def patches(image: np.ndarray, patch: int) -> Figure:
    """An image (S, S, 3), its patches apart, and the sequence of tokens that they become."""
    grid, shown = len(image) // patch, 9
    cut = image.reshape(grid, patch, grid, patch, 3).swapaxes(1, 2)
    fig, axes = figures.new(height_cm=4.4, cols=3, width_ratios=[1, 1.25, 3])
    axes[0].imshow(image)
    axes[0].set_title("image", weight="normal")
    apart = np.full((grid, patch + 2, grid, patch + 2, 3), 255, dtype=np.uint8)
    apart[:, 1:-1, :, 1:-1] = cut.swapaxes(1, 2)
    axes[1].imshow(apart.reshape(grid * (patch + 2), grid * (patch + 2), 3))
    axes[1].set_title(f"{grid}×{grid} patches", weight="normal")
    axes[2].set_title(f"{grid**2 + 1} tokens", weight="normal")
    flat, places = cut.reshape(-1, patch, patch, 3), [*range(shown - 1), grid**2 - 1]
    axes[2].text(0, 0, "class", ha="center", va="center", fontsize=7, bbox={"fc": "#E2E2E2", "ec": "none", "pad": 2})
    for x, place in enumerate(places, start=1):
        x += place > x
        axes[2].imshow(flat[place], extent=(x - 0.4, x + 0.4, -0.4, 0.4))
        axes[2].text(x, -0.75, str(place + 1), ha="center", va="center", fontsize=7)
    axes[2].text(0, -0.75, "0", ha="center", va="center", fontsize=7)
    axes[2].text(shown, 0, "…", ha="center", va="center")
    axes[2].set(xlim=(-0.7, shown + 1.6), ylim=(-1.1, 0.8), aspect="equal")
    for axis in axes:
        axis.set_axis_off()
    return fig


def history(found: Found) -> Figure:
    """Accuracy and loss of training and validation against epochs, a column a network, a line a seed, the first thick.

    Epochs on images below full size are shaded. Losses have a logarithmic axis: single ones are far above the rest.
    """
    fig, axes = figures.new(height_cm=6.8, rows=2, cols=len(found), sharey="row", sharex="col", squeeze=False)
    for column, (name, records) in zip(axes.T, found.items(), strict=True):
        for axis, quantity in zip(column, ("accuracy", "loss"), strict=True):
            axis.axvspan(0.5, first_whole(records[0]) + 0.5, color="#EEEEEE", lw=0, label="smaller images")
            for place, record in enumerate(records):
                _curves(axis, record, quantity, first=place == 0)
        column[0].set_title(figures.broken(name))
        column[1].set_xlabel("epoch")
        column[1].xaxis.get_major_locator().set_params(integer=True)
    axes[0, 0].set(ylabel="accuracy", ylim=(0.3, 1.0))
    axes[0, 0].yaxis.set_major_formatter(PercentFormatter(1))
    axes[1, 0].set(ylabel="cross-entropy (nats)", yscale="log")
    axes[1, 0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    figures.plain_ticks(axes[1, 0].yaxis)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if max(map(len, found.values())) > 1:
        handles += [Line2D([], [], color="black", lw=width) for width in (FIRST, OTHERS)]
        labels += ["first seed", "other seeds"]
    fig.legend(handles, labels, ncols=len(labels), loc="outside upper center")
    return fig


def _curves(axis: Axes, record: Record, quantity: str, first: bool) -> None:
    for label, (prefix, colour, style) in classifier_charts.SPLITS.items():
        values = record.arrays[f"history_{prefix}{quantity}"]
        look = {"lw": FIRST, "label": label} if first else {"lw": OTHERS}
        axis.plot(np.arange(1, len(values) + 1), values, style, color=colour, **look)


def confusion(found: Found) -> Figure:
    """Confusion matrices on the test split; see `classifier_charts.confusion`."""
    return classifier_charts.confusion(found, classes_of(next(iter(found.values()))[0].spec), height_cm=4.6)


def attention(record: Record, each: int = 2) -> Figure:
    """Test images above their attention roll-out: of each class so many right ones, and the most confident mistake.

    At most three classes are shown. Roll-out is the share of each patch, relative to the largest of its image.
    """
    examples, names = record.metrics["attention"], classes_of(record.spec)[:3]
    pixels, maps = record.arrays["attention_pixels"], record.arrays["attention_maps"]
    fig, axes = figures.new(height_cm=4.7, rows=2, cols=(each + 1) * len(names), squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for kind, name in enumerate(names):
        mine = [i for i, one in enumerate(examples) if one["true"] == name]
        right = [i for i in mine if examples[i]["predicted"] == name][:each]
        wrong = [i for i in mine if examples[i]["predicted"] != name][:1]
        for column, i in [*enumerate(right), *((each, i) for i in wrong)]:
            above, below = axes[:, (each + 1) * kind + column]
            above.imshow(pixels[i])
            drawn = _overlaid(below, pixels[i], maps[i])
            colour = figures.PALETTE["vermillion"] if i in wrong else "black"
            shown = f"{name}\nas {examples[i]['predicted']}" if i in wrong else name
            above.set_title(shown, fontsize=7, weight="normal", loc="center", color=colour)
    fig.colorbar(drawn, ax=axes, label="share, largest = 1", fraction=0.03, pad=0.01)
    return fig


def classified(found: Classified) -> Figure:
    """A picture, its attention roll-out, and the probability of each class."""
    fig, axes = figures.new(height_cm=4.0, cols=3, width_ratios=[1, 1, 1.6])
    axes[0].imshow(found.pixels)
    _overlaid(axes[1], found.pixels, found.attended)
    for axis in axes[:2]:
        axis.set_axis_off()
    axes[2].barh(list(found.probability), list(found.probability.values()), color=figures.colour_of("ViT"))
    axes[2].set(xlim=(0, 1), xlabel="probability")
    axes[2].invert_yaxis()
    return fig


def _overlaid(axis: Axes, image: np.ndarray, attended: np.ndarray) -> AxesImage:
    """The image (S, S, 3) uint8 in light grey below a map (grid, grid), coloured from 0 to its largest value."""
    extent = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
    axis.imshow(127 + image.mean(axis=2) / 2, cmap="gray", vmin=0, vmax=255, extent=extent)
    return axis.imshow(attended / attended.max(), cmap="viridis", vmin=0, vmax=1, alpha=0.6, extent=extent)


def _named(axis: Axes, name: str) -> None:
    """An image's axis with nothing but a name at its left."""
    axis.set_axis_on()
    axis.spines[:].set_visible(False)
    axis.set(xticks=[], yticks=[], ylabel=name)
    axis.grid(visible=False)
