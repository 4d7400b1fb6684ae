"""The figures of Part III: values in, a Matplotlib figure out."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from study import figures

_KINDS = {
    "raw": ("q·k", figures.PALETTE["vermillion"], "s"),
    "scaled": ("q·k / √$d_k$", figures.PALETTE["blue"], "o"),
}
_COSTS = {
    "explicit": ("explicit weights", figures.PALETTE["vermillion"], "s", "-"),
    "fused": ("fused kernel", figures.PALETTE["blue"], "o", "-"),
    "projections": ("four linear maps", figures.PALETTE["grey"], "v", "--"),
}


def matrices(
    named: Mapping[str, np.ndarray],
    tokens: Sequence[str],
    columns: Mapping[str, Sequence[str]] | None = None,
    height_cm: float = 3.1,
) -> Figure:
    """Matrices with a row for each token side by side, every cell with its number.

    The darker a cell, the larger its number within its matrix. `named` maps titles, such as "$Q$", to arrays
    (tokens, columns), `columns` titles to what the columns stand for; where it has no title, columns of N × N matrices
    are keys. Raises ValueError for a matrix of another number of rows.
    """
    columns = columns or {}
    others = [title for title, values in named.items() if len(values) != len(tokens)]
    if others:
        raise ValueError(f"{', '.join(others)}: a matrix has a row for each of the {len(tokens)} tokens.")
    square = {title: title not in columns and np.shape(values)[1] == len(tokens) for title, values in named.items()}
    widths = [np.shape(values)[1] + 0.5 * square[title] for title, values in named.items()]
    fig, axes = figures.new(height_cm=height_cm, cols=len(named), squeeze=False, width_ratios=widths)
    for axis, (title, values) in zip(axes[0], named.items(), strict=True):
        values = np.asarray(values)
        text = np.vectorize(lambda value: f"{value:.2f}".removesuffix(".00").replace("-", "−"))(values)
        figures.heatmap(axis, values, text, "", "Blues", vmax=values.max() + 0.4 * np.ptp(values))
        axis.set_title(f"{title}   {values.shape[0]} × {values.shape[1]}", fontweight="normal")
        below = tokens if square[title] else [name.replace(" ", "\n") for name in columns.get(title, ())]
        axis.set_xticks(np.arange(len(below)) + 0.5, below)
        axis.set_xlabel("key" if square[title] else "")
        axis.set_yticks(np.arange(len(tokens)) + 0.5, tokens if axis is axes[0, 0] else [])
    return fig


def scaling(table: pd.DataFrame) -> Figure:
    """Variance of the scores, queries that look at one key only, and gradient of the softmax against d_k.

    `table` is `study.theory.tables.softmax`: lines are medians, bands the range over seeds.
    """
    fig, axes = figures.new(height_cm=4.7, cols=3)
    panels = {
        "variance": "Variance of the scores",
        "saturated": "Queries on one key, %",
        "jacobian_median": "Gradient of the softmax",
    }
    for axis, (statistic, title) in zip(axes, panels.items(), strict=True):
        for kind, (name, colour, marker) in _KINDS.items():
            rows = table.loc[(kind, statistic)] * (100 if statistic == "saturated" else 1)
            axis.fill_between(rows.index, rows.low, rows.high, color=colour, alpha=0.25, lw=0)
            axis.plot(rows.index, rows["median"], marker=marker, color=colour, label=name)
        axis.set(title=title, xlabel="$d_k$")
        axis.set_xscale("log", base=2)
        shown = rows.index[::2]
        axis.set_xticks(shown, [str(width) for width in shown])
    axes[0].plot(rows.index, rows.index, "--", color=figures.PALETTE["black"], lw=0.9, label="theory: $d_k$ and 1")
    axes[0].axhline(1, ls="--", color=figures.PALETTE["black"], lw=0.9)
    axes[0].set_yscale("log")
    axes[2].set_yscale("log")
    figures.plain_ticks(axes[0].yaxis, axes[2].yaxis)
    fig.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside upper center")
    return fig


def cost(table: pd.DataFrame) -> Figure:
    """Time of a forward pass and peak memory with the backward pass against N, from `study.theory.tables.cost`."""
    fig, axes = figures.new(height_cm=4.4, cols=2)
    for model, (name, colour, marker, style) in _COSTS.items():
        rows = table.loc[model]
        axes[0].plot(rows.index, 1e3 * rows.forward, style, marker=marker, color=colour, label=name)
        axes[1].plot(rows.index, rows.peak / 2**20, style, marker=marker, color=colour)
    for axis, title in zip(axes, ("Forward pass, ms", "Peak memory with backward pass, MiB"), strict=True):
        axis.set(title=title, xlabel="tokens N", yscale="log")
        axis.set_xscale("log", base=2)
        axis.set_xticks(rows.index, [f"{n:,}" for n in rows.index])
        axis.yaxis.set_major_locator(LogLocator(numticks=8))
        figures.plain_ticks(axis.yaxis)
    fig.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside upper center")
    return fig
