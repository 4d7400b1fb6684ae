"""Dataset name to verified local file.

`data/catalog.toml` lists every file with its public address (where it has one), size and SHA-256 (or the MD5 that its
publisher gives).
A file that the repository holds lies in `data/<dataset>/`. Any other is looked for in `data/raw/`, then in the mirror
folder (environment variable DATA_MIRROR, by default `../shared/data` where that exists), then at its address. A file
whose digest differs is never read.
"""

import hashlib
import os
import shutil
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import pooch

from study import paths
from study.files import alone, writing


class DataError(ValueError):
    """A dataset can't be had or isn't what the catalog says; the message names the file and the remedy."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a notebook: the message alone, since nothing is wrong with the code."""
        return [f"DataError: {self}"]


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
    in_repository: bool = False

    @property
    def local(self) -> Path:
        """Where the file lies, or will lie when it has been brought here."""
        return (paths.DATA if self.in_repository else paths.RAW) / self.name


@cache
def datasets() -> dict[str, dict]:
    """The catalog as written: dataset name to title, licence, citation, files. Raises DataError if it can't be read."""
    try:
        return tomllib.loads(paths.CATALOG.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{paths.CATALOG}: {error}. Restore it with `git checkout data/catalog.toml`.") from error


def entry(name: str) -> Entry:
    """The catalog's entry of a file such as `nab/Twitter_volume_AAPL.csv`. Raises DataError for none or a bad one."""
    dataset, _, file = name.partition("/")
    try:
        listed = datasets()[dataset]["files"][file]
    except KeyError:
        raise DataError(f"'{name}' isn't in {paths.CATALOG}. Add it there with path, size and sha256.") from None
    url = datasets()[dataset]["base_url"] + listed["path"] if "path" in listed else None
    algorithm = "sha256" if "sha256" in listed else "md5"
    if not listed.get(algorithm) or "size" not in listed:
        raise DataError(f"'{name}' has no size or no digest in {paths.CATALOG}. Add size and sha256.")
    if url is not None and not url.startswith("https://"):
        raise DataError(f"'{name}' has the address {url} in {paths.CATALOG}. Give one that starts with https://.")
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name:
        raise DataError(f"'{name}' in {paths.CATALOG} leads out of its folder. Give a plain file name.")
    return Entry(
        name, url, listed["size"], algorithm, listed[algorithm], listed.get("alternative"),
        listed.get("in_repository", False),
    )  # fmt: skip


def fetch(name: str) -> Path:
    """A local, verified copy of a file of the catalog. Raises DataError that names the file and what to do."""
    item = entry(name)
    if not item.in_repository and not item.local.exists():
        with alone(paths.BUILD / "locks" / f"{name.replace('/', '-')}.lock", name):
            if not item.local.exists():
                _get(item)
    _verify_here(item)
    return item.local


def listed(names: list[str]) -> list[str]:
    """Those of a spec's data names that are files of the catalog: not made from a seed, not the user's own."""
    return [name for name in names if not name.startswith(("synthetic/", "own/"))]


def digests(names: list[str]) -> dict[str, dict]:
    """Size in bytes and digest of each named file, as the catalog has them: a record's provenance."""
    return {item.name: {"bytes": item.size, item.algorithm: item.digest} for item in map(entry, names)}


def at_hand(names: list[str]) -> bool:
    """Whether every named file lies in the repository, the cache or the mirror, without looking at the network."""
    mirror = _mirror()
    items = map(entry, names)
    return all(item.local.exists() or (not item.in_repository and _mirrored(item, mirror)) for item in items)


def committed() -> list[Path]:
    """Every file of the catalog that the repository holds, verified. Raises DataError that names file and remedy."""
    held = [item for item in map(entry, _names()) if item.in_repository]
    for item in held:
        _verify_here(item)
    return [item.local for item in held]


def verify_cached() -> None:
    """Verify every file that was brought here, for builds that read none. Raises DataError with file and remedy."""
    for item in map(entry, _names()):
        if not item.in_repository and item.local.exists():
            _verify_here(item)


def _names() -> list[str]:
    return [f"{dataset}/{file}" for dataset, described in datasets().items() for file in described["files"]]


def _mirror() -> Path | None:
    given = os.environ.get("DATA_MIRROR")
    folder = Path(given) if given else paths.DEFAULT_MIRROR
    if os.path.isdir(folder):  # unlike Path's, this says of what the account may not look at that it is not there
        return folder
    if given:
        raise DataError(f"DATA_MIRROR={given} is not a folder. Correct it, or unset it to download instead.")
    return None


def _mirrored(item: Entry, mirror: Path | None) -> Path | None:
    return mirror / item.name if mirror is not None and os.path.exists(mirror / item.name) else None


def _verify_here(item: Entry) -> None:
    remedy = f"Delete {item.local} and run again."
    if item.in_repository:
        remedy = f"Restore it with `git checkout {item.local.relative_to(paths.DATA.parent)}`."
        if not item.local.exists():
            raise DataError(f"{item.local} is missing; the repository holds it. {remedy}")
    _verify(item, item.local, remedy)


def _verify(item: Entry, file: Path, remedy: str) -> None:
    size = file.stat().st_size
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, item.algorithm).hexdigest()
    if digest != item.digest or size != item.size:
        kind = {"sha256": "SHA-256", "md5": "MD5"}[item.algorithm]
        raise DataError(
            f"{file}: wrong content ({size:,} bytes, {kind} {digest[:12]}…); the catalog expects "
            f"{item.size:,} bytes, {kind} {item.digest[:12]}…. {remedy}"
        )


def _get(item: Entry) -> None:
    """Bring a file into the cache, where it appears when it is whole and verified."""
    mirror = _mirror()
    folder = paths.RAW / f".getting-{item.name.replace('/', '-')}"
    part = folder / item.local.name
    shutil.rmtree(folder, ignore_errors=True)  # which a killed process left
    folder.mkdir(parents=True)
    try:
        source = _mirrored(item, mirror)
        if source is not None:
            _verify(item, source, "Replace it in the mirror folder, or unset DATA_MIRROR.")
            content = source.read_bytes()
            with writing(part):
                part.write_bytes(content)
        elif item.url is None:
            raise DataError(_missing(item, mirror, "it has no public address"))
        else:
            _download(item, part, mirror)
        item.local.parent.mkdir(parents=True, exist_ok=True)
        os.replace(part, item.local)
    finally:
        shutil.rmtree(folder)


def _download(item: Entry, part: Path, mirror: Path | None) -> None:
    known = {part.name: f"{item.algorithm}:{item.digest}"}
    store = pooch.create(part.parent, "", registry=known, urls={part.name: item.url}, retry_if_failed=2)
    try:
        store.fetch(part.name, downloader=pooch.HTTPDownloader(progressbar=True, timeout=30))
    except (OSError, ValueError) as error:
        failure = f"{item.url} ({type(error).__name__}: {error})"
        raise DataError(_missing(item, mirror, failure)) from error


def _missing(item: Entry, mirror: Path | None, address: str) -> str:
    other = f"or {item.alternative}; " if item.alternative else ""
    return (
        f"{item.name} can't be had. Tried: {item.local} (absent); mirror folder "
        f"{mirror if mirror else '(none)'} (absent); {address}. "
        f"Remedies: put the file at {item.local}; or point DATA_MIRROR at a folder that holds {item.name}; "
        f"or connect to the network; {other}or see everything small on synthetic data with `make quick`."
    )


def main() -> int:
    """`make data`: get and verify every file of the catalog."""
    failed = 0
    for name in _names():
        try:
            print(f"ok    {fetch(name)}", flush=True)
        except (DataError, OSError) as error:
            failed += 1
            print(f"error {error}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
