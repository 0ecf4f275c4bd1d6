"""Regression: least squares, and the losses that a network has of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from models import REPRESENTATIONS, build, generators
from torch import Tensor, nn

from wdno.data.dataset import Trajectories
from wdno.objectives.base import Request
from wdno.objectives.regression import Regression
from wdno.objectives.stepping import Stepping
from wdno.tasks.simulation.problem import data as simulation


class Scale(nn.Module):
    """A factor for all values."""

    def __init__(self, factor: float = 3.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


class Supervised(Scale):
    """The same, with what is wanted as its loss."""

    def supervised(self, x: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        return self(x), wanted.flatten(1).sum(1) * self.factor


def request(origin: Tensor | None = None) -> Request:
    torch.manual_seed(0)
    x, target = torch.randn(2, 4, 1, 6)
    return Request(
        condition=x, channels=1, target=target, origin=origin, weight=torch.tensor([[2.0]])
    )


@pytest.mark.parametrize("origin", [None, torch.full((4, 1, 6), 0.5)])
def test_losses_of_a_network_are_added_to_its_error(origin: Tensor | None) -> None:
    asked, generator = request(origin), torch.Generator()
    plain = Regression(Scale()).loss(asked, generator)
    own = Regression(Supervised()).loss(asked, generator)
    assert own.estimate is not None and plain.estimate is not None
    assert torch.equal(own.estimate, plain.estimate)
    estimate = 3 * asked.condition + (0 if origin is None else origin)
    torch.testing.assert_close(own.estimate, estimate)
    error = 2 * (estimate - asked.wanted()).square().flatten(1).mean(1)
    torch.testing.assert_close(plain.per_sample, error)
    wanted = asked.wanted() - (0 if origin is None else origin)
    torch.testing.assert_close(own.per_sample, error + 3 * wanted.flatten(1).sum(1))


def test_every_step_has_the_losses_of_the_network() -> None:
    torch.manual_seed(0)
    first, target = torch.randn(3, 1, 5).double(), torch.randn(3, 1, 4, 5).double()
    asked = Request(condition=target[:, :0], channels=1, target=target, first=first)
    losses = []
    for network in (Scale(), Supervised()):
        stepping = Stepping(Regression(network), unroll=4, residual=False)
        losses.append(stepping.loss(asked, torch.Generator().manual_seed(0)).per_sample)
    torch.testing.assert_close(losses[1] - losses[0], 3 * target.flatten(1).sum(1) / 4)


def test_a_network_of_codes_learns_all_its_parts_and_steps(waves: Trajectories) -> None:
    data = simulation(waves)
    model = build(
        waves,
        representation=REPRESENTATIONS[0],
        network={"name": "cnn", "grid": list(data.problem.grid[1:]), "width": 4},
        objective={"name": "regression", "stepping": {"residual": False, "windows": 4}},
    )
    batch = data.batch(np.arange(8))
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for step in range(60):
        loss = model.loss_per_sample(batch, torch.Generator().manual_seed(step)).mean()
        optimiser.zero_grad()
        loss.backward()
        if not step:
            missing = [key for key, p in model.named_parameters() if not p.grad.abs().max() > 0]
            assert not missing, f"no gradient in {missing}"
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0], f"loss {losses[0]:.2f} -> {losses[-1]:.2f}"
    assert model.predict(batch, generators(8))["state"].shape == batch["state"].shape
