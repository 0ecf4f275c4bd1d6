r"""The mode "mirrored": as few coefficients as there are samples, without a seam at the ends.

With symmetric filters, data that are continued by their mirror image have coefficients that are
mirror images too (Brislawn 1996, Appl. Comput. Harmon. Anal. 3(4), 337), so that those inside say
all: m = n / 2 in each sub-band, as with periodization, whose coefficients they equal away from the
ends, where it sees the jump from the last sample to the first. With taps h and g of index j and

.. math::  a_k = \sum_j \tilde x_{2k+L/2-j}\, h_j, \qquad d_k = \sum_j \tilde x_{2k+L/2-j}\, g_j,

where L is the length to which PyWavelets pads both filters by zeros, true filters of

- odd length (bior2.4: 9 and 3) are both symmetric; a_k stands at sample 2k, d_k at 2k + 1, and the
  mirrors at the end samples: :math:`\tilde x_{-i} = x_i`, :math:`\tilde x_{n-1+i} = x_{n-1-i}`;
- even length (bior1.3: 6 and 2) are symmetric and antisymmetric; a_k and d_k stand between 2k and
  2k + 1, and the mirrors half a sample beyond the ends: :math:`\tilde x_{-1-i} = x_i`,
  :math:`\tilde x_{n+i} = x_{n-1-i}`.

For even n the matrix A [n, n] of this map has an inverse, which is S; their condition is about that
of periodization (bior2.4: 2.1). An odd n is first made even by repeating the last sample, and S
drops the surplus row. Details of a constant are zero up to the ends.

Without torch, so that a configuration is checked without loading it.
"""

from __future__ import annotations

import functools

import numpy as np
import pywt
from numpy.typing import NDArray

MODE = "mirrored"

TOLERANCE = 1e-9
"""Of the symmetry of filters, which PyWavelets tabulates to 12 digits or more."""

Matrix = NDArray[np.float64]


@functools.lru_cache(maxsize=512)
def is_symmetric(family: str) -> bool:
    """Whether both filters of a discrete wavelet are symmetric, or antisymmetric."""
    wavelet = pywt.Wavelet(family)
    low, high = (np.trim_zeros(taps) for taps in (wavelet.dec_lo, wavelet.dec_hi))
    # An even high-pass is antisymmetric: its taps add up to zero.
    flipped = high[::-1] if len(high) % 2 else np.negative(high[::-1])
    return _close(low, low[::-1]) and _close(high, flipped)


def refusal(family: str) -> str | None:
    """Say why a family cannot be mirrored and which can; None if it can."""
    if is_symmetric(family):
        return None
    return (
        f"mode = {MODE!r}: needs symmetric filters, and those of {family!r} are not; use a wavelet "
        "of 'bior' or 'rbio', or 'haar', or the mode 'periodization'"
    )


def coefficient_size(size: int) -> int:
    """Number m of coefficients in each sub-band of an axis of ``size`` samples: half of them."""
    return (size + 1) // 2


def analysis(size: int, family: str) -> Matrix:
    """Matrix A of one axis, [2m, size]: approximation rows, then detail rows.

    Raises:
        ValueError: If the filters of the family are not symmetric.
    """
    matrix = _even(2 * coefficient_size(size), family)
    if size % 2:
        matrix = np.column_stack([matrix[:, : size - 1], matrix[:, size - 1 :].sum(1)])
    return matrix


def synthesis(size: int, family: str) -> Matrix:
    """Matrix S of one axis, [size, 2m], with S A = I.

    Raises:
        ValueError: If the filters of the family are not symmetric.
    """
    inverse = np.linalg.inv(_even(2 * coefficient_size(size), family))
    return np.asarray(inverse[:size], dtype=np.float64)


def _even(size: int, family: str) -> Matrix:
    """Matrix A of an even size."""
    if (problem := refusal(family)) is not None:
        raise ValueError(problem)
    wavelet = pywt.Wavelet(family)
    odd = len(np.trim_zeros(wavelet.dec_lo)) % 2
    k = np.arange(size // 2)
    matrix = np.zeros((2, size // 2, size))
    for band, taps in zip(matrix, (wavelet.dec_lo, wavelet.dec_hi), strict=True):
        for j, tap in enumerate(taps):
            # Each sample that a tap meets once more, in a mirror, counts once more.
            band[k, _mirror(2 * k + wavelet.dec_len // 2 - j, size, odd)] += tap
    return matrix.reshape(size, size)


def _mirror(position: NDArray[np.int64], size: int, odd: int) -> NDArray[np.int64]:
    """Samples that the positions stand for; mirrors at the end samples for odd filters."""
    position = position % (2 * size - 2 * odd)
    return np.minimum(position, 2 * size - 1 - odd - position)


def _close(a: object, b: object) -> bool:
    return bool(np.allclose(a, b, rtol=0.0, atol=TOLERANCE))  # type: ignore[arg-type]
