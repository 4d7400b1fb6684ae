"""The figures of the Bonus part: values in, a Matplotlib figure out."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from study import figures
from study.comparison import Comparison
from study.evaluation import Interval
from study.runs import Record
from study.vision.sources import CLASSES

CLASS_LOOKS = {
    name: (figures.PALETTE[colour], style)
    for name, (colour, style) in zip(CLASSES, (("blue", "-"), ("green", "--"), ("orange", ":")), strict=True)
}


def contact_sheet(dataset: Record) -> Figure:
    """Training images drawn at random, a row a class."""
    pixels, kinds = dataset.arrays["sheet_pixels"], dataset.arrays["sheet_classes"]
    columns = int(np.bincount(kinds).max())
    fig, axes = figures.new(height_cm=4.6, rows=len(CLASSES), cols=columns)
    for kind, row in enumerate(axes):
        for axis in row:
            axis.set_axis_off()
        for axis, image in zip(row, pixels[kinds == kind], strict=False):
            axis.imshow(image)
        row[0].set_axis_on()
        row[0].set(xticks=[], yticks=[], ylabel=CLASSES[kind])
    return fig


def colours(dataset: Record) -> Figure:
    """The mean training image of each class, and how bright their pixels are."""
    fig, axes = figures.new(height_cm=4.6, cols=len(CLASSES) + 1, width_ratios=[1, 1, 1, 2.2])
    for axis, name, image in zip(axes, CLASSES, dataset.arrays["mean_images"], strict=False):
        axis.imshow(image)
        axis.set_axis_off()
        axis.set_title(name)
    bins = dataset.arrays["brightness"]
    centres = (np.arange(bins.shape[1]) + 0.5) * 255 / bins.shape[1]
    for (name, (colour, style)), counts in zip(CLASS_LOOKS.items(), bins, strict=True):
        axes[-1].plot(centres, counts / counts.sum(), style, color=colour, label=name)
    axes[-1].set(xlabel="brightness of a pixel (0 to 255)", ylabel="share of pixels", ylim=(0, None))
    axes[-1].legend()
    return fig


def training_time(runs: Mapping[str, Sequence[Record]]) -> Figure:
    """Validation accuracy against seconds of training, an epoch a mark; test accuracy as a large mark at the end."""
    fig, axis = figures.new(height_cm=7.5)
    for name, records in runs.items():
        look, record = figures.look_of(name), records[0]
        minutes = np.cumsum(record.arrays["history_seconds"]) / 60
        axis.plot(
            minutes, record.arrays["history_validation_accuracy"], look.linestyle, color=look.colour, lw=1, label=name
        )
        axis.plot(
            minutes[-1], record.metrics["test"]["accuracy"], look.marker, color=look.colour, ms=8, mec="black", mew=0.6
        )
    axis.set(xlabel="training time (minutes)", ylabel="accuracy", ylim=(0.6, 1.0))
    axis.legend(loc="lower right")
    return fig


def change(found: Mapping[str, Comparison]) -> Figure:
    """Change of validation accuracy by each variant, in points, with 95% intervals."""
    fig, axis = figures.new(height_cm=0.75 * len(found) + 1.8)
    for y, one in enumerate(found.values()):
        _interval(axis, y, one.difference)
    axis.axvline(0, color=figures.PALETTE["grey"], lw=0.8)
    axis.set_yticks(range(len(found)), list(found))
    axis.invert_yaxis()
    axis.set_xlabel("change of validation accuracy (points)")
    return fig


def _interval(axis: Axes, y: int, effect: Interval) -> None:
    low, mean, high = (100 * v for v in (effect.low, effect.mean, effect.high))
    clear = effect.low > 0 or effect.high < 0
    axis.errorbar(
        mean, y, xerr=[[mean - low], [high - mean]], fmt="o", capsize=2, color=figures.PALETTE["vermillion"],
        mfc=figures.PALETTE["vermillion"] if clear else "white",
    )  # fmt: skip


def mistakes(record: Record, columns: int = 5) -> Figure:
    """The most confident mistakes on the test split with label, prediction and confidence."""
    pixels, told = record.arrays["mistakes_pixels"], record.metrics["mistakes"]
    rows = max(1, -(-len(told) // columns))
    fig, axes = figures.new(height_cm=3.9 * rows, rows=rows, cols=columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, image, one in zip(axes.flat, pixels, told, strict=False):
        axis.imshow(image)
        axis.set_title(_told(one), fontsize=7, weight="normal", loc="center")
    return fig


def attention(record: Record, each: int = 3) -> Figure:
    """Test images above what of them is taken in (roll-out): right ones left, wrong ones on the right."""
    told, pixels, maps = record.metrics["attention"], record.arrays["attention_pixels"], record.arrays["attention_maps"]
    fig, axes = figures.new(height_cm=14.5, rows=2 * len(CLASSES), cols=2 * each)
    for axis in axes.flat:
        axis.set_axis_off()
    for kind, name in enumerate(CLASSES):
        for side in (True, False):
            chosen = [i for i, t in enumerate(told) if t["true"] == name and (t["predicted"] == name) == side]
            for column, i in enumerate(chosen[:each], start=0 if side else each):
                above, below = axes[2 * kind, column], axes[2 * kind + 1, column]
                above.imshow(pixels[i])
                below.imshow(_lit(pixels[i], maps[i]))
                above.set_title(
                    told[i]["predicted"], fontsize=7, weight="normal", loc="center",
                    color="black" if side else figures.PALETTE["vermillion"],
                )  # fmt: skip
        axes[2 * kind, 0].set_axis_on()
        axes[2 * kind, 0].set(xticks=[], yticks=[], ylabel=name)
    return fig


def _lit(image: np.ndarray, attended: np.ndarray) -> np.ndarray:
    """The image (S, S, 3) uint8, dark where a map (grid, grid) is low."""
    times = image.shape[0] // len(attended)
    light = np.kron(attended / attended.max(), np.ones((times, times)))
    return np.round(image * (0.15 + 0.85 * light[..., None])).astype(np.uint8)


def _told(one: dict) -> str:
    shown = one["label"][:18] or one["true"]
    return f"{shown} ({one['true']})\ncalled {one['predicted']}, {one['confidence']:.0%}"
