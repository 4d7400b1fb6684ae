"""A stand-in for the images, made from a seed: discs, stripes and boxes, in any colours."""

import numpy as np

from study.vision import duplicates
from study.vision.dataset import SIDE, Images
from study.vision.sources import CLASSES, NATIVE, RESIZED

_NOISE = 24.0


def images(rows: int, seed: int) -> Images:
    """`rows` images, a third of each class.

    Raises ValueError for fewer than ten of each class, which no split could use.
    """
    if rows < 10 * len(CLASSES):
        raise ValueError(f"synthetic images: {10 * len(CLASSES)} or more are needed, not {rows}")
    random = np.random.default_rng([seed, rows])
    classes = np.sort(np.arange(rows) % len(CLASSES))
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    pixels = np.empty((rows, SIDE, SIDE, 3), dtype=np.uint8)
    for i, kind in enumerate(classes):
        (cy, cx), size = random.uniform(0.35, 0.65, 2), random.uniform(0.15, 0.3)
        inside = (
            np.hypot(y - cy, x - cx) < size,
            np.sin((x + y * random.uniform(-0.5, 0.5)) * random.uniform(30, 60)) > 0,
            np.maximum(np.abs(y - cy), np.abs(x - cx) / 2) < size / 1.5,
        )[kind]
        colours = random.uniform(0, 255, (2, 3))
        noise = random.normal(0, _NOISE, (SIDE, SIDE, 3))
        pixels[i] = np.clip(np.where(inside[..., None], *colours) + noise, 0, 255)
    return Images(
        pixels,
        classes.astype(np.int64),
        np.array([f"{CLASSES[kind]}/{i:05}.png" for i, kind in enumerate(classes)]),
        np.array([("disc", "stripes", "box")[kind] for kind in classes]),
        random.choice([NATIVE, RESIZED], rows).astype(np.int8),
        duplicates.groups(pixels),
    )
