"""The given parts of each case, from a file that is checked against the model.

The layout is that of :mod:`wdno.data.netcdf`: dimensions ``sample`` (may be missing: one case),
``time``, ``interval`` and the axes of space. Variables are found by the names of the fields that
the model was trained on. Of the state and the series the given frames are enough; what follows them
is read where a task gives a part of it, such as the end that is to be reached.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import xarray as xr

from wdno.data.dataset import scene_digest
from wdno.data.netcdf import DataError, open_netcdf
from wdno.options import shown
from wdno.prediction import axes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from wdno.problem import Problem

    Divide = Callable[[Problem, Mapping[str, Tensor], int], dict[str, Tensor]]

ROLES = ("state", "forcing", "series")
DIMENSIONS = {"state": ("sample", "time"), "forcing": ("sample", "interval")}


class GivenCases:
    """Cases of a file, as a model is given them.

    Attributes:
        where: the file, for messages.
        dataset: what it holds, with the dimension ``sample``.
        fields: names of the fields of each role that the model knows.
        given: number g of given frames.
        space: names of the axes of space.
        problem: that of the model, on the file's grid.
        coordinates: of ``time``, all g + T frames, and of the axes of space.
    """

    def __init__(
        self,
        source: str | Path | xr.Dataset,
        problem: Problem,
        divide: Divide,
        *,
        stepwise: bool = False,
    ) -> None:
        """Open a file and compare it with a model.

        Args:
            source: a NetCDF file, a Zarr folder, or their content with times as numbers.
            problem: of the model.
            divide: makes given parts from what is stored by roles, `given` of the task's `problem`.
            stepwise: whether the model goes from frame to frame.

        Raises:
            DataError: the file cannot be read, lacks a variable or frames, or its grid, domain or
                scene are not those of the model.
        """
        self.where = "inputs" if isinstance(source, xr.Dataset) else f"inputs {source}"
        self.dataset = _opened(source, self.where)
        parts = (*problem.given, *problem.generated)
        self.fields = {part.name: part.fields for part in parts if part.name in ROLES}
        self.given = len(problem.part("first").fields) // len(self.fields["state"])
        self._divide = divide
        self._require_variables(problem)
        self.space = self._axes(problem)
        grid = (self._frames(problem), *(self.dataset.sizes[name] for name in self.space))
        self.problem = replace(problem, grid=grid)
        own = axes.trained(problem, self.given)
        self.coordinates: dict[str, NDArray[np.float64]] = {
            "time": axes.times(
                self.dataset, self.where, own[0], self.given, grid[0], stepwise=stepwise
            )
        }
        for name, axis, boundary in zip(self.space, own[1:], problem.boundaries, strict=True):
            self.coordinates[name] = axes.points(self.dataset, name, self.where, axis, boundary)
        if problem.scene and scene_digest(self.dataset) != problem.scene:
            raise DataError(
                f"{self.where}: has another scene (obstacles, buckets, control frame), or none, "
                "than the model was trained on; copy its variables of the role `static` from the "
                "training data"
            )

    def __len__(self) -> int:
        return int(self.dataset.sizes["sample"])

    def batch(self, indices: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return the given parts of cases, and their numbers as `index`.

        Args:
            indices: ``[B]``, from 0.

        Raises:
            DataError: a value is missing or not finite; the message names part and case.
        """
        stored = {role: self._stack(role, indices) for role in ROLES}
        parts = self._divide(self.problem, stored, self.given)
        for part in self.problem.given:
            values = parts[part.name]
            bad = ~values.isfinite().reshape(len(values), len(part.fields), -1).all(2)
            if bad.any():
                case, channel = map(int, bad.nonzero()[0])
                raise DataError(
                    f"{self.where}: {part.fields[channel]!r} of case {int(indices[case])}, given "
                    f"as {part.name!r}, is missing or has a value that is not finite; the model "
                    "needs all of it"
                )
        return {**parts, "index": torch.from_numpy(np.asarray(indices, dtype=np.int64))}

    def _stack(self, role: str, indices: NDArray[np.int64]) -> Tensor:
        """Return the fields of a role, with NaN for what the file does not have."""
        frames, *space = self.problem.grid
        names = self.fields.get(role, ())
        length = frames if role == "forcing" else frames + self.given
        shape = (len(indices), len(names), length, *([] if role == "series" else space))
        values = np.full(shape, np.nan, dtype=np.float32)
        for number, name in enumerate(names):
            if name in self.dataset.variables:
                read = self.dataset[name].isel(sample=indices).to_numpy()
                known = min(read.shape[1], length)
                values[:, number, :known] = read[:, :known]
        return torch.from_numpy(values)

    def _require_variables(self, problem: Problem) -> None:
        given = {part.name for part in problem.given}
        needed = [*self.fields["state"]]
        needed += self.fields["forcing"] if "forcing" in given else ()
        needed += self.fields["series"] if given & {"first_series", "last_series"} else ()
        missing = [name for name in needed if name not in self.dataset.data_vars]
        if missing:
            there = ", ".join(map(str, self.dataset.data_vars)) or "none"
            raise DataError(
                f"{self.where}: the model needs the variables {', '.join(needed)}; "
                f"{', '.join(missing)} is missing, there are: {there}"
            )

    def _axes(self, problem: Problem) -> tuple[str, ...]:
        """Return the names of the axes of space, once all variables are known to have theirs."""
        first = self.dataset[self.fields["state"][0]]
        space = tuple(str(dim) for dim in first.dims if dim not in ("sample", "time"))
        if len(space) != len(problem.boundaries):
            raise DataError(
                f"{self.where}: {first.name!r} has the dimensions {_list(first.dims)}; expected "
                f"sample, time and {len(problem.boundaries)} of space, as the model's grid "
                f"{shown(problem.grid)}, time first"
            )
        for role, names in self.fields.items():
            dims = (*DIMENSIONS.get(role, ("sample", "time")), *(() if role == "series" else space))
            for name in names:
                if name not in self.dataset.variables:
                    continue
                variable = self.dataset[name]
                if "sample" not in variable.dims:
                    variable = variable.expand_dims("sample")
                if set(variable.dims) != set(dims):
                    raise DataError(
                        f"{self.where}: {name!r} has the dimensions {_list(variable.dims)}, "
                        f"expected {_list(dims)}"
                    )
                self.dataset[name] = variable.transpose(*dims)
        return space

    def _frames(self, problem: Problem) -> int:
        """Return how many frames are predicted: as many as there are, or as the model knows."""
        stored = self.dataset.sizes["time"]
        if stored < self.given:
            raise DataError(
                f"{self.where}: the model needs {self.given} given frames, there are {stored}"
            )
        intervals = self.dataset.sizes.get("interval")
        if intervals is None or "forcing" not in {part.name for part in problem.given}:
            return stored - self.given or problem.grid[0]
        if stored not in (self.given, self.given + intervals):
            raise DataError(
                f"{self.where}: {stored} frames and {intervals} intervals of forcing; expected "
                f"{self.given} given frames and one more at the end of each interval, or the given "
                "ones alone"
            )
        return intervals


def _opened(source: str | Path | xr.Dataset, where: str) -> xr.Dataset:
    if isinstance(source, xr.Dataset):
        return source.copy()
    path = Path(source)
    if not path.exists():
        raise DataError(f"{where}: not found; expected a NetCDF file or a Zarr folder")
    if path.is_file():
        return open_netcdf(path)
    try:
        dataset: xr.Dataset = xr.open_zarr(path, decode_times=False, chunks=None)
    except (ValueError, KeyError, ImportError, OSError) as error:
        raise DataError(
            f"{where}: a folder that cannot be read as Zarr ({error}); Zarr needs `pip install "
            "zarr`"
        ) from error
    return dataset


def _list(names: Iterable[Hashable]) -> str:
    return ", ".join(map(str, names)) or "none"
