"""Figures of every classifier's report: curves over epochs and confusion matrices, in print and interactive."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from study import figures
from study.comparison import mean_confusion
from study.runs import Record

SPLIT_LOOKS = {
    "train": ("training", figures.PALETTE["blue"], "-"),
    "validation": ("validation", figures.PALETTE["vermillion"], "--"),
}
_AXIS = {"accuracy": "accuracy", "loss": "cross-entropy (nats)"}


def history(runs: Mapping[str, Sequence[Record]], quantity: str) -> Figure:
    """Training and validation `accuracy` or `loss` against epochs, a panel a model, a line a seed."""
    fig, axes = figures.new(height_cm=6.2, cols=len(runs), sharey=True)
    for axis, (name, records) in zip(axes, runs.items(), strict=True):
        for record in records:
            courses = [record.arrays[f"history_{kind}{quantity}"] for kind in ("", "validation_")]
            for values, (label, colour, style) in zip(courses, SPLIT_LOOKS.values(), strict=True):
                axis.plot(np.arange(1, len(values) + 1), values, style, color=colour, lw=1, label=label)
            if record.spec["settings"].get("patience"):
                best = record.metrics["best_epoch"]
                axis.plot(best, courses[1][best - 1], "o", color="black", ms=3)
        axis.set_title(figures.broken(name))
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel(_AXIS[quantity])
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles[:2], labels[:2], ncols=2, loc="outside upper center")
    return fig


def confusion(runs: Mapping[str, Sequence[Record]], classes: Sequence[str], height_cm: float = 6.8) -> Figure:
    """Confusion matrices on the test split, mean over seeds: counts, coloured by share of the true class."""
    fig, axes = figures.new(height_cm=height_cm, cols=len(runs), squeeze=False)
    for axis, (name, records) in zip(axes[0], runs.items(), strict=True):
        counts, shares = _counted(records)
        rows = classes if axis is axes[0, 0] else False
        figures.heatmap(
            axis, shares, counts, ".0f", "cividis", vmin=0, vmax=1, xticklabels=classes, yticklabels=rows, square=True
        )
        axis.set_xticklabels(classes, rotation=45, ha="right")
        axis.set_title(figures.broken(name))
        axis.set_xlabel("predicted")
    axes[0, 0].set_ylabel("true class")
    return fig


def _counted(records: Sequence[Record]) -> tuple[np.ndarray, np.ndarray]:
    """The confusion matrix (k, k) on the test split, mean over seeds, and its rows as shares of the true class."""
    counts = mean_confusion(records)
    return counts, counts / counts.sum(axis=1, keepdims=True)


def confusion_interactive(runs: Mapping[str, Sequence[Record]], classes: Sequence[str]) -> go.Figure:
    """The same for the screen: point at a cell for its count and share."""
    fig, places = figures.panels(list(runs), True)
    for place, records in zip(places, runs.values(), strict=True):
        counts, shares = _counted(records)
        fig.add_heatmap(
            z=shares.round(4).tolist(), x=list(classes), y=list(classes), text=counts.round(1).tolist(),
            texttemplate="%{text:.0f}",
            hovertemplate="true %{y}<br>predicted %{x}<br>%{text} examples, %{z:.1%}<extra></extra>",
            zmin=0, zmax=1, colorscale="Cividis", showscale=False, **place,
        )  # fmt: skip
    fig.update_yaxes(autorange="reversed")
    return fig
