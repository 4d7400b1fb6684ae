"""A series of one's own comes onto an even grid, and Surge-mean is fitted to its step; both say what was done."""

import re

import numpy as np
import pandas as pd
import pytest

from study.anomaly import fitting, own, series
from study.catalog import DataError


def table(minutes=5.0, days=30.0, start="2026-01-01 00:02:53", burst=0.7, level=40):
    """Counts with a daily cycle and, at this share of the series, a burst of half an hour."""
    times = pd.date_range(start, periods=int(days * 1440 / minutes), freq=pd.Timedelta(minutes=minutes))
    at = np.arange(len(times))
    usual = level * (1.3 + np.sin(2 * np.pi * at * minutes / 1440))
    value = np.random.default_rng(0).poisson(usual).astype(float)
    value[int(burst * len(at)) : int(burst * len(at)) + max(1, round(30 / minutes))] += 60 * level
    return pd.DataFrame({"timestamp": times, "value": value})


def fitted(given):
    found, counts = fitting.regular(given)
    scores, notes = fitting.score(found, counts)
    return found, scores, [*found.attrs["notes"], *notes]


def loudest(found, scores):
    """Where in the series its highest score lies, as a share."""
    return float(np.argmax(scores) / len(found))


def test_counts_on_the_grid_are_scored_as_in_the_chapter():
    given = table()
    found, scores, notes = fitted(given)
    assert notes == [] and found.equals(given)
    assert np.array_equal(scores, own.score_without_network(given["value"].to_numpy())) and scores.max() > 0
    sparse = table(level=2)
    assert np.array_equal(fitted(sparse)[1], own.score_without_network(sparse["value"].to_numpy()))


CHANGED = {
    "one minute": (lambda: table(1), 5, ["added up from steps of 1 minute to 5 minutes"]),
    "seven minutes": (lambda: table(7, 40), 10, ["added up from steps of 7 minutes to 10 minutes", "fitted to steps"]),
    "six minutes": (lambda: table(6, 40), 10, ["added up from steps of 6 minutes to 10 minutes", "fitted to steps"]),
    "half an hour": (lambda: table(30, 90), 30, ["fitted to steps of 30 minutes"]),
    "an hour": (lambda: table(60, 90), 60, ["fitted to steps of 1 hour"]),
    "newest first": (lambda: table().iloc[::-1], 5, ["rows are sorted by time"]),
    "offsets": (lambda: table().assign(timestamp=lambda t: t.timestamp.dt.tz_localize("UTC")), 5, []),
    "a clock change": (  # local time goes back at three; the hour comes twice
        lambda: table().assign(
            timestamp=lambda t: t.timestamp.where(t.index < 5000, t.timestamp - pd.Timedelta(hours=1))
        ), 5, ["rows are sorted by time", "12 repeated times averaged, first 2026-01-18 07:42:53"],
    ),
    "a gap": (lambda: table().drop(index=range(3000, 3300)), 5, ["300 of 8,640 steps have no value"]),
    "empty values": (
        lambda: table().assign(value=lambda t: t.value.where(t.index % 9 > 0)), 5, ["960 of 8,640 steps have no value"],
    ),
    "uneven times": (
        lambda: table().assign(
            timestamp=lambda t: t.timestamp + pd.to_timedelta(np.random.default_rng(1).integers(-60, 60, 8640), "s")
        ).iloc[np.random.default_rng(2).random(8640) < 0.6], 10,
        ["averaged from steps of [56] minutes.*, uneven ones, to 10 minutes", "have no value", "fitted", "no counts"],
    ),
    "a late clock": (
        lambda: table().assign(
            timestamp=lambda t: t.timestamp + pd.to_timedelta(np.random.default_rng(1).integers(0, 4000, 8640), "ms")
        ), 5, ["times are moved to whole steps of 5 minutes, by [34] seconds at most$"],
    ),
    "three weeks of hours": (lambda: table(60, 40), 60, ["the first 336 of 960 steps start the detector"]),
    "a small scale": (lambda: table().assign(value=lambda t: t.value / 1e6), 5, ["no counts: .*usual change"]),
    "negatives": (lambda: table().assign(value=lambda t: t.value - 500.5), 5, ["no counts: .*only rises"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGED)
def test_what_is_no_even_grid_of_counts_is_brought_to_one_and_its_burst_found(kind):
    make, minutes, said = CHANGED[kind]
    found, scores, notes = fitted(make())
    assert set(found["timestamp"].diff().dropna()) == {pd.Timedelta(minutes=minutes)}
    assert (
        len(scores) == len(found)
        and np.isfinite(scores).all()
        and loudest(found, scores) == pytest.approx(0.7, abs=0.02)
    )
    text = "; ".join(notes).replace("\N{NO-BREAK SPACE}", " ")
    assert all(re.search(one, text) for one in said) and bool(notes) == bool(said), text


def test_counts_are_added_up_and_a_missing_minute_takes_nothing_away():
    given = table(1, 5).assign(value=2.0).drop(index=[7, 8, 12])
    found, counts = fitting.regular(given)
    assert counts and set(found["value"]) == {10.0}


def test_a_scale_does_not_matter_where_values_are_no_counts():
    one, other = (fitted(table().assign(value=lambda t, by=by: (t.value + 0.5) * by))[1] for by in (1.0, 1e-4))
    assert one == pytest.approx(other, rel=1e-6)


REFUSED = {
    "too short": (lambda: table(days=1.003), "288 steps of 5.minutes .*silent for the first 750; give it 1,038"),
    "short hours": (lambda: table(60, 14), "336 steps of 1.hour .*silent for the first 336; give it 360"),
    "one row": (lambda: table().iloc[:1], "1 steps? .*silent"),
    "days": (lambda: table(1440, 400), "even of the hours 96% have none"),
    "holes": (
        lambda: table().drop(index=range(3000, 6000)),
        "even of the hours 3.% have none. The longest hole is 10.days and 10.hours before 2026-01-21 20:02:53",
    ),
    "two series in one": (lambda: pd.concat([table(), table()]), "line 0: .*8,640 of 17,280 rows. .*keep one"),
    "no time": (lambda: table().assign(timestamp=lambda t: t.timestamp.where(t.index != 7)), "line 7: no time"),
    "infinite": (lambda: table().assign(value=lambda t: t.value.where(t.index != 7, np.inf)), "infinite value"),
    "times as text": (lambda: table().assign(timestamp=lambda t: t.timestamp.astype(str)), "parse_dates"),
    "no change": (lambda: table().assign(value=lambda t: t.value.where(t.index > 900, 0.5)), "first 750 .*no scale"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_a_series_without_a_grid_is_refused_with_a_remedy(kind):
    make, said = REFUSED[kind]
    with pytest.raises(DataError, match=said):
        fitted(make())


def test_the_design_of_five_minutes_is_the_report_s():
    assert fitting.fitted(series.STEP) == own.DESIGN
