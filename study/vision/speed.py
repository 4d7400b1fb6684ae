"""Training throughput of the report's loop, beside the plain way of training on images, in one run."""

import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from study import training
from study.vision.augment import Augmentation, ImageBatches


class PlainImages(Dataset):
    """JPEG files (in memory) that are decoded and augmented one at a time by Pillow: crop with padding, flip, jitter.

    An item is a normalised image (3, S, S) float32 and its class.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        classes: np.ndarray,
        mean: np.ndarray,
        deviation: np.ndarray,
        augmentation: Augmentation,
    ) -> None:
        self.files, self.classes, self.augmentation = [_jpeg(p) for p in pixels], classes, augmentation
        self.mean, self.deviation = (np.asarray(v, dtype=np.float32) for v in (mean, deviation))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        a, image = self.augmentation, Image.open(io.BytesIO(self.files[row])).convert("RGB")
        side, (y, x) = image.size[0], np.random.randint(0, 2 * a.crop + 1, 2)
        image = ImageOps.expand(image, a.crop).crop((x, y, x + side, y + side))
        if a.flip and np.random.random() < 0.5:
            image = ImageOps.mirror(image)
        if a.jitter:
            for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
                image = enhance(image).enhance(np.random.uniform(1 - a.jitter, 1 + a.jitter))
        values = (np.asarray(image, dtype=np.float32) / 255 - self.mean) / self.deviation
        return torch.from_numpy(values.transpose(2, 0, 1).copy()), int(self.classes[row])


def _jpeg(pixels: np.ndarray) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "JPEG", quality=75)
    return packed.getvalue()


def throughput(
    network: Callable[[], nn.Module],
    pixels: np.ndarray,
    classes: np.ndarray,
    statistics: tuple[np.ndarray, np.ndarray],
    recipe: training.Recipe,
    augmentation: Augmentation,
    batch: int,
    sizes: tuple[int, ...],
    repeats: int,
) -> dict[str, list[float]]:
    """Training images a second over all pixels (n, S, S, 3): one value a repetition, the ways in turn.

    `plain`: `PlainImages` in a `DataLoader` that shuffles, float32, AdamW as it is by default. `ours`: the report's
    loop on `ImageBatches`, with the recipe's precision, at full size. `progressive`: the same over an epoch at each of
    `sizes`.
    """
    found = {"plain": [], "ours": [], "progressive": []}
    plain = PlainImages(pixels, classes, *statistics, augmentation)
    for repeat in range(repeats + 1):  # the first warms up
        taken = {"plain": _plain(network(), plain, recipe, batch)}
        for way, several in (("ours", ()), ("progressive", sizes)):
            taken[way] = _ours(network(), pixels, classes, statistics, recipe, augmentation, batch, several)
        if repeat:
            for way, seconds in taken.items():
                found[way].append(len(pixels) / seconds)
    return found


def _ours(
    network, pixels, classes, statistics: tuple[np.ndarray, np.ndarray], recipe, augmentation, batch, sizes
) -> float:
    """Seconds of an epoch; of the mean epoch, where there are several sizes."""
    model, epochs = network.to(memory_format=torch.channels_last), max(1, len(sizes))
    split = torch.from_numpy(pixels).to(training.device()), classes, np.arange(len(pixels)), *statistics, batch, 0
    batches = ImageBatches(*split, augmentation, sizes, epochs)
    nothing = ImageBatches(*split[:2], np.arange(1), *split[3:])
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        training.fit(model, batches, nothing, training.Recipe(**vars(recipe) | {"epochs": epochs}), 0, Path(scratch))
        return (time.perf_counter() - start) / epochs


def _plain(network: nn.Module, images: PlainImages, recipe: training.Recipe, batch: int) -> float:
    model = network.to(training.device())
    loader = DataLoader(images, batch_size=batch, shuffle=True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate)
    return training.plain_epoch(model, loader, optimiser, recipe.label_smoothing)
