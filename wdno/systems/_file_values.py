"""The values of a field of one trajectory of a file, on the grid that is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wdno.archives.errors import RecordError
from wdno.systems._file_layouts import Opened, Stored

if TYPE_CHECKING:
    from wdno.systems._file_options import FileAxisOptions, FileFieldOptions, FileOptions

Values = NDArray[np.float32]


def values_of(file: Opened, options: FileOptions, name: str, trajectory: int) -> Values:
    """Read a field of one trajectory.

    Returns:
        State `[g + T, *space]`, forcing `[T, *space]`, series `[g + T]`, float32.

    Raises:
        RecordError: A value is not finite.
    """
    values, dims = _ordered(file.variables[name], options.fields[name], options, trajectory)
    timed = bool(dims) and dims[0] in ("time", "interval")
    space = [] if options.fields[name].role == "series" else list(options.axes)
    for position, axis in enumerate(space, start=int(timed)):
        if axis in dims:
            values = coarser(values, position, options.axes[axis])
        else:
            values = np.expand_dims(values, position)
            values = np.repeat(values, options.axes[axis].points, position)
    if options.fields[name].role == "forcing":
        values = _on_intervals(values, dims[0] if timed else "", options)
    else:
        values = values[_frames(options)]
    if not np.isfinite(values).all():
        raise RecordError(
            f"{file.path}: {name!r} of trajectory {trajectory} has values that are not finite; "
            "leave it out of the file"
        )
    return values.astype(np.float32)


def coarser(values: NDArray[Any], position: int, axis: FileAxisOptions) -> NDArray[Any]:
    """Return every so-manieth value along an axis, or of cells the means of so many."""
    values = np.moveaxis(values, position, -1)[..., : axis.points * axis.every]
    if axis.cells:
        values = values.reshape(*values.shape[:-1], axis.points, axis.every).mean(axis=-1)
    else:
        values = values[..., :: axis.every]
    return np.moveaxis(values, -1, position)


def _frames(options: FileOptions) -> NDArray[np.int64]:
    return options.time.first + options.time.every * np.arange(options.given + options.time.steps)


def _ordered(
    stored: Stored, one: FileFieldOptions, options: FileOptions, trajectory: int
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Values with time first, if there is any, and the axes of space in their order."""
    values = np.asarray(stored.read(trajectory))
    dims = tuple(dim for dim in stored.dims if dim != "sample")
    if one.component is not None:
        values, dims = values[..., one.component], dims[:-1]
    order = tuple(dim for dim in ("time", "interval", *options.axes) if dim in dims)
    return values.transpose([dims.index(dim) for dim in order]), order


def _on_intervals(values: NDArray[Any], timed: str, options: FileOptions) -> NDArray[Any]:
    """Means over each interval between the frames that are generated."""
    steps, every = options.time.steps, options.time.every
    if not timed:
        return np.repeat(values[None], steps, axis=0)
    # Of values at frames each holds until the next one.
    start = int(_frames(options)[options.given - 1])
    wanted = values[start : start + steps * every]
    means: NDArray[Any] = wanted.reshape(steps, every, *wanted.shape[1:]).mean(axis=1)
    return means


def check_field(file: Opened, options: FileOptions, name: str) -> None:
    """Refuse a field that does not have the dimensions, points and frames of the options.

    Raises:
        RecordError: Says what is expected and what the file has.
    """
    stored, one = file.variables[name], options.fields[name]
    where = f"{file.path}: field {name!r}"
    _check_dims(where, stored, one, options)
    for axis, chosen in options.axes.items():
        if (have := stored.size(axis)) is not None:
            _check_points(where, axis, have, chosen)
    _check_frames(where, stored, options)
    if one.role == "state" and stored.size("sample") != 0:
        _check_period(where, file, options, name)


def _check_frames(where: str, stored: Stored, options: FileOptions) -> None:
    """Refuse fewer frames, or intervals between them, than the options ask for."""
    first, every, given = options.time.first, options.time.every, options.given
    last = first + (given + options.time.steps - 1) * every
    for dim, needed in (("time", last + 1), ("interval", last)):
        have = stored.size(dim)
        if have is not None and have < needed:
            most = (have - first - (dim == "time")) // every + 1 - given
            raise RecordError(
                f"{where} has {have} along {dim}; {given} given frames and time.steps = "
                f"{options.time.steps}, every {every} from {first} on, need {needed}; time.steps "
                f"can be {max(most, 0)} at most"
            )


def _check_dims(where: str, stored: Stored, one: FileFieldOptions, options: FileOptions) -> None:
    """Refuse dimensions that are lacking, or that nothing is said of."""
    axes = set(options.axes)
    least = {"state": {"time", *axes}, "series": {"time"}, "forcing": set[str]()}[one.role]
    most = {*least, "sample"} | ({"time", "interval", *axes} if one.role == "forcing" else set())
    if one.component is not None:
        least, most = {*least, "component"}, {*most, "component"}
    here = set(stored.dims)
    shape = ", ".join(f"{dim} ({n})" for dim, n in zip(stored.dims, stored.shape, strict=True))
    if one.component is None and "component" in here:
        raise RecordError(
            f"{where} is a vector, ({shape}); say which `component`, from 0, and name the others "
            "as fields too"
        )
    if not least <= here or not here <= most or {"time", "interval"} <= here:
        raise RecordError(
            f"{where}, a {one.role}, has the dimensions ({shape}), expected "
            f"({', '.join(sorted(least))}) and perhaps {', '.join(sorted(most - least))}; check "
            "`axes`, `sample` and `time.source`"
        )
    components = stored.size("component")
    if one.component is not None and components is not None and one.component >= components:
        raise RecordError(
            f"{where}: component = {one.component}, and there are {components}, numbered from 0"
        )


def _check_points(where: str, axis: str, have: int, chosen: FileAxisOptions) -> None:
    """Refuse a number of points that is not that of the file."""
    every, points = chosen.every, chosen.points
    closed = chosen.boundary == "periodic" or chosen.cells
    right = have // every if closed else -(-have // every)
    whole = not closed or have % every == 0
    # A periodic axis may end with its first point again; see `_check_period`.
    again = chosen.boundary == "periodic" and have == points * every + 1
    if (points == right and whole) or again:
        return
    hint = f"make it {right}" if whole else f"choose an `every` that divides {have}"
    raise RecordError(
        f"{where} has {have} points along {axis!r}, of which every {every}-th are taken; "
        f"axes.{axis}.points = {points}: {hint}"
    )


def _check_period(where: str, file: Opened, options: FileOptions, name: str) -> None:
    """Refuse a periodic axis whose last point is the first one again, and counted."""
    values, dims = _ordered(file.variables[name], options.fields[name], options, 0)
    for axis, chosen in options.axes.items():
        if chosen.boundary != "periodic" or chosen.cells:
            continue
        lines = np.moveaxis(values, dims.index(axis), -1)
        same = np.allclose(lines[..., 0], lines[..., -1], rtol=1e-5, atol=1e-8)
        varies = not np.allclose(lines, lines[..., :1], rtol=1e-5, atol=1e-8)
        counted = chosen.points * chosen.every == lines.shape[-1]
        if counted and same and varies:
            raise RecordError(
                f"{where}: the last point along {axis!r} repeats the first, which a periodic axis "
                f"has once; make axes.{axis}.points {(lines.shape[-1] - 1) // chosen.every}"
            )
        if not counted and not same:
            raise RecordError(
                f"{where} has {lines.shape[-1]} points along {axis!r}, and the last does not "
                f"repeat the first; axes.{axis}.points = {chosen.points} leaves it out"
            )
