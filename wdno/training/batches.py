"""Which samples a step takes, and which random numbers, from the seed and the step alone.

The samples are a stream of permutations of the whole set, one per epoch; step s takes those at
positions s B, ..., (s + 1) B - 1 of it. So every sample is seen once per epoch, all batches have
one size, and a resumed run needs to know only its step.

Of data in several groups, such as grids of several levels, whose samples do not fit into one batch,
each group has a stream of its own, and the steps take them in turn.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Protocol

import numpy as np
import torch

from wdno.draws import BatchGenerator, BatchPart
from wdno.training.readers import Batch, Readers, affordable

ORDER, STEP, VALIDATION, WEIGHTS, ROLLOUT = range(5)
"""Purposes of random numbers; one seed gives each its own."""


WORTH_READING_AHEAD = 0.05
"""Share of the time that reading takes."""


class Data(Protocol):
    """Samples by number.

    It may have an attribute `groups`, see :func:`groups_of`.
    """

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def batch(self, indices: np.ndarray) -> Batch:
        """Tensors `[B, ...]` on the CPU, by name, of the samples `[B]`."""
        ...


def groups_of(data: Data) -> tuple[int, ...]:
    """Sizes of the groups that samples are numbered through; a batch is of one. One, by default."""
    return tuple(getattr(data, "groups", (len(data),)))


def seeds(seed: int, purpose: int, *numbers: int) -> tuple[int, int]:
    """Two seeds that depend on all arguments, none negative."""
    first, second = np.random.SeedSequence((seed, purpose, *numbers)).generate_state(2)
    return int(first), int(second)


class StepRandomness:
    """Random numbers of one step: PyTorch's own, for dropout and the like, and a generator's.

    Attributes:
        generator: CPU generator, handed to the model's loss.
    """

    def __init__(self, device: torch.device) -> None:
        """For a model on a device."""
        self.generator = torch.Generator()
        self._device = device
        self._of_part = BatchGenerator()

    def start(self, seed: int, purpose: int, *numbers: int) -> torch.Generator:
        """Seed both from these numbers, and return the generator."""
        first, second = seeds(seed, purpose, *numbers)
        # `torch.manual_seed` looks for every kind of device, which takes longer than the rest of
        # a step's bookkeeping.
        torch.default_generator.manual_seed(first)
        if self._device.type == "cuda":
            torch.cuda.manual_seed(first)
        return self.generator.manual_seed(second)

    def start_step(self, seed: int, step: int, part: BatchPart, rank: int) -> torch.Generator:
        """Seed both for a step, and return the generator of what a part of its batch draws.

        PyTorch's own numbers are others in each process, the generator's are those of the batch.
        """
        generator = self.start(seed, STEP, step, rank)
        if part.count == part.total:
            return generator
        self._of_part.part = part
        self._of_part.manual_seed(seeds(seed, STEP, step, 0)[1])
        return self._of_part


class BatchOrder:
    """Sample numbers of each step."""

    def __init__(self, samples: int | Sequence[int], batch_size: int, seed: int) -> None:
        """For a set of samples.

        Args:
            samples: Size of the set, or of each of its groups.
            batch_size: Samples of a step, over all processes.
            seed: Of the permutations.

        Raises:
            ValueError: There are no samples.
        """
        self._groups = (samples,) if isinstance(samples, int) else tuple(samples)
        if not self._groups or min(self._groups) < 1:
            raise ValueError("training: the data set is empty, expected at least one sample")
        self._batch_size, self._seed = batch_size, seed
        self._epochs: dict[tuple[int, int], np.ndarray] = {}

    def indices(self, step: int) -> np.ndarray:
        """Sample numbers of a step, counted from 0: int64 `[B]`."""
        turn, group = divmod(step, len(self._groups))
        positions = np.arange(turn * self._batch_size, (turn + 1) * self._batch_size)
        epochs, offsets = np.divmod(positions, self._groups[group])
        parts = [self._permutation(group, int(e))[offsets[epochs == e]] for e in np.unique(epochs)]
        return np.concatenate(parts) + sum(self._groups[:group])

    def _permutation(self, group: int, epoch: int) -> np.ndarray:
        if (group, epoch) not in self._epochs:
            last = (group, epoch - 1)
            self._epochs = {k: v for k, v in self._epochs.items() if k[0] != group or k == last}
            # Of a single group as if there were none.
            numbers = (group,) if len(self._groups) > 1 else ()
            generator = np.random.default_rng((self._seed, ORDER, epoch, *numbers))
            self._epochs[group, epoch] = generator.permutation(self._groups[group])
        return self._epochs[group, epoch]


class Share:
    """The samples that one process takes of each step; can be handed to another process."""

    def __init__(self, data: Data, order: BatchOrder, rank: int, ranks: int) -> None:
        """Take the share of one process.

        Args:
            data: The samples.
            order: Sample numbers of each step.
            rank: Number of this process, from 0.
            ranks: Processes that train; each takes a contiguous part of every batch.
        """
        self._data, self._order, self._rank, self._ranks = data, order, rank, ranks

    def __call__(self, step: int) -> Batch:
        """Read the batch of a step."""
        indices = self._order.indices(step)
        part = BatchPart.of(len(indices), self._rank, self._ranks)
        return self._data.batch(indices[part.first : part.first + part.count])


class Batches:
    """The batches of one process, read ahead where reading takes time worth saving.

    A batch held in memory is there at once, and handing it between threads would cost more. So
    batches are read where they are needed until that has taken `WORTH_READING_AHEAD` of the time,
    and from then on while the step before is computed; or, where that is asked for, after the first
    batch by other processes. The batches are the same either way.
    """

    def __init__(
        self,
        data: Data,
        order: BatchOrder,
        steps: int,
        rank: int,
        ranks: int,
        *,
        processes: int = 0,
        pin: bool = False,
    ) -> None:
        """Of the samples that this process takes.

        Args:
            data: The samples.
            order: Sample numbers of each step.
            steps: Steps of the run; none is read ahead beyond them.
            rank: Number of this process.
            ranks: Processes that train; each takes a contiguous part of every batch.
            processes: Processes that read for this one; 0 to read in a thread.
            pin: Whether these put batches into page-locked memory.
        """
        self._share, self._steps = Share(data, order, rank, ranks), steps
        self._processes, self._pin = processes, pin
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._readers: Readers | None = None
        self._ahead: tuple[int, Future[Batch]] | None = None
        self._start = time.perf_counter()
        self._reading = 0.0

    def get(self, step: int) -> Batch:
        """Batch of a step; may begin to read the next.

        Raises:
            Exception: What the data raise on reading.
        """
        if self._ahead is not None and self._ahead[0] == step:
            batch = self._ahead[1].result()
        elif self._readers is not None:
            return self._readers.get(step)
        else:
            batch = self._read(step)
        self._ahead = None
        left = range(step + 1, self._steps)
        if self._processes and left:
            self._processes = affordable(min(self._processes, len(left)), batch)
        if self._processes and left:
            self._readers = Readers(self._share, left, self._processes, pin=self._pin)
            return batch
        elapsed = time.perf_counter() - self._start
        if left and self._reading > WORTH_READING_AHEAD * elapsed:
            self._ahead = (step + 1, self._reader.submit(self._read, step + 1))
        return batch

    def settle(self) -> None:
        """Wait until nothing is being read: libraries for data files need not stand two readers."""
        if self._ahead is not None:
            wait([self._ahead[1]])

    def close(self) -> None:
        """End the reading thread and processes."""
        self._reader.shutdown(wait=True, cancel_futures=True)
        if self._readers is not None:
            self._readers.close()

    def _read(self, step: int) -> Batch:
        start = time.perf_counter()
        batch = self._share(step)
        self._reading += time.perf_counter() - start
        return batch
