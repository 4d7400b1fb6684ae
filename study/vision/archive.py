"""Files in a folder or a zip, read in memory: nothing is unpacked, and no name leads out of the place."""

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from study.catalog import DataError
from study.own_data import digest_of, hidden, refuse

LARGEST = 64 * 2**20
"""Bytes of one file, unpacked: more than any camera's photograph needs."""


class Archive:
    """A zip file or a folder, for reading.

    `names()` are relative paths with forward slashes, sorted, without folders and hidden files; `read(name)` gives a
    file's bytes. Raises DataError, naming all files at fault, when the path is neither, when a name leaves the archive
    or is no UTF-8, for symbolic links, encrypted or damaged members and for files above LARGEST bytes.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._zip = path, None
        if not path.is_dir():
            try:
                self._zip = zipfile.ZipFile(path)
            except FileNotFoundError:
                raise DataError(f"{path} is not there. Correct the path.") from None
            except (OSError, zipfile.BadZipFile) as error:
                raise DataError(f"{path} is neither a folder nor a sound zip ({error}). Get it again.") from error
        found = list(_in_folder(path) if self._zip is None else _in_zip(self._zip))
        refuse(path, sorted({f"{name!a} {fault}" for name, _, _, fault in found if fault}))
        large = [f"{name!a} has {size:,} bytes, more than {LARGEST:,}. Take it out." for name, size, _, _ in found]
        refuse(path, [line for line, one in zip(large, found, strict=True) if one[1] > LARGEST])
        self._members: dict = {name: member for name, _, member, _ in found}

    def names(self) -> list[str]:
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        where = f"{self.path}: {name}"
        if name not in self._members:
            raise DataError(f"{where} is not there. Get the images again.")
        try:
            return (self.path / name).read_bytes() if self._zip is None else self._zip.read(self._members[name])
        except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
            raise DataError(f"{where} cannot be read ({error}). Get the images again.") from error

    def digest(self) -> str:
        """SHA-256 in hexadecimal digits: of a zip's bytes, or of a folder's names and contents."""
        if self._zip is not None:
            with self.path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        return digest_of((name, self.read(name)) for name in self.names())


Found = tuple[str, int, zipfile.ZipInfo | None, str | None]
"""A file's name, its size in bytes, its place in a zip, and what is wrong with it."""


def _in_folder(folder: Path) -> Iterator[Found]:
    for file in folder.rglob("*"):
        name, fault = file.relative_to(folder).as_posix(), None
        if hidden(name):
            continue
        if file.is_symlink():
            fault = "is a symbolic link, which may lead anywhere. Put the file itself there."
        elif not name.isprintable():  # bytes that are no UTF-8 stand as lone surrogates, which nothing can print
            fault = "has a name that is no UTF-8. Rename it."
        if fault or file.is_file():
            yield name, file.lstat().st_size, None, fault


def _in_zip(opened: zipfile.ZipFile) -> Iterator[Found]:
    seen = set()
    for member in opened.infolist():
        name, fault = member.orig_filename.replace("\\", "/"), None  # some of Windows' programs write backslashes
        if name.startswith("/") or ":" in name or ".." in PurePosixPath(name).parts or "\0" in name:
            fault = "leads out of the archive. Get the images from their source."
        elif stat.S_ISLNK(member.external_attr >> 16):
            fault = "is a symbolic link, which may lead anywhere. Pack the file itself."
        elif member.flag_bits & 1:
            fault = "is encrypted. Pack the images without a password."
        elif name in seen:
            fault = "is there twice. Pack the images again."
        seen.add(name)
        if fault or (not name.endswith("/") and not hidden(name)):
            yield name, member.file_size, member, fault
