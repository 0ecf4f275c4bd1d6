r"""SAC: soft actor-critic (arXiv 1812.05905), by stable-baselines3.

The actor is this objective's network; critics and their training are of
:mod:`wdno.training.soft_actor_critic`. A control is $\ell \tanh \mu(s)$, with $\ell$ the limit in
standard deviations of the data's controls. What a critic says of controls that no data have is
never put right offline: the actor finds where it promises too much.

With a learned simulation (the pseudo-online SAC of arXiv 2412.04833) a share of each step's
transitions is of the present policy, rolled out in it. In the published program their buffer holds
the state before an interval as the one after it, too; here a roll-out gives transitions as data do.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NoReturn

import torch
from torch import Tensor, nn

from wdno.networks.mlp import MLP
from wdno.objectives.base import Request
from wdno.objectives.framewise import Framewise, taken, told


@dataclass(frozen=True, eq=False)
class Transitions:
    """Transitions of the data, N of them, flat.

    Attributes:
        states: before an interval, ``[N, S]``.
        actions: in it, in [-1, 1], ``[N, A]``.
        rewards: of it, ``[N, 1]``.
        following: states after it, ``[N, S]``; at the end the last one again.
        ends: 1 at the horizon, else 0, ``[N, 1]``.
    """

    states: Tensor
    actions: Tensor
    rewards: Tensor
    following: Tensor
    ends: Tensor


def mixed(
    data: Transitions, imagined: Transitions, share: float, draws: torch.Generator
) -> Transitions:
    """Return as many transitions as the data give, a share of them imagined.

    Args:
        data: N of them.
        imagined: N others.
        share: of the others, from 0 to 1.
        draws: CPU generator, which draws those of either.
    """
    count = len(data.states)
    others = round(share * count)
    kept, joined = (torch.randperm(count, generator=draws) for _ in range(2))
    pairs = ((getattr(data, part.name), getattr(imagined, part.name)) for part in fields(data))
    return Transitions(
        *(torch.cat([one[kept[others:]], other[joined[:others]]]) for one, other in pairs)
    )


class SAC(Framewise):
    """An actor; a prediction is its most likely control.

    Attributes:
        limit: largest control, in normalised channels.
        imagined: share of a step's transitions from a simulation; 0 without one.
        every: steps that learn from a roll-out.
    """

    network: MLP

    def __init__(
        self,
        network: nn.Module,
        *,
        windows: int = 16,
        gamma: float = 1.0,
        relabelled: float = 0.5,
        limit: float = 4.0,
        tau: float = 0.005,
        entropy: float = 0.05,
        target_entropy: float | None = None,
        simulation: str | None = None,
        imagined: float = 0.5,
        every: int = 25,
    ) -> None:
        """Set up; options as :class:`wdno.objectives.options.sac.SACOptions` says.

        Args:
            network: ``[N, D + 1, *space] -> [N, 2 C, *space]``, mean and log-std before tanh.
            windows: frames of each trajectory of a batch.
            gamma: discount for each interval.
            relabelled: share of a batch with the target of another trajectory; the data see to it.
            limit: largest control.
            tau: of the target critics.
            entropy: weight of the entropy at the start.
            target_entropy: that it is learned for; None: minus the number of values.
            simulation: name of the simulation that it is trained with; None: on data alone.
            imagined: share of a step's transitions from the simulation.
            every: steps that learn from a roll-out.

        Raises:
            ValueError: the network is another than stable-baselines3 makes.
        """
        if not isinstance(network, MLP):
            raise ValueError(
                f"sac: stable-baselines3 trains dense layers; expected the network 'mlp', got "
                f"{type(network).__name__.lower()!r}"
            )
        super().__init__(network, windows=windows)
        self.gamma, self.relabelled, self.limit, self.tau = gamma, relabelled, limit, tau
        self.entropy, self.target_entropy = entropy, target_entropy
        self.imagined, self.every = 0.0 if simulation is None else imagined, every

    @staticmethod
    def out_channels(target: int, condition: int) -> int:
        """Return two for each target channel: mean and log-std."""
        return 2 * target

    def predicted(self, output: Tensor) -> Tensor:
        """Return the controls of the means."""
        return self.limit * output.chunk(2, dim=1)[0].tanh()

    def transitions(self, request: Request, generator: torch.Generator) -> Transitions:
        """Return some transitions of each trajectory.

        Args:
            request: with target and rewards.
            generator: CPU generator that draws which.

        Raises:
            ValueError: there is no target or reward, or the control acts at some points alone.
        """
        target, rewards = request.wanted(), request.rewarded()
        if not rewards.acts.all():
            raise ValueError(
                "sac: the control acts at some points alone, but dense layers would choose it "
                "everywhere, and its entropy count there; expected a system that is controlled "
                "everywhere, or another objective, such as bppo"
            )
        numbers = self.drawn(target, generator)
        last = target.shape[2] - 1
        after = (numbers + 1).clamp(max=last)
        actions = taken(target, numbers).transpose(1, 2).flatten(0, 1)
        return Transitions(
            states=told(request.condition, numbers).flatten(1),
            actions=(actions / self.limit).clamp(-1, 1).flatten(1),
            rewards=rewards.values.gather(1, numbers).view(-1, 1),
            following=told(request.condition, after).flatten(1),
            ends=(numbers == last).to(target).view(-1, 1),
        )

    def loss(self, request: Request, generator: torch.Generator) -> NoReturn:
        """Refuse: there are several losses, each of its own weights.

        Raises:
            TypeError: always.
        """
        raise TypeError("sac has no single loss; wdno.training.soft_actor_critic trains it")


Objective = SAC
