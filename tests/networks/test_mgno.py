"""Multigrid neural operator: its V-cycle, which can solve equations, and the published size."""

from __future__ import annotations

import pytest
import torch
from small_networks import count, make, relative
from torch.nn import functional

from wdno.networks import REGISTRY
from wdno.networks.mgno import VCycle, _Refinement
from wdno.networks.options.mgno import MgNOOptions


def test_has_the_parameters_of_the_authors_program() -> None:
    # Its setting for Darcy flow: 4 layers, 24 channels, 6 grids.
    with torch.device("meta"):
        network = REGISTRY.build("mgno", in_channels=1, out_channels=1, dims=2)
    assert count(network) == 572_661


def test_a_cycle_is_what_its_equations_say() -> None:
    torch.manual_seed(0)
    cycle = VCycle(2, 3, [2, 1], ("zeros",)).double()
    f = torch.randn(1, 2, 9, dtype=torch.float64)

    def apply(layer: torch.nn.Module, h: torch.Tensor, stride: int = 1) -> torch.Tensor:
        return functional.conv1d(h, layer.convolution.weight, stride=stride, padding=1)

    s, a = cycle.smooth, cycle.apply_to_u
    u = apply(s[0][0], f)
    u = u + apply(s[0][1], f - apply(a[0][0], u))
    coarse_u, coarse_f = apply(cycle.coarsen_u[0], u, 2), apply(cycle.coarsen_f[0], f, 2)
    coarse_u = coarse_u + apply(s[1][0], coarse_f - apply(a[1][0], coarse_u))
    up = functional.conv_transpose1d(
        coarse_u, cycle.refine[0].convolution.weight, stride=2, padding=1
    )
    assert relative(cycle(f), u + up[..., :9]) < 1e-12


def poisson(cycle: VCycle) -> None:
    """Stencils of multigrid for -u'' = f with unit spacing on the finest grid."""
    jacobi, laplace = torch.tensor([0.0, 1.0, 0.0]) / 3, torch.tensor([-1.0, 2.0, -1.0])
    average = torch.tensor([0.25, 0.5, 0.25])
    with torch.no_grad():
        for level in range(len(cycle.smooth)):
            spacing = 4.0**level
            for stencil in cycle.smooth[level]:
                stencil.convolution.weight[:] = jacobi * spacing
            for stencil in cycle.apply_to_u[level]:
                stencil.convolution.weight[:] = laplace / spacing
        for coarsen in (*cycle.coarsen_u, *cycle.coarsen_f):
            coarsen.convolution.weight[:] = average
        for refine in cycle.refine:
            refine.convolution.weight[:] = 0.0


def test_with_the_stencils_of_jacobi_it_smooths_towards_the_solution() -> None:
    # -u'' = f on a ring, with f of mean zero: the error falls by 1 - 2/3 (1 - cos k) a step.
    cycle = VCycle(1, 1, [8], ("circular",)).double()
    poisson(cycle)
    n, k = 16, 2
    x = 2 * torch.pi * k * torch.arange(n, dtype=torch.float64) / n
    f = x.cos()[None, None]
    symbol = 2 - 2 * torch.cos(torch.tensor(2 * torch.pi * k / n, dtype=torch.float64))
    solution = f / symbol
    expected = solution * (1 - (1 - symbol / 3) ** 8)
    assert relative(cycle(f), expected) < 1e-6


@pytest.mark.parametrize("padding", ["zeros", "circular"])
def test_coarser_grids_solve_what_is_smooth(padding: str) -> None:
    # Fine grids alone hardly touch a long wave; with R f on coarser ones, and u from there alone.
    torch.manual_seed(0)
    n = 64
    x = torch.arange(n, dtype=torch.float64)
    f = torch.sin(2 * torch.pi * (x + 0.5) / n)[None, None]
    exact = f * (n / (2 * torch.pi)) ** 2

    def found(smoothings: list[int]) -> torch.Tensor:
        cycle = VCycle(1, 1, smoothings, (padding,)).double()
        poisson(cycle)
        with torch.no_grad():
            for level, refine in enumerate(cycle.refine):
                refine.convolution.weight[:] = torch.tensor([0.5, 1.0, 0.5, 0.0])
                for stencil in cycle.smooth[level]:
                    stencil.convolution.weight[:] = 0.0
        return cycle(f)

    def error(u: torch.Tensor) -> float:
        return relative(u[..., 8:-8], exact[..., 8:-8])

    assert error(found([10])) == pytest.approx(1.0, abs=0.1)
    assert error(found([1, 1, 1, 10])) < 0.5


def test_a_cycle_is_linear_and_commutes_with_shifts_by_its_coarsest_spacing() -> None:
    torch.manual_seed(0)
    cycle = VCycle(2, 3, [1, 1, 2], ("circular", "zeros")).double()
    f, g = torch.randn(2, 1, 2, 8, 7, dtype=torch.float64)
    assert relative(cycle(2 * f - g), 2 * cycle(f) - cycle(g)) < 1e-12
    assert relative(cycle(f.roll(4, 2)), cycle(f).roll(4, 2)) < 1e-12
    assert relative(cycle(f.roll(1, 2)), cycle(f).roll(1, 2)) > 1e-3


@pytest.mark.parametrize("kind", ["zeros", "circular"])
def test_refinement_doubles_or_is_cut(kind: str) -> None:
    torch.manual_seed(0)
    refine = _Refinement(2, (kind, "zeros")).double()
    h = torch.randn(1, 2, 4, 3, dtype=torch.float64)
    whole = refine(h, (8, 6))
    assert whole.shape == (1, 2, 8, 6)
    assert torch.equal(refine(h, (7, 5)), whole[..., :7, :5])
    moved = relative(refine(h.roll(1, 2), (8, 6)), whole.roll(2, 2))
    assert (moved < 1e-12) is (kind == "circular")


def test_check_refuses_too_many_grids() -> None:
    check = MgNOOptions(name="mgno", smoothings=[1, 1, 2]).check
    assert check((3, 8)) == check((1, 3, 3)) == []
    assert "smoothings = [1, 1, 2]: a grid of 2 x 8" in check((2, 8))[0]
    assert count(make("mgno", smoothings=(1, 1))) < count(make("mgno", smoothings=(2, 1)))
