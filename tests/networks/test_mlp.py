"""Dense layers: sizes, what depends on what, and the grid that they are for."""

from __future__ import annotations

import pytest
import torch

from wdno.networks.mlp import MLP
from wdno.networks.options.mlp import MLPOptions


def test_every_value_depends_on_every_other() -> None:
    torch.manual_seed(0)
    network = MLP(2, 3, dims=2, time_conditioned=True, padding=["zeros"] * 2, grid=[4, 5], width=32)
    x = torch.randn(2, 2, 4, 5, requires_grad=True)
    y = network(x, torch.tensor([0.1, 0.9]))
    assert y.shape == (2, 3, 4, 5)
    (gradient,) = torch.autograd.grad(y[0, 0, 0, 0], x)
    assert (gradient[0] != 0).all() and (gradient[1] == 0).all()


def test_has_the_layers_of_the_published_policies() -> None:
    network = MLP(3, 2, dims=1, time_conditioned=False, padding=["zeros"], grid=[120])
    sizes = [(layer.in_features, layer.out_features) for layer in network.layers[::2]]
    assert sizes == [(360, 1024), (1024, 1024), (1024, 240)]


def test_refuses_another_grid() -> None:
    network = MLP(1, 1, dims=1, time_conditioned=False, padding=["zeros"], grid=[8], width=4)
    with pytest.raises(ValueError, match=r"built for the grid \[8\], got \[9\]"):
        network(torch.zeros(1, 1, 9))
    with pytest.raises(ValueError, match="grid of 2 axes"):
        MLP(1, 1, dims=2, time_conditioned=False, padding=["zeros"] * 2, grid=[8])
    options = MLPOptions.model_validate({"name": "mlp", "grid": [8]})
    assert options.check((8,)) == [] and "the network would see [6, 8]" in options.check((6, 8))[0]
