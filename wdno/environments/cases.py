"""Cases: an initial state and, of a system with a target, the state to be reached."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wdno.environments.plant import Plant

Array = NDArray[np.float64]

GIVEN = "given"
"""In place of the split of a case that was given as arrays."""


@dataclass(eq=False)
class Case:
    """What is given of an episode.

    Attributes:
        first: initial state, ``[F, *S]``.
        target: state to be reached, ``[F, *S]``, where the system has one.
        split: its split; `given` if it is of none.
        number: its number in the split; -1 if it has none.
        j_zero: J without any control; None until it is asked for.
    """

    first: Array
    target: Array | None
    split: str = GIVEN
    number: int = -1
    j_zero: float | None = None


class CaseStore:
    """The cases of a plant, those that a data set of the pipeline has, made when asked for."""

    def __init__(self, plant: Plant, sizes: Mapping[str, int], seed: int, kept: int) -> None:
        """Keep nothing yet.

        Args:
            plant: the system.
            sizes: splits, and among how many of their first cases a random one is drawn.
            seed: of the data set.
            kept: number of cases that stay in memory, the last used ones.
        """
        self.plant, self.sizes, self.seed, self.kept = plant, dict(sizes), seed, kept
        self._cases: OrderedDict[tuple[str, int], Case] = OrderedDict()

    def size(self, split: str) -> int:
        """Return among how many cases of a split a random one is drawn.

        Raises:
            ValueError: there is no such split.
        """
        if split not in self.sizes:
            raise ValueError(
                f"split {split!r}: expected one of {', '.join(self.sizes)}; name it in the "
                "environment's `cases` to have another"
            )
        return self.sizes[split]

    def numbered(self, split: str, numbers: Sequence[int]) -> list[Case]:
        """Return cases of a split by their numbers, those that are missing drawn together.

        Raises:
            ValueError: there is no such split, or a number is negative.
        """
        self.size(split)
        if any(number < 0 for number in numbers):
            raise ValueError(f"cases of split {split!r} are numbered from 0, got {list(numbers)}")
        missing = sorted({n for n in numbers if (split, n) not in self._cases})
        found = {n: self._cases[split, n] for n in set(numbers) - set(missing)}
        if missing:
            found |= zip(missing, self._draw(split, missing), strict=True)
        for number in numbers:
            self._cases[split, number] = found[number]
            self._cases.move_to_end((split, number))
        while len(self._cases) > self.kept:
            self._cases.popitem(last=False)
        return [found[number] for number in numbers]

    def given(self, first: Any, target: Any = None) -> Case:
        """Return a case of given arrays ``[F, *S]``; of a single field also ``[*S]``.

        Raises:
            ValueError: a shape does not fit, a value is not finite, or the target is absent though
                the system has one, or present though it has none.
        """
        has = self.plant.controlled.has_target
        if has != (target is not None):
            raise ValueError(
                f"system {self.plant.system.name!r} {'has a' if has else 'has no'} target; give "
                f"{'`first` and `target`' if has else '`first` alone'}"
            )
        return Case(self._field("first", first), self._field("target", target) if has else None)

    def know_zero(self, cases: Iterable[Case]) -> None:
        """Find J without any control of all cases for which it is unknown, in one solution."""
        unknown = list({id(case): case for case in cases if case.j_zero is None}.values())
        if not unknown:
            return
        first, target = stacked(unknown)
        for case, j in zip(unknown, self.plant.without_control(first, target), strict=True):
            case.j_zero = float(j)

    def _draw(self, split: str, numbers: Sequence[int]) -> list[Case]:
        plant = self.plant
        arrays = plant.system.draw(split, numbers, self.seed, threads=plant.threads)
        state = np.stack([arrays[name] for name in plant.state], axis=1).astype(np.float64)
        has = plant.controlled.has_target
        return [
            Case(one[:, 0].copy(), one[:, -1].copy() if has else None, split, int(number))
            for one, number in zip(state, numbers, strict=True)
        ]

    def _field(self, name: str, values: Any) -> Array:
        array = np.array(values, dtype=np.float64)
        expected = (len(self.plant.state), *self.plant.space)
        if array.shape != expected and (1, *array.shape) != expected:
            raise ValueError(
                f"`{name}`: expected shape {expected}, the state of system "
                f"{self.plant.system.name!r} ({', '.join(self.plant.state)}) on its grid, got "
                f"{array.shape}"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"`{name}`: values must be finite")
        return array.reshape(expected)


def stacked(cases: Sequence[Case]) -> tuple[Array, Array | None]:
    """Return initial states and targets of cases, ``[n, F, *S]`` each."""
    targets = [case.target for case in cases if case.target is not None]
    return np.stack([case.first for case in cases]), np.stack(targets) if targets else None
