"""Random numbers of a batch, the same whether one process sees all of it or several see parts.

Where each process of a training has a part of every batch, a loss sees the samples of that part
alone. Its generator is then a `BatchGenerator`: what is asked of it is drawn for the whole batch,
and the rows of the part are kept. So the noise of a sample does not depend on how many processes
there are, and differs from that of every other sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class BatchPart:
    """The consecutive samples of a batch that one process has.

    Attributes:
        first: Position of the first in the batch.
        count: How many.
        total: Samples of the whole batch.
    """

    first: int
    count: int
    total: int

    @classmethod
    def of(cls, total: int, rank: int, ranks: int) -> BatchPart:
        """Divide a batch; the first parts have one sample more where it does not come out even.

        Args:
            total: Samples of the whole batch.
            rank: Number of the process.
            ranks: Number of processes.
        """
        size, more = divmod(total, ranks)
        return cls(rank * size + min(rank, more), size + (rank < more), total)

    @property
    def weight(self) -> float:
        """Share of the batch: of the mean over the part in that over the batch."""
        return self.count / self.total

    def of_rows(self, rows: int) -> tuple[int, slice]:
        """Find the rows of the part among those of the whole batch.

        Args:
            rows: Rows of the part, a multiple of its samples: the same number of each, together.

        Returns:
            Rows of the whole batch, and where those of the part are.

        Raises:
            ValueError: They are not a multiple.
        """
        if rows % self.count:
            raise ValueError(
                f"draws: expected the same number of rows for each of the {self.count} samples of "
                f"this process, got {rows} rows; the first axis of what is drawn in a loss has to "
                "be that of the samples"
            )
        each = rows // self.count
        return self.total * each, slice(self.first * each, (self.first + self.count) * each)


class BatchGenerator(torch.Generator):
    """A CPU generator whose draws are those of a whole batch, of which a part is kept.

    Attributes:
        part: Which; None: what is drawn is for all that is there, as from any generator.
    """

    part: BatchPart | None = None


def normal(
    shape: Sequence[int], generator: torch.Generator, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Draw standard normal numbers, ``[B, ...]``.

    Args:
        shape: Its first axis is that of the samples, each with the same number of rows.
        generator: CPU generator.
        dtype: In which they are drawn.

    Raises:
        ValueError: The first axis does not fit the generator's part of the batch.
    """
    whole, rows = _whole(shape, generator)
    drawn = torch.randn(whole, generator=generator, dtype=dtype)
    return drawn if rows is None else drawn[rows]


def uniform(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Draw numbers from [0, 1), ``[B, ...]``; as `normal`."""
    whole, rows = _whole(shape, generator)
    drawn = torch.rand(whole, generator=generator)
    return drawn if rows is None else drawn[rows]


def integers(low: int, high: int, shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Draw integers from `low` to `high` - 1, ``[B, ...]``; as `normal`."""
    whole, rows = _whole(shape, generator)
    drawn = torch.randint(low, high, whole, generator=generator)
    return drawn if rows is None else drawn[rows]


def _whole(
    shape: Sequence[int], generator: torch.Generator
) -> tuple[tuple[int, ...], slice | None]:
    """Shape of what is drawn, and the rows of it that are wanted; None for all."""
    part = generator.part if isinstance(generator, BatchGenerator) else None
    if part is None:
        return tuple(shape), None
    rows, own = part.of_rows(shape[0])
    return (rows, *shape[1:]), own
