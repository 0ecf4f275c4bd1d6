"""Several processes that train one model, each on its part of every batch.

`torchrun` starts the processes and tells each its place by environment variables; without them
there is one process and everything here is a plain number or does nothing. Gradients are averaged
by PyTorch's DistributedDataParallel, over NCCL between GPUs and gloo between CPUs. No rule of the
workflow starts several processes: by hand it is ``torchrun --nproc-per-node N -m wdno train ...``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, distributed

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What `torchrun` sets, all of them."""


def launched() -> bool:
    """Whether this process is one of several started by `torchrun`."""
    return all(name in os.environ for name in VARIABLES) and int(os.environ["WORLD_SIZE"]) > 1


def rank() -> int:
    """Number of this process, from 0; 0 when alone."""
    return int(os.environ["RANK"]) if launched() else 0


def world_size() -> int:
    """Number of processes; 1 when alone."""
    return int(os.environ["WORLD_SIZE"]) if launched() else 1


def is_main() -> bool:
    """Whether this is the process that writes files."""
    return rank() == 0


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Connect the processes while the context lasts; does nothing when alone or connected.

    Tensors on the CPU always travel over gloo, so that a decision can be agreed on without
    waiting for the GPU.
    """
    if not launched() or distributed.is_initialized():
        yield
        return
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def mean(values: Tensor) -> Tensor:
    """Mean of a tensor over the processes, in place."""
    if world_size() > 1:
        distributed.all_reduce(values)
        values /= world_size()
    return values


def largest(value: int) -> int:
    """Largest of the processes' values; every process gets the same."""
    if world_size() == 1:
        return value
    held = torch.tensor([value], dtype=torch.int64)
    distributed.all_reduce(held, distributed.ReduceOp.MAX)
    return int(held.item())


def wait() -> None:
    """Wait until all processes are here."""
    largest(0)
