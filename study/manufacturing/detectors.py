"""Anomaly detectors for vectors of the line, fitted without labels, and three ways to improve on a single one.

Every detector is fitted on production cycles and scores vectors (n, width) to (n,) float64, higher meaning more
anomalous. All refuse vectors of another width, outside [0, 1] or not finite.
"""

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from study.manufacturing.line import STEPS, as_stations

COMPONENTS = 32
"""Principal components, as many as the autoencoder's bottleneck has units."""

AUTOENCODER, PCA_NAME, FOREST, LIMITS, ENSEMBLE = "Autoencoder", "PCA", "Isolation forest", "Limit check", "Ensemble"
SINGLE = (AUTOENCODER, PCA_NAME, FOREST, LIMITS)
"""The detectors that are fitted on unlabelled production alone."""
REBUILDING = (AUTOENCODER, PCA_NAME)
HEAT_CHECK = "Heat-balance check"
WORST, OR_CHECK = "{}, worst gauge", "{} or check"
"""Names of what is made of a detector that rebuilds vectors."""
COMBINED = {ENSEMBLE: SINGLE} | {OR_CHECK.format(name): (name, HEAT_CHECK) for name in REBUILDING}
"""Combinations, with their members."""
PRICED = (*SINGLE, ENSEMBLE, WORST.format(AUTOENCODER))
"""The detectors whose costs are worked out."""
IN_SERVICE = (AUTOENCODER, PCA_NAME, LIMITS, WORST.format(AUTOENCODER))
"""The detectors that are judged with noisy and broken gauges."""

Score = Callable[[np.ndarray], np.ndarray]


def checked(vectors: np.ndarray, width: int) -> np.ndarray:
    """The vectors as they are, or ValueError if they are not (n, width) finite numbers in [0, 1]."""
    vectors = np.asarray(vectors)
    if vectors.ndim != 2 or vectors.shape[1] != width:
        raise ValueError(f"expected vectors of shape (n, {width}), one row a cycle; got shape {vectors.shape}")
    if not np.issubdtype(vectors.dtype, np.floating):
        raise ValueError(f"expected floating-point readings, got {vectors.dtype}; scale them to [0, 1] first")
    for wrong, advice in (
        (~np.isfinite(vectors), "expected finite numbers; leave the cycle out or repair the reading"),
        ((vectors < 0) | (vectors > 1), "expected values in [0, 1]; scale each gauge by its measuring range"),
    ):
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise ValueError(f"reading {column} of vector {row} is {vectors[row, column]}: {advice}")
    return vectors


class Pca:
    """Reconstruction from 32 principal components; the score is its mean squared error."""

    def __init__(self, vectors: np.ndarray) -> None:
        self.width = vectors.shape[1]
        self._fitted = PCA(COMPONENTS, svd_solver="arpack", random_state=0)
        self._fitted.fit(checked(vectors, self.width).astype(np.float64))

    def residuals(self, vectors: np.ndarray) -> np.ndarray:
        """Reading minus reconstruction, of the vectors' shape."""
        centred = checked(vectors, self.width) - self._fitted.mean_
        return centred - (centred @ self._fitted.components_.T) @ self._fitted.components_

    def score(self, vectors: np.ndarray) -> np.ndarray:
        return np.square(self.residuals(vectors)).mean(axis=1)


def isolation_forest(vectors: np.ndarray, seed: int) -> Score:
    """The score of an isolation forest (Liu, Ting and Zhou 2008) of 100 trees."""
    width = vectors.shape[1]
    fitted = IsolationForest(random_state=seed).fit(checked(vectors, width))
    return lambda x: -fitted.score_samples(checked(x, width))


def limit_check(vectors: np.ndarray) -> Score:
    """The traditional rule: the largest deviation of any single reading from its mean, in its standard deviations."""
    width = vectors.shape[1]
    mean, sd = checked(vectors, width).mean(axis=0), np.maximum(vectors.std(axis=0), 1e-6)
    return lambda x: (np.abs(checked(x, width) - mean) / sd).max(axis=1).astype(np.float64)


def ensemble(scores: Mapping[str, np.ndarray], on_normal: Mapping[str, np.ndarray]) -> np.ndarray:
    """One score from several, (n,): the highest of their logarithms, each standardised on normal cycles.

    `scores` and `on_normal` hold, for every detector, its positive scores of the judged and of normal cycles.
    """
    normal = {name: np.log(on_normal[name]) for name in scores}
    return np.max([(np.log(scores[name]) - n.mean()) / n.std() for name, n in normal.items()], axis=0)


def gauge_errors(residuals: np.ndarray) -> np.ndarray:
    """Mean squared error of each of the 50 gauges: residuals (n, 1000) to (n, 50)."""
    return np.square(as_stations(residuals), dtype=np.float64).mean(axis=3).reshape(len(residuals), -1)


def worst_gauge(residuals: Score, vectors: np.ndarray) -> Score:
    """The score of the gauge that errs most, each in units of its mean error on the vectors of the fit (n, 1000)."""
    usual = gauge_errors(residuals(vectors)).mean(axis=0)
    return lambda x: (gauge_errors(residuals(x)) / usual).max(axis=1)


def residual_features(residuals: np.ndarray) -> np.ndarray:
    """Nine summaries of where and how a vector (n, 1000) is badly reconstructed, independent of the place: (n, 9).

    Logarithms of: the mean square, the largest reading, the largest two neighbouring readings, the largest gauge, the
    second largest gauge, the largest station, the largest mean of a gauge, the largest trend of a gauge, and the mean
    square of the gauges' means.
    """
    r = as_stations(residuals.astype(np.float64))
    square, means = r**2, r.mean(axis=3)
    gauges = np.sort(square.mean(axis=3).reshape(len(r), -1), axis=1)
    columns = [
        square.mean(axis=(1, 2, 3)),
        np.abs(r).max(axis=(1, 2, 3)),
        np.abs(r[..., 1:] + r[..., :-1]).max(axis=(1, 2, 3)),
        gauges[:, -1],
        gauges[:, -2],
        square.mean(axis=(2, 3)).max(axis=1),
        np.abs(means).max(axis=(1, 2)),
        np.abs((r * np.linspace(-1, 1, STEPS)).mean(axis=3)).max(axis=(1, 2)),
        (means**2).mean(axis=(1, 2)),
    ]
    return np.log(np.stack(columns, axis=1) + 1e-12)


def learn_from_labels(normal: np.ndarray, faulty: np.ndarray) -> Score:
    """A logistic regression on features (n, k) of labelled normal and faulty cycles, both classes weighted alike.

    Raises ValueError unless both classes have an example.
    """
    if not len(normal) or not len(faulty):
        raise ValueError(f"labels of both classes are needed, got {len(normal)} normal and {len(faulty)} faulty cycles")
    classifier = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000))
    classifier.fit(np.concatenate([normal, faulty]), np.repeat([0, 1], [len(normal), len(faulty)]))
    return classifier.decision_function
