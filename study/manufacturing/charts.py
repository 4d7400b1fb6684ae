"""The figures of Part I: values in, a Matplotlib figure out. Bands and bars are 95% intervals over plants."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import NullLocator, PercentFormatter

from study import figures
from study.evaluation import Interval
from study.figures import PALETTE
from study.manufacturing.detectors import AUTOENCODER, LIMITS, PCA_NAME
from study.manufacturing.evaluation import Evidence, by_plant, mean_interval
from study.manufacturing.experiments import BROKEN_GAUGES, LABELS, MONTHS, NOISE, RETRAINING_MONTHS, SEVERITIES
from study.manufacturing.line import GAUGES, STEPS, as_stations

FAULTY = GRADIENT = PALETTE["vermillion"]
PARAMETERS = PALETTE["green"]


class Step(NamedTuple):
    """An operation of the graph: its sign, the value that it puts out, that value's shape, and its parameters."""

    sign: str
    value: str
    shape: str
    parameters: str = ""
    size: str = ""


def graph(model: Any) -> Figure:
    """The computational graph of a Keras model of dense layers: forwards, and the gradients back.

    Everything is read from the model, with layers between them that have no weights and keep the shape, such as
    dropout. n is the number of vectors in a batch. Raises ValueError for other layers.
    """
    rows = _rows(model)
    fig, axis = figures.new(height_cm=2.7 * len(rows) + 0.9)
    axis.set(xlim=(0, 16), ylim=(-2.7 * len(rows) + 1.8, 1.5))
    axis.set_axis_off()
    for number, steps in enumerate(rows):
        y, pitch = -2.7 * number, 15.2 / len(steps)
        at = [0.4 + pitch * (i + 0.5) for i in range(len(steps))]
        ends = [*(x - 0.57 for x in at[1:]), 16.0]
        for x, end, step in zip(at, ends, steps, strict=True):
            _box(axis, x, y, step.sign, "black" if step.sign == "x" else PALETTE["blue"])
            if step.parameters:
                _box(axis, x, y + 1.15, step.parameters, PARAMETERS)
                axis.text(x - 0.2, y + 0.6, step.size, fontsize=7, ha="right", va="center", color=PARAMETERS)
                _arrow(axis, (x - 0.1, y + 0.9), (x - 0.1, y + 0.25))
                _arrow(axis, (x + 0.15, y + 0.25), (x + 0.15, y + 0.9), gradient=True)
                axis.text(x + 0.22, y + 0.6, f"∂L/∂{step.parameters}", fontsize=7, va="center", color=GRADIENT)
            if step.sign == "loss":
                _box(axis, x, y + 1.15, "x", "black")  # the target
                _arrow(axis, (x, y + 0.9), (x, y + 0.25))
                continue
            _arrow(axis, (x + 0.57, y + 0.08), (end, y + 0.08))
            middle = (x + 0.57 + end) / 2
            axis.text(middle, y + 0.24, step.value, fontsize=7, ha="center")
            axis.text(middle, y - 0.72, step.shape, fontsize=7, ha="center", color=PALETTE["grey"])
            if step.sign != "x":  # the input is not trained, so no gradient goes back to it
                _arrow(axis, (end, y - 0.12), (x + 0.57, y - 0.12), gradient=True)
                axis.text(middle, y - 0.4, f"∂L/∂{step.value}", fontsize=7, ha="center", color=GRADIENT)
        if number:
            _arrow(axis, (0.05, y + 0.08), (at[0] - 0.57, y + 0.08))
            _arrow(axis, (at[0] - 0.57, y - 0.12), (0.05, y - 0.12), gradient=True)
    handles = [
        Line2D([], [], color="black", lw=0.9, label="value, forwards"),
        Line2D([], [], color=GRADIENT, lw=0.9, ls="--", label="gradient, backwards"),
        Line2D([], [], color=PARAMETERS, lw=0, marker="s", mfc="white", label="parameters"),
        Line2D([], [], color=PALETTE["blue"], lw=0, marker="s", mfc="white", label="operation"),
    ]
    fig.legend(handles=handles, ncols=4, loc="outside lower center")
    return fig


def _drawn(layer: Any) -> bool:
    return type(layer).__name__ == "Dense" or (not layer.weights and layer.output.shape == layer.input.shape)


def _rows(model: Any) -> list[list[Step]]:
    """The steps of a chain of dense layers, two layers in a row; the input comes first, the loss last."""
    others = [layer.name for layer in model.layers if not _drawn(layer)]
    if others:
        raise ValueError(f"{', '.join(others)}: neither dense nor without weights and of one shape, so not drawn.")
    chains = [[Step("x", "x", f"n × {model.input_shape[-1]}")]]
    for layer in model.layers:
        if not layer.weights:
            before = chains[-1][-1]
            chains[-1].append(Step(type(layer).__name__.lower(), f"{before.value}′", before.shape))
            continue
        (inputs, units), name = layer.kernel.shape, layer.activation.__name__
        sub = str(len(chains)).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
        steps = [Step("×", f"u{sub}", f"n × {units}", f"W{sub}", f"{inputs} × {units}")]
        if layer.use_bias:
            steps.append(Step("+", f"z{sub}", f"n × {units}", f"b{sub}", f"{units}"))
        if name != "linear":
            steps.append(Step({"relu": "ReLU"}.get(name, name), "", f"n × {units}"))
        chains.append([*steps[:-1], steps[-1]._replace(value=f"h{sub}")])
    start, *chains = chains
    chains[0] = [*start, *chains[0]]
    chains[-1] = [*chains[-1][:-1], chains[-1][-1]._replace(value="x̂"), Step("loss", "L", "1")]
    return [list(chain(*chains[i : i + 2])) for i in range(0, len(chains), 2)]


def _box(axis: Axes, x: float, y: float, text: str, colour: str) -> None:
    shape = {"boxstyle": "round,pad=0,rounding_size=0.12", "facecolor": "white", "edgecolor": colour}
    axis.add_patch(FancyBboxPatch((x - 0.57, y - 0.25), 1.14, 0.5, lw=1, zorder=3, **shape))
    axis.text(x, y, text, ha="center", va="center", fontsize=7.2, zorder=4)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], gradient: bool = False) -> None:
    line = {"color": GRADIENT, "linestyle": (0, (2.5, 1.5))} if gradient else {"color": "black"}
    shape = {"arrowstyle": "-|>", "mutation_scale": 6, "shrinkA": 0, "shrinkB": 0}
    axis.add_patch(FancyArrowPatch(start, end, lw=0.9, zorder=2, **shape, **line))


def fault(
    sound: np.ndarray, faulty: np.ndarray, rebuilt: np.ndarray, station: int, normal: np.ndarray,
    scores: Sequence[float], threshold: float,
) -> Figure:  # fmt: skip
    """One cycle without and with a fault, and its reconstruction: three gauges of a station, then the scores.

    `sound`, `faulty` and `rebuilt` are vectors (1000,), `normal` the scores of sound cycles, `scores` those of the
    cycle without and with the fault.
    """
    fig, (*axes, right) = figures.new(height_cm=4.9, cols=4, width_ratios=(1, 1, 1, 1.25))
    cycles = {
        "without the fault": (sound, PALETTE["grey"], "-"),
        "with the fault": (faulty, FAULTY, "--"),
        "reconstruction": (np.array(figures.four_digits(rebuilt)), figures.colour_of(AUTOENCODER), ":"),
    }
    for axis, gauge in zip(axes, (0, 2, 4), strict=True):
        for label, (vector, colour, style) in cycles.items():
            axis.plot(as_stations(vector[None])[0, station, gauge], style, color=colour, lw=1.3, label=label)
        axis.set(title=GAUGES[gauge], xlabel="time step", xticks=range(0, STEPS + 1, 5), ylim=(0, 1))
    axes[0].set_ylabel("reading")
    sounds, pair, (limit,) = (figures.four_digits(1e4 * np.asarray(one)) for one in (normal, scores, [threshold]))
    right.hist(sounds, bins=30, color=PALETTE["grey"], alpha=0.6, label="sound cycles")
    right.axvline(limit, color="black", ls="-.", lw=1.2, label="threshold")
    for value, colour, style in zip(pair, (PALETTE["grey"], FAULTY), ("-", "--"), strict=True):
        right.axvline(value, color=colour, ls=style, lw=1.5)
    right.set(title="score", xlabel="MSE (× 10⁻⁴)", ylabel="sound cycles")
    _legend_above(fig, axes[0], right)
    return fig


_LOOKS = {
    AUTOENCODER: figures.look_of(AUTOENCODER),
    PCA_NAME: figures.Look(PALETTE["vermillion"], "s", "-"),  # the autoencoder's rival here, far from its blue
    LIMITS: figures.look_of(LIMITS),
}
_RIVALS = (AUTOENCODER, PCA_NAME)


def challenges(e: Evidence) -> Figure:
    """Detection under each challenge that has levels, in the text's order; under wear the false alarms of a year."""
    fig, axes = figures.new(height_cm=10.0, rows=2, cols=3)
    contaminated, severity, noise, broken, wear, length = axes.flat
    _length(length, e)
    for name in _RIVALS:
        for group, style in (("recurring", "-"), ("scores", "--")):
            unclean = [by_plant(e.contaminated(share), group, name, "detection") for share in e.shares]
            clean = e.at(group, name, "detection")[unclean[0].index]
            _curve(contaminated, name, [0, *e.shares], [mean_interval(found) for found in (clean, *unclean)], style)
    contaminated.set(title="a  Faulty training cycles", xlabel="share of faulty cycles")
    for name in _LOOKS:
        _curve(severity, name, SEVERITIES, [e.severe(s, name) for s in SEVERITIES])
        for axis, levels, first, prefix in ((noise, NOISE, 1, "noise"), (broken, BROKEN_GAUGES, 0, "broken")):
            worse = [e.condition(prefix, level, name) for level in levels]
            _curve(axis, name, [first, *levels], [e.rate(name, "detection"), *worse])
    months = range(MONTHS + 1)
    for name in _RIVALS:
        _curve(wear, name, months, [e.service(m, "fixed", name, "false_alarms") for m in months])
    severity.set(title="b  Subtle faults", xlabel="severity", xticks=SEVERITIES[1:])
    noise.set(title="c  Noisy gauges", xlabel="noise, × normal", xticks=(1, *NOISE))
    broken.set(title="d  Broken gauges", xlabel="share of gauges broken", xticks=(0, *BROKEN_GAUGES))
    wear.set(title="e  Wear", xlabel="month in service", xticks=months[::3])
    for axis in (contaminated, broken):
        axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axis in axes.flat:
        axis.set(ylim=(-0.02, 1.02), ylabel="false-alarm rate" if axis is wear else "detection rate")
        axis.yaxis.set_major_formatter(PercentFormatter(1))
    handles = [Line2D([], [], color=look.colour, marker=look.marker, label=name) for name, look in _LOOKS.items()]
    handles.append(Line2D([], [], color="black", ls="--", label="scattered faults (a)"))
    handles.append(Line2D([], [], color=PALETTE["black"], ls=":", marker="x", label="development plant (f)"))
    fig.legend(handles=handles, ncols=5, loc="outside upper center")
    return fig


def _length(axis: Axes, e: Evidence) -> None:
    """Detection by the number of epochs: on the development plant, and on those that are judged."""
    axis.plot(list(e.lengths), [e.developed(n) for n in e.lengths], ":x", color=PALETTE["black"], lw=1)
    judged = [e.shortened(AUTOENCODER, absolute=True), e.rate(AUTOENCODER, "detection")]
    look = _LOOKS[AUTOENCODER]
    means, spread = _bars(judged)
    epochs = [e.short_epochs, e.epochs]
    axis.errorbar(epochs, means, spread, fmt=look.marker, color=look.colour, ms=4, lw=1.2)
    axis.set(title="f  Length of training", xlabel="epochs", xscale="log")
    shown = sorted({*e.lengths, *epochs})
    axis.set_xticks(shown, map(str, shown))
    axis.xaxis.set_minor_locator(NullLocator())


def _curve(axis: Axes, name: str, x: Sequence[float], found: Sequence[Interval], ls: str = "-") -> None:
    look, (means, low, high) = _LOOKS[name], zip(*found, strict=True)
    axis.plot(x, means, color=look.colour, marker=look.marker, ls=ls, lw=1.2, ms=3.5)
    axis.fill_between(x, low, high, color=look.colour, alpha=0.15, lw=0)


def _bars(found: Sequence[Interval]) -> tuple[np.ndarray, np.ndarray]:
    """Means (n,), and how far the ends of their intervals are from them, (2, n)."""
    means, low, high = np.transpose(found)
    return means, np.maximum([means - low, high - means], 0)


def _legend_above(fig: Figure, *axes: Axes) -> None:
    """One legend for the lines of these panels."""
    handles, labels = (list(chain(*both)) for both in zip(*(a.get_legend_handles_labels() for a in axes), strict=True))
    fig.legend(handles, labels, ncols=5, loc="outside upper center")


IMPROVEMENTS = {
    "check": "heat balance as a check",
    "labels": f"{LABELS[0]} labelled faults",
    "more labels": f"{LABELS[1]} labelled faults",
    "ensemble": "ensemble of four",
    "worst": "score of the worst gauge",
}
"""The improvements by their names in `Evidence.gains`, in the order of the text."""
_STRATEGIES = {
    "fixed": ("as deployed", "-", "black"), "new threshold": ("new threshold", "--", "orange"),
    "retrained": ("retrained", "-.", "green"),
}  # fmt: skip
"""Label, line style and colour of what is done in service."""


def improvements(e: Evidence) -> Figure:
    """What each improvement changes in the detection rate, and what retraining does over a year of wear."""
    fig, (left, alarms, ranking) = figures.new(height_cm=5.3, cols=3, width_ratios=(1.2, 1, 1))
    y = np.arange(len(IMPROVEMENTS))
    for shift, name in ((-0.15, AUTOENCODER), (0.15, PCA_NAME)):
        look, gains = _LOOKS[name], e.gains(name)
        means, spread = _bars([gains[key] for key in IMPROVEMENTS])
        left.errorbar(means, y + shift, xerr=spread, fmt=look.marker, color=look.colour, ms=5, lw=1.2, label=name)
    left.axvline(0, color="black", lw=0.8)
    left.set_yticks(y, list(IMPROVEMENTS.values()))
    left.set_ylim(len(y) - 0.5, -0.5)
    left.grid(axis="y", visible=False)
    left.set(xlabel="change of detection rate, points", title="a  Changes")
    left.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    months = range(MONTHS + 1)
    for axis, quantity in ((alarms, "false_alarms"), (ranking, "auroc")):
        for strategy, (label, style, colour) in _STRATEGIES.items():
            if quantity == "auroc" and strategy == "new threshold":
                continue  # the order of the scores is that of the detector as deployed
            means, low, high = zip(*(e.service(m, strategy, AUTOENCODER, quantity) for m in months), strict=True)
            axis.plot(means, style, color=PALETTE[colour], lw=1.3, label=label)
            axis.fill_between(months, low, high, color=PALETTE[colour], alpha=0.12, lw=0)
        for month in RETRAINING_MONTHS:
            axis.axvline(month, color=PALETTE["grey"], lw=0.6, ls=":")
        axis.set(xlabel="month in service", xticks=months[::3])
    alarms.set(title="b  False-alarm rate", ylim=(-0.02, 1.02))
    alarms.yaxis.set_major_formatter(PercentFormatter(1))
    ranking.set(title="c  AUROC", ylim=(0.5, 1.01))
    _legend_above(fig, left, alarms)
    return fig
