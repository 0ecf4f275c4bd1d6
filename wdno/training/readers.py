"""Processes that read batches ahead of the training: HDF5 decompresses in one thread only.

Each batch is read whole by one process, and they arrive in the order of the steps, so that the
training is the same whatever their number. Signals concern the training alone: it decides when to
stop, and ends its readers, which also end when it is gone.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker, util
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from wdno.training.interruption import SIGNALS

logger = logging.getLogger(__name__)

Batch = dict[str, Tensor]

MOST_PROCESSES = 8
AHEAD = 2
"""Batches that each process reads ahead."""

SHARED_MEMORY = Path("/dev/shm")


class Read(Protocol):
    """Reads a batch; can be handed to another process."""

    def __call__(self, step: int) -> Batch:
        """Batch of a step."""
        ...


class _Steps(Dataset[Batch | Exception]):
    """Batches by step; an error is returned, to be raised as it is where the batch is wanted."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def __getitem__(self, step: int) -> Batch | Exception:
        try:
            return self._read(step)
        except Exception as error:
            return error


class Readers:
    """Reads the batches of consecutive steps in several processes."""

    def __init__(self, read: Read, steps: range, processes: int, *, pin: bool) -> None:
        """Start the processes.

        Args:
            read: Reads a batch.
            steps: The steps, which are asked for in this order.
            processes: How many, >= 1.
            pin: Put batches into page-locked memory, from which a GPU copies while it computes.
        """
        self._steps = iter(steps)
        before = set(multiprocessing.active_children())
        loader = DataLoader(
            _Steps(read),
            batch_size=None,
            sampler=steps,
            num_workers=processes,
            prefetch_factor=AHEAD,
            worker_init_fn=_begin,
            # A forked process would inherit the threads, files and GPU of this one.
            multiprocessing_context="spawn",
            pin_memory=pin,
            # The loader's own seed is drawn from it, not from the training's numbers.
            generator=torch.Generator(),
        )
        with _signals_wait():
            self._batches: Iterator[Batch | Exception] | None = iter(loader)
        self._processes: list[BaseProcess] = [
            child for child in multiprocessing.active_children() if child not in before
        ]

    def get(self, step: int) -> Batch:
        """Batch of a step; waits for it.

        Raises:
            Exception: What reading it raised.
            RuntimeError: A process died.
            ValueError: Another step is the next one.
        """
        expected = next(self._steps, None)
        if step != expected or self._batches is None:
            raise ValueError(f"training: expected to read step {expected}, asked for {step}")
        batch = next(self._batches)
        if isinstance(batch, Exception):
            raise batch
        return batch

    def close(self) -> None:
        """End the processes; those that do not follow, at a file system that hangs, are killed."""
        self._batches = None
        for process in self._processes:
            if process.is_alive():
                process.kill()
            process.join()
        self._processes.clear()


def affordable(processes: int, batch: Batch) -> int:
    """How many processes to read with, so that their batches fit in the shared memory.

    Args:
        processes: How many are wanted.
        batch: A batch as they will read it.
    """
    processes = min(processes, MOST_PROCESSES)
    if not SHARED_MEMORY.is_dir():
        return processes
    size = max(sum(tensor.nbytes for tensor in batch.values()), 1)
    free = shutil.disk_usage(SHARED_MEMORY).free
    fitting = max((free // 2 // size - 1) // AHEAD, 0)
    if fitting < processes:
        logger.warning(
            "reading with %d processes instead of %d: %s has %d MB free, a batch takes %d MB. In a "
            "container, give it more (--shm-size)",
            fitting,
            processes,
            SHARED_MEMORY,
            free // 10**6,
            size // 10**6,
        )
    return min(processes, fitting)


def _begin(number: int) -> None:
    """Leave signals to the parent, and end when it does."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Last of all: an interpreter that shuts down around that thread can abort.
    util.Finalize(None, os._exit, args=(0,), exitpriority=-1000)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Hold signals back, here until the end of the context, in processes that it starts for ever.

    So none meets a process that has not come as far as to ignore it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # where it starts, it lets them through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
