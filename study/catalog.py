"""Dataset name to verified local file.

`data/catalog.toml` lists every file with its public address at a pinned revision, size and SHA-256.
A file is looked for in `data/raw/`, then in the mirror folder (environment variable DATA_MIRROR, by default
`../shared/data` where that exists), then at its address. A file whose digest differs is never read.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pooch

from study import paths


class DataError(Exception):
    """A dataset can't be had or isn't what the catalog says; the message names the file and the remedy."""


@dataclass(frozen=True)
class Entry:
    """One file of the catalog. `name` is `<dataset>/<file>`, `size` is in bytes."""

    name: str
    url: str
    size: int
    sha256: str

    @property
    def cached(self) -> Path:
        return paths.RAW / self.name


@cache
def datasets() -> dict[str, dict]:
    """The catalog as written: dataset name to title, licence, citation, files.

    Raises DataError if `data/catalog.toml` is missing or isn't TOML.
    """
    try:
        return tomllib.loads(paths.CATALOG.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{paths.CATALOG}: {error}. Restore it with `git checkout data/catalog.toml`.") from error


def entry(name: str) -> Entry:
    """The catalog's entry of a file such as `nab/Twitter_volume_AAPL.csv`; DataError if there is none."""
    dataset, _, file = name.partition("/")
    try:
        listed = datasets()[dataset]["files"][file]
    except KeyError:
        raise DataError(f"'{name}' isn't in {paths.CATALOG}. Add it there with url, size and sha256.") from None
    return Entry(name, datasets()[dataset]["base_url"] + listed["path"], listed["size"], listed["sha256"])


def fetch(name: str) -> Path:
    """A local, verified copy of a file of the catalog.

    Raises DataError, naming the file and what to do, when a copy has a wrong digest or no source has it.
    """
    item = entry(name)
    if item.cached.exists():
        _verify(item, item.cached, f"Delete {item.cached} and run again.")
        return item.cached
    mirror = _mirror()
    if mirror is not None and (mirror / name).exists():
        _copy_verified(item, mirror / name)
        return item.cached
    return _download(item, mirror)


def digests(names: list[str]) -> dict[str, dict]:
    """Size in bytes and SHA-256 of each named file, as the catalog has them: a record's provenance."""
    return {name: {"bytes": entry(name).size, "sha256": entry(name).sha256} for name in names}


def at_hand(names: list[str]) -> bool:
    """Whether every named file lies in the cache or the mirror, without looking at the network."""
    mirror = _mirror()
    return all(entry(n).cached.exists() or (mirror is not None and (mirror / n).exists()) for n in names)


def _mirror() -> Path | None:
    given = os.environ.get("DATA_MIRROR")
    if given:
        folder = Path(given)
        if not folder.is_dir():
            raise DataError(f"DATA_MIRROR={given} is not a folder. Correct it, or unset it to download instead.")
        return folder
    return paths.DEFAULT_MIRROR if paths.DEFAULT_MIRROR.is_dir() else None


def _verify(item: Entry, file: Path, remedy: str) -> None:
    size = file.stat().st_size
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != item.sha256:
        raise DataError(
            f"{file}: wrong content ({size:,} bytes, SHA-256 {digest[:12]}…); the catalog expects "
            f"{item.size:,} bytes, SHA-256 {item.sha256[:12]}…. {remedy}"
        )


def _copy_verified(item: Entry, source: Path) -> None:
    item.cached.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=item.cached.parent, prefix=".copy-")
    os.close(handle)
    try:
        shutil.copyfile(source, temporary)
        try:
            _verify(item, Path(temporary), "")
        except DataError as error:
            said = str(error).replace(temporary, str(source))
            raise DataError(f"{said}Replace it in the mirror folder, or unset DATA_MIRROR.") from None
        os.replace(temporary, item.cached)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _download(item: Entry, mirror: Path | None) -> Path:
    item.cached.parent.mkdir(parents=True, exist_ok=True)
    store = pooch.create(
        path=item.cached.parent,
        base_url="",
        registry={item.cached.name: f"sha256:{item.sha256}"},
        urls={item.cached.name: item.url},
        retry_if_failed=2,
    )
    try:
        store.fetch(item.cached.name, downloader=pooch.HTTPDownloader(progressbar=True, timeout=30))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{item.name} can't be had. Tried: {item.cached} (absent); mirror folder "
            f"{mirror if mirror else '(none)'} (absent); {item.url} ({type(error).__name__}: {error}). "
            f"Remedies: put the file at {item.cached}; or point DATA_MIRROR at a folder that holds {item.name}; "
            "or connect to the network; or take the synthetic stand-in with DATA=synthetic."
        ) from error
    return item.cached


def main() -> int:
    """`make data`: get and verify every file of the catalog."""
    failed = 0
    for dataset, described in datasets().items():
        for file in described["files"]:
            try:
                print(f"ok    {fetch(f'{dataset}/{file}')}", flush=True)
            except DataError as error:
                failed += 1
                print(f"error {error}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
