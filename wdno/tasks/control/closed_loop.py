r"""Training of a policy by what it leads to: J, or a distance, of a learned simulation under it.

$$ \hat u_{k+1} = S_\theta(\hat u_k, f_k), \qquad f_k = \pi_\phi(\hat u_k, u^*), \qquad
   L = J(\hat u, f) \;\text{ or }\; \sum_k \frac1X \sum_x |\hat u_k - u^*|. $$

The simulation stays as it was trained; gradients of L lead through all its steps to the policy.
Published (arXiv 2412.04833, PID) the simulation is cut out of the gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    from wdno.model import Model
    from wdno.objectives.pid import Pid
    from wdno.problem import Batch
    from wdno.systems.base import SystemOptions
    from wdno.tasks.control.options import Options


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
        """Simulate under a policy.

        Args:
            pid: the policy.
            state: at the start, ``[B, F, *S]``.
            target: state to be reached, ``[B, F, *S]``.
            intervals: number of intervals T.

        Returns:
            The states after the first, ``[B, F, T, *S]``, and the controls, ``[B, C, T, *S]``.
        """
        self.simulation.to(state.device)
        mask = self.objective.mask[:, :, 0].to(state)
        memory, states, controls = None, [], []
        for _ in range(intervals):
            control, memory = pid.act(state - target, memory)
            control = control * mask
            with torch.set_grad_enabled(pid.gradient and torch.is_grad_enabled()):
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
