"""Readings of one's own, a row for each component: read from a CSV file, and judged by a detector fitted to them.

The first half of the rows fits the detector, the next quarter sets its threshold, the rest is judged. What is left out
is noted in words; what has two meanings is refused with file, line and remedy.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from study.catalog import DataError
from study.manufacturing.detectors import COMPONENTS
from study.manufacturing.evaluation import FALSE_ALARMS
from study.own_data import cells_of, like_numbers, numbers
from study.prose import count, join_list, percent

LEAST_ROWS = 40
MOST_MISSING = 0.1  # share of rows without some reading
EXPLAINED = 0.98  # share of the variance in the fitted rows that PCA's components have to explain
FAR = 10  # ranges between quartiles, from the nearer one, from which on a reading in the first half is noted
ROWS_A_COMPONENT = 10  # of the fitted rows: with fewer, PCA knows these rows by heart and no others

Rebuild = Callable[[np.ndarray], np.ndarray]
"""Vectors (n, width) to their reconstructions, of the same shape."""


def read(file: str | Path) -> pd.DataFrame:
    """The columns of a file that hold numbers, float64, NaN where empty; rows are indexed by their lines, from 1.

    `attrs["notes"]` says what was read into it, or left out. Raises catalog.DataError, naming file, line and remedy.
    """
    file, notes = Path(file), []
    delimiter, header, names, rows = cells_of(file, notes, _is_header)
    if header is None:
        notes.append("without a header, columns are named by their places")
    if len(set(names)) < len(names):
        twice = join_list(sorted({name for name in names if names.count(name) > 1}))
        raise DataError(f"{file}, line {header}: names columns twice: {twice}. Give each a name of its own.")
    cells = pd.DataFrame.from_dict(rows, orient="index", columns=names)
    # Text that stands in half of a column's rows or more is meant, as names and times are; in a few it is a fault.
    kept = [name for name in names if like_numbers(cells[name]).sum() > len(cells) / 2]
    if not kept:
        raise DataError(
            f"{file} holds no column of numbers. Give it a column for each reading, a row for each component."
        )
    if len(kept) < len(names):
        notes.append(f"mostly without numbers, so left out: {_listed([name for name in names if name not in kept])}")
    texts = pd.Series(cells[kept].to_numpy().ravel(), index=cells.index.repeat(len(kept)))
    values = numbers(texts, delimiter, file, notes).to_numpy().reshape(len(cells), -1)
    table = pd.DataFrame(values, index=cells.index.rename("line"), columns=kept)
    table.attrs |= {"file": str(file), "notes": notes}
    return table


def _is_header(first: list[str]) -> bool:
    """Whether the first row names columns: it holds no number, or counts the columns."""
    given = [cell for cell in first if cell]
    counts = any(given == [str(i) for i in range(start, start + len(given))] for start in (0, 1))
    return counts or not like_numbers(pd.Series(first)).any()


def usable(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows and columns of a table that a detector can be fitted to, float64, and notes on what was left out.

    Raises DataError, with a remedy, for too few rows or columns, too many missing readings, or infinite ones.
    """
    file, notes = table.attrs.get("file", "The table"), list(table.attrs.get("notes", ()))
    found = table.select_dtypes("number").astype(np.float64)
    if found.shape[1] < table.shape[1]:
        notes.append(f"without numbers, so left out: {_listed(table.columns.difference(found.columns, sort=False))}")
    infinite = np.isinf(found).any(axis=1)
    if infinite.any():
        raise DataError(
            f"{file}, line {found.index[infinite][0]}: a reading is infinite. Correct it, or leave it empty."
        )
    missing = found.isna().any(axis=1)
    if missing.mean() > MOST_MISSING:
        worst = found.isna().sum().idxmax()
        raise DataError(
            f"{file}: {missing.sum():,} of {len(found):,} rows lack a reading, most often {worst}. Fill them in, or "
            "leave such columns out."
        )
    if missing.any():
        notes.append(
            f"{count(missing.sum(), 'row')} without some reading left out, first line {found.index[missing][0]}"
        )
    found = found[~missing]
    if len(found) < LEAST_ROWS:
        raise DataError(f"{file}: {len(found)} rows are too few. Give {LEAST_ROWS} or more, better some hundreds.")
    constant = np.ptp(found.iloc[: len(found) // 2], axis=0) == 0
    rising = (found.diff().iloc[1:] > 0).all()
    for left_out, why in ((constant, "constant in the first half"), (rising, "rising from row to row, as times do")):
        if left_out.any():
            notes.append(f"{why}, so left out: {_listed(found.columns[left_out])}")
    found = found.loc[:, ~(constant | rising)]
    if found.shape[1] < 2:
        raise DataError(f"{file}: {count(found.shape[1], 'column')} can be used. Give two or more readings that vary.")
    return found, notes


def pca(vectors: np.ndarray) -> tuple[Rebuild, str]:
    """PCA of vectors (n, width): what rebuilds others from its components, and how many of them there are, in words.

    As many as explain EXPLAINED of the variance, but at most 32, half of the columns, and one for every ten rows.
    """
    rows, width = vectors.shape
    fitted = PCA(svd_solver="full").fit(vectors)
    enough = int((fitted.explained_variance_ratio_.cumsum() < EXPLAINED).sum()) + 1
    n = max(1, min(enough, COMPONENTS, width // 2, rows // ROWS_A_COMPONENT))
    axes, mean = fitted.components_[:n], fitted.mean_
    explained = fitted.explained_variance_ratio_[:n].sum()
    words = f"PCA with {count(n, 'component')}, {percent(explained)} of the variance"
    return lambda x: mean + (x - mean) @ axes.T @ axes, words


def judge(
    table: pd.DataFrame, fit: Callable[[np.ndarray], tuple[Rebuild, str]] = pca
) -> tuple[pd.DataFrame, list[str]]:
    """Each usable row's score and what follows from it, indexed as before, and notes on what was done.

    Columns: `score`, the mean squared error of the reconstruction, each reading in units of its range in the first
    half; `threshold`, which 1% of the second part's rows exceed at most, of 100 or fewer none; `part`: "fit",
    "threshold" or "judged"; `alarm`, for judged rows above the threshold; and `worst`, the column that departs most.
    Raises DataError as `usable` does.
    """
    readings, notes = usable(table)
    values, half = readings.to_numpy(), len(readings) // 2
    after = half + (len(readings) - half) // 2
    notes += _widened(readings.iloc[:half])
    low, high = values[:half].min(axis=0), values[:half].max(axis=0)
    scaled = (values - low) / (high - low)
    rebuild, words = fit(scaled[:half])
    errors = np.square(scaled - rebuild(scaled))
    scores = errors.mean(axis=1)
    limit = float(np.quantile(scores[half:after], 1 - FALSE_ALARMS, method="higher"))
    part = np.repeat(["fit", "threshold", "judged"], [half, after - half, len(values) - after])
    columns = {
        "score": scores, "threshold": limit, "part": part,
        "alarm": (scores > limit) & (part == "judged"), "worst": readings.columns[errors.argmax(axis=1)],
    }  # fmt: skip
    notes.append(f"{words}; {half} rows fit it, {after - half} set the threshold, {len(values) - after} are judged")
    return pd.DataFrame(columns, index=readings.index), notes


def _widened(first: pd.DataFrame) -> list[str]:
    """A note on readings that lie so far from the others that their column's range says little about it."""
    q1, q3 = first.quantile(0.25), first.quantile(0.75)
    far = (first < q1 - FAR * (q3 - q1)) | (first > q3 + FAR * (q3 - q1))
    far = far.loc[:, (q3 > q1) & far.any()]
    places = [f"{name}, first in line {far.index[far[name]][0]}" for name in far]
    return [f"far from the others, which hides smaller faults of {_listed(places)}"] if places else []


def _listed(names: pd.Index | list[str]) -> str:
    more = [f"{len(names) - 5:,} more"] if len(names) > 5 else []
    return join_list([*map(str, names[:5]), *more])
