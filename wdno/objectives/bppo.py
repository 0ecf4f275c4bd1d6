r"""BPPO: a policy is cloned from data, then improved on them by proximal steps (arXiv 2302.11312).

With the state $s_k$ before an interval, its control $a_k$ and reward $r_k$, all of the data, three
networks learn from the start

$$ V(s_k) \to \sum_{j \ge k} \gamma^{j - k} r_j, \qquad
   Q(s_k, a_k) \to r_k + \gamma \bar Q(s_{k+1}, a_{k+1}), \qquad
   \pi(a_k | s_k) \to \max, $$

with $\bar Q$ a moving average of Q and no value after the horizon. After a share of the training
the policy, a Gaussian with independent values, no longer clones: at the data's states controls
are drawn from an old copy $\pi'$ of it, and

$$ \max_\pi \; E \min\big(\rho A, \; [\rho]_{1 - \epsilon}^{1 + \epsilon} A\big), \qquad
   \rho = \frac{\pi(a | s)}{\pi'(a | s)}, \qquad A = w (Q - V), $$

with Q - V standardised over the batch, w = omega where it is positive, else 1 - omega, and a bound
epsilon that decays. The old copy is replaced every so many steps; the paper's program does so
when an evaluation in the environment improves, which offline is not to be had.

Both values have linear heads, averaged over space: the published ones end in a ReLU and cannot be
negative, as returns are that lose. The logarithm of the standard deviation is bounded by a
smooth function, where the published clamp has no gradient outside. Both values go on learning
during improvement, when the paper's are fixed: they are values of the data either way.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from wdno.draws import normal
from wdno.objectives.base import Loss, Request, weigh
from wdno.objectives.framewise import Framewise, alike, taken, told


class BPPO(Framewise):
    """Behaviour proximal policy optimisation; a prediction is the policy's mean.

    Attributes:
        value: V, ``[N, D + 1, *space] -> [N, 1, *space]``.
        action_value: Q, ``[N, D + 1 + C, *space] -> [N, 1, *space]``.
        target_value: the moving average of Q.
        old: the policy that controls are drawn from in improvement.
        relabelled: share of a batch with the target of another trajectory, which the data see to.
    """

    taken_steps: Tensor
    cloning_steps: Tensor

    def __init__(
        self,
        network: nn.Module,
        value: nn.Module,
        action_value: nn.Module,
        *,
        windows: int = 16,
        gamma: float = 1.0,
        relabelled: float = 0.5,
        cloning: float = 0.75,
        tau: float = 0.005,
        monte_carlo: float = 0.0,
        log_std_low: float = -5.0,
        log_std_high: float = 0.0,
        probability: str = "joint",
        omega: float = 0.9,
        clip: float = 0.25,
        clip_decay: float = 0.96,
        clip_decays: int = 200,
        replaced_every: int = 50,
        value_weight: float = 1.0,
    ) -> None:
        """Set up; options as :class:`wdno.objectives.options.bppo.BPPOOptions` says.

        Args:
            network: ``[N, D + 1, *space] -> [N, 2 C, *space]``, mean and bounded log-std.
            value: V.
            action_value: Q.
            windows: frames of each trajectory of a batch.
            gamma: discount for each interval.
            relabelled: kept for the record.
            cloning: share of the training that clones.
            tau: of the moving average of Q.
            monte_carlo: share of the sum of rewards in what Q learns.
            log_std_low: bound of the logarithm of the standard deviation.
            log_std_high: the other one.
            probability: of all values of a control (joint), or their geometric mean.
            omega: weight of positive advantages.
            clip: first bound of the ratio.
            clip_decay: its factor for each step of improvement.
            clip_decays: steps in which it decays.
            replaced_every: steps of improvement with the same old policy.
            value_weight: of both values' errors in the loss.
        """
        super().__init__(network, windows=windows)
        self.value, self.action_value = value, action_value
        self.target_value = copy.deepcopy(action_value).requires_grad_(False)
        self.old = copy.deepcopy(network).requires_grad_(False)
        self.gamma, self.relabelled, self.cloning, self.tau = gamma, relabelled, cloning, tau
        self._monte_carlo = monte_carlo
        self._bounds = (log_std_low, log_std_high)
        self._joint, self._omega = probability == "joint", omega
        self._clip, self._clip_decay, self._clip_decays = clip, clip_decay, clip_decays
        self._replaced_every, self._value_weight = replaced_every, value_weight
        # Both are in a saved state, so that a resumed training goes on where it was.
        self.register_buffer("taken_steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("cloning_steps", torch.zeros((), dtype=torch.int64))

    @staticmethod
    def out_channels(target: int, condition: int) -> int:
        """Return two for each target channel: mean and log-std."""
        return 2 * target

    @staticmethod
    def further(target: int, condition: int) -> Mapping[str, tuple[int, int]]:
        """Return both values, which see what the policy sees, one of them the control too."""
        return {"value": (condition + 1, 1), "action_value": (condition + 1 + target, 1)}

    def prepare(self, steps: int) -> None:
        """Say when cloning ends."""
        self.cloning_steps.fill_(max(1, round(self.cloning * steps)))

    def predicted(self, output: Tensor) -> Tensor:
        """Return the means."""
        return output.chunk(2, dim=1)[0]

    def loss(self, request: Request, generator: torch.Generator) -> Loss:
        """Return the errors of both values, and of the policy in its phase, of some frames.

        In training mode it also counts the step, and moves the target network and the old policy.

        Raises:
            ValueError: there is no target or reward, or `prepare` was not called.
        """
        if self.cloning_steps == 0:
            raise ValueError("bppo: expected prepare(steps) before the training")
        target, rewards = request.wanted(), request.rewarded()
        numbers = self.drawn(target, generator)
        if self.training:
            self._move()
        states, actions = told(request.condition, numbers), _flat(taken(target, numbers))
        values = _mean(self.value(states))
        worth = _mean(self.action_value(torch.cat([states, actions], dim=1)))
        with torch.no_grad():
            reached = self._to_go(rewards.values).gather(1, numbers).flatten()
            bootstrapped = self._bootstrapped(request, rewards.values, numbers)
            bootstrapped = bootstrapped.lerp(reached, self._monte_carlo)
        errors = (values - reached).square() + (worth - bootstrapped).square()
        where = rewards.acts.repeat_interleave(numbers.shape[1], dim=0)
        if self.taken_steps <= self.cloning_steps:
            own = rewards.own.repeat_interleave(numbers.shape[1])
            likelihood = self._likelihood(states, actions, where, alike(request.weight))
            cost = -likelihood * own
        else:
            cost = self._improvement(states, actions, where, generator)
        total = cost + self._value_weight * errors
        return Loss(per_sample=total.view(numbers.shape).mean(1))

    @torch.no_grad()
    def _move(self) -> None:
        """Count a step; draw the target network towards Q, and replace the old policy if due."""
        self.taken_steps += 1
        pairs = zip(self.target_value.parameters(), self.action_value.parameters(), strict=True)
        for average, latest in pairs:
            average.lerp_(latest, self.tau)
        done = int(self.taken_steps - self.cloning_steps) - 1  # steps of improvement before this
        if done >= 0 and done % self._replaced_every == 0:
            for kept, latest in zip(self.old.parameters(), self.network.parameters(), strict=True):
                kept.copy_(latest)

    def _to_go(self, reward: Tensor) -> Tensor:
        """Discounted sums of rewards from each interval on, ``[B, T]``."""
        sums, total = [], torch.zeros_like(reward[:, 0])
        for one in reversed(reward.unbind(1)):
            total = one + self.gamma * total
            sums.append(total)
        return torch.stack(sums[::-1], dim=1)

    def _bootstrapped(self, request: Request, reward: Tensor, numbers: Tensor) -> Tensor:
        """Rewards and the target network's value of what the data do next, ``[B k]``."""
        last = reward.shape[1] - 1
        after = (numbers + 1).clamp(max=last)
        seen = [told(request.condition, after), _flat(taken(request.wanted(), after))]
        following = _mean(self.target_value(torch.cat(seen, dim=1)))
        goes_on = (numbers < last).flatten()
        return reward.gather(1, numbers).flatten() + self.gamma * following * goes_on

    def _normal(self, network: nn.Module, states: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-std, ``[N, C, *space]`` each."""
        mean, raw = network(states).float().chunk(2, dim=1)
        low, high = self._bounds
        return mean, low + (high - low) * torch.sigmoid(raw)

    def _likelihood(
        self, states: Tensor, actions: Tensor, where: Tensor, weight: Tensor | None
    ) -> Tensor:
        """Mean log-likelihood of the values of a control, ``[N]``."""
        found = _log_density(actions, *self._normal(self.network, states))
        # [C, 1, *space] holds for all frames alike.
        found = weigh(found, None if weight is None else weight[:, 0])
        return (found * where).flatten(1).sum(1) / _count(where)

    def _improvement(
        self, states: Tensor, actions: Tensor, where: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Minus the bounded gain of controls that the old policy draws, ``[N]``."""
        with torch.no_grad():
            mean, log_std = self._normal(self.old, states)
            noise = normal(mean.shape, generator).to(mean)
            # Where no control acts it is what it always is.
            drawn = torch.where(where, mean + log_std.exp() * noise, actions)
            before = (_log_density(drawn, mean, log_std) * where).flatten(1).sum(1)
            gain = _mean(self.action_value(torch.cat([states, drawn], dim=1)))
            gain = gain - _mean(self.value(states))
            gain = (gain - gain.mean()) / (gain.std() + 1e-8)
            gain = gain * torch.where(gain > 0, self._omega, 1 - self._omega)
        now = _log_density(drawn, *self._normal(self.network, states))
        change = (now * where).flatten(1).sum(1) - before
        ratio = (change if self._joint else change / _count(where)).exp()
        done = max(int(self.taken_steps - self.cloning_steps) - 1, 0)
        bound = self._clip * self._clip_decay ** min(done, self._clip_decays)
        return -torch.minimum(ratio * gain, ratio.clamp(1 - bound, 1 + bound) * gain)


def _flat(frames: Tensor) -> Tensor:
    """Frames ``[B, C, k, *space]`` as a batch, ``[B k, C, *space]``."""
    return frames.transpose(1, 2).flatten(0, 1)


def _mean(output: Tensor) -> Tensor:
    """One number of each output, ``[N]``: its mean over space."""
    return output.float().flatten(1).mean(1)


def _count(where: Tensor) -> Tensor:
    """Number of values of a control, ``[N]``."""
    return where.flatten(1).sum(1)


def _log_density(x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Logarithm of a normal density, value by value."""
    scaled = (x - mean) * (-log_std).exp()
    return -0.5 * scaled.square() - log_std - 0.5 * math.log(2 * math.pi)


Objective = BPPO
