"""What the report says of a series before any model: statistics, aggregates for figures, tests of the claims.

Aggregates only: the values of single rows stay out, but for the peaks of bursts.
"""

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.tsa.seasonal import MSTL
from statsmodels.tsa.stattools import acf

from study.anomaly.series import DAY_ROWS, HOUR_ROWS, STEP, Series

HIGH = 0.995
"""The quantile above which a row belongs to a burst."""


def describe(series: Series) -> tuple[dict, dict[str, np.ndarray]]:
    """Metrics and arrays of the dataset's record.

    Hourly arrays have one entry per full hour; `hour_*` arrays have 24, `grid` is (7 weekdays, 24 hours).
    """
    values = pd.Series(series.values, index=pd.DatetimeIndex(series.timestamps))
    hourly = values.resample("1h").agg(["min", "mean", "max", "count"])
    hourly = hourly[hourly["count"] == HOUR_ROWS]
    by_hour = values.groupby(values.index.hour)
    months = values.groupby(values.index.to_period("M")).agg(["mean", "median", "max", "count"])
    metrics = {
        "rows": len(values),
        "columns": 2,
        "first": str(values.index[0]),
        "last": str(values.index[-1]),
        "step_minutes": STEP.total_seconds() / 60,
        "missing": int(values.isna().sum()),
        **dict(zip(("mean", "sd", "min", "q25", "median", "q75", "max"), values.describe().tolist()[1:], strict=True)),
        "dtype": "int64" if (values % 1 == 0).all() else "float64",
        "windows": [list(pair) for pair in series.windows],
        "window_times": [[str(values.index[a]), str(values.index[b])] for a, b in series.windows],
        "window_maxima": [float(values.iloc[a : b + 1].max()) for a, b in series.windows],
        "anomalous_share": float(series.labels.mean()),
        "months": [{"month": str(m), **{k: float(v) for k, v in row.items()}} for m, row in months.iterrows()],
        "bursts": _bursts(series),
        "trend": _trend(values),
        "season": _season(hourly["mean"]),
    }
    daily = values.resample("1D").median()
    quantiles = {"median": 0.5, "q25": 0.25, "q75": 0.75, "q99": 0.99, "max": 1.0}
    arrays = {
        "hourly_time": _seconds(hourly.index),
        **{f"hourly_{name}": hourly[name].to_numpy(np.float32) for name in ("min", "mean", "max")},
        **{f"hour_{name}": by_hour.quantile(q).to_numpy() for name, q in quantiles.items()},
        "grid": values.groupby([values.index.weekday, values.index.hour]).median().unstack().to_numpy(),
        "daily_median_day": _seconds(daily.index),
        "daily_median": daily.to_numpy(),
    }
    return metrics, arrays


def _seconds(times: pd.DatetimeIndex) -> np.ndarray:
    """Since 1970, int64."""
    return times.to_numpy().astype("datetime64[s]").astype(np.int64)


def _bursts(series: Series, count: int = 8) -> list[dict]:
    """The highest bursts: rows above the quantile HIGH, merged within one hour, by falling peak."""
    high = np.flatnonzero(series.values > np.quantile(series.values, HIGH))
    found = []
    for group in np.split(high, np.flatnonzero(np.diff(high) > HOUR_ROWS) + 1):
        peak = group[np.argmax(series.values[group])]
        rows = {"time": peak, "first": group[0], "last": group[-1]}
        times = {name: str(pd.Timestamp(series.timestamps[row])) for name, row in rows.items()}
        labelled = bool(series.labels[group].any())
        found.append({"row": int(peak), **times, "peak": float(series.values[peak]), "labelled": labelled})
    return sorted(found, key=lambda burst: -burst["peak"])[:count]


def _trend(values: pd.Series) -> dict:
    """Kendall's tau of daily medians against time (full days only), the Mann-Kendall test of a monotone trend."""
    full = values.resample("1D").count() == DAY_ROWS
    daily = values.resample("1D").median()[full]
    tau, p = stats.kendalltau(np.arange(len(daily)), daily)
    slope, _, low, high = stats.theilslopes(daily, np.arange(len(daily)))
    return {
        "days": len(daily), "tau": float(tau), "p": float(p), "slope_per_day": float(slope),
        "slope_low": float(low), "slope_high": float(high),
    }  # fmt: skip


def _season(hourly: pd.Series) -> dict:
    """Daily and weekly cycle of hourly log counts: autocorrelation, MSTL strength, Friedman tests.

    Strength is 1 - Var(remainder) / Var(season + remainder) of Wang, Smith & Hyndman (2006). The Friedman tests
    take days (for hours) and weeks (for weekdays) as blocks, so that autocorrelation between blocks does no harm.
    """
    log = np.log1p(hourly)
    correlation = acf(log, nlags=24 * 7, fft=True)
    parts = MSTL(log.to_numpy(), periods=(24, 168)).fit()
    residual = parts.resid
    strength = [max(0.0, 1 - residual.var() / (s + residual).var()) for s in parts.seasonal.T]
    days = log.groupby([log.index.normalize(), log.index.hour]).mean().unstack().dropna()
    daily = log.resample("1D").mean()[log.resample("1D").count() == 24]
    weeks = daily.groupby([daily.index.to_period("W"), daily.index.weekday]).mean().unstack().dropna()
    return {
        "acf_day": float(correlation[24]),
        "acf_week": float(correlation[168]),
        "white_noise_limit": float(1.96 / np.sqrt(len(log))),
        "strength_day": float(strength[0]),
        "strength_week": float(strength[1]),
        "hour_p": float(stats.friedmanchisquare(*days.to_numpy().T).pvalue),
        "hour_days": len(days),
        "weekday_p": float(stats.friedmanchisquare(*weeks.to_numpy().T).pvalue),
        "weekday_weeks": len(weeks),
    }
