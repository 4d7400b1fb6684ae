"""What the report says of a series before any model: statistics, and tests of the claims.

Aggregates only: the values of single rows stay out, but for the peaks of bursts.
"""

import numpy as np
import pandas as pd
from scipy import stats

from study.anomaly.series import DAY_ROWS, HOUR_ROWS, Series

HIGH = 0.995
"""The quantile above which a row belongs to a burst."""


def describe(series: Series) -> tuple[dict, dict[str, np.ndarray]]:
    """Metrics and arrays of the dataset's record: of each hour of the day (24,) the median and the maximum."""
    values = pd.Series(series.values, index=pd.DatetimeIndex(series.timestamps))
    hourly = values.resample("1h").agg(["mean", "count"])
    by_hour = values.groupby(values.index.hour)
    months = values.groupby(values.index.to_period("M")).agg(["mean", "median", "max", "count"])
    metrics = {
        "rows": len(values),
        "columns": 2,
        "first": str(values.index[0]),
        "last": str(values.index[-1]),
        "missing": int(values.isna().sum()),
        **dict(zip(("mean", "sd", "min", "q25", "median", "q75", "max"), values.describe().tolist()[1:], strict=True)),
        "dtype": "int64" if (values % 1 == 0).all() else "float64",
        "windows": [list(pair) for pair in series.windows],
        "window_maxima": [float(values.iloc[a : b + 1].max()) for a, b in series.windows],
        "anomalous_share": float(series.labels.mean()),
        "months": [{"month": str(m), **{k: float(v) for k, v in row.items()}} for m, row in months.iterrows()],
        "bursts": _bursts(series),
        "trend": _trend(values),
        "season": _season(hourly["mean"][hourly["count"] == HOUR_ROWS]),
    }
    return metrics, {f"hour_{name}": getattr(by_hour, name)().to_numpy() for name in ("median", "max")}


def _bursts(series: Series, count: int = 8) -> list[dict]:
    """The highest bursts: rows above the quantile HIGH, merged within one hour, by falling peak."""
    high = np.flatnonzero(series.values > np.quantile(series.values, HIGH))
    found: list[dict] = []
    for group in np.split(high, np.flatnonzero(np.diff(high) > HOUR_ROWS) + 1):
        peak = group[np.argmax(series.values[group])]
        rows = {"time": peak, "first": group[0], "last": group[-1]}
        times = {name: str(pd.Timestamp(series.timestamps[row])) for name, row in rows.items()}
        labelled = bool(series.labels[group].any())
        found.append({**times, "peak": float(series.values[peak]), "labelled": labelled})
    return sorted(found, key=lambda burst: -burst["peak"])[:count]


def _trend(values: pd.Series) -> dict:
    """Kendall's tau of daily medians against time (full days only), the Mann-Kendall test of a monotone trend."""
    full = values.resample("1D").count() == DAY_ROWS
    daily = values.resample("1D").median()[full]
    tau, p = stats.kendalltau(np.arange(len(daily)), daily)
    return {"days": len(daily), "tau": float(tau), "p": float(p)}


def _season(hourly: pd.Series) -> dict:
    """Daily and weekly cycle of the log counts of full hours, by Friedman's tests.

    They take days (for hours) and weeks (for weekdays) as blocks, so that autocorrelation between blocks does no harm.
    """
    log = np.log1p(hourly)
    days = log.groupby([log.index.normalize(), log.index.hour]).mean().unstack().dropna()
    daily = log.resample("1D").mean()[log.resample("1D").count() == 24]
    weeks = daily.groupby([daily.index.to_period("W"), daily.index.weekday]).mean().unstack().dropna()
    return {
        "hour_p": float(stats.friedmanchisquare(*days.to_numpy().T).pvalue),
        "weekday_p": float(stats.friedmanchisquare(*weeks.to_numpy().T).pvalue),
    }
