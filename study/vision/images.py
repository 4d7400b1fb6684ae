"""The images of the Bonus part: dogs, food and vehicles, decoded once, checked, and split.

They are the course set's equivalent (catalog: vision/dogs_food_vehicles.zip). The environment variable IMAGES takes
others: `tiny-imagenet` for the variant composed from the public archive, or the path of a folder or zip that is laid
out as dogs/ food/ vehicles/ or as Tiny-ImageNet. `course:` before a path says that these are the images of the original
report, so that its numbers can be compared.
"""

import hashlib
import io
import json
import os
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from study import catalog, paths
from study.catalog import DataError
from study.files import alone, write_atomically
from study.vision import duplicates, sources, synthetic
from study.vision.archive import Archive
from study.vision.dataset import SIDE, Images, Splits, split

ZIP, TINY = "vision/dogs_food_vehicles.zip", "vision/tiny-imagenet-200.zip"
SYNTHETIC = "synthetic/dogs_food_vehicles"
COURSE = "course:"
COURSE_COUNT = 10_000
"""Images of each class in the original's set."""
SPLIT_SEED = 0

_VERSION = 1  # of what is cached; raise it when decoding or the search for duplicates changes


def data_names(kind: str) -> list[str]:
    """The names of the data that `load` reads for this kind, real or synthetic, as they stand in a spec.

    Images of one's own are named `own/<name>@<digest>`, those of the original `own/course:<name>@<digest>`. Raises
    DataError when IMAGES names nothing readable.
    """
    if kind == "synthetic":
        return [SYNTHETIC]
    given = os.environ.get("IMAGES") or ""
    if not given:
        return [ZIP]
    if given == "tiny-imagenet":
        return [TINY]
    kept = COURSE if given.startswith(COURSE) else ""
    return [f"own/{kept}{Path(given.removeprefix(COURSE)).name}@{_given(given).digest()[:12]}"]


def of_the_original(names: list[str]) -> bool:
    """Whether a spec's data are the images of the original report, by which its numbers can be compared."""
    return names[0].startswith(f"own/{COURSE}")


def load(names: list[str], synthetic_rows: int = 0, mirrored: bool = False) -> Splits:
    """The images of that name and their splits: 70 % train, 20 % validation, 10 % test.

    With `mirrored` near-duplicates are searched among mirrored images, too, and by finer structure. Raises DataError,
    naming file and remedy, for images that can't be had or are wrong.
    """
    (name,) = names
    if name == SYNTHETIC:
        found = synthetic.images(synthetic_rows, 0, mirrored)
    elif name in (ZIP, TINY):
        found = read(Archive(catalog.fetch(name)), catalog.entry(name).digest, mirrored)
    else:
        archive = _given(os.environ.get("IMAGES") or "")
        digest = archive.digest()
        if not name.endswith(f"@{digest[:12]}"):
            raise DataError(f"{archive.path} is not {name} any more. Point IMAGES at those images, or make new runs.")
        found = read(archive, digest, mirrored)
        if of_the_original(names) and set(np.bincount(found.classes)) != {COURSE_COUNT}:
            raise DataError(
                f"{archive.path} has {np.bincount(found.classes).tolist()} images, the original's set {COURSE_COUNT:,} "
                f"of each class. Leave `{COURSE}` out of IMAGES, or point it at that set."
            )
    return Splits(found, **split(found.classes, found.groups, SPLIT_SEED))


def _given(path: str) -> Archive:
    path = path.removeprefix(COURSE)
    place = paths.ROOT / path  # notebooks run in another folder than trainings
    if not path or not place.exists():
        raise DataError(
            f"IMAGES={path} is not there. Point it at a folder or zip laid out as dogs/ food/ vehicles/, "
            "or at Tiny-ImageNet's archive; or say IMAGES=tiny-imagenet, which downloads that; or unset it."
        )
    return Archive(place)


def read(archive: Archive, digest: str, mirrored: bool = False) -> Images:
    """The images of an archive, decoded once, by one process, and kept in build/ under the archive's digest.

    `mirrored` is as in `load`. Raises DataError for an archive with a wrong file (see `decode`), or of another layout.
    """
    key = hashlib.sha256(f"{_VERSION} {digest}{' mirrored' * mirrored}".encode()).hexdigest()[:16]
    file = paths.BUILD / "images" / f"{key}.npz"
    with alone(paths.BUILD / "locks" / f"images-{key}.lock", f"the images of {archive.path}"):
        found = _cached(file)
        if found is None:
            found = _decoded(archive, mirrored)
            _keep(file, found)
    return found


def _decoded(archive: Archive, mirrored: bool) -> Images:
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
        duplicates.groups(pixels, mirrored),
    )


def decode(content: bytes, where: str) -> np.ndarray:
    """The pixels (64, 64, 3) uint8, RGB, of a JPEG or PNG file.

    Grey becomes RGB with equal channels, CMYK is converted by Pillow without a colour profile. Raises DataError, naming
    the file, for what is broken, of another size, or has a palette or transparency.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            if image.size != (SIDE, SIDE):  # known before the pixels are unpacked
                fault = f"has {image.size[0]}×{image.size[1]} pixels, not {SIDE}×{SIDE}. Resize it"
            elif image.mode not in ("RGB", "L", "CMYK"):
                fault = f"has colours of mode {image.mode}, not RGB, L or CMYK. Convert it"
            else:
                return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{where} is no sound JPEG or PNG ({error}). Replace it or take it out.") from error
    raise DataError(f"{where} {fault} or take it out.")


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
        tqdm.write(f"Damaged cache {file} ({error}); the images are decoded again.", file=sys.stderr)
        return None


def _keep(file: Path, images: Images) -> None:
    packed = io.BytesIO()
    np.savez(packed, **{f.name: getattr(images, f.name) for f in fields(Images)})
    digest = hashlib.sha256(packed.getbuffer()).hexdigest()
    write_atomically(file, packed.getbuffer())
    write_atomically(file.with_suffix(".json"), json.dumps({"sha256": digest}).encode())
