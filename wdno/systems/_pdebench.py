"""PDEBench's own files as the source of a system, instead of solutions that are made here.

PDEBench (arXiv 2210.07182) publishes trajectories of advection and of compressible flow, with which
WDNO (arXiv 2412.04833) was trained. A system that is a `FromPDEBench` takes them by its option
`pdebench`, on its own stored grid.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Option

from wdno.options import Section
from wdno.systems import base
from wdno.systems._file_options import FileOptions, Paths
from wdno.systems._own_files import SharesOptions, matching

if TYPE_CHECKING:
    from wdno.systems.file import FileTrajectories

OPTIONS = "options"
"""Attribute of an index that holds what was asked of the files."""
AT_ONCE = 16
"""Trajectories that are read at a time."""


class PDEBenchOptions(Section):
    """Files of PDEBench, taken instead of solutions that are made here."""

    paths: Paths = Option(description="The HDF5 files; `*`, `?` and `[...]` stand for several.")
    splits: SharesOptions = Option(
        default_factory=SharesOptions,
        description="Shares of their trajectories, which are drawn at random, once and for all.",
    )

    def files(self) -> list[str]:
        """Return the files."""
        return [path for pattern in self.paths for path in matching(pattern)]


from_files = property(lambda options: options.pdebench is not None)
"""Whether samples are of files, for the attribute `recorded` of a system's options."""


@dataclass(frozen=True)
class PublishedFields:
    """What of PDEBench's files a system is.

    Attributes:
        fields: Name in the files, by the name of the field.
        boundary: Boundary of x.
        cells: Whether values are means over cells.
        parameters: Values that the files must have been made with, by the name of the attribute.
    """

    fields: Mapping[str, str]
    boundary: base.Boundary
    cells: bool
    parameters: Mapping[str, float] = field(default_factory=dict)


class FromPDEBench(base.EquationSystem):
    """A system on an axis x whose samples may be PDEBench's."""

    options: Any
    x: NDArray[np.float64]
    _files: FileTrajectories | None = None

    @classmethod
    @abstractmethod
    def published(cls, options: Any) -> PublishedFields:
        """Return what of the files it is, and with which parameters."""

    @abstractmethod
    def stored(self, found: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[Any]]:
        """Return fields `[n, T + 1, X]` on the points of the files as those on the stored grid."""

    @classmethod
    def fetch(cls, options: Any, output: Path, state: Path) -> None:
        """Check the files and write an index of their trajectories; values stay where they are.

        Raises:
            RecordError: A file cannot be used, or is not of the parameters or times of the options.
        """
        from wdno.systems._file_index import write_index

        chosen = _file_options(options, cls.published(options))
        write_index(chosen, output, {OPTIONS: chosen.model_dump_json()})

    def take_files(self, record: Path) -> None:
        """Take samples from the files of an index, on the stored grid of the options.

        Raises:
            RecordError: The index is not whole, a file has changed, or the grid is finer than it.
        """
        from wdno.archives.errors import RecordError
        from wdno.systems._file_index import attribute_of
        from wdno.systems.file import FileTrajectories

        chosen = FileOptions.model_validate_json(attribute_of(record, OPTIONS))
        self._files = FileTrajectories(chosen, record)
        steps = self.options.grid_shape()[0]
        if steps != chosen.time.steps:
            raise RecordError(
                f"grid.time = {steps}: the record holds {chosen.time.steps} steps of the files; a "
                "finer test set of files is finer in space alone"
            )
        have, points = self._files.coordinates()["x"], len(self.x)
        cells = chosen.axes["x"].cells
        if points > len(have) or (not cells and len(have) % points):
            raise RecordError(
                f"grid.x = {points}: the files have {len(have)} points; choose "
                f"{'at most as many' if cells else f'a number that divides {len(have)}'}"
            )
        spacing = (have[-1] - have[0]) / (len(have) - 1)
        # Of cells the centres of fewer ones on the same interval.
        wide = len(have) * spacing / points
        first = have[0] - spacing / 2 + wide / 2 if cells else have[0]
        self.x = first + wide * np.arange(points)
        self.title = f"{type(self).title} (PDEBench)"
        self.per_sample = self._files.per_sample
        self.attributes = {**type(self).attributes, "source": self._files.attributes["source"]}

    def coordinates(self) -> dict[str, NDArray[np.float64]]:
        """Return `time` [T + 1] and `x` [X]."""
        if self._files is None:
            steps, _ = self.options.grid_shape()
            time = np.linspace(0.0, self.options.t_end, steps + 1)
        else:
            time = self._files.coordinates()["time"]
        return {"time": time, "x": self.x.copy()}

    def available(self, split: str) -> int | None:
        """Return how many samples a split can have; None: as many as wanted."""
        return None if self._files is None else self._files.available(split)

    def draw(
        self, split: str, indices: Sequence[int], seed: int, *, threads: int = 1
    ) -> dict[str, NDArray[Any]]:
        """Draw samples of a split, or take them from the files; see `System.draw`."""
        if self._files is None:
            return super().draw(split, indices, seed, threads=threads)
        parts = []
        # On the points of the files a sample is many times as large as on the stored grid.
        for start in range(0, len(indices), AT_ONCE):
            found = self._files.draw(split, indices[start : start + AT_ONCE], seed)
            numbers = {one.name: found.pop(one.name) for one in self.per_sample}
            parts.append({**self.stored(found), **numbers})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _file_options(options: Any, published: PublishedFields) -> FileOptions:
    """What is asked of the files: all their points, at the stored times of the system."""
    import h5py

    from wdno.archives.errors import RecordError

    for name in options.pdebench.files():
        try:
            with h5py.File(name, "r") as file:
                _refuse_other_parameters(name, file, published)
        except OSError as error:
            raise RecordError(f"{name}: cannot be read as HDF5 of PDEBench ({error})") from error
    with h5py.File(options.pdebench.files()[0], "r") as file:
        source = next(iter(published.fields.values()))
        if file[source].ndim != 3:
            raise RecordError(
                f"{file.filename}: {source!r} has the shape {file[source].shape}, expected "
                "(trajectory, time, x)"
            )
        frames, points = file[source].shape[1:]
        every = _every(options, np.asarray(file["t-coordinate"][:frames], dtype=np.float64))
    axis = {"points": points, "boundary": published.boundary, "cells": published.cells}
    return FileOptions.model_validate(
        {
            "layout": "pdebench",
            "paths": options.pdebench.paths,
            "splits": options.pdebench.splits.model_dump(),
            "fields": {name: {"source": source} for name, source in published.fields.items()},
            "axes": {"x": axis},
            "time": {"steps": options.grid_shape()[0], "every": every},
        }
    )


def _refuse_other_parameters(name: str, file: Any, published: PublishedFields) -> None:
    from wdno.archives.errors import RecordError

    wanted = ("t-coordinate", "x-coordinate", *published.fields.values())
    if lacking := [key for key in wanted if key not in file]:
        raise RecordError(
            f"{name}: no {', '.join(lacking)}; it has {', '.join(file)}, and PDEBench's files of "
            f"this system have {', '.join(wanted)}"
        )
    for key, value in published.parameters.items():
        found = file.attrs.get(key)
        if found is not None and not np.isclose(float(found), value, rtol=1e-6, atol=0):
            raise RecordError(
                f"{name}: made with {key} = {float(found):g}, and the options have {value:g}; make "
                "them the same, or take the file of it"
            )


def _every(options: Any, times: NDArray[np.float64]) -> int:
    """Frames of the files from one stored time to the next."""
    from wdno.archives.errors import RecordError

    since, steps = times - times[0], options.grid_shape()[0]
    last = int(np.abs(since - options.t_end).argmin())
    spacing = since[-1] / max(len(since) - 1, 1)
    if abs(since[last] - options.t_end) > 0.01 * spacing:
        raise RecordError(
            f"t_end = {options.t_end:g}: the files have times from 0 to {since[-1]:g} by "
            f"{spacing:g}; choose one of them"
        )
    try:
        return last // base.check_divides(steps, last, "grid.time")
    except ValueError as error:
        raise RecordError(f"{error}; the files have {last} intervals until t_end") from error
