"""NAB's series with their labelled windows, the stand-in of the same schema, and windows cut from them."""

import re

import numpy as np
import pandas as pd
import pytest

from study import catalog
from study.anomaly import series


def test_windows_become_rows_and_foreign_ones_are_refused():
    times = pd.date_range("2015-02-26 21:42:53", periods=10, freq="5min").to_numpy()
    marked = [["2015-02-26 21:52:53.000000", "2015-02-26 22:02:53.000000"]]
    assert series.row_windows(times, marked) == ((2, 4),)
    with pytest.raises(catalog.DataError, match="same revision"):
        series.row_windows(times, [["2014-01-01 00:00:00", "2014-01-01 01:00:00"]])


def test_window_cutting_loses_no_row_and_adds_none():
    values = np.arange(50.0)
    windows = series.windows_of(values)
    assert windows.shape == (21, 30, 1) and windows.dtype == np.float32
    assert windows[0, 0, 0] == 0 and windows[-1, -1, 0] == 49
    for i in (0, 7, 20):
        assert windows[i, :, 0].tolist() == values[i : i + 30].tolist()
    with pytest.raises(ValueError, match="29 rows are fewer than one window of 30"):
        series.windows_of(values[:29])


def test_windows_are_told_apart_by_shape_and_values():
    windows = series.windows_of(np.arange(50.0))
    digest = series.digest_of(windows)
    assert re.fullmatch("[0-9a-f]{12}", digest) and digest == series.digest_of(windows.astype(np.float64))
    changed = windows.copy()
    changed[3, 4, 0] += 1e-3
    others = [changed, windows[:-1], windows.reshape(21, 15, 2), windows[::-1]]
    assert len({digest, *map(series.digest_of, others)}) == 5


def test_synthetic_series_has_the_schema_of_the_real_one():
    one, same, other = (series.load(n, "synthetic", 4000) for n in ("AAPL", "AAPL", "FB"))
    assert np.array_equal(one.values, same.values) and not np.array_equal(one.values, other.values)
    assert np.all(np.diff(one.timestamps) == series.STEP) and np.all(one.values >= 0) and np.all(one.values % 1 == 0)
    assert len(one.windows) == 3
    burst = [one.values[a : b + 1].max() for a, b in one.windows]
    assert min(burst) > np.quantile(one.values, 0.99)
    hour = pd.Series(one.values).groupby(np.arange(4000) % 288).median()
    assert hour.max() > 2 * hour.min(), "no daily cycle"
    outside = np.where(one.labels, 0, one.values)
    assert outside.max() > 5 * np.quantile(one.values, 0.9), "no unlabelled burst"
    with pytest.raises(ValueError, match="Unknown series 'MSFT'"):
        series.load("MSFT", "synthetic", 4000)
    with pytest.raises(ValueError, match="1,000 rows"):
        series.load("AAPL", "synthetic", 10)


def test_the_real_series():
    one = series.load("AAPL", "real")
    assert len(one) == 15_902
    assert one.windows == ((1235, 1631), (2920, 3316), (4761, 5157), (9087, 9483))
