"""The four published autoencoders of Part II, in Keras, and how they are trained.

Input and output are windows of shape (30, 1). The published parameter counts (588, 1,356, 1,356, 4,193) fix the
layers. Reconstruction by a narrow bottleneck follows Hinton & Salakhutdinov (2006).
"""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same order of additions on every x86 machine

import keras
import numpy as np
from keras import layers
from tqdm.auto import tqdm

from study.anomaly.series import WINDOW
from study.runs import write_atomically

BATCH = 32  # Keras' default, which the original left unstated


def base() -> keras.Model:
    """588 parameters: 8-4-2 units, then 8, ReLU throughout, sigmoid output."""
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            layers.Flatten(),
            layers.Dense(8, activation="relu"),
            layers.Dense(4, activation="relu"),
            layers.Dense(2, activation="relu", name="bottleneck"),
            layers.Dense(8, activation="relu"),
            layers.Dense(WINDOW, activation="sigmoid"),
            layers.Reshape((WINDOW, 1)),
        ],
        name="base",
    )


def version_1() -> keras.Model:
    """1,356 parameters: 16-8-4-2 units, then 8-16, ReLU throughout, sigmoid output."""
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(8, activation="relu"),
            layers.Dense(4, activation="relu"),
            layers.Dense(2, activation="relu", name="bottleneck"),
            layers.Dense(8, activation="relu"),
            layers.Dense(16, activation="relu"),
            layers.Dense(WINDOW, activation="sigmoid"),
            layers.Reshape((WINDOW, 1)),
        ],
        name="version_1",
    )


def version_2() -> keras.Model:
    """1,356 parameters: the layers of Version 1 with ReLU and tanh alternating, sigmoid output."""
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(8, activation="tanh"),
            layers.Dense(4, activation="relu"),
            layers.Dense(2, activation="tanh", name="bottleneck"),
            layers.Dense(8, activation="relu"),
            layers.Dense(16, activation="tanh"),
            layers.Dense(WINDOW, activation="sigmoid"),
            layers.Reshape((WINDOW, 1)),
        ],
        name="version_2",
    )


def version_3() -> keras.Model:
    """4,193 parameters: LSTM encoder 16-8-4 and decoder 8-16 with ReLU, one linear unit per time step."""
    return keras.Sequential(
        [
            keras.Input((WINDOW, 1)),
            layers.LSTM(16, activation="relu", return_sequences=True),
            layers.LSTM(8, activation="relu", return_sequences=True),
            layers.LSTM(4, activation="relu", name="bottleneck"),
            layers.RepeatVector(WINDOW),
            layers.LSTM(8, activation="relu", return_sequences=True),
            layers.LSTM(16, activation="relu", return_sequences=True),
            layers.TimeDistributed(layers.Dense(1)),
        ],
        name="version_3",
    )


MODELS = {"base": base, "version-1": version_1, "version-2": version_2, "version-3": version_3}


def build(model: str, seed: int) -> keras.Model:
    """A freshly initialised model of that name, compiled with Adam and mean squared error, as published.

    Raises ValueError for an unknown name.
    """
    if model not in MODELS:
        raise ValueError(f"Unknown autoencoder '{model}'. Choose one of: {', '.join(MODELS)}.")
    keras.utils.set_random_seed(seed)
    made = MODELS[model]()
    made.compile(optimizer=keras.optimizers.Adam(), loss="mse")
    return made


def fit(
    model: keras.Model,
    train: np.ndarray,
    epochs: int,
    seed: int,
    validation: dict[str, np.ndarray],
    scratch: Path,
) -> dict[str, list[float]]:
    """Train a compiled model to reproduce `train` (n, 30, 1); returns the losses per epoch, one list per part.

    `loss` is the running mean over an epoch's batches, as Keras reports it; each array of `validation` is
    evaluated after every epoch and listed under its key. The order of batches depends on (seed, epoch) alone and
    the state is kept in `scratch` after every epoch, so that a killed training ends at the same numbers.
    """
    state = scratch / "state.npz"
    history = _restore(model, state)
    done = len(history["loss"]) if history else 0
    history = history or {name: [] for name in ("loss", *validation)}
    bar = tqdm(range(done, epochs), initial=done, total=epochs, unit="epoch", desc=model.name, leave=False)
    for epoch in bar:
        order = np.random.default_rng([seed, epoch]).permutation(len(train))
        shuffled = train[order]
        run = model.fit(shuffled, shuffled, batch_size=BATCH, shuffle=False, verbose=0)
        history["loss"].append(run.history["loss"][0])
        for name, windows in validation.items():
            history[name].append(float(model.evaluate(windows, windows, batch_size=1024, verbose=0)))
        bar.set_postfix(loss=f"{history['loss'][-1]:.2e}")
        _keep(model, history, state)
    return history


def errors(model: keras.Model, windows: np.ndarray) -> np.ndarray:
    """Mean squared reconstruction error of each window: (n, 30, 1) to (n,) float32."""
    rebuilt = model.predict(windows, batch_size=1024, verbose=0)
    return np.square(rebuilt - windows).mean(axis=(1, 2))


def _keep(model: keras.Model, history: dict[str, list[float]], state: Path) -> None:
    packed = io.BytesIO()
    variables = model.variables + model.optimizer.variables
    values = {f"v{i}": np.asarray(v) for i, v in enumerate(variables)}
    np.savez(packed, history=np.array(json.dumps(history)), **values)
    write_atomically(state, packed.getvalue())


def _restore(model: keras.Model, state: Path) -> dict[str, list[float]] | None:
    if not state.exists():
        return None
    model.optimizer.build(model.trainable_variables)
    with np.load(state, allow_pickle=False) as kept:
        for i, variable in enumerate(model.variables + model.optimizer.variables):
            variable.assign(kept[f"v{i}"])
        return json.loads(str(kept["history"]))
