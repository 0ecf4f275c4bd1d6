"""Files that are either complete or absent.

A file is written under a temporary name in the folder of its destination, flushed to the disk and
moved into place, which the operating system does in one step. So a reader, a workflow that looks
for outputs, and a run that follows a crash see the old file or the new one, never a part of it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Errors of the operating system that mean: no space left, or none within the quota."""

LITTLE_SPACE = 1_000_000
"""Bytes; libraries that hide the system's error are taken to mean a full disk below this."""


class DiskFullError(OSError):
    """A file could not be written because the disk, or the user's share of it, is full."""


@contextmanager
def atomic_path(path: str | Path, *, size: int | None = None) -> Iterator[Path]:
    """Give a temporary name to write to, and move the file into place once it is complete.

    The temporary name is hidden, unique, in the folder of `path` (which is made if absent) and
    ends in the name of `path`, so that libraries that go by the suffix behave. Any exception,
    an interruption from the keyboard included, removes it and leaves `path` as it was.

    Args:
        path: Where the complete file will be.
        size: Bytes that the file will have, where known: said if the disk is full.

    Yields:
        The temporary name; the caller creates the file.

    Raises:
        DiskFullError: No space left; names the file, the space there is and the space needed.
        ValueError: `path` is a folder, or the caller wrote no file.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"cannot write the file {path}: a folder of that name exists")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{uuid.uuid4().hex[:12]}.{path.name}"
    try:
        with explain_full_disk(path, size=size, given_back=temporary):
            yield temporary
            if not temporary.is_file():
                raise ValueError(f"nothing was written to {temporary}, which was to become {path}")
            _flush(temporary)
            temporary.replace(path)
            _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def explain_full_disk(
    path: str | Path, *, size: int | None = None, given_back: Path | None = None
) -> Iterator[None]:
    """Turn errors that come from a full disk into one that says so.

    Args:
        path: The file that is written in this context.
        size: Bytes that it will have, where known.
        given_back: A file that the caller will remove; its bytes count as free.

    Raises:
        DiskFullError: No space left; names the file, the space there is and the space needed.
    """
    path = Path(path)
    try:
        yield
    except Exception as error:
        if not _means_full(error, path.parent):
            raise
        free = shutil.disk_usage(path.parent).free
        if given_back is not None and given_back.exists():
            free += given_back.stat().st_size
        needed = _bytes(size) if size is not None else f"more than {_bytes(free)}"
        raise DiskFullError(
            errno.ENOSPC,
            f"no space, or no quota, left to write {path}: {_bytes(free)} free, {needed} needed. "
            "Nothing already computed was lost: files that were complete are unchanged. Free some "
            "space, then run the same command again",
        ) from error


def remove_leftovers(path: str | Path) -> None:
    """Remove temporary files of `atomic_path(path)` that a killed process left behind.

    Only for a destination that no other process is writing to.
    """
    path = Path(path)
    for leftover in path.parent.glob(f".{'[0-9a-f]' * 12}.{path.name}"):
        leftover.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, UTF-8, by way of `atomic_path`; raises what that raises."""
    content = text.encode()
    with atomic_path(path, size=len(content)) as temporary:
        temporary.write_bytes(content)


def write_json(path: str | Path, value: Any) -> None:
    """Write a value as JSON, indented, keys in their order, by way of `atomic_path`.

    Args:
        path: The file.
        value: Dictionaries, lists, strings, finite numbers, booleans and None.

    Raises:
        DiskFullError: No space left.
        ValueError: The value cannot be written as JSON; NaN and infinity cannot.
    """
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"cannot write {path} as JSON: {error}") from error
    write_text(path, text + "\n")


def require_room(path: str | Path, size: int) -> None:
    """Refuse to begin what will end in a file that the disk has no room for.

    Args:
        path: The file; its folder may be missing yet.
        size: Bytes that it may have at most.

    Raises:
        DiskFullError: Names the file, the space there is and the space needed.
        ValueError: `path` is a folder.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"cannot write the file {path}: a folder of that name exists")
    folder = next(one for one in path.absolute().parents if one.is_dir())
    free = shutil.disk_usage(folder).free
    if free < size:
        raise DiskFullError(
            errno.ENOSPC,
            f"no room to write {path}: {_bytes(free)} free, up to {_bytes(size)} needed. Free some "
            "space, or write to another disk",
        )


def digest_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, or of all files in a folder, as hexadecimal digits."""
    path = Path(path)
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file())
        lines = (f"{one.relative_to(path).as_posix()} {digest_of(one)}\n" for one in files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Ask for a file, or for a folder's list of names, to be on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot flush a folder; its files are flushed all the same.
        if not (path.is_dir() and error.errno in (errno.EINVAL, errno.ENOTSUP)):
            raise
    finally:
        os.close(descriptor)


def _means_full(error: Exception, folder: Path) -> bool:
    """Whether an error of a writer comes from a full disk."""
    if isinstance(error, DiskFullError | ValueError | TypeError):
        return False
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    # NetCDF and safetensors report a failed write as an error of their own.
    return shutil.disk_usage(folder).free < LITTLE_SPACE


def _bytes(count: int) -> str:
    """A number of bytes in a unit that reads well."""
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


@contextmanager
def alone(folder: str | Path) -> Iterator[None]:
    """Wait until no other process works with a folder of saved work, and keep others waiting.

    A workflow manager that is killed can leave its job running; started again, the two would
    overwrite each other's files.

    Args:
        folder: The folder; the lock is a hidden file beside it.
    """
    from filelock import FileLock, Timeout

    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        logger.warning("another process works with %s: waiting until it ends", folder)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
