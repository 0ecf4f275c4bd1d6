"""ERA5: windows of a reanalysis of the atmosphere, real data.

ERA5 (Hersbach et al. 2020, doi:10.1002/qj.3803) is ECMWF's hourly reanalysis on 0.25 degrees. A
sample is a window of one variable on one level: `history` frames are given and `horizon` predicted,
as in WDNO's weather experiment (arXiv 2412.04833): 12 hours in, 20 out. The paper names neither
level nor region, years or split; here they are options.

Splits are periods of the record, in the order training, validation, test, and a whole window of
time lies between them. Windows overlap within a period, `stride` hours apart, so neighbouring
samples are not independent. Sample k of a split is the k-th of a fixed random order of its windows,
which depends on the split and the seed alone: fewer samples than there are windows are a random
part of them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from wdno.systems import _era5_windows as windows
from wdno.systems import base
from wdno.systems._era5_options import ERA5Options
from wdno.systems.base import Axis, Field, PerSample

if TYPE_CHECKING:
    import xarray as xr

IN_MEMORY_BYTES = 512 * 1024 * 1024

REFERENCE_TIME = PerSample(
    "reference_time",
    "hours since 1970-01-01 00:00:00",
    "time of the last given frame",
    standard_name="forecast_reference_time",
)


class ERA5(base.RecordedSystem):
    """The ERA5 system: one state field on latitudes and longitudes."""

    name: ClassVar[str] = "era5"
    axes = (
        Axis("latitude", "open", "degrees_north", "latitude"),
        Axis("longitude", "open", "degrees_east", "longitude"),
    )
    per_sample = (REFERENCE_TIME,)
    time_units = "h"

    @classmethod
    def fetch(cls, options: ERA5Options, output: Path, state: Path) -> None:
        """Get the record that the options ask for and write it as one file.

        Downloads go through the cache (`wdno.archives.cache`), from which an interrupted call
        continues; `state` holds what is unpacked on the way.

        Raises:
            DiskFullError: No space left.
            RecordError: The record cannot be had or used, or holds no window of some split.
        """
        from wdno.systems._era5_fetch import fetch

        scratch = state / "unpacked"
        try:
            fetch(options, output, scratch, check=lambda record: cls(options, record))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def __init__(self, options: ERA5Options, record: Path) -> None:
        """Set up the system.

        Args:
            options: Its options.
            record: What `fetch` wrote.

        Raises:
            RecordError: The record is not whole, not of these options, or holds no window.
        """
        from wdno.archives.record import read

        self.options = options
        array = read(record)
        self._source = str(array.attrs["source"])
        self._array: xr.DataArray = array.load() if array.nbytes <= IN_MEMORY_BYTES else array
        self._hours: NDArray[np.int64] = array["time"].to_numpy().astype(np.int64)
        self.title = str(array.attrs["title"])
        self.given_frames = options.history
        units, long_name = str(array.attrs["units"]), str(array.attrs["long_name"])
        self.fields = (Field(str(array.name), "state", units, long_name),)
        expected = options.grid_shape()[1:]
        if array.shape[1:] != expected:
            raise self._error(
                f"its grid is {array.shape[1:]}, the options ask for {expected}; delete {record} "
                "and fetch it again"
            )
        self._periods = self._split()
        self._starts = {
            name: windows.starts(
                self._hours, period, options.frames, options.hours_per_step, options.stride
            )
            for name, period in self._periods.items()
        }
        self._refuse_empty()
        kept = ("source", "licence", "attribution", "references", "level", "stand_in")
        self.attributes = {
            **{key: str(array.attrs[key]) for key in kept if key in array.attrs},
            "periods": json.dumps({name: self._dates(name) for name in windows.SPLITS}),
        }

    def coordinates(self) -> dict[str, NDArray[np.float64]]:
        """Return `time` [T + g], hours after the last given frame, and latitudes and longitudes."""
        options = self.options
        frames = np.arange(options.frames) - (options.history - 1)
        return {
            "time": (frames * options.hours_per_step).astype(np.float64),
            "latitude": self._array["latitude"].to_numpy().astype(np.float64),
            "longitude": self._array["longitude"].to_numpy().astype(np.float64),
        }

    def available(self, split: str) -> int:
        """Return the number of windows of a split."""
        return len(self._starts[split])

    def draw(
        self, split: str, indices: Sequence[int], seed: int, *, threads: int = 1
    ) -> dict[str, NDArray[Any]]:
        """Return windows of a split; see `System.draw`.

        Returns:
            The field `[n, history + horizon, latitude, longitude]`, float32, and `reference_time`
            `[n]`, hours since 1970.

        Raises:
            IndexError: The split has fewer windows.
        """
        options = self.options
        ordered = windows.shuffled(self._starts[split], split, seed)
        chosen = ordered[np.asarray(indices, dtype=np.int64)]
        step = options.hours_per_step
        hours = chosen[:, None] + np.arange(options.frames) * step
        positions = np.searchsorted(self._hours, hours)
        needed, inverse = np.unique(positions, return_inverse=True)
        values = self._array.isel(time=needed).to_numpy().astype(np.float32, copy=False)
        return {
            self.fields[0].name: values[inverse.reshape(positions.shape)],
            REFERENCE_TIME.name: chosen + (options.history - 1) * step,
        }

    def _split(self) -> dict[str, tuple[int, int]]:
        options = self.options
        if options.periods is not None:
            return options.periods.hours()
        first, last = int(self._hours[0]), int(self._hours[-1])
        return windows.periods(
            first,
            last,
            options.splits.model_dump(),
            options.frames,
            options.hours_per_step,
            windows.spacing(self._hours),
        )

    def _refuse_empty(self) -> None:
        """Refuse a record that lacks windows in a split, saying how long its runs are."""
        empty = [name for name in windows.SPLITS if not len(self._starts[name])]
        if not empty:
            return
        options = self.options
        runs = windows.run_lengths(self._hours, options.hours_per_step)
        longest = int(runs.argmax())
        spans = "; ".join(f"{name} {' to '.join(self._dates(name))}" for name in windows.SPLITS)
        raise self._error(
            f"no window of {options.frames} frames, {options.hours_per_step} h apart, in "
            f"{' and '.join(empty)}. The record has {len(self._hours)} times from "
            f"{_date(self._hours[0])} to {_date(self._hours[-1])}; its longest run without a gap "
            f"has {int(runs[longest])} frames, from {_date(self._hours[longest])} on. Periods: "
            f"{spans}, a window apart. {self._advice()}"
        )

    def _advice(self) -> str:
        """What to do where a split has no window."""
        spacing, step = windows.spacing(self._hours), self.options.hours_per_step
        if step % spacing:
            return (
                f"Its times are {spacing} h apart and frames are to be {step} h apart: make `step` "
                f"{spacing} or a multiple of it"
            )
        return "Choose a longer record, other splits, a smaller history or horizon, or another step"

    def _dates(self, split: str) -> list[str]:
        return [_date(hour) for hour in self._periods[split]]

    def _error(self, problem: str) -> Exception:
        from wdno.archives.errors import RecordError

        return RecordError(f"system 'era5', record from {self._source}: {problem}")


def _date(hour: int | np.int64) -> str:
    from wdno.archives.record import date

    return date(int(hour))


Options = ERA5Options
System = ERA5
