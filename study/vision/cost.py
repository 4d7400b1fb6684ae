"""What a network costs: the multiply-adds of one image, counted while it passes."""

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


@torch.no_grad()
def multiply_adds(model: nn.Module, image: int) -> int:
    """Multiplications with an addition in convolutions, linear layers and attention for one image of this side.

    Norms, activations, pooling, biases and softmax are left out, as is common. The model is left in evaluation mode.
    """
    device = next(model.parameters()).device
    # The counter does not see into the fused kernels of attention.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.eval()(torch.zeros(1, 3, image, image, device=device))
    return counter.get_total_flops() // 2
