"""The figures of Part II: values in, a Matplotlib figure (or its interactive Plotly twin) out.

Series are tables with the columns `timestamp` and `value`; labelled windows are pairs of first and last timestamp.
Where seeds are drawn, the line is their median and the band their range, of five or more without the two outermost.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike

from study import figures
from study.anomaly import scoring
from study.anomaly.diagrams import ALARM, LABELLED
from study.anomaly.diagrams import layers as layers
from study.anomaly.diagrams import mask as mask
from study.anomaly.diagrams import scoring_sketch as scoring_sketch
from study.anomaly.series import DAY_ROWS
from study.anomaly.thresholds import PART_NAMES
from study.figures import PALETTE
from study.prose import count
from study.runs import Record

COUNTS = "tweets per 5 minutes"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
PARTS = {
    "train": ("loss", PART_NAMES["train"], PALETTE["blue"], "-"),
    "last": ("last", PART_NAMES["last"], PALETTE["vermillion"], "--"),
    "middle": ("middle", PART_NAMES["middle"], PALETTE["green"], "-."),
}
"""Of each part of the original's split: the column of a run's history with its loss, name, colour and line style."""

Windows = Sequence[tuple[Any, Any]]
"""First and last timestamp of each labelled window."""


def _hourly(tweets: pd.DataFrame) -> pd.DataFrame:
    """Lowest, mean and highest count of each hour that has one."""
    return tweets.set_index("timestamp").value.resample("1h").agg(["min", "mean", "max"]).dropna().round(1)


def _shade(axis: Axes, windows: Windows) -> None:
    for i, (first, last) in enumerate(windows):
        label = "labelled window" if i == 0 else None
        axis.axvspan(pd.Timestamp(first), pd.Timestamp(last), color=LABELLED, alpha=0.3, lw=0, zorder=0, label=label)


def _dates(axis: Axes, times: ArrayLike, most: int = 9) -> None:
    """At most about so many ticks for the span of these times; the year stands below."""
    first, last = pd.Timestamp(np.min(times)), pd.Timestamp(np.max(times))
    days = (last - first).days
    if 2 <= days <= 120:
        weeks = mdates.WeekdayLocator(mdates.MO, interval=1 + days // (7 * most))
        axis.xaxis.set_major_locator(weeks if days >= 21 else mdates.DayLocator(interval=1 + days // most))
        axis.xaxis.set_major_formatter(mdates.DateFormatter("%-d %b"))
    else:
        ticks = mdates.AutoDateLocator(maxticks=most)
        axis.xaxis.set_major_locator(ticks)
        axis.xaxis.set_major_formatter(mdates.ConciseDateFormatter(ticks, show_offset=False))
    axis.set_xlabel(str(first.year) if first.year == last.year else f"{first.year} to {last.year}")


def _count_axis(axis: Axes, top: float, step: int = 1) -> None:
    """A logarithmic axis for counts up to `top`, with 0 below 1; a tick every `step` powers of ten from 10."""
    top = 1.6 * max(top, 1)
    axis.set_yscale("symlog", linthresh=1, linscale=0.4)
    axis.set_ylim(0, top)
    axis.set_yticks([0, *(10**i for i in range(max(step - 1, 1), 9, step) if 10**i <= top)])
    figures.plain_ticks(axis.yaxis)


def series(tweets: pd.DataFrame, windows: Windows = ()) -> Figure:
    """A series by the hour, mean and range, on a logarithmic scale, labelled windows shaded."""
    fig, axis = figures.new(height_cm=4.6)
    hourly = _hourly(tweets)
    band = {"color": PALETTE["sky"], "lw": 0.5, "label": "range of the hour"}
    axis.fill_between(hourly.index, hourly["min"], hourly["max"], **band)
    axis.plot(hourly.index, hourly["mean"], lw=0.6, color=PALETTE["blue"], label="mean of the hour")
    _shade(axis, windows)
    _count_axis(axis, hourly["max"].max())
    axis.set(ylabel=COUNTS, xlim=(hourly.index[0], hourly.index[-1]))
    _dates(axis, hourly.index)
    fig.legend(ncols=4, loc="outside upper center")
    return fig


def series_interactive(tweets: pd.DataFrame, windows: Windows = ()) -> go.Figure:
    """The same for the screen, zoomable; counts of 0 are left out of its logarithmic scale."""
    fig, hourly = go.Figure(), _hourly(tweets)
    x = hourly.index.strftime("%Y-%m-%d %H:%M:%S").tolist()
    edge = {"width": 0.5, "color": PALETTE["sky"]}
    band = {"mode": "lines", "line": edge, "hoverinfo": "skip", "legendgroup": "range"}
    fig.add_scatter(x=x, y=hourly["min"].tolist(), name="lowest of the hour", showlegend=False, **band)
    fig.add_scatter(
        x=x, y=hourly["max"].tolist(), name="range of the hour", fill="tonexty",
        fillcolor=figures.see_through(PALETTE["sky"], 0.6), **band,
    )  # fmt: skip
    fig.add_scatter(
        x=x, y=hourly["mean"].tolist(), name="mean of the hour", line={"width": 1, "color": PALETTE["blue"]},
        customdata=hourly[["min", "max"]].to_numpy().tolist(),
        hovertemplate="%{x|%-d %B, %H:%M}: mean %{y:,.1f} "
        "(%{customdata[0]:,.0f} to %{customdata[1]:,.0f})<extra></extra>",
    )  # fmt: skip
    for i, (first, last) in enumerate(windows):
        fig.add_vrect(
            x0=str(pd.Timestamp(first)), x1=str(pd.Timestamp(last)), fillcolor=LABELLED, opacity=0.3, line_width=0,
            name="labelled window", showlegend=i == 0,
        )  # fmt: skip
    fig.update_layout(
        yaxis={"title": COUNTS, "type": "log", "dtick": 1, "tickformat": ",d"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}, height=380,
        margin={"l": 60, "r": 20, "t": 30, "b": 40},
        template="plotly_white",
    )  # fmt: skip
    return fig


def season(tweets: pd.DataFrame, windows: Windows = ()) -> Figure:
    """Months (mean and median), days (median), the clock (`_clock`) and the median by weekday and hour."""
    fig, axes = figures.new(height_cm=10, rows=2, cols=2, height_ratios=[1, 1.6])
    values = tweets.set_index("timestamp").value
    _months(axes[0, 0], values)
    daily = values.resample("1D").median()
    axes[0, 1].plot(daily.index, daily, marker=".", lw=0.8, color=PALETTE["blue"])
    axes[0, 1].set(title="Median by day")
    _shade(axes[0, 1], windows)
    _dates(axes[0, 1], daily.index, most=4)
    axes[0, 1].set_ylim(0, 1.1 * daily.max())
    _legend_above(axes[0, 1])
    for axis in axes[0]:
        axis.set_ylabel("tweets")
    place = axes[1, 0].get_subplotspec()
    axes[1, 0].remove()
    _clock(fig.add_subplot(place, projection="polar"), values)
    grid = values.groupby([values.index.day_of_week, values.index.hour]).median().unstack()
    image = axes[1, 1].imshow(grid, aspect="auto", cmap="cividis")
    axes[1, 1].set(title="Median by weekday and hour", xlabel="hour", xticks=range(0, 24, 6))
    axes[1, 1].set_yticks(range(len(grid)), [WEEKDAYS[day] for day in grid.index])
    axes[1, 1].grid(False)
    fig.colorbar(image, ax=axes[1, 1], label="tweets")
    return fig


def _legend_above(axis: Axes) -> None:
    """A legend beside the title, so that it covers no data."""
    axis.legend(loc="lower right", bbox_to_anchor=(1.02, 0.97), ncols=2, handlelength=1.4)


def _months(axis: Axes, values: pd.Series) -> None:
    months = values.groupby(values.index.to_period("M")).agg(["mean", "median", "count"])
    at = np.arange(len(months))
    axis.bar(at - 0.2, months["mean"], 0.38, color=PALETTE["blue"], label="mean")
    axis.bar(at + 0.2, months["median"], 0.38, color=PALETTE["sky"], hatch="///", ec="white", label="median")
    days = (months["count"] / DAY_ROWS).round().astype(int)
    axis.set_xticks(at, [f"{month.strftime('%b')}\n{count(n, 'day')}" for month, n in days.items()])
    axis.set(title="By month", ylim=(0, 1.1 * months["mean"].max()))
    _legend_above(axis)


def _clock(axis: Axes, values: pd.Series) -> None:
    """Counts around the clock, on a logarithmic radius: median and maximum of each hour."""
    angle, hours = np.linspace(0, 2 * np.pi, 25), values.groupby(values.index.hour)
    for name, found, colour, style in (
        ("median", hours.median(), PALETTE["blue"], "-"),
        ("maximum", hours.max(), PALETTE["vermillion"], ":"),
    ):
        around = found.reindex(range(24)).to_numpy()
        axis.plot(angle, np.append(around, around[0]), style, color=colour, label=name)
    axis.set_theta_zero_location("N")
    axis.set_theta_direction(-1)
    axis.set_xticks(angle[:-1:3], [f"{hour} h" for hour in range(0, 24, 3)])
    axis.set_rscale("symlog", linthresh=10)
    axis.set_yticks([10, 1_000])
    figures.plain_ticks(axis.yaxis)
    axis.set_rlabel_position(112)
    axis.set_title("Around the clock", pad=12)
    for label in axis.get_yticklabels():
        label.set(fontsize=7, path_effects=[withStroke(linewidth=2.5, foreground="white")])
    legend = axis.legend(loc="lower right", bbox_to_anchor=(0, -0.2), handlelength=1.4)
    legend.set_in_layout(False)  # it stands in the corner beside the circle


def reconstructions(inputs: ArrayLike, rebuilt: Mapping[str, ArrayLike], titles: Sequence[str]) -> Figure:
    """Windows (k, rows, 1) beside what each model makes of them, one panel a window; logarithmic, from 0 on.

    Raises ValueError for reconstructions of another shape, or another number of titles.
    """
    inputs, rebuilt = np.asarray(inputs), {name: np.asarray(windows) for name, windows in rebuilt.items()}
    if len(titles) != len(inputs):
        raise ValueError(f"one title a window: {len(titles)} titles for {len(inputs)} windows")
    fig, axes = figures.new(height_cm=4.4, cols=len(inputs), squeeze=False)
    minutes = 5 * np.arange(inputs.shape[1])
    for i, (axis, title) in enumerate(zip(axes[0], titles, strict=True)):
        window = inputs[i].ravel().astype(float)
        axis.fill_between(minutes, 0, window, color="#DDDDDD", lw=0)
        axis.plot(minutes, window, color=PALETTE["black"], lw=0.9, label="window")
        highest = window.max()
        for name, windows in rebuilt.items():
            if windows.shape != inputs.shape:
                raise ValueError(f"{name} rebuilt {windows.shape}, but the windows are {inputs.shape}")
            look, rows = figures.look_of(name), figures.four_digits(windows[i].ravel())
            highest = max(highest, *rows)
            axis.plot(minutes, rows, color=look.colour, ls=look.linestyle, lw=1.6, label=name)
            if max(rows) < AT_ZERO:  # a line on the axis is easily overlooked
                axis.text(minutes[-1] / 2, 0.4, f"{name}: 0", color=look.colour, fontsize=7, ha="center")
        _count_axis(axis, highest)
        axis.set_ylim(bottom=-0.15)  # a line at 0 stands clear of the frame
        axis.set(title=title, xlabel="minutes", xlim=(0, minutes[-1]))
    axes[0, 0].set_ylabel(COUNTS)
    shown = axes[0, 0].get_legend_handles_labels()
    fig.legend(*shown, ncols=min(1 + len(rebuilt), 5), columnspacing=1, loc="outside upper center")
    return fig


AT_ZERO = 0.1
"""Tweets in 5 minutes below which all of a reconstruction lies on the axis."""

_UNITS = tuple(zip((*figures.NO_MODEL, "grey", "brown"), "os^DvP", strict=True))
"""Colour and marker of a bottleneck's units."""
CELLS = 120
"""Of the points in one of CELLS × CELLS cells of a panel, one is drawn."""


def bottleneck(codes: Mapping[str, ArrayLike], levels: ArrayLike, marked: Mapping[str, int] | None = None) -> Figure:
    """What each unit of the bottleneck holds of the windows, against the windows' level (mean count), a panel a model.

    codes: (n, units) for each model; levels (n,); `marked` names rows to be pointed at.
    """
    levels = np.asarray(levels, dtype=float)
    fig, axes = _grid(len(codes))
    for axis, (name, values) in zip(axes.flat, codes.items(), strict=False):
        always = []
        for unit, held in enumerate(np.asarray(values, dtype=float).T):
            held, (colour, marker) = np.array(figures.four_digits(held)), _UNITS[unit % len(_UNITS)]
            rows = _apart(np.log1p(levels), held)
            look = {"ms": 2.4, "mew": 0, "alpha": 0.7, "color": PALETTE[colour], "ls": "none"}
            axis.plot(levels[rows], held[rows], marker, label=f"unit {unit + 1}", **look)
            if not np.ptp(held):
                always.append(f"unit {unit + 1}: always {held[0]:g}")
        for text, row in (marked or {}).items():
            place = {"transform": axis.get_xaxis_transform(), "ha": "center", "va": "bottom"}
            axis.axvline(levels[row], color=PALETTE["black"], lw=0.8, ls=":")
            axis.text(levels[row], 1.01, text, fontsize=7, **place)
        axis.set_xscale("symlog", linthresh=1, linscale=0.4)
        axis.set_xticks([0, *(10**i for i in range(9) if 10**i <= levels.max())])
        axis.set_xlim(0.7 * levels.min(), 1.4 * levels.max())
        figures.plain_ticks(axis.xaxis)
        axis.set_title(name, pad=12)
        axis.margins(y=0.1)
        if always:  # above all points
            low, high = axis.get_ylim()
            axis.set_ylim(low, high + (0.1 + 0.12 * len(always)) * (high - low))
            white = {"facecolor": "white", "lw": 0, "pad": 1}
            axis.text(0.04, 0.97, "\n".join(always), transform=axis.transAxes, va="top", fontsize=7, bbox=white)
    axes[0, 0].set_ylabel("value in the bottleneck")
    fig.supxlabel(f"mean of the window ({COUNTS})", fontsize=8)
    widest = max(axes.flat, key=lambda axis: len(axis.get_legend_handles_labels()[0]))
    fig.legend(*widest.get_legend_handles_labels(), loc="outside upper center", ncols=6, markerscale=2.5)
    return fig


def _apart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of the points in each cell of a grid over all of them, the first one's row."""
    grid = [np.floor(CELLS * (v - v.min()) / max(np.ptp(v), 1e-12)).astype(int) for v in (x, y)]
    return np.unique(grid[0] * (CELLS + 2) + grid[1], return_index=True)[1]


def _courses(runs: Sequence[Any], part: str) -> np.ndarray:
    """The losses on a part: (seeds, epochs). Raises ValueError for runs of different lengths."""
    records = [getattr(run, "record", run) for run in runs]
    found = [np.asarray(record.arrays[f"history_{PARTS[part][0]}"], dtype=float) for record in records]
    if len({len(one) for one in found}) > 1:
        raise ValueError(f"runs of {', '.join(str(len(one)) for one in found)} epochs have no common median")
    return np.stack(found)


def _spread(courses: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lowest, median and highest of (seeds, epochs) in each epoch; of five seeds or more the two outermost left out.

    One training that fails would otherwise widen the band as if any of them could end there.
    """
    ordered = np.sort(courses, axis=0)
    inner = ordered[1:-1] if len(ordered) >= 5 else ordered
    return inner[0], np.median(courses, axis=0), inner[-1]


def _outermost(courses: np.ndarray) -> np.ndarray:
    """The runs that end lowest and highest, of five seeds or more: (2 or 0, epochs)."""
    return courses[np.argsort(courses[:, -1], kind="stable")[[0, -1]]] if len(courses) >= 5 else courses[:0]


def _band_legend(fitted: Mapping[str, Sequence[Any]]) -> Patch:
    seeds = max(map(len, fitted.values()))
    within = f"{seeds - 2} of {seeds} seeds" if seeds >= 5 else "all seeds"
    return Patch(color=PALETTE["grey"], alpha=0.3, lw=0, label=f"band: {within}")


def _grid(panels: int, most: int = 4, legend_cm: float = 1.2, **subplots: Any) -> tuple[Figure, np.ndarray]:
    """A figure with `most` panels a row, as high as the rows and a legend; panels that are too many are empty."""
    cols = min(panels, most)
    rows = -(-panels // cols)
    fig, axes = figures.new(height_cm=4 * rows + legend_cm, rows=rows, cols=cols, squeeze=False, **subplots)
    for axis in axes.flat[panels:]:
        axis.set_axis_off()
    return fig, axes


def _epoch_axis(axis: Axes, epochs: int) -> None:
    axis.set(xlim=(0.8, epochs + 0.2), xticks=range(1, epochs + 1, max(1, round(epochs / 8))), xlabel="epoch")


def losses(fitted: Mapping[str, Sequence[Any]], own: Mapping[str, pd.DataFrame] | None = None) -> Figure:
    """Loss per epoch on the three parts of the split, a panel a model: the seeds' median and range, a constant's loss.

    fitted: the runs or records of each model; `own`: another run's history for some of them, a row an epoch.
    """
    fig, axes = _grid(len(fitted), legend_cm=1.6, sharex=True, sharey=True)
    epochs = 0
    for axis, (name, runs) in zip(axes.flat, fitted.items(), strict=False):
        for part, (column, title, colour, style) in PARTS.items():
            courses = _courses(runs, part)
            low, middle, high = _spread(courses)
            epoch = np.arange(1, len(middle) + 1)
            axis.fill_between(epoch, low, high, color=colour, alpha=0.2, lw=0)
            axis.plot(epoch, middle, color=colour, ls=style, label=title)
            for course in _outermost(courses):
                axis.plot(epoch, course, color=colour, ls=style, lw=0.5)
            axis.axhline(runs[0].metrics["constant_loss"][part], color=colour, lw=1, ls=":")
            epochs = max(epochs, len(epoch))
            if own and name in own:
                y = own[name][column]
                axis.plot(np.arange(1, len(y) + 1), y, "o", ms=3.4, mfc="white", mec=colour, mew=1)
                epochs = max(epochs, len(y))
        axis.set(title=name, yscale="log")
        figures.plain_ticks(axis.yaxis)
    for axis in axes[-1]:
        _epoch_axis(axis, epochs)
    for axis in axes[:, 0]:
        axis.set_ylabel("MSE, scaled counts")
    handles, _ = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles=[*handles, *_loss_legend(fitted, own)], ncols=3, loc="outside upper center")
    return fig


def _loss_legend(fitted: Mapping[str, Sequence[Any]], own: Mapping[str, pd.DataFrame] | None) -> list:
    grey = PALETTE["grey"]
    shown = [_band_legend(fitted), Line2D([], [], color=grey, lw=1, ls=":", label="loss of a constant")]
    if any(len(runs) >= 5 for runs in fitted.values()):
        shown.append(Line2D([], [], color=grey, lw=0.5, label="seeds that end lowest, highest"))
    if own:
        shown.append(Line2D([], [], color=grey, marker="o", mfc="white", ls="none", label="this notebook's run"))
    return shown


def losses_interactive(fitted: Mapping[str, Sequence[Any]], own: Mapping[str, pd.DataFrame] | None = None) -> go.Figure:
    """The same for the screen."""
    fig, places = figures.panels(list(fitted), "all")
    for i, (place, (name, runs)) in enumerate(zip(places, fitted.items(), strict=True)):
        for part, (column, title, colour, style) in PARTS.items():
            dash = {"-": "solid", "--": "dash", "-.": "dashdot"}[style]
            courses = _courses(runs, part)
            low, middle, high = map(figures.four_digits, _spread(courses))
            epoch = list(range(1, len(middle) + 1))
            quiet = {"x": epoch, "mode": "lines", "legendgroup": part, "showlegend": False, **place}
            figures.band(fig, low, high, title, colour, **quiet)
            thin = {"line": {"color": colour, "width": 0.6, "dash": dash}, **quiet}
            at = f"{title}, epoch %{{x}}: "
            for course in map(figures.four_digits, _outermost(courses)):
                words = at + "%{y:.3g}, an outer seed<extra></extra>"
                fig.add_scatter(y=course, name=f"{title}: an outer seed", hovertemplate=words, **thin)
            fig.add_scatter(
                y=middle, name=title, line={"color": colour, "width": 1.6, "dash": dash},
                customdata=[list(ends) for ends in zip(low, high, strict=True)],
                hovertemplate=at + "median %{y:.3g} (%{customdata[0]:.3g} to %{customdata[1]:.3g})<extra></extra>",
                **quiet | {"showlegend": i == 0},
            )  # fmt: skip
            if own and name in own:
                y = figures.four_digits(own[name][column])
                marker = {"color": colour, "symbol": "circle-open", "size": 7}
                dots = {"mode": "markers", "marker": marker, "x": list(range(1, len(y) + 1))}
                dots["name"] = f"{title}: this notebook's run"
                dots["hovertemplate"] = at + "%{y:.3g}, this notebook's run<extra></extra>"
                fig.add_scatter(y=y, **quiet | dots)
            constant = {"color": colour, "width": 1, "dash": "dot"}
            fig.add_hline(runs[0].metrics["constant_loss"][part], line=constant, **place)
    for shown in _loss_legend(fitted, own):
        filled = isinstance(shown, Patch)
        dots = not filled and shown.get_marker() == "o"
        line = {"color": PALETTE["grey"], "width": 9 if filled else 1}
        line |= {"dash": "dot"} if not filled and shown.get_linestyle() == ":" else {}
        fig.add_scatter(
            x=[None], y=[None], name=shown.get_label(), mode="markers" if dots else "lines", line=line,
            opacity=0.4 if filled else 1,
            marker={"color": PALETTE["grey"], "symbol": "circle-open", "size": 7},
        )  # fmt: skip
    figures.epoch_axes(fig)
    fig.update_yaxes(type="log", exponentformat="power", dtick=1)
    fig.update_yaxes(title_text="MSE, scaled counts", col=1)
    figures.legend_below(fig, 70)
    return fig


def r2_per_epoch(fitted: Mapping[str, Sequence[Any]]) -> Figure:
    """R² per epoch, a panel a part of the split: the seeds' median and range of each model.

    R² = 1 - loss / variance of the part, as given in the runs' metrics. Values below -1 lie below the frame.
    """
    fig, axes = figures.new(height_cm=4.8, cols=len(PARTS), sharey=True)
    for axis, (part, (_, title, _, _)) in zip(axes, PARTS.items(), strict=True):
        for name, runs in fitted.items():
            variance = runs[0].metrics["variance"][part]
            low, middle, high = _spread(1 - _courses(runs, part) / variance)
            epoch, look = np.arange(1, len(middle) + 1), figures.look_of(name)
            axis.fill_between(epoch, low, high, color=look.colour, alpha=0.2, lw=0)
            axis.plot(epoch, middle, color=look.colour, ls=look.linestyle, marker=look.marker, ms=3, label=name)
        axis.axhline(0, color=PALETTE["black"], lw=0.9, ls=":", label="mean of the part")
        axis.set(title=title.capitalize(), ylim=(-1.05, 1.05))
        _epoch_axis(axis, max(_courses(runs, part).shape[1] for runs in fitted.values()))
    axes[0].set_ylabel("R²")
    handles, _ = axes[0].get_legend_handles_labels()
    fig.legend(handles=[*handles, _band_legend(fitted)], ncols=3, loc="outside upper center")
    return fig


def detections(tweets: pd.DataFrame, errors: Mapping[str, ArrayLike], thresholds: Mapping[str, float]) -> Figure:
    """Errors of the windows of a series below the counts, a line a model, each over its own threshold; flagged marked.

    errors: (windows,) for each model; the last window ends at the last row of `tweets`, the others at the rows before.
    Raises ValueError for more windows than rows.
    """
    fig, (upper, lower) = figures.new(height_cm=5.4, rows=2, sharex=True, gridspec_kw={"height_ratios": [1, 1.6]})
    upper.plot(tweets.timestamp, tweets.value, color=PALETTE["grey"], lw=0.8)
    _count_axis(upper, tweets.value.max(), step=2)
    upper.set_ylabel("tweets")
    for name, found in errors.items():
        relative = np.asarray(found, dtype=float) / thresholds[name]
        if len(relative) > len(tweets):
            raise ValueError(
                f"{name}: errors of {len(relative)} windows, but only {len(tweets)} rows for them to end at"
            )
        times, flagged, look = tweets.timestamp.to_numpy()[-len(relative) :], relative > 1, figures.look_of(name)
        label = f"{name}: {flagged.sum():,} flagged"
        lower.plot(times, relative, color=look.colour, ls=look.linestyle, lw=1, label=label)
        lower.plot(times[flagged], relative[flagged], "o", ms=2, color=ALARM, mew=0, zorder=3)
    lower.axhline(1, color=PALETTE["black"], lw=0.8, ls=":", label="threshold")
    lower.plot([], [], "o", ms=2, color=ALARM, ls="none", label="flagged window")
    lower.set(yscale="log", ylabel="error ÷\nthreshold")
    figures.plain_ticks(lower.yaxis)
    _dates(lower, tweets.timestamp)
    fig.legend(ncols=3, loc="outside upper center")
    return fig


def matrices(board: pd.DataFrame) -> dict[str, np.ndarray]:
    """The confusion matrices in a leaderboard indexed by model: rows true, columns predicted; normal, then anomaly."""
    cells = board[[f"unpaused_{cell}" for cell in ("tn", "fp", "fn", "tp")]]
    return {name: row.reshape(2, 2) for name, row in zip(board.index, cells.to_numpy(), strict=True)}


def confusion(found: Mapping[str, ArrayLike]) -> Figure:
    """Confusion matrices side by side, rows true, columns predicted: counts and shares of the true class."""
    classes = ("normal", "anomaly")
    fig, axes = _grid(len(found), most=6, legend_cm=0)
    for axis, (name, matrix) in zip(axes.flat, found.items(), strict=False):
        counts = np.asarray(matrix, dtype=float)
        share = counts / counts.sum(axis=1, keepdims=True)
        text = [[f"{n:,.0f}\n{s:.1%}" for n, s in zip(*row, strict=True)] for row in zip(counts, share, strict=True)]
        figures.confusion(axis, share, text, classes, 1.0, axis in axes[:, 0])
        axis.set_title(name, fontsize=8)
        axis.tick_params(labelsize=7)
        axis.tick_params(axis="y", labelrotation=90)
    return fig


def alarms(tweets: pd.DataFrame, windows: Windows, detectors: Mapping[str, Record]) -> Figure:
    """Score over threshold along a series, a row a detector, with its alarms in and outside the labelled windows.

    detectors: records of the streaming protocol by name, judged without a pause after an alarm.
    Of the scores the highest of each hour is drawn, of the alarms those after the probation. The scores are grey, so
    that blue and red are those of the alarms alone.
    Raises ValueError for scores of another number than the rows, or a threshold that is not above 0.
    """
    relative = {}
    for name, record in detectors.items():
        scores, threshold = record.arrays["scores"], record.metrics["unpaused"]["rules"]["nab"]["threshold"]
        if len(scores) != len(tweets) or not threshold > 0:
            raise ValueError(
                f"{name}: one score a row and a threshold above 0 expected, got {len(scores)} scores for "
                f"{len(tweets)} rows and threshold {threshold}"
            )
        relative[name] = pd.Series(scores / threshold, index=tweets.timestamp)
    fig, axes = figures.new(height_cm=1.9 + 2 * len(detectors), rows=len(detectors), sharex=True, squeeze=False)
    start, times = scoring.probation_rows(len(tweets)), tweets.timestamp
    labels = np.any([times.between(pd.Timestamp(first), pd.Timestamp(last)) for first, last in windows], axis=0)
    mark = {"marker": "|", "ms": 9, "mew": 1.5, "ls": "none"}
    # The alarms stand above the highest score.
    top = 500 * max(1, *(one.iloc[start:].max() for one in relative.values()))
    for axis, (name, record) in zip(axes[:, 0], detectors.items(), strict=True):
        hourly = relative[name].iloc[start:].resample("1h").max().dropna().clip(lower=0.01)
        axis.plot(hourly.index, hourly, lw=0.7, color=PALETTE["grey"])
        axis.axhline(1, color=PALETTE["black"], lw=0.8, ls="--")
        rows = record.arrays["unpaused_alarm_rows"]
        rows = rows[rows >= start]
        for inside, height, colour in ((True, 0.9, PALETTE["blue"]), (False, 0.68, ALARM)):
            at = times.to_numpy()[rows[labels[rows] == inside]]
            axis.plot(at, np.full(len(at), height), color=colour, transform=axis.get_xaxis_transform(), **mark)
        _shade(axis, windows)
        axis.axvspan(times.iloc[0], times.iloc[start], color="#EEEEEE", lw=0, zorder=0)
        axis.set(yscale="log", ylim=(0.01, top), yticks=(0.01, 1, 100))
        axis.set_title(name, fontsize=8, pad=2)
        figures.plain_ticks(axis.yaxis)
    axes[-1, 0].set_xlim(times.iloc[0], times.iloc[-1])
    _dates(axes[-1, 0], times)
    fig.supylabel("score ÷ threshold", fontsize=8)
    shown = [
        Line2D([], [], color=PALETTE["grey"], lw=1, label="score, highest of the hour"),
        Line2D([], [], color=PALETTE["black"], lw=0.8, ls="--", label="threshold"),
        Patch(color=LABELLED, alpha=0.3, lw=0, label="labelled window"),
        Line2D([], [], color=PALETTE["blue"], label="alarm in a window (upper)", **mark),
        Line2D([], [], color=ALARM, label="false alarm (lower)", **mark),
        Patch(color="#EEEEEE", lw=0, label="probation, not scored"),
    ]
    fig.legend(handles=shown, ncols=3, loc="outside upper center")
    return fig


WINDOWS = 4
"""Labelled windows of the judged series: the highest NAB score, and what silence costs."""
LOWEST = -6
"""The NAB score at which the axis of the leaderboard begins."""


def leaderboard(board: pd.DataFrame) -> Figure:
    """NAB's standard score without and with a pause after an alarm, a row a detector, in the order of the board.

    board: indexed by model, with `kind` and, for c in unpaused and paused, `c_nab`, `c_nab_low`, `c_nab_high` (range
    over seeds). NAB's own detectors, kind "published", are grey and called so. Scores and ends of bands below LOWEST
    are arrows at the edge; their numbers stand beside the axis.
    """
    fig, axis = figures.new(height_cm=2.6 + 0.32 * len(board))
    lowest = max(LOWEST, board[["unpaused_nab_low", "paused_nab_low"]].min(axis=None))
    grey = PALETTE["grey"]
    for y, (name, row) in enumerate(board.iterrows()):
        colour = grey if row.kind == "published" else figures.colour_of(name)
        scores, ends = ([row[f"{c}_nab{end}"] for c in ("unpaused", "paused")] for end in ("", "_low"))
        axis.plot(np.maximum(scores, lowest), [y, y], color=colour, lw=0.8, zorder=2)
        highest = (row.unpaused_nab_high, row.paused_nab_high)
        # The dot lies on a wider ring, so that both are seen where the two scores are equal.
        marks = ((colour, 4, 4), ("white", 6.5, 3))
        for score, low, high, (fill, size, level) in zip(scores, ends, highest, marks, strict=True):
            axis.plot(np.maximum([low, high], lowest), [y, y], color=colour, lw=4, alpha=0.35, solid_capstyle="butt")
            look = {"ms": size, "mec": colour, "mfc": fill, "zorder": level, "clip_on": False}
            axis.plot(max(score, lowest), y, "o" if score >= lowest else "<", **look)
        beyond = [f"{score:.1f}" for score in scores if score < lowest]
        if min(ends) < lowest and not beyond:  # a band alone is cut: an arrow says so
            axis.plot(lowest, y, "<", ms=5, mew=0, color=colour, alpha=0.6, clip_on=False)
        if min(ends) < min(lowest, *scores) - 0.05:
            beyond.append(f"band to {min(ends):.1f}")
        if beyond:
            words = ", ".join(beyond).replace("-", "\N{MINUS SIGN}")
            axis.text(1.01, y, words, va="center", fontsize=7, transform=axis.get_yaxis_transform())
    for value in (-WINDOWS, WINDOWS):
        axis.axvline(value, color=PALETTE["black"], lw=0.9, ls="--", zorder=1)
    labels = [f"NAB: {name}" if kind == "published" else name for name, kind in board.kind.items()]
    axis.set_yticks(range(len(board)), labels)
    for label, kind in zip(axis.get_yticklabels(), board.kind, strict=True):
        label.set_color("#555555" if kind == "published" else "black")
        label.set_weight("bold" if kind in ("ours", "yours") else "normal")
    axis.set(xlim=(lowest - 0.3, WINDOWS + 0.3), ylim=(len(board) - 0.4, -0.6))
    axis.set_xlabel(f"NAB standard score (at most {WINDOWS})")
    axis.grid(axis="y", visible=False)
    to_nab, back = lambda x: 50 * (x + WINDOWS) / WINDOWS, lambda x: x * WINDOWS / 50 - WINDOWS
    scale = axis.secondary_xaxis("top", functions=(to_nab, back))
    scale.set_xlabel("on NAB's scale")
    scale.set_xticks([0, 25, 50, 75, 100], ["0: silent", "25", "50", "75", "100: perfect"])
    shown = [
        Line2D([], [], color=grey, marker="o", ms=4, ls="none", label="without a pause"),
        Line2D([], [], color=grey, marker="o", ms=6.5, mfc="white", ls="none", label="with a pause"),
        Patch(color=grey, alpha=0.35, lw=0, label="range over seeds"),
        Line2D([], [], color=PALETTE["black"], lw=0.9, ls="--", label="silent, perfect"),
    ]
    fig.legend(handles=shown, ncols=4, loc="outside upper center")
    return fig
