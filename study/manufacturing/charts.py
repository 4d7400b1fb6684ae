"""The figures of Part I: values in, a Matplotlib figure out. Bands and bars are 95% intervals over plants."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import NullLocator, PercentFormatter

from study import figures
from study.evaluation import Interval
from study.manufacturing.detectors import AUTOENCODER, LIMITS, PCA_NAME
from study.manufacturing.evaluation import Evidence, at_severity, over_plants, score
from study.manufacturing.experiments import BROKEN_GAUGES, LABELS, MONTHS, NOISE, RETRAINING_MONTHS, SEVERITIES
from study.manufacturing.line import GAUGES, STEPS, as_stations

__all__ = ["challenges", "fault", "graph", "improvements"]

FAULTY = figures.PALETTE["vermillion"]
PARAMETERS, GRADIENT = figures.PALETTE["green"], figures.PALETTE["vermillion"]


class Step(NamedTuple):
    """An operation of the graph: its sign, the value that it puts out, that value's shape, and its parameters."""

    sign: str
    value: str
    shape: str
    parameters: str = ""
    size: str = ""


def graph(model: object, layers_a_row: int = 2) -> Figure:
    """The computational graph of a Keras model of dense layers: forwards, and the gradients back.

    Everything is read from the model. n is the number of vectors in a batch. Raises ValueError for other layers.
    """
    rows = _rows(model, layers_a_row)
    fig, axis = figures.new(height_cm=2.7 * len(rows) + 0.9)
    axis.set(xlim=(0, 16), ylim=(-2.7 * len(rows) + 1.8, 1.5))
    axis.set_axis_off()
    for number, steps in enumerate(rows):
        y, pitch = -2.7 * number, 15.2 / len(steps)
        at = [0.4 + pitch * (i + 0.5) for i in range(len(steps))]
        for i, (x, step) in enumerate(zip(at, steps, strict=True)):
            _box(axis, x, y, step.sign, "black" if step.sign in ("x", "loss") else figures.PALETTE["blue"])
            if step.parameters:
                _box(axis, x, y + 1.15, step.parameters, PARAMETERS)
                axis.text(x - 0.2, y + 0.6, step.size, fontsize=7, ha="right", va="center", color=PARAMETERS)
                _arrow(axis, (x - 0.1, y + 0.9), (x - 0.1, y + 0.25))
                _arrow(axis, (x + 0.15, y + 0.25), (x + 0.15, y + 0.9), gradient=True)
                axis.text(x + 0.22, y + 0.6, f"∂L/∂{step.parameters}", fontsize=7, va="center", color=GRADIENT)
            last = i == len(steps) - 1
            end = at[i + 1] - 0.57 if not last else 16.0
            if step.sign == "loss":
                _box(axis, x, y + 1.15, "x", "black")  # the target
                _arrow(axis, (x, y + 0.9), (x, y + 0.25))
                continue
            _arrow(axis, (x + 0.57, y + 0.08), (end, y + 0.08))
            axis.text((x + 0.57 + end) / 2, y + 0.24, step.value, fontsize=7, ha="center")
            axis.text(
                (x + 0.57 + end) / 2, y - 0.72, step.shape, fontsize=7, ha="center", color=figures.PALETTE["grey"]
            )
            if not (number == 0 and i == 0):  # the input is not trained, so no gradient goes back to it
                _arrow(axis, (end, y - 0.12), (x + 0.57, y - 0.12), gradient=True)
                axis.text((x + 0.57 + end) / 2, y - 0.4, f"∂L/∂{step.value}", fontsize=7, ha="center", color=GRADIENT)
        if number:
            _arrow(axis, (0.05, y + 0.08), (at[0] - 0.57, y + 0.08))
            _arrow(axis, (at[0] - 0.57, y - 0.12), (0.05, y - 0.12), gradient=True)
    handles = [
        Line2D([], [], color="black", lw=0.9, label="value, forwards"),
        Line2D([], [], color=GRADIENT, lw=0.9, ls="--", label="gradient, backwards"),
        Line2D([], [], color=PARAMETERS, lw=0, marker="s", mfc="white", label="parameters"),
        Line2D([], [], color=figures.PALETTE["blue"], lw=0, marker="s", mfc="white", label="operation"),
    ]
    fig.legend(handles=handles, ncols=4, loc="outside lower center")
    return fig


_ACTIVATIONS = {"relu": "ReLU"}


def _rows(model: object, layers_a_row: int) -> list[list[Step]]:
    """The steps of a chain of dense layers, so many layers in a row; the input comes first, the loss last."""
    from study.manufacturing.model import dense_layers

    layers = dense_layers(model)
    steps, rows = [Step("x", "x", f"n × {layers[0].kernel.shape[0]}")], []
    for i, layer in enumerate(layers, start=1):
        inputs, units = layer.kernel.shape
        name, shape = layer.activation.__name__, f"n × {units}"
        last = i == len(layers)
        out = "x̂" if last else f"h{_sub(i)}"
        chain = [Step("×", f"u{_sub(i)}", shape, f"W{_sub(i)}", f"{inputs} × {units}")]
        if layer.use_bias:
            chain.append(Step("+", f"z{_sub(i)}", shape, f"b{_sub(i)}", f"{units}"))
        if name != "linear":
            chain.append(Step(_ACTIVATIONS.get(name, name), out, shape))
        steps += [*chain[:-1], chain[-1]._replace(value=out)]
        if last:
            steps.append(Step("loss", "L", "1"))
        if last or i % layers_a_row == 0:
            rows.append(steps)
            steps = []
    return rows


def _sub(i: int) -> str:
    return str(i).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _box(axis: Axes, x: float, y: float, text: str, colour: str) -> None:
    axis.add_patch(
        FancyBboxPatch(
            (x - 0.57, y - 0.25), 1.14, 0.5, boxstyle="round,pad=0,rounding_size=0.12", facecolor="white",
            edgecolor=colour, lw=1, zorder=3,
        )
    )  # fmt: skip
    axis.text(x, y, text, ha="center", va="center", fontsize=7.2, zorder=4)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], gradient: bool = False) -> None:
    axis.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=6, lw=0.9, shrinkA=0, shrinkB=0, zorder=2,
            color=GRADIENT if gradient else "black", linestyle=(0, (2.5, 1.5)) if gradient else "-",
        )
    )  # fmt: skip


def fault(
    sound: np.ndarray, faulty: np.ndarray, rebuilt: np.ndarray, station: int, normal: np.ndarray,
    scores: Sequence[float], threshold: float,
) -> Figure:  # fmt: skip
    """One cycle without and with a fault, and its reconstruction: three gauges of a station, then the scores.

    `sound`, `faulty` and `rebuilt` are vectors (1000,), `normal` the scores of sound cycles, `scores` those of the
    cycle without and with the fault.
    """
    fig, axes = figures.new(height_cm=5.6, cols=4, width_ratios=(1, 1, 1, 1.25))
    cycles = {
        "without the fault": (sound, figures.PALETTE["grey"], "-"),
        "with the fault": (faulty, FAULTY, "--"),
        "reconstruction": (np.array(figures.four_digits(rebuilt)), figures.colour_of(AUTOENCODER), ":"),
    }
    for axis, gauge in zip(axes, (0, 2, 4), strict=False):
        for label, (vector, colour, style) in cycles.items():
            axis.plot(as_stations(vector[None])[0, station, gauge], style, color=colour, lw=1.3, label=label)
        axis.set(title=GAUGES[gauge], xlabel="time step", xticks=range(0, STEPS + 1, 5), ylim=(0, 1))
    axes[0].set_ylabel("reading")
    right = axes[3]
    normal, scores, (threshold,) = (figures.four_digits(1e4 * np.asarray(one)) for one in (normal, scores, [threshold]))
    right.hist(normal, bins=30, color=figures.PALETTE["grey"], alpha=0.6, label="sound cycles")
    right.axvline(threshold, color="black", ls="-.", lw=1.2, label="threshold")
    for value, colour, style in zip(scores, (figures.PALETTE["grey"], FAULTY), ("-", "--"), strict=True):
        right.axvline(value, color=colour, ls=style, lw=1.5)
    right.set(title="score", xlabel="MSE (× 10⁻⁴)", ylabel="sound cycles")
    handles, labels = axes[0].get_legend_handles_labels()
    more = right.get_legend_handles_labels()
    fig.legend(handles + more[0], labels + more[1], ncols=5, loc="outside upper center")
    return fig


_SHOWN = (AUTOENCODER, PCA_NAME, LIMITS)
_LOOKS = {PCA_NAME: figures.Look(figures.PALETTE["vermillion"], "s", "-")}
"""PCA, the autoencoder's rival here, stands in a colour far from its blue."""


def _look(name: str) -> figures.Look:
    return _LOOKS.get(name) or figures.look_of(name)


def challenges(e: Evidence) -> Figure:
    """Detection under each challenge that has levels, in the text's order; under wear the false alarms of a year."""
    fig, axes = figures.new(height_cm=11.5, rows=2, cols=3)
    contaminated, severity, noise, broken, wear, length = axes.flat
    _length(length, e)
    for name in _SHOWN[:2]:
        for group, style in (("recurring", "-"), ("scores", "--")):
            read = score(name, "detection", group=group)
            seeds = {r.spec["seed"] for r in e.contaminated(e.shares[0])}
            before = [r for r in e.reference if r.spec["seed"] in seeds]
            points = [over_plants(before, read), *(over_plants(e.contaminated(s), read) for s in e.shares)]
            _curve(contaminated, name, [0, *e.shares], points, ls=style)
    contaminated.set(title="a  Faulty training cycles", xlabel="share of faulty cycles")
    for name in _SHOWN:
        usual = e.rate(name, "detection")
        found = [over_plants(e.reference, at_severity(s, name, "detection")) for s in SEVERITIES]
        _curve(severity, name, SEVERITIES, found)
        for axis, levels, first, prefix in ((noise, NOISE, 1, "noise"), (broken, BROKEN_GAUGES, 0, "broken")):
            _curve(axis, name, [first, *levels], [usual, *(e.condition(prefix, x, name) for x in levels)])
    for name in _SHOWN[:2]:
        months = range(MONTHS + 1)
        found = [e.service(m, "fixed", name, "false_alarms") for m in months]
        _curve(wear, name, months, found)
    severity.set(title="b  Subtle faults", xlabel="severity")
    noise.set(title="c  Noisy sensors", xlabel="noise, × normal", xticks=(1, *NOISE))
    broken.set(title="d  Broken sensors", xlabel="share of gauges broken", xticks=(0, *BROKEN_GAUGES))
    wear.set(title="e  Wear", xlabel="month in service", xticks=range(0, MONTHS + 1, 3))
    for axis in (contaminated, broken):
        axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axis in axes.flat:
        axis.set(ylim=(-0.02, 1.02), ylabel="false-alarm rate" if axis is wear else "detection rate")
    handles = [Line2D([], [], color=_look(n).colour, marker=_look(n).marker, label=n) for n in _SHOWN]
    handles.append(Line2D([], [], color="black", ls="--", label="scattered faults (a)"))
    handles.append(Line2D([], [], color=figures.PALETTE["black"], ls=":", marker="x", label="development plant (f)"))
    fig.legend(handles=handles, ncols=5, loc="outside upper center")
    return fig


def _length(axis: Axes, e: Evidence) -> None:
    """Detection by the number of epochs: on the development plant, and on those that are judged."""
    found = {epochs: metrics["scores"][AUTOENCODER]["detection"] for epochs, metrics in e.lengths.items()}
    axis.plot(list(found), list(found.values()), ":x", color=figures.PALETTE["black"], lw=1)
    epochs = [e.short_epochs, e.epochs]
    read, look = score(AUTOENCODER, "detection"), _look(AUTOENCODER)
    judged = [over_plants(e.short, read), over_plants(e.reference, read)]
    means = [f.mean for f in judged]
    spread = [[f.mean - f.low for f in judged], [f.high - f.mean for f in judged]]
    axis.errorbar(epochs, means, spread, fmt=look.marker, color=look.colour, ms=4, lw=1.2)
    axis.set(title="f  Short training", xlabel="epochs", xscale="log")
    axis.set_xticks(sorted({*found, *epochs}), [f"{n}" for n in sorted({*found, *epochs})])
    axis.xaxis.set_minor_locator(NullLocator())


def _curve(axis: Axes, name: str, x: Sequence[float], found: Sequence[Interval], ls: str = "-") -> None:
    look = _look(name)
    axis.plot(x, [f.mean for f in found], color=look.colour, marker=look.marker, ls=ls, lw=1.2, ms=3.5)
    axis.fill_between(x, [f.low for f in found], [f.high for f in found], color=look.colour, alpha=0.15, lw=0)


IMPROVEMENTS = {
    "check": "heat balance as a check",
    "labels": f"{LABELS[0]} labelled faults",
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
    fig, (left, alarms, ranking) = figures.new(height_cm=6.0, cols=3, width_ratios=(1.2, 1, 1))
    y = np.arange(len(IMPROVEMENTS))
    for shift, name in ((-0.15, AUTOENCODER), (0.15, PCA_NAME)):
        look, found = _look(name), [e.gains(name)[key] for key in IMPROVEMENTS]
        means = np.array([f.mean for f in found])
        spread = np.maximum([means - [f.low for f in found], [f.high for f in found] - means], 0)
        left.errorbar(means, y + shift, xerr=spread, fmt=look.marker, color=look.colour, ms=5, lw=1.2, label=name)
    left.axvline(0, color="black", lw=0.8)
    left.set_yticks(y, list(IMPROVEMENTS.values()))
    left.invert_yaxis()
    left.grid(axis="y", visible=False)
    left.set(xlabel="change of detection rate", title="a  Changes")
    for axis, quantity in ((alarms, "false_alarms"), (ranking, "auroc")):
        for strategy, (label, style, colour) in _STRATEGIES.items():
            if quantity == "auroc" and strategy == "new threshold":
                continue  # the order of the scores is that of the detector as deployed
            found = [e.service(m, strategy, AUTOENCODER, quantity) for m in range(MONTHS + 1)]
            shade, low, high = figures.PALETTE[colour], [f.low for f in found], [f.high for f in found]
            axis.plot([f.mean for f in found], style, color=shade, lw=1.3, label=label)
            axis.fill_between(range(len(found)), low, high, color=shade, alpha=0.12, lw=0)
        for month in RETRAINING_MONTHS:
            axis.axvline(month, color=figures.PALETTE["grey"], lw=0.6, ls=":")
        axis.set(xlabel="month in service", xticks=range(0, MONTHS + 1, 3))
    alarms.set(title="b  False-alarm rate", ylim=(-0.02, 1.02))
    ranking.set(title="c  AUROC", ylim=(0.5, 1.01))
    first, more = left.get_legend_handles_labels(), alarms.get_legend_handles_labels()
    fig.legend(first[0] + more[0], first[1] + more[1], ncols=5, loc="outside upper center")
    return fig
