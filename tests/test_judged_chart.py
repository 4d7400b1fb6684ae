"""The forest plot of published numbers: where seeds, intervals and collapsed trainings stand."""

import pytest

from study import verdicts
from study.judged_chart import forest
from study.verdicts import Judged, Kind

pytestmark = pytest.mark.usefixtures("legible")


def judged(model: str, published: float, values: tuple, kind: Kind, obstacle: str | None = None) -> Judged:
    decided = verdicts.of_number(published, values, kind, obstacle=obstacle)
    interval = None if kind is Kind.FACT else verdicts.prediction_interval(values, kind)
    show = "{:g}".format
    return Judged(
        "part9.x", model, "testing loss", kind, published, values, interval, decided, "", show, show(published)
    )  # fmt: skip


def drawn(axis, marker: str) -> list[tuple[list[float], float]]:
    """x values and row of every line with this marker."""
    found = [line for line in axis.lines if line.get_marker() == marker]
    shown = [line for line in found if len(line.get_xdata())]
    return [([round(float(x), 6) for x in line.get_xdata()], float(line.get_ydata()[0])) for line in shown]


def test_trainings_that_count_nothing_stand_at_the_left_edge_of_ratios():
    fig = forest(
        [judged("Base", 32, (0.0, 0.0, 16.0, 64.0), Kind.COUNT), judged("Version 1", 4, (0, 0, 0), Kind.COUNT)]
    )
    axis = fig.axes[0]
    edge = round(axis.get_xlim()[0], 6)
    assert drawn(axis, "<") == [([edge], 0), ([edge], 1)] and 0 < edge < 0.5
    assert drawn(axis, "o")[0] == ([0.5, 2], 0)


def test_losses_and_counts_are_ratios_to_the_published_number():
    seeds = (0.1, 0.2, 0.3, 0.4, 30.0)
    fig = forest([judged("Base", 0.2, seeds, Kind.LOSS), judged("Version 2", 10, (20.0, 20.0, 23.0), Kind.COUNT)])
    axis = fig.axes[0]
    assert drawn(axis, "o") == [([0.5, 1, 1.5, 2], 0), ([2, 2, 2.3], 1)]
    (low, high), row = drawn(axis, "|")[0]
    ends = verdicts.prediction_interval(seeds, Kind.LOSS)
    assert (low, high) == pytest.approx((ends[0] / 0.2, ends[1] / 0.2), abs=1e-6) and row == 0
    assert drawn(axis, ">") == [([round(axis.get_xlim()[1], 6)], 0)] and axis.get_xlim()[1] < 150
    assert axis.get_xscale() == "log" and axis.get_xlabel() == "ours ÷ published"
    dashed = [line for line in axis.lines if line.get_linestyle() == "--"]
    assert [line.get_xdata()[0] for line in dashed] == [1]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["Base, testing loss", "Version 2, testing loss"]
    (right,) = axis.child_axes
    assert [t.get_text() for t in right.get_yticklabels()] == ["0.2, reproduced", "10, not reproduced"]


def test_what_has_too_few_seeds_has_no_interval():
    axis = forest([judged("ViT", 0.5, (0.4,), Kind.LOSS)]).axes[0]
    assert drawn(axis, "|") == [] and drawn(axis, "o") == [([0.8], 0)]


def test_facts_and_what_is_not_comparable_are_left_out():
    fact = judged("Base", 588, (588.0,), Kind.FACT)
    copied = judged("Version 3", 0.2, (0.2, 0.2, 0.3), Kind.LOSS, obstacle="a copy")
    one = judged("Base", 0.2, (0.2, 0.2, 0.3), Kind.LOSS)
    (row,) = [t.get_text() for t in forest([fact, copied, one]).axes[0].get_yticklabels()]
    assert row == "Base, testing loss"
    with pytest.raises(ValueError, match="none of 2"):
        forest([fact, copied])
