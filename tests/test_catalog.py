"""Data are verified or refused, whatever the source, with a message that names file and remedy."""

import hashlib

import pooch
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from study import catalog, paths

CONTENT = b"timestamp,value\n2015-02-26 21:42:53,104\n"
GOOD = hashlib.sha256(CONTENT).hexdigest()


def toml(sha256=GOOD, size=40):
    return f"""
[demo]
title = "Demo"
licence = "MIT"
base_url = "https://example.invalid/pinned/"
[demo.files."a.csv"]
path = "folder/a.csv"
size = {size}
sha256 = "{sha256}"
"""


@pytest.fixture
def demo(own_catalog, tmp_path, monkeypatch):
    own_catalog(toml())
    mirror = tmp_path / "mirror"
    (mirror / "demo").mkdir(parents=True)
    monkeypatch.setenv("DATA_MIRROR", str(mirror))
    return mirror / "demo" / "a.csv"


def leftovers():
    return [p for p in paths.RAW.rglob("*") if p.is_file()]


def test_mirror_copy_is_verified_and_cached(demo):
    demo.write_bytes(CONTENT)
    got = catalog.fetch("demo/a.csv")
    assert got == paths.RAW / "demo" / "a.csv"
    assert got.read_bytes() == CONTENT
    demo.unlink()
    assert catalog.fetch("demo/a.csv").read_bytes() == CONTENT  # now from the cache


@pytest.mark.parametrize("wrong", [CONTENT[:-5], CONTENT + b"x", b"", CONTENT.replace(b"104", b"105")])
def test_wrong_mirror_file_is_refused_and_leaves_nothing(demo, wrong):
    demo.write_bytes(wrong)
    with pytest.raises(catalog.DataError) as refusal:
        catalog.fetch("demo/a.csv")
    assert str(demo) in str(refusal.value) and "Replace it" in str(refusal.value)
    assert leftovers() == []


def test_damaged_cache_is_refused_and_kept(demo):
    demo.write_bytes(CONTENT)
    cached = catalog.fetch("demo/a.csv")
    cached.write_bytes(CONTENT[:10])
    with pytest.raises(catalog.DataError, match=f"{cached}: wrong content.*Delete"):
        catalog.fetch("demo/a.csv")
    assert cached.read_bytes() == CONTENT[:10]


def test_no_source_lists_what_was_tried_and_the_remedies(demo):
    with pytest.raises(catalog.DataError) as refusal:
        catalog.fetch("demo/a.csv")
    said = str(refusal.value)
    for expected in (
        "https://example.invalid/pinned/folder/a.csv", str(paths.RAW), "DATA_MIRROR", "make quick",
    ):  # fmt: skip
        assert expected in said
    assert leftovers() == []


class Served:
    """Stands for the network: writes given bytes where pooch wants the download."""

    def __init__(self, content):
        self.content = content

    def __call__(self, url, output, store):
        with open(output, "wb") as stream:
            stream.write(self.content)


def test_download_is_verified(demo, monkeypatch):
    monkeypatch.setattr(pooch, "HTTPDownloader", lambda **options: Served(CONTENT))
    assert catalog.fetch("demo/a.csv").read_bytes() == CONTENT


def test_download_with_wrong_bytes_is_refused(demo, monkeypatch):
    monkeypatch.setattr(pooch, "HTTPDownloader", lambda **options: Served(b"<html>not found</html>"))
    with pytest.raises(catalog.DataError, match="hash"):
        catalog.fetch("demo/a.csv")
    assert leftovers() == []


def test_unknown_name_and_missing_mirror_folder(demo, monkeypatch, tmp_path):
    with pytest.raises(catalog.DataError, match="'demo/b.csv' isn't in"):
        catalog.fetch("demo/b.csv")
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path / "gone"))
    with pytest.raises(catalog.DataError, match="not a folder"):
        catalog.fetch("demo/a.csv")


def test_at_hand_looks_at_cache_and_mirror_only(demo):
    assert not catalog.at_hand(["demo/a.csv"])
    demo.write_bytes(CONTENT)
    assert catalog.at_hand(["demo/a.csv"])


def test_an_md5_is_checked_where_only_that_is_known(own_catalog, demo):
    digest = hashlib.md5(CONTENT).hexdigest()
    own_catalog(toml().replace(f'sha256 = "{GOOD}"', f'md5 = "{digest}"'))
    demo.write_bytes(CONTENT + b"x")
    with pytest.raises(catalog.DataError, match="MD5"):
        catalog.fetch("demo/a.csv")
    demo.write_bytes(CONTENT)
    assert catalog.fetch("demo/a.csv").read_bytes() == CONTENT
    assert catalog.digests(["demo/a.csv"]) == {"demo/a.csv": {"bytes": 40, "md5": digest}}


def test_a_file_without_an_address_names_its_alternative(own_catalog, demo):
    own_catalog(toml().replace('path = "folder/a.csv"', 'alternative = "take b.csv instead"'))
    with pytest.raises(catalog.DataError, match="no public address.*or take b.csv instead"):
        catalog.fetch("demo/a.csv")
    demo.write_bytes(CONTENT)
    assert catalog.fetch("demo/a.csv").read_bytes() == CONTENT


def test_the_projects_catalog_is_pinned():
    """Every address is https, every file has a size and a digest, every licence is named."""
    for dataset, described in catalog.datasets().items():
        assert described["licence"] and described["title"]
        for file, listed in described["files"].items():
            item = catalog.entry(f"{dataset}/{file}")
            assert len(item.digest) == {"sha256": 64, "md5": 32}[item.algorithm] and int(item.digest, 16)
            assert item.size > 0 and ".." not in listed.get("path", "")
            assert item.url.startswith("https://") if item.url else item.alternative
    assert "ea702d75cc2258d9d7dd35ca8e5e2539d71f3140" in catalog.datasets()["nab"]["base_url"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("https://example", "http://example"), "http://example.*starts with https://"),
        (("https://example.invalid", "file:///etc"), "file:///etc.*starts with https://"),
        ((f'sha256 = "{GOOD}"', ""), "no size or no digest"),
        ((f'sha256 = "{GOOD}"', 'sha256 = ""'), "no size or no digest"),
        (("size = 40", ""), "no size or no digest"),
    ],
)
def test_without_https_size_or_digest_nothing_is_read(own_catalog, demo, change, said):
    demo.write_bytes(CONTENT)
    own_catalog(toml().replace(*change))
    with pytest.raises(catalog.DataError, match=said):
        catalog.fetch("demo/a.csv")
    assert leftovers() == []


@pytest.mark.parametrize("name", ["../a.csv", "b/../../../a.csv", "..\\\\a.csv"])
def test_a_name_that_leads_out_of_its_folder_is_refused(own_catalog, demo, name):
    own_catalog(toml().replace('"a.csv"]', f'"{name}"]'))
    with pytest.raises(catalog.DataError, match="leads out of its folder"):
        catalog.fetch("demo/" + name.replace("\\\\", "\\"))


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255), st.sampled_from(["mirror", "cache"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changed_byte_is_noticed_wherever_it_lies(demo, where, difference, place):
    changed = CONTENT[:where] + bytes([CONTENT[where] ^ difference]) + CONTENT[where + 1 :]
    cached = paths.RAW / "demo" / "a.csv"
    cached.unlink(missing_ok=True)
    demo.write_bytes(changed)
    if place == "cache":
        cached.parent.mkdir(parents=True, exist_ok=True)
        cached.write_bytes(changed)
    with pytest.raises(catalog.DataError, match="wrong content"):
        catalog.fetch("demo/a.csv")
    demo.write_bytes(CONTENT)
    if place == "mirror":
        assert catalog.fetch("demo/a.csv").read_bytes() == CONTENT
