"""Factorized Fourier neural operator: its convolution, resolution, sharing, and published size."""

from __future__ import annotations

import pytest
import torch
from small_networks import count, make, relative

from wdno.networks import REGISTRY
from wdno.networks.ffno import _AxialConvolution
from wdno.networks.options.ffno import FFNOOptions

TURN = 2 * torch.pi


def wave(grid: tuple[int, ...]) -> torch.Tensor:
    """A function of all axes with frequencies up to 2, [1, 2, *grid]."""
    points = [torch.arange(n, dtype=torch.float64) / n for n in grid]
    t, x = torch.meshgrid(*points, indexing="ij")
    return torch.stack(((TURN * (2 * t + x)).sin() + 0.3, (TURN * (t - 2 * x)).cos()))[None]


@pytest.mark.parametrize("grid", [(8, 11), (9, 6)])
def test_phases_translate_along_each_axis(grid: tuple[int, int]) -> None:
    # A matrix exp(-2 pi i k s / n) for frequency k is a translation by s points.
    convolution = _AxialConvolution(2, (3, 3)).double()
    shifts = (2, 3)
    with torch.no_grad():
        for weight, shift, n in zip(convolution.weights, shifts, grid, strict=True):
            phases = torch.exp(-1j * TURN * shift / n * torch.arange(3, dtype=torch.float64))
            weight.copy_(torch.view_as_real(torch.einsum("k,io->kio", phases, torch.eye(2))))
    h = wave(grid)
    expected = sum(h.roll(shift, axis) for axis, shift in enumerate(shifts, start=2))
    assert relative(convolution(h), expected) < 1e-12


def test_frequencies_above_the_modes_vanish_and_others_mix_channels() -> None:
    torch.manual_seed(0)
    convolution = _AxialConvolution(2, (2, 2)).double()
    t = torch.arange(12, dtype=torch.float64) / 12
    high = (TURN * (2 * t[:, None] + 3 * t)).sin().expand(1, 2, 12, 12)
    assert convolution(high).abs().max() < 1e-12
    low = (TURN * t).cos().expand(1, 2, 12, 12)
    weight = torch.view_as_complex(convolution.weights[1][1])
    along = torch.einsum("x,o->ox", torch.exp(1j * TURN * t), weight.sum(0)).real
    mean = torch.einsum("x,o->ox", (TURN * t).cos(), convolution.weights[0][0, ..., 0].sum(0))
    assert relative(convolution(low)[0], (along + mean)[:, None].expand(2, 12, 12)) < 1e-12


@pytest.mark.parametrize("grid", [(6, 8), (9, 7)])
def test_sees_the_function_not_the_grid(grid: tuple[int, int]) -> None:
    # The convolution alone: point-wise parts make frequencies that a coarse grid folds back.
    torch.manual_seed(0)
    convolution = _AxialConvolution(2, (3, 3)).double()
    fine = convolution(wave((3 * grid[0], 2 * grid[1])))[..., ::3, ::2]
    assert relative(fine, convolution(wave(grid))) < 1e-12


def test_layers_share_their_convolution_unless_told_otherwise() -> None:
    shared, own = (
        make("ffno", timed=False, layers=3),
        make("ffno", timed=False, layers=3, shared=False),
    )
    per_layer = 2 * 3 * 6 * 6 * 2
    assert count(own) - count(shared) == 2 * per_layer
    assert count(make("ffno", timed=False, layers=4)) - count(shared) == 6 * 24 + 24 + 24 * 6 + 6


def test_has_the_published_number_of_parameters() -> None:
    # 24 layers, width 64, 16 modes, on (y, x): 1.07 million. Without the 7 873 lengths of a
    # normalisation of weights that are among them: a vector for each output of each linear map.
    with torch.device("meta"):
        network = REGISTRY.build("ffno", in_channels=1, out_channels=1, dims=2)
    lengths = 24 * (4 * 64 + 64) + 64 + 128 + 1
    assert count(network) == 1_064_961
    assert round((count(network) + lengths) / 1e6, 2) == 1.07


def test_check_and_network_refuse_the_same() -> None:
    def check(grid: tuple[int, ...], **given) -> list[str]:
        return FFNOOptions(name="ffno", **given).check(grid)

    assert check((4, 30), modes=3) == check((7, 8), modes=[4, 5]) == []
    assert "allowed: 1 to 3" in check((4, 30), modes=4)[0]
    assert "2 numbers for the 3 axes" in check((8, 8, 8), modes=[1, 2])[0]
    with pytest.raises(ValueError, match=r"3 frequencies along axis 'time or y'.*at most 3"):
        make("ffno", timed=False, modes=4)(torch.zeros(1, 3, 4, 30))
    assert make("ffno", timed=False, modes=(4, 5))(torch.zeros(1, 3, 7, 8)).shape == (1, 2, 7, 8)
