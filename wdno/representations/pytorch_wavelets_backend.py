"""The wavelet transform by ``pytorch_wavelets``: convolutions, as a reference for the matrices.

The library (Cotter 2020, "Uses of Complex Wavelets in Deep Convolutional Neural Networks",
Cambridge) has one and two dimensions; a third is composed of its 2D and 1D transforms, which is
exact since the transform is separable. What its version 1.3.0 computes wrongly is refused here:

- ``periodization`` on an axis shorter than the filters (after an odd size is made even): its
  coefficients and its inverse are wrong;
- the gradient of its forward transform in ``periodization`` at an odd size, since the backward
  pass drops the share of the repeated last sample (an error of 0.7 in that sample's gradient).

``zero``, and ``periodization`` at even sizes, are right. The library rounds its filters to
float32; they are overwritten by exact ones, so that its float64 results are good to 1e-12.

It needs ``setuptools<82`` (for ``pkg_resources``) and PyWavelets, which it does not declare.
"""

from __future__ import annotations

import functools
import importlib
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pywt
import torch
from torch import Tensor

MODES = ("periodization", "zero")


def dwt(x: Tensor, axes: Sequence[int], family: str, modes: Sequence[str]) -> Tensor:
    """Transform ``x`` along ``axes``, as ``WaveletTransform.dwt`` does.

    Args:
        x: Data.
        axes: Increasing, non-negative.
        family: Discrete wavelet.
        modes: "periodization" or "zero" for each axis.

    Returns:
        ``x`` with its sub-bands in front of the first of ``axes``.

    Raises:
        ValueError: If the library's coefficients, or a gradient that is asked for, would be wrong.
        ImportError: If the library is not installed.
    """
    count = len(axes)
    moved = x.movedim(tuple(axes), _range(-count, count))
    batch, sizes = moved.shape[:-count], moved.shape[-count:]
    y = _dwt(moved.reshape(*_rows_and_channels(batch), *sizes), family, modes)
    y = y.reshape(*batch, *y.shape[2:]).movedim(len(batch), 0)
    return y.movedim(_range(-count, count), tuple(axis + 1 for axis in axes)).movedim(0, axes[0])


def idwt(
    coefficients: Tensor,
    axes: Sequence[int],
    sizes: Sequence[int],
    family: str,
    modes: Sequence[str],
) -> Tensor:
    """Invert ``dwt``, as ``WaveletTransform.idwt`` does.

    Args:
        coefficients: Result of ``dwt``, or a tensor of that shape.
        axes: Axes of the data, increasing, non-negative.
        sizes: Sizes of the data along ``axes``.
        family: Discrete wavelet.
        modes: "periodization" or "zero" for each axis.

    Returns:
        Data, with ``sizes`` along ``axes``.

    Raises:
        ValueError: If the library's inverse would be wrong.
        ImportError: If the library is not installed.
    """
    count = len(axes)
    bands_first = coefficients.movedim(axes[0], 0)
    moved = bands_first.movedim(tuple(axis + 1 for axis in axes), _range(-count, count))
    batch = moved.shape[1:-count]
    c = moved.movedim(0, len(batch))
    x = _idwt(c.reshape(*_rows_and_channels(batch), *c.shape[len(batch) :]), sizes, family, modes)
    return x.reshape(*batch, *sizes).movedim(_range(-count, count), tuple(axes))


def _rows_and_channels(batch: Sequence[int]) -> tuple[int, int]:
    return math.prod(batch[:-1]), batch[-1] if batch else 1


def _dwt(x: Tensor, family: str, modes: Sequence[str]) -> Tensor:
    """[N, C, *sizes] -> [N, C, 2^len(sizes), *coefficients]."""
    inner, outer = _native_axes(modes), len(modes) - _native_axes(modes)
    if outer == 0:
        return _native_dwt(x, family, modes)
    kept = x.shape[1 : 2 + outer]
    y = _native_dwt(x.flatten(1, 1 + outer), family, modes[outer:])
    y = torch.unflatten(y, 1, kept).movedim(_range(2, outer), _range(-outer, outer))
    kept = y.shape[1 : 3 + inner]
    y = torch.unflatten(_dwt(y.flatten(1, 2 + inner), family, modes[:outer]), 1, kept)
    return y.movedim(*_bands_together(inner, outer)).flatten(2, 3)


def _idwt(c: Tensor, sizes: Sequence[int], family: str, modes: Sequence[str]) -> Tensor:
    """[N, C, 2^len(sizes), *coefficients] -> [N, C, *sizes]."""
    inner, outer = _native_axes(modes), len(modes) - _native_axes(modes)
    if outer == 0:
        return _native_idwt(c, sizes, family, modes)
    source, target = _bands_together(inner, outer)
    y = torch.unflatten(c, 2, (2**outer, 2**inner)).movedim(target, source)
    kept = y.shape[1 : 3 + inner]
    y = _idwt(y.flatten(1, 2 + inner), sizes[:outer], family, modes[:outer])
    y = torch.unflatten(y, 1, kept).movedim(_range(-outer, outer), _range(2, outer))
    kept = y.shape[1 : 2 + outer]
    y = _native_idwt(y.flatten(1, 1 + outer), sizes[outer:], family, modes[outer:])
    return torch.unflatten(y, 1, kept)


def _native_axes(modes: Sequence[str]) -> int:
    """How many trailing axes one call of the library transforms: two if their modes agree."""
    return 2 if len(modes) > 1 and modes[-1] == modes[-2] else 1


def _range(start: int, count: int) -> tuple[int, ...]:
    return tuple(range(start, start + count))


def _bands_together(inner: int, outer: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Axes to move, and where to, for [N, C, K', *m', K, *m] -> [N, C, K, K', *m, *m']."""
    return _range(3 + inner, 1 + outer), (2, *_range(4, outer))


def _native_dwt(x: Tensor, family: str, modes: Sequence[str]) -> Tensor:
    _check_sizes(x.shape[2:], family, modes)
    odd = modes[0] == "periodization" and any(size % 2 for size in x.shape[2:])
    if odd and x.requires_grad and torch.is_grad_enabled():
        raise ValueError(
            f"pytorch_wavelets: the gradient of its 'periodization' transform is wrong at odd "
            f"sizes, here {tuple(x.shape[2:])}; use backend 'matrices', mode 'zero', even sizes, "
            "or torch.no_grad()"
        )
    low, (high,) = _module("Forward", len(modes), family, modes[0], x.dtype, x.device)(x)
    if len(modes) == 1:
        return torch.stack([low, high], dim=2)
    da, ad, dd = high.unbind(2)
    return torch.stack([low, ad, da, dd], dim=2)


def _native_idwt(c: Tensor, sizes: Sequence[int], family: str, modes: Sequence[str]) -> Tensor:
    _check_sizes(sizes, family, modes)
    low, *details = c.unbind(2)
    high = details[0] if len(modes) == 1 else torch.stack([details[i] for i in (1, 0, 2)], dim=2)
    x: Tensor = _module("Inverse", len(modes), family, modes[0], c.dtype, c.device)((low, [high]))
    for axis, size in enumerate(sizes):  # an odd size comes back one longer
        x = x.narrow(2 + axis, 0, size)
    return x


def _check_sizes(sizes: Sequence[int], family: str, modes: Sequence[str]) -> None:
    length = pywt.Wavelet(family).dec_len
    for size, mode in zip(sizes, modes, strict=True):
        if mode not in MODES:
            raise ValueError(
                f"pytorch_wavelets: expected a mode in {MODES}, got {mode!r}, whose gradient it "
                "computes wrongly or which it lacks; use backend 'matrices'"
            )
        if mode == "periodization" and size + size % 2 < length:
            raise ValueError(
                f"pytorch_wavelets: wrong for 'periodization' on {size} samples, fewer than the "
                f"{length} of the filters of {family!r}; use backend 'matrices'"
            )


@functools.lru_cache(maxsize=64)
def _module(
    direction: str, axes: int, family: str, mode: str, dtype: torch.dtype, device: torch.device
) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        try:
            library = importlib.import_module("pytorch_wavelets")
        except ImportError as error:
            raise ImportError(
                "wavelet backend 'pytorch_wavelets' needs: pip install pytorch_wavelets "
                f"PyWavelets 'setuptools<82' ({error}); the default backend 'matrices' does not"
            ) from error
    wavelet = pywt.Wavelet(family)
    name = f"DWT{'1D' if axes == 1 else ''}{direction}"
    # Modules made in inference mode and cached would make later training fail.
    with torch.inference_mode(False), torch.no_grad():
        module = getattr(library, name)(wave=wavelet, mode=mode).to(device=device, dtype=dtype)
        filters = {
            "h0": wavelet.dec_lo[::-1],
            "h1": wavelet.dec_hi[::-1],
            "g0": wavelet.rec_lo,
            "g1": wavelet.rec_hi,
        }
        for buffer_name, buffer in module.named_buffers():  # h0, h0_col, h0_row, ...
            exact = torch.from_numpy(np.array(filters[buffer_name[:2]]))
            buffer.copy_(exact.reshape(buffer.shape))
    return module
