"""Where the values of a file are, and whether the model was trained there.

A model knows the first and the last coordinate of each axis of its grid, and the number of points.
A file with as many points must have the same ones. With another number it must cover the same
domain: from the first point on (with cells: from the first edge on) as many spacings, or from the
first to the last point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wdno.data.netcdf import DataError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from wdno.problem import Problem

CLOSE = 1e-5
"""Share of its length by which the ends of an axis may differ."""


@dataclass(frozen=True)
class Trained:
    """An axis of the grid that a model was trained on.

    Attributes:
        first: the first coordinate.
        last: the last one.
        count: number of points.
    """

    first: float
    last: float
    count: int

    @property
    def points(self) -> NDArray[np.float64]:
        """Coordinates, ``[count]``."""
        return np.linspace(self.first, self.last, self.count)

    @property
    def spacing(self) -> float:
        """From a point to the next."""
        return (self.last - self.first) / max(self.count - 1, 1)


def trained(problem: Problem, given: int) -> list[Trained]:
    """Return the axes of a model's grid: all frames, the given ones first, then those of space.

    Args:
        problem: of the model.
        given: number of given frames.
    """
    counts = (problem.grid[0] + given, *problem.grid[1:])
    ends = zip(problem.extent[::2], problem.extent[1::2], counts, strict=True)
    return [Trained(*axis) for axis in ends]


def times(
    dataset: xr.Dataset, where: str, own: Trained, given: int, frames: int, *, stepwise: bool
) -> NDArray[np.float64]:
    """Return the times of all frames of a file, ``[g + T]``, some of which it may not have.

    Args:
        dataset: the file.
        where: the file, for messages.
        own: the model's frames.
        given: number g of given frames.
        frames: number T of frames that are predicted.
        stepwise: whether the model goes from frame to frame, to any end.

    Raises:
        DataError: the times are not told, or not those of the model.
    """
    found = _coordinate(dataset, "time", where)
    count = given + frames
    if found is not None and len(found) == count:
        known = found
    elif count == own.count:
        known = own.points
    elif found is not None and "interval_bounds" in dataset.variables:
        known = np.concatenate([found[:given], dataset["interval_bounds"].to_numpy()[:, 1]])
    else:
        raise DataError(
            f"{where}: {frames} frames are to be predicted, of other times than the "
            f"{own.count - given} that the model was trained on; give the coordinate `time` of all "
            "frames, or `interval_bounds`"
        )
    if found is not None and not np.allclose(found[:given], known[:given], atol=CLOSE * _span(own)):
        raise DataError(
            f"{where}: the given frames are at {_ends(found[:given])}, expected "
            f"{_ends(known[:given])}, as in training"
        )
    steps = np.diff(known)
    if stepwise and count != own.count:
        fits = bool(np.allclose(steps, own.spacing, atol=CLOSE * abs(own.spacing)))
    else:
        fits = _same(known[0], own.first, own) and _same(known[-1], own.last, own)
    if not fits or not (steps > 0).all():
        raise DataError(
            f"{where}: frames are at {_ends(known)}, those of the model's training at "
            f"{_ends(own.points)}, {own.count} of them; "
            + ("keep its step" if stepwise else "give frames of the same time")
        )
    return np.asarray(known, dtype=np.float64)


def points(
    dataset: xr.Dataset, name: str, where: str, own: Trained, boundary: str
) -> NDArray[np.float64]:
    """Return the coordinates of an axis of space, the model's where a file does not tell them.

    Args:
        dataset: the file.
        name: of the axis.
        where: the file, for messages.
        own: the axis of the model.
        boundary: of the model's axis.

    Raises:
        DataError: the axis covers another domain, or has another boundary.
    """
    attributes: dict[str, Any] = dataset[name].attrs if name in dataset.variables else {}
    kind = str(attributes.get("boundary", boundary))
    if kind != boundary:
        raise DataError(
            f"{where}: the boundary of {name!r} is {kind!r}, the model was trained with "
            f"{boundary!r}; take a model of such data"
        )
    found, count = _coordinate(dataset, name, where), dataset.sizes[name]
    if found is None:
        if count != own.count:
            raise DataError(
                f"{where}: {name!r} has {count} points, the model was trained on {own.count}; on "
                f"another grid, give the coordinate {name!r}, so that the domains can be compared"
            )
        return own.points
    if not _covers(found, own, cells=attributes.get("values") == "cell means"):
        raise DataError(
            f"{where}: {name!r} has {count} points at {_ends(found)}, the model was trained on "
            f"{own.count} at {_ends(own.points)}; give values in that domain"
        )
    return found


def _coordinate(dataset: xr.Dataset, name: str, where: str) -> NDArray[np.float64] | None:
    """Return a coordinate as numbers; None: there is none."""
    if name not in dataset.coords:
        return None
    values = dataset[name].to_numpy()
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise DataError(
            f"{where}: coordinate {name!r} has the type {values.dtype}, expected finite numbers; "
            "open files with decode_times=False"
        )
    return np.asarray(values, dtype=np.float64)


def _covers(found: NDArray[np.float64], own: Trained, *, cells: bool) -> bool:
    ends = _same(found[0], own.first, own) and _same(found[-1], own.last, own)
    if len(found) == own.count or min(len(found), own.count) < 2:
        return len(found) == own.count and ends
    spacing = (found[-1] - found[0]) / (len(found) - 1)
    half = 0.5 if cells else 0.0
    start = _same(found[0] - half * spacing, own.first - half * own.spacing, own)
    whole = _same(len(found) * spacing, own.count * own.spacing, own)
    return (start and whole) or (ends and not cells)


def _same(a: float, b: float, own: Trained) -> bool:
    return abs(a - b) <= CLOSE * _span(own)


def _span(own: Trained) -> float:
    return abs(own.last - own.first) or 1.0


def _ends(values: NDArray[np.float64]) -> str:
    return f"{values[0]:g} to {values[-1]:g}" if len(values) > 1 else f"{values[0]:g}"
