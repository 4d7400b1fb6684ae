"""Images are read from sound archives alone, decoded once, and split without a copy on both sides."""

import io
import stat
import time
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from study import catalog, paths
from study.catalog import DataError
from study.vision import dataset, duplicates, images, sources
from study.vision.archive import Archive


def picture(seed: int, mode: str = "RGB", side: int = 64, kind: str = "JPEG") -> bytes:
    """An encoded image of coloured noise in large blocks."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 255, (8, 8, 3), dtype=np.uint8).repeat(side // 8, 0).repeat(side // 8, 1)
    packed = io.BytesIO()
    Image.fromarray(blocks).convert(mode).save(packed, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return packed.getvalue()


def files(each: int = 3) -> dict[str, bytes]:
    names = [f"{kind}/{i}.jpg" for kind in sources.CLASSES for i in range(each)]
    return {name: picture(seed) for seed, name in enumerate(names)}


def zipped(path, content):
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in content.items():
            packed.writestr(name, data)
    return path


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.delenv("IMAGES", raising=False)
    return tmp_path


def read(path):
    archive = Archive(path)
    return images.read(archive, archive.digest())


def test_zip_and_folder_give_the_same_images(place):
    content = files() | {".DS_Store": b"x", "__MACOSX/dogs/._0.jpg": b"x", "README.txt": b"read me"}
    for name, data in content.items():
        file = place / "folder" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    one, other = read(zipped(place / "a.zip", content)), read(place / "folder")
    assert one.pixels.shape == (9, 64, 64, 3) and one.pixels.dtype == np.uint8
    assert one.classes.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2] and one.classes.dtype == np.int64
    assert one.names[0] == "dogs/0.jpg" and set(one.resized) == {sources.UNKNOWN}
    for name in ("pixels", "classes", "names", "labels", "resized", "groups"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    below = read(zipped(place / "below.zip", {f"set/{n}": d for n, d in files().items()}))
    assert np.array_equal(below.pixels, one.pixels)


def test_provenance_tells_what_was_resized(place):
    rows = "file,label,processing\ndogs/0.jpg,pug,native64\ndogs/1.jpg,boxer,centre-crop\n"
    found = read(zipped(place / "a.zip", files() | {"provenance.csv": rows.encode()}))
    assert found.resized[:3].tolist() == [sources.NATIVE, sources.RESIZED, sources.UNKNOWN]
    assert found.labels[:3].tolist() == ["pug", "boxer", ""]
    with pytest.raises(DataError, match="provenance.csv is not UTF-8 with columns"):
        read(zipped(place / "b.zip", files() | {"provenance.csv": b"file,kind\ndogs/0.jpg,pug\n"}))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("food/bad.jpg", picture(1)[:300], "bad.jpg is no sound image .*[Tt]runcated"),
        ("food/bad.jpg", b"no image", "food/bad.jpg is no JPEG, PNG, WEBP, BMP, GIF or TIFF. Replace it"),
        ("food/bad.jpg", b"", "food/bad.jpg is no JPEG, PNG"),
        ("food/notes.txt", b"ripe", "food/notes.txt is no JPEG, PNG"),
        ("0.jpg", picture(1), "'0.jpg' lies beside the classes' folders"),
        ("train/food/0.jpg", picture(1), "train/ is a part of a set, no class"),
        ("../food/out.jpg", picture(1), "out.jpg' leads out of the archive"),
        ("/food/out.jpg", picture(1), "out.jpg' leads out of the archive"),
        ("food\\..\\..\\out.jpg", picture(1), "leads out of the archive"),
        ("C:/out.jpg", picture(1), "leads out of the archive"),
        ("food/long.jpg", bytes(65 * 2**20), "long.jpg' has 68,157,440 bytes, more than"),
    ],
)
def test_a_wrong_file_is_named(place, name, content, said):
    with pytest.raises(DataError, match=said):
        read(zipped(place / "a.zip", files() | {name: content}))
    left = [file.parent for file in (place / "build").rglob("*") if file.is_file()]
    assert set(left) <= {place / "build" / "locks"} and not list(place.rglob("out.jpg"))


def test_a_broken_png_is_named(place):
    content = bytearray(picture(1, kind="PNG"))
    content[60] ^= 0xFF
    with pytest.raises(DataError, match="bad.png is no sound image"):
        read(zipped(place / "a.zip", files() | {"food/bad.png": bytes(content)}))


def test_links_encryption_doubles_and_damage_are_refused(place):
    link = zipfile.ZipInfo("dogs/link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(DataError, match="link.jpg' is a symbolic link"):
        Archive(zipped(place / "link.zip", files() | {link: b"/etc/passwd"}))
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(place / "twice.zip", "w") as packed:
        for _ in range(2):
            packed.writestr("dogs/0.jpg", picture(0))
    with pytest.raises(DataError, match="is there twice"):
        Archive(place / "twice.zip")
    whole = zipped(place / "whole.zip", files()).read_bytes()
    (place / "cut.zip").write_bytes(whole[:-100])
    with pytest.raises(DataError, match="neither a folder nor a sound zip"):
        Archive(place / "cut.zip")
    at = whole.index(files()["food/1.jpg"]) + 200
    (place / "flipped.zip").write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    with pytest.raises(DataError, match="food/1.jpg cannot be read .*CRC"):
        read(place / "flipped.zip")
    with zipfile.ZipFile(place / "deflated.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("dogs/0.jpg", picture(0))
        start = packed.infolist()[0].header_offset + 30 + len("dogs/0.jpg")
    broken = bytearray((place / "deflated.zip").read_bytes())
    broken[start] = 0xFF  # begins a block of no known type
    (place / "deflated.zip").write_bytes(broken)
    with pytest.raises(DataError, match="dogs/0.jpg cannot be read .*invalid block type"):
        Archive(place / "deflated.zip").read("dogs/0.jpg")
    locked = bytearray(whole)
    entry = whole.index(b"PK\x01\x02")
    locked[entry + 8] |= 1
    (place / "locked.zip").write_bytes(locked)
    with pytest.raises(DataError, match="is encrypted"):
        Archive(place / "locked.zip")
    folder = place / "folder" / "dogs"
    folder.mkdir(parents=True)
    (folder / "0.jpg").symlink_to("/etc/passwd")
    with pytest.raises(DataError, match="0.jpg' is a symbolic link"):
        Archive(place / "folder")


def test_two_classes_are_the_least(place):
    alone = {name: data for name, data in files().items() if name.startswith("food")}
    with pytest.raises(DataError, match="has one class. .*a folder of its own, two classes or more"):
        read(zipped(place / "a.zip", alone))
    (place / "nothing").mkdir()
    with pytest.raises(DataError, match="has no image of a class"):
        read(place / "nothing")


def test_images_are_decoded_once_and_a_damaged_cache_is_not_read(place, monkeypatch, capsys):
    path = zipped(place / "a.zip", files())
    first = read(path)
    (kept,) = (place / "build" / "images").glob("*.npz")
    with monkeypatch.context() as without:
        without.setattr(images, "decode", lambda *_, **__: pytest.fail("decoded again"))
        assert np.array_equal(read(path).pixels, first.pixels)
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 0xFF
    kept.write_bytes(content)
    assert np.array_equal(read(path).pixels, first.pixels)
    said = capsys.readouterr()
    assert "Damaged cache" in said.err and said.out == ""
    kept.with_suffix(".json").unlink()
    assert np.array_equal(read(path).pixels, first.pixels)


def test_two_at_once_decode_once(place, monkeypatch):
    """The second waits for the first, instead of sweeping away the file that the first one is writing."""
    path, decode, decoded = zipped(place / "a.zip", files()), images.decode, []

    def slow(content, where, **options):
        time.sleep(0.05)
        decoded.append(where)
        return decode(content, where, **options)

    monkeypatch.setattr(images, "decode", slow)
    with ThreadPoolExecutor(2) as both:
        first, second = both.map(read, [path, path])
    assert np.array_equal(first.pixels, second.pixels) and len(set(decoded)) == len(decoded) == len(files())


def tiny_imagenet(left_out=()):
    """A small archive of Tiny-ImageNet's layout, with one foreign class."""
    content, lines = {}, []
    wnids = [wnid for kind in sources.CLASSES for wnid in sources.SYNSETS[kind]]
    for seed, wnid in enumerate([*wnids, "n01443537"]):
        if wnid in left_out:
            continue
        content[f"tiny-imagenet-200/train/{wnid}/{wnid}_boxes.txt"] = b"boxes"
        for i in range(2):
            content[f"tiny-imagenet-200/train/{wnid}/images/{wnid}_{i}.JPEG"] = picture(3 * seed + i)
        content[f"tiny-imagenet-200/val/images/val_{seed}.JPEG"] = picture(3 * seed + 2)
        lines.append(f"val_{seed}.JPEG\t{wnid}\t0\t0\t63\t63")
    content["tiny-imagenet-200/test/images/test_0.JPEG"] = picture(999)
    content["tiny-imagenet-200/val/val_annotations.txt"] = "\n".join(lines).encode()
    return content


def test_the_variant_is_composed_from_tiny_imagenet(place, monkeypatch):
    path = zipped(place / "tiny.zip", tiny_imagenet())
    monkeypatch.setenv("IMAGES", str(path))
    names = images.data_names("real")
    assert names[0].startswith("own/tiny.zip@")
    found = images.load(names).images
    assert np.bincount(found.classes).tolist() == [18, 36, 36]
    assert set(found.resized) == {sources.NATIVE}
    assert {"Chihuahua", "pizza", "tractor"} <= set(found.labels) and (found.labels == "pizza").sum() == 3
    at = list(found.names).index("tiny-imagenet-200/val/images/val_0.JPEG")
    assert found.labels[at] == "Chihuahua" and found.classes[at] == 0
    with pytest.raises(DataError, match="no images of n07873807"):
        read(zipped(place / "less.zip", tiny_imagenet(left_out=("n07873807",))))
    unlisted = tiny_imagenet() | {"tiny-imagenet-200/val/images/val_77.JPEG": picture(1)}
    with pytest.raises(DataError, match="val_77.JPEG has no line in val_annotations.txt"):
        read(zipped(place / "unlisted.zip", unlisted))


def test_the_settings_and_the_order_of_sources(place, own_catalog, monkeypatch):
    assert images.data_names("real") == ["vision/dogs_food_vehicles.zip"]
    assert images.data_names("synthetic") == ["synthetic/dogs_food_vehicles"]
    monkeypatch.setenv("IMAGES", "tiny-imagenet")
    assert images.data_names("real") == ["vision/tiny-imagenet-200.zip"]
    monkeypatch.setenv("IMAGES", str(place / "gone"))
    with pytest.raises(DataError, match="IMAGES=.*gone is not there.*IMAGES=tiny-imagenet"):
        images.data_names("real")
    path = zipped(place / "mine.zip", files(10))
    monkeypatch.setenv("IMAGES", str(path))
    names = images.data_names("real")
    assert len(images.load(names).images) == 30 and catalog.listed(names) == []
    zipped(path, files(4))
    with pytest.raises(DataError, match="is not own/mine.zip@.* any more"):
        images.load(names)


def test_without_any_source_the_error_names_the_remedies(own_catalog, monkeypatch):
    own_catalog((paths.ROOT / "data" / "catalog.toml").read_text())
    with pytest.raises(DataError) as refusal:
        images.load(["vision/dogs_food_vehicles.zip"])
    for remedy in ("no public address", "DATA_MIRROR", "IMAGES=tiny-imagenet", "IMAGES=path", "make quick"):
        assert remedy in str(refusal.value)


def test_near_duplicates_are_found_and_other_images_are_not():
    random = np.random.default_rng(0)
    blocks = random.integers(0, 255, (40, 16, 16, 3)).repeat(4, 1).repeat(4, 2)
    pixels = blocks.astype(np.uint8)
    pixels[7] = np.clip(pixels[3] * 0.8 + random.normal(10, 5, pixels[3].shape), 0, 255)  # darker and noisy
    pixels[9] = np.roll(pixels[7], 1, axis=1)
    pixels[20] = pixels[21] = 128  # even images are like nothing
    assert {(3, 7), (7, 9)} <= set(map(tuple, duplicates.pairs(pixels))) <= {(3, 7), (7, 9), (3, 9)}
    groups = duplicates.groups(pixels)
    assert groups[3] == groups[7] == groups[9] and len(np.unique(groups)) == 38


def noisy(image, random):
    return np.clip(image * 0.9 + random.normal(8, 5, image.shape), 0, 255)


@pytest.mark.parametrize(("bits", "found"), [(15, [[0, 1]]), (16, [])])
def test_hashes_of_near_duplicates_differ_by_fifteen_bits_at_most(bits, found, monkeypatch):
    monkeypatch.setattr(duplicates, "_hashes", lambda pixels: np.array([0, 2**bits - 1], dtype=np.uint64))
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert duplicates.pairs(np.stack([image, image])).tolist() == found


def test_mirrored_pairs_are_found(monkeypatch):
    random = np.random.default_rng(2)
    pixels = random.integers(0, 255, (30, 16, 16, 3)).repeat(4, 1).repeat(4, 2).astype(np.uint8)
    pixels[24], pixels[8] = noisy(pixels[2][:, ::-1], random), noisy(pixels[5], random)
    pixels[11][:, 32:] = pixels[11][:, :32][:, ::-1]  # alike from both sides, but like no other image
    monkeypatch.setattr(duplicates, "_BLOCK", 4)
    assert duplicates.pairs(pixels).tolist() == [[2, 24], [5, 8]]
    groups = duplicates.groups(pixels)
    assert groups[2] == groups[24] and len(np.unique(groups)) == 28


REAL = paths.DEFAULT_MIRROR / "vision" / "dogs_food_vehicles.zip"
KNOWN = [
    ("vehicles/tin_train_n03796401_68.jpg", "vehicles/tin_train_n03796401_259.jpg"),
    ("dogs/woof_train_n02089973_186.jpg", "dogs/woof_val_n02089973_3862.jpg"),
    ("dogs/tin_train_n02106662_63.jpg", "dogs/tin_train_n02106662_485.jpg"),
    ("food/tin_train_n07753592_192.jpg", "food/tin_val_937.jpg"),
]
"""Three mirrored pairs, and one that correlates by 0.895 and differs in 15 bits."""


@pytest.mark.skipif(not REAL.is_file(), reason="the images are not in the mirror")
def test_the_known_pairs_are_found():
    archive = Archive(REAL)
    pixels = np.stack([images.decode(archive.read(name), name) for pair in KNOWN for name in pair])
    assert duplicates.pairs(pixels).tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_the_original_s_images_are_named_so_and_counted(place, monkeypatch):
    path = zipped(place / "mine.zip", files(10))
    monkeypatch.setenv("IMAGES", f"course:{path}")
    names = images.data_names("real")
    assert names[0].startswith("own/course:mine.zip@") and catalog.listed(names) == []
    assert images.of_the_original(names) and not images.of_the_original(["own/mine.zip@0123456789ab"])
    with pytest.raises(DataError, match=r"has \[10, 10, 10\] images, the original's set 10,000 of each class"):
        images.load(names)
    monkeypatch.setattr(images, "COURSE_COUNT", 10)
    assert len(images.load(names).images) == 30


def test_split_of_thirty_thousand():
    classes = np.arange(3).repeat(10_000)
    groups = np.arange(30_000)
    groups[[5, 12_000, 29_999]] = 5  # across classes
    groups[100:104] = 100
    made = dataset.split(classes, groups, 0)
    assert {name: len(rows) for name, rows in made.items()} == {"train": 21_000, "validation": 6_000, "test": 3_000}
    for rows, each in zip(made.values(), (7_000, 2_000, 1_000), strict=True):
        assert np.bincount(classes[rows]).tolist() == [each] * 3
    again, other = dataset.split(classes, groups, 0), dataset.split(classes, groups, 1)
    assert all(np.array_equal(made[name], again[name]) for name in made)
    assert not np.array_equal(made["test"], other["test"])


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(1, 60), min_size=3, max_size=3),
    copies=st.floats(0, 0.9),
    seed=st.integers(0, 1_000),
)
def test_a_split_takes_every_row_once_and_no_group_twice(counts, copies, seed):
    random = np.random.default_rng(seed)
    classes = np.arange(3).repeat(counts)
    few, own = random.integers(0, 8, len(classes)), 10 + np.arange(len(classes))
    groups = np.where(random.random(len(classes)) < copies, few, own)
    made = dataset.split(classes, groups, seed)
    assert np.array_equal(np.sort(np.concatenate(list(made.values()))), np.arange(len(classes)))
    found = [set(groups[rows]) for rows in made.values()]
    assert sum(map(len, found)) == len(set(groups))


def test_the_stand_in_is_made_from_a_seed():
    a, b = (images.load(["synthetic/dogs_food_vehicles"], 60) for _ in range(2))
    assert np.array_equal(a.images.pixels, b.images.pixels) and np.bincount(a.images.classes).tolist() == [20, 20, 20]
    assert {name: len(rows) for name, rows in a.rows().items()} == {"train": 42, "validation": 12, "test": 6}
    with pytest.raises(ValueError, match="30 or more"):
        images.load(["synthetic/dogs_food_vehicles"], 9)
