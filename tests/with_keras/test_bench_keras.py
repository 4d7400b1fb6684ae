"""Keras' way of the text classifier has the sizes of ours."""

import numpy as np
import pytest

from study import profile
from study.anomaly import trainings
from study.bench import keras_models

QUICK = profile.load("quick")


def test_the_text_classifier_has_the_parameters_of_its_layers():
    longest, vocabulary, d, hidden, classes = 12, 40, 8, 16, 4
    model = keras_models.text_classifier(longest, vocabulary, d, 2, hidden, classes)
    attention, norms = 4 * (d * d + d), 2 * 2 * d
    perceptron = d * hidden + hidden + hidden * d + d
    expected = (vocabulary + longest) * d + attention + norms + perceptron + d * classes + classes
    assert model.count_params() == expected
    assert model(np.zeros((3, longest), dtype=np.int32)).shape == (3, classes)


def test_vectors_of_words_and_positions_are_added():
    vectors, ids = keras_models.Positions(3, 40, 8), np.array([[7, 7, 2]])
    found = np.asarray(vectors(ids))
    words, positions = vectors.get_weights()
    np.testing.assert_allclose(found, words[ids] + positions, rtol=1e-6)


@pytest.mark.slow
def test_it_is_timed_on_the_texts_that_pytorch_leaves(tmp_path, monkeypatch):
    monkeypatch.setattr(keras_models, "_POINTS", 1_021)
    base, build = {"base": trainings.published_models()["base"]}, trainings.build
    monkeypatch.setattr(keras_models.trainings, "build", lambda make, seed, epochs: build(make, seed, 1))  # without XLA
    monkeypatch.setattr(keras_models.trainings, "published_models", lambda: base)
    random = np.random.default_rng(0)
    ids = random.integers(1, 30, (64, 10)).astype(np.uint16)
    np.savez(tmp_path / keras_models.TEXTS, ids=ids, lengths=np.full(64, 10), classes=random.integers(0, 4, 64))
    found = keras_models.measure(QUICK, tmp_path)
    assert len(found["texts"]) == QUICK.part4.repeats and min(found["texts"]) > 0
    assert found["autoencoders"]["base"] > 0
