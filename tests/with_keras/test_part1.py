"""The assignment's autoencoder: parameters, graph, bad input, and training that resumes to the same numbers."""

import keras
import numpy as np
import pytest
from keras import layers

from study import keras_training, paths, profile, published
from study.manufacturing import charts, detectors, experiments, lab, model, tables, trainings
from study.manufacturing.line import Line, Stream
from study.runs import Record


@pytest.fixture(scope="module")
def made():
    return model.Autoencoder(1000, 0).model


def test_the_model_is_the_assignment_s(made):
    assert [(layer.units, layer.activation.__name__) for layer in made.layers] == [
        (512, "relu"), (32, "linear"), (512, "relu"), (1000, "sigmoid"),
    ]  # fmt: skip
    assert made.input_shape == (None, 1000)


def test_the_published_total_lacks_the_output_biases(made):
    assert made.count_params() == 1_058_824 == published.value("part1.total") + 1000


def test_the_table_of_parameters_counts_by_hand():
    names = ("hidden_1", "bottleneck", "hidden_2", "output")
    table = tables.parameters(names, [1000, 512, 32, 512, 1000], [512_512, 16_416, 16_896, 513_000])
    assert table["By hand"].tolist() == table["By Keras"].tolist()
    assert table["By hand"].tolist() == ["512,512", "16,416", "16,896", "513,000", "1,058,824"]
    assert table["Original"].tolist()[-2:] == ["512,000", "1,057,824"]
    originals = tables.parameters(["hidden_1", "new"], [2, 3, 4], [9, 16])["Original"]
    assert originals.tolist() == ["512,512", "–", "1,057,824"]
    with pytest.raises(ValueError, match="2 layers .* have 3 widths, not 5"):
        tables.parameters(["hidden_1", "new"], [1000, 512, 32, 512, 1000], [9, 16])


def test_a_network_of_ones_own_is_trained_and_kept_without_being_judged(tmp_path, monkeypatch):
    def narrow(width):
        return keras.Sequential([keras.Input((width,)), layers.Dense(2, name="bottleneck"), layers.Dense(width)])

    monkeypatch.setattr(paths, "BUILD", tmp_path)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(lab.definitions, "of", lambda make: "narrow")
    plants = lab.Plants("quick")
    run = plants.train(narrow, epochs=1)
    assert list(run.history.index) == [1] and list(run.history) == ["loss", "validation"]
    cycles, _ = Line(0).produce(plants.profile.part1.judged, Stream.CALIBRATION)
    assert (run.detector.score(cycles) > run.threshold).mean() == pytest.approx(0.01, abs=0.006)
    monkeypatch.setattr(trainings, "by_hand", lambda spec, scratch, make: pytest.fail("it is trained again"))
    assert plants.train(narrow, epochs=1).threshold == run.threshold
    assert not list((tmp_path / "report").rglob("*.json")) and "Record(part1-by-hand" in repr(run)
    for epochs in (0, -3, "30", 2.0):
        with pytest.raises(ValueError, match="whole number from 1 up"):
            plants.train(narrow, epochs=epochs)


def test_a_table_of_ones_own_is_judged_by_pca_or_by_a_network_trained_on_it(capsys):
    line = Line(0)
    table = lab.table(line.produce(120, Stream.NORMAL)[0]).iloc[:, :200]
    table.iloc[110:, 40:60] = 0.0  # a dead gauge
    made = []

    def narrow(width):
        chain = [keras.Input((width,)), layers.Dense(2), layers.Dense(width, activation="sigmoid")]
        made.append(keras.Sequential(chain, name="narrow"))
        return made[-1]

    for make, words in ((None, "PCA with "), (narrow, "narrow, trained for 3 epochs; 60 rows")):
        found = lab.judge(table, make=make, epochs=3)
        assert found.alarm[110:].all() and set(found.worst[110:]) <= set(table.columns[40:60])
        assert words in capsys.readouterr().out
    assert len(made) == 1 and made[0].input_shape == (None, 200)
    assert table.columns[41] == "station 1, pressure in, step 2"


def _texts(fig):
    found = [text.get_text() for text in fig.axes[0].texts]
    return found


def test_the_graph_is_drawn_from_the_model(made):
    found = _texts(charts.graph(made))
    assert set(found) > {
        "1000 × 512", "512 × 32", "W₄", "b₁", "ReLU", "sigmoid", "u₁", "z₄", "h₂", "x̂", "∂L/∂u₁", "∂L/∂x̂", "∂L/∂W₄",
        "∂L/∂b₁", "loss",
    }  # fmt: skip
    assert "∂L/∂x" not in found  # the input is not trained
    assert found.count("×") == found.count("+") == 4 and found.count("ReLU") == 2
    code = layers.Dense(3, activation="tanh", use_bias=False)
    other = keras.Sequential([keras.Input((7,)), code, layers.Dense(7)])
    found = _texts(charts.graph(other))
    assert "7 × 3" in found and "tanh" in found and "b₁" not in found and "b₂" in found and "W₃" not in found
    assert "∂L/∂b₂" in found and "∂L/∂b₁" not in found
    between = keras.Sequential([keras.Input((7,)), layers.Dense(3), layers.Dropout(0.1), layers.Dense(7)])
    found = _texts(charts.graph(between))
    assert "dropout" in found and "h₁′" in found and "W₂" in found and "W₃" not in found and found.count("x̂") == 1


def test_gradients_are_those_of_the_formula(made):
    vectors = np.random.default_rng(0).random((3, 1000), dtype=np.float32)
    rebuilt = np.asarray(made(vectors))
    delta = 2 / vectors.size * (rebuilt - vectors) * rebuilt * (1 - rebuilt)
    np.testing.assert_allclose(lab.gradients(made, vectors)[-1], delta.sum(axis=0), rtol=1e-4, atol=1e-9)


def test_kept_weights_rebuild_the_network(made):
    record = Record({"task": "t", "model": "m", "seed": 0}, {}, keras_training.weights_of(made, "float16"), {})
    again = keras_training.with_weights(lambda: model.Autoencoder(1000, 1).model, record)
    vectors, _ = Line(0).produce(4, 1)
    assert again(vectors).dtype == "float64" and keras.config.dtype_policy().name == "float32"
    np.testing.assert_allclose(np.asarray(again(vectors)), np.asarray(made(vectors)), atol=2e-3)
    other = keras.Sequential([keras.Input((1000,)), layers.Dense(2, use_bias=False)])
    with pytest.raises(ValueError, match="train it instead"):
        keras_training.with_weights(lambda: other, record)


@pytest.mark.parametrize("layer", [layers.LSTM(2, name="other"), layers.Reshape((2, 2), name="other")])
def test_a_graph_of_other_layers_is_refused(layer):
    other = keras.Sequential([keras.Input((4, 1)), layer])
    with pytest.raises(ValueError, match="other: neither dense"):
        charts.graph(other)


def test_the_autoencoder_refuses_bad_vectors(tmp_path):
    detector = model.Autoencoder(1000, 0)
    good = np.full((2, 1000), 0.5, dtype=np.float32)
    for wrong, message in (
        (good[:, :999], r"shape \(n, 1000\)"), (np.where(good == 0.5, np.nan, good), "finite"), (good + 1, r"\[0, 1\]"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            detector.score(wrong)
        with pytest.raises(ValueError, match=message):
            detector.fit(wrong, 1, tmp_path)


def test_the_score_is_the_mean_squared_error_of_the_reconstruction():
    detector = model.Autoencoder(1000, 0)
    vectors, _ = Line(0).produce(5, 1)
    rebuilt = detector.model.predict(vectors, verbose=0)
    np.testing.assert_allclose(detector.score(vectors), np.square(vectors - rebuilt).mean(axis=1), rtol=1e-5)


class Killed(Exception):
    pass


def test_a_killed_training_ends_at_the_same_numbers(tmp_path, monkeypatch):
    def small():
        return model.Autoencoder(8, 3, lambda width: keras.Sequential([keras.Input((width,)), layers.Dense(width)]))

    vectors, keep, whole = np.random.default_rng(0).random((130, 8), dtype=np.float32), keras_training._keep, small()
    history = whole.fit(vectors, 3, tmp_path / "whole")
    assert history["loss"][2] < history["loss"][0]

    def keep_and_die(*given):
        keep(*given)
        raise Killed

    monkeypatch.setattr(keras_training, "_keep", keep_and_die)
    with pytest.raises(Killed):
        small().fit(vectors, 3, tmp_path / "killed")
    monkeypatch.setattr(keras_training, "_keep", keep)
    again = small()
    assert again.fit(vectors, 3, tmp_path / "killed") == history
    np.testing.assert_array_equal(again.score(vectors), whole.score(vectors))


def test_contaminated_training_has_the_promised_share_of_faults():
    line = Line(0)
    sound, _ = line.produce(200, Stream.TRAINING)
    unclean = trainings._contaminated(line, 200, Stream.TRAINING, 0.1, [0, 1])
    assert (np.abs(unclean - sound).max(axis=1) > 0).sum() == 20


def test_the_smoke_run_is_made_and_is_compared(tmp_path):
    spec = experiments.ALL.smoke_run(profile.load("quick"))
    spec["settings"] |= {"cycles": 192, "epochs": 1, "judged": 200}
    metrics, _ = experiments.ALL.train(spec, tmp_path)
    assert set(detectors.SINGLE) < set(metrics["scores"])
    # PCA leads at once where everything is nearly linear and the network is hardly trained.
    assert metrics["scores"]["PCA"]["auroc"] > 0.9 > metrics["scores"]["Autoencoder"]["auroc"]
    names = [name for name, _, _ in experiments.ALL.compared(Record(spec, metrics, {}, {}))]
    assert names == ["AUROC of Autoencoder", "AUROC of PCA"]
