"""ZIP archives, in which the Climate Data Store delivers what does not fit into one file.

Values of a moment and values that are summed over an hour come as two files of one archive.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from wdno.archives.errors import RecordError
from wdno.files import explain_full_disk


def is_zip(path: Path) -> bool:
    """Return whether a file is a ZIP archive, whole or not."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


class Scratch:
    """A folder for unpacked files: that of a caller, or else a temporary one."""

    def __init__(self, folder: Path | None) -> None:
        """With the caller's folder, which is made when it is needed, or None."""
        self._folder, self._count = folder, 0

    def place(self, name: str) -> Path:
        """Return a place for a file that no other has; files of two archives may share a name."""
        if self._folder is None:
            _TEMPORARY.append(tempfile.TemporaryDirectory(prefix="wdno-"))
            self._folder = Path(_TEMPORARY[-1].name)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._count += 1
        return self._folder / f"{self._count}-{name}"


_TEMPORARY: list[tempfile.TemporaryDirectory[str]] = []
"""Kept until Python ends, which removes them: arrays are read long after they were opened."""


def unpack(packed: Path, place: Callable[[str], Path], where: str) -> Iterator[tuple[str, Path]]:
    """Unpack the files of a ZIP archive, one after the other.

    Args:
        packed: The archive.
        place: Where a file of it goes, by its name.
        where: What the archive is, for errors.

    Yields:
        Name and place of each file.

    Raises:
        DiskFullError: No space left to unpack.
        RecordError: The archive cannot be read.
    """
    try:
        with zipfile.ZipFile(packed) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            for member in members:
                name = Path(member.filename).name
                # What macOS puts beside the files.
                if name.startswith("."):
                    continue
                target = place(name)
                with (
                    explain_full_disk(target, size=member.file_size, given_back=target),
                    archive.open(member) as source,
                    target.open("wb") as file,
                ):
                    shutil.copyfileobj(source, file)
                yield name, target
    # An encrypted file is a RuntimeError, an unknown way of packing a NotImplementedError.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise RecordError(
            f"{where}: a ZIP archive: unpack it by hand, or get it again; it cannot be read "
            f"({error})"
        ) from error
