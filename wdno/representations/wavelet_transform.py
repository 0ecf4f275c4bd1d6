r"""One level of the discrete wavelet transform along chosen axes, as products with matrices.

Along one axis of size n, with analysis filters h (low-pass) and g (high-pass) of length L, one
level of the transform is linear,

.. math::  a_k = \sum_j \tilde x_{2k+s-j}\, h_j, \qquad d_k = \sum_j \tilde x_{2k+s-j}\, g_j,

where :math:`\tilde x` extends the data beyond its ends as the *mode* says: ``zero`` by zeros
(s = 1, m = floor((n + L - 1) / 2) coefficients in each sub-band), ``periodization`` by repeating
the data (s = L / 2, m = ceil(n / 2); an odd n is first made even by repeating the last sample),
``mirrored`` by their mirror images (s and m likewise, for symmetric filters; see ``mirrored``). So

.. math::  \binom{a}{d} = A x, \quad A \in R^{2m \times n}, \qquad
           x = S \binom{a}{d}, \quad S \in R^{n \times 2m}, \qquad S A = I,

and the transform in several dimensions applies the A of each axis in turn. The columns of A and S
are the transforms of unit vectors by PyWavelets (Lee et al. 2019, JOSS 4(36), 1237), so each of its
families and modes is available, beside ``mirrored``, which it lacks; and the gradient, a product
with A^T, is exact. The inverse of an odd size is one longer; S drops the surplus row.

Sub-bands are named by one letter per axis, "a" (approximation) or "d" (detail), as the keys of
``pywt.dwtn`` are, and stand in lexicographic order: aa, ad, da, dd.
"""

from __future__ import annotations

import difflib
import functools
import itertools
from collections.abc import Sequence

import numpy as np
import pywt
import torch
from torch import Tensor

from wdno.representations import mirrored, pytorch_wavelets_backend
from wdno.representations.separable import analyse, cached, full_precision, synthesise

BACKENDS = ("matrices", "pytorch_wavelets")


def check_family(family: str) -> str:
    """Return ``family`` if it names a discrete wavelet of PyWavelets, as "bior2.4".

    Raises:
        ValueError: If it does not; the message gives near matches.
    """
    known = pywt.wavelist(kind="discrete")
    if family in known:
        return family
    near = difflib.get_close_matches(str(family).lower(), known, n=4, cutoff=0.5)
    hint = f"did you mean {', '.join(repr(name) for name in near)}? " if near else ""
    raise ValueError(
        f"unknown wavelet family {family!r}: {hint}expected a discrete wavelet of PyWavelets; "
        "list them with python -c \"import pywt; print(pywt.wavelist(kind='discrete'))\""
    )


def check_modes(mode: str | Sequence[str], axes: int) -> tuple[str, ...]:
    """Return one boundary mode per axis, from one string for all axes or one per axis.

    Raises:
        ValueError: If a mode is neither "mirrored" nor one of PyWavelets', or there is not one
            per axis.
    """
    modes = (mode,) * axes if isinstance(mode, str) else tuple(mode)
    if len(modes) != axes:
        raise ValueError(f"wavelet mode: expected one mode or {axes} (one per axis), got {mode!r}")
    for name in modes:
        if name not in (mirrored.MODE, *pywt.Modes.modes):
            raise ValueError(
                f"unknown wavelet mode {name!r}: expected 'periodization', 'zero', "
                f"{mirrored.MODE!r} or another of {', '.join(pywt.Modes.modes)}"
            )
    return modes


def filter_length(family: str) -> int:
    """Length L of the family's filters, as 10 for bior2.4 and 6 for bior1.3."""
    return int(pywt.Wavelet(check_family(family)).dec_len)


def coefficient_size(size: int, family: str, mode: str) -> int:
    """Number m of coefficients in each sub-band of an axis of ``size`` samples."""
    if mode == mirrored.MODE:
        return mirrored.coefficient_size(size)
    return int(pywt.dwt_coeff_len(size, filter_length(family), mode))


def subband_names(axes: int) -> tuple[str, ...]:
    """Names of the 2^axes sub-bands in their order, as ("aa", "ad", "da", "dd")."""
    return tuple("".join(letters) for letters in itertools.product("ad", repeat=axes))


@functools.lru_cache(maxsize=512)
def analysis_matrix(
    size: int, family: str, mode: str, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Matrix A of one axis, [2m, size]: approximation rows, then detail rows. Cached: read only."""
    if mode == mirrored.MODE:
        return cached(mirrored.analysis(size, family), dtype, device)
    return cached(np.concatenate(pywt.dwt(np.eye(size), family, mode, axis=0)), dtype, device)


@functools.lru_cache(maxsize=512)
def synthesis_matrix(
    size: int, family: str, mode: str, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Matrix S of one axis, [size, 2m], with S A = I. Cached: read only."""
    if mode == mirrored.MODE:
        return cached(mirrored.synthesis(size, family), dtype, device)
    m = coefficient_size(size, family, mode)
    a, d = np.split(np.eye(2 * m), 2)
    return cached(pywt.idwt(a, d, family, mode, axis=0)[:size], dtype, device)


class WaveletTransform:
    """One-level discrete wavelet transform and its inverse, differentiable, on CPU and GPU.

    The sub-bands of a tensor stand on a new axis in front of the first transformed one; every
    other axis stays where it is. On a GPU keep ``torch.backends.cuda.matmul.allow_tf32`` off (its
    default): with it, reconstruction is good to 1e-3 only. Autocast is switched off inside.

    Args:
        family: Discrete wavelet of PyWavelets.
        mode: Extension of the data beyond its ends: "periodization", "zero", "mirrored" or another
            of ``pywt.Modes.modes``; one for all axes or one per transformed axis.
        backend: "matrices", or "pytorch_wavelets" (Cotter 2020) as a reference, 4 to 10 times
            slower on a CPU, which has the first two modes only and refuses what it computes
            wrongly (see ``pytorch_wavelets_backend``).

    Raises:
        ValueError: If the family, the mode or the backend is unknown, or the family or the backend
            cannot be mirrored.
    """

    def __init__(
        self,
        family: str = "bior2.4",
        mode: str | Sequence[str] = "periodization",
        backend: str = "matrices",
    ) -> None:
        self.family = check_family(family)
        self.mode = mode if isinstance(mode, str) else tuple(mode)
        modes = check_modes(self.mode, 1 if isinstance(mode, str) else len(mode))
        if backend not in BACKENDS:
            raise ValueError(f"unknown wavelet backend {backend!r}: expected one of {BACKENDS}")
        if mirrored.MODE in modes:
            if (problem := mirrored.refusal(family)) is not None:
                raise ValueError(problem)
            if backend != "matrices":
                raise ValueError(
                    f"wavelet backend {backend!r} has no mode {mirrored.MODE!r}; use 'matrices'"
                )
        self.backend = backend

    def coefficient_sizes(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """Sizes of a sub-band along axes of ``sizes`` samples, as (81, 120) -> (41, 60)."""
        modes = check_modes(self.mode, len(sizes))
        return tuple(
            coefficient_size(n, self.family, mode) for n, mode in zip(sizes, modes, strict=True)
        )

    def dwt(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        """Transform ``x`` along ``axes``.

        Args:
            x: Data, float32 or float64, of any shape.
            axes: 1 to 3 axes in increasing order; negative ones count from the end.

        Returns:
            The shape of ``x`` with 2^len(axes) sub-bands inserted in front of the first of
            ``axes``, whose sizes become those of a sub-band: [B, C, T, X] along (2, 3) gives
            [B, C, 4, t, x].

        Raises:
            ValueError: If the data are neither float32 nor float64, or the axes do not fit.
        """
        axes, modes = self._checked(x, axes, x.ndim)
        if self.backend == "pytorch_wavelets":
            with full_precision(x):
                return pytorch_wavelets_backend.dwt(x, axes, self.family, modes)
        matrices = {
            axis: analysis_matrix(x.shape[axis], self.family, mode, x.dtype, x.device)
            for axis, mode in zip(axes, modes, strict=True)
        }
        return analyse(matrices, x)

    def idwt(self, coefficients: Tensor, axes: Sequence[int], sizes: Sequence[int]) -> Tensor:
        """Invert ``dwt(x, axes)``.

        Args:
            coefficients: Result of ``dwt``, or a tensor of that shape.
            axes: Axes **of the data**, as given to ``dwt``.
            sizes: Sizes of the data along ``axes``, needed since two sizes can have the same
                number of coefficients.

        Returns:
            Data, with ``sizes`` along ``axes``.

        Raises:
            ValueError: If the sub-bands do not have the shape that ``sizes`` gives.
        """
        ndim = coefficients.ndim - 1
        axes, modes = self._checked(coefficients, axes, ndim)
        grid, first = self.coefficient_sizes(sizes), axes[0]
        given = (coefficients.shape[first], *(coefficients.shape[axis + 1] for axis in axes))
        if len(grid) != len(axes) or given != (2 ** len(axes), *grid):
            raise ValueError(
                f"inverse wavelet transform ({self.family}, {self.mode}) to sizes {tuple(sizes)} "
                f"along axes {axes}: expected (sub-bands, *coefficients) = "
                f"{(2 ** len(axes), *grid)}, got {given} in a tensor {tuple(coefficients.shape)}"
            )
        if self.backend == "pytorch_wavelets":
            with full_precision(coefficients):
                return pytorch_wavelets_backend.idwt(
                    coefficients, axes, tuple(sizes), self.family, modes
                )
        matrices = {
            axis: synthesis_matrix(size, self.family, mode, coefficients.dtype, coefficients.device)
            for axis, size, mode in zip(axes, sizes, modes, strict=True)
        }
        return synthesise(matrices, coefficients)

    def _checked(
        self, x: Tensor, axes: Sequence[int], ndim: int
    ) -> tuple[tuple[int, ...], tuple[str, ...]]:
        if x.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"wavelet transform: expected float32 or float64, got {x.dtype}; convert with "
                ".float(), since half precision loses the exact reconstruction"
            )
        positive = tuple(axis + ndim if axis < 0 else axis for axis in axes)
        increasing = all(a < b for a, b in itertools.pairwise(positive))
        if not (1 <= len(axes) <= 3 and increasing and 0 <= positive[0] <= positive[-1] < ndim):
            raise ValueError(
                f"wavelet transform: expected 1 to 3 axes in increasing order of data with {ndim} "
                f"axes, got {tuple(axes)}"
            )
        return positive, check_modes(self.mode, len(axes))
