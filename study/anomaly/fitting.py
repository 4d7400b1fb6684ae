"""A series of one's own put on an even grid, and Surge-mean fitted to its step; what was done is noted in words."""

from dataclasses import replace

import numpy as np
import pandas as pd

from study.anomaly import own
from study.anomaly.series import STEP
from study.catalog import DataError
from study.prose import count, join_list

STEPS = pd.to_timedelta([5, 10, 15, 20, 30, 60], unit="min")
"""The steps that the detector is fitted to; a series with another one is averaged to the first that it fills."""
MOST_EMPTY = 0.2  # share of steps without a value
MOST_REPEATED = 0.1  # share of rows whose time another row has: above it, a file holds several series
MOST_LATE = 0.1  # mean distance, in steps, of times from whole steps: more is no clock's or logger's delay
MOST_SILENT = 0.25  # share of a series that the detector is silent in, without a word

_DAY = pd.Timedelta(days=1)


def regular(table: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """A table of `timestamp` and `value` on one of STEPS, NaN where nothing was measured, and whether it holds counts.

    Times are sorted and rows of one time averaged; counts are added up and other values averaged to a coarser step.
    `attrs["notes"]` says so. Raises DataError, naming lines and remedy, for a series that has no such grid, or too few
    rows.
    """
    file, notes = table.attrs.get("file", "The table"), list(table.attrs.get("notes", ()))
    times, values = table["timestamp"], pd.to_numeric(table["value"]).astype(np.float64)
    if times.dtype.kind != "M" and not isinstance(times.dtype, pd.DatetimeTZDtype):
        raise DataError(f"{file}: timestamps are {times.dtype}. Read them with `parse_dates=['timestamp']`.")
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        times = times.dt.tz_convert(None)
    bad = times.isna() | np.isinf(values)
    if bad.any():
        raise DataError(f"{file}, line {times.index[bad][0]}: no time, or an infinite value. Correct the line.")
    if not times.is_monotonic_increasing:
        notes.append("rows are sorted by time")
    repeated = times.duplicated()
    if repeated.mean() > MOST_REPEATED:
        raise DataError(
            f"{file}, line {times.index[repeated][0]}: {times[repeated].iloc[0]} was there before, like "
            f"{repeated.sum():,} of {len(times):,} rows. If the file holds several series, keep one."
        )
    if repeated.any():
        notes.append(f"{count(repeated.sum(), 'repeated time')} averaged, first {times[repeated].iloc[0]}")
    one = _straightened(values.set_axis(times).groupby(level=0).mean(), notes)
    counts = bool(((values.dropna() >= 0) & (values.dropna() % 1 == 0)).all())
    steps = one.index.diff()[1:]
    step = steps.to_series().mode().min() if len(steps) else STEP
    grid = one.resample(step, origin="start").mean() if step in STEPS and not (steps % step).any() else None
    if grid is None or grid.isna().mean() > MOST_EMPTY:
        grid, step, counts = _coarser(one, step, counts, file, notes)
    design, missing = fitted(step), int(grid.isna().sum())
    least = design.warm_up_rows + _DAY // step
    if len(grid) < least:
        raise DataError(
            f"{file}: {len(grid):,} steps of {_words(step)} are too few. The detector is silent for the first "
            f"{design.warm_up_rows}; give it {least:,} or more, better a month."
        )
    if missing:
        notes.append(f"{missing:,} of {len(grid):,} steps have no value and score nothing")
    if design.warm_up_rows > MOST_SILENT * len(grid):
        notes.append(f"the first {design.warm_up_rows:,} of {len(grid):,} steps start the detector and score nothing")
    found = grid.rename_axis("timestamp").rename("value").reset_index()
    found.attrs |= {"notes": notes}
    return found, counts


def _straightened(one: pd.Series, notes: list[str]) -> pd.Series:
    """The series (n,) by time, moved to whole steps from its first time if these are but a little off."""
    start, step = one.index[0], one.index.diff().to_series().median().round("min")
    if len(one) < 3 or not step:
        return one
    whole = start + ((one.index - start) / step).round() * step
    late = abs(one.index - whole)
    if not pd.Timedelta(0) < late.mean() <= MOST_LATE * step:
        return one
    notes.append(f"times are moved to whole steps of {_words(step)}, by {_words(late.max().ceil('s'))} at most")
    return one.set_axis(whole).groupby(level=0).mean()


def _coarser(
    one: pd.Series, step: pd.Timedelta, counts: bool, file: str, notes: list[str]
) -> tuple[pd.Series, pd.Timedelta, bool]:
    """The series (n,) by time on the first of STEPS that it fills, that step, and whether it still holds counts."""
    steps = one.index.diff()[1:]
    if not (even := not (steps % step).any()):
        step = steps.to_series().median().round("min")
    for wide in STEPS[STEPS >= min(step, STEPS[-1])]:
        grid = one.resample(wide, origin="start").mean()
        if grid.isna().mean() <= MOST_EMPTY:
            break
    else:
        gap = one.dropna().index.to_series().diff()
        raise DataError(
            f"{file}: there are too few values; even of the hours {grid.isna().mean():.0%} have none. The longest hole "
            f"is {_words(gap.max())} before {gap.idxmax()}. Give a part without holes, with a value an hour or more."
        )
    counts &= even and step < wide
    how = "added up" if counts else "averaged"
    notes.append(f"{how} from steps of {_words(step)}{'' if even else ', uneven ones,'} to {_words(wide)}")
    return grid * (wide / step) if counts else grid, wide, counts


def fitted(step: pd.Timedelta) -> own.Design:
    """Surge's design for rows that are `step` apart: spans of time stay, and two weeks at most are warm-up."""
    rows = lambda fives: max(1, round(fives * STEP / step))  # noqa: E731
    design = own.DESIGN
    warm_up = min(design.warm_up_rows, max(rows(design.scale_rows), own.DAY_ROWS))
    return replace(
        design, scale_rows=rows(design.scale_rows), spans=tuple(map(rows, design.spans)),
        peak_rows=rows(design.peak_rows), warm_up_rows=warm_up,
    )  # fmt: skip


def score(table: pd.DataFrame, counts: bool) -> tuple[np.ndarray, list[str]]:
    """Surge-mean's score (n,) float64 of a table that `regular` returns, and what to know of it.

    On counts every five minutes without holes it is `own.score_without_network`. Other values take the place of
    Anscombe values in units of their usual change from row to row. Raises DataError for values that never change.
    """
    values, step = table["value"], table["timestamp"].diff().mode()[0]
    design, notes, gain = fitted(step), [], 1.0
    if step != STEP:
        notes.append(f"the detector is fitted to steps of {_words(step)}")
    if counts:
        stable = pd.Series(own.anscombe(values))
        usual = values[: design.warm_up_rows].mean() * (STEP / step)
        gain = design.sparse_gain if usual < design.sparse_below else 1.0
    else:
        change = values[: design.warm_up_rows].diff().std()
        if not change > 0:
            raise DataError(
                f"The first {design.warm_up_rows} values do not change, which leaves no scale. Begin the series later."
            )
        stable = values / change
        notes.append("no counts: values are taken in units of their usual change; only rises are looked for")
    level = stable.rolling(design.scale_rows, min_periods=1).mean()
    standing = own.standing((stable - level).fillna(0.0), design)
    return own.at_peaks(standing * gain, design), notes


def _words(span: pd.Timedelta) -> str:
    parts = span.components
    units = (("day", parts.days), ("hour", parts.hours), ("minute", parts.minutes), ("second", parts.seconds))
    return join_list([count(n, unit) for unit, n in units if n][:2] or [str(span)])
