r"""Maps along one axis as matrices, from values of a source axis to those of a target axis.

A value is a functional of the field: its value at a point or its mean over a cell. An interpolation
is the field of some space of functions that has the source's values; the target's values of it are
linear in those, hence a matrix. The spaces are

- `linear`: the line through the two nearest values;
- `cubic`: of points, the cubic through the four nearest; of means, the quartic with the five
  nearest means, so that the mean of each cell is kept;
- `band_limited`, of all values at once: the Fourier series of a periodic axis; the sine series of
  one that is zero at its ends; else the line through the outermost values, and what is left as a
  sine series (points) or a cosine series (means, which are kept too);
- `nearest`: the value at the nearest point, of two the one before; the mean of the cell.

The values that are known at the ends of a `dirichlet` axis, zero, are among the points, so what is
exact there is a polynomial that vanishes at both ends. A point much closer to an end than to the
next point (Burgers' first, 1 / 1921) is then left out of `cubic` and `band_limited`: both values
together would tell a slope, from which an error of that one value would spread, grown many times.
A target value that is one of the source is taken over as it is.

A derivative at a point is that of the polynomial through the nearest points, known ends included:
:func:`derivative_weights`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from wdno.grids.axis import TOLERANCE, GridAxis, GridError

Interpolation = Literal["linear", "cubic", "band_limited", "nearest"]

Array = NDArray[np.float64]

CROWDED = 0.25
"""Points closer to a known end than this share of the spacing give way to it."""
KNOWN = -1
"""Index of a value that is known to be zero."""


@lru_cache(maxsize=256)
def interpolation_weights(source: GridAxis, target: GridAxis, kind: Interpolation) -> Array:
    """Return the matrix `[target.count, source.count]` of an interpolation; read-only.

    Raises:
        GridError: The kind is unknown, or the target reaches further beyond the source than a
            spacing, or than the ends of its domain.
    """
    if kind not in get_args(Interpolation):
        raise GridError(
            f"interpolation: expected one of {', '.join(get_args(Interpolation))}, got {kind!r}"
        )
    _check_reach(source, target)
    # In units of the source's spacing, from its first value.
    where = (target.coordinates - source.first) / source.spacing
    width = abs(target.spacing / source.spacing) if target.means else 0.0
    if kind == "nearest":
        matrix = _nearest(source, where)
    elif kind == "band_limited":
        matrix = _band_limited(source, where, width)
    else:
        matrix = _local(source, where, width, 2 if kind == "linear" else 5 if source.means else 4)
    if width == float(source.means):
        taken = np.flatnonzero(
            (np.abs(where - where.round()) < TOLERANCE)
            & (where.round() >= 0)
            & (where.round() < source.count)
        )
        matrix[taken] = np.eye(source.count)[where[taken].round().astype(int)]
    matrix.setflags(write=False)
    return matrix


@lru_cache(maxsize=256)
def derivative_weights(source: GridAxis, degree: int) -> tuple[Array, NDArray[np.int_]]:
    """Return the matrix of a derivative by finite differences, of second order in the spacing.

    Where the nearest points are even, the central difference through `degree + 1` of them (degrees
    1 and 2: three); elsewhere, as beside a known end or at an open one, the polynomial through
    `degree + 2`. Points that crowd a known end are left out.

    Args:
        source: Axis of values at points.
        degree: 1 or 2.

    Returns:
        The matrix `[m, source.count]`, per power of the unit of the coordinates, and the indices
        `[m]` of the points whose derivatives it gives; both read-only.

    Raises:
        GridError: The values are means, or too few.
    """
    wide = degree + 2
    nodes, index = _nodes(source, wide)
    if source.means or degree not in (1, 2) or nodes.size < wide:
        raise GridError(
            f"derivative: expected degree 1 or 2 of values at {wide} points or more, got degree "
            f"{degree} of {source}"
        )
    points = np.arange(source.count) if source.boundary == "periodic" else index[index != KNOWN]
    matrix = np.zeros((points.size, source.count))
    for row, point in enumerate(points.astype(np.float64)):
        place = int(np.searchsorted(nodes, point - TOLERANCE))
        around = np.arange(place - 1, place + 2)
        even = 0 < place < nodes.size - 1 and abs(nodes[around].mean() - point) < TOLERANCE
        if not even:
            around = int(np.clip(place - wide // 2, 0, nodes.size - wide)) + np.arange(wide)
        powers = _monomials(nodes[around] - point, 0.0, around.size)
        wanted = np.zeros(around.size)
        wanted[degree] = math.factorial(degree) / source.spacing**degree
        known = index[around] == KNOWN
        np.add.at(matrix[row], index[around][~known], np.linalg.solve(powers.T, wanted)[~known])
    for made in (matrix, points):
        made.setflags(write=False)
    return matrix, points


def _check_reach(source: GridAxis, target: GridAxis) -> None:
    if source.boundary != target.boundary or source.ends != target.ends:
        raise GridError(f"interpolation: {source} and {target} are not of the same domain")
    index = (target.coordinates - source.first) / source.spacing
    low, high = -1.0, float(source.count)
    if source.ends:
        low, high = source.index(source.ends[0]), source.index(source.ends[1])
    if index.min() < low - TOLERANCE or index.max() > high + TOLERANCE:
        raise GridError(
            f"interpolation: the target has coordinates from {target.coordinates.min():.6g} to "
            f"{target.coordinates.max():.6g}, too far beyond the source's, "
            f"{source.coordinates.min():.6g} to {source.coordinates.max():.6g}; expected axes of "
            "one domain"
        )


def _nearest(source: GridAxis, where: Array) -> Array:
    chosen = np.ceil(where - 0.5 - TOLERANCE).astype(int)
    if source.boundary == "periodic":
        chosen = chosen % source.count
    matrix: Array = np.eye(source.count)[np.clip(chosen, 0, source.count - 1)]
    return matrix


def _nodes(source: GridAxis, stencil: int) -> tuple[Array, NDArray[np.int_]]:
    """Where all values are that a stencil can have, known ones included, and their indices."""
    index = np.arange(source.count)
    if source.boundary == "periodic":
        index = np.arange(-stencil, source.count + stencil)
        return index.astype(np.float64), index % source.count
    if not source.ends:
        return index.astype(np.float64), index
    low, high = source.index(source.ends[0]), source.index(source.ends[1])
    # At an end, or crowded by it, where more than a straight line is drawn.
    least = CROWDED if stencil > 2 else TOLERANCE
    kept = index[(index - low > least) & (high - index > least)]
    return np.array([low, *kept, high]), np.array([KNOWN, *kept, KNOWN])


def _local(source: GridAxis, where: Array, width: float, stencil: int) -> Array:
    """Weights of the polynomial through the `stencil` values around each target value."""
    nodes, index = _nodes(source, stencil)
    size = min(stencil, source.count if source.boundary == "periodic" else nodes.size)
    if source.means and size > 2 and source.boundary == "periodic":
        size -= 1 - size % 2  # centred on the cell, so that its mean is kept
    if size % 2:
        first = np.searchsorted(nodes, where - 0.5 + TOLERANCE, side="left") - size // 2
    else:
        first = np.searchsorted(nodes, where + TOLERANCE, side="right") - size // 2
    window = np.clip(first, 0, nodes.size - size)[:, None] + np.arange(size)
    values = _monomials(nodes[window] - where[:, None], float(source.means), size)
    wanted = _monomials(np.zeros(where.size), width, size)
    weights = np.linalg.solve(values.swapaxes(-1, -2), wanted[..., None])[..., 0]
    matrix = np.zeros((where.size, source.count))
    known = index[window] == KNOWN
    rows = np.broadcast_to(np.arange(where.size)[:, None], window.shape)
    np.add.at(matrix, (rows[~known], index[window][~known]), weights[~known])
    return matrix


def _monomials(centre: Array, width: float, degrees: int) -> Array:
    """Values of 1, x, x^2, ... at points, or means over cells of a width, `[..., degrees]`."""
    powers = np.arange(degrees)
    if not width:
        found: Array = centre[..., None] ** powers
        return found
    low, high = centre[..., None] - width / 2, centre[..., None] + width / 2
    means: Array = (high ** (powers + 1) - low ** (powers + 1)) / ((powers + 1) * width)
    return means


def _band_limited(source: GridAxis, where: Array, width: float) -> Array:
    n, cell = source.count, float(source.means)
    index = np.arange(n, dtype=np.float64)
    if source.boundary == "periodic":
        waves = _waves(0, n // 2 + 1, n / 2)
        return _fit(
            *(
                np.hstack([_cosines(x, waves, w), _sines(x, waves[1 : (n + 1) // 2], w)])
                for x, w in ((index, cell), (where, width))
            )
        )
    if source.ends:
        nodes, kept = _nodes(source, n + 2)
        waves = _waves(1, nodes.size - 1, nodes[-1] - nodes[0])
        sines = (_sines(x - nodes[0], waves, w) for x, w in ((nodes[1:-1], cell), (where, width)))
        matrix = np.zeros((where.size, n))
        matrix[:, kept[1:-1]] = _fit(*sines)
        return matrix
    if n == 1:
        return np.ones((where.size, 1))
    slope = (np.eye(n)[-1] - np.eye(n)[0]) / (n - 1)
    line = np.eye(n)[0] + np.outer(where, slope)
    rest = np.eye(n) - np.eye(n)[0] - np.outer(index, slope)
    if source.means:
        waves = _waves(0, n, n)
        series = _fit(*(_cosines(x + 0.5, waves, w) for x, w in ((index, cell), (where, width))))
        return np.asarray(line + series @ rest)
    waves = _waves(1, n - 1, n - 1)
    series = _fit(*(_sines(x, waves, w) for x, w in ((index[1:-1], cell), (where, width))))
    return np.asarray(line + series @ rest[1:-1])


def _fit(values: Array, wanted: Array) -> Array:
    """The wanted values of the functions that have given values: wanted @ inverse(values)."""
    return np.asarray(np.linalg.solve(values.T, wanted.T).T, dtype=np.float64)


def _waves(first: int, stop: int, length: float) -> Array:
    """Wave numbers of so many half waves on a length."""
    return np.asarray(np.arange(first, stop) * np.pi / length, dtype=np.float64)


def _cosines(x: Array, waves: Array, width: float) -> Array:
    """Values of cosines at points, or means over cells, `[len(x), len(waves)]`."""
    return np.asarray(np.cos(np.outer(x, waves)) * np.sinc(waves * width / (2 * np.pi)))


def _sines(x: Array, waves: Array, width: float) -> Array:
    return np.asarray(np.sin(np.outer(x, waves)) * np.sinc(waves * width / (2 * np.pi)))
