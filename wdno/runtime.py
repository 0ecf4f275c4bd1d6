"""Threads and devices of a process.

A workflow decides how many processes run at once and how many threads each has, and no more: it
hands out no particular graphics card. So a process caps its threads at the processors it is
allowed, and where several cards are visible claims one by a file lock, which the operating system
releases when the process ends, however it ends.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)

_claimed: dict[tuple[str, ...], tuple[int, FileLock | None]] = {}
"""Cards to choose from -> the one chosen, with its lock, which is held as long as it is here."""


def available_processors() -> int:
    """Processors that this process may run on, by its affinity mask."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_threads(requested: int | None = None) -> int:
    """Set the threads of this process: PyTorch, Numba, and libraries loaded later.

    Args:
        requested: Threads wanted, >= 1; None for all processors.

    Returns:
        Threads used: no more than there are processors, because more only wait for each other.

    Raises:
        ValueError: Fewer than one is wanted.
    """
    if requested is not None and requested < 1:
        raise ValueError(f"threads: expected at least 1, got {requested}")
    processors = available_processors()
    threads = min(requested or processors, processors)
    loaded = [name for name in ("torch", "numba") if name in sys.modules]
    for name in THREAD_VARIABLES:
        # Numba, once loaded, refuses to see its variable change.
        if not (name.startswith("NUMBA") and "numba" in loaded):
            os.environ[name] = str(threads)
    if "torch" in loaded:
        import torch

        torch.set_num_threads(threads)
    if "numba" in loaded:
        import numba

        most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
        numba.set_num_threads(min(threads, most))
    return threads


def spare_processors(threads: int) -> int:
    """Processors that processes beside this one may use, of those that its job was given.

    Args:
        threads: Threads of this process, at most that many; several processes that `torchrun`
            started on this machine share its processors.

    Returns:
        How many; 0 where this process has one to itself or less.
    """
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(min(threads, available_processors() // processes) - 1, 0)


def temporary_folder(purpose: str) -> Path | None:
    """Return a folder of this user among temporary files, the same for all processes.

    Code may be read from it, so nobody else may write to it.

    Args:
        purpose: What it is for, such as `kernels`.

    Returns:
        The folder; None if there is no place for one, or another user has made it.
    """
    # Not the user's name, which one in a container may lack.
    user = os.getuid()
    try:
        folder = Path(tempfile.gettempdir()) / f"wdno-{purpose}-{user}"
        folder.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
    except OSError:
        return None
    writable = state.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    own = stat.S_ISDIR(state.st_mode) and state.st_uid == user and not writable
    return folder if own else None


def resolve_device(device: str = "auto") -> torch.device:
    """The device to compute on.

    Args:
        device: `auto` (CUDA if there is any, else the CPU), `cpu`, `cuda` (a card is claimed
            where there are several; under `torchrun` the process's own) or `cuda:N`.

    Returns:
        The device; a CUDA device has a number and is the current one.

    Raises:
        ValueError: Unknown device, or one that is not here.
    """
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return torch.device("cpu")
    if not re.fullmatch(r"cuda(:\d+)?", device):
        raise ValueError(f"device: expected auto, cpu, cuda or cuda:N, got {device!r}")
    count = torch.cuda.device_count()
    if ":" in device:
        index = int(device.partition(":")[2])
    elif "LOCAL_RANK" in os.environ:
        index = int(os.environ["LOCAL_RANK"])
    else:
        index = claim_device() if count else 0
    if index >= count:
        raise ValueError(
            f"device: {device!r} is card {index}, but PyTorch sees {count} CUDA devices; use "
            "device cpu or auto, or check the driver and CUDA_VISIBLE_DEVICES"
        )
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def claim_device(cards: Sequence[str] | None = None, folder: Path | None = None) -> int:
    """Claim a card that no other process of this user has claimed, for the life of this process.

    Asked again, it gives the same card. If all are claimed, the first is shared, with a warning.

    Args:
        cards: Names that tell the cards apart on this machine; by default the UUIDs of those that
            PyTorch sees.
        folder: Of the locks; by default `temporary_folder("devices")`.

    Returns:
        Index of the card in `cards`.

    Raises:
        ValueError: There are no cards.
    """
    names = tuple(_visible_cards() if cards is None else cards)
    if not names:
        raise ValueError("device: there is no card to claim")
    if names not in _claimed:
        if len(names) == 1:
            _claimed[names] = (0, None)
        else:
            _claimed[names] = _claim(names, folder or temporary_folder("devices"))
    return _claimed[names][0]


def _claim(names: tuple[str, ...], folder: Path | None) -> tuple[int, FileLock | None]:
    try:
        return _lock_first(names, folder)
    except OSError as error:
        logger.warning("no card can be claimed (%s): using card 0, maybe with others", error)
        return 0, None


def _lock_first(names: tuple[str, ...], folder: Path | None) -> tuple[int, FileLock | None]:
    if folder is None:
        raise OSError("there is no folder for temporary files; set TMPDIR to one")
    folder.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(names):
        lock = FileLock(folder / f"{re.sub(r'[^-.0-9A-Za-z]', '_', name)}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        return index, lock
    logger.warning(
        "all %d cards are claimed by other processes; sharing card 0. Run fewer jobs at once: "
        "as many as there are cards",
        len(names),
    )
    return 0, None


def _visible_cards() -> list[str]:
    import torch

    count = torch.cuda.device_count()
    return [str(torch.cuda.get_device_properties(index).uuid) for index in range(count)]
