r"""Real orthonormal bases of one axis: Fourier's where it wraps around, cosines where it ends.

Of n samples $x_j$, an axis that wraps around has cosines and sines of k = 0 ... n/2 whole waves,

$$ e_k = w_k \sum_j x_j \cos\frac{2 \pi k j}{n}, \qquad
   o_k = w_k \sum_j x_j \sin\frac{2 \pi k j}{n}, $$

the real part and minus the imaginary part of the discrete Fourier transform, of which the sines of
k = 0 and k = n/2 are zero: m = floor(n / 2) + 1 in either sub-band. An axis that ends is
continued by its mirror image, without a seam, and has cosines of h = 0 ... n - 1 half waves (the
DCT-II of Ahmed, Natarajan and Rao 1974, IEEE Trans. Comput. C-23, 90),

$$ c_h = w_h \sum_j x_j \cos\frac{\pi h (2 j + 1)}{2 n}, \qquad
   e_k = c_{2k}, \quad o_k = c_{2k+1}, $$

m = ceil(n / 2) in either sub-band, the last $o_k$ of an odd n zero. So in both cases k counts whole
waves, and e is even, o odd: about the first sample, or about the middle. With
$w = \sqrt{2 / n}$, or $\sqrt{1 / n}$ where the wave is constant but for its sign, the rows of
the matrix that are not zero are orthonormal, and its transpose is its inverse.

Without torch, so that a configuration is checked without loading it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def wrapped(mode: str, dims: int, periodic: Sequence[bool] | None) -> tuple[bool, ...]:
    """Return which axes of a grid, time first, are treated as if they wrapped around.

    Args:
        mode: "mirrored", or "periodization" for all axes to wrap around.
        dims: Number of axes, time included.
        periodic: Whether each spatial axis is periodic; None if none is.

    Raises:
        ValueError: If the mode is another, or there is not one entry of ``periodic`` for each
            spatial axis.
    """
    if mode not in ("mirrored", "periodization"):
        raise ValueError(f"fourier mode: expected 'mirrored' or 'periodization', got {mode!r}")
    wraps = (False,) * (dims - 1) if periodic is None else tuple(periodic)
    if len(wraps) != dims - 1:
        raise ValueError(
            f"fourier: expected 'periodic' for each of {dims - 1} spatial axes, got {periodic!r}"
        )
    return tuple(wrap or mode == "periodization" for wrap in (False, *wraps))


def coefficient_size(size: int, wraps: bool) -> int:
    """Number m of coefficients in each sub-band of an axis of ``size`` samples."""
    return size // 2 + 1 if wraps else (size + 1) // 2


def band_names(axes: int) -> tuple[str, ...]:
    """Names of the 2^axes sub-bands in their order, as ("ee", "eo", "oe", "oo")."""
    return tuple("".join(letters) for letters in itertools.product("eo", repeat=axes))


def matrix(size: int, wraps: bool) -> Matrix:
    """Matrix of one axis, [2m, size]: the rows e_k, then o_k; its transpose is its inverse."""
    m, j = coefficient_size(size, wraps), np.arange(size)
    bands = np.zeros((2, m, size))
    if wraps:
        # Reduced exactly, so that waves are as exact at large k j as at small ones.
        angle = 2 * np.pi * (np.outer(np.arange(m), j) % size) / size
        bands[0], bands[1] = np.cos(angle), np.sin(angle)
        alone = [k for k in range(m) if 2 * k % size == 0]
        bands[1, alone] = 0.0
    else:
        halves = np.cos(np.pi * (np.outer(np.arange(size), 2 * j + 1) % (4 * size)) / (2 * size))
        bands[0], bands[1, : size // 2] = halves[::2], halves[1::2]
        alone = [0]
    bands *= np.sqrt(2 / size)
    bands[0, alone] /= np.sqrt(2)
    return bands.reshape(2 * m, size)
