r"""What is known of the state before a forecast: statistics of a training set.

For each state field its mean and standard deviation over all samples, times and space; where
samples have a place in the calendar also the mean in time at each point, and that of each hour of
the day (UTC). Frames that several samples share count once there. Nothing of the validation and
test sets enters.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from wdno.data.netcdf import DataError, is_stand_in, open_dataset, reference_times, write

HOURS = 24
BLOCK_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Statistics:
    """Statistics of a training set.

    Attributes:
        title: name of the system for readers.
        fields: names of the F state fields.
        mean: ``[F]``.
        standard_deviation: ``[F]``.
        time_mean: ``[F, *space]``, float32, or None without a calendar.
        hourly_mean: ``[24, F, *space]``, float32, NaN for hours that never occur; or None.
        stand_in: whether the data are made in place of a record that could not be had.
    """

    title: str
    fields: tuple[str, ...]
    mean: NDArray[np.float64]
    standard_deviation: NDArray[np.float64]
    time_mean: NDArray[np.float32] | None = None
    hourly_mean: NDArray[np.float32] | None = None
    stand_in: bool = False

    def at_hours(self, hours: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return the hourly mean at times in the calendar.

        Args:
            hours: hours since a midnight, ``[B, T]``.

        Returns:
            ``[B, F, T, *space]``.

        Raises:
            DataError: there is no hourly mean, or none for one of the hours.
        """
        if self.hourly_mean is None:
            raise DataError(f"statistics of {self.title}: the data have no calendar")
        chosen: NDArray[np.float32] = self.hourly_mean[np.asarray(hours) % HOURS]
        if not np.isfinite(chosen).all():
            raise DataError(
                f"statistics of {self.title}: the training set has no data at one of the hours "
                f"{sorted(set((np.asarray(hours) % HOURS).ravel().tolist()))}; train on a period "
                "that holds each hour of the day that is predicted"
            )
        return np.moveaxis(chosen, 2, 1)


def measure_statistics(path: Path) -> Statistics:
    """Measure the statistics of a data file, in blocks of samples.

    Args:
        path: the training set.

    Raises:
        DataError: the file is absent, damaged, or holds values that are not finite.
    """
    with open_dataset(path) as dataset:
        names = [str(n) for n, v in dataset.data_vars.items() if v.attrs.get("role") == "state"]
        arrays = [dataset[name] for name in names]
        samples, frames, *space = arrays[0].shape
        reference = reference_times(dataset)
        fresh = np.ones((samples, frames), dtype=bool)
        hours = np.zeros((samples, frames), dtype=np.int64)
        if reference is not None:
            hours = reference[:, None] + np.asarray(dataset["time"], dtype=np.int64)
            fresh[:] = False
            fresh.flat[np.unique(hours, return_index=True)[1]] = True
        shift = np.zeros(len(names))
        count, sums, squares = 0, np.zeros(len(names)), np.zeros(len(names))
        in_day = np.zeros((HOURS, len(names), *space)) if reference is not None else None
        seen = np.zeros(HOURS, dtype=np.int64)
        step = max(1, BLOCK_BYTES // (8 * len(names) * frames * int(np.prod(space))))
        for start in range(0, samples, step):
            part = slice(start, start + step)
            block = np.stack([a[part].to_numpy() for a in arrays], axis=2)[fresh[part]]
            block = block.astype(np.float64)
            if not np.isfinite(block).all():
                raise DataError(
                    f"data file {path}: values that are not finite in samples {start} to "
                    f"{min(start + step, samples) - 1}; delete the file and generate it again"
                )
            if not len(block):
                continue
            flat = block.reshape(*block.shape[:2], -1)
            if count == 0:
                # Without it the squares of a temperature in kelvin would hide its variance.
                shift = flat.mean(axis=(0, 2))
            centred = flat - shift[:, None]
            count += flat.shape[0] * flat.shape[2]
            sums += centred.sum(axis=(0, 2))
            squares += (centred**2).sum(axis=(0, 2))
            if in_day is not None:
                hour = hours[part][fresh[part]] % HOURS
                np.add.at(in_day, hour, block)
                seen += np.bincount(hour, minlength=HOURS)
        title = str(dataset.attrs.get("title", dataset.attrs["system"]))
        stand_in = is_stand_in(dataset)
    mean = sums / count
    time_mean = hourly_mean = None
    if in_day is not None:
        with np.errstate(invalid="ignore"):
            hourly_mean = (in_day / seen.reshape(-1, *[1] * (in_day.ndim - 1))).astype(np.float32)
        time_mean = (in_day.sum(axis=0) / seen.sum()).astype(np.float32)
    return Statistics(
        title=title,
        fields=tuple(names),
        mean=shift + mean,
        standard_deviation=np.sqrt(np.maximum(squares / count - mean**2, 0.0)),
        time_mean=time_mean,
        hourly_mean=hourly_mean,
        stand_in=stand_in,
    )


def write_statistics(source: Path, path: Path) -> None:
    """Measure a training set and write its statistics as NetCDF-4, whole or not at all.

    Args:
        source: the training set.
        path: the file to write.

    Raises:
        DataError: as :func:`measure`.
    """
    found = measure_statistics(source)
    with open_dataset(source) as dataset:
        attributes = {
            key: dataset.attrs[key]
            for key in ("Conventions", "system", "title", "given_frames", "stand_in")
            if key in dataset.attrs
        }
        space = [str(dim) for dim in dataset[found.fields[0]].dims[2:]]
        coordinates = {dim: dataset[dim] for dim in space}
    variables: dict[str, object] = {
        "mean": ("field", found.mean),
        "standard_deviation": ("field", found.standard_deviation),
    }
    if found.time_mean is not None and found.hourly_mean is not None:
        variables["time_mean"] = (("field", *space), found.time_mean)
        variables["hourly_mean"] = (("hour", "field", *space), found.hourly_mean)
    table = xr.Dataset(variables, {"field": list(found.fields), **coordinates}, attributes)
    write(path, table)


def read_statistics(path: Path) -> Statistics:
    """Read what :func:`write_statistics` wrote.

    Raises:
        DataError: the file is absent, damaged, or of another kind.
    """
    with open_dataset(path) as dataset:
        if "standard_deviation" not in dataset:
            raise DataError(f"{path}: expected a file written by `wdno statistics`")

        def optional(name: str) -> NDArray[np.float32] | None:
            return dataset[name].to_numpy() if name in dataset else None

        return Statistics(
            title=str(dataset.attrs["title"]),
            fields=tuple(map(str, dataset["field"].to_numpy())),
            mean=dataset["mean"].to_numpy(),
            standard_deviation=dataset["standard_deviation"].to_numpy(),
            time_mean=optional("time_mean"),
            hourly_mean=optional("hourly_mean"),
        )
