"""The notebook's four autoencoders: parameter counts, training that resumes to the same numbers, their records."""

import io

import keras
import numpy as np
import pytest
from keras import layers

from study import files, keras_training, published
from study.anomaly import experiments, series, trainings
from study.anomaly.trainings import build
from study.keras_training import errors, fit
from study.runs import Record

MODELS = trainings.published_models()
PUBLISHED = {"base": 588, "version-1": 1356, "version-2": 1356, "version-3": 4193}


@pytest.fixture
def windows():
    """Six batches of 32 and a part of one, for which XLA compiles once more; whole ones are enough for many tests."""
    rng = np.random.default_rng(0)
    level = rng.uniform(0.2, 0.8, (200, 1, 1))
    return np.clip(level + rng.normal(0, 0.01, (200, 30, 1)), 0, 1).astype(np.float32)


@pytest.mark.parametrize("model", PUBLISHED)
def test_parameters_and_shapes_are_the_published_ones(model):
    made = build(MODELS[model], 0, 1)
    assert made.count_params() == PUBLISHED[model] == published.value(f"part2.{model}.parameters")
    assert made.input_shape == made.output_shape == (None, 30, 1)
    assert made.loss == "mse" and type(made.optimizer).__name__ == "Adam"


def test_activations_alternate_in_version_2_only():
    def found(model):
        dense = [layer for layer in build(MODELS[model], 0, 1).layers if hasattr(layer, "units")]
        return [layer.activation.__name__ for layer in dense]

    assert found("version-2") == ["relu", "tanh", "relu", "tanh", "relu", "tanh", "sigmoid"]
    assert found("version-1") == ["relu"] * 6 + ["sigmoid"]


@pytest.mark.parametrize("count", [1, 200, 1_024, 1_100])
def test_error_is_the_mean_square_per_window(windows, count):
    model, windows = build(MODELS["base"], 0, 1), np.resize(windows, (count, 30, 1))
    rebuilt = model.predict(windows, verbose=0)
    expected = [
        np.mean([(a - b) ** 2 for a, b in zip(x.ravel(), y.ravel(), strict=True)])
        for x, y in zip(windows, rebuilt, strict=True)
    ]
    assert errors(model, windows) == pytest.approx(expected, rel=1e-4)


def test_training_learns_and_its_loss_beats_the_constant(windows, tmp_path):
    model = build(MODELS["base"], 1, 1)
    windows = windows[:192]
    history = fit(model, windows, 40, 1, {"same": windows}, tmp_path)
    assert len(history["loss"]) == len(history["same"]) == 40
    assert history["same"][-1] < 0.5 * windows.var() < history["same"][0]
    assert errors(model, windows).mean() == pytest.approx(history["same"][-1], rel=1e-3)


def test_the_seed_decides(windows, tmp_path):
    def trained(seed, folder):
        folder.mkdir()
        model = build(MODELS["base"], seed, 1)
        return fit(model, windows[:64], 2, seed, {}, folder)["loss"]

    one, same, other = trained(3, tmp_path / "a"), trained(3, tmp_path / "b"), trained(4, tmp_path / "c")
    assert one == same != other


@pytest.mark.slow
def test_steps_at_once_are_the_steps_one_by_one(tmp_path, monkeypatch):
    windows = np.random.default_rng(0).uniform(0, 1, (1_090, 30, 1)).astype(np.float32)  # 34 full batches and a part

    def trained(at_once, folder):
        folder.mkdir()
        monkeypatch.setattr(keras_training, "STEPS_AT_ONCE", at_once)
        model = build(MODELS["version-1"], 0, trainings.LONG)
        history = fit(model, windows, 2, 0, {"part": windows[:70]}, folder)
        return history, errors(model, windows).tolist()

    assert trained(1, tmp_path / "a") == trained(32, tmp_path / "b")


@pytest.mark.slow
def test_a_compiled_lstm_takes_the_steps_of_an_uncompiled_one(windows, tmp_path):
    def small():
        inputs = keras.Input((30, 1))
        code = layers.RepeatVector(30)(layers.LSTM(4)(inputs))
        return keras.Model(inputs, layers.TimeDistributed(layers.Dense(1))(code))

    def trained(compiled, folder):
        folder.mkdir()
        model = build(small, 0, trainings.LONG)
        assert model.jit_compile
        model.jit_compile = compiled
        return fit(model, windows[:64], 3, 0, {}, folder)["loss"]

    one, other = trained(True, tmp_path / "a"), trained(False, tmp_path / "b")
    assert one[2] < one[0] and one == pytest.approx(other, rel=1e-3)


def test_the_training_has_not_changed_under_the_version(windows, tmp_path):
    loss = fit(build(MODELS["version-2"], 0, 1), windows, 10, 0, {}, tmp_path)["loss"][-1]
    golden = pytest.approx(0.026710, rel=1e-3)
    assert (experiments.ALL["part2-published"].version, loss) == (3, golden), "raise its version"


def of_base(epochs):
    """What decides a training of Base."""
    return {"model": "base", "seed": 0, "settings": {"epochs": epochs, "synthetic_rows": 2000}}


@pytest.fixture
def parts(windows):
    return {"train": windows[:120], "middle": windows[120:160], "last": windows[160:]}


def test_a_run_as_published_keeps_what_its_network_can_be_rebuilt_from(parts, tmp_path):
    metrics, arrays = trainings.train_as_published(of_base(3), tmp_path, windows=parts)
    assert metrics["parameters"] == 588 == sum(w.size for name, w in arrays.items() if name.startswith("weight_"))
    record = Record({"task": "t", "model": "base", "seed": 0}, metrics, arrays, {})
    again = keras_training.with_weights(MODELS["base"], record)
    for name, part in parts.items():
        np.testing.assert_allclose(errors(again, part), arrays[f"errors_{name}"], rtol=1e-4)
        assert metrics["variance"][name] == pytest.approx(part.var())
        assert metrics["r2"][name] == pytest.approx(1 - arrays[f"errors_{name}"].mean() / part.var(), rel=1e-5)
    assert len(arrays["history_loss"]) == len(arrays["history_last"]) == len(arrays["history_middle"]) == 3
    assert 1 - arrays["history_last"][-1] / metrics["variance"]["last"] == pytest.approx(metrics["r2"]["last"])
    with pytest.raises(ValueError, match=r"base, seed 0 holds weights of the shapes.*train it instead"):
        keras_training.with_weights(MODELS["version-1"], record)


def test_any_function_may_be_trained_on_any_windows(parts, tmp_path):
    def mine():
        inputs = keras.Input((30, 1))
        code = layers.Dense(3)(layers.Flatten()(inputs))
        return keras.Model(inputs, layers.Reshape((30, 1))(layers.Dense(30)(code)))

    metrics, arrays = trainings.train_as_published(of_base(2), tmp_path, mine, parts)
    assert metrics["parameters"] == 30 * 3 + 3 + 3 * 30 + 30
    assert set(arrays) > {"errors_train", "history_loss", "weight_0", "weight_3"}


def test_the_originals_windows():
    one = series.load("AAPL", "synthetic", 2000)
    windows, low, high = series.original_windows(one.values)
    assert [len(windows[name]) for name in ("train", "middle", "last")] == [1371, 271, 271]
    assert (low, high) == (one.values[:1400].min(), one.values[:1400].max())
    assert windows["train"].min() == 0 and windows["train"].max() == 1
    assert windows["last"][-1, -1, 0] == pytest.approx((one.values[-1] - low) / (high - low))


def test_any_function_may_be_judged_by_the_streaming_protocol(tmp_path):
    metrics, arrays = trainings.judge_on_stream(of_base(1) | {"model": "mine"}, tmp_path, MODELS["base"])
    assert len(arrays["scores"]) == 2000 and set(metrics) > {"train_loss", "paused", "unpaused", "vus_pr"}
    # The median error of the probation is the unit, and rows before the first window have no error of their own.
    assert np.median(arrays["scores"][29:300]) == pytest.approx(1, rel=1e-4)
    assert len(set(arrays["scores"][:29])) == 1 and arrays["scores"][0] == arrays["scores"].min()


class Bomb:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (open, (self.file, "w"))


@pytest.mark.parametrize("sealed", [False, True])
def test_a_state_file_with_code_in_it_is_refused_and_not_executed(tmp_path, windows, sealed):
    evil = io.BytesIO()
    np.savez(evil, v0=np.array([Bomb(str(tmp_path / "executed"))], dtype=object), history=np.array("{}"))
    write = files.keep_state if sealed else files.write_atomically
    write(tmp_path / "state.npz", evil.getvalue())
    model = build(MODELS["base"], 0, 1)
    with pytest.raises(ValueError, match=r"state\.npz is not the state of a training .*Delete it and run again"):
        fit(model, windows, 1, 0, {}, tmp_path)
    assert not (tmp_path / "executed").exists()
