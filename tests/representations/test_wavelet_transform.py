"""The wavelet transform against PyWavelets, its own adjoint, and by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import pywt
import torch
from torch import Tensor

from wdno.representations.wavelet_transform import (
    WaveletTransform,
    analysis_matrix,
    coefficient_size,
    filter_length,
    subband_names,
)

FAMILIES = ["haar", "db4", "sym5", "coif2", "bior1.3", "bior2.4", "rbio3.1"]
MODES = ["periodization", "zero"]
SIZES = [2, 3, 7, 10, 16, 33]


def data(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape)))


def by_pywavelets(x: Tensor, family: str, mode: str | tuple[str, ...], axes: list[int]) -> Tensor:
    bands = pywt.dwtn(x.numpy(), family, mode, axes=axes)
    stacked = [torch.from_numpy(bands[name]) for name in subband_names(len(axes))]
    return torch.stack(stacked, dim=axes[0])


def assert_close(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    assert actual.shape == expected.shape, f"{tuple(actual.shape)} != {tuple(expected.shape)}"
    error = float((actual - expected).abs().max() / expected.abs().max())
    assert error <= tolerance, f"largest relative error {error:.2e} > {tolerance:.0e}"


# By hand


def test_haar_of_a_textbook_sequence() -> None:
    # Jensen and la Cour-Harbo, Ripples in Mathematics (2001), chapter 2: means and half
    # differences of pairs; the orthonormal Haar transform is sqrt(2) times both.
    x = torch.tensor([56.0, 40, 8, 24, 48, 48, 40, 16], dtype=torch.float64)
    a, d = WaveletTransform("haar").dwt(x, [0])
    means, halves = torch.tensor([48.0, 16, 48, 28]), torch.tensor([8.0, -8, 0, 12])
    assert_close(a / math.sqrt(2), means.double(), 1e-14)
    assert_close(d / math.sqrt(2), halves.double(), 1e-14)


def test_haar_of_a_square_by_hand() -> None:
    x = torch.tensor([[1.0, 2], [3, 4]], dtype=torch.float64)
    c = WaveletTransform("haar").dwt(x, [0, 1]).flatten()
    expected = torch.tensor([1 + 2 + 3 + 4, 1 - 2 + 3 - 4, 1 + 2 - 3 - 4, 1 - 2 - 3 + 4]) / 2
    assert subband_names(2) == ("aa", "ad", "da", "dd")
    assert_close(c, expected.double(), 1e-14)


@pytest.mark.parametrize(("family", "moments"), [("db2", 2), ("db4", 4), ("bior2.4", 2)])
def test_details_of_polynomials_below_the_vanishing_moments(family: str, moments: int) -> None:
    x = torch.linspace(-1, 1, 64, dtype=torch.float64)
    inner = slice(filter_length(family), -filter_length(family))
    for power in range(moments + 1):
        _, d = WaveletTransform(family, "zero").dwt(x**power, [0])
        largest = float(d[inner].abs().max())
        assert (largest < 1e-11) == (power < moments), f"x^{power}: detail {largest:.1e}"


def test_an_orthogonal_wavelet_keeps_the_energy() -> None:
    x = data(3, 16, 24)
    c = WaveletTransform("db4", "periodization").dwt(x, [1, 2])
    assert_close(c.square().sum(), x.square().sum(), 1e-11)


# Sizes


@pytest.mark.parametrize(
    ("family", "mode", "sizes", "expected"),
    [
        ("bior2.4", "periodization", (81, 120), (41, 60)),
        ("bior1.3", "zero", (32, 64, 64), (18, 34, 34)),
        ("bior2.4", ("zero", "periodization"), (81, 120), (45, 60)),
    ],
)
def test_sizes_of_sub_bands(
    family: str, mode: str | tuple[str, ...], sizes: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    transform, axes = WaveletTransform(family, mode), range(1, 1 + len(sizes))
    c = transform.dwt(data(2, *sizes), axes)
    assert transform.coefficient_sizes(sizes) == expected
    assert c.shape == (2, 2 ** len(sizes), *expected)
    assert transform.idwt(c, axes, sizes).shape == (2, *sizes)


# PyWavelets


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_one_axis_equals_pywavelets(family: str, mode: str, size: int) -> None:
    x = data(4, size)
    expected = torch.stack([torch.from_numpy(y) for y in pywt.dwt(x.numpy(), family, mode)], dim=1)
    assert_close(WaveletTransform(family, mode).dwt(x, [1]), expected, 1e-13)


@pytest.mark.parametrize("sizes", [(16, 12), (13, 18), (9, 15), (4, 5)])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_two_axes_equal_pywavelets(family: str, mode: str, sizes: tuple[int, int]) -> None:
    x = data(3, *sizes)
    a, (h, v, d) = pywt.dwt2(x.numpy(), family, mode)  # h: detail in the first axis (rows)
    expected = torch.from_numpy(np.stack([a, v, h, d], axis=1))
    assert_close(WaveletTransform(family, mode).dwt(x, [1, 2]), expected, 1e-13)


@pytest.mark.parametrize("mode", [*MODES, ("zero", "periodization", "zero")])
@pytest.mark.parametrize("family", FAMILIES)
def test_three_axes_equal_pywavelets(family: str, mode: str | tuple[str, ...]) -> None:
    x = data(2, 11, 12, 13)
    c = WaveletTransform(family, mode).dwt(x, [1, 2, 3])
    assert_close(c, by_pywavelets(x, family, mode, [1, 2, 3]), 1e-13)


@pytest.mark.parametrize("mode", pywt.Modes.modes)
def test_every_mode_equals_pywavelets_and_inverts(mode: str) -> None:
    x = data(2, 13, 20)
    transform = WaveletTransform("bior2.4", mode)
    c = transform.dwt(x, [1, 2])
    assert_close(c, by_pywavelets(x, "bior2.4", mode, [1, 2]), 1e-13)
    assert_close(transform.idwt(c, [1, 2], [13, 20]), x, 1e-12)


@pytest.mark.parametrize("axes", [[0], [1, 3], [0, 2, 3], [-3, -1], [-2]])
def test_any_axes_equal_pywavelets(axes: list[int]) -> None:
    x, modes = data(10, 7, 12, 9), ("zero", "periodization", "periodization")[: len(axes)]
    transform = WaveletTransform("bior1.3", modes)
    c = transform.dwt(x, axes)
    positive = [axis % 4 for axis in axes]
    assert_close(c, by_pywavelets(x, "bior1.3", modes, positive), 1e-13)
    assert_close(transform.idwt(c, axes, [x.shape[axis] for axis in axes]), x, 1e-12)


# Perfect reconstruction


@pytest.mark.parametrize(("dtype", "bar"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("sizes", [(81, 120), (7, 6), (9, 16, 33), (2, 3, 4)])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_reconstruction(
    family: str, mode: str, sizes: tuple[int, ...], dtype: torch.dtype, bar: float
) -> None:
    x = data(2, 3, *sizes, dtype=dtype)
    transform, axes = WaveletTransform(family, mode), range(2, 2 + len(sizes))
    y = transform.idwt(transform.dwt(x, axes), axes, sizes)
    assert y.dtype == dtype
    assert_close(y, x, bar)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_reconstruction_and_coefficients_on_a_gpu() -> None:
    for family, mode, dtype in itertools.product(FAMILIES, MODES, (torch.float32, torch.float64)):
        transform, x = WaveletTransform(family, mode), data(2, 17, 24, dtype=dtype)
        c = transform.dwt(x.cuda(), [1, 2])
        bar = 1e-6 if dtype == torch.float32 else 1e-12
        assert_close(c.cpu(), transform.dwt(x, [1, 2]), bar)
        assert_close(transform.idwt(c, [1, 2], [17, 24]).cpu(), x, bar)


def test_every_family_reconstructs_as_well_as_in_pywavelets() -> None:
    # Filters tabulated to 12 digits (sym, bior5.5) or truncated (dmey: 3e-3) limit both.
    x = data(2, 81)
    for family, mode in itertools.product(pywt.wavelist(kind="discrete"), MODES):
        transform = WaveletTransform(family, mode)
        error = float((transform.idwt(transform.dwt(x, [1]), [1], [81]) - x).norm() / x.norm())
        own = pywt.idwt(*pywt.dwt(x.numpy(), family, mode), family, mode)[:, :81] - x.numpy()
        bar = max(1e-12, 1.01 * float(np.linalg.norm(own)) / float(x.norm()))
        assert error <= bar, f"{family}, {mode}: {error:.2e} > {bar:.2e}"


# Adjoint and gradient


def dense(family: str, mode: str, sizes: tuple[int, ...], inverse: bool) -> Tensor:
    """Matrix of the whole transform, or of its inverse, from PyWavelets and unit vectors."""
    axes = list(range(1, 1 + len(sizes)))
    if not inverse:
        unit = torch.eye(math.prod(sizes), dtype=torch.float64).reshape(-1, *sizes)
        return by_pywavelets(unit, family, mode, axes).flatten(1).T
    names, grid = subband_names(len(sizes)), [coefficient_size(n, family, mode) for n in sizes]
    count = len(names) * math.prod(grid)
    units = np.eye(count).reshape(count, len(names), *grid)
    bands = {name: units[:, i] for i, name in enumerate(names)}
    x = pywt.idwtn(bands, family, mode, axes=axes)
    return torch.from_numpy(x[(slice(None), *map(slice, sizes))].reshape(count, -1).T.copy())


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("sizes", [(10,), (7,), (3,), (8, 12), (9, 7), (4, 5, 6)])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_is_adjoint(family: str, mode: str, sizes: tuple[int, ...], inverse: bool) -> None:
    transform, axes = WaveletTransform(family, mode), range(len(sizes))
    matrix = dense(family, mode, sizes, inverse)
    grid = (2 ** len(sizes), *transform.coefficient_sizes(sizes))
    x = data(*(grid if inverse else sizes)).requires_grad_()
    w_x = transform.idwt(x, axes, sizes) if inverse else transform.dwt(x, axes)
    assert_close(w_x.detach().flatten(), matrix @ x.detach().flatten(), 1e-12)
    y = data(*w_x.shape)
    (w_x * y).sum().backward()
    assert x.grad is not None
    assert_close(x.grad.flatten(), matrix.T @ y.flatten(), 1e-12)
    left, right = (w_x * y).sum().detach(), (x * x.grad).sum().detach()
    assert abs(left - right) < 1e-12 * w_x.detach().norm() * y.norm(), f"{left} != {right}"


@pytest.mark.parametrize("sizes", [(6,), (5,), (4, 5), (5, 6), (2, 3, 4)])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", ["haar", "db4", "bior2.4"])
def test_gradcheck(family: str, mode: str, sizes: tuple[int, ...]) -> None:
    transform, axes = WaveletTransform(family, mode), range(len(sizes))
    c = transform.dwt(data(*sizes), axes).requires_grad_()
    x = data(*sizes).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: transform.dwt(v, axes), x, fast_mode=True)
    assert torch.autograd.gradcheck(lambda v: transform.idwt(v, axes, sizes), c, fast_mode=True)


# Where it runs


def test_use_in_inference_mode_does_not_spoil_training() -> None:
    transform = WaveletTransform("db3", "zero")
    with torch.inference_mode():
        transform.idwt(transform.dwt(data(22), [0]), [0], [22])
    x = data(22).requires_grad_()
    transform.idwt(transform.dwt(x, [0]), [0], [22]).sum().backward()
    assert x.grad is not None
    assert_close(x.grad, torch.ones_like(x), 1e-10)


def test_autocast_does_not_lower_the_precision() -> None:
    transform, x = WaveletTransform("bior2.4"), data(2, 81, 40, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = transform.idwt(transform.dwt(x, [1, 2]), [1, 2], [81, 40])
    assert y.dtype == torch.float32
    assert_close(y, x, 1e-6)


def test_matrices_are_built_once() -> None:
    arguments = (26, "db5", "zero", torch.float32, torch.device("cpu"))
    assert analysis_matrix(*arguments) is analysis_matrix(*arguments)


def test_an_empty_batch_is_an_empty_result() -> None:
    transform = WaveletTransform("bior1.3", "zero")
    c = transform.dwt(data(0, 2, 16, 16), [2, 3])
    assert c.shape == (0, 2, 4, 10, 10)
    assert transform.idwt(c, [2, 3], [16, 16]).shape == (0, 2, 16, 16)


# Errors


def test_unknown_family() -> None:
    with pytest.raises(ValueError, match=r"did you mean .*'bior2.4'"):
        WaveletTransform("bior24")
    with pytest.raises(ValueError, match=r"unknown wavelet family 'morl': .*pywt.wavelist"):
        WaveletTransform("morl")  # continuous


def test_unknown_mode_and_backend() -> None:
    with pytest.raises(ValueError, match=r"mode 'periodisation': .*'periodization'"):
        WaveletTransform("haar", "periodisation")
    with pytest.raises(ValueError, match="unknown wavelet backend 'ptwt'"):
        WaveletTransform("haar", backend="ptwt")
    with pytest.raises(ValueError, match="expected one mode or 3"):
        WaveletTransform("haar", ("zero", "zero")).dwt(data(4, 4, 4), [0, 1, 2])


@pytest.mark.parametrize("axes", [[], [1, 0], [0, 0], [3], [0, 1, 2, 3]])
def test_axes_that_do_not_fit(axes: list[int]) -> None:
    with pytest.raises(ValueError, match="1 to 3 axes in increasing order of data with 3"):
        WaveletTransform("haar").dwt(data(4, 4, 4), axes)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.complex64, torch.int64])
def test_other_dtypes_are_refused(dtype: torch.dtype) -> None:
    with pytest.raises(ValueError, match=f"expected float32 or float64, got {dtype}"):
        WaveletTransform("haar").dwt(torch.zeros(4, dtype=dtype), [0])


@pytest.mark.parametrize("sizes", [(12, 16), (16, 8), (16,), (15, 16, 2)])
def test_inverse_to_sizes_that_do_not_fit(sizes: tuple[int, ...]) -> None:
    transform = WaveletTransform("haar")
    with pytest.raises(ValueError, match=r"expected \(sub-bands, \*coefficients\)"):
        transform.idwt(transform.dwt(data(3, 16, 16), [1, 2]), [1, 2], sizes)
