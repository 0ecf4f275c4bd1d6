"""Several processes that train one model, each on its part of every batch.

`torchrun` starts the processes, one for each card, and tells each its place by environment
variables; without them there is one process and everything here is a plain number or does nothing.
`wdno train --processes N` (:mod:`wdno.training.launch`) does what `torchrun` does.

Batches, random numbers and states know nothing of the number of processes: the mean over a batch is
the sum of what each process adds, of the loss and of its gradient. Tensors travel over NCCL between
GPUs and over gloo between CPUs. Whatever one process learns of the others it learns here, so a
process that is gone is noticed here, too.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What `torchrun` sets, all of them."""

PATIENCE = timedelta(minutes=30)
"""How long a process waits for another that is there but does not come."""

SECONDS_BETWEEN_LOOKS = 0.5
"""At the process that started this one."""


class LostProcessError(ConnectionError):
    """Another process of the training is gone, or does not answer."""


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
    waiting for the GPU. If the process that started this one is killed, this one gets SIGTERM.

    Raises:
        LostProcessError: One of them is not there.
    """
    if not launched() or distributed.is_initialized():
        yield
        return
    _end_with_parent()
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    with _others_needed():
        distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def total(values: Tensor) -> Tensor:
    """Sum of a tensor over the processes, in place.

    Raises:
        LostProcessError: One of them is gone.
    """
    if world_size() > 1:
        with _others_needed():
            distributed.all_reduce(values)
    return values


def batch_mean(mean: Tensor, weight: float) -> Tensor:
    """Mean over a batch, from that over this process's part of it, without gradient.

    Args:
        mean: Over the part; may be changed.
        weight: Share of the batch that the part is.

    Raises:
        LostProcessError: A process is gone.
    """
    return total(mean * weight) if world_size() > 1 else mean


def backward(mean: Tensor, weight: float, parameters: Iterable[nn.Parameter]) -> None:
    """Find the gradient of the mean over a batch, the same in all processes.

    Args:
        mean: Loss: mean over this process's part of the batch.
        weight: Share of the batch that the part is.
        parameters: What it depends on; all processes use the same ones.

    Raises:
        LostProcessError: A process is gone.
    """
    if world_size() == 1:
        mean.backward()  # type: ignore[no-untyped-call]
        return
    (mean * weight).backward()  # type: ignore[no-untyped-call]
    by_type: dict[torch.dtype, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            by_type.setdefault(parameter.dtype, []).append(_real(parameter.grad))
    for gradients in by_type.values():
        # All in one message: on the way, many small ones would each be waited for.
        joined = total(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = torch.split(joined, [gradient.numel() for gradient in gradients])
        shaped = [part.view_as(own) for part, own in zip(parts, gradients, strict=True)]
        torch._foreach_copy_(gradients, shaped)


def spread(tensors: Iterable[Tensor]) -> None:
    """Give all processes the values that the first one has, in place.

    Raises:
        LostProcessError: One of them is gone.
    """
    if world_size() > 1:
        with _others_needed(), torch.no_grad():
            for tensor in tensors:
                values = _real(tensor).contiguous()
                distributed.broadcast(values, 0)
                _real(tensor).copy_(values)


def largest(value: int) -> int:
    """Largest of the processes' values; every process gets the same.

    Raises:
        LostProcessError: One of them is gone.
    """
    if world_size() == 1:
        return value
    held = torch.tensor([value], dtype=torch.int64)
    with _others_needed():
        distributed.all_reduce(held, distributed.ReduceOp.MAX)
    return int(held.item())


def wait() -> None:
    """Wait until all processes are here.

    Raises:
        LostProcessError: One of them is gone.
    """
    largest(0)


def _real(tensor: Tensor) -> Tensor:
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


@contextmanager
def _others_needed() -> Iterator[None]:
    """Say of what the libraries raise that another process is missing."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
        raise LostProcessError(
            f"training: process {rank()} of {world_size()} (they are counted from 0) has lost the "
            "others: one ended, was killed or cannot be reached, and its own message, if it could "
            "write one, says why. The state that was saved last is kept, and the same command "
            f"continues from it ({reason})"
        ) from error


def _end_with_parent() -> None:
    """Get SIGTERM when the process that started this one is gone, killed with no time to say so."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()
