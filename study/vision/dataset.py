"""Images in memory and their splits, wherever they come from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIDE = 64
SHARES = {"train": 0.7, "validation": 0.2, "test": 0.1}


@dataclass(frozen=True)
class Images:
    """n images, in the order of class and name.

    `pixels` (n, 64, 64, 3) uint8, RGB; `classes` (n,) int64, by `sources.classes_of` a run; `names` (n,), the paths
    in their archive; `labels` (n,), what they show, '' where unknown; `resized` (n,) int8, see `sources.RESIZED`;
    `groups` (n,) int64, the same number for near-duplicates.
    """

    pixels: np.ndarray
    classes: np.ndarray
    names: np.ndarray
    labels: np.ndarray
    resized: np.ndarray
    groups: np.ndarray

    def __len__(self) -> int:
        return len(self.classes)


@dataclass(frozen=True)
class Splits:
    """Images, and the rows that a model is trained on, chosen by, and judged on once."""

    images: Images
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def rows(self) -> dict[str, np.ndarray]:
        return {name: getattr(self, name) for name in SHARES}


def side_of(epoch: int, epochs: int, sizes: Sequence[int]) -> int:
    """The side of the images of a training's epoch (from 0): each of `sizes` for an equal stretch of `epochs`."""
    return sizes[min(epoch * len(sizes) // epochs, len(sizes) - 1)]


def split(classes: np.ndarray, groups: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Rows of each split, sorted: stratified by class, drawn from the seed, a group never divided.

    Classes (n,) from 0 on, groups (n,). Each class gives SHARES of its images to each split, rounded, as long as its
    groups leave enough single images to even them out.
    """
    random, names = np.random.default_rng(seed), list(SHARES)
    counts = np.bincount(classes)
    left = np.stack([np.round(counts * share).astype(int) for share in SHARES.values()], axis=1)
    left[:, 0] = counts - left[:, 1:].sum(axis=1)
    place = np.empty(len(classes), dtype=np.int64)
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    for several in random.permutation(np.flatnonzero(sizes > 1)):
        rows = np.flatnonzero(group == several)
        needed = np.bincount(classes[rows], minlength=len(counts))
        room = np.where((left >= needed[:, None]).all(axis=0), left.sum(axis=0), 0)
        chosen = random.choice(len(names), p=room / room.sum()) if room.any() else 0
        left[:, chosen] -= needed
        place[rows] = chosen
    for kind in range(len(counts)):
        single = random.permutation(np.flatnonzero((classes == kind) & (sizes[group] == 1)))
        ends = np.cumsum(np.maximum(left[kind, ::-1], 0))[:-1]
        for chosen, rows in zip(reversed(range(len(names))), np.split(single, ends), strict=True):
            place[rows] = chosen
    return {name: np.flatnonzero(place == i) for i, name in enumerate(names)}
