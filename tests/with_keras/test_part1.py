"""The assignment's autoencoder: parameters, graph, bad input, and training that resumes to the same numbers."""

import re

import keras
import numpy as np
import pytest
from keras import layers
from matplotlib import pyplot as plt

from study import paths, profile, published
from study.manufacturing import analysis, charts, detectors, model, recipes
from study.manufacturing.line import Line
from study.runs import Record


@pytest.fixture(scope="module")
def made():
    return model.build(0)


def test_the_model_is_the_assignment_s(made):
    assert [(layer.units, layer.activation.__name__) for layer in made.layers] == [
        (512, "relu"), (32, "linear"), (512, "relu"), (1000, "sigmoid"),
    ]  # fmt: skip
    assert made.input_shape == (None, 1000) and made.loss == "mse"


def test_model_and_formula_agree_and_the_published_total_lacks_the_output_biases(made):
    table = analysis.parameters(model.counted(made), analysis.formula([1000, *analysis.LAYERS.values()]))
    assert table.layer.tolist()[:-1] == list(analysis.LAYERS)
    assert table.total.tolist() == [512_512, 16_416, 16_896, 513_000, 1_058_824]
    assert made.count_params() == 1_058_824
    assert table.published.tolist() == [512_512, 16_416, 16_896, 512_000, 1_057_824]
    assert published.value("part1.total") + 1000 == 1_058_824
    record = Record({"task": "part1-latency", "model": "single-vector", "seed": 0}, {"parameters": 1_058_824}, {}, {})
    said = {j.key: j.verdict for j in analysis.judged([record])}
    assert [key for key, verdict in said.items() if verdict.status != "reproduced"] == [
        "part1.output.total",
        "part1.total",
    ]
    assert "1,000 biases of the layer output" in said["part1.total"].reason
    with pytest.raises(ValueError, match="not the formula's"):
        analysis.parameters(model.counted(made), analysis.formula([1000, 512, 32, 512, 999]))


def test_costs_follow_from_the_layers(made):
    found = model.costs(made)
    assert found["multiply_adds"] == 1000 * 512 + 512 * 32 + 32 * 512 + 512 * 1000
    assert found["parameter_bytes"] == 4 * 1_058_824
    assert found["activation_bytes"] == 4 * (1000 + 512 + 32 + 512 + 1000)


def _texts(fig):
    found = " ".join(text.get_text() for text in fig.axes[0].texts)
    plt.close(fig)
    return found


def test_the_graph_is_drawn_from_the_model(made):
    text = _texts(charts.graph(made))
    for part in (
        "1000 × 512 = 512,000",
        "(n, 32)",
        "x̂ = sigmoid(z₄)",
        "h₁ = ReLU(z₁)",
        "∂L/∂W₁",
        "∂L/∂b₄",
        "L = MSE(x̂, x)",
    ):
        assert part in text
    assert "∂L/∂x " not in f"{text} "  # the input is not trained
    other = keras.Sequential(
        [
            keras.Input((7,)),
            layers.Dense(3, activation="tanh", use_bias=False, name="code"),
            layers.Dense(7, name="out"),
        ]
    )
    other.compile(loss="mae")
    text = _texts(charts.graph(other))
    assert "7 × 3 = 21" in text and "h₁ = tanh(u₁)" in text and "L = MAE(x̂, x)" in text
    assert "b₁" not in text and "b₂: 7" in text and "W₃" not in text


def test_a_graph_of_other_layers_is_refused():
    other = keras.Sequential([keras.Input((4, 1)), layers.LSTM(2, name="memory")])
    with pytest.raises(ValueError, match="memory"):
        model.dense_layers(other)


def test_the_autoencoder_refuses_bad_vectors(tmp_path):
    detector = detectors.Autoencoder(1000, 0)
    good = np.full((2, 1000), 0.5, dtype=np.float32)
    assert detector.score(good).shape == (2,)
    for wrong, message in (
        (good[:, :999], r"shape \(n, 1000\)"), (np.where(good == 0.5, np.nan, good), "finite"), (good + 1, r"\[0, 1\]"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            detector.score(wrong)
        with pytest.raises(ValueError, match=message):
            detector.fit(wrong, 1, tmp_path)


def test_the_score_is_the_mean_squared_error_of_the_reconstruction():
    detector = detectors.Autoencoder(1000, 0)
    vectors, _ = Line(0).produce(5, 1)
    rebuilt = detector.model.predict(vectors, verbose=0)
    np.testing.assert_allclose(detector.score(vectors), np.square(vectors - rebuilt).mean(axis=1), rtol=1e-5)


class Killed(Exception):
    pass


def test_a_killed_training_ends_at_the_same_numbers(tmp_path, monkeypatch):
    from study import keras_training

    vectors, _ = Line(0).produce(130, 1)
    whole = detectors.Autoencoder(1000, 3)
    history = whole.fit(vectors, 3, tmp_path / "whole")
    assert history["loss"][2] < history["loss"][0]

    killed, keep = detectors.Autoencoder(1000, 3), keras_training._keep

    def keep_and_die(*given):
        keep(*given)
        raise Killed

    monkeypatch.setattr(keras_training, "_keep", keep_and_die)
    with pytest.raises(Killed):
        killed.fit(vectors, 3, tmp_path / "killed")
    monkeypatch.setattr(keras_training, "_keep", keep)
    again = detectors.Autoencoder(1000, 3)
    assert again.fit(vectors, 3, tmp_path / "killed") == history
    np.testing.assert_array_equal(again.score(vectors), whole.score(vectors))


def test_contaminated_training_has_the_promised_share_of_faults():
    line = Line(0)
    sound, _ = line.produce(200, recipes.TRAINING)
    unclean = recipes._contaminated(line, 200, recipes.TRAINING, 0.1, [0, 1])
    assert (np.abs(unclean - sound).max(axis=1) > 0).sum() == 20


def test_the_sentinel_runs_and_is_compared(tmp_path):
    spec = recipes.sentinel(profile.load("quick"))
    spec["settings"] |= {"cycles": 200, "epochs": 1, "judged": 200}
    metrics, _ = recipes.train(spec, tmp_path)
    assert set(metrics["scores"]) == set(detectors.SINGLE)
    # PCA leads at once where everything is nearly linear and the network is hardly trained.
    assert metrics["scores"]["PCA"]["auroc"] > 0.9 > metrics["scores"]["Autoencoder"]["auroc"]
    from study.runs import Record

    names = [name for name, _, _ in recipes.compared(Record(spec, metrics, {}, {}))]
    assert names == ["AUROC of Autoencoder", "AUROC of PCA"]


def test_part_1_answers_every_question_under_its_heading():
    text = (paths.NOTEBOOKS / "part1_autoencoder_theory.py").read_text()
    for question in (
        "## Question 1. Calculate the total number of parameters in the autoencoder, including weights and biases.",
        "## Question 2. Generate a computational graph for the autoencoder.",
        "## Question 3. Discuss potential challenges and limitations (at least 4) of using autoencoders for anomaly "
        "detection in manufacturing.",
        "## Question 4. Propose potential improvements or extensions (at least 4) to the system to enhance its "
        "effectiveness in detecting anomalies.",
    ):
        assert f"# {question}\n" in text
    assert len(re.findall(r"^### Challenge \d", text, flags=re.M)) >= 4
    assert len(re.findall(r"^### Improvement \d", text, flags=re.M)) >= 4
