"""Which files are images of which class, in a folder of classes or in the public Tiny-ImageNet archive."""

import csv
import io
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from study.catalog import DataError
from study.vision.archive import Archive

CLASSES = ("dogs", "food", "vehicles")
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


class Member(NamedTuple):
    """A file with an image: its name in the archive, class 0 to 2, what it shows ('' unknown), RESIZED or not."""

    name: str
    kind: int
    label: str
    resized: int


def members(archive: Archive) -> list[Member]:
    """The images of an archive of either layout, by class, then by name.

    Raises DataError, naming file or folder, for a layout that is neither, an empty class, or an incomplete list.
    """
    found = list(_tiny_imagenet(archive) if _is_tiny_imagenet(archive) else _class_folders(archive))
    counts = {name: sum(m.kind == kind for m in found) for kind, name in enumerate(CLASSES)}
    for name, count in counts.items():
        if not count:
            raise DataError(f"{archive.path}: no image of the class {name}. Put its images into a folder {name}/.")
    return sorted(found, key=lambda m: (m.kind, m.name))


def _class_folders(archive: Archive) -> Iterator[Member]:
    """dogs/, food/ and vehicles/, alone or below one folder, and perhaps provenance.csv beside them."""
    names = archive.names()
    tops = {PurePosixPath(n).parts[0] for n in names}
    below = f"{tops.pop()}/" if len(tops) == 1 and not tops & set(CLASSES) else ""
    described = _provenance(archive, f"{below}provenance.csv")
    for name in names:
        inner = PurePosixPath(name.removeprefix(below))
        if len(inner.parts) == 1:  # provenance.csv, a licence, a word to the reader
            continue
        if inner.parts[0] not in CLASSES:
            raise DataError(
                f"{archive.path}: {name} lies in none of the folders {', '.join(f'{c}/' for c in CLASSES)}. "
                "Sort the images into these three."
            )
        label, resized = described.get(str(inner), ("", UNKNOWN))
        yield Member(name, CLASSES.index(inner.parts[0]), label, resized)


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
    wanted = {wnid: (kind, label) for kind, c in enumerate(CLASSES) for wnid, label in SYNSETS[c].items()}
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
