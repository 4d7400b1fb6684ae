"""The four published autoencoders: parameter counts, shapes, training that resumes to the same numbers."""

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from study import files, published
from study.anomaly import autoencoders, recipes

PUBLISHED = {"base": 588, "version-1": 1356, "version-2": 1356, "version-3": 4193}


@pytest.fixture
def windows():
    rng = np.random.default_rng(0)
    level = rng.uniform(0.2, 0.8, (200, 1, 1))
    return np.clip(level + rng.normal(0, 0.01, (200, 30, 1)), 0, 1).astype(np.float32)


@pytest.mark.parametrize("model", PUBLISHED)
def test_parameters_and_shapes_are_the_published_ones(model):
    made = autoencoders.build(model, 0)
    assert made.count_params() == PUBLISHED[model] == published.value(f"part2.{model}.parameters")
    assert made.input_shape == made.output_shape == (None, 30, 1)
    assert made.loss == "mse" and type(made.optimizer).__name__ == "Adam"


def test_activations_alternate_in_version_2_only():
    def found(model):
        dense = [layer for layer in autoencoders.build(model, 0).layers if hasattr(layer, "units")]
        return [layer.activation.__name__ for layer in dense]

    assert found("version-2") == ["relu", "tanh", "relu", "tanh", "relu", "tanh", "sigmoid"]
    assert found("version-1") == ["relu"] * 6 + ["sigmoid"]


@pytest.mark.parametrize("count", [1, 200, 1_024, 1_100])
def test_error_is_the_mean_square_per_window(windows, count):
    model, windows = autoencoders.build("base", 0), np.resize(windows, (count, 30, 1))
    rebuilt = model.predict(windows, verbose=0)
    expected = [
        np.mean([(a - b) ** 2 for a, b in zip(x.ravel(), y.ravel(), strict=True)])
        for x, y in zip(windows, rebuilt, strict=True)
    ]
    assert autoencoders.errors(model, windows) == pytest.approx(expected, rel=1e-4)


def test_training_learns_and_its_loss_beats_the_constant(windows, tmp_path):
    model = autoencoders.build("base", 1)
    history = autoencoders.fit(model, windows, 60, 1, {"same": windows}, tmp_path)
    assert len(history["loss"]) == len(history["same"]) == 60
    assert history["same"][-1] < 0.5 * windows.var() < history["same"][0]
    assert autoencoders.errors(model, windows).mean() == pytest.approx(history["same"][-1], rel=1e-3)


def test_the_seed_decides(windows, tmp_path):
    def trained(seed, folder):
        folder.mkdir()
        return autoencoders.fit(autoencoders.build("version-2", seed), windows, 2, seed, {}, folder)["loss"]

    one, same, other = trained(3, tmp_path / "a"), trained(3, tmp_path / "b"), trained(4, tmp_path / "c")
    assert one == same != other


def test_steps_at_once_are_the_steps_one_by_one(tmp_path, monkeypatch):
    windows = np.random.default_rng(0).uniform(0, 1, (1_090, 30, 1)).astype(np.float32)  # 34 full batches and a part

    def trained(at_once, folder):
        folder.mkdir()
        monkeypatch.setattr(autoencoders, "STEPS_AT_ONCE", at_once)
        model = autoencoders.build("version-1", 0)
        history = autoencoders.fit(model, windows, 2, 0, {"part": windows[:70]}, folder)
        return history, autoencoders.errors(model, windows).tolist()

    assert trained(1, tmp_path / "a") == trained(32, tmp_path / "b")


def test_a_compiled_lstm_takes_the_steps_of_an_uncompiled_one(windows, tmp_path):
    def trained(compiled, folder):
        folder.mkdir()
        model = autoencoders.build("version-3", 0)
        assert model.jit_compile
        model.jit_compile = compiled
        return autoencoders.fit(model, windows[:64], 3, 0, {"part": windows[64:]}, folder)

    one, other = trained(True, tmp_path / "a"), trained(False, tmp_path / "b")
    assert one["loss"][2] < one["loss"][0]
    assert all(one[name] == pytest.approx(other[name], rel=1e-3) for name in ("loss", "part"))


def test_the_training_has_not_changed_under_the_version(windows, tmp_path):
    loss = autoencoders.fit(autoencoders.build("version-2", 0), windows, 10, 0, {}, tmp_path)["loss"][-1]
    golden = pytest.approx(0.026710, rel=1e-3)
    assert (recipes.VERSIONS["part2-published"], loss) == (2, golden), "raise the version in recipes.VERSIONS"


def test_unknown_model():
    with pytest.raises(ValueError, match="Unknown autoencoder 'version-9'.*base"):
        autoencoders.build("version-9", 0)


TRAIN = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import numpy as np
    from study.anomaly import autoencoders
    windows = np.random.default_rng(0).uniform(0, 1, (3000, 30, 1)).astype(np.float32)
    model = autoencoders.build("version-1", 5)
    print(autoencoders.fit(model, windows, 20, 5, {"part": windows[:50]}, Path(sys.argv[1])))
    print(autoencoders.errors(model, windows[:9]).tolist())
    """
)


def test_a_killed_training_ends_at_the_same_numbers(tmp_path):
    def command(folder):
        folder.mkdir(exist_ok=True)
        return [sys.executable, "-c", TRAIN, str(folder)]

    undisturbed = subprocess.run(command(tmp_path / "a"), capture_output=True, text=True, check=True).stdout
    state = tmp_path / "b" / "state.npz"
    child = subprocess.Popen(command(tmp_path / "b"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    with np.load(io.BytesIO(files.kept_state(state)), allow_pickle=False) as kept:
        done = len(json.loads(str(kept["history"]))["loss"])
    assert 1 <= done < 20, "the kill came too late to show anything"
    resumed = subprocess.run(command(tmp_path / "b"), capture_output=True, text=True, check=True)
    assert resumed.stdout == undisturbed


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
    model = autoencoders.build("base", 0)
    with pytest.raises(ValueError, match=r"state\.npz is not the state of a training .*Delete it and run again"):
        autoencoders.fit(model, windows, 1, 0, {}, tmp_path)
    assert not (tmp_path / "executed").exists()
