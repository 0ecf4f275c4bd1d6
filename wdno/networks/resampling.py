r"""From one grid to another as a function of bandwidth limited by both, axis by axis.

With N points on a periodic axis the values on M points are those of the trigonometric polynomial
through the N, without the frequencies that M points do not have: an ideal filter. An axis that ends
has a sinc, windowed by that of Lanczos to three lobes,

.. math::  y_k = \frac1{c_k} \sum_j w\Big(\frac{(k + 1/2) N / M - j - 1/2}{\max(1, N / M)}\Big) x_j,
           \qquad w(d) = \mathrm{sinc}(d)\, \mathrm{sinc}(d / 3), \quad |d| < 3,

with c_k the sum of the weights, so that constants are kept; there points are centres of cells.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.signal
import torch
from numpy.typing import NDArray
from torch import Tensor

from wdno.representations.separable import products

_LOBES = 3


def resample(x: Tensor, grid: Sequence[int], periodic: Sequence[bool]) -> Tensor:
    """Take values to another grid, in single precision or better.

    Args:
        x: Values, [B, C, *old].
        grid: Points along each axis of the new grid.
        periodic: Whether each axis is.

    Returns:
        Values, [B, C, *grid].
    """
    if tuple(x.shape[2:]) == tuple(grid):
        return x
    with torch.autocast(x.device.type, enabled=False):
        x = x if x.dtype == torch.float64 else x.float()
        matrices = {
            axis: _matrix(n, m, wraps, x.dtype, x.device)
            for axis, (n, m, wraps) in enumerate(
                zip(x.shape[2:], grid, periodic, strict=True), start=2
            )
            if n != m
        }
        return products(matrices, x)


def weights(size: int, new: int, periodic: bool) -> NDArray[Any]:
    """Return the matrix [new, size] of an axis."""
    if periodic:
        return np.asarray(scipy.signal.resample(np.eye(size), new, axis=0))
    ratio = size / new
    places = (np.arange(new)[:, None] + 0.5) * ratio - 0.5
    d = (places - np.arange(size)) / max(1.0, ratio)
    found = np.where(np.abs(d) < _LOBES, np.sinc(d) * np.sinc(d / _LOBES), 0.0)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


@functools.lru_cache(maxsize=512)
def _matrix(
    size: int, new: int, periodic: bool, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """The matrix of an axis. Cached: read only."""
    # A tensor made in inference mode and cached would make later training fail.
    with torch.inference_mode(False):
        return torch.from_numpy(weights(size, new, periodic)).to(device=device, dtype=dtype)
