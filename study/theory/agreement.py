"""Is `study.attention` the same function as PyTorch's own? Largest differences in outputs and gradients."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from study.attention import SelfAttention, as_pytorch, scaled_dot_product


def differences(reference: str, batch: int, tokens: int, width: int, heads: int, seed: int) -> dict[str, float]:
    """Largest absolute differences (float32) from a function of PyTorch, with random padding.

    `reference` is scaled_dot_product_attention or MultiheadAttention; sequences have 1 to `tokens` tokens. Returns
    `output` and `gradient` (with regard to the inputs, for a standard normal gradient of the output). Raises ValueError
    for another reference.
    """
    torch.manual_seed(seed)
    present = torch.arange(tokens) < torch.randint(1, tokens + 1, (batch, 1))
    if reference == "scaled_dot_product_attention":
        mask = present[:, None, None, :]
        return _differences(
            [torch.randn(batch, heads, tokens, width // heads) for _ in range(3)],
            lambda q, k, v: scaled_dot_product(q, k, v, mask)[0],
            lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, attn_mask=mask),
        )
    if reference != "MultiheadAttention":
        raise ValueError(f"Unknown reference '{reference}': choose scaled_dot_product_attention or MultiheadAttention.")
    module = SelfAttention(width, heads)
    # Biases start from zero, where a mistake in them would not show.
    for projection in (module.query, module.key, module.value, module.output):
        nn.init.normal_(projection.bias)
    theirs = as_pytorch(module)
    return _differences(
        [torch.randn(batch, tokens, width)],
        lambda x: module(x, present, return_weights=True)[0],
        # PyTorch's padding mask is True where nobody may look.
        lambda x: theirs(x, x, x, key_padding_mask=~present)[0],
    )


def _differences(inputs: list[Tensor], ours: Callable[..., Tensor], theirs: Callable[..., Tensor]) -> dict[str, float]:
    results = []
    for function in (ours, theirs):
        leaves = [tensor.clone().requires_grad_() for tensor in inputs]
        output = function(*leaves)
        above = torch.randn(output.shape, generator=torch.Generator().manual_seed(0))
        results.append((output.detach(), torch.autograd.grad(output, leaves, above)))
    (a, da), (b, db) = results
    return {
        "output": (a - b).abs().max().item(),
        "gradient": max((x - y).abs().max().item() for x, y in zip(da, db, strict=True)),
    }
