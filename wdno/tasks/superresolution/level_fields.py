"""Fields on grids of several levels: restricted from a finer one, interpolated from a coarser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

import torch

from wdno.data.netcdf import DataError
from wdno.grids.axis import GridError
from wdno.grids.maps import interpolate, restrict
from wdno.problem import flatten_frames

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.grids.levels import Grid
    from wdno.tasks.superresolution.sections import Kind

Role = Literal["state", "forcing", "series"]
ROLES = get_args(Role)


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


def levels_below(finest: Grid, count: int, time: bool) -> list[Grid]:
    """Return a grid and so many that are each half of the one before.

    Raises:
        DataError: it cannot be halved so often.
    """
    grids = [finest]
    try:
        for _ in range(count):
            grids.append(grids[-1].coarser(time=time))
    except GridError as error:
        raise DataError(
            f"super-resolution: the grid {finest.shape} cannot be halved {count} times ({error}); "
            "choose a grid of even numbers, or fewer levels"
        ) from error
    return grids


def restricted(
    stored: Mapping[str, Tensor], finest: Grid, grid: Grid, roles: Sequence[Role] = ROLES
) -> dict[str, Tensor]:
    """Return the roles of a data file on a coarser grid, or the same; absent ones are left out.

    Args:
        stored: `state`, `forcing` and `series`, with all frames.
        finest: their grid.
        grid: a coarser one, or the same.
        roles: those that are wanted.
    """
    return {
        name: restrict(stored[name], finest.axes(name), grid.axes(name))
        for name in roles
        if name in stored and stored[name].shape[1]
    }


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
