"""The figures of Part I: values in, a Matplotlib figure out."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import LogLocator, NullFormatter

from study import figures
from study.evaluation import Interval
from study.manufacturing import faults
from study.manufacturing.analysis import Economy, key_of
from study.manufacturing.line import GAUGES, PRODUCTS, STEPS, Line, as_stations
from study.manufacturing.recipes import FALSE_ALARM_GRID
from study.runs import Record

GRADIENT = figures.PALETTE["vermillion"]
_PRODUCT_COLOURS = [figures.PALETTE[name] for name in ("blue", "orange", "green")]


def graph(model: object) -> Figure:
    """The computational graph of a compiled chain of dense layers, forwards down and gradients back up.

    Each layer is a product with its weights, a sum with its biases and an activation; shapes stand on the edges (n is
    the batch). Everything is read from the model. Raises ValueError for layers of another kind.
    """
    from study.manufacturing.model import counted, dense_layers

    layers, table = dense_layers(model), counted(model)
    steps = [("x", "input", f"(n, {table.inputs[0]})", None)]
    for i, (layer, row) in enumerate(zip(layers, table.itertuples(), strict=True), start=1):
        shape = f"(n, {row.outputs})"
        steps.append(("×", "product", shape, (f"W{_sub(i)}", f"{row.inputs} × {row.outputs}", row.weights)))
        if row.biases:
            steps.append(("+", "sum", shape, (f"b{_sub(i)}", f"{row.outputs}", row.biases)))
        steps.append(
            (_ACTIVATIONS.get(layer.activation.__name__, layer.activation.__name__), "activation", shape, None)
        )
    steps.append(("L", "loss", "scalar", None))

    pitch = 1.0
    fig, axis = figures.new(height_cm=0.98 * len(steps) + 1.8)
    axis.set_axis_off()
    axis.set(xlim=(-0.3, 15.7), ylim=(-pitch * (len(steps) - 1) - 0.7, 1.3))
    centre, left, right = 7.7, 3.95, 9.3
    at = [-pitch * i for i in range(len(steps))]
    edges = dict.fromkeys(("product", "sum", "activation"), figures.PALETTE["blue"])
    layer_number = 0
    for i, (symbol, kind, _, parameters) in enumerate(steps):
        y = at[i]
        if kind == "product":
            layer_number += 1
            layer = layers[layer_number - 1]
            depth = 3 if layer.use_bias else 2
            narrow = layer.units == min(one.units for one in layers)
            axis.add_patch(
                FancyBboxPatch(
                    (-0.2, y - pitch * (depth - 1) - 0.42), 15.8, pitch * (depth - 1) + 0.84,
                    boxstyle="round,pad=0,rounding_size=0.15",
                    lw=0, facecolor="#FFF3D6" if narrow else "#F1F6FA", zorder=0,
                )
            )  # fmt: skip
            axis.text(
                0, y - pitch * (depth - 1) / 2,
                f"{layer.name}\n{layer.units} units\n{layer.activation.__name__}\n{layer.count_params():,}\nparameters",
                fontsize=7, va="center", linespacing=1.3,
            )  # fmt: skip
        text = {"input": "x", "loss": f"L = {str(model.loss).upper()}(x̂, x)"}.get(kind, symbol)
        width = {"input": 1.0, "loss": 2.9, "activation": 1.5}.get(kind, 0.75)
        axis.add_patch(
            FancyBboxPatch(
                (centre - width / 2, y - 0.27), width, 0.54, boxstyle="round,pad=0,rounding_size=0.14",
                facecolor="white", edgecolor=edges.get(kind, "black"), lw=1, zorder=3,
            )
        )  # fmt: skip
        axis.text(centre, y, text, ha="center", va="center", fontsize=7.5, zorder=4)
        if parameters:
            name, size, count = parameters
            axis.add_patch(
                FancyBboxPatch(
                    (left - 1.8, y - 0.27), 3.6, 0.54, boxstyle="square,pad=0", facecolor="white",
                    edgecolor=figures.PALETTE["green"], lw=1, zorder=3,
                )
            )  # fmt: skip
            axis.text(
                left,
                y,
                f"{name}: {size} = {count:,}" if "×" in size else f"{name}: {count:,}",
                ha="center",
                va="center",
                fontsize=7,
                zorder=4,
            )
            _arrow(axis, (left + 1.8, y + 0.1), (centre - width / 2, y + 0.1))
            _arrow(axis, (centre - width / 2, y - 0.12), (left + 1.8, y - 0.12), gradient=True)
            axis.text(
                (left + 1.8 + centre - width / 2) / 2,
                y - 0.36,
                f"∂L/∂{name}",
                fontsize=6.5,
                color=GRADIENT,
                ha="center",
                va="center",
            )
        if i:
            middle, value = (at[i - 1] + y) / 2, _value_name(steps, i - 1)
            _arrow(axis, (centre - 0.15, at[i - 1] - 0.27), (centre - 0.15, y + 0.27))
            axis.text(right - 0.5, middle, steps[i - 1][2], fontsize=6.8, va="center")
            axis.text(right + 1.15, middle, value, fontsize=6.8, va="center")
        if i > 1:  # the input is not trained, so no gradient goes back to it
            _arrow(axis, (centre + 0.15, y + 0.27), (centre + 0.15, at[i - 1] - 0.27), gradient=True)
            name = value.split(" ")[0]
            axis.text(right + 3.9, middle, f"∂L/∂{name}", fontsize=6.8, va="center", color=GRADIENT)
    target = 14.9
    axis.plot([centre + 0.5, target, target], [at[0], at[0], at[-1]], color="black", lw=0.9, ls=(0, (1, 1.2)), zorder=2)
    _arrow(axis, (target, at[-1]), (centre + 1.45, at[-1]))
    axis.text(target - 0.1, at[-1] + 0.16, "x is also the target", fontsize=6.8, ha="right")
    for x, text, colour in (
        (left, "parameters", figures.PALETTE["green"]), (centre, "operation", figures.PALETTE["blue"]),
        (right - 0.5, "shape", "black"), (right + 1.15, "value", "black"), (right + 3.9, "gradient, back", GRADIENT),
    ):  # fmt: skip
        axis.text(
            x, 0.85, text, fontsize=7.5, weight="bold", color=colour, ha="center" if x in (left, centre) else "left"
        )
    return fig


_ACTIVATIONS = {"linear": "identity", "relu": "ReLU", "sigmoid": "sigmoid", "tanh": "tanh"}


def _sub(i: int) -> str:
    return str(i).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _value_name(steps: list[tuple], i: int) -> str:
    """What flows out of step i, named as in the text."""
    layer = sum(kind == "product" for _, kind, _, _ in steps[: i + 1])
    last = sum(kind == "product" for _, kind, _, _ in steps)
    kind = steps[i][1]
    before = f"h{_sub(layer - 1)}" if layer > 1 else "x"
    if kind == "input":
        return "x"
    if kind == "product":
        return f"u{_sub(layer)} = {before}·W{_sub(layer)}"
    if kind == "sum":
        return f"z{_sub(layer)} = u{_sub(layer)} + b{_sub(layer)}"
    inner = f"z{_sub(layer)}" if steps[i - 1][1] == "sum" else f"u{_sub(layer)}"
    result = "x̂" if layer == last else f"h{_sub(layer)}"
    return f"{result} = {inner}" if steps[i][0] == "identity" else f"{result} = {steps[i][0]}({inner})"


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], gradient: bool = False) -> None:
    axis.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=6, lw=0.9, shrinkA=0, shrinkB=0, zorder=2,
            color=GRADIENT if gradient else "black", linestyle=(0, (2.5, 1.5)) if gradient else "-",
        )
    )  # fmt: skip


def production(line: Line, station: int = 0) -> Figure:
    """What one station's gauges read: the mean of each product's cycles when the line is new and a year later."""
    fig, axes = figures.new(height_cm=6.3, cols=3, sharex=True)
    for age, style, when in ((0.0, "-", "new"), (1.0, "--", "after a year")):
        readings, product = line.produce(600, 1, age)
        cycles = as_stations(readings)[:, station]
        for axis, gauge in zip(axes, (0, 2, 4), strict=True):
            for i, name in enumerate(PRODUCTS):
                chosen = cycles[product == i, gauge]
                axis.plot(
                    chosen.mean(axis=0), style, color=_PRODUCT_COLOURS[i], lw=1.2, label=f"product {name}, {when}"
                )
                if age == 0:
                    low, high = np.quantile(chosen, [0.05, 0.95], axis=0)
                    axis.fill_between(np.arange(STEPS), low, high, color=_PRODUCT_COLOURS[i], alpha=0.15, lw=0)
            axis.set(title=GAUGES[gauge], xlabel="time step", xticks=range(0, STEPS, 5))
    axes[0].set_ylabel("reading")
    fig.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside upper center")
    return fig


def fault_examples(line: Line, severity: float) -> Figure:
    """One cycle with each kind of fault, beside the same cycle without it: the gauge that changed most."""
    fig, axes = figures.new(height_cm=5.2, cols=len(faults.KINDS), sharex=True)
    readings, product = line.produce(60, 1)
    for axis, kind in zip(axes, faults.KINDS, strict=True):
        rng = np.random.default_rng(4)
        faulty = faults.inject(readings, product, line, kind, severity, rng)
        change = np.abs(as_stations(faulty) - as_stations(readings)).sum(axis=3)[0]
        station, gauge = np.unravel_index(change.argmax(), change.shape)
        axis.plot(as_stations(readings)[0, station, gauge], color=figures.PALETTE["grey"], lw=1.1, label="normal")
        axis.plot(as_stations(faulty)[0, station, gauge], color=GRADIENT, lw=1.1, ls="--", label="faulty")
        axis.set_title(f"{kind}\n{GAUGES[gauge]}", fontsize=7)
        axis.set(xlabel="time step", xticks=(0, 10))
        low, high = axis.get_ylim()
        middle, half = (low + high) / 2, max((high - low) / 2, 0.1)
        axis.set_ylim(middle - half, middle + half)
    axes[0].set_ylabel("reading")
    fig.legend(*axes[0].get_legend_handles_labels(), ncols=2, loc="outside upper center")
    return fig


Curve = tuple[Sequence[float], Sequence[Interval]]


def curve(axis: Axes, name: str, x: Sequence[float], found: Sequence[Interval], **how: object) -> None:
    """A line of means with its 95% intervals as a band, in the look of a detector."""
    look = figures.look_of(name)
    style = {"color": look.colour, "marker": look.marker, "ls": look.linestyle, "label": name} | how
    axis.plot(x, [f.mean for f in found], **style)
    axis.fill_between(x, [f.low for f in found], [f.high for f in found], color=style["color"], alpha=0.15, lw=0)


def panels(
    shown: Mapping[str, Mapping[str, Curve]],
    xlabel: str,
    ylabel: str,
    ticks: Sequence[float],
    columns: int,
    height_cm: float,
) -> Figure:
    """Small multiples of AUROC-like rates: title -> detector -> (x, intervals); all share their axes."""
    rows = -(-len(shown) // columns)
    fig, axes = figures.new(height_cm=height_cm, rows=rows, cols=columns, sharex=True, sharey=True, squeeze=False)
    for i, (axis, (title, detectors)) in enumerate(zip(axes.flat, shown.items(), strict=False)):
        for name, (x, found) in detectors.items():
            curve(axis, name, x, found)
        axis.set(title=title, ylim=(0.4, 1.02), xticks=ticks)
        axis.xaxis.set_major_formatter("{x:g}")
        if i + columns >= len(shown):  # the lowest of its column
            axis.set_xlabel(xlabel)
            axis.tick_params(labelbottom=True)
    for axis in axes.flat[len(shown) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel(ylabel)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), ncols=5, loc="outside upper center")
    return fig


def two_axes(left: tuple[str, Mapping[str, Curve]], right: tuple[str, Mapping[str, Curve]], ylabel: str) -> Figure:
    """Two panels with an x-axis each: (label of x, detector -> (x, intervals))."""
    fig, axes = figures.new(height_cm=7, cols=2, sharey=True)
    for axis, (xlabel, detectors) in zip(axes, (left, right), strict=True):
        for name, (x, found) in detectors.items():
            curve(axis, name, x, found)
            axis.set_xticks(x)
        axis.set(xlabel=xlabel, ylim=(0.4, 1.02))
    axes[0].set_ylabel(ylabel)
    fig.legend(*axes[0].get_legend_handles_labels(), ncols=5, loc="outside upper center")
    return fig


STRATEGY_LOOKS = {
    "fixed": ("as deployed", figures.PALETTE["black"], "-", "o"),
    "new threshold": ("new threshold", figures.PALETTE["orange"], "--", "s"),
    "retrained": ("retrained", figures.PALETTE["green"], "-.", "^"),
}


def drift(found: Mapping[str, Mapping[str, Mapping[str, Sequence[Interval]]]], renewed: Sequence[int]) -> Figure:
    """A year in service: quantity (rows) by detector (columns), one line a strategy; dotted lines mark renewals.

    `found` maps a quantity (`false alarms`, `AUROC`) to detector -> strategy -> intervals by month.
    """
    detectors = list(next(iter(found.values())))
    fig, axes = figures.new(height_cm=10, rows=len(found), cols=len(detectors), sharex=True, sharey="row")
    for row, (quantity, by_detector) in zip(axes, found.items(), strict=True):
        for axis, detector in zip(row, detectors, strict=True):
            for strategy, months in by_detector[detector].items():
                label, colour, style, marker = STRATEGY_LOOKS[strategy]
                x = range(len(months))
                low, high = [m.low for m in months], [m.high for m in months]
                axis.plot(x, [m.mean for m in months], style, color=colour, marker=marker, ms=2.5, lw=1.1, label=label)
                axis.fill_between(x, low, high, color=colour, alpha=0.12, lw=0)
            for month in renewed:
                axis.axvline(month, color=figures.PALETTE["grey"], lw=0.6, ls=":")
        row[0].set_ylabel(quantity)
    for axis, detector in zip(axes[0], detectors, strict=True):
        axis.set_title(detector)
    for axis in axes[-1]:
        axis.set(xlabel="month in service", xticks=range(0, 13, 3))
    fig.legend(*axes[0, 0].get_legend_handles_labels(), ncols=3, loc="outside upper center")
    return fig


def by_kind(found: Mapping[str, Mapping[str, Interval]], xlabel: str, looks: Mapping[str, str] | None = None) -> Figure:
    """Dots with intervals: one row a kind of fault, one dot a detector; `looks` gives a name the look of another."""
    kinds = list(next(iter(found.values())))
    fig, axis = figures.new(height_cm=1.15 * len(kinds) + 1.9)
    for i, (name, values) in enumerate(found.items()):
        look = figures.look_of((looks or {}).get(name, name))
        y = np.arange(len(kinds)) + 0.7 * (i / max(len(found) - 1, 1) - 0.5)
        means = np.array([values[kind].mean for kind in kinds])
        spread = [means - [values[k].low for k in kinds], [values[k].high for k in kinds] - means]
        axis.errorbar(means, y, xerr=spread, fmt=look.marker, color=look.colour, ms=4.5, lw=1, label=name)
    axis.set_yticks(range(len(kinds)), kinds)
    axis.invert_yaxis()
    axis.set(xlabel=xlabel, xlim=(-0.02, 1.02))
    for edge in np.arange(len(kinds) - 1) + 0.5:
        axis.axhline(edge, color="#CCCCCC", lw=0.6)
    axis.grid(axis="y", visible=False)
    fig.legend(ncols=3, loc="outside upper center")
    return fig


def labels(
    by_count: Mapping[str, Curve], without: Mapping[str, Interval], unseen: Mapping[str, tuple[Interval, Interval]]
) -> Figure:
    """Detection against the number of labelled faults, and for each kind with and without labels of that kind.

    `without` gives each detector's rate without labels, `unseen` maps a kind to (labelled, never labelled).
    """
    fig, (left, right) = figures.new(height_cm=7.5, cols=2)
    for name, (x, found) in by_count.items():
        curve(left, name, [0, *x], [without[name], *found])
    left.set(xlabel="labelled faults", ylabel="detection rate", ylim=(0, 1.02), title="Labels of every kind")
    left.legend(loc="lower right", title="residuals of")
    y = np.arange(len(unseen))
    for i, (text, colour, marker) in enumerate(
        (("kind labelled", figures.PALETTE["blue"], "o"), ("kind never labelled", GRADIENT, "s"))
    ):
        found = [pair[i] for pair in unseen.values()]
        means = np.array([f.mean for f in found])
        spread = [means - [f.low for f in found], [f.high for f in found] - means]
        right.errorbar(means, y + 0.2 * (i - 0.5), xerr=spread, fmt=marker, color=colour, lw=1, label=text)
    right.set_yticks(y, list(unseen))
    right.invert_yaxis()
    right.set(xlabel="detection rate", xlim=(-0.02, 1.02), title="A kind that was never labelled")
    right.grid(axis="y", visible=False)
    right.legend(loc="lower right")
    return fig


def gains(found: Sequence[tuple[str, str, Interval, Interval]]) -> Figure:
    """What each improvement changes: rows of (name, look, change of AUROC, change of detection)."""
    fig, axes = figures.new(height_cm=0.75 * len(found) + 2.4, cols=2, sharey=True)
    y = np.arange(len(found))
    for axis, i, title in ((axes[0], 2, "change of AUROC"), (axes[1], 3, "change of detection rate")):
        for row, one in zip(y, found, strict=True):
            look, change = figures.look_of(one[1]), one[i]
            spread = [[change.mean - change.low], [change.high - change.mean]]
            axis.errorbar(change.mean, row, xerr=spread, fmt=look.marker, color=look.colour, ms=5, lw=1.2)
        axis.axvline(0, color="black", lw=0.8)
        axis.set_xlabel(title)
        axis.grid(axis="y", visible=False)
    axes[0].set_yticks(y, [one[0] for one in found])
    axes[0].invert_yaxis()
    return fig


def economy(records: Sequence[Record], detectors: Sequence[str], prices: Economy) -> Figure:
    """Detection against false alarms a shift, and expected cost of the prices in between, against the same."""
    fig, axes = figures.new(height_cm=7.2, cols=2, sharex=True)
    missed = prices.missed[len(prices.missed) // 2]
    for name in detectors:
        look, key = figures.look_of(name), key_of(name)
        false_alarms = np.mean([r.arrays[f"false_alarms_{key}"] for r in records], axis=0)
        detection = np.mean([r.arrays[f"detection_{key}"] for r in records], axis=0)
        alarms = prices.cycles_per_shift * FALSE_ALARM_GRID
        axes[0].plot(alarms, detection, look.linestyle, color=look.colour, label=name)
        axes[1].plot(alarms, prices.cost(false_alarms, detection, missed), look.linestyle, color=look.colour)
    for axis in axes:
        axis.set_xscale("log")
        axis.set_xlabel("expected false alarms a shift")
        axis.axvline(prices.alarm_budget, color=figures.PALETTE["grey"], lw=0.8, ls=":")
    axes[0].set(ylabel="detection rate", ylim=(0, 1.02), title="Alarm budget (dotted)")
    axes[1].axhline(1000 * prices.faulty_share * missed, color=figures.PALETTE["grey"], lw=0.9, ls="--")
    axes[1].set(ylabel="cost per 1,000 components", yscale="log", title=f"Cost (a missed fault: {missed:g})")
    axes[1].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[1].yaxis.set_major_formatter("{x:g}")
    axes[1].yaxis.set_minor_formatter(NullFormatter())
    fig.legend(*axes[0].get_legend_handles_labels(), ncols=5, loc="outside upper center")
    return fig
