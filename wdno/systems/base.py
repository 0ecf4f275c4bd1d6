"""What a physical system is: named fields on named axes, and how samples of them are made.

A trajectory has *state* fields at times t_0..t_T, of which the first `given_frames` are given, and
*forcing* fields, constant on each of the T intervals between the frames that follow.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Role = Literal["state", "forcing"]
Boundary = Literal["dirichlet", "periodic", "outflow"]


@dataclass(frozen=True)
class Field:
    """A physical quantity, or one component of it.

    Attributes:
        name: Name in arrays, files and tables.
        role: `state`, at points in time, or `forcing`, constant on each interval between them.
        units: Units; "1" if dimensionless.
        long_name: What it is, for labels.
    """

    name: str
    role: Role
    units: str
    long_name: str


@dataclass(frozen=True)
class Axis:
    """A spatial axis.

    Attributes:
        name: Name in arrays and files.
        boundary: `dirichlet` (values given at the ends), `periodic`, or `outflow`.
        units: Units; "1" if dimensionless.
        long_name: What it is, for labels.
    """

    name: str
    boundary: Boundary
    units: str
    long_name: str


class OptionsSection(BaseModel):
    """Base of all sections of a system's options: immutable; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class SystemOptions(OptionsSection, ABC):
    """Base of a system's options: its physics, its stored grid, and its solver."""

    @abstractmethod
    def grid_shape(self) -> tuple[int, ...]:
        """Return the shape `(T, *space)` of the frames that are generated."""


def check_divides(value: int, whole: int, key: str) -> int:
    """Return `value` if it divides `whole`; for the validators of grids that are views of a finer.

    Raises:
        ValueError: If it does not, naming the nearest divisors.
    """
    if whole % value:
        divisors = [d for d in range(1, whole + 1) if whole % d == 0]
        near = [max(d for d in divisors if d < value), *(d for d in divisors if d > value)][:2]
        raise ValueError(
            f"{key} must divide {whole}, got {value}; nearest: {' and '.join(map(str, near))}"
        )
    return value


class System(ABC):
    """A system with its options: coordinates, and samples by seed.

    Attributes:
        name: Name of the system, that of its module.
        fields: The fields, in the order of the channels.
        axes: The spatial axes, in the order of the array dimensions.
        time_units: Units of time; "1" if dimensionless.
        given_frames: Number of first frames that are given and never generated.
    """

    name: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]
    axes: ClassVar[tuple[Axis, ...]]
    time_units: ClassVar[str] = "1"
    given_frames: ClassVar[int] = 1

    @abstractmethod
    def coordinates(self) -> dict[str, NDArray[np.float64]]:
        """Return the coordinates of the stored arrays.

        Returns:
            `time` [T + g], the frames, g of them given; where there is forcing, `interval` [T], the
            centres of its intervals, and `interval_bounds` [T, 2]; and for each spatial axis its
            name with `[X]`.
        """

    @abstractmethod
    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, NDArray[np.float32]]:
        """Draw and solve one sample for each seed.

        A sample depends on its seed and the options alone.

        Args:
            seeds: One seed per sample.
            threads: Processor threads.

        Returns:
            For each field by name, float32: state `[n, T + g, *space]`, forcing `[n, T, *space]`.
        """

    @classmethod
    def sample_seed(cls, split: str, index: int, seed: int = 0) -> int:
        """Return the seed of one sample of a split.

        It depends on nothing but the arguments and the system's name, so sample k is the same
        whatever the number of samples, the batch, or the worker; the streams of different splits
        and data seeds are independent (numpy's SeedSequence).

        Args:
            split: Name of the split, such as "train".
            index: Index of the sample in its split.
            seed: Seed of the data set.

        Returns:
            A seed below 2**63, so that it can be kept as a signed integer.

        Raises:
            ValueError: If the index or the seed is negative.
        """
        if index < 0 or seed < 0:
            raise ValueError(f"index and seed must not be negative, got {index} and {seed}")
        stream = int.from_bytes(hashlib.sha256(f"{cls.name}/{split}".encode()).digest()[:4])
        sequence = np.random.SeedSequence(int(seed), spawn_key=(stream, int(index)))
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))

    @classmethod
    def sample_seeds(cls, split: str, indices: Iterable[int], seed: int = 0) -> list[int]:
        """Return the seeds of several samples of a split; see `sample_seed`."""
        return [cls.sample_seed(split, int(index), seed) for index in indices]
