"""Multiwavelet network: filters, transform, kernels, lengths of axes, and the published size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_networks import make, relative
from torch import nn

from wdno.networks import REGISTRY
from wdno.networks.multiwavelets import filters, scaling
from wdno.networks.mwt import MultiwaveletLayer, _lengthening
from wdno.networks.options.mwt import MWTOptions
from wdno.networks.spectral import QuadrantConvolution


@pytest.mark.parametrize("order", [1, 2, 3, 4, 6])
def test_filters_are_those_of_orthonormal_legendre_multiwavelets(order: int) -> None:
    low, high = filters(order)
    matrix = np.concatenate([low.reshape(order, -1), high.reshape(order, -1)])
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(2 * order), atol=1e-12)
    x = np.linspace(0.01, 0.49, 7)  # of the first half: the two-scale relation
    np.testing.assert_allclose(
        scaling(order, x), np.sqrt(2) * low[:, 0] @ scaling(order, 2 * x), atol=1e-10
    )
    # Moments of the wavelets vanish up to degree order + i - 1, and the next does not.
    nodes, weights = np.polynomial.legendre.leggauss(3 * order)
    y, w = (nodes + 1) / 2, weights / 2
    wavelets = np.sqrt(2) * high @ scaling(order, y)
    for i, wavelet in enumerate(wavelets):
        moments = [
            sum((wavelet[half] * w) @ ((y + half) / 2) ** degree for half in (0, 1)) / 2
            for degree in range(order + i + 1)
        ]
        np.testing.assert_allclose(moments[:-1], 0, atol=1e-10)
        assert moments[-1] > 1e-8


def test_haar_is_the_first_order() -> None:
    low, high = filters(1)
    np.testing.assert_allclose(low.ravel(), [0.5**0.5, 0.5**0.5])
    np.testing.assert_allclose(high.ravel(), [-(0.5**0.5), 0.5**0.5])


class _Nothing(nn.Module):
    def forward(self, h: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(h)


def identity(dims: int, width: int = 2, order: int = 3) -> MultiwaveletLayer:
    """A layer with A and T the identity, and B and C zero."""
    layer = MultiwaveletLayer(width, order, 2, ("zeros",) * dims).double()
    layer.a, layer.b, layer.c = nn.Identity(), _Nothing(), _Nothing()
    with torch.no_grad():
        layer.coarsest.weight.copy_(torch.eye(layer.coarsest.in_features))
        layer.coarsest.bias.zero_()
    return layer


def test_a_layer_that_changes_no_coefficient_is_the_identity_on_one_axis() -> None:
    h = torch.randn(2, 2 * 3, 16, dtype=torch.float64)
    assert relative(identity(1)(h), h) < 1e-12


@pytest.mark.parametrize("grid", [(8, 8), (8, 16), (3, 4, 8)])
def test_on_more_axes_it_is_a_projection_that_keeps_polynomials(grid: tuple[int, ...]) -> None:
    # Wavelets along one axis alone are left out: half of the numbers of the finest level.
    layer = identity(len(grid))
    h = torch.randn(2, 2 * 9, *grid, dtype=torch.float64)
    once = layer(h)
    assert relative(layer(once), once) < 1e-12
    assert relative(once, h) > 0.1
    # Cells that hold one polynomial of (y, x) of degree below 3 along each axis have no wavelets.
    nodes, weights = np.polynomial.legendre.leggauss(3)
    y, w = (nodes + 1) / 2, weights / 2

    def coefficients(n: int, degree: int) -> np.ndarray:
        cells = (np.arange(n)[:, None] + y) / n
        return np.einsum("np,ip,p->in", cells**degree, scaling(3, y), w)

    n1, n2 = grid[-2:]
    field = np.einsum("im,jn->ijmn", coefficients(n1, 2), coefficients(n2, 1))
    cell = torch.from_numpy(field.reshape(9, *(1,) * (len(grid) - 2), n1, n2))
    smooth = cell.expand(1, 9, *grid).repeat(1, 2, *(1,) * len(grid))
    assert relative(layer(smooth), smooth) < 1e-12


@pytest.mark.parametrize("grid", [(9,), (8, 6), (5, 4, 7)])
def test_kernel_translates_by_phases(grid: tuple[int, ...]) -> None:
    # With exp(-2 pi i f . s) at frequencies f it translates: any function of low frequencies.
    modes, dims = 2, len(grid)
    kernel = QuadrantConvolution(2, modes, dims).double()
    shifts = [k + 1 for k in range(dims)]
    with torch.no_grad():
        weight = torch.view_as_complex(kernel.weight)
        for quadrant in range(2 ** (dims - 1)):
            negative = [bool(quadrant >> (dims - 2 - k) & 1) for k in range(dims - 1)] + [False]
            for index in np.ndindex(*(modes,) * dims):
                angle = sum(
                    (k - modes if below else k) * s / n
                    for k, below, s, n in zip(index, negative, shifts, grid, strict=True)
                )
                weight[(quadrant, *index)] = np.exp(-2j * np.pi * angle) * torch.eye(2).double()
    points = torch.meshgrid(*(torch.arange(n).double() / n for n in grid), indexing="ij")
    phases = [2 * torch.pi * p for p in points]
    sine = (phases[0] - phases[-1] * (dims > 1)).sin()
    h = torch.stack((sine, sum(phase.cos() for phase in phases) + 1.0))[None]
    assert relative(kernel(h), h.roll(shifts, tuple(range(2, 2 + dims)))) < 1e-12


@pytest.mark.parametrize("n", [3, 6, 7, 12])
def test_lengthening_is_undone_and_periodic_functions_keep_their_values(n: int) -> None:
    for wraps in (True, False):
        longer, back = _lengthening(n, wraps)
        assert len(longer) & (len(longer) - 1) == 0
        np.testing.assert_allclose(back @ longer, np.eye(n), atol=1e-12)
    longer, _ = _lengthening(n, True)

    def wave(size: int) -> np.ndarray:
        return 1 + np.sin(2 * np.pi * np.arange(size) / size)

    np.testing.assert_allclose(longer @ wave(n), wave(len(longer)), atol=1e-12)


def test_has_the_published_number_of_parameters_within_one_percent() -> None:
    # arXiv 2412.04833: 2 733 978; no exact setting is known. A complex number counts once here.
    with torch.device("meta"):
        network = REGISTRY.build("mwt", in_channels=2, out_channels=1, dims=2)
    kernels = [m.weight for m in network.modules() if isinstance(m, QuadrantConvolution)]
    twice = sum(p.numel() for p in network.parameters())
    once = twice - sum(weight.numel() // 2 for weight in kernels)
    assert (once, twice) == (2_737_857, 5_195_457)
    assert abs(once / 2_733_978 - 1) < 0.01


def test_one_axis_has_three_kernels_for_all_levels() -> None:
    with torch.device("meta"):
        layer = MultiwaveletLayer(4, 3, 5, ("zeros",))
    assert sum(p.numel() for p in layer.parameters()) == 2 * 3 * 5 * 12**2 + 3**2 + 3


def test_check_and_network_refuse_the_same() -> None:
    check = MWTOptions(name="mwt").check
    assert check((1, 5, 7)) == check((2,)) == []
    assert "an axis of 1 point of a grid of 5 x 1" in check((5, 1))[0]
    with pytest.raises(ValueError, match="mwt: an axis of 1 point of a grid of 5 x 1 cannot be"):
        make("mwt", timed=False)(torch.zeros(1, 3, 5, 1))
    with pytest.raises(ValueError, match="mwt: expected order of 1 or more, got 0"):
        make("mwt", order=0)
