"""Wavelet neural operator: its transform, its one linear case, grids, and the published size."""

from __future__ import annotations

import itertools

import pytest
import pywt
import torch
from small_networks import CHANNELS, count, make, options, relative

from wdno.networks import REGISTRY
from wdno.networks.options.wno import WNOOptions
from wdno.networks.wno import _coarsest, _Kernel

CPU = torch.device("cpu")


def matrices(grid: tuple[int, ...], family: str, mode: str, levels: int) -> tuple[dict, dict]:
    pairs = [_coarsest(size, family, mode, levels, CPU) for size in grid]
    return tuple({axis: pair[k] for axis, pair in enumerate(pairs, 2)} for k in range(2))


@pytest.mark.filterwarnings("ignore:Level value")  # levels at which all coefficients see an end
@pytest.mark.parametrize("mode", ["symmetric", "zero", "periodization"])
@pytest.mark.parametrize(
    ("family", "levels", "grid"), [("sym4", 3, (33, 40)), ("bior2.4", 2, (25,)), ("haar", 1, (9,))]
)
def test_equal_weights_at_all_positions_keep_the_coarsest_level_alone(family, levels, grid, mode):
    # With a matrix M for all channels and positions the kernel is M times the projection on the
    # coarsest approximation and details, which PyWavelets gives.
    torch.manual_seed(0)
    h = torch.randn(2, 3, *grid, dtype=torch.float64)
    analysis, synthesis = matrices(grid, family, mode, levels)
    kernel = _Kernel(3, [analysis[axis].shape[0] for axis in analysis]).double()
    matrix = torch.randn(3, 3, dtype=torch.float64)
    with torch.no_grad():
        kernel.weight.copy_(matrix.expand_as(kernel.weight))
    axes = tuple(range(2, h.ndim))
    coarse, *fine = coefficients = pywt.wavedecn(h.numpy(), family, mode, levels, axes)
    for level in fine[1:]:
        for name in level:
            level[name][:] = 0.0
    kept = torch.from_numpy(pywt.waverecn(coefficients, family, mode, axes))
    kept = kept[tuple(slice(n) for n in h.shape)]
    assert coarse.shape[2:] == tuple(analysis[axis].shape[0] // 2 for axis in axes)
    expected = torch.einsum("bi...,io->bo...", kept, matrix)
    assert relative(kernel(h, analysis, synthesis), expected) < 1e-10


@pytest.mark.parametrize("mode", ["symmetric", "zero", "periodization"])
def test_gradients_are_those_of_finite_differences(mode: str) -> None:
    # Those of pytorch_wavelets are wrong with `symmetric`.
    network = make("wno", 1, grid=(13,), mode=mode, timed=False, layers=1, width=2).double()
    x = torch.randn(1, 3, 13, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(network, (x,))


def test_has_the_published_number_of_parameters() -> None:
    # arXiv 2412.04833: 153 408 for 1D in x, with 80 times and a coordinate as 81 channels.
    with torch.device("meta"):
        network = REGISTRY.build(
            "wno", in_channels=1, out_channels=1, dims=2, grid=(80, 120), time="channels"
        )
    assert count(network) == 153_408
    assert network.kernels[0].weight.shape == (2 * 10, 40, 40)


@pytest.mark.parametrize("grid", [(5, 12), (3, 8, 10)])
def test_times_as_channels_are_a_network_on_space(grid: tuple[int, ...]) -> None:
    network = make("wno", len(grid), grid=grid, time="channels", timed=False)
    torch.manual_seed(0)
    space = REGISTRY.build(
        "wno",
        in_channels=3 * grid[0],
        out_channels=2 * grid[0],
        dims=len(grid) - 1,
        **options("wno", grid=grid[1:]),
    )
    space.load_state_dict(network.state_dict())
    x = torch.randn(2, 3, *grid)
    expected = space(x.flatten(1, 2)).view(2, 2, *grid)
    assert torch.equal(network(x), expected)


def test_finer_grids_converge_to_one_function() -> None:
    # One level more for each doubling: the same weights, and the same map of a function.
    network = make("wno", 1, grid=(32,), timed=False, padding=("circular",), levels=2).double()

    def output(doublings: int) -> torch.Tensor:
        x = torch.arange(32 << doublings, dtype=torch.float64) / (32 << doublings)
        given = torch.stack([(2 * torch.pi * (k + 1) * x).sin() + k for k in range(3)])
        return network(given[None])[..., :: 1 << doublings]

    outputs = [output(k) for k in range(5)]
    changes = [relative(a, b) for a, b in itertools.pairwise(outputs)]
    assert changes[0] < 0.2
    assert all(b < 0.7 * a for a, b in itertools.pairwise(changes)), changes


def test_periodic_axes_wrap_around_and_have_no_coordinate() -> None:
    network = make("wno", 2, grid=(8, 12), padding=("zeros", "circular"), timed=False)
    assert network.modes == ("symmetric", "periodization")
    assert network.lift.in_features == 3 + 1
    assert network.kernels[0].weight.shape[:2] == (2 * 5, 2 * 6)
    # It commutes with translation if a sub-band has one matrix for all positions along x.
    with torch.no_grad():
        for kernel in network.kernels:
            for band in kernel.weight.chunk(2, dim=1):
                band.copy_(band[:, :1].expand_as(band).clone())
    x = torch.randn(2, 3, 8, 12)
    assert relative(network(x.roll(2, -1)), network(x).roll(2, -1)) < 1e-5
    other = make("wno", 2, grid=(8, 12), padding=("zeros", "circular"), timed=False)
    assert relative(other(x.roll(2, -1)), other(x).roll(2, -1)) > 1e-3


@pytest.mark.parametrize(
    ("wrong", "grid", "words"),
    [
        ({"grid": [8]}, (8, 12), ["grid = [8]", "8 x 12"]),
        ({}, (8, 13), ["grid = [8, 12]", "8 x 13", "12 have"]),
        ({}, (4, 12), ["grid = [8, 12]", "4 x 12", "8 have"]),
        ({"levels": 5}, (8, 12), ["levels = 5", "8 points", "at most 3"]),
        ({"levels": [1, 1, 1]}, (8, 12), ["levels = [1, 1, 1]", "2 axes"]),
        ({"time": "channels"}, (16, 12), ["16 times", "channels"]),
        ({"time": "channels", "levels": [1, 1]}, (8, 12), ["1 axes"]),
    ],
)
def test_check_and_network_refuse_the_same(wrong: dict, grid: tuple[int, ...], words) -> None:
    given = {"grid": [8, 12], "family": "db2", "levels": 1} | wrong
    problem = " ".join(WNOOptions(name="wno", **given).check(grid))
    missing = [word for word in words if word not in problem]
    assert problem and not missing, problem
    with pytest.raises(ValueError, match="wno: "):
        REGISTRY.build("wno", dims=2, **CHANNELS, **given)(torch.zeros(1, 3, *grid))


def test_an_axis_that_wraps_around_can_be_halved_more_often() -> None:
    options = WNOOptions(name="wno", grid=[8, 8], family="sym4", levels=[1, 3])
    assert options.check((8, 8), (False, True)) == []
    assert "at most 1" in options.check((8, 8), (False, False))[0]


def test_takes_its_grid_doubled() -> None:
    given = {"family": "db2", "levels": 2, "grid": [8, 12]}
    for grid in ((8, 12), (16, 24), (8, 24)):
        assert WNOOptions(name="wno", **given).check(grid, (True, True)) == []
        network = REGISTRY.build("wno", dims=2, padding=("circular",) * 2, **CHANNELS, **given)
        assert network(torch.zeros(1, 3, *grid)).shape == (1, 2, *grid)
    assert WNOOptions(name="wno", **given | {"time": "channels"}).check((16, 24)) != []
    with pytest.raises(
        ValueError, match="not a discrete wavelet of PyWavelets; did you mean 'sym4'"
    ):
        WNOOptions(name="wno", grid=[8], family="sim4")
