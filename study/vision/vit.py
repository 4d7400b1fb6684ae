"""A Vision Transformer as in Dosovitskiy et al. (2021), and what makes one learn from few images.

Images are (B, 3, H, W), floating point, normalised. They become N = (H/P)·(W/P) tokens of width d, row by row.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from study.attention import SelfAttention
from study.vision.convnets import ResidualBlock


@dataclass(frozen=True)
class Architecture:
    """The size of a ViT and its switches.

    `tokens` come from flat `patches` (Dosovitskiy et al. 2021), from patches of the image and of
    four `shifted` copies (Lee et al. 2021), or from `convolutions`, the first stages of a ResNet.
    `local` gives each head a learned temperature and hides every token from itself (Lee et al.
    2021).
    """

    image: int = 64
    patch: int = 8
    width: int = 192
    depth: int = 6
    heads: int = 3
    hidden: int = 768
    classes: int = 3
    dropout: float = 0.0
    tokens: Literal["patches", "shifted", "convolutions"] = "patches"
    local: bool = False

    def __post_init__(self) -> None:
        if self.image % self.patch:
            raise ValueError(f"patches of {self.patch} pixels do not tile an image of {self.image}")
        if self.tokens not in TOKENISERS:
            raise ValueError(
                f"tokens {self.tokens!r} are unknown: choose one of {', '.join(TOKENISERS)}"
            )

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
    """The beginning of a ResNet: a convolution and residual blocks that halve the image until a
    pixel stands for a patch, then a 1×1 convolution: (B, 3, H, W) -> (B, N, d). This is the hybrid
    of Dosovitskiy et al.; Xiao et al. (2021) show why convolutions should come first.
    """

    def __init__(self, architecture: Architecture) -> None:
        halvings = architecture.patch.bit_length() - 1
        if 2**halvings != architecture.patch or not halvings:
            raise ValueError(
                f"halving convolutions need a patch of 2, 4, 8, …, not {architecture.patch}"
            )
        first, *later = (architecture.width * (i + 1) // halvings for i in range(halvings))
        layers = [nn.Conv2d(3, first, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(first)]
        layers += [nn.ReLU(inplace=True), ResidualBlock(first, first, 1)]
        before = first
        for after in later:
            layers += [ResidualBlock(before, after, 2), ResidualBlock(after, after, 1)]
            before = after
        super().__init__(*layers, nn.Conv2d(before, architecture.width, 1))

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
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(architecture.dropout),
            nn.Linear(hidden, width),
        )
        self.dropout = nn.Dropout(architecture.dropout)
        self.local = architecture.local

    def forward(self, x: Tensor, return_weights: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        others = ~torch.eye(x.shape[1], dtype=torch.bool, device=x.device) if self.local else None
        # Always with weights: of few tokens they cost little, and on CPUs PyTorch's fused kernel is
        # slow backwards in bfloat16.
        looked, weights = self.attention(self.attention_norm(x), mask=others, return_weights=True)
        x = x + self.dropout(looked)
        x = x + self.dropout(self.perceptron(self.perceptron_norm(x)))
        return (x, weights) if return_weights else x


class VisionTransformer(nn.Module):
    """Images (B, 3, H, W) -> logits (B, classes), read off a class token.

    H and W may differ from the architecture's, in whole patches: the learned positions are then
    interpolated, as the paper does for another resolution.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture, width, depth = architecture, architecture.width, architecture.depth
        self.tokens = TOKENISERS[architecture.tokens](architecture)
        self.class_token = nn.Parameter(torch.empty(1, 1, width))
        self.positions = nn.Parameter(torch.empty(1, 1 + architecture.grid**2, width))
        self.dropout = nn.Dropout(architecture.dropout)
        self.blocks = nn.ModuleList([EncoderBlock(architecture) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, architecture.classes)
        self._draw()

    def forward(self, images: Tensor) -> Tensor:
        x = self._embedded(images)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, 0]))

    def attention(self, images: Tensor) -> list[Tensor]:
        """The attention weights (B, h, 1 + N, 1 + N) of every layer; token 0 is the class token."""
        x, found = self._embedded(images), []
        for block in self.blocks:
            x, weights = block(x, return_weights=True)
            found.append(weights)
        return found

    def _embedded(self, images: Tensor) -> Tensor:
        tokens = self.tokens(images)
        tokens = torch.cat(
            [self.class_token.expand(len(tokens), -1, -1).to(tokens.dtype), tokens], dim=1
        )
        patch = self.architecture.patch
        return self.dropout(
            tokens + self._positions(images.shape[-2] // patch, images.shape[-1] // patch)
        )

    def _positions(self, rows: int, columns: int) -> Tensor:
        grid = self.architecture.grid
        if (rows, columns) == (grid, grid):
            return self.positions
        plane = self.positions[:, 1:].unflatten(1, (grid, grid)).permute(0, 3, 1, 2)
        resized = functional.interpolate(
            plane, (rows, columns), mode="bicubic", align_corners=False
        )
        return torch.cat([self.positions[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)

    def _draw(self) -> None:
        """Starting weights: as the paper's code, but for a head that is small instead of zero."""
        nn.init.trunc_normal_(self.class_token, std=0.02)
        nn.init.trunc_normal_(self.positions, std=0.02)
        nn.init.trunc_normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        for block in self.blocks:
            for layer in block.perceptron:
                if isinstance(layer, nn.Linear):
                    nn.init.xavier_uniform_(layer.weight)
                    nn.init.zeros_(layer.bias)
