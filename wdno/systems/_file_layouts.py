"""Files of trajectories as others lay them out, read one trajectory at a time.

Whatever the layout, a variable has dimensions with these names: `sample`, `time` (frames) or
`interval` (between them), the axes of space, and at the end `component`, of a vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wdno.archives.errors import RecordError

if TYPE_CHECKING:
    from wdno.systems._file_options import FileOptions

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stored:
    """A variable of a file.

    Attributes:
        dims: Names of its dimensions.
        shape: Their lengths.
        read: Reads one trajectory, by its number, without the dimension `sample`.
        units: Its units; "" where the file does not say.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    read: Callable[[int], NDArray[Any]]
    units: str = ""

    def size(self, dim: str) -> int | None:
        """Return the length of a dimension; None without it."""
        return self.shape[self.dims.index(dim)] if dim in self.dims else None


@dataclass(frozen=True)
class Opened:
    """A file that is open.

    Attributes:
        path: The file.
        variables: Those of the fields, by the name of the field.
        coordinates: Of `time` and of each axis of space; None where the file has none.
        boundaries: What the file says of the boundaries of axes, where it does.
    """

    path: Path
    variables: Mapping[str, Stored]
    coordinates: Mapping[str, Array | None]
    boundaries: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def opened(path: Path, options: FileOptions) -> Iterator[Opened]:
    """Open a file in the layout of the options, for as long as the context lasts.

    Raises:
        RecordError: The file is absent, of another format, not whole, or lacks a variable.
    """
    if not path.exists():
        raise RecordError(f"{path}: not found; check `paths`")
    try:
        with _LAYOUTS[options.layout](path, options) as found:
            yield found
    except RecordError:
        raise
    except (OSError, RuntimeError) as error:
        raise RecordError(
            f"{path}: cannot be read as `layout: {options.layout}` ({error}); it is of another "
            "format, or spoilt: get it again"
        ) from error


@contextmanager
def _netcdf(path: Path, options: FileOptions) -> Iterator[Opened]:
    import xarray as xr

    try:
        if path.is_dir():
            dataset = xr.open_zarr(path, decode_times=False, chunks=None)
        else:
            dataset = xr.open_dataset(path, engine="netcdf4", decode_times=False)
    except (ValueError, KeyError, ImportError) as error:
        raise RecordError(
            f"{path}: cannot be read as NetCDF or Zarr ({error}); Zarr needs `pip install zarr`"
        ) from error
    with dataset:
        names = {
            options.sample: "sample",
            options.time.source or "time": "time",
            **{axis.source or name: name for name, axis in options.axes.items()},
        }
        variables = {}
        for name, one in options.fields.items():
            source = one.source or name
            if source not in dataset.variables:
                raise _lacks(path, source, map(str, dataset.data_vars))
            variable = dataset[source]
            dims = tuple(names.get(str(dim), str(dim)) for dim in variable.dims)
            known = {"sample", "time", "interval", *options.axes}
            if one.component is not None and dims and dims[-1] not in known:
                dims = (*dims[:-1], "component")
            units = str(variable.attrs.get("units", ""))
            variables[name] = Stored(dims, variable.shape, _of_xarray(variable, dims), units)
        coordinates = {
            name: dataset[source].to_numpy().astype(np.float64)
            for source, name in names.items()
            if name != "sample" and source in dataset.variables
        }
        yield Opened(path, variables, coordinates)


def _of_xarray(variable: Any, dims: Sequence[str]) -> Callable[[int], NDArray[Any]]:
    def read(trajectory: int) -> NDArray[Any]:
        if "sample" not in dims:
            values: NDArray[Any] = variable.to_numpy()
            return values
        return np.asarray(variable.isel({variable.dims[dims.index("sample")]: trajectory}))

    return read


@contextmanager
def _pdebench(path: Path, options: FileOptions) -> Iterator[Opened]:
    import h5py

    with h5py.File(path, "r") as file:
        variables = {}
        for name, one in options.fields.items():
            source = one.source or ("tensor" if len(options.fields) == 1 else name)
            data = file.get(source)
            if not isinstance(data, h5py.Dataset):
                raise _lacks(path, source, file)
            dims: tuple[str, ...] = ("sample", "time", *options.axes)
            if data.ndim == len(dims) + 1 and one.component is not None:
                dims = (*dims, "component")
            if data.ndim != len(dims):
                raise RecordError(
                    f"{path}: {source!r} has the shape {data.shape}, expected ({', '.join(dims)}); "
                    "check `axes`, and `component` of a vector"
                )
            variables[name] = Stored(dims, data.shape, data.__getitem__)
        frames = next(iter(variables.values())).size("time")
        coordinates = {
            # The edges of the frames: one more than there are frames.
            "time": _values(file, options.time.source or "t-coordinate", frames),
            **{
                name: _values(file, axis.source or f"{name}-coordinate")
                for name, axis in options.axes.items()
            },
        }
        yield Opened(path, variables, coordinates)


def _values(file: Any, name: str, most: int | None = None) -> Array | None:
    return np.asarray(file[name], dtype=np.float64)[:most] if name in file else None


@contextmanager
def _the_well(path: Path, options: FileOptions) -> Iterator[Opened]:
    import h5py

    with h5py.File(path, "r") as file:
        groups = [file[key] for key in ("t0_fields", "t1_fields", "t2_fields") if key in file]
        there = {name: group[name] for group in groups for name in group}
        if "dimensions" not in file or not there:
            raise RecordError(
                f"{path}: has the groups {', '.join(file) or 'none'}, and dimensions and "
                "t0_fields, t1_fields or t2_fields are expected: it is in another layout than "
                "`the_well`"
            )
        space = [str(name) for name in _texts(file["dimensions"].attrs["spatial_dims"])]
        wanted = [axis.source or name for name, axis in options.axes.items()]
        if space != wanted:
            raise RecordError(
                f"{path}: its axes of space are {', '.join(space)}, those of the options "
                f"{', '.join(wanted)}; name them all, in this order"
            )
        variables = {}
        for name, one in options.fields.items():
            if (source := one.source or name) not in there:
                raise _lacks(path, source, there)
            variables[name] = _of_the_well(path, there[source], list(options.axes))
        names = dict(zip(options.axes, wanted, strict=True))
        names["time"] = options.time.source or "time"
        coordinates = {name: _values(file["dimensions"], key) for name, key in names.items()}
        yield Opened(path, variables, coordinates, _boundaries(file, names))


def _of_the_well(path: Path, data: Any, axes: Sequence[str]) -> Stored:
    said = data.attrs
    dims = ["sample"] if said.get("sample_varying", True) else []
    dims += ["time"] if said.get("time_varying", True) else []
    varying = said.get("dim_varying", [True] * len(axes))
    dims += [axis for axis, one in zip(axes, varying, strict=True) if one]
    rest = data.ndim - len(dims)
    if rest < 0:
        raise RecordError(
            f"{path}: {data.name} has the shape {data.shape} and says it varies along "
            f"{', '.join(dims)}; the file is not consistent"
        )
    shape = data.shape
    if rest:
        # Components of a tensor are numbered row by row.
        shape = (*shape[: len(dims)], int(np.prod(shape[len(dims) :])))
        dims.append("component")

    def read(trajectory: int) -> NDArray[Any]:
        if "sample" not in dims:
            return np.reshape(data[()], shape)
        return np.reshape(data[trajectory], shape[1:])

    return Stored(tuple(dims), shape, read)


def _boundaries(file: Any, names: Mapping[str, str]) -> dict[str, str]:
    """What a file of The Well says of each axis: `periodic`, `wall` or `open`."""
    found: dict[str, str] = {}
    for group in file.get("boundary_conditions", {}).values():
        kind = " ".join(_texts(group.attrs.get("bc_type", ""))).lower()
        for axis in _texts(group.attrs.get("associated_dims", [])):
            found |= {name: kind for name, source in names.items() if source == axis}
    return found


def _texts(value: Any) -> list[str]:
    return [one.decode() if isinstance(one, bytes) else str(one) for one in np.atleast_1d(value)]


def _lacks(path: Path, source: str, there: Any) -> RecordError:
    names = ", ".join(sorted(map(str, there))) or "none"
    return RecordError(f"{path}: no variable {source!r}; it has {names}: name one as `source`")


_LAYOUTS: Mapping[str, Callable[[Path, FileOptions], Any]] = {
    "netcdf": _netcdf,
    "pdebench": _pdebench,
    "the_well": _the_well,
}
