"""Figures of every classifier: how its curves over epochs look; confusion matrices, in print and interactive."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from study import figures
from study.comparison import mean_confusion
from study.runs import Record

SPLITS = {
    "training": ("", figures.PALETTE["blue"], "-"),
    "validation": ("validation_", figures.PALETTE["vermillion"], "--"),
}
"""What a record's histories begin with, and how their curves look, by split."""


def confusion(runs: Mapping[str, Sequence[Record]], classes: Sequence[str], height_cm: float = 6.2) -> Figure:
    """Confusion matrices on the test split, mean over seeds: counts, mistakes coloured by share of the true class."""
    fig, axes = figures.new(height_cm=height_cm, cols=len(runs), squeeze=False)
    counted = _counted(runs)
    most = _most(counted)
    for axis, (name, (counts, shares)) in zip(axes[0], counted.items(), strict=True):
        figures.confusion(axis, shares, np.char.mod("%.0f", counts), classes, most, axis is axes[0, 0])
        axis.set_xticklabels(classes, rotation=45, ha="right")
        axis.set_title(figures.broken(name))
    return fig


def _counted(runs: Mapping[str, Sequence[Record]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Confusion matrices (k, k) on the test split, mean over seeds, and their rows as shares of the true class."""
    found = {name: mean_confusion(records) for name, records in runs.items()}
    return {name: (counts, counts / counts.sum(axis=1, keepdims=True)) for name, counts in found.items()}


def _most(counted: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> float:
    """The largest share of a true class that is taken for another one."""
    return max(float((shares - np.diag(shares.diagonal())).max()) for _, shares in counted.values()) or 1.0


def confusion_interactive(runs: Mapping[str, Sequence[Record]], classes: Sequence[str]) -> go.Figure:
    """The same for the screen: point at a cell for its count and share."""
    fig, places = figures.panels(list(runs), True)
    counted, diagonal = _counted(runs), np.eye(len(classes), dtype=bool)
    most = _most(counted)
    for place, (counts, shares) in zip(places, counted.values(), strict=True):
        for shown, colours in ((~diagonal, "Blues"), (diagonal, [[0, figures.RIGHT], [1, figures.RIGHT]])):
            fig.add_heatmap(
                z=np.where(shown, shares.round(4), None).tolist(), x=list(classes), y=list(classes), hoverongaps=False,
                text=np.where(shown, np.char.mod("%.0f", counts), "").tolist(), texttemplate="%{text}",
                hovertemplate="true %{y}<br>predicted %{x}<br>%{text} examples, %{z:.1%}<extra></extra>",
                zmin=0, zmax=most, colorscale=colours, showscale=False, **place,
            )  # fmt: skip
    # Once a column: on a phone the classes stand upright and leave no room above the next panel's title.
    fig.update_xaxes(title={"text": "predicted class", "standoff": 4}, row=places[-1]["row"])
    fig.update_yaxes(autorange="reversed")
    fig.update_yaxes(title_text="true class", col=1)
    return fig
