r"""A policy: the control of each interval from the state that the solver has reached.

$$ f_k = \pi_\theta(u_k, u^*, k), \qquad u_{k+1} = S(u_k, f_k). $$

Trained by imitation of the training set's controls this is behaviour cloning (BC): it learns what
the data do, cheap or not.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wdno.tasks.control.cases import Cases
from wdno.tasks.control.controllers.base import Controller as Base
from wdno.tasks.control.controllers.base import Setting
from wdno.tasks.control.controllers.options.policy import PolicyOptions


class Policy(Base):
    """Asks a trained model step by step, while the solver goes on."""

    def __init__(self, setting: Setting, options: PolicyOptions) -> None:
        """Load the model.

        Raises:
            ProblemError: it was trained on other data, or sees more than a frame at a time.
        """
        super().__init__()
        self._setting, self._objective = setting, setting.objective
        self._trained, self.metadata = setting.load("control", framewise=True)
        self.model = self._trained
        self.evaluations = setting.grid[0]

    def __call__(self, cases: Cases) -> Tensor:
        """Return what it has asked for in each interval, ``[n, C, T, *S]``."""
        world = self._objective.begin(cases)
        control = torch.zeros_like(cases.own)
        given = self._given(cases)
        for k in range(self._setting.grid[0]):
            given["observed"][:, :, k] = world.frame.to(given["observed"])
            with torch.no_grad():
                acted = self._trained.estimate(given)["forcing"][:, :, k]
            control[:, :, k] = acted.cpu().double() * self._objective.mask[:, :, 0]
            world.advance(control[:, :, k])
        return control

    def _given(self, cases: Cases) -> dict[str, Tensor]:
        """Return the parts that the model is given, with states yet to be observed."""
        device, frames = self._setting.device, self._setting.grid[0]
        known = {} if cases.target is None else {"last": cases.target.to(device, torch.float32)}
        shape = (*cases.first.shape[:2], frames, *cases.first.shape[2:])
        return {"observed": torch.zeros(shape, device=device), **known}


Controller = Policy
