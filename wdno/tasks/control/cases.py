"""Cases of control: what a controller is given, made of a data file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from wdno.tasks.control.options import OUTCOMES

if TYPE_CHECKING:
    from wdno.data.dataset import ProblemData


@dataclass(frozen=True)
class Cases:
    """What a controller is asked for: n cases.

    Attributes:
        index: numbers of the cases in the data set, ``[n]``.
        first: initial states, ``[n, F, *S]``, float64.
        target: states to be reached, ``[n, F, *S]``, float64; None: there are none.
        given: the given parts of the problem, float32, for models, without outcomes: those are
            what is sought.
        own: the control of the data set, ``[n, C, T, *S]``, float64, which only a baseline of that
            name may look at.
    """

    index: Tensor
    first: Tensor
    target: Tensor | None
    given: Mapping[str, Tensor]
    own: Tensor

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: Tensor) -> Cases:
        """Return some of the cases, by their positions or by a mask."""
        return Cases(
            self.index[rows],
            self.first[rows],
            None if self.target is None else self.target[rows],
            {name: values[rows] for name, values in self.given.items()},
            self.own[rows],
        )


def cases(data: ProblemData, size: int, count: int | None = None) -> Iterator[Cases]:
    """Return the first cases of a data set, or all, `size` at a time."""
    stop = len(data) if count is None else count
    for start in range(0, stop, size):
        yield cases_at(data, np.arange(start, min(start + size, stop)))


def cases_at(data: ProblemData, indices: NDArray[np.integer]) -> Cases:
    """Return cases of a data set by their numbers, ``[n]``."""
    batch = data.batch(indices)
    first = data.problem.latest("state", batch)[:, :, 0]
    given = {part.name: batch[part.name] for part in data.problem.given}
    return Cases(
        index=batch["index"],
        first=first.double(),
        target=batch["last"].double() if "last" in batch else None,
        given={name: values for name, values in given.items() if name not in OUTCOMES},
        own=batch["forcing"].double(),
    )
