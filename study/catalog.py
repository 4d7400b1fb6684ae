"""Dataset name to verified local file.

`data/catalog.toml` lists every file with its public address (where it has one), size and SHA-256 (or the MD5 that its
publisher gives).
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
    """One file of the catalog. `name` is `<dataset>/<file>`, `url` None without a public address, `size` in bytes.

    `algorithm` (sha256 or md5) says how `digest`, in hexadecimal digits, was made.
    """

    name: str
    url: str | None
    size: int
    algorithm: str
    digest: str
    alternative: str | None = None  # what else the user can do when the file can't be had

    @property
    def cached(self) -> Path:
        return paths.RAW / self.name


_ALGORITHMS = {"sha256": "SHA-256", "md5": "MD5"}


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
        raise DataError(f"'{name}' isn't in {paths.CATALOG}. Add it there with path, size and sha256.") from None
    url = datasets()[dataset]["base_url"] + listed["path"] if "path" in listed else None
    algorithm = "sha256" if "sha256" in listed else "md5"
    return Entry(name, url, listed["size"], algorithm, listed[algorithm], listed.get("alternative"))


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
    if item.url is None:
        raise DataError(_missing(item, mirror, "it has no public address"))
    return _download(item, mirror)


def listed(names: list[str]) -> list[str]:
    """Those of a spec's data names that are files of the catalog: not made from a seed, not the user's own."""
    return [name for name in names if not name.startswith(("synthetic/", "own/"))]


def digests(names: list[str]) -> dict[str, dict]:
    """Size in bytes and digest of each named file, as the catalog has them: a record's provenance."""
    return {item.name: {"bytes": item.size, item.algorithm: item.digest} for item in map(entry, names)}


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
        digest = hashlib.file_digest(stream, item.algorithm).hexdigest()
    if digest != item.digest or size != item.size:
        kind = _ALGORITHMS[item.algorithm]
        raise DataError(
            f"{file}: wrong content ({size:,} bytes, {kind} {digest[:12]}…); the catalog expects "
            f"{item.size:,} bytes, {kind} {item.digest[:12]}…. {remedy}"
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
        registry={item.cached.name: f"{item.algorithm}:{item.digest}"},
        urls={item.cached.name: item.url},
        retry_if_failed=2,
    )
    try:
        store.fetch(item.cached.name, downloader=pooch.HTTPDownloader(progressbar=True, timeout=30))
    except (OSError, ValueError) as error:
        said = f"{item.url} ({type(error).__name__}: {error})"
        raise DataError(_missing(item, mirror, said)) from error
    return item.cached


def _missing(item: Entry, mirror: Path | None, address: str) -> str:
    other = f"or {item.alternative}; " if item.alternative else ""
    return (
        f"{item.name} can't be had. Tried: {item.cached} (absent); mirror folder "
        f"{mirror if mirror else '(none)'} (absent); {address}. "
        f"Remedies: put the file at {item.cached}; or point DATA_MIRROR at a folder that holds {item.name}; "
        f"or connect to the network; {other}or take the synthetic stand-in with DATA=synthetic."
    )


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
