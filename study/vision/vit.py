"""A Vision Transformer that learns from few images, and, with switches, each step of its ablation.

With every switch off it is that of Dosovitskiy et al. (2021), which the notebook of the Bonus part defines.

Images are (B, 3, H, W), floating point, normalised. They become N = (H/P)·(W/P) tokens of width d, row by row.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from study.attention import SelfAttention
from study.definitions import notebook

_networks = notebook("bonus_vision_transformer")
VGG_13, draw, vgg_layers = _networks.VGG_13, _networks.draw, _networks.vgg_layers


@dataclass(frozen=True)
class Architecture:
    """The size of a ViT and its switches.

    `tokens` come from flat `patches` (Dosovitskiy et al. 2021), from patches of the image and of
    four `shifted` copies (Lee et al. 2021), or from `convolutions`, the first blocks of VGG-13.
    The class is read off a class token, or off the mean of all tokens. An `early_head` reads it off
    the tokens before attention as well, with a loss of its own (deep supervision, Lee et al. 2015).
    `local` gives each head a learned temperature and hides every token from itself (Lee et al.
    2021). A `depth` of 0 leaves the attention out.
    """

    image: int = 64
    patch: int = 8
    width: int = 192
    depth: int = 6
    heads: int = 3
    hidden: int = 768
    classes: int = 3
    tokens: Literal["patches", "shifted", "convolutions"] = "patches"
    pooling: Literal["class token", "mean"] = "class token"
    early_head: bool = False
    local: bool = False

    def __post_init__(self) -> None:
        if self.image % self.patch:
            raise ValueError(f"patches of {self.patch} pixels do not tile an image of {self.image}")
        if self.tokens not in TOKENISERS:
            raise ValueError(
                f"tokens {self.tokens!r} are unknown: choose one of {', '.join(TOKENISERS)}"
            )
        if self.pooling not in ("class token", "mean"):
            raise ValueError(f"pooling {self.pooling!r} is unknown: choose class token or mean")

    @property
    def grid(self) -> int:
        """Patches along one side of the image."""
        return self.image // self.patch


class Patches(nn.Module):
    """One linear map of the pixels of each P×P patch: (B, 3, H, W) -> (B, N, d)."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        patch = architecture.patch
        self.project = nn.Conv2d(3, architecture.width, patch, stride=patch)

    def forward(self, images: Tensor) -> Tensor:
        return self.project(images).flatten(2).transpose(1, 2)


class ShiftedPatches(nn.Module):
    """Patches of the image beside four copies that are shifted diagonally by half a patch,
    normalised, then mapped linearly (Lee et al. 2021): (B, 3, H, W) -> (B, N, d).
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.patch = architecture.patch
        pixels = 5 * 3 * self.patch**2
        self.norm = nn.LayerNorm(pixels)
        self.project = nn.Linear(pixels, architecture.width)

    def forward(self, images: Tensor) -> Tensor:
        views = torch.cat([images, *self.shifted(images)], dim=1)
        patches = functional.unfold(views, self.patch, stride=self.patch).transpose(1, 2)
        return self.project(self.norm(patches))

    def shifted(self, images: Tensor) -> list[Tensor]:
        """Four copies, each half a patch further towards one corner; what enters is zero."""
        half, (height, width) = self.patch // 2, images.shape[-2:]
        padded = functional.pad(images, (half, half, half, half))
        return [
            padded[..., y : y + height, x : x + width] for y in (0, 2 * half) for x in (0, 2 * half)
        ]


class Convolutions(nn.Sequential):
    """The beginning of VGG-13, its last pooling left out, until a pixel stands for a patch; then a
    1×1 convolution: (B, 3, H, W) -> (B, N, d). A hybrid, as Dosovitskiy et al. call it; Xiao et al.
    (2021) show why convolutions should come first.
    """

    def __init__(self, architecture: Architecture) -> None:
        poolings = [i for i, step in enumerate(VGG_13) if step == "pool"]
        halvings = architecture.patch.bit_length() - 1
        if 2**halvings != architecture.patch or not 0 < halvings < len(poolings):
            raise ValueError(
                f"halving convolutions need a patch of 2, 4, 8 or 16, not {architecture.patch}"
            )
        plan = VGG_13[: poolings[halvings]]
        super().__init__(*vgg_layers(plan), nn.Conv2d(plan[-1], architecture.width, 1))
        draw(self)

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).flatten(2).transpose(1, 2)


TOKENISERS = {"patches": Patches, "shifted": ShiftedPatches, "convolutions": Convolutions}


class EncoderBlock(nn.Module):
    """Attention and a two-layer perceptron, each behind a layer normalisation and beside a
    residual connection. Tokens (B, N, d) -> (B, N, d), and the attention weights (B, h, N, N) if
    asked for.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        width, hidden = architecture.width, architecture.hidden
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = SelfAttention(
            width, architecture.heads, temperature=architecture.local, validate=False
        )
        self.perceptron_norm = nn.LayerNorm(width, eps=1e-6)
        self.perceptron = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
        )
        self.local = architecture.local

    def forward(self, x: Tensor, return_weights: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        others = ~torch.eye(x.shape[1], dtype=torch.bool, device=x.device) if self.local else None
        # Always with weights: of few tokens they cost little, and on CPUs PyTorch's fused kernel is
        # slow backwards in bfloat16.
        looked, weights = self.attention(self.attention_norm(x), mask=others, return_weights=True)
        x = x + looked
        x = x + self.perceptron(self.perceptron_norm(x))
        return (x, weights) if return_weights else x


class VisionTransformer(nn.Module):
    """Images (B, 3, H, W) -> logits (B, classes), read off a class token or the mean of all tokens.

    With an early head they are the mean of both heads' logits; in training those of each head are
    given, (B, 2, classes), so that each gets its loss. H and W may differ from the architecture's,
    in whole patches: the learned positions are then interpolated, as the paper does for another
    resolution.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture, width, depth = architecture, architecture.width, architecture.depth
        self.tokens = TOKENISERS[architecture.tokens](architecture)
        self.first = int(architecture.pooling == "class token")  # tokens before the patches
        if self.first:
            self.class_token = nn.Parameter(torch.empty(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, self.first + architecture.grid**2, width))
        self.blocks = nn.ModuleList([EncoderBlock(architecture) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, architecture.classes)
        if architecture.early_head:
            self.early_norm = nn.LayerNorm(width, eps=1e-6)
            self.early_head = nn.Linear(width, architecture.classes)
        self._draw()

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.tokens(images)
        x = self._embedded(tokens, images)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        logits = self.head(x[:, 0] if self.first else x.mean(dim=1))
        if not self.architecture.early_head:
            return logits
        early = self.early_head(self.early_norm(tokens).mean(dim=1))
        both = torch.stack([early, logits], dim=1)
        return both if self.training else both.mean(dim=1)

    def attention(self, images: Tensor) -> list[Tensor]:
        """The attention weights (B, h, T, T) of every layer, over N tokens and, before them, the
        class token if there is one.
        """
        x, found = self._embedded(self.tokens(images), images), []
        for block in self.blocks:
            x, weights = block(x, return_weights=True)
            found.append(weights)
        return found

    def _embedded(self, tokens: Tensor, images: Tensor) -> Tensor:
        if self.first:
            tokens = torch.cat(
                [self.class_token.expand(len(tokens), -1, -1).to(tokens.dtype), tokens], dim=1
            )
        patch = self.architecture.patch
        return tokens + self._positions(images.shape[-2] // patch, images.shape[-1] // patch)

    def _positions(self, rows: int, columns: int) -> Tensor:
        grid = self.architecture.grid
        if (rows, columns) == (grid, grid):
            return self.positions
        plane = self.positions[:, self.first :].unflatten(1, (grid, grid)).permute(0, 3, 1, 2)
        resized = functional.interpolate(
            plane, (rows, columns), mode="bicubic", align_corners=False
        )
        patches = resized.flatten(2).transpose(1, 2)
        return torch.cat([self.positions[:, : self.first], patches], dim=1)

    def _draw(self) -> None:
        """Starting weights: as the paper's code, but for heads that are small instead of zero."""
        if self.first:
            nn.init.trunc_normal_(self.class_token, std=0.02)
        nn.init.trunc_normal_(self.positions, std=0.02)
        for head in [self.head, self.early_head] if self.architecture.early_head else [self.head]:
            nn.init.trunc_normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        for block in self.blocks:
            for layer in block.perceptron:
                if isinstance(layer, nn.Linear):
                    nn.init.xavier_uniform_(layer.weight)
                    nn.init.zeros_(layer.bias)
