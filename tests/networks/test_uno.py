"""U-shaped neural operator: the package's parts, its grids, and functions on them."""

from __future__ import annotations

import itertools

import pytest
import torch
from small_networks import CHANNELS, UNO, count, make, relative

from wdno.networks import REGISTRY
from wdno.networks.fourier_layers import quiet, spectral_convolution
from wdno.networks.options.uno import UNOOptions


def wave(grid: tuple[int, int]) -> torch.Tensor:
    """A periodic function with frequencies up to 2, [1, 2, *grid]."""
    t, x = (torch.arange(n, dtype=torch.float64)[:, None] / n for n in grid)
    phase = 2 * torch.pi * (2 * t + x.T)
    return torch.stack((phase.sin(), (phase - 4 * torch.pi * t).cos() + 0.3))[None]


@pytest.mark.parametrize("grid", [(8, 12), (9, 13)])
@pytest.mark.parametrize("goal", [(5, 6), (5, 7), (16, 24), (11, 5)])
def test_a_convolution_to_another_grid_is_that_on_both(grid, goal) -> None:
    torch.manual_seed(0)
    padding = ("circular", "circular")
    convolution = spectral_convolution(padding)(2, 2, (4, 4)).double()
    there = convolution(wave(grid), output_shape=goal)
    assert relative(there, convolution(wave(goal))) < 1e-12
    assert (
        relative(convolution.transform(wave(grid), output_shape=(12, 15)), wave((12, 15))) < 1e-12
    )


def test_has_the_parameters_of_the_package() -> None:
    from neuralop.models import UNO as Package

    torch.manual_seed(0)
    with quiet():
        theirs = Package(
            in_channels=3,
            out_channels=2,
            hidden_channels=6,
            lifting_channels=24,
            projection_channels=24,
            n_layers=5,
            uno_out_channels=[6, 12, 12, 12, 6],
            uno_n_modes=[[4, 4], [2, 2], [2, 2], [2, 2], [4, 4]],
            uno_scalings=[[1.0, 1.0], [0.5, 0.5], [1.0, 1.0], [2.0, 2.0], [1.0, 1.0]],
            positional_embedding=None,
            channel_mlp_skip="linear",
        )
    torch.manual_seed(0)
    ours = REGISTRY.build("uno", dims=2, positional_embedding=False, **CHANNELS, **UNO)
    complex_twice = sum(p.numel() * (2 if p.is_complex() else 1) for p in theirs.parameters())
    assert count(ours) == complex_twice
    same = theirs.state_dict()
    for name, value in ours.state_dict().items():
        if "lifting" in name or "projection" in name:
            assert torch.equal(value, same[name]), name


def test_layers_lead_down_and_up_again() -> None:
    network = make("uno", 3, timed=False, levels=2, modes=4, domain_padding=0.0)
    seen = []
    for block in network.blocks:
        block.register_forward_hook(
            lambda block, given, out: seen.append((block.in_channels, tuple(out.shape[1:])))
        )
    network(torch.zeros(1, 3, 4, 9, 12))
    assert seen == [
        (6, (6, 4, 9, 12)),
        (6, (12, 4, 5, 6)),
        (12, (24, 4, 3, 3)),
        (24, (24, 4, 3, 3)),
        (24 + 24, (24, 4, 5, 6)),
        (24 + 12, (12, 4, 9, 12)),
        (12 + 6, (6, 4, 9, 12)),
    ]


def test_finer_grids_converge_to_one_function() -> None:
    network = make("uno", 1, timed=False, padding=("circular",)).double()

    def output(n: int) -> torch.Tensor:
        x = torch.arange(n, dtype=torch.float64) / n
        given = torch.stack([(2 * torch.pi * (k + 1) * x).sin() + k for k in range(3)])
        return network(given[None])[..., :: n // 12]

    changes = [relative(output(n), output(2 * n)) for n in (12, 24, 48)]
    assert changes[0] < 0.1, changes
    assert all(b < 0.5 * a or b < 1e-9 for a, b in itertools.pairwise(changes)), changes


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    make("uno")
    make("codano")
    assert capsys.readouterr().out == ""


def test_check_and_network_refuse_the_same() -> None:
    def check(grid: tuple[int, ...], **given) -> list[str]:
        return UNOOptions(name="uno", **given).check(grid)

    assert check((4, 8), modes=[4, 8]) == check((16, 3, 3), modes=3, levels=2) == []
    assert "allowed: 1 to 4" in check((4, 8), modes=5)[0]
    assert "levels = 3: a grid of 4 x 8" in check((4, 8), modes=2, levels=3)[0]
    with pytest.raises(ValueError, match="uno: levels = 3: a grid of 4 x 8 cannot be halved"):
        make("uno", timed=False, levels=3)(torch.zeros(1, 3, 4, 8))
