"""Batches of trajectories from a NetCDF file, as they are stored and as parts of a problem."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from wdno.data.lazy import LazyField, LazyFile
from wdno.data.netcdf import DataError, open_dataset, reference_times
from wdno.problem import Part, Problem

if TYPE_CHECKING:
    from wdno.augmentation import Noise

IN_MEMORY_BYTES = 2 * 1024**3
BLOCK_BYTES = 32 * 1024**2
PASSED = ("index", "reference_time")
"""What a batch holds beside the parts of a problem."""


Divide = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
"""Makes the parts of a problem from the roles of :meth:`Trajectories.batch`."""


@dataclass(frozen=True)
class Layout:
    """What a data file holds; tasks make problems of it.

    Attributes:
        system: name of the system.
        title: its name for readers, which tells a record from what stands in for it.
        state: names of the F fields of the state.
        forcing: names of the fields that act during each interval.
        series: names of the S fields without space.
        given_frames: frames at the start that are known in any case, g.
        grid: shape of what follows them, ``(T, *space)``.
        boundaries: boundary condition of each spatial axis.
        extent: first and last coordinate of time, and of each spatial axis.
        scene: hexadecimal digest of all that is static (names, values, attributes, coordinates);
            empty: nothing is.
    """

    system: str
    title: str
    state: tuple[str, ...]
    forcing: tuple[str, ...]
    series: tuple[str, ...]
    given_frames: int
    grid: tuple[int, ...]
    boundaries: tuple[str, ...]
    extent: tuple[float, ...]
    scene: str = ""

    def problem(self, given: Sequence[Part], generated: Sequence[Part]) -> Problem:
        """Return a problem of these parts on the file's grid, in its domain and scene."""
        return Problem(
            grid=self.grid,
            boundaries=self.boundaries,
            extent=self.extent,
            given=tuple(given),
            generated=tuple(generated),
            scene=self.scene,
        )


class Trajectories:
    """The samples of a data file, as batches of tensors.

    A file up to 2 GiB is held in memory; a larger one is read from disk batch by batch, and can be
    handed to other processes.

    Attributes:
        path: the file.
        layout: fields, grid, boundaries and the rest that tasks need to know.
        coordinates: the axes, by name.
        in_memory: whether all samples are in memory.
        reference_times: time in the calendar of each sample, in hours, ``[N]``; frame t is of that
            time plus coordinate t. None without a calendar.
    """

    def __init__(self, path: Path, *, in_memory: bool | None = None) -> None:
        """Open a data file.

        Args:
            path: a NetCDF file written by ``wdno generate``.
            in_memory: hold all samples in memory; by default, if they fit in 2 GiB.

        Raises:
            DataError: the file is absent, truncated, or of another format.
        """
        self.path = Path(path)
        self._dataset = open_dataset(self.path)
        self.layout = _layout(self._dataset)
        self.coordinates = {
            str(name): self._dataset[name].to_numpy()
            for name in self._dataset.coords
            if name in self._dataset.dims and name != "sample"
        }
        self.reference_times = reference_times(self._dataset)
        if in_memory is None:
            in_memory = self._dataset.nbytes <= IN_MEMORY_BYTES
        if in_memory:
            try:
                self._dataset = self._dataset.load()
            except (OSError, RuntimeError) as error:
                raise DataError(
                    f"data file {path}: not a complete NetCDF-4 file ({error}); delete it and run "
                    "again"
                ) from error
        self.in_memory = in_memory
        # Series are small, and their chunks hold many samples.
        names = (*self.layout.state, *self.layout.forcing)
        held = (*names, *self.layout.series) if in_memory else self.layout.series
        self._arrays: dict[str, LazyField | np.ndarray] = {
            name: self._dataset[name].to_numpy() for name in held
        }
        if not in_memory:
            self._dataset.close()  # it opens again where it is needed
            file = LazyFile(self.path)
            self._arrays |= {name: LazyField(file, name) for name in names}

    def __len__(self) -> int:
        return int(self._dataset.sizes["sample"])

    @property
    def dataset(self) -> xr.Dataset:
        """The opened file, with coordinates and attributes."""
        return self._dataset

    @property
    def nbytes(self) -> int:
        """Size of all samples, not compressed."""
        return int(self._dataset.nbytes)

    @property
    def attributes(self) -> dict[str, str | int]:
        """Attributes of the file that are text or whole numbers: what the samples are."""
        return {
            str(name): value
            for name, value in self._dataset.attrs.items()
            if isinstance(value, str | int)
        }

    @property
    def provenance(self) -> dict[str, Any]:
        """Provenance of the file."""
        return dict(json.loads(self._dataset.attrs.get("provenance", "{}")))

    def _stack(self, role: str, indices: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Read the fields of a role, ``[B, F, *shape]``."""
        names = getattr(self.layout, role)
        if not names:
            return np.zeros((len(indices), 0, *shape), dtype=np.float32)
        values = np.stack([self._arrays[name][indices] for name in names], axis=1)
        if not np.isfinite(values).all():
            where = np.argwhere(~np.isfinite(values))[0]
            raise DataError(
                f"data file {self.path}: field {names[where[1]]!r} of sample "
                f"{int(indices[where[0]])} has a value that is not finite; delete the file and "
                "generate it again"
            )
        return values

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        """Read samples.

        Args:
            indices: ``[B]``, from 0.

        Returns:
            ``state`` ``[B, F, g + T, *space]``, ``forcing`` ``[B, Ff, T, *space]`` (Ff may be 0),
            ``series`` ``[B, S, g + T]`` (S may be 0), ``index`` ``[B]`` and, with a calendar,
            ``reference_time`` in hours ``[B]``.

        Raises:
            DataError: a value is not finite; the message names field and sample.
        """
        frames, *space = self.layout.grid
        stored = frames + self.layout.given_frames
        arrays = {
            "state": self._stack("state", indices, (stored, *space)),
            "forcing": self._stack("forcing", indices, self.layout.grid),
            "series": self._stack("series", indices, (stored,)),
            "index": np.asarray(indices, dtype=np.int64),
        }
        if self.reference_times is not None:
            arrays["reference_time"] = self.reference_times[indices]
        return {name: torch.from_numpy(values) for name, values in arrays.items()}


class ProblemData:
    """The samples of a data file as the parts of a problem.

    It can be handed to other processes, as its trajectories can.

    Attributes:
        trajectories: the samples as they are stored.
        problem: what is given and what is generated.
        noise: what noises the parts in training, if one of the problem's tells how much.
    """

    noise: Noise | None = None

    def __init__(self, trajectories: Trajectories, problem: Problem, divide: Divide) -> None:
        """Of a data file.

        Args:
            trajectories: the samples as they are stored.
            problem: what is given and what is generated.
            divide: makes the parts; a function of a module, or a partial one, which can be handed
                to other processes.
        """
        self.trajectories, self.problem, self._divide = trajectories, problem, divide

    def __len__(self) -> int:
        return len(self.trajectories)

    @property
    def groups(self) -> tuple[int, ...]:
        """How many samples there are of each group, in order; a batch is of one group."""
        return (len(self),)

    @property
    def in_memory(self) -> bool:
        """Whether all samples are in memory."""
        return self.trajectories.in_memory

    def block(self, most: int = 256) -> int:
        """Return how many samples to read at a time: those of 32 MiB, at most so many."""
        per_sample = self.trajectories.nbytes // max(len(self), 1)
        return int(np.clip(BLOCK_BYTES // max(per_sample, 1), 1, most))

    def generating(self, names: Sequence[str] | None) -> ProblemData:
        """Return the same samples as the parts of :meth:`wdno.problem.Problem.generating`.

        Raises:
            ProblemError: a name is of no part that is generated.
        """
        if names is None:
            return self
        problem = self.problem.generating(names)
        kept = tuple(part.name for part in (*problem.given, *problem.generated))
        return ProblemData(self.trajectories, problem, partial(_some, self._divide, kept))

    def of_level(self, level: int, size: int, count: int) -> Iterator[dict[str, Tensor]] | None:
        """Read samples on a level of the grid; None: the data do not have it.

        A level need not be among the groups, which are trained on.

        Args:
            level: halvings of the file's grid.
            size: of a batch.
            count: the first ones, at most so many.
        """
        return self.batches(size, count) if level == 0 else None

    def batches(
        self, size: int, count: int | None = None, group: int | None = None
    ) -> Iterator[dict[str, Tensor]]:
        """Read samples in order, `size` at a time; as :meth:`batch`.

        Args:
            size: of a batch.
            count: the first ones, at most so many of each group; None: all.
            group: number of a group; None: all of them, one after another.
        """
        ends = np.cumsum(self.groups)
        for number, (end, samples) in enumerate(zip(ends, self.groups, strict=True)):
            if group not in (None, number):
                continue
            first = end - samples
            stop = first + (samples if count is None else min(count, samples))
            for start in range(first, stop, size):
                yield self.batch(np.arange(start, min(start + size, stop)))

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        """Read samples.

        Args:
            indices: ``[B]``, from 0.

        Returns:
            Every part of the problem, ``[B, C, ...]``, ``index`` and, with a calendar,
            ``reference_time``, as :meth:`Trajectories.batch` gives them.

        Raises:
            DataError: a value is not finite; the message names field and sample.
        """
        stored = self.trajectories.batch(indices)
        parts = {name: part.contiguous() for name, part in self._divide(stored).items()}
        return parts | {name: stored[name] for name in PASSED if name in stored}


def _some(divide: Divide, names: Sequence[str], stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Make some parts of those that a function makes."""
    parts = divide(stored)
    return {name: parts[name] for name in names}


def _layout(dataset: xr.Dataset) -> Layout:
    roles: dict[str, list[str]] = {"state": [], "forcing": [], "series": []}
    for name, variable in dataset.data_vars.items():
        role = variable.attrs.get("role")
        if role in roles:
            roles[role].append(str(name))
    if not roles["state"]:
        raise DataError(
            "data file has no variable with the attribute role = 'state'; expected a file written "
            "by `wdno generate`"
        )
    state = dataset[roles["state"][0]]
    given = int(dataset.attrs["given_frames"])
    space = state.dims[2:]
    return Layout(
        system=str(dataset.attrs["system"]),
        title=str(dataset.attrs["title"]),
        state=tuple(roles["state"]),
        forcing=tuple(roles["forcing"]),
        series=tuple(roles["series"]),
        given_frames=given,
        grid=(state.sizes["time"] - given, *(state.sizes[dim] for dim in space)),
        boundaries=tuple(str(dataset[dim].attrs.get("boundary", "open")) for dim in space),
        extent=tuple(
            float(dataset[dim][end]) for dim in ("time", *map(str, space)) for end in (0, -1)
        ),
        scene=scene_digest(dataset),
    )


def scene_digest(dataset: xr.Dataset) -> str:
    """Return the digest of the static variables and of their coordinates; empty without any."""
    static = [v for v in dataset.data_vars.values() if v.attrs.get("role") == "static"]
    if not static:
        return ""
    axes = {str(dim): dataset[dim] for v in static for dim in v.dims if dim in dataset.coords}
    digest = hashlib.sha256()
    for name, variable in sorted((axes | {str(v.name): v for v in static}).items()):
        values = np.ascontiguousarray(variable.to_numpy())
        attributes = {key: str(value) for key, value in variable.attrs.items()}
        described = [name, variable.dims, values.shape, values.dtype.str, attributes]
        digest.update(json.dumps(described, sort_keys=True).encode())
        digest.update(values.tobytes())
    return digest.hexdigest()[:16]
