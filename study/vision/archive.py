"""Files in a folder or a zip, read in memory: nothing is unpacked, and no name leads out of the place."""

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from study.catalog import DataError

LARGEST = 16 * 2**20
"""Bytes of one file, unpacked: many times what a small image or a list of images needs."""


class Archive:
    """A zip file or a folder, for reading.

    `names()` are relative paths with forward slashes, sorted, without folders and hidden files; `read(name)` gives a
    file's bytes. Raises DataError, naming the file, when the path is neither, when a name leaves the archive, for
    symbolic links, encrypted or damaged members and for files above LARGEST bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.is_dir():
            self._sizes = dict(_in_folder(path))
            self._zip = None
            return
        try:
            self._zip = zipfile.ZipFile(path)
        except FileNotFoundError:
            raise DataError(f"{path} is not there. Correct the path.") from None
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is neither a folder nor a sound zip ({error}). Get it again.") from error
        self._sizes = dict(_in_zip(path, self._zip))

    def names(self) -> list[str]:
        return sorted(self._sizes)

    def read(self, name: str) -> bytes:
        where = f"{self.path}: {name}"
        if name not in self._sizes:
            raise DataError(f"{where} is not there. Get the images again.")
        if self._sizes[name] > LARGEST:
            raise DataError(f"{where} has {self._sizes[name]:,} bytes, more than {LARGEST:,}. Take it out.")
        try:
            return (self.path / name).read_bytes() if self._zip is None else self._zip.read(name)
        except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
            raise DataError(f"{where} cannot be read ({error}). Get the images again.") from error

    def digest(self) -> str:
        """SHA-256 in hexadecimal digits: of a zip's bytes, or of a folder's names and contents."""
        if self._zip is not None:
            with self.path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        found = hashlib.sha256()
        for name in self.names():
            content = self.read(name)
            found.update(f"{name}\0{len(content)}\0".encode())
            found.update(content)
        return found.hexdigest()


def _in_folder(folder: Path) -> Iterator[tuple[str, int]]:
    for file in folder.rglob("*"):
        name = file.relative_to(folder).as_posix()
        if _hidden(name):
            continue
        if file.is_symlink():
            raise DataError(f"{file} is a symbolic link, which may lead anywhere. Put the file itself there.")
        if file.is_file():
            yield name, file.stat().st_size


def _in_zip(path: Path, opened: zipfile.ZipFile) -> Iterator[tuple[str, int]]:
    seen = set()
    for member in opened.infolist():
        # The module turns backslashes of Windows into slashes only there.
        name = member.orig_filename
        where = f"{path}: member {name!r}"
        if name.startswith("/") or "\\" in name or ":" in name or ".." in PurePosixPath(name).parts or "\0" in name:
            raise DataError(f"{where} leads out of the archive. Get the images from their source.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(f"{where} is a symbolic link, which may lead anywhere. Pack the file itself.")
        if member.flag_bits & 1:
            raise DataError(f"{where} is encrypted. Pack the images without a password.")
        if name in seen:
            raise DataError(f"{where} is there twice. Pack the images again.")
        seen.add(name)
        if not member.is_dir() and not _hidden(name):
            yield name, member.file_size


def _hidden(name: str) -> bool:
    """What file managers leave behind: .DS_Store, __MACOSX/, Thumbs.db."""
    parts = PurePosixPath(name).parts
    return any(p.startswith(".") or p == "__MACOSX" for p in parts) or parts[-1] in ("Thumbs.db", "desktop.ini")
