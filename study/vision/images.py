"""The images of the Bonus part: dogs, food and vehicles, decoded once, checked, and split.

They are the course set's equivalent (catalog: vision/dogs_food_vehicles.zip). The environment variable IMAGES takes
others: `tiny-imagenet` for the variant composed from the public archive, or the path of a folder or zip that has a
folder for each class, whatever they are called, or is laid out as Tiny-ImageNet. `course:` before a path says that
these are the images of the original report, so that its numbers can be compared.
"""

import hashlib
import io
import json
import os
import sys
from collections import Counter
from dataclasses import fields
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from tqdm.auto import tqdm

from study import catalog, paths
from study.catalog import DataError
from study.files import alone, write_atomically
from study.own_data import refuse
from study.vision import duplicates, sources, synthetic
from study.vision.archive import Archive
from study.vision.dataset import SHARES, SIDE, Images, Splits, split

ZIP, TINY = "vision/dogs_food_vehicles.zip", "vision/tiny-imagenet-200.zip"
SYNTHETIC = "synthetic/dogs_food_vehicles"
COURSE = "course:"
COURSE_COUNT = 10_000
"""Images of each class in the original's set."""
SPLIT_SEED = 0

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")

_VERSION = 3  # of what is cached; raise it when decoding or the search for duplicates changes


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


def settings(kind: str) -> dict:
    """What the setting of a run's images adds to its spec: the classes' names, where they are not the report's."""
    given = os.environ.get("IMAGES") or ""
    if kind == "synthetic" or given in ("", "tiny-imagenet"):
        return {}
    names = sources.class_names(sources.members(_given(given)))
    return {} if names == sources.CLASSES else {"classes": list(names)}


def of_the_original(names: list[str]) -> bool:
    """Whether a spec's data are the images of the original report, by which its numbers can be compared."""
    return names[0].startswith(f"own/{COURSE}")


def load(names: list[str], synthetic_rows: int = 0) -> Splits:
    """The images of that name and their splits: 70 % train, 20 % validation, 10 % test.

    Raises DataError, naming file and remedy, for images that can't be had or are wrong.
    """
    (name,) = names
    if name == SYNTHETIC:
        found = synthetic.images(synthetic_rows, 0)
    elif name in (ZIP, TINY):
        found = read(Archive(catalog.fetch(name)), catalog.entry(name).digest)
    else:
        archive = _given(os.environ.get("IMAGES") or "")
        digest = archive.digest()
        if not name.endswith(f"@{digest[:12]}"):
            raise DataError(f"{archive.path} is not {name} any more. Point IMAGES at those images, or make new runs.")
        found = read(archive, digest)
        if of_the_original(names) and set(np.bincount(found.classes)) != {COURSE_COUNT}:
            raise DataError(
                f"{archive.path} has {np.bincount(found.classes).tolist()} images, the original's set {COURSE_COUNT:,} "
                f"of each class. Leave `{COURSE}` out of IMAGES, or point it at that set."
            )
    made = split(found.classes, found.groups, SPLIT_SEED)
    _check_splits(found, made, name)
    return Splits(found, **made)


def _check_splits(found: Images, made: dict[str, np.ndarray], name: str) -> None:
    """Raise DataError if a class is not in every split: what can't be judged is not trained."""
    faults = []
    for kind in np.unique(found.classes):
        mine = found.classes == kind
        lacking = [part for part in SHARES if not mine[made[part]].any()]
        if lacking:
            folder = Path(str(found.names[mine][0])).parent
            faults.append(
                f"{folder}: {mine.sum():,} images, of which {len(set(found.groups[mine])):,} are no near-duplicates, "
                f"leave none for {' and '.join(lacking)}. Give ten or more that differ, or leave the class out."
            )
    refuse(Path(name), faults)


def _given(path: str) -> Archive:
    path = path.removeprefix(COURSE)
    place = paths.ROOT / path  # notebooks run in another folder than trainings
    if not path or not place.exists():
        raise DataError(
            f"IMAGES={path} is not there. Point it at a folder or zip with a folder for each class, "
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
    faults, done = [], Counter()
    interval = 0.5 if sys.stderr.isatty() else 20.0
    for i, member in enumerate(tqdm(chosen, "decoding images", leave=False, unit=" images", mininterval=interval)):
        try:
            pixels[i] = decode(archive.read(member.name), member.name, done=done)
        except DataError as error:
            faults.append(str(error).removeprefix(f"{archive.path}: "))
    refuse(archive.path, faults)
    if +done:
        changed = ", ".join(f"{count:,} {what}" for what, count in done.items())
        tqdm.write(f"{archive.path}: of {len(chosen):,} images {changed}", file=sys.stderr)
    order = sources.class_names(chosen)
    return Images(
        pixels,
        np.array([order.index(m.kind) for m in chosen], dtype=np.int64),
        np.array([m.name for m in chosen]),
        np.array([m.label for m in chosen]),
        np.array([m.resized for m in chosen], dtype=np.int8),
        duplicates.groups(pixels),
    )


def decode(
    content: bytes, where: str, resample: Image.Resampling = Image.Resampling.LANCZOS, done: Counter | None = None
) -> np.ndarray:
    """The pixels (64, 64, 3) uint8, RGB, of an image file; `done` counts what was changed.

    An image is turned as its EXIF data say and cut to its centre square, which is resized. What is transparent becomes
    white, grey becomes RGB with equal channels, the upper 8 of 16 bits are kept, and CMYK is converted by Pillow
    without a colour profile. Raises DataError, naming the file, for what is broken, moves or has another format.
    """
    done = Counter() if done is None else done
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # of a camera: the second is a preview
                raise DataError(f"{where} has {frames} pictures. Keep one.")
            size, turned = image.size, image.getexif().get(ExifTags.Base.Orientation, 1) > 1
            image.draft(None, (4 * SIDE, 4 * SIDE))  # a large JPEG is unpacked to no more than what is needed
            square = ImageOps.fit(_rgb(ImageOps.exif_transpose(image), done), (SIDE, SIDE), resample)
            done += Counter(turned=turned, resized=size != (SIDE, SIDE))
    except UnidentifiedImageError:
        raise DataError(
            f"{where} is no {', '.join(FORMATS[:-1])} or {FORMATS[-1]}. Replace it or take it out."
        ) from None
    except DataError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{where} is no sound image ({error}). Replace it or take it out.") from error
    return np.asarray(square)


def _rgb(image: Image.Image, done: Counter) -> Image.Image:
    if image.has_transparency_data:
        done["with transparency, now white"] += 1
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError("numbers of 32 bits have no known range; save it with 8 or 16")
    if image.mode.startswith("I;16"):
        done["of 16 bits, now 8"] += 1
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    return image.convert("RGB")


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
