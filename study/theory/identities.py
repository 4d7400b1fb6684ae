"""What follows from the formulas of self-attention without any training, checked on random inputs (float64).

Each function returns the largest absolute difference between two sides that the theory says are equal, or a rank.
"""

import copy

import torch
from torch import Tensor, nn

from study.attention import SelfAttention

BATCH, TOKENS = 2, 10


def layer(width: int, heads: int, seed: int) -> tuple[SelfAttention, Tensor]:
    """Attention with random weights and biases, and random tokens (B, N, d) for it."""
    torch.manual_seed(seed)
    module = SelfAttention(width, heads).double()
    for projection in (module.query, module.key, module.value, module.output):
        nn.init.normal_(projection.bias)
    return module, torch.randn(BATCH, TOKENS, width, dtype=torch.float64)


@torch.no_grad()
def permutation(width: int, heads: int, seed: int, positions: bool = False) -> float:
    """f(P x) against P f(x) for a random order P; with `positions`, a random vector is first added to each place."""
    module, x = layer(width, heads, seed)
    order = torch.randperm(TOKENS)
    place = torch.randn(TOKENS, width, dtype=x.dtype) if positions else torch.zeros(1)
    return _largest(module(x[:, order] + place), module(x + place)[:, order])


@torch.no_grad()
def key_bias(width: int, heads: int, seed: int) -> float:
    """The output with b_k against that without: q·b_k is the same for all keys, and the softmax ignores it."""
    module, x = layer(width, heads, seed)
    without = copy.deepcopy(module)
    nn.init.zeros_(without.key.bias)
    return _largest(module(x), without(x))


@torch.no_grad()
def value_bias(width: int, heads: int, seed: int) -> float:
    """b_v against the same put into b_o as W_o b_v + b_o: weights sum to one, so every sum contains b_v once."""
    module, x = layer(width, heads, seed)
    moved = copy.deepcopy(module)
    moved.output.bias += module.output.weight @ module.value.bias
    nn.init.zeros_(moved.value.bias)
    return _largest(module(x), moved(x))


@torch.no_grad()
def folded_output(width: int, heads: int, seed: int) -> float:
    """W_o against the same multiplied into W_v and b_v: equal with one head, since (A V) W_o = A (V W_o)."""
    module, x = layer(width, heads, seed)
    folded = copy.deepcopy(module)
    folded.value.weight.copy_(module.output.weight @ module.value.weight)
    folded.value.bias.copy_(module.output.weight @ module.value.bias)
    folded.output.weight.copy_(torch.eye(width, dtype=x.dtype))
    return _largest(module(x), folded(x))


@torch.no_grad()
def padding(width: int, heads: int, seed: int) -> float:
    """Outputs of the tokens that are there, before and after what stands in the padding is replaced."""
    module, x = layer(width, heads, seed)
    present = torch.arange(TOKENS).expand(BATCH, -1) < TOKENS // 2
    other = torch.where(present[..., None], x, torch.randn_like(x))
    return _largest(module(x, present)[present], module(other, present)[present])


@torch.no_grad()
def ranks(width: int, heads: int, seed: int) -> tuple[list[int], int]:
    """Rank of each head's map from token to output, W_v W_o, and rank of all heads' maps side by side."""
    module, _ = layer(width, heads, seed)
    values = module.value.weight.T.split(width // heads, dim=1)
    outputs = module.output.weight.T.split(width // heads, dim=0)
    maps = [value @ output for value, output in zip(values, outputs, strict=True)]
    return [int(torch.linalg.matrix_rank(m)) for m in maps], int(torch.linalg.matrix_rank(torch.cat(maps)))


def _largest(a: Tensor, b: Tensor) -> float:
    return (a - b).abs().max().item()
