"""Trajectories of a user's own files, named in the configuration: no code is written for them.

Files are NetCDF or Zarr with named dimensions, HDF5 as PDEBench publishes it (arXiv 2210.07182), or
HDF5 in the layout of The Well (arXiv 2412.00568). Fields are states, forcing or series without
space; axes are evenly spaced. Of `paths`, the splits are shares of all trajectories in a random
order that is always the same; of `split_paths`, sample k is the k-th trajectory of its files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from wdno.systems import base
from wdno.systems._file_options import FileOptions
from wdno.systems.base import Axis, Field, PerSample

TRAJECTORY = PerSample("trajectory", "1", "number of the trajectory in its file, from 0")
FILE = PerSample("file", "1", "number of its file among those of the attribute `source`, from 0")


class FileTrajectories(base.RecordedSystem):
    """The system of a user's files."""

    name: ClassVar[str] = "file"
    per_sample = (TRAJECTORY, FILE)

    @classmethod
    def fetch(cls, options: FileOptions, output: Path, state: Path) -> None:
        """Check the files and write an index of their trajectories; values stay where they are.

        Raises:
            DiskFullError: No space left.
            RecordError: A file cannot be used, the files differ, or a split has no trajectory.
        """
        from wdno.systems._file_index import write_index

        write_index(options, output)

    def __init__(self, options: FileOptions, record: Path) -> None:
        """Set up the system.

        Args:
            options: Its options.
            record: The index that `fetch` wrote.

        Raises:
            RecordError: The index is not whole or not of these options, or a file has changed.
        """
        from wdno.systems._file_index import paths_of, read_index

        self.options = options
        self._index = read_index(record, options)
        self._paths = paths_of(self._index)
        said = json.loads(self._index.attrs["units"])
        self.fields = tuple(
            Field(name, one.role, one.units or said[name] or "1", one.long_name or name)
            for name, one in options.fields.items()
        )
        self.axes = tuple(
            Axis(
                name,
                axis.boundary,
                axis.units,
                axis.long_name or name,
                axis.cells,
                tuple(axis.ends or ()),
            )
            for name, axis in options.axes.items()
        )
        self.time_units = options.time.units
        self.given_frames = options.given
        names = [path.name for path in self._paths]
        self.title = f"Trajectories of {names[0]}" + (" and others" if names[1:] else "")
        attributes = {
            "source": "files " + ", ".join(names),
            "mass_density": options.mass_density or "",
            "divergence_free": " ".join(options.divergence_free or []),
        }
        self.attributes = {key: text for key, text in attributes.items() if text}

    def coordinates(self) -> dict[str, NDArray[np.float64]]:
        """Return `time` [g + T], the axes of space, and where there is forcing its intervals."""
        found = {
            name: self._index[name].to_numpy().astype(np.float64)
            for name in ("time", *self.options.axes)
        }
        if any(field.role == "forcing" for field in self.fields):
            times = found["time"][self.given_frames - 1 :]
            bounds = np.stack([times[:-1], times[1:]], axis=1)
            found |= {"interval": bounds.mean(axis=1), "interval_bounds": bounds}
        return found

    def available(self, split: str) -> int:
        """Return the number of trajectories of a split."""
        from wdno.systems._file_index import rows_of

        return len(rows_of(self._index, split))

    def draw(
        self, split: str, indices: Sequence[int], seed: int, *, threads: int = 1
    ) -> dict[str, NDArray[Any]]:
        """Read trajectories of a split; see `System.draw`.

        The seed changes nothing: which trajectories are of which split, and their order, is that
        of the files.

        Raises:
            IndexError: The split has fewer trajectories.
            RecordError: A file cannot be read, or a value is not finite.
        """
        from wdno.systems._file_index import by_file, rows_of
        from wdno.systems._file_layouts import opened
        from wdno.systems._file_values import values_of

        rows = rows_of(self._index, split)[np.asarray(indices, dtype=np.int64)]
        files = self._index["file"].to_numpy()[rows]
        trajectories = self._index["trajectory"].to_numpy()[rows]
        steps, *space = self.options.grid_shape()
        frames = steps + self.given_frames
        shapes = {"state": (frames, *space), "forcing": (steps, *space), "series": (frames,)}
        found: dict[str, NDArray[Any]] = {
            field.name: np.empty((len(rows), *shapes[field.role]), np.float32)
            for field in self.fields
        }
        for number, positions in by_file(files.tolist()).items():
            with opened(self._paths[number], self.options) as file:
                for position in positions:
                    for name, values in found.items():
                        trajectory = int(trajectories[position])
                        values[position] = values_of(file, self.options, name, trajectory)
        return {**found, TRAJECTORY.name: trajectories, FILE.name: files}


Options = FileOptions
System = FileTrajectories
