"""Keras: the same text classifier from Keras' own layers, and an epoch of each autoencoder of Part II."""

import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

from study import keras_training
from study.anomaly import series, trainings
from study.bench import TEXTS, seconds
from study.profile import Profile

_POINTS = 4_000  # of the series that the autoencoders see


class Positions(layers.Layer):
    """Learned vectors of words and positions, added: (B, N) integers -> (B, N, d)."""

    def __init__(self, longest: int, vocabulary: int, width: int) -> None:
        super().__init__()
        self.longest = longest
        self.words, self.positions = layers.Embedding(vocabulary, width), layers.Embedding(longest, width)

    def call(self, ids):
        return self.words(ids) + self.positions(keras.ops.arange(self.longest))


def text_classifier(longest: int, vocabulary: int, width: int, heads: int, hidden: int, classes: int) -> keras.Model:
    """One encoder block of `keras.layers.MultiHeadAttention`, mean pooling and a dense head, over padded texts.

    It has the sizes of `TextClassifier` in Part IV's notebook, and pays attention to padding, as is common in Keras.
    """
    ids = keras.Input((longest,), dtype="int32")
    x = Positions(longest, vocabulary, width)(ids)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(heads, width // heads)(x, x))
    x = layers.LayerNormalization()(x + layers.Dense(width)(layers.Dense(hidden, activation="relu")(x)))
    return keras.Model(ids, layers.Dense(classes)(layers.GlobalAveragePooling1D()(x)))


def measure(chosen: Profile, work: Path) -> dict:
    """Texts a second of `model.fit`, and seconds of an epoch of each autoencoder."""
    s = chosen.part4
    with np.load(work / TEXTS, allow_pickle=False) as texts:
        ids = np.zeros((len(texts["ids"]), s.longest), dtype=np.int32)
        ids[:, : texts["ids"].shape[1]] = texts["ids"]
        classes = texts["classes"]
    model = text_classifier(s.longest, int(ids.max()) + 1, s.width, s.heads, s.hidden, int(classes.max()) + 1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(s.learning_rate), loss)

    def epoch() -> None:
        model.fit(ids, classes, batch_size=s.batch, epochs=1, verbose=0)

    epoch()  # compiles
    rates = [len(ids) / taken for taken in seconds(epoch, s.repeats)]
    return {"texts": rates, "parameters": model.count_params(), "autoencoders": _autoencoders()}


def _autoencoders() -> dict[str, float]:
    """Windows a second of one epoch of each autoencoder of Part II, after one that compiles."""
    windows = series.windows_of(series.synthetic("AAPL", _POINTS).values / 10_000)
    found = {}
    for name, make in trainings.published_models().items():
        model = trainings.build(make, 0, trainings.LONG)
        for _ in range(2):  # the first compiles
            with tempfile.TemporaryDirectory() as scratch:
                (taken,) = seconds(lambda m=model, s=scratch: keras_training.fit(m, windows, 1, 0, {}, Path(s)), 1)
        found[name] = len(windows) / taken
    return found
