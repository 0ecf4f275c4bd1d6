"""Convolutional neural operator: its activation, its parts, and the published sizes."""

from __future__ import annotations

import pytest
import torch
from small_networks import count, make, relative
from torch.nn import functional

from wdno.networks import REGISTRY
from wdno.networks.cno import activated
from wdno.networks.options.cno import CNOOptions
from wdno.networks.resampling import resample


def wave(grid: tuple[int, ...]) -> torch.Tensor:
    """A periodic function with frequencies up to 2, [1, 1, *grid]."""
    points = [2 * torch.pi * torch.arange(n, dtype=torch.float64) / n for n in grid]
    y, x = torch.meshgrid(*points, indexing="ij")
    return ((2 * y + x).sin() + 0.4 * (y - 2 * x).cos())[None, None]


@pytest.mark.parametrize("grid", [(12, 10), (9, 13)])
def test_of_a_positive_function_nothing_is_changed_but_the_grid(grid: tuple[int, int]) -> None:
    # There the activation is the identity, and both filters keep what both grids hold.
    for new in (grid, (2 * grid[0], 2 * grid[1]), (7, 6)):
        found = activated(wave(grid) + 2, new, (True, True))
        assert relative(found, wave(new) + 2) < 1e-12


def test_the_activation_acts_on_the_function_not_on_its_points() -> None:
    # The same function on a much finer grid, of which the coarse one holds what it can.
    both = (True, True)
    fine = functional.leaky_relu(wave((192, 192)))
    exact = resample(fine, (12, 12), both)
    coarse = wave((12, 12))
    errors = [
        relative(found, exact)
        for found in (activated(coarse, (12, 12), both), functional.leaky_relu(coarse))
    ]
    assert errors[0] < 0.35 * errors[1], errors


@pytest.mark.parametrize(("axis", "kind"), [(0, "circular"), (1, "circular")])
def test_shifts_by_a_point_are_nearly_kept_though_the_grid_is_halved(axis: int, kind: str) -> None:
    padding = ["zeros", "zeros"]
    padding[axis] = kind
    network = make("cno", timed=False, padding=tuple(padding)).double()
    x = resample(torch.randn(1, 3, 6, 6, dtype=torch.float64), (16, 24), (True, True))
    shifted = network(x.roll(1, axis + 2))
    assert relative(shifted, network(x).roll(1, axis + 2)) < 0.05


@pytest.mark.parametrize(
    ("published", "options"),
    [
        (2_005_481, {}),  # 128 x 128
        (3_191_249, {"width": 32, "levels": 3, "middle_blocks": 8}),  # 64 x 64
    ],
)
def test_has_the_parameters_of_the_authors_program(published: int, options: dict) -> None:
    with torch.device("meta"):
        network = REGISTRY.build("cno", in_channels=1, out_channels=1, dims=2, **options)
    assert count(network) == published


def test_without_residual_blocks_levels_are_still_seen() -> None:
    network = make("cno", timed=False, blocks=0, middle_blocks=0)
    x = torch.randn(1, 3, 8, 12, requires_grad=True)
    network(x).square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in network.parameters())
    assert count(make("cno", timed=False)) > count(network)


def test_only_space_is_halved_of_three_axes() -> None:
    network = make("cno", 3, timed=False)
    seen = []
    network.across[2].register_forward_hook(lambda _, given, out: seen.append(out.shape[2:]))
    network(torch.zeros(1, 3, 3, 9, 12))
    assert seen == [(3, 3, 3)]


def test_check_refuses_too_many_levels() -> None:
    check = CNOOptions(name="cno", levels=3).check
    assert check((5, 8)) == check((1, 5, 5)) == []
    assert "levels = 3: a grid of 4 x 8" in check((4, 8))[0]
