"""Threads and temporary files of a process.

A workflow decides how many processes run at once and how many threads each has, and no more. So a
process caps its threads at the processors it is allowed.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def available_processors() -> int:
    """Processors that this process may run on, by its affinity mask."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_threads(requested: int | None = None) -> int:
    """Set the threads of this process: PyTorch, Numba, and libraries loaded later.

    Args:
        requested: Threads wanted, >= 1, by all processes together that `torchrun` started on this
            machine; None for all processors.

    Returns:
        Threads used: no more than there are processors, because more only wait for each other.

    Raises:
        ValueError: Fewer than one is wanted.
    """
    if requested is not None and requested < 1:
        raise ValueError(f"threads: expected at least 1, got {requested}")
    processors = available_processors()
    threads = max(min(requested or processors, processors) // _processes_here(), 1)
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
    return max(min(threads, available_processors() // _processes_here()) - 1, 0)


def _processes_here() -> int:
    """Processes that `torchrun` started on this machine; 1 without it."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


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
