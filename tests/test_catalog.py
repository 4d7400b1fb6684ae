"""Data are verified or refused, whatever the source, with a message that names file and remedy."""

import hashlib
import os
import shutil
from pathlib import Path

import pooch
import pytest
from IPython.core.interactiveshell import InteractiveShell

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
    assert not catalog.at_hand(["demo/a.csv"])
    demo.write_bytes(CONTENT)
    assert catalog.at_hand(["demo/a.csv"])
    got = catalog.fetch("demo/a.csv")
    assert got == paths.RAW / "demo" / "a.csv"
    assert got.read_bytes() == CONTENT
    demo.unlink()
    assert catalog.fetch("demo/a.csv").read_bytes() == CONTENT  # now from the cache


def test_all_files_are_got_or_the_command_fails(demo, capsys):
    demo.write_bytes(CONTENT[:-5])
    assert catalog.main() == 1 and "a.csv" in capsys.readouterr().err
    demo.write_bytes(CONTENT)
    assert catalog.main() == 0 and "ok " in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [CONTENT[:-5], CONTENT + b"x", b"", CONTENT.replace(b"104", b"105")])
def test_wrong_mirror_file_is_refused_and_leaves_nothing(demo, wrong):
    demo.write_bytes(wrong)
    with pytest.raises(catalog.DataError) as refusal:
        catalog.fetch("demo/a.csv")
    assert str(demo) in str(refusal.value) and "Replace it" in str(refusal.value)
    assert leftovers() == []


def test_a_damaged_cache_is_refused_and_kept_also_when_nothing_reads_it(demo):
    catalog.verify_cached()
    demo.write_bytes(CONTENT)
    cached = catalog.fetch("demo/a.csv")
    catalog.verify_cached()
    cached.write_bytes(CONTENT[:10])
    for read in (lambda: catalog.fetch("demo/a.csv"), catalog.verify_cached):
        with pytest.raises(catalog.DataError, match=f"{cached}: wrong content.*Delete {cached} and run again"):
            read()
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


@pytest.fixture
def serve(monkeypatch):
    """Stands for the network: `serve(content)` has pooch download these bytes."""

    def serve(content):
        downloader = lambda **options: lambda url, output, store: Path(output).write_bytes(content)  # noqa: E731
        monkeypatch.setattr(pooch, "HTTPDownloader", downloader)

    return serve


def test_a_download_is_verified(demo, serve):
    serve(b"<html>not found</html>")
    with pytest.raises(catalog.DataError, match="hash"):
        catalog.fetch("demo/a.csv")
    assert leftovers() == []
    serve(CONTENT)
    assert catalog.fetch("demo/a.csv").read_bytes() == CONTENT


def test_unknown_name_and_missing_mirror_folder(demo, monkeypatch, tmp_path):
    with pytest.raises(catalog.DataError, match="'demo/b.csv' isn't in"):
        catalog.fetch("demo/b.csv")
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path / "gone"))
    with pytest.raises(catalog.DataError, match="not a folder"):
        catalog.fetch("demo/a.csv")


@pytest.mark.parametrize("how", ["no right", "no name of a file"])
def test_a_mirror_that_may_not_be_looked_at_stops_nothing_that_needs_it_not(
    own_catalog, serve, tmp_path, monkeypatch, how
):
    own_catalog(toml())
    shut = tmp_path / "shut"
    shut.mkdir(mode=0)
    if how == "no right" and os.access(shut, os.R_OK):
        pytest.skip("root may look everywhere")
    monkeypatch.setattr(paths, "DEFAULT_MIRROR", shut / "data" if how == "no right" else tmp_path / ("x" * 300))
    assert not catalog.at_hand(["demo/a.csv"])
    serve(CONTENT)
    assert catalog.fetch("demo/a.csv").read_bytes() == CONTENT
    shut.chmod(0o755)


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


SERIES = ("AAPL", "AMZN", "CRM", "CVS", "FB", "GOOG", "IBM", "KO", "PFE", "UPS")
NAB = [f"nab/Twitter_volume_{name}.csv" for name in SERIES] + ["nab/combined_windows.json", "nab/combined_labels.json"]


def test_nabs_series_need_neither_mirror_nor_network(own_catalog):
    own_catalog((paths.ROOT / "data" / "catalog.toml").read_text())
    assert catalog.at_hand(NAB)
    assert [catalog.fetch(name) for name in NAB] == [paths.DATA / name for name in NAB]
    assert sorted(catalog.committed()) == sorted(paths.DATA / name for name in NAB)
    assert leftovers() == []
    assert "Permission is hereby granted, free of charge" in (paths.DATA / "nab" / "LICENSE.txt").read_text()


@pytest.fixture
def held(own_catalog, demo, tmp_path, monkeypatch):
    """A file that the repository holds, with a sound copy in the mirror."""
    own_catalog(toml() + "in_repository = true\n")
    demo.write_bytes(CONTENT)
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    (paths.DATA / "demo").mkdir(parents=True)
    shutil.copy(demo, paths.DATA / "demo")
    assert catalog.fetch("demo/a.csv") == paths.DATA / "demo" / "a.csv"
    return paths.DATA / "demo" / "a.csv"


def test_a_changed_byte_of_a_file_in_the_repository_is_named_with_the_remedy(held):
    held.write_bytes(CONTENT[:-1] + b"x")
    for read in (lambda: catalog.fetch("demo/a.csv"), catalog.committed):
        with pytest.raises(catalog.DataError, match="wrong content") as refusal:
            read()
        assert str(held) in str(refusal.value) and "`git checkout data/demo/a.csv`" in str(refusal.value)
    assert leftovers() == []


def test_a_missing_file_of_the_repository_is_not_taken_from_elsewhere(held):
    held.unlink()
    assert not catalog.at_hand(["demo/a.csv"])
    for read in (lambda: catalog.fetch("demo/a.csv"), catalog.committed):
        with pytest.raises(catalog.DataError, match="a.csv is missing.*`git checkout data/demo/a.csv`"):
            read()


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


def test_a_notebook_shows_what_is_wrong_with_data_without_the_code_that_noticed():
    shown = []
    shell = InteractiveShell()
    shell._showtraceback = lambda kind, error, lines: shown.append(lines)
    shell.run_cell("from study.catalog import DataError; raise DataError('mine.csv is no file.')")
    assert shown == [["DataError: mine.csv is no file."]]
