"""What the original claims about self-attention, each with its verdict: one table, a claim a row.

A row is a claim's name in data/published.toml and what judges it. Formulas are evaluated on random tokens
and compared with self-attention written out query by query (Vaswani et al. 2017); the two statements on √d_k are judged
by the records.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import softmax

from study.prose import number, percent, significant
from study.runs import Record
from study.theory import tables
from study.verdicts import CONFIRMED, CONTRADICTED, PARTLY, UNCLEAR, Verdict, fact

TOKENS, WIDTH, SEED = 6, 4, 0
VANISHED = 0.1
"""The share of the scaled softmax's gradient below which the unscaled one's is "extremely small"; and how near to one
the variance of the scores must be if the division by √d_k is to have scaled them down."""


@dataclass(frozen=True)
class Evidence:
    """What the verdicts rest on.

    Random tokens `x` (N, d) with their queries `q` and keys `k` (N, d_k) and values `v` (N, d_v); `weights` (N, N) and
    `sums` (N, d_v) as self-attention defines them; `measured` and `narrow` are `tables.softmax`
    at the largest and the smallest d_k.
    """

    x: np.ndarray
    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    scores: np.ndarray
    weights: np.ndarray
    sums: np.ndarray
    measured: pd.DataFrame
    narrow: pd.DataFrame

    def median(self, kind: str, statistic: str, narrow: bool = False) -> float:
        return float((self.narrow if narrow else self.measured).loc[(kind, statistic), "median"])


def gather(records: Sequence[Record]) -> Evidence:
    """The evidence. Raises KeyError if the records of the softmax are missing."""
    random = np.random.default_rng(SEED)
    x = random.normal(size=(TOKENS, WIDTH))
    q, k, v = (x @ random.normal(size=(WIDTH, WIDTH)) for _ in range(3))
    scores = np.array([[query @ key / np.sqrt(WIDTH) for key in k] for query in q])
    weights = np.array([np.exp(row) / np.exp(row).sum() for row in scores])
    sums = np.array([sum(a * value for a, value in zip(row, v, strict=True)) for row in weights])
    found = tables.softmax(records)
    widths = found.index.get_level_values("d_k")
    ends = (found.xs(d_k, level="d_k") for d_k in (max(widths), min(widths)))
    return Evidence(x, q, k, v, scores, weights, sums, *ends)


def score(e: Evidence) -> Verdict:
    as_printed, by_key = softmax(np.diag(e.scores)), softmax(e.scores, axis=1)
    printed = as_printed.shape == e.weights.shape
    return Verdict(
        CONFIRMED if printed else PARTLY if np.allclose(by_key, e.weights) else CONTRADICTED,
        "The form is right, the index is not: with i at query, key and sum, a query meets only the key of its own "
        f"position, and {len(e.q)} tokens give {as_printed.size} numbers in place of {e.weights.size}. With j for the "
        "key and the sum over j it is the softmax, as the text beside it says.",
    )


def scaled(e: Evidence) -> Verdict:
    raw, divided = e.median("raw", "variance"), e.median("scaled", "variance")
    return Verdict(
        CONFIRMED if abs(divided - 1) < VANISHED < abs(raw - 1) else UNCLEAR,
        f"At the largest d_k the variance of the scores is {number(raw)} without and {number(divided, 2)} with the "
        "division.",
    )


def gradients(e: Evidence) -> Verdict:
    raw, divided = e.median("raw", "jacobian_median"), e.median("scaled", "jacobian_median")
    alone, shared = e.median("raw", "saturated"), e.median("scaled", "saturated")
    without, divided_there = (e.median(kind, "jacobian_median", narrow=True) for kind in ("raw", "scaled"))
    return Verdict(
        UNCLEAR if raw >= VANISHED * divided else CONFIRMED if without < divided_there else PARTLY,
        f"Of random queries with the largest d_k, the median gradient is {significant(raw, 2)} without and "
        f"{significant(divided, 2)} with the division, and {percent(alone, 0)} give more than 99% of their weight to "
        f"one key, against {percent(shared, 0)}. With the smallest d_k the gradient is {significant(without, 2)} "
        f"without and {significant(divided_there, 2)} with the division.",
    )


MAP, SHIFT = np.eye(WIDTH)[::-1], np.ones(WIDTH)
"""A linear map, for the claim on the output."""

CLAIMS: dict[str, Callable[[Evidence], Verdict]] = {
    "attention_weight_vector": lambda e: Verdict(
        CONFIRMED if (e.x @ np.ones(WIDTH)).shape == e.q.shape else PARTLY,
        "Queries do have weights of their own, but a weight vector would make each query a single number; a matrix "
        "makes it a vector of d_k numbers.",
    ),
    "attention_score": score,
    "attention_every_key": lambda e: Verdict(
        fact(e.weights.shape == (len(e.q), len(e.k)) and np.allclose(e.weights.sum(axis=1), 1)),
        f"In an example of {len(e.q)} tokens each query has {e.weights.shape[1]} weights, which sum to one.",
    ),
    "attention_softmax_of_scores": lambda e: Verdict(
        fact(np.allclose(softmax(e.scores, axis=1), e.weights)),
        "Exponentials divided by their sum over the keys are the softmax.",
    ),
    "attention_scaled": scaled,
    "attention_gradients": gradients,
    "attention_product": lambda e: Verdict(
        fact(np.allclose([softmax(e.k @ query / np.sqrt(WIDTH)) @ e.v for query in e.q], e.sums)),
        "Read as it is written, in vectors: one query q, and q·k for every key. For all queries at once it is "
        "softmax(QKᵀ/√d_k)V.",
    ),
    "attention_sum": lambda e: Verdict(
        fact(np.allclose(e.weights @ e.v, e.sums)),
        "Attention(q_i, k_j) is the weight here, as the original says below the formula. One formula earlier the "
        "same word names the weighted values.",
    ),
    "attention_after_softmax": lambda e: Verdict(
        fact(np.allclose(e.weights.sum(axis=1), 1) and (e.weights > 0).all()),
        "The weights are positive and sum to one over j, the position of key and value.",
    ),
    "attention_output": lambda e: Verdict(
        fact(np.allclose([one @ MAP + SHIFT for one in e.sums], e.sums @ MAP + SHIFT)),
        "One linear map serves all positions. The original leaves open what it is for.",
    ),
}
"""The table, in the order of the original's text."""
