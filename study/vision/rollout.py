"""Attention roll-out (Abnar & Zuidema 2020): how much of each patch enters what the class is read off."""

from collections.abc import Sequence

import torch
from torch import Tensor


def rollout(weights: Sequence[Tensor]) -> Tensor:
    """How much each token of the input enters each token of the output, through all layers: (B, N, N), rows sum to 1.

    `weights` holds each layer's attention (B, h, N, N), first layer first. Heads are averaged; the residual connection
    counts as half of a layer's flow. Raises ValueError for no layers.
    """
    if not weights:
        raise ValueError("attention roll-out needs the weights of one layer at least")
    flow = None
    for layer in weights:
        mean = layer.mean(dim=1)
        mixed = (mean + torch.eye(mean.shape[-1], device=mean.device, dtype=mean.dtype)) / 2
        flow = mixed if flow is None else mixed @ flow
    return flow


def seen(weights: Sequence[Tensor], class_token: bool) -> Tensor:
    """What the class is read off takes from each patch, as maps (B, side, side) that sum to 1.

    That is the class token (token 0), or the mean over all tokens, which then are the patches. Raises ValueError when
    the patches do not form a square.
    """
    flow = rollout(weights)
    patches = flow[:, 0, 1:] if class_token else flow.mean(dim=1)
    side = int(patches.shape[1] ** 0.5)
    if side**2 != patches.shape[1]:
        raise ValueError(f"{patches.shape[1]} patches are no square")
    return (patches / patches.sum(dim=1, keepdim=True)).unflatten(1, (side, side))
