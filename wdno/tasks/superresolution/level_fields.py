"""What a super-resolution model is given of a coarser grid, interpolated; and noise on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from wdno.grids.maps import interpolate
from wdno.problem import flatten_frames

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.grids.levels import Grid
    from wdno.tasks.superresolution.sections import Kind


def with_noise(state: Tensor, deviation: Tensor, drawn: Tensor, grid: Grid) -> Tensor:
    """Return a state with noise on all frames but the given ones.

    Args:
        state: all frames, ``[B, F, g + t, *s]``, or what broadcasts to them.
        deviation: standard deviation of each sample and field, ``[B, F]``.
        drawn: standard normal numbers, ``[B, F, t, *s]``.
        grid: of the state.
    """
    noise = drawn * deviation[(..., *[None] * len(grid.shape))]
    none = noise.new_zeros(*noise.shape[:2], grid.given, *noise.shape[3:])
    return state + torch.cat([none, noise], dim=2)


def given(
    known: Mapping[str, Tensor], state: Tensor, series: Tensor | None, coarser: Grid, grid: Grid
) -> dict[str, Tensor]:
    """Return what a super-resolution model is given on a grid.

    Args:
        known: what is known on it in any case: `forcing`, if there is one, and the given frames of
            `state`, with any others after them.
        state: all frames on the coarser grid, ``[B, F, g + t, *s]``, predicted ones for a part.
        series: likewise, ``[B, S, g + t]``.
        coarser: the coarser grid.
        grid: the grid.
    """
    parts = {
        "first": flatten_frames(known["state"][:, :, : grid.given]),
        "coarse": coarse(state, coarser, grid),
        "coarser": state[:, :, coarser.given :],
    }
    if "forcing" in known:
        parts["forcing"] = known["forcing"]
    if series is not None:
        finer = interpolate(series, coarser.axes("series"), grid.axes("series"), "linear")
        parts["series"] = finer[:, :, grid.given :]
    return parts


def coarse(state: Tensor, coarser: Grid, grid: Grid, kind: Kind = "cubic") -> Tensor:
    """Return a coarser state, interpolated by coordinates, after the given frames.

    Args:
        state: all frames ``[B, F, g + t, *s]``; the given ones are where interpolation starts.
        coarser: their grid.
        grid: a finer one.
        kind: of the interpolation.

    Returns:
        ``[B, F, T, *S]``.
    """
    finer = interpolate(state, coarser.axes("state"), grid.axes("state"), kind)
    return finer[:, :, grid.given :]
