"""Grids that are halved again and again. Without torch."""

from __future__ import annotations

from collections.abc import Sequence

from wdno.options import shown


def strides(dims: int) -> tuple[int, ...]:
    """Return by what each axis is coarsened: of (time, y, x) the first, time, is not."""
    return (1, 2, 2) if dims == 3 else (2,) * dims


def grids(grid: Sequence[int], halvings: int) -> list[tuple[int, ...]]:
    """Return a grid and the coarser ones, of half the points each, rounded up."""
    found = [tuple(grid)]
    for _ in range(halvings):
        axes = zip(found[-1], strides(len(grid)), strict=True)
        found.append(tuple(-(-n // stride) for n, stride in axes))
    return found


def refusal(option: str, grid: Sequence[int], halvings: int) -> str | None:
    """Say that a grid cannot be halved so often; None if every halving makes axes shorter.

    Args:
        option: what asks for it, such as `levels = 4`.
        grid: points along each axis.
        halvings: how often.
    """
    smallest = min(n for n, stride in zip(grid, strides(len(grid)), strict=True) if stride > 1)
    most = (smallest - 1).bit_length()
    if halvings <= most:
        return None
    return (
        f"{option}: a grid of {shown(grid)} cannot be halved {halvings} times; at most {most} are "
        "possible: use fewer levels, or a larger grid"
    )
