"""Which files are images of which class, in a folder of classes or in the public Tiny-ImageNet archive."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from study.catalog import DataError
from study.own_data import refuse
from study.vision.archive import Archive

CLASSES = ("dogs", "food", "vehicles")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic")
RESIZED, NATIVE, UNKNOWN = 1, 0, -1
"""Whether an image was cut and resized to 64×64, was taken from a collection of that size, or nobody knows."""

SYNSETS = {
    "dogs": {
        "n02085620": "Chihuahua", "n02094433": "Yorkshire terrier", "n02099601": "golden retriever",
        "n02099712": "Labrador retriever", "n02106662": "German shepherd", "n02113799": "standard poodle",
    },
    "food": {
        "n07579787": "plate", "n07583066": "guacamole", "n07614500": "ice cream", "n07695742": "pretzel",
        "n07711569": "mashed potato", "n07747607": "orange", "n07749582": "lemon", "n07753592": "banana",
        "n07768694": "pomegranate", "n07871810": "meat loaf", "n07873807": "pizza", "n07875152": "potpie",
    },
    "vehicles": {
        "n02814533": "beach wagon", "n02917067": "bullet train", "n03100240": "convertible", "n03393912": "freight car",
        "n03444034": "go-kart", "n03670208": "limousine", "n03796401": "moving van", "n03977966": "police van",
        "n04146614": "school bus", "n04285008": "sports car", "n04465501": "tractor", "n04487081": "trolleybus",
    },
}  # fmt: skip
"""WordNet's numbers of the Tiny-ImageNet classes (550 images each) that make up the public variant."""


SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}
"""Names of folders that hold parts of a set, and are no class."""


class Member(NamedTuple):
    """A file with an image: its name in the archive, its class, what it shows ('' unknown), RESIZED or not."""

    name: str
    kind: str
    label: str
    resized: int


def classes_of(spec: Mapping) -> tuple[str, ...]:
    """The names of the classes that a run's images have, in the order of their numbers."""
    return tuple(spec.get("settings", {}).get("classes", CLASSES))


def members(archive: Archive) -> list[Member]:
    """The images of an archive of either layout, by class, then by name; see `class_names` for the classes' order.

    Raises DataError, naming file or folder, for a layout that is neither, a single class, or an incomplete list.
    """
    found = list(_tiny_imagenet(archive) if _is_tiny_imagenet(archive) else _class_folders(archive))
    order = class_names(found)
    if len(order) < 2:
        raise DataError(
            f"{archive.path} has {'one class' if order else 'no image of a class'}. Put the images of each class into "
            "a folder of its own, two classes or more."
        )
    return sorted(found, key=lambda m: (order.index(m.kind), m.name))


def class_names(found: Iterable[Member]) -> tuple[str, ...]:
    """The classes: those of the report in its order where there are no others, else in the order of letters."""
    kinds = {m.kind for m in found}
    return CLASSES if kinds == set(CLASSES) else tuple(sorted(kinds))


def _class_folders(archive: Archive) -> Iterator[Member]:
    """A folder a class, alone or below one folder, and perhaps provenance.csv beside them; capitals do not matter."""
    names, below = archive.names(), ""
    while len({PurePosixPath(n.removeprefix(below)).parts[0] for n in names}) == 1 and all(
        len(PurePosixPath(n.removeprefix(below)).parts) > 2 for n in names
    ):
        below += PurePosixPath(names[0].removeprefix(below)).parts[0] + "/"
    described = _provenance(archive, f"{below}provenance.csv")
    inner = {name: PurePosixPath(name.removeprefix(below)) for name in names}
    kinds = {name: unicodedata.normalize("NFC", path.parts[0]).casefold() for name, path in inner.items()}
    refuse(
        archive.path,
        [
            f"{name!r} lies beside the classes' folders. Put it into one of them."
            for name, path in inner.items()
            if len(path.parts) == 1 and path.suffix.lower() in SUFFIXES
        ]
        + [
            f"The folder {kind}/ is a part of a set, no class. Put the classes' folders beside each other; the split "
            "is made here."
            for kind in sorted(SPLITS & {kinds[n] for n, path in inner.items() if len(path.parts) > 1})
        ],
    )
    for name, path in inner.items():
        if len(path.parts) > 1:  # others are provenance.csv, a licence, a word to the reader
            label, resized = described.get(str(path), ("", UNKNOWN))
            yield Member(name, kinds[name], label, resized)


def _provenance(archive: Archive, name: str) -> dict[str, tuple[str, int]]:
    """For each file its label and whether it was resized, from a CSV with columns file, label and processing."""
    if name not in archive.names():
        return {}
    try:
        rows = list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8"), newline="")))
        return {r["file"]: (r["label"], NATIVE if r["processing"] == "native64" else RESIZED) for r in rows}
    except (UnicodeDecodeError, KeyError) as error:
        raise DataError(
            f"{archive.path}: {name} is not UTF-8 with columns file, label, processing ({error!r}). Correct or drop it."
        ) from error


def _is_tiny_imagenet(archive: Archive) -> bool:
    return any(PurePosixPath(n).match("train/n*/images/*.JPEG") for n in archive.names())


def _tiny_imagenet(archive: Archive) -> Iterator[Member]:
    """The training and validation images of SYNSETS: train/<wnid>/images/, val/images/ and val/val_annotations.txt."""
    wanted = {wnid: (kind, label) for kind in CLASSES for wnid, label in SYNSETS[kind].items()}
    annotated, seen = None, set()
    for name in archive.names():
        path = PurePosixPath(name)
        if path.match("train/n*/images/*.JPEG"):
            wnid = path.parts[-3]
        elif path.match("val/images/*.JPEG"):
            if annotated is None:
                annotated = _annotations(archive, str(path.parent.parent / "val_annotations.txt"))
            if path.name not in annotated:
                raise DataError(f"{archive.path}: {name} has no line in val_annotations.txt. Get the archive again.")
            wnid = annotated[path.name]
        else:
            continue
        if wnid in wanted:
            seen.add(wnid)
            yield Member(name, *wanted[wnid], NATIVE)
    if seen != set(wanted):
        raise DataError(f"{archive.path}: no images of {', '.join(sorted(set(wanted) - seen))}. Get the archive again.")


def _annotations(archive: Archive, name: str) -> dict[str, str]:
    """File name -> WordNet's number, from the tab-separated lines of Tiny-ImageNet's validation split."""
    lines = [line.split("\t") for line in archive.read(name).decode("utf-8", "replace").splitlines() if line]
    for number, line in enumerate(lines, 1):
        if len(line) < 2:
            raise DataError(f"{archive.path}: {name}, line {number}: expected a file and its class. Get it again.")
    return {line[0]: line[1] for line in lines}
