"""What a network costs: the multiply-adds of one image, counted while it passes."""

import torch
from torch import Tensor, nn

from study.attention import SelfAttention


@torch.no_grad()
def multiply_adds(model: nn.Module, image: int) -> int:
    """Multiplications with an addition in convolutions, linear layers and attention for one image of this side.

    Norms, activations, pooling, biases and softmax are left out, as is common. The model is left in evaluation mode.
    """
    count = 0

    def convolution(layer: nn.Conv2d, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal count
        per_output = layer.in_channels // layer.groups * layer.kernel_size[0] * layer.kernel_size[1]
        count += output.numel() * per_output

    def linear(layer: nn.Linear, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal count
        count += output.numel() * layer.in_features

    def attention(layer: SelfAttention, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal count
        tokens = inputs[0].shape[1]
        count += 2 * tokens**2 * layer.width  # Q Kᵀ and the weighted sums; its projections count as linear layers

    counted = {nn.Conv2d: convolution, nn.Linear: linear, SelfAttention: attention}
    hooks = [
        module.register_forward_hook(hook)
        for module in model.modules()
        for kind, hook in counted.items()
        if isinstance(module, kind)
    ]
    try:
        weight = next(model.parameters())
        model.eval()(torch.zeros(1, 3, image, image, device=weight.device))
    finally:
        for hook in hooks:
            hook.remove()
    return count
