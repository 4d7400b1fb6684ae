"""Published numbers beside what our seeds give, as a forest plot; every part can use it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import ArrayLike

from study import figures
from study.verdicts import NOT_COMPARABLE, Judged, Kind, collapsed


def forest(judged: Sequence[Judged]) -> Figure:
    """Our seeds and their prediction interval relative to each published number, one row a number.

    Losses and counts as ratios to the published number on a logarithmic axis; where all are shares, as differences in
    points. Facts, published zeros and what is not comparable are left out. Collapsed trainings stand at the right edge
    of the axis, zeros of ours at the left edge of one of ratios. Raises ValueError if nothing is left to draw.
    """
    compared = [j for j in judged if j.kind is not Kind.FACT and j.verdict.status != NOT_COMPARABLE]
    drawn = [j for j in compared if j.values and j.published]
    if not drawn:
        raise ValueError(f"none of {len(judged)} published numbers has seeds to compare it with")
    points = all(j.kind is Kind.SHARE for j in drawn)
    fig, axis = figures.new(height_cm=2.4 + 0.46 * len(drawn))
    low, high = _range(drawn, points)
    for row, one in enumerate(drawn):
        _row(axis, row, one, points, (low, high))
    axis.axvline(0 if points else 1, color=figures.PALETTE["black"], lw=0.9, ls="--", zorder=1)
    axis.set_yticks(range(len(drawn)), [", ".join(filter(None, (j.model, j.quantity))) for j in drawn])
    axis.set(ylim=(len(drawn) - 0.4, -0.6), xlim=(low, high))
    axis.grid(axis="y", visible=False)
    if points:
        axis.set_xlabel("ours minus published, percentage points")
    else:
        axis.set(xscale="log", xlabel="ours ÷ published", xticks=_ticks(low, high))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    axis.text(1.01, 1.0, "published, verdict", transform=axis.transAxes, va="bottom", fontsize=7, style="italic")
    right = axis.secondary_yaxis("right")
    right.set_yticks(range(len(drawn)), [f"{j.show(j.published)}, {j.verdict.status}" for j in drawn])
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)
    _legend(fig, any(collapsed(j.values, j.kind) for j in drawn))
    return fig


def _ticks(low: float, high: float) -> list[float]:
    """Round ratios in a range; with a narrow one those close to 1 too."""
    decades = [round(digit * 10.0**power, 9) for power in range(-6, 7) for digit in (1, 2, 5)]
    near = [0.8, 0.9, 1.1, 1.25] if high / low < 5 else []
    return sorted(tick for tick in decades + near if low <= tick <= high)


def relative(values: ArrayLike, published: float, points: bool) -> np.ndarray:
    """Values as ratios to the published number, or as differences from it in percentage points."""
    values = np.asarray(values, dtype=float)
    return 100 * (values - published) if points else values / published


def _range(drawn: Sequence[Judged], points: bool) -> tuple[float, float]:
    """The axis that holds every published number, interval and training that did not collapse."""
    ends = [0.0 if points else 1.0]
    for one in drawn:
        failed = collapsed(one.values, one.kind)
        kept = [value for value in one.values if value not in failed]
        ends += relative([*kept, *(one.interval or ())], one.published, points).tolist()
    if not points:
        ends = [end for end in ends if end > 0]
    low, high = min(ends), max(ends)
    margin = 0.06 * (high - low) or 1.0
    return (low - margin, high + margin) if points else (low / 1.15, high * 1.15)


def _row(axis: Axes, row: int, one: Judged, points: bool, limits: tuple[float, float]) -> None:
    colour = figures.colour_of(one.model)
    if one.interval is not None:
        ends = relative(one.interval, one.published, points)
        axis.plot(ends, [row, row], "|-", color=figures.PALETTE["black"], lw=0.9, ms=6, mew=0.9, zorder=2)
    failed = collapsed(one.values, one.kind)
    kept = relative([value for value in one.values if value not in failed], one.published, points)
    zeros = 0 if points else int((kept <= 0).sum())
    kept = kept[kept > 0] if zeros else kept
    axis.plot(kept, np.full(len(kept), row), "o", ms=4, mew=0, alpha=0.6, color=colour, zorder=3)
    for place, marker, several in ((limits[1], ">", len(failed)), (limits[0], "<", zeros)):
        if several:
            axis.plot(place, row, marker, ms=5, mew=0, color=colour, zorder=3, clip_on=False)


def _legend(fig: Figure, some_collapsed: bool) -> None:
    grey, black = figures.PALETTE["grey"], figures.PALETTE["black"]
    shown = [
        Line2D([], [], color=grey, marker="o", ms=4, ls="none", label="a seed of ours"),
        Line2D([], [], color=black, marker="|", ms=6, lw=0.9, label="95% prediction interval for one more"),
        Line2D([], [], color=black, lw=0.9, ls="--", label="published"),
    ]
    if some_collapsed:
        shown.append(Line2D([], [], color=grey, marker=">", ms=5, ls="none", label="collapsed, beyond the axis"))
    fig.legend(handles=shown, ncols=2, loc="outside upper center")
