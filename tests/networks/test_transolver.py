"""Transolver: its slices, positions, and the published sizes."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from small_networks import count, make, relative

from wdno.networks import REGISTRY
from wdno.networks.options.transolver import TransolverOptions
from wdno.networks.transolver import SliceAttention


def test_attention_is_that_of_means_over_slices() -> None:
    torch.manual_seed(0)
    attention = SliceAttention(6, 2, 4, ("zeros", "circular")).double()
    with torch.no_grad():
        attention.temperature.copy_(torch.tensor([[[0.2]], [[3.0]]], dtype=torch.float64))
    h = torch.randn(1, 6, 3, 5, dtype=torch.float64)
    g, f = (
        layer(h)[0].flatten(1).view(2, 3, 15)
        for layer in (attention.membership, attention.features)
    )
    found = torch.zeros(2, 3, 15, dtype=torch.float64)
    for head, temperature in enumerate((0.2, 3.0)):
        weights = torch.stack(
            [(attention.slices(g[head, :, i]) / temperature).softmax(0) for i in range(15)]
        )
        total = weights.sum(0)
        z = torch.stack([(weights[:, m] * f[head]).sum(1) / (total[m] + 1e-5) for m in range(4)])
        scores = attention.q(z) @ attention.k(z).T / 3**0.5
        mixed = scores.softmax(1) @ attention.v(z)
        found[head] = (weights @ mixed).T
    expected = attention.out(found.view(1, 6, 3, 5))
    assert relative(attention(h), expected) < 1e-10


def test_one_slice_is_the_mean_over_the_grid() -> None:
    torch.manual_seed(0)
    attention = SliceAttention(6, 2, 1, ("circular",)).double()
    h = torch.randn(2, 6, 9, dtype=torch.float64)
    mean = attention.features(h).mean(2).view(2, 2, 3)
    expected = attention.out(attention.v(mean).flatten(1)[..., None]).expand(2, 6, 9)
    assert relative(attention(h), expected) < 1e-5  # sums are divided by n + 1e-5


def test_temperatures_stay_within_bounds() -> None:
    attention = SliceAttention(6, 2, 3, ("zeros",)).double()
    h = torch.randn(1, 6, 9, dtype=torch.float64)
    with torch.no_grad():
        attention.temperature.copy_(torch.tensor([[[0.1]], [[5.0]]], dtype=torch.float64))
        within = attention(h)
        attention.temperature.copy_(torch.tensor([-7.0, 80.0]).view(2, 1, 1))
    assert relative(attention(h), within) < 1e-12


def test_positions_are_distances_to_points_of_axes_that_end() -> None:
    network = make("transolver", 2, padding=("zeros", "zeros"), references=3)
    found = network._distances(torch.zeros(1, 3, 4, 5)).view(3, 3, 4, 5)
    assert found[0, 0, 0, 0] == 0
    assert found[2, 1, 3, 1].item() == pytest.approx(((1 - 0.75) ** 2 + (0.5 - 0.2) ** 2) ** 0.5)
    along = make("transolver", 2, padding=("circular", "zeros"), references=3)
    distances = along._distances(torch.zeros(1, 3, 4, 5))
    assert distances.shape == (3, 4, 5)
    torch.testing.assert_close(distances[1, 2], (torch.arange(5) / 5 - 0.5).abs())


@pytest.mark.parametrize(
    ("published", "sizes"),
    [
        (2.83e6, {"in_channels": 1}),  # Darcy flow
        (11.2e6, {"in_channels": 10, "width": 256, "slices": 32}),  # Navier-Stokes, 10 frames
    ],
)
def test_has_the_published_number_of_parameters(published: float, sizes: dict) -> None:
    with torch.device("meta"):
        network = REGISTRY.build("transolver", out_channels=1, dims=2, **sizes)
    assert abs(count(network) / published - 1) < 0.005, f"{count(network)} parameters"


def test_heads_that_do_not_share_the_width_are_refused() -> None:
    with pytest.raises(ValidationError, match="width = 20 is no multiple of heads = 8"):
        TransolverOptions(name="transolver", width=20)
    with pytest.raises(ValueError, match="transolver: expected a width that is a multiple"):
        make("transolver", width=7)
