"""The original's formulas of self-attention, each taken at its word on random tokens and compared with the right one.

A claim has its name in data/published.toml.
"""

import numpy as np
from scipy.special import softmax

from study.prose import CONFIRMED, HALF, REFUTED, Verdict, number

TOKENS, WIDTH, SEED = 6, 4, 0


def about_formulas() -> dict[str, Verdict]:
    """The verdicts on the formulas: confirmed as printed, half with another reading of a symbol, or refuted."""
    random = np.random.default_rng(SEED)
    x, q_map, k_map, v_map, o_map = (random.normal(size=s) for s in ((TOKENS, WIDTH), *[(WIDTH, WIDTH)] * 4))
    q, k, v = x @ q_map, x @ k_map, x @ v_map
    logits = np.array([[np.dot(query, key) / np.sqrt(WIDTH) for key in k] for query in q])
    weights = np.array([np.exp(row) / np.exp(row).sum() for row in logits])
    sums = np.array([sum(a * value for a, value in zip(row, v, strict=True)) for row in weights])
    by_vector = x @ q_map[:, 0]
    same_positions = softmax(np.diag(logits))
    over_queries = softmax(logits, axis=0).sum(axis=1)
    product = softmax(q @ k.T / np.sqrt(WIDTH), axis=1) @ v
    twice = weights @ (v * v)
    moved = (sums + 1) @ o_map - sums @ o_map
    return {
        "attention_weight_vector": Verdict(
            CONFIRMED if by_vector.shape == q.shape else HALF,
            f"a vector would make each query {by_vector[0].size} number wide; a matrix makes it {q.shape[1]} wide",
        ),
        "attention_score": Verdict(
            CONFIRMED if same_positions.shape == weights.shape else REFUTED,
            f"as printed, {same_positions.size} numbers in place of {weights.size}; read with keys j and summed over "
            f"queries i, a query's weights sum to {number(over_queries.min(), 2)} to {number(over_queries.max(), 2)}",
        ),
        "attention_every_key": Verdict(
            CONFIRMED if weights.shape == (len(q), len(k)) and np.allclose(weights.sum(axis=1), 1) else REFUTED,
            f"each of {len(q)} queries has {weights.shape[1]} weights, which sum to one",
        ),
        "attention_softmax_of_scores": Verdict(
            CONFIRMED if np.allclose(softmax(logits, axis=1), weights) else REFUTED,
            "exponentials divided by their sum are a softmax; that the sum has the wrong index is judged above",
        ),
        "attention_product": Verdict(
            CONFIRMED if q.shape[1] == k.shape[0] else HALF if np.allclose(product, sums) else REFUTED,
            f"right with k transposed; as printed, {q.shape[0]} × {q.shape[1]} numbers meet "
            f"{k.shape[0]} × {k.shape[1]}, which cannot be multiplied",
        ),
        "attention_sum": Verdict(
            CONFIRMED if np.allclose(twice, sums) else HALF if np.allclose(weights @ v, sums) else REFUTED,
            "right if Attention is the weight; with Attention as the original defines it, values enter twice, and the "
            f"result is off by up to {number(np.abs(twice - sums).max(), 1)}",
        ),
        "attention_after_softmax": Verdict(
            CONFIRMED if np.allclose(weights.sum(axis=1), 1) else REFUTED,
            "right of the weight, with j the key's and value's position",
        ),
        "attention_output": Verdict(
            CONFIRMED if np.allclose(moved, o_map.sum(axis=0)) else REFUTED,
            "the map is linear in z; the original leaves open what it is for",
        ),
    }
