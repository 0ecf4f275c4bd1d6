"""The most memory that a piece of work takes at once, on a CPU or a GPU."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass
class Peak:
    """What was measured.

    Attributes:
        bytes: the most that was held at once, beyond what was held before; known at the end.
    """

    bytes: int = 0


@contextmanager
def peak_memory(device: torch.device) -> Iterator[Peak]:
    """Measure the memory of tensors that are made within the block, at its peak.

    On a CUDA device it is that of PyTorch's allocator, scratch space within an operation included.
    On any other the storage of every tensor that an operation returns is counted as long as it
    lives, which the resident memory of the process does not tell: what is freed stays with it, and
    a small grid takes less than it varies by. Scratch space within an operation is then left out,
    and every operation takes some ten microseconds longer, so it is no place for timing.

    Args:
        device: where the work is done.

    Yields:
        What holds the result after the block.
    """
    peak = Peak()
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        yield peak
        peak.bytes = torch.cuda.max_memory_allocated(device) - before
        return
    counted = _Counted()
    with counted:
        yield peak
    peak.bytes = counted.most


class _Counted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the storages of tensors that operations return, from their first sight to their end.

    Attributes:
        most: bytes that they had together at most.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = self._held = 0
        self._living: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation, and count what it made."""
        given = {storage._cdata for storage in _storages((args, kwargs))}
        found = func(*args, **(kwargs or {}))
        for storage in _storages(found):
            if storage._cdata not in given and storage._cdata not in self._living:
                self._count(storage)
        return found

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()

        def ended(_: object) -> None:
            del self._living[key]
            self._held -= size

        self._living[key] = weakref.ref(storage, ended)
        self._held += size
        self.most = max(self.most, self._held)


def _storages(values: Any) -> list[torch.UntypedStorage]:
    return [value.untyped_storage() for value in tree_leaves(values) if isinstance(value, Tensor)]
