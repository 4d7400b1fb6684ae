"""The figures of Part III: values in, a Matplotlib figure out."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from study import figures
from study.theory import analysis

_KINDS = {
    "raw": ("q·k", figures.PALETTE["vermillion"], "s"),
    "scaled": ("q·k / √d_k", figures.PALETTE["blue"], "o"),
}
_VARIANTS = {
    "two-heads-mixed": (figures.PALETTE["blue"], "o"),
    "two-heads-joined": (figures.PALETTE["orange"], "s"),
    "one-head-mixed": (figures.PALETTE["green"], "^"),
}
_COSTS = {
    "explicit": (figures.PALETTE["vermillion"], "s", "-"),
    "reused": (figures.PALETTE["orange"], "D", ":"),
    "fused": (figures.PALETTE["blue"], "o", "-"),
    "projections": (figures.PALETTE["grey"], "v", "--"),
}


def weights(maps: Mapping[str, np.ndarray], tokens: Sequence[str], digits: int = 2, height_cm: float = 6.2) -> Figure:
    """Matrices of queries (rows) by keys (columns) side by side, each cell with its number.

    Every map has its own colour scale from its lowest to its highest number; −∞ is drawn white.
    """
    fig, axes = figures.new(height_cm=height_cm, cols=len(maps), squeeze=False)
    for axis, (title, values) in zip(axes[0], maps.items(), strict=True):
        finite = np.ma.masked_invalid(values)
        image = axis.imshow(finite, cmap="Blues", vmin=finite.min(), vmax=finite.max())
        for (i, j), value in np.ndenumerate(values):
            shown = f"{value:.{digits}f}".replace("-", "−") if np.isfinite(value) else "−∞"
            dark = np.isfinite(value) and image.norm(value) > 0.6
            axis.text(j, i, shown, ha="center", va="center", fontsize=7, color="white" if dark else "black")
        axis.set_title(title)
        axis.set_xticks(range(len(tokens)), tokens)
        axis.set_yticks(range(len(tokens)), tokens)
        axis.set_xlabel("key")
        axis.grid(False)
        axis.tick_params(length=0)
    axes[0, 0].set_ylabel("query")
    return fig


def scaling(table: pd.DataFrame, keys: int) -> Figure:
    """Variance, entropy, gradient of the softmax and saturation against d_k, with theory dashed."""
    fig, axes = figures.new(height_cm=12, rows=2, cols=2, sharex=True)
    widths = np.array(sorted(table.d_k.unique()))
    fine = np.geomspace(widths[0], widths[-1], 200)
    theory = {"color": figures.PALETTE["black"], "lw": 0.9, "ls": "--"}

    axis = axes[0, 0]
    for kind in _KINDS:
        _band(axis, analysis.pick(table, kind, "variance"), kind)
    axis.plot(fine, fine, label="theory", **theory)
    axis.plot(fine, np.ones_like(fine), **theory)
    axis.set(title="Variance of the logits", yscale="log")

    axis = axes[0, 1]
    for kind in _KINDS:
        _band(axis, analysis.pick(table, kind, "entropy"), kind)
    axis.plot(fine, [analysis.expected_entropy(v, keys) for v in fine], **theory)
    axis.plot(fine, [analysis.expected_entropy(1.0, keys)] * len(fine), **theory)
    axis.axhline(math.log(keys), color=figures.PALETTE["grey"], lw=0.8, ls=":")
    axis.text(widths[-1], math.log(keys) + 0.06, f"ln {keys}: all keys alike", ha="right", va="bottom", fontsize=6.5)
    axis.set(title="Entropy of the weights (nats)", ylim=(0, 1.15 * math.log(keys)))

    axis = axes[1, 0]
    for kind in _KINDS:
        _band(axis, analysis.pick(table, kind, "jacobian_mean"), kind)
        median = analysis.pick(table, kind, "jacobian_median")
        name, colour, marker = _KINDS[kind]
        axis.plot(median.index, median["mean"], ":", marker=marker, mfc="white", color=colour, label=f"{name}, median")
    axis.set(title="Gradient of the softmax (Frobenius norm)", yscale="log", xlabel="$d_k$")

    axis = axes[1, 1]
    for kind in _KINDS:
        _band(axis, analysis.pick(table, kind, "saturated"), kind)
    axis.set(title="Queries with a weight above 0.99", xlabel="$d_k$", ylim=(-0.03, 1))
    axis.set_xscale("log", base=2)
    axis.set_xticks(widths, [str(w) for w in widths])

    handles, labels = axes[1, 0].get_legend_handles_labels()
    handles.append(axes[0, 0].get_legend_handles_labels()[0][-1])
    names = [*(label.replace("d_k", "$d_k$") for label in labels), "theory"]
    fig.legend(handles, names, ncols=5, loc="outside upper center")
    return fig


def _band(axis: Axes, rows: pd.DataFrame, kind: str) -> None:
    name, colour, marker = _KINDS[kind]
    axis.fill_between(rows.index, rows["low"], rows["high"], color=colour, alpha=0.25, lw=0)
    axis.plot(rows.index, rows["mean"], marker=marker, color=colour, label=name)


def mixing(table: pd.DataFrame) -> Figure:
    """Share of variance explained against the width of the content, one point a run; theory's levels as short lines."""
    fig, axis = figures.new(height_cm=6.5)
    contents = sorted(table.content.unique())
    for offset, (variant, (colour, marker)) in zip((-0.29, 0.0, 0.29), _VARIANTS.items(), strict=True):
        rows = table[table.variant == variant]
        centre = rows.content.map(contents.index) + offset
        axis.hlines(rows.expected, centre - 0.14, centre + 0.14, color=figures.PALETTE["black"], lw=1, ls="--")
        spread = (rows.seed - rows.seed.mean()) * 0.2 / max(rows.seed.max(), 1)
        name = analysis.VARIANT_NAMES[variant].replace("Wₒ", "$W_o$")
        axis.plot(centre + spread, rows.explained, marker, color=colour, mec="white", mew=0.4, ms=6, label=name)
    axis.plot([], [], "--", color=figures.PALETTE["black"], lw=1, label="theory")
    axis.set_xticks(range(len(contents)), [str(c) for c in contents])
    axis.set(xlabel="components of a token", ylabel="share of variance explained", ylim=(0.4, 1.05))
    axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


def cost(table: pd.DataFrame) -> Figure:
    """Seconds of a forward pass and peak memory of forward and backward against N, on logarithmic axes."""
    fig, axes = figures.new(height_cm=7.2, cols=2)
    for model, (colour, marker, style) in _COSTS.items():
        rows = table[table.model == model].sort_values("tokens")
        name = analysis.COST_NAMES[model]
        axes[0].plot(rows.tokens, 1e3 * rows.forward, style, marker=marker, color=colour, label=name)
        if rows.peak.notna().all():
            axes[1].plot(rows.tokens, rows.peak / 2**20, style, marker=marker, color=colour)
    guided = ((axes[0], "forward", 1e3, "proportional to N²"), (axes[1], "peak", 2**-20, None))
    for axis, quantity, unit, label in guided:
        rows = table[table.model == "explicit"].sort_values("tokens")
        middle = rows.iloc[len(rows) // 2]
        guide = middle[quantity] * unit * (rows.tokens / middle.tokens) ** 2
        axis.plot(rows.tokens, guide, ":", color=figures.PALETTE["black"], lw=0.9, label=label)
        axis.set_yscale("log")
        axis.set_xscale("log", base=2)
        axis.set_xticks(rows.tokens, [str(n) for n in rows.tokens], rotation=45)
        axis.set_xlabel("tokens N")
    axes[0].set(title="Forward pass, one thread (ms)")
    axes[1].set(title="Peak memory with backward pass (MiB)")
    fig.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside upper center")
    return fig
