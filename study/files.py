"""Files that are whole or not there, and one process at a time where two would disturb each other."""

import glob
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import filelock

from study import paths


def digest_of(files: Iterable[Path], also: str = "") -> str:
    """One SHA-256 over the names, below the checkout, and contents of files, and over a text."""
    total = hashlib.sha256(also.encode())
    for file in files:
        total.update(str(file.relative_to(paths.ROOT)).encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


@contextmanager
def writing(file: Path) -> Generator[None]:
    """An OSError with the file, the reason and the remedy for whatever can't be written in this block."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # such as a time-out, which is none of the file's
            raise
        remedy = "make room there, or allow writing, and run the same command again; what was there before still is"
        raise OSError(error.errno, f"can't write the file: {error.strerror}; {remedy}", str(file)) from error


def write_atomically(file: Path, content: bytes | memoryview) -> None:
    """Write under a temporary name in the same folder, then move: the file is whole or is not there.

    What a killed process left of the same file goes. Raises OSError as `writing` does.
    """
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        for left in file.parent.glob(f".{glob.escape(file.name)}-*"):
            left.unlink(missing_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, file)
        finally:
            Path(temporary).unlink(missing_ok=True)


def noted(file: Path) -> dict:
    """What was noted as JSON; nothing if there is no such file or, reported on standard error, if it is damaged."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        print(f"Damaged note {file} ({error}); it is written again.", file=sys.stderr)
        return {}


def keep_state(file: Path, state: bytes) -> None:
    """Write the state of an unfinished training atomically, led by its SHA-256."""
    write_atomically(file, hashlib.sha256(state).digest() + state)


def kept_state(file: Path) -> bytes | None:
    """What `keep_state` wrote; None if there is no such file. Raises ValueError when it is damaged."""
    if not file.exists():
        return None
    content = file.read_bytes()
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        raise unusable_state(file, "wrong digest")
    return content[32:]


def unusable_state(file: Path, reason: object) -> ValueError:
    """The error that tells which state can't be used, why, and what to do."""
    return ValueError(
        f"{file} is not the state of a training ({reason}). Delete it and run again; that training starts again."
    )


@contextmanager
def alone(lock: Path, work: str) -> Generator[None]:
    """Hold a lock, which the system frees when its process ends, however it ends; says so while it waits."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = filelock.FileLock(lock)
    try:
        held.acquire(timeout=0)
    except filelock.Timeout:
        print(f"Another process is at work on {work}; waiting for it ({lock})", file=sys.stderr, flush=True)
        held.acquire()
    try:
        yield
    finally:
        held.release()
