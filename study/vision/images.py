"""The images of the Bonus part: dogs, food and vehicles, decoded once, checked, and split.

They are the course set's equivalent (catalog: vision/dogs_food_vehicles.zip). The environment variable IMAGES takes
others: `tiny-imagenet` for the variant composed from the public archive, or the path of a folder or zip that is laid
out as dogs/ food/ vehicles/ or as Tiny-ImageNet.
"""

import hashlib
import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from study import catalog, paths
from study.catalog import DataError
from study.files import alone, write_atomically
from study.vision import duplicates, sources
from study.vision.archive import Archive

SIDE = 64
ZIP, TINY = "vision/dogs_food_vehicles.zip", "vision/tiny-imagenet-200.zip"
SYNTHETIC = "synthetic/dogs_food_vehicles"
SHARES = {"train": 0.7, "validation": 0.2, "test": 0.1}
SPLIT_SEED = 0

_VERSION = 1  # of what is cached; raise it when decoding or the search for duplicates changes


@dataclass(frozen=True)
class Images:
    """n images, in the order of class and name.

    `pixels` (n, 64, 64, 3) uint8, RGB; `classes` (n,) int64, 0 to 2 by `sources.CLASSES`; `names` (n,), the paths
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


def data_names(kind: str) -> list[str]:
    """The names of the data that `load` reads for this kind, real or synthetic, as they stand in a spec.

    Images of one's own are named `own/<name>@<digest>`. Raises DataError when IMAGES names nothing readable.
    """
    if kind == "synthetic":
        return [SYNTHETIC]
    given = os.environ.get("IMAGES") or ""
    if not given:
        return [ZIP]
    if given == "tiny-imagenet":
        return [TINY]
    return [f"own/{Path(given).name}@{_given(given).digest()[:12]}"]


def load(names: list[str], synthetic_rows: int = 0) -> Splits:
    """The images of that name and their splits: 70 % train, 20 % validation, 10 % test.

    Raises DataError, naming file and remedy, for images that can't be had or are wrong.
    """
    (name,) = names
    if name == SYNTHETIC:
        from study.vision.synthetic import images

        found = images(synthetic_rows, 0)
    elif name in (ZIP, TINY):
        found = read(Archive(catalog.fetch(name)), catalog.entry(name).digest)
    else:
        archive = _given(os.environ.get("IMAGES") or "")
        digest = archive.digest()
        if not name.endswith(f"@{digest[:12]}"):
            raise DataError(f"{archive.path} is not {name} any more. Point IMAGES at those images, or make new runs.")
        found = read(archive, digest)
    return Splits(found, **split(found.classes, found.groups, SPLIT_SEED))


def _given(path: str) -> Archive:
    place = paths.ROOT / path  # notebooks run in another folder than trainings
    if not path or not place.exists():
        raise DataError(
            f"IMAGES={path} is not there. Point it at a folder or zip laid out as dogs/ food/ vehicles/, "
            "or at Tiny-ImageNet's archive; or say IMAGES=tiny-imagenet, which downloads that; or unset it."
        )
    return Archive(place)


def read(archive: Archive, digest: str) -> Images:
    """The images of an archive, decoded once, by one process, and kept in build/ under the archive's digest.

    Raises DataError for an archive with a wrong file (see `decode`), or of another layout.
    """
    key = hashlib.sha256(f"{_VERSION} {digest}".encode()).hexdigest()[:16]
    file = paths.BUILD / "images" / f"{key}.npz"
    with alone(paths.BUILD / "locks" / f"images-{key}.lock", f"the images of {archive.path}"):
        found = _cached(file)
        if found is None:
            found = _decoded(archive)
            _keep(file, found)
    return found


def _decoded(archive: Archive) -> Images:
    chosen = sources.members(archive)
    pixels = np.empty((len(chosen), SIDE, SIDE, 3), dtype=np.uint8)
    interval = 0.5 if sys.stderr.isatty() else 20.0
    for i, member in enumerate(tqdm(chosen, "decoding images", leave=False, unit=" images", mininterval=interval)):
        pixels[i] = decode(archive.read(member.name), f"{archive.path}: {member.name}")
    return Images(
        pixels,
        np.array([m.kind for m in chosen], dtype=np.int64),
        np.array([m.name for m in chosen]),
        np.array([m.label for m in chosen]),
        np.array([m.resized for m in chosen], dtype=np.int8),
        duplicates.groups(pixels),
    )


def decode(content: bytes, where: str) -> np.ndarray:
    """The pixels (64, 64, 3) uint8, RGB, of a JPEG or PNG file.

    Grey becomes RGB with equal channels, CMYK is converted by Pillow without a colour profile. Raises DataError, naming
    the file, for what is broken, of another size, or has a palette or transparency.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            if image.size != (SIDE, SIDE):  # known before the pixels are unpacked
                said = f"has {image.size[0]}×{image.size[1]} pixels, not {SIDE}×{SIDE}. Resize it"
            elif image.mode not in ("RGB", "L", "CMYK"):
                said = f"has colours of mode {image.mode}, not RGB, L or CMYK. Convert it"
            else:
                return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{where} is no sound JPEG or PNG ({error}). Replace it or take it out.") from error
    raise DataError(f"{where} {said} or take it out.")


def _cached(file: Path) -> Images | None:
    """What `_keep` left, or None if there is nothing whole."""
    try:
        expected = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))["sha256"]
        with file.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != expected:
                raise ValueError("a wrong digest")
        with np.load(file, allow_pickle=False) as arrays:
            return Images(**arrays)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        tqdm.write(f"Damaged cache {file} ({error}); the images are decoded anew.", file=sys.stderr)
        return None


def _keep(file: Path, images: Images) -> None:
    packed = io.BytesIO()
    np.savez(packed, **{f.name: getattr(images, f.name) for f in fields(Images)})
    digest = hashlib.sha256(packed.getbuffer()).hexdigest()
    write_atomically(file, packed.getbuffer())
    write_atomically(file.with_suffix(".json"), json.dumps({"sha256": digest}).encode())


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
