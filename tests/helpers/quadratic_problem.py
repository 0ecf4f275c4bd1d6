r"""A linear-quadratic problem whose optimal policy is known, and data of a policy far from it.

$x_{k+1} = x_k + a_k$ at each of two points, $J = \overline{x_T^2} + 0.2 \sum_k \overline{a_k^2}$.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from training_problem import SETTINGS

from wdno.model import Model
from wdno.problem import Part, Problem
from wdno.training.loop import TrainingResult, train
from wdno.training.settings import TrainingSettings
from wdno.training.state import Training
from wdno.training.trainer import Trainer

INTERVALS, POINTS, COST = 4, 2, 0.2
PROBLEM = Problem(
    grid=(INTERVALS, POINTS),
    boundaries=("open",),
    extent=(0.0, 1.0, 0.0, 1.0),
    given=(Part("observed", ("x",)),),
    generated=(Part("forcing", ("a",)),),
)


def follow(x: Tensor, act: Any) -> tuple[Tensor, Tensor, Tensor]:
    """States ``[n, 1, T, X]``, controls likewise, and rewards ``[n, T]`` of a rule of (x, k)."""
    states, controls, rewards = [], [], []
    for k in range(INTERVALS):
        a = act(x, k)
        fall = x.square() - (x + a).square() - COST * a.square()
        states.append(x)
        controls.append(a)
        rewards.append(fall.mean((1, 2)))
        x = x + a
    return torch.stack(states, 2), torch.stack(controls, 2), torch.stack(rewards, 1)


def optimal(x: Tensor, k: int) -> Tensor:
    """The control that Riccati's recursion gives."""
    p = 1.0
    for _ in range(INTERVALS - 1 - k):
        p = COST * p / (COST + p)
    return -p / (COST + p) * x


def starts(count: int, seed: int) -> Tensor:
    return torch.randn(count, 1, POINTS, generator=torch.Generator().manual_seed(seed))


class Trajectories:
    """Trajectories of a hesitant, noisy policy; the read of a number sends a signal."""

    def __init__(self, count: int = 1000, seed: int = 0, signal_at: int = 0) -> None:
        draws = torch.Generator().manual_seed(seed + 100)

        def hesitant(x: Tensor, k: int) -> Tensor:
            return -0.3 * x + 0.5 * torch.randn(x.shape, generator=draws)

        states, controls, rewards = follow(starts(count, seed), hesitant)
        self.parts = {
            "observed": states,
            "forcing": controls,
            "reward": rewards,
            "acts": torch.ones(count, 1, POINTS, dtype=torch.bool),
            "own": torch.ones(count, dtype=torch.bool),
        }
        self.problem, self.reads, self.signal_at = PROBLEM, 0, signal_at

    def __len__(self) -> int:
        return len(self.parts["reward"])

    def block(self, most: int = 256) -> int:
        return most

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        self.reads += 1
        if self.reads == self.signal_at:
            os.kill(os.getpid(), signal.SIGTERM)
        chosen = torch.from_numpy(np.asarray(indices))
        return {name: part[chosen] for name, part in self.parts.items()} | {"index": chosen}

    def batches(self, size: int, count: int | None = None, group: int | None = None) -> Any:
        stop = min(count or len(self), len(self))
        for first in range(0, stop, size):
            yield self.batch(np.arange(first, min(first + size, stop)))


def policy_model(objective: dict[str, Any], steps: int) -> Model:
    """A model of the problem with random weights, ready for training."""
    torch.manual_seed(0)
    spec = {
        "representation": {"name": "identity"},
        "network": {"name": "mlp", "grid": [POINTS], "width": 32},
        "objective": {"windows": INTERVALS, **objective},
    }
    model = Model(spec, PROBLEM)
    model.fit_scales(Trajectories())
    model.objective.prepare(steps)
    return model


def learn(
    folder: Path,
    objective: dict[str, Any],
    *,
    trainer: type[Training] = Trainer,
    signal_at: int = 0,
    imagination: Any = None,
    **settings: Any,
) -> tuple[Model, TrainingResult]:
    """Train on the data; the model has the averaged weights."""
    changed = {**SETTINGS, "batch_size": 64, "weight_decay": 0.0, "ema_decay": 0.9, **settings}
    options = TrainingSettings(**changed)
    model = policy_model(objective, options.steps)
    model.imagination = imagination
    result = train(
        model,
        Trajectories(signal_at=signal_at),
        options=options,
        seed=3,
        state_dir=folder / "state",
        log=folder / "train.jsonl",
        fingerprint="toy",
        device="cpu",
        validation=Trajectories(100, seed=1),
        validate_every=30,
        progress=False,
        trainer=trainer,
    )
    model.load_state_dict(result.tensors)
    return model.eval(), result


def cost(model: Model) -> float:
    """Mean J under the model's policy in closed loop, of new starts."""

    def act(x: Tensor, k: int) -> Tensor:
        observed = x[:, :, None].expand(-1, -1, INTERVALS, -1)
        with torch.no_grad():
            return model.estimate({"observed": observed})["forcing"][:, :, k]

    return j_of(act)


def j_of(act: Any) -> float:
    """Mean J of a rule."""
    x = starts(500, 7)
    return float(x.square().mean() - follow(x, act)[2].sum(1).mean())
