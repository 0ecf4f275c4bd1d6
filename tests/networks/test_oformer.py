"""Operator transformer: its attention, resolution, initial weights, and the published size."""

from __future__ import annotations

import itertools

import pytest
import torch
from small_networks import count, make, relative
from torch import nn
from torch.nn import functional

from wdno.networks import REGISTRY
from wdno.networks.oformer import GalerkinAttention, _Rotation
from wdno.networks.options.oformer import OFormerOptions


def test_attention_is_the_sum_over_points_of_products_of_turned_vectors() -> None:
    torch.manual_seed(0)
    channels, heads, n, largest = 6, 2, 5, 7.0
    attention = GalerkinAttention(channels, heads, _Rotation(channels, (False,), largest)).double()
    nn.init.normal_(attention.q.weight)
    tokens = torch.randn(1, n, channels, dtype=torch.float64)
    positions = torch.rand(n, 1, dtype=torch.float64)
    rates = largest * 10000.0 ** (-torch.arange(3, dtype=torch.float64) / 3)
    q, k, v = (
        (tokens[0] @ weight.T).view(n, heads, channels)
        for weight in (attention.q.weight, *attention.kv.weight.chunk(2))
    )
    k, v = (functional.layer_norm(part, (channels,)) for part in (k, v))
    q, k = (torch.view_as_complex(part.reshape(n, heads, 3, 2)) for part in (q, k))
    sums = torch.zeros(n, heads, channels, dtype=torch.float64)
    for i, j, head in itertools.product(range(n), range(n), range(heads)):
        turn = torch.exp(1j * rates * (positions[i, 0] - positions[j, 0]))
        sums[i, head] += (q[i, head] * turn * k[j, head].conj()).real.sum() * v[j, head] / n
    expected = attention.out(sums.flatten(1))
    assert relative(attention(tokens, tokens, positions)[0], expected) < 1e-10


def test_angles_are_whole_turns_on_periodic_axes_alone() -> None:
    rotation = _Rotation(16, (False, True), 40.0)
    turns = torch.tensor(rotation.rates) / (2 * torch.pi)
    assert turns[0, 0] == pytest.approx(40.0 / (2 * torch.pi)) and turns[1, 0] == pytest.approx(6.0)
    torch.testing.assert_close(turns[1], turns[1].round())
    h, ends = torch.randn(1, 2, 2, 16), torch.tensor([[0.2, 0.0], [0.2, 1.0]])
    turned = rotation(h[:, :, :1].expand_as(h), ends)
    assert relative(turned[:, :, 0], turned[:, :, 1]) < 1e-5
    assert relative(turned.norm(dim=3), h[:, :, :1].norm(dim=3).expand(1, 2, 2)) < 1e-5


@pytest.mark.parametrize("padding", ["zeros", "circular"])
def test_finer_grids_converge_to_one_function(padding: str) -> None:
    network = make("oformer", 1, timed=False, padding=(padding,), resolution=4).double()

    def output(n: int) -> torch.Tensor:
        x = torch.arange(n, dtype=torch.float64) / n
        given = torch.stack([(2 * torch.pi * (k + 1) * x).sin() + x * (1 - x) for k in range(3)])
        return network(given[None])[..., :: n // 16]

    changes = [relative(output(n), output(2 * n)) for n in (16, 32, 64, 128)]
    assert changes[0] < 0.2, changes
    assert all(b < 0.7 * a or b < 1e-9 for a, b in itertools.pairwise(changes)), changes


def test_has_the_published_number_of_parameters() -> None:
    # arXiv 2412.04833: 2 556 321 on (time, x), for one channel and two coordinates.
    with torch.device("meta"):
        network = REGISTRY.build("oformer", in_channels=1, out_channels=1, dims=2)
    encoder = count(network.embed) + count(network.encoder) + count(network.encode)
    assert (count(network), encoder) == (2_556_321, 1_080_096)


def test_weights_of_attention_start_near_a_multiple_of_the_identity() -> None:
    attention = GalerkinAttention(8, 3, _Rotation(8, (False,), 4.0))
    blocks = torch.cat([attention.q.weight, attention.kv.weight]).view(9, 8, 8)
    rest = blocks - torch.eye(8) / 8
    assert relative(rest @ rest.mT, torch.eye(8).expand(9, 8, 8) / 64) < 1e-5


def test_check_refuses_heads_too_small() -> None:
    def check(grid: tuple[int, ...], **given) -> list[str]:
        return OFormerOptions(name="oformer", **given).check(grid)

    assert check((1,)) == check((5, 4, 7), width=6, latent=6) == []
    assert check((5, 4, 7), width=5) == [
        "width = 5: the 3 axes of a grid of 5 x 4 x 7 need 2 channels each; use at least 6"
    ]
    assert "even number" in check((8, 8), latent=17)[0]
    with pytest.raises(ValueError, match="oformer: expected a width"):
        make("oformer", 3, width=5)
