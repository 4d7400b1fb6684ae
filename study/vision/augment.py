"""Images as batches for training: augmented as whole batches of tensors, drawn from (seed, epoch) alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from study.training import Batch, device
from study.vision.dataset import side_of

_SHOWN_AT_ONCE = {"cpu": 64, "cuda": 1_024}
"""Examples of a batch that nothing is trained on: more leave the cache of a CPU, fewer leave a GPU idle."""


@dataclass(frozen=True)
class Augmentation:
    """What is changed at random in training; the defaults change nothing.

    `crop` moves an image by up to so many pixels and mirrors what enters; `flip` turns half of them left to right;
    `jitter` scales brightness, contrast and saturation by up to this share; `erase` is the probability of a rectangle
    of mean colour (Zhong et al. 2020).
    """

    crop: int = 0
    flip: bool = False
    jitter: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.jitter < 1 and 0 <= self.erase <= 1 and self.crop >= 0):
            raise ValueError(f"jitter is a share below 1, erase a probability, crop in pixels: {self}")


def moved(pixels: Tensor, rows: Tensor, shifts: Tensor, flips: Tensor) -> Tensor:
    """Images cut out of `pixels` (n, H, W, 3) and moved, in one gathering: (B, H, W, 3).

    Image b is row `rows[b]`, moved by `shifts[b]` (two int64: down, right), with mirrored borders, then turned left to
    right where `flips[b]`.
    """
    height, width = pixels.shape[1:3]
    y = _mirrored(torch.arange(height, device=pixels.device) - shifts[:, :1], height)
    x = _mirrored(torch.arange(width, device=pixels.device) - shifts[:, 1:], width)
    x = torch.where(flips[:, None], x.flip(1), x)
    return pixels[rows[:, None, None], y[:, :, None], x[:, None, :]]


def _mirrored(places: Tensor, size: int) -> Tensor:
    """Places below 0 or above size − 1, reflected at the border pixel."""
    places = places.abs()
    return torch.where(places >= size, 2 * (size - 1) - places, places)


def _resized(images: Tensor, side: int) -> Tensor:
    """Images (B, 3, S, S) as (B, 3, side, side)."""
    if images.shape[-1] == side:
        return images
    return functional.interpolate(images, side, mode="bilinear", antialias=True)


def jittered(images: Tensor, factors: Tensor) -> Tensor:
    """Brightness, contrast and saturation of images (B, 3, H, W), 0 to 1, scaled by `factors` (B, 3)."""
    brightness, contrast, saturation = factors[:, :, None, None, None].unbind(1)
    images = images * brightness
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images = mean + (images - mean) * contrast
    grey = images.mean(dim=1, keepdim=True)
    return (grey + (images - grey) * saturation).clamp(0, 1)


class Box(NamedTuple):
    """Rectangles in an image, as its rows from top to bottom and columns from left to right, each (B,)."""

    top: np.ndarray
    bottom: np.ndarray
    left: np.ndarray
    right: np.ndarray

    def inside(self, side: int, where: torch.device) -> Tensor:
        """(B, 1, side, side) bool."""
        places = torch.arange(side, device=where)
        top, bottom, left, right = (_sent(edge, where)[:, None] for edge in self)
        rows, columns = (places >= top) & (places < bottom), (places >= left) & (places < right)
        return (rows[:, :, None] & columns[:, None, :])[:, None]


def boxes(random: np.random.Generator, areas: np.ndarray, ratios: np.ndarray, side: int) -> Box:
    """Rectangles of these areas (shares of the image) and ratios of height to width, anywhere, cut at the border."""
    heights, widths = side * np.sqrt(areas * ratios), side * np.sqrt(areas / ratios)
    y, x = random.uniform(0, side, (2, len(areas)))
    edges = (y - heights / 2, y + heights / 2, x - widths / 2, x + widths / 2)
    return Box(*(np.clip(np.round(edge), 0, side).astype(np.int64) for edge in edges))


class ImageBatches:
    """A split of images, held in memory as bytes; see `study.training.Batches`.

    `pixels` (n, S, S, 3) uint8 holds all images, `rows` those of this split, `classes` (n,) int64 the classes of all.
    A batch gives a model normalised images (B, 3, s, s) float32 whose memory lies as channels last. `sizes` are the
    sides s that training goes through, each for an equal stretch of `epochs` (progressive resizing); what is measured
    has the last of them. Without them all have the side S.
    """

    def __init__(
        self,
        pixels: Tensor,
        classes: np.ndarray,
        rows: np.ndarray,
        mean: np.ndarray,
        deviation: np.ndarray,
        batch: int,
        seed: int,
        augmentation: Augmentation | None = None,
        sizes: tuple[int, ...] = (),
        epochs: int = 1,
    ) -> None:
        if len(pixels) != len(classes) or pixels.dtype != torch.uint8 or pixels.dim() != 4 or pixels.shape[3] != 3:
            raise ValueError(
                f"pixels {tuple(pixels.shape)} {pixels.dtype} and {len(classes)} classes: "
                "expected (n, S, S, 3) uint8 and (n,)"
            )
        self.pixels, self.classes, self.rows = pixels, torch.from_numpy(classes).to(pixels.device), rows
        self.batch, self.seed = batch, seed
        self.augmentation, self.epochs = augmentation or Augmentation(), epochs
        self.sizes = sizes or (pixels.shape[1],)
        self._mean, self._deviation = (
            torch.tensor(np.asarray(v), dtype=torch.float32, device=pixels.device)[:, None, None]
            for v in (mean, deviation)
        )

    def __len__(self) -> int:
        return len(self.rows)

    def steps(self) -> int:
        return -(-len(self) // self.batch)

    def size(self, epoch: int) -> int:
        """The side of the images of this epoch."""
        return side_of(epoch, self.epochs, self.sizes)

    def training(self, epoch: int) -> Iterator[Batch]:
        random = np.random.default_rng([self.seed, epoch])
        for rows in _sent(random.permutation(self.rows), self.pixels.device).split(self.batch):
            yield (self._augmented(rows, random, self.size(epoch)),), self.classes[rows]

    def in_order(self) -> Iterator[tuple[tuple[Tensor, ...], Tensor, np.ndarray]]:
        at_once = _SHOWN_AT_ONCE[self.pixels.device.type]
        for start in range(0, len(self), at_once):
            rows = self.rows[start : start + at_once]
            classes = self.classes[_sent(rows, self.pixels.device)]
            yield (self.inputs(rows),), classes, np.arange(start, start + len(rows))

    def inputs(self, rows: np.ndarray) -> Tensor:
        """Rows of all images as a trained network takes them, (len(rows), 3, s, s): resized and normalised alone."""
        images = self._floats(self.pixels[_sent(rows, self.pixels.device)])
        return self._normalised(_resized(images, self.sizes[-1]))

    def _augmented(self, rows: Tensor, random: np.random.Generator, size: int) -> Tensor:
        a, n, where = self.augmentation, len(rows), self.pixels.device
        shifts = _sent(random.integers(-a.crop, a.crop + 1, (n, 2)), where)
        flips = _sent(random.random(n) < (0.5 if a.flip else 0.0), where)
        images = _resized(self._floats(moved(self.pixels, rows, shifts, flips)), size)
        if a.jitter:
            images = jittered(images, _sent(random.uniform(1 - a.jitter, 1 + a.jitter, (n, 3)), where).float())
        images = self._normalised(images)
        if a.erase:
            areas = random.uniform(0.02, 0.25, n) * (random.random(n) < a.erase)
            box = boxes(random, areas, np.exp(random.uniform(np.log(0.5), np.log(2), n)), size)
            images = images.masked_fill(box.inside(size, where), 0.0)
        return images

    def _floats(self, pixels: Tensor) -> Tensor:
        """(B, S, S, 3) uint8 -> (B, 3, S, S) float32, 0 to 1, without moving a byte: channels last."""
        return pixels.permute(0, 3, 1, 2).float() / 255

    def _normalised(self, images: Tensor) -> Tensor:
        return (images - self._mean) / self._deviation


def _sent(values: np.ndarray, where: torch.device) -> Tensor:
    """Values as a tensor there; the program does not wait for what a GPU is still computing."""
    return torch.from_numpy(values).to(where, non_blocking=True)


def on_device(pixels: np.ndarray) -> Tensor:
    """All images as one tensor where the model is, shared by the splits."""
    return torch.from_numpy(pixels).to(device())
