"""Dropout (Srivastava et al. 2014) whose random numbers are cheap on a CPU.

There PyTorch draws one 64-bit number for every element, one after the other, which takes longer than the layers that
the dropout stands between. Sixteen bits are enough.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

_LOWEST = -(2**63)  # of 64-bit integers
_STEPS = 2**16


def checked(p: float) -> float:
    """p, a probability to drop by. Raises ValueError for p outside [0, 1)."""
    if not 0 <= p < 1:
        raise ValueError(f"dropout is {p}: expected at least 0 and below 1")
    return p


def drop(x: Tensor, p: float) -> Tensor:
    """x, floating point, with each element set to zero with probability p, to the nearest 1/65,536,
    and the rest divided by 1 − p. On other devices than a CPU this is PyTorch's own. Raises
    ValueError for p outside [0, 1).
    """
    if checked(p) == 0:
        return x
    if x.device.type != "cpu":
        return functional.dropout(x, p)
    drawn = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(_LOWEST, None)
    sixteen = drawn.view(torch.int16)[: x.numel()].view(x.shape)
    kept = sixteen >= round(p * _STEPS) - _STEPS // 2
    return x * kept.to(x.dtype).mul_(1 / (1 - p))


class Dropout(nn.Dropout):
    """PyTorch's layer, which acts in training only, with `drop` inside; never in place."""

    def forward(self, x: Tensor) -> Tensor:
        return drop(x, self.p) if self.training else x
