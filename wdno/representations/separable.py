"""Transforms that are a matrix along each axis, each of which doubles the number of sub-bands.

Along an axis of n samples a matrix A [2m, n] makes m coefficients in either of two sub-bands, and
S [n, 2m], with S A = I, takes them back. On several axes each has its own, and the sub-bands are
the 2^k combinations, in the order of the axes.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager

import torch
from torch import Tensor


def analyse(matrices: Mapping[int, Tensor], x: Tensor) -> Tensor:
    """Make the sub-bands of data.

    Args:
        matrices: A of each transformed axis, [2m, n], by the number of the axis, increasing.
        x: Data, of any shape.

    Returns:
        The shape of ``x`` with 2^k sub-bands inserted in front of the first of the axes, whose
        sizes become those of a sub-band: [B, C, T, X] along (2, 3) gives [B, C, 4, t, x].
    """
    axes = list(matrices)
    first = axes[0]
    with full_precision(x):
        y = products(matrices, x)
    for i, axis in enumerate(axes):
        y = torch.unflatten(y, axis + i, (2, -1)).movedim(axis + i, first + i)
    return y.flatten(first, first + len(axes) - 1)


def synthesise(matrices: Mapping[int, Tensor], bands: Tensor) -> Tensor:
    """Make data of their sub-bands, the inverse of `analyse`.

    Args:
        matrices: S of each transformed axis **of the data**, [n, 2m], by its number, increasing.
        bands: Result of `analyse`, or a tensor of that shape.
    """
    axes = list(matrices)
    first = axes[0]
    y = torch.unflatten(bands, first, (2,) * len(axes))
    for i, axis in reversed(list(enumerate(axes))):
        y = y.movedim(first + i, axis + i)
    shape = list(bands.shape[:first] + bands.shape[first + 1 :])
    for axis in axes:
        shape[axis] *= 2
    with full_precision(bands):
        return products(matrices, y.reshape(shape))


def products(matrices: Mapping[int, Tensor], x: Tensor) -> Tensor:
    """Multiply ``x`` by a matrix [out, in] along each axis."""

    def growth(axis: int) -> tuple[float, int]:
        return matrices[axis].shape[0] / matrices[axis].shape[1], -axis

    # The axis that grows the least goes first, so that the later products are over less data.
    for axis in sorted(matrices, key=growth):
        matrix, before, after = matrices[axis], x.shape[:axis], x.shape[axis + 1 :]
        rows, columns = math.prod(before), math.prod(after)
        if columns == 1:
            y = x.reshape(rows, matrix.shape[1]) @ matrix.T
        else:
            y = torch.bmm(matrix.expand(rows, -1, -1), x.reshape(rows, matrix.shape[1], columns))
        x = y.reshape(*before, matrix.shape[0], *after)
    return x


def full_precision(x: Tensor) -> AbstractContextManager[None]:
    """Switch autocast off, if it is on, for what is computed with ``x``."""
    if torch.is_autocast_enabled(x.device.type):
        return torch.autocast(x.device.type, enabled=False)
    return contextlib.nullcontext()


def cached(matrix: object, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Make a tensor of a NumPy matrix that is kept for later calls.

    One made in inference mode and kept would make later training fail.
    """
    with torch.inference_mode(False):
        return torch.tensor(matrix, dtype=dtype, device=device)
