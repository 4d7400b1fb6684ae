"""The drawings of Part II: networks as boxes, the blocks that our detector hides from itself, how NAB scores."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from study import figures
from study.anomaly import scoring
from study.anomaly.series import STEP

LABELLED = figures.PALETTE["orange"]
ALARM = figures.PALETTE["red"]
NARROW = "#DDDDDD"  # the fill of a bottleneck


class Step(NamedTuple):
    """A layer as it is drawn: how many values it puts out, its size in words, what stands below, bottleneck or not."""

    values: int
    size: str
    below: str
    narrow: bool = False


_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "elu": "ELU", "selu": "SELU"}
_RESHAPING = {"Flatten", "Reshape", "InputLayer"}  # they change no value


def _steps(model: Any) -> list[Step]:
    """The input and the layers of a Keras model in their order."""
    if len(model.inputs) != 1:
        raise ValueError(f"a chain of layers begins with one keras.Input, but {model.name} has {len(model.inputs)}")
    shown = [layer for layer in model.layers if type(layer).__name__ not in _RESHAPING]
    narrow = narrowest(shown)
    given = [size for size in model.inputs[0].shape[1:] if size != 1]
    steps = [Step(int(np.prod(given)), "×".join(map(str, given)), "input")]
    for layer in shown:
        shape = layer.output.shape[1:]
        steps.append(Step(int(np.prod(shape)), "×".join(map(str, shape)), _layer_text(layer), layer is narrow))
    return steps


def narrowest(layers: Sequence[Any]) -> Any:
    """The layer named `bottleneck`, or the first of those with the fewest output values."""
    named = [layer for layer in layers if layer.name == "bottleneck"]
    return named[0] if named else min(layers, key=lambda layer: np.prod(layer.output.shape[1:]))


def _layer_text(layer: Any) -> str:
    """Kind, activation and number of parameters, as far as the layer has them, a line each."""
    inner = getattr(layer, "layer", None)
    kind = f"{type(inner).__name__} a step" if inner is not None else type(layer).__name__
    activation = getattr(getattr(inner or layer, "activation", None), "__name__", "")
    lines = [kind.replace("RepeatVector", "Repeat"), _ACTIVATIONS.get(activation, activation)]
    return "\n".join([*filter(None, lines), f"{layer.count_params():,}" if layer.count_params() else ""]).rstrip()


def _chain(axis: Axes, steps: Sequence[Step], colour: str, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Boxes from left to right between x[0] and x[1], joined by arrows, with their texts below y[0].

    The height of a box follows the logarithm of its number of values; y[1] - y[0] is that of the highest one.
    """
    pitch = (x[1] - x[0]) / len(steps)
    highest = np.log(1 + max(step.values for step in steps))
    middle, edge = (y[0] + y[1]) / 2, x[0]
    for i, step in enumerate(steps):
        height = (y[1] - y[0]) * max(np.log(1 + step.values) / highest, 0.42)
        left = x[0] + i * pitch + 0.16 * pitch
        axis.add_patch(
            FancyBboxPatch(
                (left, middle - height / 2), 0.68 * pitch, height, boxstyle="square,pad=0", edgecolor=colour,
                lw=1.8 if step.narrow else 1, facecolor=NARROW if step.narrow else "white", clip_on=False,
            )
        )  # fmt: skip
        centre, beside = left + 0.34 * pitch, {"textcoords": "offset points", "ha": "center", "fontsize": 7}
        axis.text(centre, middle, step.size, ha="center", va="center", fontsize=7.5)
        axis.annotate(step.below, (centre, y[0]), (0, -2.5), va="top", **beside)
        if step.narrow:
            axis.annotate("bottleneck", (centre, middle + height / 2), (0, 1.5), va="bottom", style="italic", **beside)
        if i:
            axis.add_patch(
                FancyArrowPatch((edge, middle), (left, middle), arrowstyle="-|>", mutation_scale=6, lw=0.7, shrinkA=0)
            )
        edge = left + 0.68 * pitch


def layers(models: Mapping[str, Any]) -> Figure:
    """One row a Keras model: a box for the input and each layer, joined in their order.

    The bottleneck is grey, with a thick frame. A box holds the shape of its output and is as high as the logarithm of
    its number of values; below stand kind, activation and number of parameters. Everything is read from the models;
    layers that only reshape are not drawn. Raises ValueError for a model of several inputs, or one not built yet.
    """
    fig, axes = figures.new(height_cm=2.05 * len(models), rows=len(models), squeeze=False)
    for axis, (name, model) in zip(axes[:, 0], models.items(), strict=True):
        axis.set_axis_off()
        axis.set(xlim=(0, 1), ylim=(0, 1))
        axis.set_title(f"{name}: {model.count_params():,} parameters", pad=3)
        _chain(axis, _steps(model), figures.colour_of(name), (0, 1), (0.44, 1))
    return fig


def scoring_sketch() -> Figure:
    """How NAB scores alarms: what an alarm earns or costs at each row, and what a few alarms and a silence come to.

    The curve and the numbers are those of `study.anomaly.scoring` for the standard profile.
    """
    n, windows, standard = 2000, [(500, 700), (1050, 1250), (1600, 1800)], scoring.PROFILES["standard"]
    weights, start = scoring.row_weights(n, windows, standard), scoring.probation_rows(n)
    fig, axis = figures.new(height_cm=5.2)
    axis.axvspan(0, start, color="#EEEEEE", lw=0, label="probation, not scored")
    for i, (first, last) in enumerate(windows):
        axis.axvspan(first, last + 1, color=LABELLED, alpha=0.3, lw=0, label="labelled window" if i == 0 else None)
    axis.plot(np.arange(start, n), weights[start:], color=figures.PALETTE["blue"], label="score of an alarm here")
    axis.axhline(0, color=figures.PALETTE["black"], lw=0.7)
    alarms = {
        540: ("early", 400, 1.12), 735: ("just after", 735, -0.5), 930: ("far off", 930, -0.5),
        1225: ("late", 1340, 0.5),
    }  # fmt: skip
    for row, (words, x, y) in alarms.items():
        axis.plot(row, weights[row], "v", ms=7, color=ALARM, zorder=3)
        _point_at(axis, f"{words}\n{_signed(weights[row])}", (row, weights[row]), (x, y))
    axis.plot(650, weights[650], "v", ms=7, color=ALARM, mfc="white", zorder=3)
    _point_at(axis, "second alarm:\nno change", (650, weights[650]), (830, 0.85))
    middle = sum(windows[-1]) / 2
    axis.plot(middle, -standard.fn, "X", ms=7, color=ALARM, zorder=3)
    _point_at(axis, f"missed\n{_signed(-standard.fn)}", (middle, -standard.fn), (1480, -0.8))
    axis.plot([], [], "v", ms=7, color=ALARM, ls="none", label="alarm")
    axis.plot([], [], "v", ms=7, color=ALARM, mfc="white", ls="none", label="alarm that changes nothing")
    axis.plot([], [], "X", ms=7, color=ALARM, ls="none", label="window without an alarm")
    flags = np.zeros(n, dtype=bool)
    flags[[*alarms, 650]] = True
    terms = " ".join(_signed(value) for value in (*weights[list(alarms)], -standard.fn))
    axis.set_title(f"Score: {terms} = {_signed(scoring.nab_score(flags, windows, standard))}")
    axis.set(xlim=(0, n), ylim=(-1.25, 1.4), xlabel="row of the series", ylabel="part of the NAB score")
    fig.legend(ncols=3, loc="outside upper center")
    return fig


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _point_at(axis: Axes, text: str, at: tuple[float, float], stands: tuple[float, float]) -> None:
    """A text in the plot and a line from it to a point."""
    axis.annotate(
        text, at, stands, ha="center", va="center", fontsize=7, linespacing=1.2,
        arrowprops={"arrowstyle": "-", "lw": 0.6, "shrinkA": 0, "shrinkB": 4},
    )  # fmt: skip


def mask(blocks: Sequence[int], hidden: int, units: int, code: int, calendar: int) -> Figure:
    """Our detector: the week before a row in blocks, which of them its encoder does not see, and the week rebuilt.

    blocks: rows in each, the newest first, of which `hidden` are not seen; `units` of both hidden layers, values of the
    `code` and of the `calendar`, which is given to encoder and decoder.
    """
    fig, axis = figures.new(height_cm=4.9)
    axis.set_axis_off()
    count, seen = len(blocks), len(blocks) - hidden
    axis.set(xlim=(-0.2, count + 2.2), ylim=(0.3, 10.2))
    axis.text(0, 9.9, "The week that ends with the row under judgement", weight="bold", fontsize=8, va="center")
    _week(axis, 7.3, ["#BFD9EC"] * seen + ["#DDDDDD"] * (hidden - 1) + [LABELLED], hatched=range(seen, count))
    start = 0
    for rows in dict.fromkeys(reversed(blocks)):
        many = list(blocks).count(rows)
        _bracket(axis, start, start + many, 8.65, f"{_time(rows * many)}, by {_time(rows).removeprefix('1 ')}", up=True)
        start += many
    unseen = f"hidden from the encoder: the newest {hidden} blocks, {_time(sum(blocks[:hidden]))}"
    _bracket(axis, 0, seen, 7.15, f"the encoder sees {seen} blocks", up=False)
    _bracket(axis, seen, count, 7.15, unseen, up=False)
    steps = [
        Step(seen + calendar, f"{seen} + {calendar}", f"{seen} blocks\nand calendar"),
        Step(units, f"{units}", "encoder"),
        Step(code + calendar, f"{code} + {calendar}", f"{code} values\nand calendar", narrow=True),
        Step(units, f"{units}", "decoder"),
        Step(count, f"{count}", "all blocks"),
    ]
    _chain(axis, steps, figures.colour_of("Surge-AE"), (3, count - 2), (4.3, 5.9))
    arrow = {"arrowstyle": "-|>", "color": "black", "lw": 0.8, "mutation_scale": 7}
    first, last = 3 + (count - 5) / 10, count - 2 - (count - 5) / 10
    axis.annotate("", (first, 5.85), (first, 6.5), arrowprops=arrow)
    axis.annotate("", (last, 2.75), (last, 3.75), arrowprops=arrow)
    _week(axis, 1.5, ["#F7DFB2"] * (count - 1) + [LABELLED])
    axis.text(0, 1.2, f"The week rebuilt, {count} blocks", weight="bold", fontsize=8, va="top")
    side = count + 0.8
    axis.annotate("", (side, 2.1), (side, 7.9), arrowprops=arrow | {"arrowstyle": "<|-|>"})
    axis.text(side + 0.9, 5, "error of the row", rotation=270, ha="center", va="center", fontsize=7)
    return fig


def _time(rows: int) -> str:
    """So many rows as days, hours or minutes."""
    minutes = rows * STEP // pd.Timedelta(minutes=1)
    unit, size = next((unit, size) for unit, size in (("day", 1440), ("hour", 60), ("min", 1)) if minutes % size == 0)
    return f"{minutes // size} {unit}" + ("s" if minutes != size and unit != "min" else "")


def _week(axis: Axes, y: float, colours: Sequence[str], hatched: Sequence[int] = ()) -> None:
    """A row of blocks from y to y + 1.2."""
    for i, colour in enumerate(colours):
        hatch = "////" if i in hatched else None
        axis.add_patch(Rectangle((i, y), 1, 1.2, facecolor=colour, edgecolor="#555555", lw=0.5, hatch=hatch))


def _bracket(axis: Axes, start: float, stop: float, y: float, text: str, up: bool) -> None:
    """A line over or under some blocks, with what they are."""
    tick = 0.2 if up else -0.2
    axis.plot([start + 0.15, start + 0.15, stop - 0.15, stop - 0.15], [y, y + tick, y + tick, y], color="black", lw=0.7)
    axis.text((start + stop) / 2, y + 1.4 * tick, text, ha="center", va="bottom" if up else "top", fontsize=7)
