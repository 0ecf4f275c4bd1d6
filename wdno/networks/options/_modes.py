"""Fourier modes among the options of networks."""

from __future__ import annotations

from collections.abc import Sequence

from wdno.options import shown


def per_axis(modes: int | Sequence[int], axes: int) -> list[int]:
    """Return the modes of each axis, from one number or a list."""
    return [modes] * axes if isinstance(modes, int) else list(modes)


def refusal(
    modes: int | list[int], grid: Sequence[int], allowed: Sequence[int] | None = None
) -> str | None:
    """Say what is wrong with modes on a grid; None if nothing is.

    Args:
        modes: one number, or one for each axis.
        grid: points along each axis.
        allowed: most modes of each axis; by default as many as points.
    """
    allowed = grid if allowed is None else allowed
    wanted = per_axis(modes, len(grid))
    if len(wanted) != len(grid):
        return (
            f"modes = {modes}: {len(wanted)} numbers for the {len(grid)} axes of a grid of "
            f"{shown(grid)}; give one, or one for each axis"
        )
    if any(kept > most for kept, most in zip(wanted, allowed, strict=True)):
        return (
            f"modes = {modes}: a grid of {shown(grid)} has fewer; allowed: 1 to "
            f"{min(allowed)}, or a list with one for each axis"
        )
    return None
