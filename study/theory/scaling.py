"""Why the logits are divided by √d_k: what the softmax does with and without it, for random queries and keys."""

import math

import torch
from torch import Tensor

from study.attention import scaled_dot_product

SATURATED = 0.99
"""A query whose largest weight exceeds this looks at one key only."""


def measure(width: int, keys: int, queries: int, seed: int) -> dict[str, dict[str, float]]:
    """Statistics of the softmax of q kᵀ (`raw`) and of q kᵀ / √d_k (`scaled`); each query has `keys` of its own.

    The components of queries and keys are independent standard normal numbers (float64), as the derivation assumes;
    both kinds see the same draw. Per kind: variance of the logits; mean entropy of the weights (nats); Frobenius norm
    of the softmax's Jacobian, mean and median over queries; share of saturated queries.
    """
    random = torch.Generator().manual_seed(seed)
    normal = lambda *shape: torch.randn(*shape, generator=random, dtype=torch.float64)  # noqa: E731
    q, k = normal(queries, 1, width), normal(queries, keys, width)
    found = {}
    for kind, scaled in (("raw", False), ("scaled", True)):
        weights = scaled_dot_product(q, k, k, scaled=scaled)[1].squeeze(1)
        logits = (q @ k.transpose(-2, -1)).squeeze(1) / (math.sqrt(width) if scaled else 1)
        jacobian = jacobian_norm(weights)
        found[kind] = {
            "variance": logits.var().item(),
            "entropy": torch.special.entr(weights).sum(dim=-1).mean().item(),
            "jacobian_mean": jacobian.mean().item(),
            "jacobian_median": jacobian.median().item(),
            "saturated": (weights.amax(dim=-1) > SATURATED).double().mean().item(),
        }
    return found


def jacobian_norm(weights: Tensor) -> Tensor:
    """Frobenius norm of diag(a) − a aᵀ, the softmax's Jacobian at the output a (..., N)."""
    # Nothing is taken from 1 or from the largest weight, so the norm stays exact where one weight is almost 1.
    ordered = weights.sort(dim=-1, descending=True).values
    top, tail = ordered[..., 0], ordered[..., 1:]
    tail_squares = tail.square().sum(dim=-1)
    diagonal = (top * tail.sum(dim=-1)).square() + (tail * (1 - tail)).square().sum(dim=-1)
    with_top = 2 * top.square() * tail_squares
    among_tail = (tail_squares.square() - tail.pow(4).sum(dim=-1)).clamp_min(0)
    return (diagonal + with_top + among_tail).sqrt()
