"""What a physical system is: named fields on named axes, and how samples of them are made.

A trajectory has *state* fields at times t_0..t_T, of which the first `given_frames` are given, and
*forcing* fields, constant on each of the T intervals between the frames that follow.

A system is drawn from its equations (`EquationSystem`: as many samples as asked for, each from a
seed of its own) or cut from a record (`RecordedSystem`: as many as the record holds).
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from wdno.options import Section

Role = Literal["state", "forcing", "series", "diagnostic"]
Boundary = Literal["dirichlet", "periodic", "open"]


@dataclass(frozen=True)
class Field:
    """A physical quantity, or one component of it.

    Attributes:
        name: Name in arrays, files and tables.
        role: `state`, at points in time; `forcing`, constant on each interval between them;
            `series`, at points in time and without space; or `diagnostic`, as a series, but only
            stored: models do not see it.
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
        boundary: `dirichlet` (values given at the ends), `periodic`, or `open` (nothing is known
            beyond the ends, or what reaches them leaves).
        units: Units; "1" if dimensionless.
        long_name: What it is, for labels.
        cells: Whether values are means over cells around the coordinates; else they are at points,
            of which the first one is also that of a finer grid.
        ends: Where a `dirichlet` axis begins and ends, with the value 0.
    """

    name: str
    boundary: Boundary
    units: str
    long_name: str
    cells: bool = False
    ends: tuple[float, ...] = ()


@dataclass(frozen=True)
class PerSample:
    """A number kept for each sample beside its fields: a seed, a time, a diagnostic of the solver.

    Attributes:
        name: Name in arrays and files.
        units: Units; "1" if dimensionless.
        long_name: What it is, for labels.
        standard_name: Its CF standard name, if it has one. `forecast_reference_time`, in hours,
            puts the sample in the calendar: frame t is of that time plus `time[t]`.
        diagnostic: Whether it says how well the sample was computed, so that data cards show it.
    """

    name: str
    units: str
    long_name: str
    standard_name: str = ""
    diagnostic: bool = False


@dataclass(frozen=True)
class Static:
    """Values that are the same for all samples and times, such as where obstacles are.

    Attributes:
        name: Name in files. One named like its only dimension is the coordinate of it.
        dims: Its dimensions: axes of the system, or others with a coordinate of their own.
        values: Its values, in the type in which they are stored.
        units: Units; "1" if dimensionless.
        long_name: What it is, for labels.
        attributes: Further attributes, such as the CF conventions' `flag_values`.
    """

    name: str
    dims: tuple[str, ...]
    values: NDArray[Any]
    units: str
    long_name: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


SEED = PerSample("seed", "1", "seed of the sample")


class SystemOptions(Section, ABC):
    """Base of a system's options: its physics, its stored grid, and its solver.

    Attributes:
        recorded: Whether samples are cut from a record, which is fetched before.
        calendar: Whether samples have a date and an hour of the day.
        has_scene: Whether data files hold a scene; see `System.static`.
        has_series: Whether there are fields without space.
        term_weights: Weights of the terms of J, by their names, of a system that is a
            `wdno.controlled.Controlled`; empty of others.
        has_target: Whether a controller is told a state to be reached.
        has_equation: Whether the system is a `wdno.equation.Equation`.
    """

    recorded: ClassVar[bool] = False
    calendar: ClassVar[bool] = False
    has_scene: ClassVar[bool] = False
    has_series: ClassVar[bool] = False
    term_weights: ClassVar[Mapping[str, float]] = MappingProxyType({})
    has_target: ClassVar[bool] = False
    has_equation: ClassVar[bool] = False

    @abstractmethod
    def grid_shape(self) -> tuple[int, ...]:
        """Return the shape `(T, *space)` of the frames that are generated."""

    def files(self) -> list[str]:
        """Return the user's own files that a record is made from; when one changes, it is again."""
        return []

    @abstractmethod
    def boundaries(self) -> tuple[Boundary, ...]:
        """Return the boundary condition of each spatial axis."""


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
    """A system with its options: coordinates, and samples by number.

    Attributes:
        name: Name of the system, that of its module.
        title: Its name for readers, in files, tables and figures.
        fields: The fields, in the order of the channels.
        axes: The spatial axes, in the order of the array dimensions.
        per_sample: Numbers kept for each sample.
        time_units: Units of time; "1" if dimensionless.
        given_frames: Number of first frames that are given and never generated.
        attributes: Further attributes of its data files, such as where a record comes from.
            `mass_density` names the state field whose integral over space is scored, and
            `divergence_free` the components of a velocity, along each spatial axis in their order,
            whose divergence is.
    """

    name: ClassVar[str]
    title: str
    fields: tuple[Field, ...]
    axes: tuple[Axis, ...]
    per_sample: tuple[PerSample, ...] = ()
    time_units: str = "1"
    given_frames: int = 1
    attributes: Mapping[str, str] = MappingProxyType({})

    @abstractmethod
    def coordinates(self) -> dict[str, NDArray[np.float64]]:
        """Return the coordinates of the stored arrays.

        Returns:
            `time` [T + g], the frames, g of them given; where there is forcing, `interval` [T], the
            centres of its intervals, and `interval_bounds` [T, 2]; and for each spatial axis its
            name with `[X]`.
        """

    @abstractmethod
    def draw(
        self, split: str, indices: Sequence[int], seed: int, *, threads: int = 1
    ) -> dict[str, NDArray[Any]]:
        """Return samples of a split by their numbers.

        A sample depends on the split, its number, the seed and the options alone, never on the
        samples that it is made with.

        Args:
            split: Name of the split, such as "train".
            indices: Numbers of the samples in their split, n of them.
            seed: Seed of the data set.
            threads: Processor threads.

        Returns:
            For each field by name, float32: state `[n, T + g, *space]`, forcing `[n, T, *space]`,
            series and diagnostics `[n, T + g]`;
            and each of `per_sample` by name, `[n]`.
        """

    def static(self) -> tuple[Static, ...]:
        """Return what is the same for all samples and times, with its own coordinates.

        A scene, which figures draw, is `obstacle` and `control_frame` (1 where there is one, else
        0) and `bucket` (numbers, -1 for none, the attribute `target` one of them), all of the same
        two dimensions, whose coordinates are in the units of the two spatial axes.
        """
        return ()

    def available(self, split: str) -> int | None:
        """Return how many samples a split can have; None: as many as wanted."""
        return None


class EquationSystem(System):
    """A system whose samples are drawn from distributions and solved, each from its seed."""

    per_sample: tuple[PerSample, ...] = (SEED,)

    @abstractmethod
    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, NDArray[Any]]:
        """Draw and solve one sample for each seed.

        A sample depends on its seed and the options alone.

        Args:
            seeds: One seed per sample.
            threads: Processor threads.

        Returns:
            For each field by name, float32: state `[n, T + g, *space]`, forcing `[n, T, *space]`,
            series and diagnostics `[n, T + g]`;
            and each of `per_sample` but the seed by name, `[n]`.
        """

    def draw(
        self, split: str, indices: Sequence[int], seed: int, *, threads: int = 1
    ) -> dict[str, NDArray[Any]]:
        """Draw and solve samples of a split; see `System.draw`."""
        seeds = self.sample_seeds(split, indices, seed)
        arrays = self.generate(seeds, threads=threads)
        return {**arrays, SEED.name: np.asarray(seeds, dtype=np.uint64)}

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


class RecordedSystem(System):
    """A system whose samples are cut from a record of measurements or of a reanalysis."""

    @classmethod
    @abstractmethod
    def fetch(cls, options: Any, output: Path, state: Path) -> None:
        """Get the record that the options ask for and write it as one file.

        Args:
            options: Options of the system.
            output: The file, written whole or not at all.
            state: Folder in which an interrupted call keeps its parts; the caller removes it.
        """

    @abstractmethod
    def __init__(self, options: Any, record: Path) -> None:
        """Set up the system.

        Args:
            options: Its options.
            record: What `fetch` wrote.
        """
