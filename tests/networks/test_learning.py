"""Networks learn: a loss falls, and one batch can be learnt by heart."""

from __future__ import annotations

import pytest
import torch
from small_networks import BATCH, CHANNELS, NAMES, WIDER, descend, options

from wdno.networks import REGISTRY


@pytest.mark.parametrize("name", NAMES)
def test_training_lowers_the_loss(name: str) -> None:
    torch.manual_seed(0)
    network = REGISTRY.build(name, dims=2, time_conditioned=True, **CHANNELS, **options(name))
    x, t = torch.randn(8, 3, 8, 12), torch.rand(8)
    target = torch.stack((x[:, 0].roll(1, -1), x[:, 1] * t[:, None, None]), dim=1)
    losses = descend(network, target, x, t, steps=100, share=0.5)
    assert losses[-1] < 0.5 * losses[0], f"loss {losses[0]:.3f} -> {losses[-1]:.3f}"


@pytest.mark.parametrize("name", NAMES)
def test_one_batch_is_learnt_to_near_zero(name: str) -> None:
    torch.manual_seed(0)
    wider = options(name, grid=BATCH) | WIDER.get(name, {})
    network = REGISTRY.build(name, dims=2, **CHANNELS, **wider)
    x, target = torch.randn(2, 3, *BATCH), torch.randn(2, 2, *BATCH)
    losses = descend(network, target, x, steps=400, share=5e-3)
    assert losses[-1] < 5e-3 * losses[0], f"loss {losses[0]:.1e} -> {losses[-1]:.1e}"
