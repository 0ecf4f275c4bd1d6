r"""PID: a controller whose gains a network sets (arXiv 2412.04833, appendix on baselines).

With the deviation $e_k = u_k - u^*$ of the state at the start of interval k from the target,

$$ f_k = P_k e_k + I_k \sum_{j \le k} e_j + D_k (e_k - e_{k-1}), \qquad
   (P_k, I_k, D_k) = g_\max \, \mathrm{softsign}(s \, \theta(e_k)), $$

at every point, with $e_{-1} = e_0$, and cut off at a largest control. The scales $s$ of the gains
are learned from zero on: a network drawn at random has gains under which a trajectory grows beyond
all bounds, from where no gradient leads back. All is in physical units: no deviation, no control.
The control of an interval depends on states up to its start alone, so that it can be asked step by
step. It is trained in a closed loop with a learned simulation, which the task provides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softsign

from wdno.objectives import base
from wdno.objectives.base import Loss, Request

GAINS = 3


class Memory(NamedTuple):
    """What is kept of the intervals before, ``[B, C, *space]`` each.

    Attributes:
        total: sum of the deviations.
        latest: the deviation before this.
    """

    total: Tensor
    latest: Tensor


class Pid(base.Objective):
    """Gains by a network, of deviations from a target.

    Attributes:
        network: ``[B, C, *space] -> [B, 3 C, *space]``.
        scale: of what the network gives, for each kind of gain, ``[3]``.
        gradient: whether gradients lead through the simulation in training.
        by_distance: whether the distance from the target is lowered in training, not J.
    """

    time_conditioned = False
    deterministic = True
    framewise = True

    def __init__(
        self,
        network: nn.Module,
        *,
        simulation: str,
        gradient: bool = True,
        loss: str = "j",
        largest_gain: float = 10.0,
        largest_control: float = 100.0,
    ) -> None:
        """Set up; options as in :class:`wdno.objectives.options.pid.PidOptions`."""
        super().__init__()
        self.network, self.gradient, self.by_distance = network, gradient, loss == "distance"
        self.scale = nn.Parameter(torch.zeros(GAINS))
        self._gain, self._control = largest_gain, largest_control

    @staticmethod
    def in_channels(target: int, condition: int) -> int:
        """Return the number of deviations.

        Raises:
            ValueError: what is given is not a state and a target of it, a control for each field.
        """
        if condition != 2 * target:
            raise ValueError(
                f"pid: expected a state, its target and a control of {target} fields each, got "
                f"{condition} given channels; use it for a system with a target and a control of "
                "every field"
            )
        return target

    @staticmethod
    def out_channels(target: int, condition: int) -> int:
        """Return the number of gains."""
        return GAINS * target

    def act(self, error: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        """Return the control of an interval, and what is to be kept for the next.

        Args:
            error: deviation from the target at its start, ``[B, C, *space]``.
            memory: of the interval before; None for the first.
        """
        if memory is None:
            memory = Memory(torch.zeros_like(error), error)
        total = memory.total + error
        raw = self.network(error).float().chunk(GAINS, dim=1)
        p, i, d = (
            self._gain * softsign(scale * one) for scale, one in zip(self.scale, raw, strict=True)
        )
        control = p * error + i * total + d * (error - memory.latest)
        return control.clamp(-self._control, self._control), Memory(total, error)

    def predict(
        self,
        request: Request,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
    ) -> Tensor:
        """Act in each interval, with the states at their starts as given.

        Raises:
            ValueError: a sampler or a guide is given.
        """
        request.refuse_drawing("pid", sampling)
        state, target = request.condition.chunk(2, dim=1)
        memory, controls = None, []
        for error in (state - target).unbind(2):
            control, memory = self.act(error, memory)
            controls.append(control)
        return torch.stack(controls, dim=2)

    def loss(self, request: Request, generator: torch.Generator) -> Loss:
        """Refuse: there is no control to imitate.

        Raises:
            ValueError: always.
        """
        raise ValueError(
            "pid is trained by what its control leads to: it needs a closed loop "
            "(wdno.tasks.control.closed_loop), and imitates no control"
        )

    def evaluations(self, sampling: Mapping[str, Any] | None, frames: int) -> int:
        """Return one for each frame."""
        return frames


Objective = Pid
