"""The mode "mirrored": by hand, against PyWavelets inside, and what it promises at the ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pywt
import torch
import yaml
from torch import Tensor

from wdno import config as configuration
from wdno.representations import mirrored
from wdno.representations.wavelet import Wavelet
from wdno.representations.wavelet_transform import WaveletTransform, coefficient_size

ROOT = Path(__file__).parents[2]
FAMILIES = [
    *("haar", "bior1.1", "bior1.3", "bior1.5", "bior2.2", "bior2.4", "bior2.6", "bior3.3"),
    *("bior4.4", "bior5.5", "bior6.8", "rbio1.3", "rbio2.2", "rbio2.4", "rbio4.4"),
]
SIZES = [1, 2, 3, 6, 7, 16, 33, 48]


def data(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape)))


# By hand


def test_five_taps_of_six_samples_by_hand() -> None:
    # bior2.2 (LeGall 5/3): h = (-1, 2, 6, 2, -1) sqrt(2) / 8 at 2k, g = (1, -2, 1) sqrt(2) / 4 at
    # 2k + 1, up to the sign that PyWavelets gives g; by lifting, d first.
    x = np.array([3.0, 1, 4, 1, 5, 9])
    detail = np.array([1 - (3 + 4) / 2, 1 - (4 + 5) / 2, 9 - 5])
    smooth = np.array([3 + 2 * detail[0] / 4, 4 + detail[:2].sum() / 4, 5 + detail[1:].sum() / 4])
    a, d = np.split(mirrored.analysis(6, "bior2.2") @ x, 2)
    np.testing.assert_allclose(a, np.sqrt(2) * smooth, atol=1e-14)
    np.testing.assert_allclose(np.abs(d), np.abs(detail) / np.sqrt(2), atol=1e-14)


@pytest.mark.parametrize("size", [2, 6, 7])
def test_haar_needs_no_mirror(size: int) -> None:
    expected = np.concatenate(pywt.dwt(np.eye(size), "haar", "periodization", axis=0))
    np.testing.assert_allclose(mirrored.analysis(size, "haar"), expected, atol=1e-15)


@pytest.mark.parametrize("size", [2, 6, 16, 33])
@pytest.mark.parametrize("family", FAMILIES)
def test_coefficients_are_those_of_data_continued_by_mirrors(family: str, size: int) -> None:
    x, length = data(size).numpy(), pywt.Wavelet(family).dec_len
    if size % 2:
        x = np.append(x, x[-1])
    whole = len(np.trim_zeros(pywt.Wavelet(family).dec_lo)) % 2
    around = 2 * length
    longer = np.pad(x, around, mode="reflect" if whole else "symmetric")
    inside = slice(around // 2, around // 2 + len(x) // 2)
    a, d = (band[inside] for band in pywt.dwt(longer, family, "periodization"))
    actual = mirrored.analysis(size, family) @ x[:size]
    np.testing.assert_allclose(actual, np.concatenate([a, d]), atol=1e-13)


# Inside, and at the ends


@pytest.mark.parametrize("size", [48, 49])
@pytest.mark.parametrize("family", FAMILIES)
def test_coefficients_inside_are_those_of_periodization(family: str, size: int) -> None:
    x, reach = data(size), pywt.Wavelet(family).dec_len // 2
    inside = slice(reach, coefficient_size(size, family, "mirrored") - reach)
    actual = WaveletTransform(family, "mirrored").dwt(x, [0])
    expected = WaveletTransform(family, "periodization").dwt(x, [0])
    torch.testing.assert_close(actual[:, inside], expected[:, inside], rtol=0, atol=1e-13)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_constant_has_no_detail(family: str, size: int) -> None:
    a, d = np.split(mirrored.analysis(size, family) @ np.ones(size), 2)
    np.testing.assert_allclose(a, np.sqrt(2), atol=1e-9)
    np.testing.assert_allclose(d, 0, atol=1e-9)


@pytest.mark.parametrize("family", ["bior2.2", "bior2.4", "bior3.3", "bior4.4"])
def test_a_ramp_leaves_a_tenth_of_the_detail_at_the_ends(family: str) -> None:
    x = torch.arange(48, dtype=torch.float64)
    largest = {
        mode: float(WaveletTransform(family, mode).dwt(x, [0])[1].abs().max())
        for mode in ("mirrored", "periodization")
    }
    assert largest["mirrored"] < 0.1 * largest["periodization"], largest


@pytest.mark.parametrize(
    ("family", "bar"), [("haar", 1.001), ("bior1.3", 2), ("bior2.4", 2.5), ("bior4.4", 2)]
)
@pytest.mark.parametrize("size", [16, 48, 80])
def test_condition(family: str, bar: float, size: int) -> None:
    condition = float(np.linalg.cond(mirrored.analysis(size, family)))
    own = np.concatenate(pywt.dwt(np.eye(size), family, "periodization", axis=0))
    assert condition < bar, f"{condition:.2f}, with periodization {np.linalg.cond(own):.2f}"


# Inverse and gradient


@pytest.mark.parametrize("size", [2, 6, 16, 48])
@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "bior5.5"])
def test_the_inverse_is_that_of_coefficients_continued_by_mirrors(family: str, size: int) -> None:
    # Brislawn 1996: for odd filters a and d go on about the end samples, whose lattice they share;
    # for even ones half a sample beyond the ends, d with a change of sign.
    wavelet, m = pywt.Wavelet(family), size // 2
    around = wavelet.dec_len
    k = np.arange(-around, m + around)
    units = np.eye(size)
    if len(np.trim_zeros(wavelet.dec_lo)) % 2:
        period = 2 * size - 2
        low, high = 2 * k % period, (2 * k + 1) % period
        a = units[np.minimum(low, period - low) // 2]
        d = units[m + np.minimum(high, period - high) // 2]
    else:
        folded = np.minimum(k % size, size - 1 - k % size)
        sign = np.where(k % size < m, 1.0, -1.0)
        a, d = units[folded], sign[:, None] * units[m + folded]
    longer = pywt.idwt(a, d, family, "periodization", axis=0)
    expected = longer[2 * around : 2 * around + size]
    np.testing.assert_allclose(mirrored.synthesis(size, family), expected, atol=1e-12)


@pytest.mark.parametrize(("dtype", "bar"), [(torch.float32, 2e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("family", FAMILIES)
def test_reconstruction(family: str, size: int, dtype: torch.dtype, bar: float) -> None:
    x, transform = data(3, size, dtype=dtype), WaveletTransform(family, "mirrored")
    c = transform.dwt(x, [1])
    assert c.shape == (3, 2, (size + 1) // 2)
    y = transform.idwt(c, [1], [size])
    assert y.dtype == dtype
    error = float((y - x).abs().max() / x.abs().max())
    assert error <= bar, f"largest relative error {error:.2e}"


@pytest.mark.parametrize("sizes", [(81, 120), (6, 9, 16)])
def test_reconstruction_in_several_dimensions_and_beside_other_modes(
    sizes: tuple[int, ...],
) -> None:
    modes = ("mirrored", "periodization", "zero")[: len(sizes)]
    transform, axes = WaveletTransform("bior2.4", modes), range(1, 1 + len(sizes))
    x = data(2, *sizes)
    y = transform.idwt(transform.dwt(x, axes), axes, sizes)
    torch.testing.assert_close(y, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("sizes", [(10,), (7,), (8, 5)])
@pytest.mark.parametrize("family", ["haar", "bior1.3", "bior2.4"])
def test_gradient_is_adjoint(family: str, sizes: tuple[int, ...], inverse: bool) -> None:
    transform, axes = WaveletTransform(family, "mirrored"), range(len(sizes))
    grid = (2 ** len(sizes), *transform.coefficient_sizes(sizes))

    def apply(x: Tensor) -> Tensor:
        return transform.idwt(x, axes, sizes) if inverse else transform.dwt(x, axes)

    x = data(*(grid if inverse else sizes)).requires_grad_()
    unit = torch.eye(x.numel(), dtype=torch.float64).reshape(-1, *x.shape)
    matrix = torch.stack([apply(column).flatten() for column in unit], dim=1)
    w_x = apply(x)
    y = data(*w_x.shape)
    (w_x * y).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad.flatten(), matrix.T @ y.flatten(), rtol=0, atol=1e-12)
    assert torch.autograd.gradcheck(apply, x.detach().requires_grad_(), fast_mode=True)


# As a choice


def test_periodic_axes_wrap_around_in_any_case() -> None:
    representation = Wavelet(mode="mirrored", periodic=(True,))
    assert representation.modes == ("mirrored", "periodization")
    assert representation.coefficient_grid((81, 120)) == (41, 60)


@pytest.mark.parametrize("family", ["db2", "sym4", "coif1"])
def test_asymmetric_families_are_refused(family: str) -> None:
    message = f"'mirrored': needs symmetric filters, and those of '{family}' are not; .*'bior'"
    with pytest.raises(ValueError, match=message):
        WaveletTransform(family, "mirrored")
    with pytest.raises(ValueError, match=message):
        Wavelet(family, ("zero", "mirrored"))
    with pytest.raises(ValueError, match=message):
        mirrored.analysis(16, family)


def test_which_families_are_symmetric() -> None:
    families = pywt.wavelist(kind="discrete")
    symmetric = {name for name in families if mirrored.is_symmetric(name)}
    named = {name for name in families if name.startswith(("bior", "rbio"))}
    assert symmetric == named | {"haar", "db1", "dmey"}


def test_the_other_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="'pytorch_wavelets' has no mode 'mirrored'"):
        WaveletTransform("bior2.4", "mirrored", "pytorch_wavelets")


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"family": "db2"}, "'mirrored': needs symmetric filters, and those of 'db2' are not"),
        ({"backend": "pytorch_wavelets"}, "backend = 'pytorch_wavelets': has no mode 'mirrored'"),
        ({}, None),
    ],
)
def test_the_configuration_knows_it(chosen: dict[str, str], message: str | None) -> None:
    values = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    representation = {"name": "wavelet", "mode": "mirrored", **chosen}
    values["models"]["wdno"]["representation"] = representation
    if message is None:
        options = configuration.model(configuration.validate(values), "burgers", "wdno")
        assert options.representation.mode == "mirrored"  # type: ignore[union-attr]
        return
    with pytest.raises(configuration.ConfigError, match=message):
        configuration.validate(values)
