"""Published numbers beside what our seeds give, as a forest plot; every part can use it."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from study import figures
from study.verdicts import NOT_COMPARABLE, Judged, Kind, collapsed


def forest(judged: Sequence[Judged]) -> Figure:
    """Our seeds and their prediction interval as ratios to each published number, one row a number, logarithmic.

    Facts, published zeros and what is not comparable are left out. Collapsed trainings stand at the right edge of the
    axis, zeros of ours at the left. Raises ValueError if nothing is left to draw.
    """
    compared = [j for j in judged if j.kind is not Kind.FACT and j.verdict.status != NOT_COMPARABLE]
    drawn = [j for j in compared if j.values and j.published]
    if not drawn:
        raise ValueError(f"none of {len(judged)} published numbers has seeds to compare it with")
    fig, axis = figures.new(height_cm=2.4 + 0.46 * len(drawn))
    low, high = _range(drawn)
    for row, one in enumerate(drawn):
        _row(axis, row, one, (low, high))
    axis.axvline(1, color=figures.PALETTE["black"], lw=0.9, ls="--", zorder=1)
    axis.set_yticks(range(len(drawn)), [", ".join(filter(None, (j.model, j.quantity))) for j in drawn])
    axis.set(ylim=(len(drawn) - 0.4, -0.6), xlim=(low, high))
    axis.grid(axis="y", visible=False)
    axis.set(xscale="log", xlabel="ours ÷ published", xticks=_ticks(low, high))
    figures.plain_ticks(axis.xaxis)
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


def _range(drawn: Sequence[Judged]) -> tuple[float, float]:
    """The axis that holds every published number, interval and training that did not collapse."""
    ends = [1.0]
    for one in drawn:
        failed = collapsed(one.values, one.kind)
        kept = [value for value in one.values if value not in failed]
        ends += [end / one.published for end in (*kept, *(one.interval or ())) if end > 0]
    return min(ends) / 1.15, max(ends) * 1.15


def _row(axis: Axes, row: int, one: Judged, limits: tuple[float, float]) -> None:
    colour = figures.colour_of(one.model)
    if one.interval is not None:
        ends = [end / one.published for end in one.interval]
        axis.plot(ends, [row, row], "|-", color=figures.PALETTE["black"], lw=0.9, ms=6, mew=0.9, zorder=2)
    failed = collapsed(one.values, one.kind)
    kept = [value / one.published for value in one.values if value not in failed]
    above = [ratio for ratio in kept if ratio > 0]
    axis.plot(above, [row] * len(above), "o", ms=4, mew=0, alpha=0.6, color=colour, zorder=3)
    for place, marker, several in ((limits[1], ">", len(failed)), (limits[0], "<", len(kept) - len(above))):
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
