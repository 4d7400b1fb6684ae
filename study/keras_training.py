"""How every Keras autoencoder of the report is trained: resumable after each epoch, the same numbers after a kill."""

import io
import json
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm.auto import tqdm

from study.files import keep_state, kept_state, unusable_state
from study.runs import Record, label

BATCH = 32  # Keras' default, which the original left unstated
STEPS_AT_ONCE = 32  # that Keras runs before it comes back to Python, which takes longer than a step of a small model
_MEASURED_AT_ONCE = 1024  # inputs of a batch that nothing is trained on


def fit(
    model: keras.Model,
    train: np.ndarray,
    epochs: int,
    seed: int,
    validation: dict[str, np.ndarray],
    scratch: Path,
    batch: int = BATCH,
) -> dict[str, list[float]]:
    """Train a compiled model to reproduce `train` (n, ...); returns the losses per epoch, one list per part.

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
        run = model.fit(shuffled, shuffled, batch_size=batch, shuffle=False, verbose=0)
        history["loss"].append(run.history["loss"][0])
        for name, part in validation.items():
            history[name].append(float(errors(model, part).mean()))
        bar.set_postfix(loss=f"{history['loss'][-1]:.2e}")
        _keep(model, history, state)
    return history


def errors(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Mean squared reconstruction error of each input, (n, ...) to (n,), in the model's precision."""
    # All batches have one size, the last one filled up with zeros: XLA compiles once more for every other.
    padding = [(0, -len(inputs) % _MEASURED_AT_ONCE)] + [(0, 0)] * (inputs.ndim - 1)
    batches = np.pad(inputs, padding).reshape(-1, _MEASURED_AT_ONCE, *inputs.shape[1:])
    rebuilt = np.concatenate([model.predict_on_batch(batch) for batch in batches])[: len(inputs)]
    return np.square(rebuilt - inputs).mean(axis=tuple(range(1, inputs.ndim)))


def weights_of(model: keras.Model, dtype: str = "float32") -> dict[str, np.ndarray]:
    """A network's weights as a record keeps them, by their places in the model."""
    return {f"weight_{i}": weight.astype(dtype) for i, weight in enumerate(model.get_weights())}


@contextmanager
def in_float64() -> Generator[None]:
    """Keras layers that are built here compute in float64: what is drawn of them then is the same on every processor,
    whose float32 products differ in the last digits.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def with_weights(make: Callable[[], keras.Model], record: Record) -> keras.Model:
    """The model that `make` returns, in float64, with the weights that a record keeps. Raises ValueError if they have
    other shapes.
    """
    with in_float64():
        model = make()
    kept = [record.arrays[f"weight_{i}"] for i in range(sum(name.startswith("weight_") for name in record.arrays))]
    wanted, found = ([tuple(one.shape) for one in weights] for weights in (model.weights, kept))
    if wanted != found:
        raise ValueError(
            f"the record of {label(record.spec)} holds weights of the shapes {found}; the model {model.name} has "
            f"{wanted}: train it instead"
        )
    model.set_weights(kept)
    return model


def _keep(model: keras.Model, history: dict[str, list[float]], state: Path) -> None:
    packed = io.BytesIO()
    variables = model.variables + model.optimizer.variables
    values: dict[str, Any] = {f"v{i}": np.asarray(v) for i, v in enumerate(variables)}
    np.savez(packed, history=np.array(json.dumps(history)), **values)
    keep_state(state, packed.getvalue())


def _restore(model: keras.Model, state: Path) -> dict[str, list[float]] | None:
    content = kept_state(state)
    if content is None:
        return None
    model.optimizer.build(model.trainable_variables)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            for i, variable in enumerate(model.variables + model.optimizer.variables):
                variable.assign(kept[f"v{i}"])
            return json.loads(str(kept["history"]))
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise unusable_state(state, error) from error
