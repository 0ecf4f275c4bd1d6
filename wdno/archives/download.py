"""Files over HTTP: resumed where they broke off, checked, and moved into place whole.

What has arrived of a file lies beside its place as `.NAME.part`, and beside that the server's mark
of the version (ETag or date). A later try asks for the rest of that version only; a server that
cannot do this, or has another version by now, sends all of it.
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
from collections.abc import Sequence
from pathlib import Path

import requests
from tqdm import tqdm

from wdno.archives import cache
from wdno.archives.errors import ChecksumError, DownloadError
from wdno.archives.retry import TRANSIENT_STATUS, WAITS, patiently, reason, status
from wdno.files import DiskFullError, alone, atomic_path, explain_full_disk, write_text

log = logging.getLogger(__name__)

BLOCK = 16 * 1024
"""Bytes; what has arrived of a block when a transfer breaks off is lost."""


class _BrokenOffError(Exception):
    """A transfer ended before its end."""


def download(
    url: str,
    path: Path,
    *,
    sha256: str = "",
    waits: Sequence[float] = WAITS,
    patience: float = math.inf,
    timeout: tuple[float, float] = (10.0, 60.0),
) -> None:
    """Get a file, unless it is there already; several processes may ask for the same one.

    Args:
        url: Where it is, http or https.
        path: Where it will be, whole or not at all.
        sha256: Its checksum, where known.
        waits: Seconds before each further try.
        patience: Seconds without progress after which no further try is made.
        timeout: Seconds to wait for a connection, and for the next bytes.

    Raises:
        ChecksumError: What arrived is not the file; it is removed.
        DiskFullError: No space left.
        DownloadError: It could not be had; what arrived is kept for the next time.
        RecordError: The folder cannot be written.
    """
    # What is whole needs no lock, which a cache that is only read could not have.
    if _is_there(path, sha256):
        return
    cache.refuse_unwritable(path.parent)
    with alone(path):
        if _is_there(path, sha256):
            return
        part = path.with_name(f".{path.name}.part")
        for last in (False, True):
            try:
                with explain_full_disk(path):
                    patiently(
                        lambda: _transfer(url, part, path.name, bool(sha256), timeout),
                        name=url,
                        transient=_transient,
                        waits=waits,
                        patience=patience,
                        progress=lambda: part.stat().st_size if part.exists() else 0,
                    )
            except DiskFullError:
                raise
            except (requests.RequestException, _BrokenOffError, OSError) as error:
                raise DownloadError(
                    f"{url} could not be downloaded to {path}: {reason(error)}"
                ) from error
            found = _sha256(part) if sha256 else ""
            _mark(part).unlink(missing_ok=True)
            if found == sha256:
                break
            size = part.stat().st_size
            part.unlink()
            problem = f"{url}: {size} bytes with the sha256 {found} arrived, expected {sha256}"
            if last:
                raise ChecksumError(
                    f"{problem}; nothing is kept. The file has changed or is spoilt"
                )
            log.warning("%s; once more from the start", problem)
        with atomic_path(path) as temporary:
            part.replace(temporary)


def _is_there(path: Path, sha256: str) -> bool:
    if not path.exists():
        return False
    found = _sha256(path) if sha256 else ""
    if found != sha256:
        log.warning("%s has the sha256 %s, expected %s: it is replaced", path, found, sha256)
    return found == sha256


def _transfer(url: str, part: Path, name: str, checked: bool, timeout: tuple[float, float]) -> None:
    """Get all of a file, or the rest of it."""
    part.parent.mkdir(parents=True, exist_ok=True)
    have = part.stat().st_size if part.exists() else 0
    version = _mark(part).read_text(encoding="utf-8") if _mark(part).exists() else ""
    headers = {"Accept-Encoding": "identity"}
    if have and (version or checked):
        headers["Range"] = f"bytes={have}-"
        if version:
            headers["If-Range"] = version
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()
            raise _BrokenOffError(f"the {have} bytes kept of {name} are not a part of it")
        response.raise_for_status()
        length = response.headers.get("Content-Length")
        if response.status_code == requests.codes.partial_content:
            came = response.headers.get("Content-Range", "")
            span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", came)
            if span is None or int(span[1]) != have:
                part.unlink()
                raise _BrokenOffError(f"bytes from {have} on were asked for, {came!r} came")
            log.info("%s: resumed after %d bytes", name, have)
        else:
            have = 0
            part.write_bytes(b"")
            write_text(_mark(part), _version(response))
        total = None if length is None else have + int(length)
        with (
            part.open("ab") as file,
            tqdm(
                desc=name, total=total, initial=have, unit="B", unit_scale=True, mininterval=2.0
            ) as bar,
        ):
            for block in response.iter_content(BLOCK):
                file.write(block)
                bar.update(len(block))
    size = part.stat().st_size
    if total is not None and size != total:
        if size > total:
            part.unlink()
        raise _BrokenOffError(f"{size} of {total} bytes arrived")


def _version(response: requests.Response) -> str:
    """The server's mark of a version that a rest can be asked of; weak ones do not do."""
    tag = response.headers.get("ETag", "")
    return response.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag


def _transient(error: Exception) -> bool:
    if isinstance(error, requests.HTTPError):
        return status(error) in TRANSIENT_STATUS
    passing = (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        _BrokenOffError,
    )
    return isinstance(error, passing)


def _mark(part: Path) -> Path:
    return part.with_name(part.name + ".version")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
