"""The figures of Part II: values in, a Matplotlib figure (or its interactive Plotly twin) out."""

from collections.abc import Mapping, Sequence

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from study import figures
from study.anomaly.analysis import Rule, errors_of
from study.anomaly.recipes import parts
from study.anomaly.scoring import probation_rows
from study.anomaly.series import STEP, WINDOW
from study.runs import Record

LABELLED = figures.PALETTE["orange"]
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
PART_COLOURS = {
    "train": figures.PALETTE["blue"],
    "middle": figures.PALETTE["green"],
    "last": figures.PALETTE["vermillion"],
}
PART_NAMES = {
    "train": "training (first 70%)",
    "middle": "“testing” (middle 15%)",
    "last": "“validation” (last 15%)",
}


def hours(dataset: Record) -> np.ndarray:
    """Start of every full hour of the series, datetime64[s]."""
    return dataset.arrays["hourly_time"].astype("datetime64[s]")


def times(dataset: Record, rows: np.ndarray) -> np.ndarray:
    """Timestamps of rows, from the first one and the fixed step."""
    return np.datetime64(dataset.metrics["first"]) + np.asarray(rows) * np.timedelta64(STEP)


def _dates(axis) -> None:
    axis.xaxis.set_major_locator(mdates.WeekdayLocator(byweekday=mdates.MO, interval=1))
    axis.xaxis.set_major_formatter(mdates.DateFormatter("%-d %b"))


def _shade(axis, dataset: Record) -> None:
    for i, (first, last) in enumerate(dataset.metrics["windows"]):
        a, b = times(dataset, np.array([first, last]))
        axis.axvspan(a, b, color=LABELLED, alpha=0.3, lw=0, label="labelled window" if i == 0 else None)


def series(dataset: Record) -> Figure:
    """The series as hourly maxima and means, labelled windows shaded, the parts of the original's split marked."""
    fig, axis = figures.new(height_cm=7)
    t = hours(dataset)
    axis.plot(t, dataset.arrays["hourly_max"], lw=0.6, color=figures.PALETTE["blue"], label="hourly maximum")
    axis.plot(t, dataset.arrays["hourly_mean"], lw=0.6, color=figures.PALETTE["black"], label="hourly mean")
    _shade(axis, dataset)
    for part in list(parts(dataset.metrics["rows"]).values())[1:]:
        axis.axvline(times(dataset, np.array([part.start]))[0], color=figures.PALETTE["grey"], lw=0.8, ls="--")
    axis.set_yscale("log")
    axis.set(ylabel="tweets per 5 minutes", xlabel="2015")
    axis.legend(ncols=3, loc="upper left", bbox_to_anchor=(0, 1.14))
    _dates(axis)
    return fig


def series_interactive(dataset: Record) -> go.Figure:
    """The same for the screen, zoomable; grey for black, which a dark page would swallow."""
    t = hours(dataset)
    fig = go.Figure()
    for key, name, colour in (
        ("hourly_max", "hourly maximum", figures.PALETTE["blue"]),
        ("hourly_mean", "hourly mean", figures.PALETTE["grey"]),
    ):
        y = np.round(dataset.arrays[key].astype(float), 1).tolist()
        fig.add_scatter(x=t.astype(str).tolist(), y=y, name=name, line={"width": 1, "color": colour})
    for first, last in dataset.metrics["windows"]:
        a, b = times(dataset, np.array([first, last])).astype("datetime64[s]").astype(str)
        fig.add_vrect(x0=a, x1=b, fillcolor=LABELLED, opacity=0.3, line_width=0)
    for part in list(parts(dataset.metrics["rows"]).values())[1:]:
        start = str(times(dataset, np.array([part.start]))[0].astype("datetime64[s]"))
        fig.add_vline(start, line={"color": figures.PALETTE["grey"], "width": 1.2, "dash": "dash"})
    fig.update_layout(
        yaxis={"title": "tweets per 5 minutes", "type": "log"}, legend={"orientation": "h", "y": 1.1},
        height=380, margin={"l": 60, "r": 20, "t": 40, "b": 40}, template="plotly_white",
    )  # fmt: skip
    return fig


def season(dataset: Record) -> Figure:
    """Months (mean and median), days (median with running week) and the median by weekday and hour."""
    fig, axes = figures.new(height_cm=8.8, rows=2, cols=2)
    months = pd.DataFrame(dataset.metrics["months"])
    at = np.arange(len(months))
    left = axes[0, 0]
    left.bar(at - 0.2, months["mean"], 0.38, color=figures.PALETTE["blue"], label="mean")
    left.bar(at + 0.2, months["median"], 0.38, color=figures.PALETTE["sky"], label="median")
    left.set_xticks(at, months["month"])
    left.set(title="By month", ylabel="tweets per 5 minutes")
    left.legend()
    days = dataset.arrays["daily_median_day"].astype("datetime64[s]")
    right = axes[0, 1]
    right.plot(days, dataset.arrays["daily_median"], marker=".", lw=0.7, color=figures.PALETTE["blue"])
    right.set(title="Median of each day", ylabel="tweets per 5 minutes")
    right.xaxis.set_major_locator(mdates.WeekdayLocator(byweekday=mdates.MO, interval=2))
    right.xaxis.set_major_formatter(mdates.DateFormatter("%-d %b"))
    _shade(right, dataset)
    lower = axes[1, 0]
    hour = np.arange(24)
    lower.fill_between(
        hour, dataset.arrays["hour_q25"], dataset.arrays["hour_q75"],
        color=figures.PALETTE["sky"], alpha=0.5, label="quartiles",
    )  # fmt: skip
    lower.plot(hour, dataset.arrays["hour_median"], color=figures.PALETTE["blue"], label="median")
    lower.set(title="By hour of the day", xlabel="hour", ylabel="tweets per 5 minutes", ylim=(0, None))
    lower.legend(loc="upper left")
    grid = axes[1, 1]
    image = grid.imshow(dataset.arrays["grid"], aspect="auto", cmap="cividis")
    grid.set(title="Median by weekday and hour", xlabel="hour")
    grid.set_yticks(range(7), WEEKDAYS)
    grid.grid(False)
    fig.colorbar(image, ax=grid, label="tweets per 5 minutes")
    return fig


def polar(dataset: Record) -> Figure:
    """Counts around the clock: median, 99th percentile and maximum of each hour, on a logarithmic radius."""
    fig, axis = figures.new(height_cm=7.5, subplot_kw={"projection": "polar"})
    angle = np.linspace(0, 2 * np.pi, 25)
    for key, name, colour, style in _POLAR:
        axis.plot(angle, _closed(dataset.arrays[key]), style, color=colour, label=name)
    axis.set_theta_zero_location("N")
    axis.set_theta_direction(-1)
    axis.set_xticks(angle[:-1:3], [f"{h} h" for h in range(0, 24, 3)])
    axis.set_rscale("symlog", linthresh=10)
    axis.set_rlabel_position(52)
    axis.tick_params(axis="y", labelsize=6.5, labelcolor="#555555")
    axis.legend(loc="upper left", bbox_to_anchor=(1.1, 1.0), title="tweets per 5 minutes")
    return fig


def polar_interactive(dataset: Record) -> go.Figure:
    """The same for the screen."""
    fig = go.Figure()
    for key, name, colour, style in _POLAR:
        fig.add_scatterpolar(
            r=_closed(dataset.arrays[key]).tolist(), theta=[15 * h for h in range(25)], mode="lines", name=name,
            line={"color": colour, "dash": {"-": "solid", "--": "dash", ":": "dot"}[style]},
            text=[f"{h % 24} h" for h in range(25)], hovertemplate="%{text}: %{r:.0f} tweets per 5 minutes",
        )  # fmt: skip
    ticks = list(range(0, 24, 3))
    fig.update_layout(
        polar={
            "radialaxis": {"type": "log", "range": [1, 4.3], "angle": 100},
            "angularaxis": {
                "direction": "clockwise", "rotation": 90, "tickvals": [15 * h for h in ticks],
                "ticktext": [f"{h} h" for h in ticks],
            },
        },
        height=460, margin={"l": 40, "r": 40, "t": 30, "b": 30}, template="plotly_white",
    )  # fmt: skip
    return fig


_POLAR = (
    ("hour_median", "median", figures.PALETTE["blue"], "-"),
    ("hour_q99", "99th percentile", figures.PALETTE["orange"], "--"),
    ("hour_max", "maximum", figures.PALETTE["vermillion"], ":"),
)


def _closed(values: np.ndarray) -> np.ndarray:
    return np.append(values, values[0])


def layers(models: Mapping[str, object]) -> Figure:
    """One row a Keras model: a box per layer with its kind, activation, output shape and parameters.

    The boxes come from the models themselves; the width of a box follows the number of values that the layer puts out.
    """
    fig, axes = figures.new(height_cm=2.3 * len(models), rows=len(models), squeeze=False)
    for axis, (name, model) in zip(axes[:, 0], models.items(), strict=True):
        axis.set_axis_off()
        axis.set(xlim=(-0.02, 1.02), ylim=(0, 1))
        axis.set_title(f"{name}: {model.count_params():,} parameters", color=figures.colour_of(name))
        count = len(model.layers) + 1
        width = 0.8 / count
        centres = np.linspace(width / 2, 1 - width / 2, count)
        texts = [f"Input\n\n{WINDOW}×1"] + [_layer_text(layer) for layer in model.layers]
        for centre, text in zip(centres, texts, strict=True):
            narrow = text.startswith("*")
            axis.add_patch(
                FancyBboxPatch(
                    (centre - width / 2, 0.08), width, 0.8, boxstyle="round,pad=0,rounding_size=0.01",
                    facecolor="#FFF3D6" if narrow else "#EAF2F8", edgecolor=figures.colour_of(name), lw=0.9,
                    mutation_aspect=4,
                )
            )  # fmt: skip
            axis.text(centre, 0.48, text.lstrip("*"), ha="center", va="center", fontsize=5.6, linespacing=1.25)
        for a, b in zip(centres, centres[1:], strict=False):
            axis.add_patch(
                FancyArrowPatch(
                    (a + width / 2, 0.48), (b - width / 2, 0.48), arrowstyle="-|>", mutation_scale=5, lw=0.6
                )
            )
    return fig


def _layer_text(layer: object) -> str:
    """Kind, activation, output shape and parameters of a layer; an asterisk in front marks the bottleneck."""
    kind = (
        type(layer).__name__.replace("TimeDistributed", "Time\nDistributed").replace("RepeatVector", "Repeat\nVector")
    )
    activation = getattr(getattr(layer, "activation", None), "__name__", "")
    shape = "×".join(str(size) for size in layer.output.shape[1:])
    mark = "*" if layer.name == "bottleneck" else ""
    weights = f"\n{layer.count_params():,}" if layer.count_params() else ""
    return f"{mark}{kind}\n{activation}\n{shape}{weights}"


_LOSSES = {"train": "loss", "middle": "middle", "last": "last"}  # of the parts, in a run's history


def losses(records: Mapping[str, Sequence[Record]]) -> Figure:
    """Loss per epoch on the three parts of the split: one panel a model, one line a seed; dotted, a constant's."""
    fig, axes = figures.new(height_cm=10, rows=2, cols=2, sharex=True, sharey=True)
    for axis, (name, runs) in zip(axes.flat, records.items(), strict=True):
        for part, key in _LOSSES.items():
            for i, run in enumerate(runs):
                history = run.arrays[f"history_{key}"]
                label = PART_NAMES[part] if i == 0 else None
                axis.plot(
                    np.arange(1, len(history) + 1), history, color=PART_COLOURS[part], lw=1, alpha=0.8, label=label
                )
            axis.axhline(runs[0].metrics["constant_loss"][part], color=PART_COLOURS[part], lw=1, ls=":")
        axis.set_title(name)
        axis.set_yscale("log")
    for axis in axes[1]:
        axis.set_xlabel("epoch")
    for axis in axes[:, 0]:
        axis.set_ylabel("MSE, scaled units")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), ncols=3, loc="outside upper center")
    return fig


def losses_interactive(records: Mapping[str, Sequence[Record]]) -> go.Figure:
    """The same for the screen."""
    fig, places = figures.panels(list(records), "all")
    named = set()
    for place, runs in zip(places, records.values(), strict=True):
        for part, key in _LOSSES.items():
            look = {"color": PART_COLOURS[part], "width": 1}
            for run in runs:
                history = run.arrays[f"history_{key}"].astype(float)
                fig.add_scatter(
                    x=list(range(1, len(history) + 1)), y=[float(f"{loss:.4g}") for loss in history], mode="lines",
                    name=PART_NAMES[part], legendgroup=part, showlegend=part not in named, line=look,
                    hovertemplate=f"seed {run.spec['seed']}, epoch %{{x}}: %{{y}}", **place,
                )  # fmt: skip
                named.add(part)
            fig.add_hline(runs[0].metrics["constant_loss"][part], line=look | {"dash": "dot"}, **place)
    fig.update_xaxes(title={"text": "epoch", "standoff": 4})
    fig.update_yaxes(type="log", exponentformat="power")
    fig.update_yaxes(title_text="MSE, scaled units", col=1)
    fig.update_layout(legend={"orientation": "h", "y": -0.12})
    return fig


def detections(dataset: Record, run: Record, rule: Rule) -> Figure:
    """A published model's errors against the threshold, and the windows above it on the original scale."""
    errors = errors_of(run)
    limit = rule.threshold(errors)
    rows = parts(dataset.metrics["rows"])[rule.applied_to]
    ends = np.arange(rows.start + WINDOW - 1, rows.stop)
    judged = errors[rule.applied_to]
    above = judged > limit
    fig, (upper, lower) = figures.new(height_cm=5.8, cols=2)
    upper.plot(times(dataset, ends), judged, lw=0.8, color=PART_COLOURS[rule.applied_to])
    upper.axhline(
        limit, color=figures.PALETTE["black"], lw=1, ls="--", label=f"threshold: {rule.statistic} ({rule.of_part} part)"
    )
    upper.set_yscale("log")
    upper.set(ylabel="window error (MSE)", title="Error against the threshold", xlabel="2015")
    t, hourly = hours(dataset), dataset.arrays["hourly_max"]
    shown = (t >= times(dataset, ends[:1])[0]) & (t <= times(dataset, ends[-1:])[0])
    lower.plot(t[shown], hourly[shown], lw=0.8, color=figures.PALETTE["grey"], label="hourly maximum")
    kept = {int(row): value for row, value in zip(run.arrays["kept_rows"], run.arrays["kept_values"], strict=True)}
    marked = [row for row in ends[above] if int(row) in kept]
    lower.plot(
        times(dataset, np.array(marked, dtype=int)), [kept[int(row)] for row in marked],
        "x", ms=4, color="#C00000", label="window above the threshold, last row",
    )  # fmt: skip
    lower.set_yscale("symlog", linthresh=10)
    lower.set(ylabel="tweets per 5 minutes", title="Detected anomalies, original scale", xlabel="2015")
    fig.legend(ncols=3, loc="outside lower center")
    for axis in (upper, lower):
        axis.xaxis.set_major_locator(mdates.DayLocator(interval=2))
        axis.xaxis.set_major_formatter(mdates.DateFormatter("%-d %b"))
    return fig


def confusions(board: pd.DataFrame) -> Figure:
    """Point-wise confusion matrices, one panel a model: rows of the scored series, medians over seeds."""
    columns = 4
    rows = -(-len(board) // columns)
    fig, axes = figures.new(height_cm=4.3 * rows, rows=rows, cols=columns, squeeze=False)
    for axis, (_, one) in zip(axes.flat, board.iterrows(), strict=False):
        counts = np.array([[one.tn, one.fp], [one.fn, one.tp]])
        share = counts / counts.sum(axis=1, keepdims=True)
        axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
        for i in range(2):
            for j in range(2):
                axis.text(
                    j, i, f"{counts[i, j]:,.0f}\n{share[i, j]:.1%}", ha="center", va="center", fontsize=6.5,
                    color="white" if share[i, j] > 0.6 else "black",
                )  # fmt: skip
        axis.set_title(one.model, fontsize=7.5)
        axis.set_xticks([0, 1], ["normal", "anomaly"])
        axis.set_yticks([0, 1], ["normal", "anomaly"], rotation=90, va="center")
        axis.grid(False)
    for axis in axes.flat[len(board) :]:
        axis.set_axis_off()
    fig.supxlabel("predicted", fontsize=8)
    fig.supylabel("labelled", fontsize=8)
    return fig


def board(detectors: Mapping[str, Sequence[Record]], references: Mapping[str, tuple[float, float]]) -> Figure:
    """NAB score against event-wise F1: this report's detectors, one mark a seed, and NAB's published ones."""
    fig, axis = figures.new(height_cm=8.5)
    for name, (f1, nab) in references.items():
        axis.plot(f1, nab, "o", mfc="none", color=figures.PALETTE["grey"])
        axis.annotate(name, (f1, nab), xytext=(6, 3), textcoords="offset points", fontsize=6.5, color="#444444")
    for name, runs in detectors.items():
        look = figures.look_of(name)
        f1, nab = [r.metrics["events"]["f1"] for r in runs], [r.metrics["nab"]["standard"] for r in runs]
        axis.plot(f1, nab, look.marker, color=look.colour, ms=6, alpha=0.7, ls="none", label=name)
    axis.plot([], [], "o", mfc="none", color=figures.PALETTE["grey"], ls="none", label="published with NAB")
    axis.set(xlabel="event-wise F1", ylabel="NAB standard score (at best 4)", xlim=(-0.03, 1.03))
    axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


def alarms(dataset: Record, runs: Mapping[str, Record]) -> Figure:
    """Anomaly score over the series with threshold and alarms, one panel a detector, labelled windows shaded."""
    fig, axes = figures.new(height_cm=3.4 * len(runs), rows=len(runs), sharex=True, squeeze=False)
    for axis, (name, run) in zip(axes[:, 0], runs.items(), strict=True):
        scores = run.arrays["scores"]
        per_hour = scores[: len(scores) // 12 * 12].reshape(-1, 12).max(axis=1)
        t = times(dataset, np.arange(len(per_hour)) * 12)
        axis.plot(t, per_hour, lw=0.6, color=figures.colour_of(name))
        axis.axhline(run.metrics["rules"]["nab"]["threshold"], color="black", lw=0.8, ls="--")
        rows = run.arrays["alarm_rows"]
        rows = rows[rows >= probation_rows(len(scores))]
        axis.plot(times(dataset, rows), scores[rows], "v", ms=5, color="#C00000", mec="white", mew=0.4)
        _shade(axis, dataset)
        axis.set_title(name)
        axis.set_ylabel("score")
        scored = per_hour[probation_rows(len(scores)) // 12 :]
        low, high = np.quantile(scored, [0.01, 1])
        if low > 0 and high / low > 100:
            axis.set_yscale("log")
            axis.set_ylim(low, 2 * high)
    _dates(axes[-1, 0])
    axes[-1, 0].set_xlabel("2015")
    return fig
