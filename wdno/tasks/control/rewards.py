r"""Rewards of the intervals of a data set, for policies that learn from them.

With $J_k$ the J of a trajectory whose state stays from its interval k on, and whose control ends
there, the reward of interval k is what J falls in it,

$$ r_k = (J_k - J_{k+1}) / \bar J, \qquad \sum_k r_k = (J_0 - J_T) / \bar J, $$

with $\bar J$ the mean J of the training data: the law of the environments' shaped rewards
(:mod:`wdno.environments`), of what is stored. J is :meth:`wdno.controlled.Controlled.estimated`,
since a data file holds states and series, not all that the solver knows.

Beside the parts of a policy's problem (:mod:`wdno.tasks.control.problem`) a batch holds

| name | | |
|---|---|---|
| `reward` | ``[B, T]`` | |
| `acts` | ``[B, C, *S]`` | where a control may act |
| `own` | ``[B]`` | whether the target is the trajectory's own |

The state at the end of an interval is `observed` of the next one; after the last nothing follows.

The trajectories of data always reach their own target, so what it costs to miss one would never be
seen. Some samples of a batch get the target of another one, and their rewards are those of the new
target; their controls are no example of how it is reached. Which ones is drawn from the numbers of
the batch's samples, so that a batch is the same whenever it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from wdno import systems
from wdno.data.dataset import ProblemData
from wdno.problem import flatten_frames
from wdno.tasks.control.objective import CountedObjective, weights_of
from wdno.tasks.control.problem import divide, has_target, problem

if TYPE_CHECKING:
    from wdno.data.dataset import Trajectories
    from wdno.systems.base import SystemOptions
    from wdno.tasks.control.options import Options

MEASURED = 4096
"""Training trajectories of which the mean J is taken, at most."""

AT_ONCE = 2**20
"""Values of the state that are looked at together."""


@dataclass(frozen=True)
class Law:
    """What rewards are made of.

    Attributes:
        objective: J.
        target: whether J knows a state to be reached.
        frames: given frames of the data.
        unit: J of one unit of reward.
    """

    objective: CountedObjective
    target: bool
    frames: int
    unit: float = 1.0

    def facts(self) -> dict[str, Any]:
        """Return plain values that tell it from others on the same data."""
        return {"weights": dict(self.objective.weights), "unit": self.unit}

    def j(self, stored: Mapping[str, Tensor], last: Tensor | None, done: Tensor) -> Tensor:
        """Return J of trajectories that end after some intervals, ``[B, K]``.

        Args:
            stored: `state`, `series` and `forcing`, see :meth:`Trajectories.batch`.
            last: states to be reached, ``[B, F, *S]``.
            done: numbers of intervals, ``[K]``.
        """
        forcing, cuts = stored["forcing"], len(done)
        intervals = torch.arange(forcing.shape[2])
        seen = self.frames + (intervals + 1).minimum(done[:, None]) - 1
        parts = {name: _joined(stored[name][:, :, seen]) for name in ("state", "series")}
        going = (intervals < done[:, None]).view(cuts, -1, *[1] * (forcing.ndim - 3))
        parts["forcing"] = _joined(forcing[:, :, None] * going)
        if last is not None:
            last = last.repeat(cuts, *[1] * (last.ndim - 1))
        return self.objective.estimated(parts, last).view(cuts, -1).T

    def rewards(self, stored: Mapping[str, Tensor], last: Tensor | None) -> Tensor:
        """Return the reward of each interval, ``[B, T]``."""
        together = max(1, AT_ONCE // max(stored["state"].numel(), 1))
        cuts = torch.split(torch.arange(stored["forcing"].shape[2] + 1), together)
        j = torch.cat([self.j(stored, last, some) for some in cuts], dim=1)
        return -j.diff(dim=1) / self.unit


def _joined(parts: Tensor) -> Tensor:
    """Make a batch ``[K B, C, T, ...]`` of ``[B, C, K, T, ...]``."""
    return parts.movedim(2, 0).flatten(0, 1)


@dataclass(frozen=True)
class Rewarded:
    """Makes parts and rewards of what is stored.

    Attributes:
        parts: makes the parts.
        law: of rewards.
        relabelled: share of samples with the target of another.
    """

    parts: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
    law: Law
    relabelled: float

    def __call__(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return them, see the module."""
        parts = dict(self.parts(stored))
        samples, mask = len(stored["forcing"]), self.law.objective.mask[:, :, 0]
        source = torch.arange(samples)
        if self.law.target:
            source = relabelled(stored["index"], self.relabelled)
            parts["last"] = parts["last"][source]
        return parts | {
            "reward": self.law.rewards(stored, parts.get("last")),
            "acts": mask.expand(samples, *mask.shape[1:]),
            "own": source == torch.arange(samples),
        }


def relabelled(index: Tensor, share: float) -> Tensor:
    """Return whose target each sample of a batch gets, ``[B]``, by its place in the batch.

    Args:
        index: numbers of the samples, ``[B]``, from which it is drawn.
        share: probability of another's target; a sample that is alone keeps its own.
    """
    count = len(index)
    if count < 2:
        return torch.zeros(count, dtype=torch.int64)
    rng = np.random.default_rng(index.tolist())
    chosen = rng.random(count) < share
    own = np.arange(count)
    other = (own + rng.integers(1, count, count)) % count
    return torch.from_numpy(np.where(chosen, other, own))


def law(system: str, options: SystemOptions, task: Options | None, training: Trajectories) -> Law:
    """Return the law of rewards of a system.

    Args:
        system: its name.
        options: of the system.
        task: options of the task, with weights of J's terms.
        training: training data, whose mean J is the unit.

    Raises:
        ProblemError: the system cannot be controlled, or a weight is of no term of J.
    """
    target = has_target(training.layout)
    built = systems.REGISTRY.load(system)(options)
    objective = CountedObjective(built, weights_of(built, task))
    found = Law(objective, target, training.layout.given_frames)
    count, total = min(len(training), MEASURED), 0.0
    for start in range(0, count, 256):
        stored = training.batch(np.arange(start, min(start + 256, count)))
        last = flatten_frames(stored["state"][:, :, -1:]) if target else None
        whole = torch.tensor([stored["forcing"].shape[2]])
        total += float(found.j(stored, last, whole).double().sum())
    return Law(objective, target, found.frames, total / count)


def data(trajectories: Trajectories, law: Law, relabelled: float) -> ProblemData:
    """Return the samples of a data file as parts of a policy's problem, with rewards.

    Args:
        trajectories: the data file.
        law: of rewards.
        relabelled: share of a batch with the target of another of its samples.

    Raises:
        ProblemError: the system has no forcing, or cannot be controlled.
    """
    layout = trajectories.layout
    made = problem(layout, framewise=True)
    names = tuple(part.name for part in (*made.given, *made.generated))
    parts = partial(divide, frames=layout.given_frames, names=names)
    return ProblemData(trajectories, made, Rewarded(parts, law, relabelled))
