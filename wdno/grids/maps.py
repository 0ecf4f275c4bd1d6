"""Restriction and interpolation of tensors, axis by axis, on any device, with gradients."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from wdno.grids.axis import TOLERANCE, GridAxis, GridError
from wdno.grids.weights import Interpolation, interpolation_weights


def restrict(values: Tensor, source: Sequence[GridAxis], target: Sequence[GridAxis]) -> Tensor:
    """Map values to a coarser grid, exactly: points are picked, cells averaged.

    Args:
        values: `[..., *n]`, n the counts of the source's axes.
        source: Axes of the values, the last dimensions.
        target: As many axes; one that is the source's own is left as it is.

    Returns:
        `[..., *m]`, m the counts of the target's axes.

    Raises:
        GridError: The shape is not that of the source, a point of the target is none of the
            source, or a cell is not made up of whole ones.
    """
    _check(values, source, target)
    for position, (old, new) in enumerate(zip(source, target, strict=True), -len(source)):
        if old != new:
            values = _restrict_axis(values, position, old, new)
    return values


def interpolate(
    values: Tensor,
    source: Sequence[GridAxis],
    target: Sequence[GridAxis],
    kind: Interpolation = "cubic",
) -> Tensor:
    """Map values to another grid of the same domain; see :mod:`wdno.grids.weights`.

    Args:
        values: `[..., *n]`, n the counts of the source's axes.
        source: Axes of the values, the last dimensions.
        target: As many axes; one that is the source's own is left as it is.
        kind: `linear`, `cubic`, `band_limited` or `nearest`.

    Returns:
        `[..., *m]`, m the counts of the target's axes, in the type of the values.

    Raises:
        GridError: The shape is not that of the source, or the axes do not belong together.
    """
    _check(values, source, target)
    # Mixed precision would round the values, and differences to them are what is learnt.
    with torch.autocast(values.device.type, enabled=False):
        found = values.float() if values.dtype in (torch.bfloat16, torch.float16) else values
        for position, (old, new) in enumerate(zip(source, target, strict=True), -len(source)):
            if old != new:
                matrix = _matrix(old, new, kind, found.dtype, found.device)
                moved = torch.einsum("...i,oi->...o", found.movedim(position, -1), matrix)
                found = moved.movedim(-1, position)
    return found.to(values.dtype)


def _check(values: Tensor, source: Sequence[GridAxis], target: Sequence[GridAxis]) -> None:
    expected = tuple(axis.count for axis in source)
    if len(source) != len(target) or not source:
        raise GridError(
            f"map between grids: expected as many axes, got {len(source)} and {len(target)}"
        )
    if tuple(values.shape[-len(source) :]) != expected:
        raise GridError(
            f"map between grids: expected values [..., {', '.join(map(str, expected))}], got shape "
            f"{tuple(values.shape)}"
        )


def _restrict_axis(values: Tensor, position: int, source: GridAxis, target: GridAxis) -> Tensor:
    ratio = target.spacing / source.spacing
    step = round(ratio)
    same = source.boundary == target.boundary and source.means == target.means
    if not same or step < 1 or abs(ratio - step) > TOLERANCE:
        raise GridError(
            f"restriction: expected a whole multiple of the spacing of {source}, got {target}"
        )
    start = source.index(target.first) - (step - 1) / 2 * source.means
    first = round(start)
    last = first + (target.count - 1) * step + (step - 1) * source.means
    if abs(start - first) > TOLERANCE or first < 0 or last >= source.count:
        raise GridError(
            f"restriction: expected points (or edges of cells) that are among those of {source}, "
            f"got {target}"
        )
    part = values.narrow(position, first, last - first + 1)
    if source.means:
        before, after = part.shape[:position], part.shape[part.ndim + position + 1 :]
        return part.reshape(*before, target.count, step, *after).mean(position)
    picked = torch.arange(0, last - first + 1, step, device=values.device)
    return part.index_select(part.ndim + position, picked)


@lru_cache(maxsize=64)
def _matrix(
    source: GridAxis,
    target: GridAxis,
    kind: Interpolation,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    # Made once for training too, even if it is first needed in inference mode.
    with torch.inference_mode(False):
        weights = torch.tensor(interpolation_weights(source, target, kind))
        return weights.to(device, dtype)
