"""Codomain attention: among channels, over the grid as integrals, and what tells channels apart."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from small_networks import make, relative

from wdno.networks.options.codano import CoDANOOptions


def test_attention_is_among_channels_by_means_over_the_grid() -> None:
    network = make("codano", 1, timed=False, heads=1, normalisation="none").double()
    layer = network.layers[0]
    layer.temperature = math.sqrt(9)
    width, channels = 6, 4
    h = torch.randn(1, channels, width, 9, dtype=torch.float64)
    q, k, v = (
        torch.stack([operator(h[0, c : c + 1])[0] for c in range(channels)])
        for operator in (layer.Query, layer.Key, layer.Value)
    )
    scores = torch.stack([(q[c] * k).mean(2).sum(1) for c in range(channels)]) / math.sqrt(width)
    expected = torch.einsum("cu,uwn->cwn", scores.softmax(1), v)
    found = layer.compute_attention(h.flatten(0, 1), 1)
    assert relative(found, expected) < 1e-10


@pytest.mark.parametrize("normalisation", ["instance", "none"])
def test_channels_that_change_places_with_what_tells_them_apart_change_nothing(normalisation):
    network = make("codano", timed=False, normalisation=normalisation).double()
    x = torch.randn(2, 3, 8, 12, dtype=torch.float64)
    y = network(x)
    with torch.no_grad():
        network.encoding.copy_(network.encoding[[2, 0, 1, 4, 3]].clone())
    assert relative(network(x[:, [2, 0, 1]]), y[:, [1, 0]]) < 1e-10
    assert relative(network(x), y) > 1e-3


def test_encodings_are_cosines_where_an_axis_ends_and_constant_where_it_does_not() -> None:
    network = make("codano", timed=False, padding=("zeros", "circular")).double()
    assert network.encoding.shape == (5, 3, 2, 1)
    found = network._tokens(torch.zeros(1, 3, 8, 12, dtype=torch.float64))
    place = (torch.arange(8, dtype=torch.float64) + 0.5) / 8
    c = network.encoding[:, :, :, 0]
    expected = c[..., :1] + c[..., 1:] * (math.pi * place).cos()
    torch.testing.assert_close(found[:, 2:], expected[..., None].expand(5, 3, 8, 12))
    coordinate = torch.arange(8, dtype=torch.float64)[:, None] / 8
    torch.testing.assert_close(found[:, 1], coordinate.expand(5, 8, 12))
    assert not found[:, 0].any()


def test_normalisation_hides_amplitudes_from_one_layer_and_can_be_left_out() -> None:
    x = 10 * torch.randn(1, 3, 8, 12, dtype=torch.float64)

    def change(normalisation: str) -> float:
        network = make("codano", timed=False, layers=1, normalisation=normalisation).double()
        network.lift[1] = torch.nn.Identity()
        with torch.no_grad():
            network.encoding.zero_()
            for layer in network.lift[::2]:
                layer.bias.zero_()
            network.lift[0].weight[:, 1:].zero_()
        return relative(network(2 * x), network(x))

    assert change("instance") < 1e-3 and change("none") > 1e-2


def test_finer_grids_converge_to_one_function() -> None:
    network = make("codano", 1, timed=False, domain_padding=0.25).double()

    def output(n: int) -> torch.Tensor:
        x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
        given = torch.stack([(2 * torch.pi * (k + 1) * x).sin() + x * (1 - x) for k in range(3)])
        y = network(given[None])
        return y.unflatten(2, (16, -1)).mean(3)

    changes = [relative(output(n), output(2 * n)) for n in (16, 32, 64, 128)]
    assert changes[0] < 0.3, changes
    assert all(b < 0.7 * a for a, b in itertools.pairwise(changes)), changes


def test_on_a_ring_it_commutes_with_translation_without_normalisation() -> None:
    given = {"padding": ("circular",), "normalisation": "none"}
    network = make("codano", 1, timed=False, **given).double()
    x = torch.randn(2, 3, 9, dtype=torch.float64)
    assert relative(network(x.roll(2, 2)), network(x).roll(2, 2)) < 1e-12


def test_check_refuses_modes_and_what_does_not_tell_channels_apart() -> None:
    def check(grid: tuple[int, ...], periodic: tuple[bool, ...] = (), **given) -> list[str]:
        return CoDANOOptions(name="codano", **given).check(grid, periodic)

    assert check((16, 16)) == check((16, 16), (False, True)) == []
    assert "allowed: 1 to 8" in check((8, 16))[0]
    assert "constant" in check((16,), (True,))[0]
    assert check((16,), (True,), normalisation="none") == []
