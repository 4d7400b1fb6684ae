"""The benchmark of the text classifier measures what it says."""

import time

import numpy as np
import pytest
import torch

from study import profile
from study.bench import transformer
from study.news.tokens import Encoded

QUICK = profile.load("quick")
SETTINGS = {"vocabulary": 50, "longest": 8, "width": 8, "heads": 2, "hidden": 16, "batch": 4}


def test_operations_of_a_step_are_those_of_its_matrix_products():
    texts = Encoded(np.ones((4, 8), dtype=np.uint16), np.full(4, 8))
    found = transformer.operations_of(texts, np.zeros(4, dtype=np.int64), SETTINGS)
    n, d, hidden, classes = 8, 8, 16, 4
    forward = 2 * (4 * n * d * d + 2 * n * n * d + 2 * n * d * hidden + d * classes)
    # Backwards, a product has two: for its inputs and for its weights.
    assert found == 3 * forward


def test_a_large_product_is_faster_than_a_reader_could_count(monkeypatch):
    assert transformer.matmul_peak(2) > 1e8
    monkeypatch.setattr(transformer, "seconds", lambda work, repeats: [2.0, 1.0])
    assert transformer.matmul_peak() == 2 * 2_048**3  # by the faster one


def test_the_operators_of_all_texts_take_no_longer_than_the_training():
    texts, start = Encoded(np.ones((64, 8), dtype=np.uint16), np.full(64, 8)), time.perf_counter()
    found = transformer.operators("common", texts, np.zeros(64, dtype=np.int64), SETTINGS | {"learning_rate": 1e-3})
    assert 0 < len(texts) * sum(found.values()) < time.perf_counter() - start


def test_cut_texts_keep_their_beginning():
    texts = Encoded(np.arange(12, dtype=np.uint16).reshape(2, 6), np.array([6, 2]))
    short = transformer.cut(texts, 3)
    assert short.ids.tolist() == [[0, 1, 2], [6, 7, 8]] and short.lengths.tolist() == [3, 2]


@pytest.mark.slow
def test_all_is_measured_and_the_texts_are_left_for_keras(tmp_path):
    found = transformer.measure(QUICK, tmp_path)
    assert set(found["grown"]["length"]) == {str(n) for n in transformer.LENGTHS}
    grown = [rate for sizes in found["grown"].values() for ways in sizes.values() for rate in ways.values()]
    rates = [*found["ours"], *found["common"], *grown]
    assert all(np.isfinite(rates)) and min(rates) > 0
    with np.load(tmp_path / transformer.TEXTS, allow_pickle=False) as texts:
        assert len(texts["ids"]) == len(texts["classes"]) == found["rows"]
    assert torch.is_grad_enabled()
