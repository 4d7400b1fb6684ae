"""Label-free anomaly detectors to measure the autoencoders against.

Each maps one series of volumes (counts per time step, shape (n,), finite, not negative) to one anomaly score
per row: float64 of shape (n,), finite, higher meaning more anomalous. Scores are causal: the score of a row
uses that row, the rows before it, and parameters fitted on the probation rows at the start of the series. No
label is read. All raise ValueError for values of another kind and for a probation too short or too flat to
fit on.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest

from study.anomaly.scoring import probation_rows
from study.anomaly.series import WINDOW


def value_score(values: ArrayLike) -> np.ndarray:
    """The value itself, in units of the probation: 0 is its median, 1 its 99th percentile.

    Ranks the rows of a series as the raw values do; the units let one threshold serve several series.
    """
    values = _checked_values(values)
    median, high = np.quantile(values[: probation_rows(len(values))], [0.5, 0.99])
    if high == median:
        raise ValueError(f"values must vary in the probation; its median and 99th percentile are both {high}")
    return (values - median) / (high - median)


def windowed_gaussian(values: ArrayLike, window: int = 6400, step: int = 100) -> np.ndarray:
    """-log10 of the tail probability of a value under a Gaussian fitted to rows before it.

    The Gaussian has the mean and the standard deviation of all preceding rows until there are `window` of
    them, then of `window` rows that move on once every `step` rows. The tail is the one beyond the value, on
    its side of the mean. The default lengths reproduce NAB's published windowedGaussian output, whose score
    is 1 - tail rounded to 12 digits. The first row, with nothing before it, scores 0.

    Raises ValueError also for `window` or `step` below 1.
    """
    values = _checked_values(values)
    if window < 1 or step < 1:
        raise ValueError(f"window and step must be at least 1 row, got {window} and {step}")
    deviations = np.zeros(len(values))
    for row in range(1, len(values)):
        stop = row if row <= window else window + (row - window) // step * step
        past = values[max(0, stop - window) : stop]
        # A constant past would divide by zero; any count off it is then far out of bounds.
        deviations[row] = abs(values[row] - past.mean()) / max(past.std(), 1e-6)
    scores = -norm.logsf(deviations) / np.log(10)
    scores[0] = 0.0
    return scores


def pca_reconstruction(values: ArrayLike, components: int = 5) -> np.ndarray:
    """Mean squared error of reconstructing the last 30 rows from `components` principal components.

    Values enter as log(1 + value), standardised by the probation's mean and standard deviation; the
    components are fitted on the windows inside the probation. Rows without 30 rows up to them score 0.

    Raises ValueError also for `components` outside 1 to 30 or a probation with fewer windows than components.
    """
    if not 1 <= components <= WINDOW:
        raise ValueError(f"components must be 1 to {WINDOW}, got {components}")
    logs = np.log1p(_checked_values(values))
    probation = logs[: probation_rows(len(logs))]
    windows, fitted_on = _windows(logs, WINDOW, at_least=components)
    windows = (windows - probation.mean()) / probation.std()
    pca = PCA(components, svd_solver="full").fit(windows[:fitted_on])
    errors = windows - pca.inverse_transform(pca.transform(windows))
    return _from_first_window((errors**2).mean(axis=1), len(logs))


def isolation_forest(values: ArrayLike, seed: int = 0) -> np.ndarray:
    """Isolation-forest anomaly score (Liu, Ting and Zhou 2008) of the last 30 rows, between 0 and 1.

    Values enter as log(1 + value); scikit-learn's default forest is fitted on the windows inside the
    probation. Rows without 30 rows up to them score 0.
    """
    windows, fitted_on = _windows(np.log1p(_checked_values(values)), WINDOW, at_least=2)
    forest = IsolationForest(random_state=seed).fit(windows[:fitted_on])
    return _from_first_window(-forest.score_samples(windows), len(windows) + WINDOW - 1)


def sub_pca(values: ArrayLike, length: int = 100) -> np.ndarray:
    """Sub-PCA, the best detector of TSB-AD (Liu & Paparrizos 2024), fitted on the probation alone and causal.

    Windows of `length` rows, standardised row by row of the window, are points; a window's score is the sum, over all
    principal components, of its distance to the component's unit vector divided by the component's share of the
    variance. TSB-AD fits the whole series and gives a window's score to its middle row; here it belongs to the last
    row, in units of the probation's median. Rows without `length` rows up to them score 0.

    Raises ValueError also for a probation with fewer windows than a window has rows.
    """
    windows, fitted_on = _windows(_checked_values(values), length, at_least=length + 1)
    head = windows[:fitted_on]
    # A row of the window that never varies in the probation carries no scale of its own.
    points = (windows - head.mean(axis=0)) / np.maximum(head.std(axis=0), 1e-6)
    pca = PCA(svd_solver="full").fit(points[:fitted_on])
    squared = (points**2).sum(axis=1, keepdims=True) - 2 * points @ pca.components_.T + 1
    scores = (np.sqrt(np.maximum(squared, 0)) / np.maximum(pca.explained_variance_ratio_, 1e-12)).sum(axis=1)
    return _from_first_window(scores / np.median(scores[:fitted_on]), len(windows) + length - 1)


def poly(values: ArrayLike, length: int = WINDOW, degree: int = 4, neighbourhood: int = 300) -> np.ndarray:
    """POLY, the second-best simple detector of TSB-AD, causal: how far the newest rows lie off a polynomial.

    A polynomial is fitted to the last `neighbourhood` rows; the score is the root mean square of the last `length`
    residuals, in units of the probation's median. TSB-AD fits rows on both sides of a window and leaves the window
    itself out. Rows without `neighbourhood` rows up to them score 0.

    Raises ValueError also for a probation shorter than `neighbourhood`.
    """
    windows, fitted_on = _windows(_checked_values(values), neighbourhood, at_least=1)
    powers = np.polynomial.legendre.legvander(np.linspace(-1, 1, neighbourhood), degree)
    residuals = np.eye(neighbourhood) - powers @ np.linalg.pinv(powers)
    scores = np.sqrt(((windows @ residuals[:, -length:]) ** 2).mean(axis=1))
    return _from_first_window(scores / np.median(scores[:fitted_on]), len(windows) + neighbourhood - 1)


BASELINES = {
    "value": value_score,
    "windowed_gaussian": windowed_gaussian,
    "pca_reconstruction": pca_reconstruction,
    "isolation_forest": isolation_forest,
    "sub_pca": sub_pca,
    "poly": poly,
}


def _checked_values(values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"values must be one series of shape (n,), got shape {values.shape}")
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise ValueError(f"values must be finite and not negative, got {values[bad[0]]} at row {bad[0]}")
    if len(values) == 0 or probation_rows(len(values)) == 0:
        raise ValueError(f"values must have a probation (15 % of the rows), got only {len(values)} rows")
    return values


def _windows(values: np.ndarray, length: int, at_least: int) -> tuple[np.ndarray, int]:
    """Windows of `length` rows, one ending at each row that has as many, and how many lie in the probation."""
    start = probation_rows(len(values))
    fitted_on = start - length + 1
    if fitted_on < at_least:
        raise ValueError(
            f"the probation must hold {at_least} windows of {length} rows, that is {at_least + length - 1} "
            f"rows; it has {start} (15 % of {len(values)})"
        )
    if np.ptp(values[:start]) == 0:
        raise ValueError(f"values must vary in the probation; all {start} of its rows are equal")
    return np.lib.stride_tricks.sliding_window_view(values, length), fitted_on


def _from_first_window(window_scores: np.ndarray, rows: int) -> np.ndarray:
    """Scores of windows as scores of the rows they end at, (rows,): 0 before the first."""
    return np.concatenate([np.zeros(rows - len(window_scores)), window_scores])
