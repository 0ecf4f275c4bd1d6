"""Shapes of grids that are halved, without their coordinates."""

from __future__ import annotations

from collections.abc import Sequence


def halved(
    grid: Sequence[int], times: int, doubled: Sequence[bool] | None = None
) -> tuple[int, ...]:
    """Return the shape of a grid that is halved a number of times.

    Args:
        grid: its shape, time first.
        times: how often.
        doubled: which axes are; None: all.
    """
    chosen = [True] * len(grid) if doubled is None else doubled
    return tuple(n // 2**times if twice else n for n, twice in zip(grid, chosen, strict=True))


def indivisible(
    grid: Sequence[int], times: int, doubled: Sequence[bool] | None = None
) -> list[int]:
    """Return the sizes of the axes that cannot be halved so often; see :func:`halved`."""
    chosen = [True] * len(grid) if doubled is None else doubled
    return [n for n, twice in zip(grid, chosen, strict=True) if twice and n % 2**times]
