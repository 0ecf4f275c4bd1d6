"""The folder in which downloads are kept, outside of the results."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wdno.archives.errors import RecordError

log = logging.getLogger(__name__)

VARIABLE = "WDNO_CACHE"
"""Environment variable that names the folder."""


def folder() -> Path:
    """Return `$WDNO_CACHE`, or else `wdno` in `$XDG_CACHE_HOME`, or else `~/.cache/wdno`.

    Where there is no home, or none that can be written to, as in containers, it is a folder for
    temporary files.

    Raises:
        RecordError: There is no folder for temporary files either.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    home = os.environ.get("XDG_CACHE_HOME")
    try:
        usual = (Path(home) if home else Path.home() / ".cache") / "wdno"
    except RuntimeError:
        usual = None
    # One that is only read may hold what is wanted.
    if usual is not None and (os.access(usual, os.R_OK | os.X_OK) or _writable(usual)):
        return usual
    try:
        instead = Path(tempfile.gettempdir()) / f"wdno-{os.getuid()}"
    except OSError as error:
        raise RecordError(
            f"there is no folder to keep downloads in ({error}): name one by ${VARIABLE}"
        ) from error
    log.warning("%s cannot be written: downloads go to %s; $%s names another folder",
                usual or "a home folder", instead, VARIABLE)  # fmt: skip
    return instead


def refuse_unwritable(path: Path) -> None:
    """Refuse a folder of the cache in which nothing can be written, before anything is asked for.

    Raises:
        RecordError: Says how to name another one.
    """
    if not _writable(path):
        raise RecordError(
            f"{path} cannot be written, and what is wanted is not in it: ${VARIABLE} names another "
            "folder for downloads"
        )


def request_folder(kind: str, request: Mapping[str, Any]) -> Path:
    """Return the folder of the parts that answer a request, the same for the same request.

    Args:
        kind: Who is asked, such as "cds".
        request: What is asked for, as plain values for JSON.
    """
    identity = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:16]
    return folder() / "era5" / kind / identity


def _writable(path: Path) -> bool:
    """Whether files can be made in a folder, or in the nearest one above it that there is."""
    above = (path, *path.absolute().parents)
    there = next((p for p in above if os.access(p, os.F_OK)), Path("/"))
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
