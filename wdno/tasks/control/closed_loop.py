r"""Training of a policy by what it leads to in a learned simulation.

Of PID this is J, or a distance, of the simulation under it:

$$ \hat u_{k+1} = S_\theta(\hat u_k, f_k), \qquad f_k = \pi_\phi(\hat u_k, u^*), \qquad
   L = J(\hat u, f) \;\text{ or }\; \sum_k \frac1X \sum_x |\hat u_k - u^*|. $$

The simulation stays as it was trained; gradients of L lead through all its steps to the policy.
Published (arXiv 2412.04833, PID) the simulation is cut out of the gradient. SAC learns from
transitions and rewards of the simulation under it, without gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wdno import model as models
from wdno import systems
from wdno.problem import ProblemError
from wdno.tasks.control import problem
from wdno.tasks.control.objective import CountedObjective, weights_of

if TYPE_CHECKING:
    from wdno.data.dataset import Trajectories
    from wdno.model.model import Act, Model
    from wdno.objectives.pid import Pid
    from wdno.problem import Batch
    from wdno.systems.base import SystemOptions
    from wdno.tasks.control.options import Options
    from wdno.tasks.control.rewards import Law


class ClosedLoop:
    """A learned simulation that goes on under the controls of a policy.

    Attributes:
        simulation: from the frame at the start of an interval, and its control, to that at its
            end; not trained.
        objective: J.
    """

    def __init__(self, simulation: Model, objective: CountedObjective) -> None:
        """With a simulation that goes from frame to frame.

        Raises:
            ProblemError: it generates all frames at once.
        """
        if not simulation.stepwise:
            raise ProblemError(
                "control: a closed loop needs a simulation that goes from frame to frame; train "
                "one with `stepping`"
            )
        self.simulation = simulation.eval().requires_grad_(False)
        self.objective = objective

    def __call__(self, policy: Model, batch: Batch, generator: torch.Generator) -> Tensor:
        """Return the loss of a policy in each case, ``[B]``.

        Args:
            policy: a model with the objective `pid`.
            batch: parts of the problem of control, of a frame at a time.
            generator: not used; nothing is drawn.
        """
        pid: Pid = policy.objective  # type: ignore[assignment]
        first, target = batch["observed"][:, :, 0], batch["last"]
        state, control = self.rollout(pid, first, target, policy.problem.grid[0])
        if pid.by_distance:
            loss = (state - target[:, :, None]).abs().mean(1).flatten(2).mean(2).sum(1)
        else:
            loss = self.objective.estimated({"state": state, "forcing": control}, target)
        # A loss that is cut off from the policy has a gradient all the same, of zero.
        return loss + 0.0 * control.flatten(1).sum(1)

    def rollout(
        self, pid: Pid, state: Tensor, target: Tensor, intervals: int
    ) -> tuple[Tensor, Tensor]:
        """Simulate under PID.

        Args:
            pid: the policy.
            state: at the start, ``[B, F, *S]``.
            target: state to be reached, ``[B, F, *S]``.
            intervals: number of intervals T.

        Returns:
            As :meth:`simulate`.
        """
        memory = None

        def act(state: Tensor, interval: int) -> Tensor:
            nonlocal memory
            control, memory = pid.act(state - target, memory)
            return control

        return self.simulate(act, state, intervals, gradient=pid.gradient)

    def imagined(self, law: Law, policy: Model, act: Act, batch: Batch) -> dict[str, Tensor]:
        """Return what of a rewarded batch is another if a policy acts in the simulation.

        The starts and the targets are those of the batch. No gradients lead through it.

        Args:
            law: of rewards, that of the data.
            policy: a model of a policy's problem, which gives an interval's channels their units.
            act: its channels, perhaps drawn; see :class:`wdno.model.Model`.
            batch: see :mod:`wdno.tasks.control.rewards`.

        Returns:
            The states `observed`, `forcing`, `reward`, and `last` as it is.
        """
        first, target = batch["observed"][:, :, 0], batch["last"]

        def control(state: Tensor, interval: int) -> Tensor:
            given = {"observed": state[:, :, None], "last": target}
            seen = policy.condition_scaler.normalise(policy.condition(given, frames=1))
            return policy.decode(act(seen, interval), given, frames=1)["forcing"][:, :, 0]

        with torch.no_grad():
            following, forcing = self.simulate(control, first, policy.problem.grid[0])
        state = torch.cat([first[:, :, None], following], dim=2)
        # It is little, and the law of the data is at home on the processor.
        stored = {
            "state": state.cpu(),
            "series": torch.zeros(len(state), 0, state.shape[2]),
            "forcing": forcing.cpu(),
        }
        rewards = replace(law, frames=1).rewards(stored, target.cpu())
        return {
            "observed": state[:, :, :-1].contiguous(),
            "last": target,
            "forcing": forcing,
            "reward": rewards.to(state),
        }

    def simulate(
        self,
        act: Callable[[Tensor, int], Tensor],
        state: Tensor,
        intervals: int,
        *,
        gradient: bool = True,
    ) -> tuple[Tensor, Tensor]:
        """Go on under a rule.

        Args:
            act: the control of an interval, ``[B, C, *S]``, from the state at its start and its
                number.
            state: at the start, ``[B, F, *S]``.
            intervals: number of intervals T.
            gradient: whether gradients lead through the simulation.

        Returns:
            The states after the first, ``[B, F, T, *S]``, and the controls, ``[B, C, T, *S]``.
        """
        self.simulation.to(state.device)
        mask = self.objective.mask[:, :, 0].to(state)
        states, controls = [], []
        for interval in range(intervals):
            control = act(state, interval) * mask
            with torch.set_grad_enabled(gradient and torch.is_grad_enabled()):
                given = {"first": state, "forcing": control[:, :, None]}
                state = self.simulation.estimate(given, frames=1)["state"][:, :, 0]
            states.append(state)
            controls.append(control)
        return torch.stack(states, dim=2), torch.stack(controls, dim=2)


def teacher(
    system: str,
    system_options: SystemOptions,
    options: Options,
    needs: Mapping[str, Path],
    data: Trajectories,
) -> ClosedLoop:
    """Return what a policy of a system is trained in.

    Args:
        system: name of the system.
        system_options: its options.
        options: of the task.
        needs: the trained simulation, under that role.
        data: the training set.

    Raises:
        CheckpointError: the simulation is not trained, or its file is damaged.
        ProblemError: the system has no target, or the simulation was trained on other data, or goes
            from frame to frame not at all.
    """
    if not problem.has_target(data.layout):
        raise ProblemError(f"control: system {system!r} has no target that a policy could be told")
    simulation, _ = models.load(needs["simulation"])
    made = systems.REGISTRY.load(system)(system_options)
    expected = (data.layout.grid, data.layout.boundaries, data.layout.extent, data.layout.scene)
    known = simulation.problem
    if (known.grid, known.boundaries, known.extent, known.scene) != expected:
        raise ProblemError(
            f"{needs['simulation']} was trained on another grid, domain or scene than that of "
            f"{data.path}; train it again"
        )
    return ClosedLoop(simulation, CountedObjective(made, weights_of(made, options)))
