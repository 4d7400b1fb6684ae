"""How the runs of Part II are made: data in, metrics and arrays out. `study.anomaly.experiments` lists them.

A model is a function without arguments that returns a Keras model for windows of shape (30, 1), not compiled: one of
the notebook's, whose records name it, or any other that is given as `make`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from study import catalog, definitions, keras_training
from study.anomaly import baselines, description, detection, detectors, own, scoring
from study.anomaly.series import AAPL, ALL, DAY_ROWS, OTHERS, WINDOW, Series, load, original_windows, windows_of
from study.runs import Outcome

Make = Callable[[], keras.Model]
LONG = 5
"""Epochs from which on a training is worth XLA's compilation, which takes ten seconds, of LSTM layers forty."""


def published_models() -> dict[str, Make]:
    """The original's four, by key: the functions in the notebook's `model` cells."""
    models = definitions.notebook(detectors.NOTEBOOK)
    return {key: getattr(models, detectors.function_of(key)) for key in detectors.AUTOENCODERS}


def build(make: Make, seed: int, epochs: int) -> keras.Model:
    """A freshly initialised model, compiled with Adam and mean squared error, as published.

    By itself Keras leaves LSTM layers to no compiler, whose training step then takes four times as long; a model that
    is trained for LONG epochs or more is compiled by XLA, and takes several steps at once.
    """
    keras.utils.set_random_seed(seed)
    model = make()
    at_once = {"steps_per_execution": keras_training.STEPS_AT_ONCE, "jit_compile": True}
    model.compile(keras.optimizers.Adam(), loss="mse", **at_once if epochs >= LONG else {"jit_compile": False})
    return model


def _series(spec: dict, name: str) -> Series:
    rows = spec["settings"].get("synthetic_rows", 0)
    return load(name, "synthetic" if rows else "real", rows)


def describe_series(spec: dict, scratch: Path) -> Outcome:
    return description.describe(_series(spec, AAPL))


def train_as_published(
    spec: dict, scratch: Path, make: Make | None = None, windows: Mapping[str, np.ndarray] | None = None
) -> Outcome:
    """Train a model as the original did, on `windows["train"]` (n, 30, 1), and measure it on `middle` and `last` too.

    By default these are the windows of the Apple series, as `original_windows` cuts them. The trained weights are kept.
    """
    windows = windows or original_windows(_series(spec, AAPL).values)[0]
    epochs, seed = spec["settings"]["epochs"], spec["seed"]
    model = build(make or published_models()[spec["model"]], seed, epochs)
    others = {name: windows[name] for name in ("last", "middle")}
    history = keras_training.fit(model, windows["train"], epochs, seed, others, scratch)
    errors = {name: keras_training.errors(model, part) for name, part in windows.items()}
    # Predicting the training part's mean everywhere is the floor that a reconstruction has to beat.
    floor = {name: float(np.square(part - windows["train"].mean()).mean()) for name, part in windows.items()}
    variance = {name: float(part.var()) for name, part in windows.items()}
    loss = {name: float(e.mean()) for name, e in errors.items()}
    metrics = {
        "parameters": model.count_params(),
        "train_loss_first": history["loss"][0],
        "train_loss": history["loss"][-1],
        "middle_loss": loss["middle"],
        "last_loss": loss["last"],
        "constant_loss": floor,
        "variance": variance,
        "r2": {name: 1 - loss[name] / variance[name] for name in windows},
    }
    arrays = {f"errors_{name}": e.astype(np.float32) for name, e in errors.items()}
    arrays |= {f"history_{name}": np.array(values) for name, values in history.items()}
    return metrics, arrays | keras_training.weights_of(model)


def judge_on_stream(spec: dict, scratch: Path, make: Make | None = None) -> Outcome:
    """Score all ten series causally, choose the alarm rules on nine, judge AAPL."""
    series = {name: _series(spec, name) for name in ALL}
    if make or spec["model"] in detectors.AUTOENCODERS:
        return _stream(make or published_models()[spec["model"]], series, spec, scratch)
    if spec["model"] == detectors.SURGE_AE:
        training, judged = _training_pairs(series, AAPL), {name: _pair(one) for name, one in series.items()}
        scores, loss = own.fit_and_score(training, judged, spec["seed"], **_sizes(spec))
        metrics, arrays = detection.judge(scores, series)
        return {"train_loss": loss, **metrics}, arrays
    score = own.score_without_network if spec["model"] == detectors.SURGE_MEAN else baselines.BASELINES[spec["model"]]
    return detection.judge({name: score(one.values) for name, one in series.items()}, series)


def _stream(make: Make, series: dict[str, Series], spec: dict, scratch: Path) -> Outcome:
    """An autoencoder under NAB's protocol: fitted on the probation rows of all ten series together, without labels.

    Each series is scaled by its own probation rows. The score of a row is the error of the window that ends there,
    over the median error of the series' probation.
    """
    windows, head = {}, {}
    for name, one in series.items():
        head[name] = scoring.probation_rows(len(one)) - WINDOW + 1
        probation = one.values[: scoring.probation_rows(len(one))]
        windows[name] = windows_of((one.values - probation.min()) / max(np.ptp(probation), 1.0))
    pooled = np.concatenate([windows[name][: head[name]] for name in series])
    epochs, seed = spec["settings"]["epochs"], spec["seed"]
    model = build(make, seed, epochs)
    history = keras_training.fit(model, pooled, epochs, seed, {}, scratch)
    scores = {}
    for name in series:
        errors = keras_training.errors(model, windows[name]).astype(np.float64)
        relative = errors / np.median(errors[: head[name]])
        scores[name] = np.concatenate([np.full(WINDOW - 1, relative.min()), relative])
    metrics, arrays = detection.judge(scores, series)
    return {"train_loss": history["loss"][-1], **metrics}, arrays


def _sizes(spec: dict) -> dict[str, int]:
    """Epochs and number of Surge-AE's networks."""
    return {name: spec["settings"][name] for name in ("epochs", "networks")}


def _pair(one: Series, rows: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    return one.timestamps[:rows], one.values[:rows]


def _training_pairs(series: dict[str, Series], judged: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """All of the other series, and of the judged one its probation rows, where they last longer than a day."""
    pairs = [_pair(one) for name, one in series.items() if name != judged]
    head = scoring.probation_rows(len(series[judged]))
    return [*pairs, _pair(series[judged], head)] if head > DAY_ROWS else pairs


def judge_published_detector(spec: dict, scratch: Path) -> Outcome:
    """A detector that NAB publishes, from its scores on all ten series, by the same protocol as this report's."""
    file = catalog.fetch(detectors.scores_file(spec["model"]))
    table = pd.read_csv(file).sort_values(["series", "row"], kind="stable")
    scores = {name: rows["anomaly_score"].to_numpy(dtype=np.float64) for name, rows in table.groupby("series")}
    series = {name: _series(spec, name) for name in ALL}
    for name, one in series.items():
        found = len(scores.get(name, ()))
        if found != len(one):
            raise catalog.DataError(
                f"{file}: {found} scores of {name}, expected one for each of its {len(one)} rows. Restore the original "
                "file."
            )
    return detection.judge({name: scores[name] for name in ALL}, series)


def leave_series_out(spec: dict, scratch: Path) -> Outcome:
    """Surge-AE on each of the nine other series, with networks and alarm rule from the eight others only."""
    series = {name: _series(spec, name) for name in OTHERS}
    scores = {}
    for name in tqdm(OTHERS, desc="left out", unit="series", leave=False):
        training, judged = _training_pairs(series, name), {name: _pair(series[name])}
        scores |= own.fit_and_score(training, judged, spec["seed"], **_sizes(spec))[0]
    metrics = {column: {} for column in detection.COLUMNS}
    for name, rules in detection.left_out(scores, series).items():
        for column, rule in rules.items():
            one = detection.verdicts(rule.alarms(scores[name]), series[name])
            metrics[column][name] = {
                "nab": one["nab"]["standard"],
                "nab_100": one["nab_100"],
                "windows": len(series[name].windows),
                "found": one["found_windows"],
                "false": one["false_events"],
            }
    return metrics, {}
