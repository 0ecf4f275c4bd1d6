"""Regions of the globe, by the values of coordinates and never by their order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from wdno.archives.errors import RecordError

Indices = NDArray[np.intp]

NEAR = 1e-3
"""Degrees within which a point counts as on the edge of a region."""


@dataclass(frozen=True)
class Region:
    """A region in degrees, edges included; `west > east` crosses the date line.

    Attributes:
        north: Northern edge.
        west: Western edge, in -180..180 or 0..360.
        south: Southern edge.
        east: Eastern edge.
    """

    north: float
    west: float
    south: float
    east: float

    @property
    def width(self) -> float:
        """Degrees from the western edge to the eastern one; 360 of the whole circle."""
        return (self.east - self.west) % 360 or 360.0

    def __str__(self) -> str:
        return f"{self.south:g} to {self.north:g} N, {self.west:g} to {self.east:g} E"


def in_order(array: xr.DataArray, where: str) -> xr.DataArray:
    """Return an array with latitudes ascending and longitudes ascending without a jump.

    Longitudes begin after the widest gap of the circle, in -180..180; those of the whole circle
    at -180. A meridian that is there twice, as 0 and as 360, stays once.

    Args:
        array: With the coordinates `latitude` and `longitude`.
        where: What it is, for errors.

    Raises:
        RecordError: Points are not equally spaced, or differ on one meridian.
    """
    latitudes = array["latitude"].to_numpy().astype(float)
    given = array["longitude"].to_numpy().astype(float)
    longitudes = _without_jump(given)
    rows, columns, again = latitudes.argsort(), *_once(given, longitudes)
    for column, same in again:
        _refuse_difference(array, column, same, where)
    ordered = array.isel(latitude=rows, longitude=columns).assign_coords(
        latitude=latitudes[rows], longitude=longitudes[columns]
    )
    for axis in ("latitude", "longitude"):
        spacing = np.diff(ordered[axis].to_numpy())
        if spacing.size and (spacing.min() <= 0 or np.ptp(spacing) > 0.01 * spacing.mean()):
            raise RecordError(
                f"{where}: {axis} is not equally spaced, {spacing.min():.6g} to "
                f"{spacing.max():.6g} degrees; regrid the file to equal angles before"
            )
    return ordered


def points(array: xr.DataArray, region: Region, where: str) -> tuple[Indices, Indices]:
    """Return the points in a region: rows from south to north, columns from west to east.

    Args:
        array: With the coordinates `latitude` and `longitude` in any order and numbering.
        region: The region.
        where: What it is, for errors.

    Returns:
        Indices along latitude and along longitude, each meridian once.

    Raises:
        RecordError: There are none, or the array ends within the region.
    """
    latitudes = array["latitude"].to_numpy().astype(float)
    given = array["longitude"].to_numpy().astype(float)
    longitudes = _from(given, region.west)
    columns, _ = _once(given, longitudes)
    rows = latitudes.argsort()
    rows = rows[(latitudes[rows] >= region.south - NEAR) & (latitudes[rows] <= region.north + NEAR)]
    columns = columns[longitudes[columns] <= region.west + region.width + NEAR]
    there = f"latitudes {extent(array, 'latitude')} and longitudes {extent(array, 'longitude')}"
    if not rows.size or not columns.size:
        raise RecordError(f"{where}: no points in the region {region}; it has {there}")
    if beyond := _beyond(latitudes, given, region):
        raise RecordError(
            f"{where}: the region {region} reaches beyond it in the {' and '.join(beyond)}; it has "
            f"{there}: choose a region within, or get a file of all of it"
        )
    return rows, columns


def cut(array: xr.DataArray, region: Region, where: str) -> xr.DataArray:
    """Return the part of an array in a region, its longitudes numbered on from the western edge.

    Args:
        array: With the coordinates `latitude` and `longitude` in any order and numbering.
        region: The region.
        where: What it is, for errors.

    Raises:
        RecordError: Nothing is there.
    """
    rows, columns = points(array, region, where)
    longitudes = _from(array["longitude"].to_numpy().astype(float), region.west)[columns]
    latitudes = array["latitude"].to_numpy().astype(float)[rows]
    part = array.isel(latitude=rows, longitude=columns)
    return part.assign_coords(latitude=latitudes, longitude=longitudes)


def window(
    array: xr.DataArray, latitude: int, longitude: int, coarsen: int, where: str
) -> xr.DataArray:
    """Return the centred window of so many points, every `coarsen`-th of the array.

    Raises:
        RecordError: The array has fewer points.
    """
    chosen = {}
    for axis, points in (("latitude", latitude), ("longitude", longitude)):
        have, span = array.sizes[axis], (points - 1) * coarsen + 1
        if span > have:
            every = f" of every {coarsen}-th" if coarsen > 1 else ""
            raise RecordError(
                f"{where}: grid.{axis} = {points} points{every} need {span} of the record's, which "
                f"has {have} ({extent(array, axis)}); make grid.{axis} or coarsen smaller, or the "
                "region larger"
            )
        start = (have - span) // 2
        chosen[axis] = slice(start, start + span, coarsen)
    return array.isel(chosen)


def extent(array: xr.DataArray, axis: str) -> str:
    """Return the range of a coordinate in words, such as `50 to 58 by 0.25`."""
    values = np.sort(array[axis].to_numpy().astype(float))
    if values.size < 2:
        return f"{values[0]:g}" if values.size else "none"
    return f"{values[0]:g} to {values[-1]:g} by {np.median(np.diff(values)):g}"


def _from(longitudes: np.ndarray, west: float) -> np.ndarray:
    """Number longitudes on from `west`, to 360 degrees more."""
    numbered: np.ndarray = longitudes - 360 * np.floor((longitudes - west + NEAR) / 360)
    return numbered


def _without_jump(longitudes: np.ndarray) -> np.ndarray:
    """Number longitudes on from the eastern end of the widest gap of the circle."""
    around = np.sort(_from(longitudes, -180.0))
    around = around[np.append(True, np.diff(around) > NEAR)]
    gaps = np.append(around[1:], around[0] + 360) - around
    # The whole circle has no widest gap, but for rounding.
    widest = -1 if np.ptp(gaps) < NEAR else int(gaps.argmax())
    numbered = _from(longitudes, around[(widest + 1) % len(around)])
    return numbered - 360 if numbered.min() >= 180 - NEAR else numbered


def _once(given: np.ndarray, numbered: np.ndarray) -> tuple[Indices, list[tuple[int, int]]]:
    """Columns from west to east, without those that are a whole turn away from another.

    Returns:
        The columns, and those left out, each with the one of the same meridian.
    """
    kept: list[int] = []
    again: list[tuple[int, int]] = []
    for column in numbered.argsort(kind="stable").tolist():
        last = kept[-1] if kept else column
        same = bool(kept) and numbered[column] - numbered[last] <= NEAR
        if same and abs(given[column] - given[last]) > 180:
            again.append((column, last))
        else:
            kept.append(column)
    return np.asarray(kept, dtype=np.intp), again


def _refuse_difference(array: xr.DataArray, column: int, same: int, where: str) -> None:
    """Refuse two columns of one meridian that differ, by the first frame."""
    first = array.isel({dim: 0 for dim in array.dims if dim not in ("latitude", "longitude")})
    values = first.isel(longitude=[column, same]).transpose(..., "longitude").to_numpy()
    if not np.allclose(values[..., 0], values[..., 1], rtol=1e-3, equal_nan=True):
        ends = " and ".join(f"{float(array['longitude'][i]):g}" for i in (same, column))
        raise RecordError(
            f"{where}: the longitudes {ends} are one meridian, and its values there differ; leave "
            "out one of them"
        )


def _beyond(latitudes: np.ndarray, longitudes: np.ndarray, region: Region) -> list[str]:
    """Directions in which the next point of the grid would lie in the region and is not there."""
    found = []
    rows = np.unique(latitudes)
    if len(rows) > 1:
        step = (rows[-1] - rows[0]) / (len(rows) - 1)
        if rows[-1] + step <= min(region.north, 90.0) + NEAR:
            found.append("north")
        if rows[0] - step >= max(region.south, -90.0) - NEAR:
            found.append("south")
    columns = np.sort(_without_jump(longitudes))
    columns = columns[np.append(True, np.diff(columns) > NEAR)]
    if len(columns) > 1:
        step = (columns[-1] - columns[0]) / (len(columns) - 1)
        whole_circle = columns[-1] + step >= columns[0] + 360 - NEAR
        for name, beyond in (("west", columns[0] - step), ("east", columns[-1] + step)):
            if not whole_circle and _from(beyond, region.west) <= region.west + region.width + NEAR:
                found.append(name)
    return found
