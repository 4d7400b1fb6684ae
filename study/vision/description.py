"""What the images are: balance, colours, sizes as they came, near-duplicates, and what a contact sheet shows."""

from collections.abc import Sequence

import numpy as np

from study.vision.dataset import Splits
from study.vision.sources import NATIVE, RESIZED

SHOWN = 12
"""Images of each class on the contact sheet."""


def describe(splits: Splits, names: Sequence[str]) -> tuple[dict, dict[str, np.ndarray]]:
    """Metrics and arrays of a record, everything that the notebook tells of the images; `names` are the classes'."""
    images = splits.images
    sheet = contact_sheet(images.classes, splits.train)
    sizes = np.bincount(images.groups)
    mean, deviation = statistics(images.pixels, splits.train)
    metrics = {
        "images": {name: len(rows) for name, rows in splits.rows().items()},
        "classes": {
            name: np.bincount(images.classes[rows], minlength=len(names)).tolist()
            for name, rows in splits.rows().items()
        },
        "origin": {
            kind: {
                how: int(((images.classes == i) & (images.resized == code)).sum())
                for how, code in (("resized", RESIZED), ("native", NATIVE))
            }
            for i, kind in enumerate(names)
        },
        "pixels": {"mean": mean.tolist(), "deviation": deviation.tolist()},
        "near_duplicates": {"groups": int((sizes > 1).sum()), "images": int(sizes[sizes > 1].sum())},
    }
    return metrics, {
        "test_resized": images.resized[splits.test],
        "sheet_pixels": images.pixels[sheet],
        "sheet_classes": images.classes[sheet].astype(np.int8),
    }


def statistics(pixels: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (3,) of the channels of some rows of pixels (n, S, S, 3) uint8, as shares of 255."""
    # Exact in integers, by counting each of the 256 values: no copy in floating point of what may be half a gigabyte.
    counts = np.zeros((3, 256), dtype=np.int64)
    for start in range(0, len(rows), 1_000):
        block = pixels[rows[start : start + 1_000]]
        for channel in range(3):
            counts[channel] += np.bincount(block[..., channel].ravel(), minlength=256)
    values, total = np.arange(256) / 255, counts.sum(axis=1)
    mean = counts @ values / total
    return mean, np.sqrt(counts @ values**2 / total - mean**2)


def contact_sheet(classes: np.ndarray, rows: np.ndarray, each: int = SHOWN) -> np.ndarray:
    """Rows to be shown: of each class `each` (or as many as there are) among `rows`, drawn from a fixed seed."""
    random = np.random.default_rng(0)
    kinds = [rows[classes[rows] == kind] for kind in np.unique(classes)]
    return np.concatenate([random.permutation(found)[:each] for found in kinds])
