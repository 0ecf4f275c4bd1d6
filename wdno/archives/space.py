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

    def __str__(self) -> str:
        return f"{self.south:g} to {self.north:g} N, {self.west:g} to {self.east:g} E"


def in_order(array: xr.DataArray, where: str) -> xr.DataArray:
    """Return an array with latitudes ascending and longitudes ascending without a jump.

    Longitudes begin after the widest gap of the circle, in -180..180; those of the whole circle
    at -180.

    Args:
        array: With the coordinates `latitude` and `longitude`.
        where: What it is, for errors.

    Raises:
        RecordError: Points are not equally spaced.
    """
    latitudes = array["latitude"].to_numpy().astype(float)
    longitudes = _from(array["longitude"].to_numpy().astype(float), -180.0)
    around = np.sort(longitudes)
    gaps = np.append(around[1:], around[0] + 360) - around
    # The whole circle has no widest gap, but for rounding.
    widest = -1 if np.ptp(gaps) < NEAR else int(gaps.argmax())
    longitudes = _from(longitudes, around[(widest + 1) % len(around)])
    west = float(longitudes.min())
    if west >= 180 - NEAR:
        longitudes = longitudes - 360
    rows, columns = latitudes.argsort(), longitudes.argsort()
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
        Indices along latitude and along longitude.

    Raises:
        RecordError: There are none.
    """
    latitudes = array["latitude"].to_numpy().astype(float)
    longitudes = _from(array["longitude"].to_numpy().astype(float), region.west)
    width = (region.east - region.west) % 360 or 360.0
    rows = np.flatnonzero((latitudes >= region.south - NEAR) & (latitudes <= region.north + NEAR))
    columns = np.flatnonzero(longitudes <= region.west + width + NEAR)
    if not rows.size or not columns.size:
        raise RecordError(
            f"{where}: no points in the region {region}; it has latitudes "
            f"{extent(array, 'latitude')} and longitudes {extent(array, 'longitude')}"
        )
    return rows[latitudes[rows].argsort()], columns[longitudes[columns].argsort()]


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
