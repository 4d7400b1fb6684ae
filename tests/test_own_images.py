"""Images of one's own: any size, colours and classes are converted; all faults are named at once, before training."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from study import paths, profile, runs
from study.catalog import DataError
from study.vision import experiments, images, sources
from study.vision.archive import Archive
from tests.test_vision import picture, zipped


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    return tmp_path


def read(path):
    archive = Archive(path)
    return images.read(archive, archive.digest())


def saved(image: Image.Image, kind: str, **options) -> bytes:
    packed = io.BytesIO()
    image.save(packed, kind, **options)
    return packed.getvalue()


def halves(width: int, height: int) -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width, height // 2))
    return image


def seen(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The colours in the middle of the upper and of the lower half."""
    pixels = images.decode(content, "it").astype(int)
    assert pixels.shape == (64, 64, 3)
    return pixels[16, 32], pixels[48, 32]


TURNED = Image.Exif()
TURNED[0x0112] = 6
GREY_16 = Image.fromarray((np.arange(2)[:, None].repeat(64, 1).repeat(32, 0) * 51_200).astype(np.uint16))
GREY = Image.new("RGB", (80, 80), "grey")
CLEAR = halves(80, 80)
CLEAR.putalpha(Image.new("L", (80, 80), 0))
CONVERTED = {  # content, colour above, colour below
    "a photograph": (saved(halves(4000, 3000), "JPEG"), (254, 0, 0), (0, 0, 254)),
    "upright": (saved(halves(300, 900), "PNG"), (255, 0, 0), (0, 0, 255)),
    "tiny": (saved(halves(8, 8), "PNG"), (255, 0, 0), (0, 0, 255)),
    "turned": (saved(halves(300, 200).rotate(90, expand=True), "JPEG", exif=TURNED), (254, 0, 0), (0, 0, 254)),
    "WebP": (saved(halves(100, 100), "WEBP", lossless=True), (255, 0, 0), (0, 0, 255)),
    "GIF": (saved(halves(64, 64), "GIF"), (255, 0, 0), (0, 0, 255)),
    "BMP": (saved(halves(64, 64), "BMP"), (255, 0, 0), (0, 0, 255)),
    "TIFF": (saved(halves(64, 64), "TIFF"), (255, 0, 0), (0, 0, 255)),
    "palette": (saved(halves(70, 70).convert("P"), "PNG"), (255, 0, 0), (0, 0, 255)),
    "alpha": (saved(CLEAR, "PNG"), (255, 255, 255), (255, 255, 255)),
    "clear palette": (saved(halves(64, 64).quantize(4), "PNG", transparency=0), None, None),
    "16 bit": (saved(GREY_16, "PNG"), (0, 0, 0), (200, 200, 200)),
    "thin": (saved(halves(3000, 10), "PNG"), (255, 0, 0), (0, 0, 255)),
    "CMYK": (saved(halves(64, 64).convert("CMYK"), "JPEG"), (254, 0, 0), (0, 0, 254)),
    "two values": (saved(halves(64, 64).convert("1"), "PNG"), None, None),
}


@pytest.mark.parametrize("kind", CONVERTED)
def test_every_usual_image_is_converted(kind):
    content, above, below = CONVERTED[kind]
    found = seen(content)
    if above:
        assert np.abs(found[0] - above).max() <= 8 and np.abs(found[1] - below).max() <= 8


REFUSED = {
    "floats": (saved(Image.new("F", (64, 64)), "TIFF"), "is no sound image .*32 bits have no known range"),
    "wide whole numbers": (saved(Image.new("I", (64, 64)), "TIFF"), "is no sound image .*32 bits have no known range"),
    "a film": (saved(CLEAR, "GIF", save_all=True, append_images=[GREY]), "has 2 pictures. Keep"),
    "of a telephone": (b"\0\0\0\x18ftypheic" + bytes(40), "is no JPEG, PNG, WEBP, BMP, GIF or TIFF. Replace it"),
    "nothing": (b"", "is no JPEG"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_picture_of_one_meaning_is_refused(kind):
    content, said = REFUSED[kind]
    with pytest.raises(DataError, match=f"^it {said}"):
        images.decode(content, "it")


def test_images_of_64_pixels_are_left_as_they_are():
    content = picture(3)
    with Image.open(io.BytesIO(content)) as image:
        assert np.array_equal(images.decode(content, "it"), np.asarray(image))


def test_folders_of_windows_and_of_any_capitals_are_read(place, capsys):
    content = {
        f"Set\\{name}\\{i}.JPG": picture(9 * len(name) + i, side=72) for name in ("Cats", "OWLS") for i in range(3)
    }
    content |= {"Set\\Cats\\Thumbs.db": b"x", "Set\\OWLS\\": b"", "Set\\owls\\4.jpg": picture(7)}
    found = read(zipped(place / "a.zip", content))
    assert found.classes.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert "of 7 images 6 resized" in capsys.readouterr().err
    assert sources.class_names(sources.members(Archive(place / "a.zip"))) == ("cats", "owls")


def test_the_report_s_classes_keep_their_order_whatever_their_capitals(place):
    content = {f"{name}/{i}.jpg": picture(i) for i, name in enumerate(("vehicles", "FOOD", "Dogs"))}
    assert sources.class_names(sources.members(Archive(zipped(place / "a.zip", content)))) == sources.CLASSES


def test_all_faults_are_named_at_once(place):
    good = {f"{name}/{i}.jpg": picture(i) for name in ("cats", "owls") for i in range(3)}
    bad = {f"owls/bad{i:02}.jpg": b"nothing" for i in range(22)} | {"cats/cut.jpg": picture(1)[:300]}
    with pytest.raises(DataError) as refusal:
        read(zipped(place / "a.zip", good | bad))
    said = str(refusal.value)
    assert "23 to correct" in said and "cats/cut.jpg is no sound image" in said and "and 3 more" in said
    assert all(f"owls/bad{i:02}.jpg is no JPEG" in said for i in range(19)) and "BytesIO" not in said


def test_all_names_at_fault_are_named_at_once(place):
    folder = place / "mine" / "cats"
    folder.mkdir(parents=True)
    (folder / "link.jpg").symlink_to("/etc/passwd")
    with open(os.fsencode(folder) + b"/caf\xe9.jpg", "wb") as file:
        file.write(picture(1))
    with pytest.raises(DataError, match="2 to correct") as refusal:
        Archive(place / "mine")
    assert r"'cats/caf\udce9.jpg' has a name that is no UTF-8" in str(refusal.value)
    assert "'cats/link.jpg' is a symbolic link" in str(refusal.value)


def ones_own(place, monkeypatch, content):
    monkeypatch.setenv("IMAGES", str(zipped(place / "mine.zip", content)))
    return images.data_names("real")


def test_classes_that_cannot_be_judged_are_refused_together(place, monkeypatch):
    content = {f"cats/{i}.jpg": picture(i) for i in range(20)}
    content |= {f"few/{i}.jpg": picture(30 + i) for i in range(4)}
    content |= {f"same/{i}.jpg": picture(40) for i in range(20)}
    names = ones_own(place, monkeypatch, content)
    with pytest.raises(DataError, match="2 to correct") as refusal:
        images.load(names)
    said = str(refusal.value)
    assert "few: 4 images, of which 4 are no near-duplicates, leave none for test" in said
    assert "same: 20 images, of which 1 are no near-duplicates, leave none for" in said and "cats:" not in said


def test_classes_of_ones_own_are_in_the_spec_and_their_records_lie_under_build(place, monkeypatch):
    full = profile.load("full")
    assert "classes" not in experiments.ALL.specs(full)[0]["settings"]
    ones_own(place, monkeypatch, {f"{n}/{i}.jpg": picture(20 * k + i) for k, n in enumerate("abcd") for i in range(20)})
    spec = experiments.ALL.specs(full)[0]
    assert sources.classes_of(spec) == ("a", "b", "c", "d")
    store = runs.Store(place / "report", place / "build")
    record = store.get(spec, lambda spec, scratch: ({"n": 1}, {}))
    assert record.metrics == {"n": 1} and not (place / "report").exists() and store.load(spec) is not None
