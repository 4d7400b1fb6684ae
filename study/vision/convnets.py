"""The convolutional networks beside the Vision Transformer: VGG-13, ResNet-18 and EfficientNet-B0, from scratch.

Images are (B, 3, H, W), floating point, normalised; each network gives logits (B, classes).
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

VGG_13 = (64, 64, "pool", 128, 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool")
"""Configuration B of Simonyan & Zisserman (2015): channels of 3×3 convolutions, and where 2×2 pooling halves."""


class VGG(nn.Sequential):
    """VGG-13 with batch normalisation after each convolution.

    The `original` head is the paper's for images of 224: 7×7 positions, two layers of 4096 units
    with dropout, and an output layer, 123 million weights. An image of 64 leaves 2×2 positions: the
    `small` head averages them and is one layer behind the dropout.
    """

    def __init__(
        self, classes: int, head: Literal["small", "original"] = "small", dropout: float = 0.5
    ) -> None:
        if head == "original":
            classifier = [
                nn.AdaptiveAvgPool2d(7), nn.Flatten(),
                nn.Linear(512 * 7 * 7, 4096), nn.ReLU(inplace=True), nn.Dropout(dropout),
                nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(dropout),
                nn.Linear(4096, classes),
            ]  # fmt: skip
        else:
            classifier = [
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Dropout(dropout),
                nn.Linear(512, classes),
            ]
        super().__init__(*vgg_layers(VGG_13), *classifier)
        draw(self)


def vgg_layers(plan: Sequence[int | str]) -> list[nn.Module]:
    """The convolutions and poolings of a VGG for images of three channels; `plan` is like VGG_13."""
    layers, before = [], 3
    for after in plan:
        if after == "pool":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [
                nn.Conv2d(before, after, 3, padding=1),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
            before = after
    return layers


STEMS = {
    "standard": lambda: [
        nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
        nn.MaxPool2d(3, stride=2, padding=1),
    ],
    "halving": lambda: [nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False)],
}
"""How a ResNet begins: the paper's for 224, which leaves a quarter of each side; a half, for small images."""


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut (He et al. 2016), which a 1×1 convolution fits to
    another size: (B, before, H, W) -> (B, after, H/stride, W/stride).
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after)
            )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.branch(x) + self.shortcut(x))


class ResNet18(nn.Sequential):
    """He et al. (2016): a stem, four stages of two residual blocks, the mean over positions and a
    linear layer. `stem` is one of STEMS.
    """

    def __init__(self, classes: int, stem: str = "halving") -> None:
        if stem not in STEMS:
            raise ValueError(f"stem {stem!r} is unknown: choose one of {', '.join(STEMS)}")
        convolution, *pooling = STEMS[stem]()
        layers = [convolution, nn.BatchNorm2d(64), nn.ReLU(inplace=True), *pooling]
        before = 64
        for after, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            layers += [ResidualBlock(before, after, stride), ResidualBlock(after, after, 1)]
            before = after
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes)]
        super().__init__(*layers, *head)
        draw(self)


STRIDES = {"paper": (1, 2, 2, 2, 1, 2, 1), "late": (1, 2, 2, 2, 1, 1, 1)}
"""Strides of EfficientNet's seven stages, after its stem's stride of 2.

The paper's shrink each side 32 times, which leaves 2×2 positions of an image of 64; without the last stride of 2 it is
16 times.
"""


class EfficientNetB0(nn.Module):
    """EfficientNet-B0 (Tan & Le 2019) as pre-defined in `transformers`, with random weights.

    `strides` is one of STRIDES. `momentum` is the weight of a new batch in the running statistics
    of batch normalisation: the pre-defined 0.99 comes from TensorFlow, where it weighs the old
    ones; PyTorch, given 0.99, forgets all but the last batch.
    """

    def __init__(
        self, classes: int, strides: str = "paper", dropout: float = 0.2, momentum: float = 0.1
    ) -> None:
        from transformers import EfficientNetConfig, EfficientNetForImageClassification

        if strides not in STRIDES:
            raise ValueError(f"strides {strides!r} are unknown: choose one of {', '.join(STRIDES)}")
        super().__init__()
        config = EfficientNetConfig(
            width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280, image_size=224,
            dropout_rate=dropout, strides=STRIDES[strides], batch_norm_momentum=momentum,
            num_labels=classes,
        )  # fmt: skip
        self.network = EfficientNetForImageClassification(config)
        draw(self)

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images).logits


def draw(network: nn.Module) -> None:
    """Starting weights by He et al. (2015): convolutions keep the variance of what passes them; classifiers small."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
