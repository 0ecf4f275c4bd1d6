"""Fourier neural operator: the package's, on any grid."""

from __future__ import annotations

import pytest
import torch
from small_networks import CHANNELS, FNO, count, make, relative

from wdno.networks import REGISTRY


def test_fno_is_that_of_the_package_on_even_grids() -> None:
    from neuralop.models import FNO as Package

    for modes in ((4, 4), (3, 5)):
        torch.manual_seed(0)
        theirs = Package(modes, in_channels=3, out_channels=2, hidden_channels=6, n_layers=2)
        torch.manual_seed(0)
        ours = REGISTRY.build(
            "fno", dims=2, **CHANNELS, **FNO | {"modes": modes, "domain_padding": 0.0}
        )
        x = torch.randn(2, 3, 8, 12)
        error = relative(ours(x), theirs(x))
        assert error < 1e-5, f"modes {modes}: relative error {error:.1e}"


@pytest.mark.parametrize("grid", [(9, 12), (16, 24), (25, 31)])
def test_fno_sees_the_function_not_the_grid(grid: tuple[int, int]) -> None:
    # Point-wise parts make frequencies that a coarse grid folds back, so one linear convolution.
    from wdno.networks.fourier_layers import spectral_convolution

    torch.manual_seed(0)
    convolution = spectral_convolution(("zeros", "zeros"))(2, 2, (5, 5)).double()

    def field(size: tuple[int, int]) -> torch.Tensor:
        t, x = (torch.arange(n, dtype=torch.float64)[:, None] / n for n in size)
        phase = 2 * torch.pi * (2 * t + x.T)
        return torch.stack((phase.sin(), (phase - 4 * torch.pi * t).cos() + 0.3))[None]

    fine = (4 * grid[0], 3 * grid[1])
    error = relative(convolution(field(fine))[..., ::4, ::3], convolution(field(grid)))
    assert error < 1e-12, f"relative error {error:.1e}"


def test_fno_domain_padding_concerns_bounded_axes() -> None:
    x = torch.randn(1, 3, 8, 12)
    for padding, same in ((("circular",) * 2, True), (("zeros", "circular"), False)):
        plain = make("fno", timed=False, padding=padding, domain_padding=0.0)
        padded = make("fno", timed=False, padding=padding, domain_padding=0.25)
        assert padded(x).shape == (1, 2, 8, 12)
        assert torch.equal(plain(x), padded(x)) is same


@pytest.mark.parametrize(("factorization", "rank"), [("tucker", 0.3), ("cp", 0.5), ("tt", 0.5)])
def test_factorised_fno_is_that_of_the_package_on_even_grids(factorization, rank) -> None:
    from neuralop.models import FNO as Package

    given = {"factorization": factorization, "rank": rank}
    torch.manual_seed(0)
    theirs = Package((4, 4), in_channels=3, out_channels=2, hidden_channels=6, n_layers=2, **given)
    torch.manual_seed(0)
    ours = REGISTRY.build("fno", dims=2, **CHANNELS, **FNO | given | {"domain_padding": 0.0})
    x = torch.randn(2, 3, 8, 12)
    assert relative(ours(x), theirs(x)) < 1e-4
    whole = REGISTRY.build("fno", dims=2, **CHANNELS, **FNO)
    layers = [count(network.blocks.convs) for network in (ours, whole)]
    assert layers[0] / layers[1] < 1.3 * rank
    ours(x).square().sum().backward()
    factors = [p for p in ours.blocks.convs.parameters() if p.ndim > 1]
    assert all(not p.is_complex() and p.grad.abs().max() > 0 for p in factors)


@pytest.mark.parametrize("grid", [(9,), (9, 12), (5, 7, 6)])
def test_factorised_fno_takes_any_grid(grid: tuple[int, ...]) -> None:
    for factorization in ("tucker", "cp", "tt"):
        network = make("fno", len(grid), timed=False, factorization=factorization, rank=0.5)
        assert network(torch.randn(1, 3, *grid)).shape == (1, 2, *grid)
