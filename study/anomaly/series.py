"""The NAB Twitter series: loading, checking, the synthetic stand-in, and windows.

Real series are `timestamp,value` files of the Numenta Anomaly Benchmark (Lavin & Ahmad 2015): tweets that mention a
company, counted every five minutes, with labelled anomaly windows.
"""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from study import catalog
from study.anomaly.scoring import window_of_rows

AAPL = "AAPL"
OTHERS = ("AMZN", "CRM", "CVS", "FB", "GOOG", "IBM", "KO", "PFE", "UPS")
ALL = (AAPL, *OTHERS)
WINDOWS_FILE = "nab/combined_windows.json"
STEP = pd.Timedelta(minutes=5)
HOUR_ROWS = 12
DAY_ROWS = 24 * HOUR_ROWS
WINDOW = 30  # rows in an autoencoder's input, as published


@dataclass(frozen=True)
class Series:
    """One series: `timestamps` (n,) datetime64, `values` (n,) float64 counts, `windows` inclusive row pairs."""

    name: str
    timestamps: np.ndarray
    values: np.ndarray
    windows: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def labels(self) -> np.ndarray:
        """(n,) bool: whether the row lies in a labelled window."""
        return window_of_rows(len(self), self.windows) >= 0


def data_names(name: str, data: str) -> list[str]:
    """The catalog's files behind a series, or its synthetic name."""
    if data == "synthetic":
        return [f"synthetic/{name}"]
    return [f"nab/Twitter_volume_{name}.csv", WINDOWS_FILE]


def load(name: str, data: str, synthetic_rows: int = 0) -> Series:
    """The series of a company, `real` from the catalog or the `synthetic` stand-in.

    Raises ValueError for an unknown name, catalog.DataError when a file is missing or isn't as expected.
    """
    if name not in ALL:
        raise ValueError(f"Unknown series '{name}'. Choose one of: {', '.join(ALL)}.")
    if data == "synthetic":
        return synthetic(name, synthetic_rows)
    file, labels = (catalog.fetch(n) for n in data_names(name, data))
    table = pd.read_csv(file, parse_dates=["timestamp"])  # verified: it is what the catalog says
    marked = json.loads(labels.read_text(encoding="utf-8"))[f"realTweets/Twitter_volume_{name}.csv"]
    timestamps = table["timestamp"].to_numpy()
    return Series(name, timestamps, table["value"].to_numpy(dtype=np.float64), row_windows(timestamps, marked))


def row_windows(timestamps: np.ndarray, marked: list[list[str]]) -> tuple[tuple[int, int], ...]:
    """Labelled windows as inclusive row pairs. Raises catalog.DataError if a limit is not a row of the series."""
    rows = pd.Index(timestamps).get_indexer([pd.Timestamp(limit) for pair in marked for limit in pair])
    if (rows < 0).any():
        raise catalog.DataError(
            f"{WINDOWS_FILE}: {(rows < 0).sum()} window limits are no rows of the series. "
            "Take series and windows of the same revision."
        )
    return tuple((int(a), int(b)) for a, b in rows.reshape(-1, 2))


def synthetic(name: str, rows: int) -> Series:
    """A stand-in of the same schema, made from a seed: a daily cycle, Poisson counts, bursts, labelled windows.

    Three of four large bursts are labelled; the last one, unlabelled, stands for what NAB's labels leave out.
    Raises ValueError below 1,000 rows, since bursts and a probation period would not fit.
    """
    if rows < 1000:
        raise ValueError(f"A synthetic series needs 1,000 rows or more, not {rows}.")
    rng = np.random.default_rng([ALL.index(name), 20150226])
    row = np.arange(rows)
    timestamps = pd.date_range("2015-02-26 21:42:53", periods=rows, freq=STEP).to_numpy()
    level = rng.uniform(30, 80) * (1.3 + np.sin(2 * np.pi * (row / 288 - 0.3))) * np.exp(rng.normal(0, 0.25, rows))
    bursts = np.linspace(0.3, 0.9, 4) * rows + rng.integers(-rows // 60, rows // 60, 4)
    for start in bursts.astype(int):
        after = np.clip(row - start, 0, None)
        level = level + (row >= start) * rng.uniform(800, 4000) * np.exp(-after / rng.uniform(3, 12))
    values = rng.poisson(level).astype(np.float64)
    half = rows // 80
    windows = tuple((int(start) - half, int(start) + half) for start in bursts[:3])
    return Series(name, timestamps, values, windows)


def windows_of(values: np.ndarray) -> np.ndarray:
    """All overlapping windows: (n,) to (n - 29, 30, 1) float32; window i ends at row i + 29.

    Raises ValueError when the series is shorter than a window.
    """
    if len(values) < WINDOW:
        raise ValueError(f"{len(values)} rows are fewer than one window of {WINDOW}.")
    return np.lib.stride_tricks.sliding_window_view(values.astype(np.float32), WINDOW)[..., None].copy()


def parts(n: int) -> dict[str, slice]:
    """The original's chronological 70/15/15 split of n rows."""
    first, second = int(0.7 * n), int(0.85 * n)
    return {"train": slice(0, first), "middle": slice(first, second), "last": slice(second, n)}


def original_windows(values: np.ndarray) -> tuple[dict[str, np.ndarray], float, float]:
    """A series (n,) as the original fed it to its autoencoders, and the counts that became 0 and 1.

    The series is split, scaled by minimum and maximum of the training part, and cut into windows (m, 30, 1) float32
    within each part.
    """
    split = parts(len(values))
    low, high = values[split["train"]].min(), values[split["train"]].max()
    return {name: windows_of((values[rows] - low) / (high - low)) for name, rows in split.items()}, low, high


def digest_of(windows: np.ndarray) -> str:
    """What tells one array of windows from another: 12 hexadecimal digits of the SHA-256 of its shape and values."""
    content = f"{windows.shape}".encode() + np.ascontiguousarray(windows, dtype="<f4").tobytes()
    return hashlib.sha256(content).hexdigest()[:12]
