"""The transform by pytorch_wavelets: equal to the matrices, and refused where it is wrong."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from wdno.representations.wavelet_transform import WaveletTransform, analysis_matrix

pytestmark = pytest.mark.filterwarnings("ignore:pkg_resources is deprecated")

FAMILIES = ["haar", "db4", "sym5", "coif2", "bior1.3", "bior2.4", "rbio3.1"]
MODES = ["periodization", "zero"]


@pytest.fixture(scope="module", autouse=True)
def library() -> Any:
    return pytest.importorskip("pytorch_wavelets")


def data(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape)))


def assert_close(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    assert actual.shape == expected.shape, f"{tuple(actual.shape)} != {tuple(expected.shape)}"
    error = float((actual - expected).abs().max() / expected.abs().max())
    assert error <= tolerance, f"largest relative error {error:.2e} > {tolerance:.0e}"


def by_library(family: str, mode: str | tuple[str, ...]) -> WaveletTransform:
    return WaveletTransform(family, mode, backend="pytorch_wavelets")


@pytest.mark.parametrize("sizes", [(16, 24), (17, 30), (81, 19)])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("family", FAMILIES)
def test_matrices_equal_the_library(
    library: Any, family: str, mode: str, sizes: tuple[int, int]
) -> None:
    x = data(2, 3, *sizes, dtype=torch.float32)
    c = WaveletTransform(family, mode).dwt(x, [2, 3])
    low, (high,) = library.DWTForward(1, family, mode)(x)
    assert_close(c[:, :, [0, 2, 1, 3]], torch.cat([low[:, :, None], high], dim=2), 2e-6)
    back = library.DWTInverse(family, mode)((low, [high]))[..., : sizes[0], : sizes[1]]
    assert_close(WaveletTransform(family, mode).idwt(c, [2, 3], sizes), back, 2e-6)


@pytest.mark.parametrize("sizes", [(16,), (15,), (16, 24), (17, 22), (13, 16, 11)])
@pytest.mark.parametrize("mode", [*MODES, "mixed"])
@pytest.mark.parametrize("family", ["haar", "db4", "bior1.3", "bior2.4"])
def test_backends_agree(family: str, mode: str, sizes: tuple[int, ...]) -> None:
    modes = tuple(itertools.islice(itertools.cycle(MODES), len(sizes))) if mode == "mixed" else mode
    matrices, convolutions = WaveletTransform(family, modes), by_library(family, modes)
    x, axes = data(2, 3, *sizes), range(2, 2 + len(sizes))
    c = matrices.dwt(x, axes)
    assert_close(convolutions.dwt(x, axes), c, 1e-12)
    y = data(*c.shape)  # arbitrary coefficients, not only those of data
    assert_close(convolutions.idwt(y, axes, sizes), matrices.idwt(y, axes, sizes), 1e-12)


@pytest.mark.parametrize(
    ("mode", "sizes"), [("zero", (15, 13)), ("zero", (8, 7, 9)), ("periodization", (10, 12))]
)
def test_library_gradients_that_are_not_refused_are_right(
    mode: str, sizes: tuple[int, ...]
) -> None:
    matrices, convolutions = WaveletTransform("bior2.4", mode), by_library("bior2.4", mode)
    axes = range(len(sizes))
    c = matrices.dwt(data(*sizes), axes)
    for size_in, run in (
        (sizes, lambda t, v: t.dwt(v, axes)),
        (c.shape, lambda t, v: t.idwt(v, axes, sizes)),
    ):
        x = data(*size_in).requires_grad_()
        weight = data(*run(matrices, x).shape)
        (expected,) = torch.autograd.grad((run(matrices, x) * weight).sum(), x)
        (gradient,) = torch.autograd.grad((run(convolutions, x) * weight).sum(), x)
        assert_close(gradient, expected, 1e-12)


def test_library_gradient_at_odd_sizes_is_wrong_and_refused(library: Any) -> None:
    x = data(1, 1, 15, dtype=torch.float32).requires_grad_()
    low, _ = library.DWT1DForward(1, "bior2.4", "periodization")(x)
    (wrong,) = torch.autograd.grad(low.sum(), x)
    right = analysis_matrix(15, "bior2.4", "periodization", x.dtype, x.device)[:8].sum(0)
    assert (wrong[0, 0] - right).abs().max() > 0.1, "the library is repaired: lift the refusal"

    transform = by_library("bior2.4", "periodization")
    with pytest.raises(ValueError, match=r"gradient .* odd sizes, here \(15,\)"):
        transform.dwt(x, [2])
    with torch.no_grad():
        transform.dwt(x, [2])


def test_library_refuses_axes_shorter_than_the_filters_and_other_modes() -> None:
    transform = by_library("bior2.4", "periodization")
    c = WaveletTransform("bior2.4").dwt(data(8), [0])
    with pytest.raises(ValueError, match="8 samples, fewer than the 10"):
        transform.dwt(data(8), [0])
    with pytest.raises(ValueError, match="8 samples, fewer than the 10"):
        transform.idwt(c, [0], [8])
    transform.dwt(data(9), [0])
    with pytest.raises(ValueError, match="got 'symmetric'"):
        by_library("bior2.4", "symmetric").dwt(data(16), [0])


@pytest.mark.parametrize("axes", [[0], [1, 3], [0, 2, 3], [-3, -1], [-2]])
def test_any_axes(axes: list[int]) -> None:
    x, modes = data(10, 7, 12, 9), ("zero", "periodization", "periodization")[: len(axes)]
    c = WaveletTransform("bior1.3", modes).dwt(x, axes)
    assert_close(by_library("bior1.3", modes).dwt(x, axes), c, 1e-12)
    sizes = [x.shape[axis] for axis in axes]
    assert_close(by_library("bior1.3", modes).idwt(c, axes, sizes), x, 1e-12)


def test_use_in_inference_mode_does_not_spoil_training() -> None:
    transform = by_library("db3", "zero")
    with torch.inference_mode():
        transform.idwt(transform.dwt(data(22), [0]), [0], [22])
    x = data(22).requires_grad_()
    transform.idwt(transform.dwt(x, [0]), [0], [22]).sum().backward()
    assert x.grad is not None
    assert_close(x.grad, torch.ones_like(x), 1e-10)
