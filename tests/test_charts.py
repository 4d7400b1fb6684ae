"""Figures: what is drawn where, axes and legends; interactive charts show what their twins in print show."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from study import figures
from study.anomaly import charts, scoring
from study.runs import Record

pytestmark = pytest.mark.usefixtures("legible")


def tweets(rows: int = 12 * 24 * 40) -> pd.DataFrame:
    """40 days from a Monday on, with a daily cycle and one burst at noon of the 16th day."""
    row = np.arange(rows)
    value = 40 + (20 * np.sin(2 * np.pi * row / 288)).round().astype(int)
    value[15 * 288 + 144 : 15 * 288 + 145] = 9_000
    return pd.DataFrame({"timestamp": pd.date_range("2015-03-02", periods=rows, freq="5min"), "value": value})


WINDOWS = [("2015-03-16", "2015-03-18")]


def trained(seed: int, epochs: int, patience: int | None = None) -> Record:
    random = np.random.default_rng(seed)
    names = ("loss", "accuracy", "validation_loss", "validation_accuracy", "middle", "last")
    history = {f"history_{name}": random.integers(1, 100, epochs) / np.float32(100) for name in names}
    parts = {"train": 0.1, "middle": 0.2, "last": 0.3}
    metrics = {"best_epoch": 2, "constant_loss": parts, "variance": {part: 2 * loss for part, loss in parts.items()}}
    return Record({"seed": seed, "settings": {"patience": patience}}, metrics, history, {})


def legend(fig) -> list[str]:
    (shown,) = fig.legends
    return [text.get_text() for text in shown.get_texts()]


def texts(axis) -> list[str]:
    return [text.get_text() for text in axis.texts]


def labels(axis) -> tuple[str, str]:
    return axis.get_xlabel(), axis.get_ylabel()


def ys(axis) -> list[list[float]]:
    """Every line of a panel by its y values."""
    return [[round(float(y), 4) for y in line.get_ydata()] for line in axis.lines]


def board() -> pd.DataFrame:
    rows = {
        "Surge-AE": ("ours", 1.0, 0.5, 2.0, 3.0, 2.5, 3.5),
        "ARTime": ("published", 0.5, 0.5, 0.5, 0.75, 0.75, 0.75),
        "POLY": ("baseline", -20.0, -20.0, -20.0, -4.0, -4.0, -4.0),
    }
    columns = ["kind", *(f"{c}_nab{end}" for c in ("unpaused", "paused") for end in ("", "_low", "_high"))]
    made = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return made.assign(unpaused_tn=90, unpaused_fp=10, unpaused_fn=[3, 4, 0], unpaused_tp=[1, 0, 4])


def streamed(scores, threshold, alarm_rows) -> Record:
    columns = {name: {"rules": {"nab": {"threshold": at}}} for name, at in (("unpaused", threshold), ("paused", 9.0))}
    arrays = {"scores": scores, "unpaused_alarm_rows": alarm_rows, "paused_alarm_rows": alarm_rows[:1]}
    return Record({}, columns, arrays, {})


REFUSED = {
    "Base rebuilt": lambda: charts.reconstructions(np.ones((2, 30)), {"Base": np.ones((1, 30))}, ["a", "b"]),
    "1 titles for 2 windows": lambda: charts.reconstructions(np.ones((2, 30)), {}, ["a"]),
    "3, 4 epochs": lambda: charts.losses({"Base": [trained(0, 3), trained(1, 4)]}),
    "Base: errors of 50 windows": lambda: charts.detections(tweets(40), {"Base": np.ones(50)}, {"Base": 1.0}),
    "POLY: one score a row": lambda: charts.alarms(tweets(), WINDOWS, {"POLY": streamed(np.ones(5), 1.0, ())}),
    "above 0 expected": lambda: charts.alarms(tweets(9), WINDOWS, {"POLY": streamed(np.ones(9), 0.0, ())}),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_has_no_such_figure_is_refused(said):
    with pytest.raises(ValueError, match=said):
        REFUSED[said]()


def test_the_series_is_drawn_by_the_hour_with_windows():
    table = tweets()
    fig = charts.series(table, WINDOWS)
    (axis,) = fig.axes
    assert legend(fig) == ["range of the hour", "mean of the hour", "labelled window"]
    assert labels(axis) == ("2015", "tweets per 5 minutes") and axis.get_yscale() == "symlog"
    hourly = table.set_index("timestamp").value.resample("1h")
    assert ys(axis)[0] == pytest.approx(hourly.mean().round(1).tolist())
    band = axis.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == 9_000 and band.min() == table.value.min()
    shaded = axis.patches[0].get_extents().transformed(axis.transData.inverted())
    days = [plt.matplotlib.dates.num2date(x).strftime("%m-%d") for x in (shaded.x0, shaded.x1)]
    assert days == ["03-16", "03-18"]
    assert legend(charts.series(table)) == ["range of the hour", "mean of the hour"]


def test_the_interactive_series_shows_the_same():
    table = tweets()
    shown = charts.series_interactive(table, WINDOWS)
    printed = charts.series(table, WINDOWS)
    low, high, mean = shown.data
    assert list(mean.y) == pytest.approx(ys(printed.axes[0])[0])
    assert max(high.y) == 9_000 and min(low.y) == table.value.min() and high.fill == "tonexty"
    (window,) = shown.layout.shapes
    assert (window.x0[:10], window.x1[:10]) == ("2015-03-16", "2015-03-18")
    assert_said_plainly(shown)
    named = [one.name for one in (high, mean, window)]
    assert named == legend(printed) and all(one.showlegend is not False for one in (high, mean, window))


def test_season_shows_each_month_day_hour_and_weekday():
    table = tweets()
    fig = charts.season(table, WINDOWS)
    months, days, grid, clock, colours = fig.axes
    march, april = table[:8_640].value, table[8_640:].value
    heights = sorted(bar.get_height() for bar in months.patches)
    assert heights == sorted([march.mean(), april.mean(), march.median(), april.median()])
    assert [text.get_text() for text in months.get_xticklabels()] == ["Mar\n30\xa0days", "Apr\n10\xa0days"]
    assert len(days.lines[0].get_xdata()) == 40
    by_hour = table.groupby(table.timestamp.dt.hour).value.median()
    median, highest = ys(clock)
    assert median[:-1] == by_hour.tolist() and median[0] == median[-1] and grid.get_xlabel() == "hour"
    assert max(highest) == 9_000 == highest[12]
    assert grid.images[0].get_array().shape == (7, 24)
    assert [text.get_text() for text in grid.get_yticklabels()][0] == "Mon"
    assert colours.get_ylabel() == days.get_ylabel() == "tweets"
    shown = [t.get_text() for axis in (months, days, clock) for t in axis.get_legend().get_texts()]
    assert shown == ["mean", "median", "labelled window", "median", "maximum"]


def test_reconstructions_show_every_window_and_what_each_model_makes_of_it():
    inputs = np.arange(60.0).reshape(2, 30, 1)
    fig = charts.reconstructions(inputs, {"Base": inputs + 1, "wide": 0 * inputs}, ["quiet", "busy"])
    for i, axis in enumerate(fig.axes):
        flat = inputs[i, :, 0]
        assert ys(axis) == [flat.tolist(), (flat + 1).tolist(), [0.0] * 30]
        assert axis.lines[1].get_color() == figures.colour_of("Base") and axis.get_xlabel() == "minutes"
        assert axis.lines[0].get_xdata()[-1] == 145


def test_the_bottleneck_is_drawn_unit_by_unit_against_the_level():
    levels = np.array([10.0, 100, 1_000])
    fig = charts.bottleneck(
        {"Base": np.array([[1, 0], [2, 0], [5, 0]]), "wide": np.arange(9.0).reshape(3, 3)}, levels, {"burst": 2}
    )
    base, wide = fig.axes
    assert ys(base)[:2] == [[1, 2, 5], [0, 0, 0]] and base.lines[0].get_xdata().tolist() == levels.tolist()
    assert base.lines[2].get_xdata()[0] == 1_000 and ys(wide)[2] == [2, 5, 8]


NAMES = ("Base", "Version 1", "Version 2", "Version 3")


def assert_said_plainly(chart) -> None:
    """Whatever can be pointed at says in words what it is, in numbers of few digits, and no number of a trace."""
    for trace in chart.data:
        if trace.hoverinfo != "skip" and trace.x != (None,):
            assert trace.hovertemplate.endswith("<extra></extra>"), trace.name
            assert not re.search(r"%\{(y|customdata[^:]*)\}", trace.hovertemplate), trace.hovertemplate


def test_losses_are_median_band_and_constant_on_each_part_in_print_and_on_screen():
    fitted = {name: [trained(10 * i + seed, 3) for seed in range(3)] for i, name in enumerate(NAMES)}
    printed, shown = charts.losses(fitted), charts.losses_interactive(fitted)
    for panel, (axis, runs) in enumerate(zip(printed.axes, fitted.values(), strict=True)):
        number = f"y{panel + 1 if panel else ''}"
        traces = [t for t in shown.data if (t.yaxis or "y") == number and t.y != (None,)]
        for i, key in enumerate(("loss", "last", "middle")):
            courses = np.stack([run.arrays[f"history_{key}"] for run in runs])
            low, high, middle = (np.round(t.y, 4).tolist() for t in traces[3 * i : 3 * i + 3])
            assert middle == np.median(courses, axis=0).round(4).tolist() == ys(axis)[2 * i]
            assert (low, high) == (courses.min(axis=0).round(4).tolist(), courses.max(axis=0).round(4).tolist())
            band = axis.collections[i].get_paths()[0].vertices
            assert {round(y, 4) for y in band[:, 1]} == {*low, *high}
        assert [line[0] for line in ys(axis)[1::2]] == [0.1, 0.3, 0.2]
    assert sorted({shape.y0 for shape in shown.layout.shapes}) == [0.1, 0.2, 0.3]
    parts = ["training", "validation (last 15%)", "testing (middle 15%)"]
    expected = [*parts, "band: all seeds", "loss of a constant"]
    assert legend(printed) == expected == [t.name for t in shown.data if t.name and t.showlegend is not False]
    assert labels(printed.axes[0]) == ("epoch", "MSE, scaled counts") and printed.axes[0].get_yscale() == "log"


def test_of_five_seeds_the_two_outermost_stand_outside_the_band():
    runs = []
    for start, end in ((7.0, 1.0), (5.0, 2.0), (6.0, 3.0), (9.0, 4.0), (8.0, 100.0)):
        course = {f"history_{key}": np.array([start, end]) for key in ("loss", "middle", "last")}
        runs.append(Record({"seed": 0}, trained(0, 2).metrics, course, {}))
    fig, shown = charts.losses({"Base": runs}), charts.losses_interactive({"Base": runs})
    (axis,) = fig.axes
    assert ys(axis)[:3] == [[7, 3], [7, 1], [8, 100]] and axis.lines[1].get_linewidth() < 1
    assert set(axis.collections[0].get_paths()[0].vertices[:, 1]) == {6, 8, 2, 4}
    assert [list(t.y) for t in shown.data[:5]] == [[6, 2], [8, 4], [7, 1], [8, 100], [7, 3]]
    assert "band: 3 of 5 seeds" in legend(fig) and "seeds that end lowest, highest" in legend(fig)


def test_a_run_of_the_readers_own_stands_over_the_band_of_its_model_alone():
    fitted = {name: [trained(seed, 3) for seed in range(2)] for name in NAMES}
    own = {"Base": pd.DataFrame({"loss": [0.9, 0.5, 0.3, 0.2], "middle": [0.1] * 4, "last": [0.2] * 4})}
    printed, shown = charts.losses(fitted, own), charts.losses_interactive(fitted, own)
    dots = [[line for line in axis.lines if line.get_marker() == "o"] for axis in printed.axes]
    assert [len(found) for found in dots] == [3, 0, 0, 0]
    assert dots[0][0].get_ydata().tolist() == [0.9, 0.5, 0.3, 0.2] and dots[0][0].get_xdata().tolist() == [1, 2, 3, 4]
    assert printed.axes[0].get_xlim()[1] > 4 and "this notebook's run" in legend(printed)
    marks = [t for t in shown.data if t.mode == "markers" and t.y != (None,)]
    assert [list(t.y) for t in marks] == own["Base"][["loss", "last", "middle"]].T.to_numpy().tolist()
    assert_said_plainly(shown)
    assert all(t.name for t in shown.data)
    assert {axis.range for axis in shown.select_xaxes()} == {(0.7, 4.3)}  # no curve touches the frame
    assert "this notebook's run" in [t.name for t in shown.data]


def test_r2_is_one_minus_loss_over_the_variance_of_the_part():
    runs = [trained(seed, 4) for seed in range(3)]
    fig = charts.r2_per_epoch({"Base": runs})
    for axis, key, variance in zip(fig.axes, ("loss", "last", "middle"), (0.2, 0.6, 0.4), strict=True):
        middle = np.median([run.arrays[f"history_{key}"] for run in runs], axis=0)
        assert ys(axis)[0] == pytest.approx((1 - middle / variance).tolist(), abs=1e-4)
    titles = ["Training", "Validation (last 15%)", "Testing (middle 15%)"]
    assert [axis.get_title("left") for axis in fig.axes] == titles
    assert labels(fig.axes[0]) == ("epoch", "R²") and fig.axes[0].lines[0].get_color() == figures.colour_of("Base")
    assert legend(fig) == ["Base", "mean of the part", "band: all seeds"]


def test_detections_mark_the_windows_above_the_threshold_at_the_rows_where_they_end():
    table = tweets(3_000).iloc[-100:]
    errors = np.full(71, 0.01)
    errors[[10, 70]] = 0.5, 0.9
    fig = charts.detections(table, {"Base": errors, "Version 3": errors / 2}, {"Base": 0.4, "Version 3": 0.4})
    counts, over = fig.axes
    assert counts.lines[0].get_ydata().tolist() == table.value.tolist()
    base, flagged, third = over.lines[:3]
    assert np.allclose(base.get_ydata(), errors / 0.4) and np.allclose(flagged.get_ydata(), [1.25, 2.25])
    assert [pd.Timestamp(t) for t in flagged.get_xdata()] == [table.timestamp.iloc[39], table.timestamp.iloc[-1]]
    assert [line.get_color() for line in (base, third)] == [figures.colour_of("Base"), figures.colour_of("Version 3")]
    shown = ["Base: 2 flagged", "Version 3: 1 flagged", "threshold", "flagged window"]
    assert legend(fig) == shown and over.lines[4].get_ydata()[0] == 1
    assert counts.get_ylabel() == "tweets" and labels(over) == ("2015", "error ÷\nthreshold")


def test_confusion_has_the_truth_in_rows_and_the_prediction_in_columns():
    fig = charts.confusion({"Base": [[90, 10], [3, 1]]})
    (axis,) = fig.axes
    at = {text.get_text(): text.get_position() for text in axis.texts}
    # A text's position is (column, row).
    middles = {"90\n90.0%": (0.5, 0.5), "10\n10.0%": (1.5, 0.5), "3\n75.0%": (0.5, 1.5), "1\n25.0%": (1.5, 1.5)}
    assert at == middles and axis.yaxis_inverted()
    mistakes, right = (mesh.get_array() for mesh in axis.collections)
    assert mistakes.compressed().tolist() == [0.1, 0.75] and right.compressed().tolist() == [0.9, 0.25]
    assert labels(axis) == ("predicted", "true class") and axis.get_title("left") == "Base"
    assert [t.get_text() for t in axis.get_xticklabels()] == [t.get_text() for t in axis.get_yticklabels()]


def test_matrices_are_read_from_the_board():
    found = charts.matrices(board())
    assert found["Surge-AE"].tolist() == [[90, 10], [3, 1]] and list(found) == ["Surge-AE", "ARTime", "POLY"]


def test_the_sketch_of_the_scoring_shows_what_the_scorer_gives():
    fig = charts.scoring_sketch()
    (axis,) = fig.axes
    curve = axis.lines[0]
    expected = scoring.row_weights(2_000, [(500, 700), (1_050, 1_250), (1_600, 1_800)], scoring.PROFILES["standard"])
    assert curve.get_ydata().tolist() == expected[300:].tolist()
    alarms = [line for line in axis.lines if line.get_marker() == "v" and len(line.get_xdata())]
    for alarm in alarms:
        assert alarm.get_ydata()[0] == expected[int(alarm.get_xdata()[0])]
    terms, total = axis.get_title("left").replace("\N{MINUS SIGN}", "-").removeprefix("Score: ").split(" = ")
    assert sum(round(100 * float(term)) for term in terms.split()) == round(100 * float(total))
    assert len(terms.split()) == len(alarms)  # one alarm changes nothing, one window has none
    assert labels(axis) == ("row of the series", "part of the NAB score")
    assert set(legend(fig)) == {
        "probation, not scored", "labelled window", "score of an alarm here", "alarm", "alarm that changes nothing",
        "window without an alarm",
    }  # fmt: skip


def test_the_mask_shows_every_block_and_hides_the_newest():
    fig = charts.mask((1,) * 4 + (12,) * 5 + (288,) * 2, 6, 64, 4, 3)
    (axis,) = fig.axes
    blocks = [p for p in axis.patches if type(p).__name__ == "Rectangle"]
    given, rebuilt = blocks[:11], blocks[11:]
    assert len(rebuilt) == 11 and [bool(b.get_hatch()) for b in given] == [False] * 5 + [True] * 6


def test_the_leaderboard_has_a_row_a_detector_without_and_with_a_pause():
    fig = charts.leaderboard(board())
    axis = fig.axes[0]
    marks = [line for line in axis.lines if line.get_marker() in "o<" and line.get_marker()]
    drawn = [(float(m.get_xdata()[0]), int(m.get_ydata()[0]), m.get_markerfacecolor()) for m in marks]
    vermillion, grey = figures.colour_of("Surge-AE"), figures.PALETTE["grey"]
    assert drawn[:4] == [(1, 0, vermillion), (3, 0, "white"), (0.5, 1, grey), (0.75, 1, "white")]
    assert marks[1].get_markersize() > marks[0].get_markersize() and marks[1].get_zorder() < marks[0].get_zorder()
    assert drawn[4][0] == -6 and marks[4].get_marker() == "<" and "\N{MINUS SIGN}20.0" in texts(axis)
    ranges = [line.get_xdata().tolist() for line in axis.lines if line.get_linewidth() == 4]
    assert ranges[:2] == [[0.5, 2], [2.5, 3.5]]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["Surge-AE", "NAB: ARTime", "POLY"]
    (scale,) = axis.child_axes
    assert scale._functions[0](np.array([-4, 0, 4])).tolist() == [0, 50, 100]


def test_alarms_stand_high_inside_and_low_outside_of_windows_and_none_in_the_probation():
    table = tweets()
    scores = np.full(len(table), 0.5)
    scores[15 * 288 + 144] = 30
    inside, outside = 15 * 288, 9_000
    scored = streamed(scores, 1.5, np.array([100, inside, outside]))
    fig = charts.alarms(table, WINDOWS, {"Surge-AE": scored, "POLY": scored})
    axis = fig.axes[0]
    line, threshold, hits, false = axis.lines
    assert (
        max(line.get_ydata()) == 20
        and threshold.get_ydata()[0] == 1
        and line.get_color() == figures.PALETTE["grey"]  # as in the legend
    )
    assert [pd.Timestamp(t) for t in hits.get_xdata()] == [table.timestamp[inside]]
    assert [pd.Timestamp(t) for t in false.get_xdata()] == [table.timestamp[outside]]
    assert hits.get_ydata()[0] > false.get_ydata()[0] and axis.get_ylim()[1] > 20


def test_pyplot_forgets_a_figure_which_a_notebook_would_show_twice():
    before = plt.get_fignums()
    fig, _ = figures.new()
    assert plt.get_fignums() == before and fig.axes
