"""The detectors of Part II: keys in the run store, names in the report, and where they come from."""

NOTEBOOK = "part2_nab_autoencoders"
AUTOENCODERS = ("base", "version-1", "version-2", "version-3")
"""The original's, judged by its protocol and by NAB's."""
BASELINES = ("value", "windowed_gaussian", "pca_reconstruction", "isolation_forest", "sub_pca", "poly")
"""Functions of `study.anomaly.baselines`, by their keys there."""
SURGE_AE = "surge-ae"
SURGE_MEAN = "surge-mean"  # the same scoring of deviations from the running mean, without a network
OURS = SURGE_AE
"""The detector that the report puts forward: the better of the two on the nine series other than AAPL."""
PUBLISHED = (
    "ARTime", "bayesChangePt", "contextOSE", "earthgeckoSkyline", "expose", "htmjava", "knncad", "null", "numenta",
    "numentaTM", "random", "randomCutForest", "relativeEntropy", "skyline", "twitterADVec", "windowedGaussian",
)  # fmt: skip
"""The detectors whose scores for every row of the ten series NAB publishes, by its names."""

NAMES = {
    "base": "Base",
    "version-1": "Version 1",
    "version-2": "Version 2",
    "version-3": "Version 3",
    SURGE_AE: "Surge-AE",
    SURGE_MEAN: "Surge-mean",
    "value": "Value threshold",
    "windowed_gaussian": "Windowed Gaussian",
    "pca_reconstruction": "PCA",
    "isolation_forest": "Isolation forest",
    "sub_pca": "Sub-PCA",
    "poly": "POLY",
    **{name: name for name in PUBLISHED},
}
"""How the report calls a detector of the run store; one of the reader's own is called by its key."""

KINDS = {"ours": (SURGE_AE, SURGE_MEAN), "original": AUTOENCODERS, "baseline": BASELINES, "published": PUBLISHED}
"""Where detectors come from; one of the reader's own is of the kind `yours`."""


def kind_of(key: str) -> str:
    """Where a detector comes from: one of KINDS, or `yours`."""
    return next((kind for kind, keys in KINDS.items() if key in keys), "yours")


def function_of(model: str) -> str:
    """The name of the notebook's function that defines an autoencoder, by the autoencoder's key."""
    return model.replace("-", "_")


def scores_file(detector: str) -> str:
    """The catalog's file of the scores of one of PUBLISHED on all ten series."""
    return f"nab/detectors/scores/{detector}.csv.gz"
