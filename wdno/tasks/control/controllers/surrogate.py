r"""SL: a learned simulation in place of the solver (arXiv 2412.04833, appendix on baselines).

$$ \min_c \; J\big(\hat u(u_0, P c),\, P c\big) $$

by L-BFGS from zero, with a model $\hat u$ of the simulation task and an interpolation P of few
values c: along details that no training sample has, a model promises what no solver keeps.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from wdno.problem import ProblemError
from wdno.tasks.control.cases import Cases
from wdno.tasks.control.controllers.adjoint import descend
from wdno.tasks.control.controllers.base import Controller as Base
from wdno.tasks.control.controllers.base import Setting
from wdno.tasks.control.controllers.options.surrogate import SurrogateOptions
from wdno.tasks.control.lbfgs import Point, minimise

MODES = {2: "bilinear", 3: "trilinear"}


class Surrogate(Base):
    """Descends along gradients of a trained simulation."""

    def __init__(self, setting: Setting, options: SurrogateOptions) -> None:
        """Load the model.

        Raises:
            ProblemError: it was trained on other data, or draws its predictions.
        """
        super().__init__()
        self._setting, self._options = setting, options
        self._objective = setting.objective
        self._trained, self.metadata = setting.load("simulation")
        self.model = self._trained
        if not self._trained.objective.deterministic:
            raise ProblemError(
                f"{setting.job.description}: a surrogate needs a model that predicts and does not "
                "draw, such as one trained by regression"
            )
        self._coarse = tuple(math.ceil(size / options.coarsen) for size in setting.grid)
        each = self._trained.objective.evaluations(None, setting.grid[0])
        self.evaluations = each * options.gradients

    def __call__(self, cases: Cases) -> Tensor:
        """Return the control that the model thinks best, ``[n, C, T, *S]``."""
        components = cases.own.shape[1]
        start = torch.zeros(len(cases), components, *self._coarse, dtype=torch.float64)
        found = minimise(
            lambda values, rows: self._gradient(cases.take(rows), values),
            start,
            self._options.gradients,
        )
        control = self._control(found.x)
        self.notes["J by the model"] = float(found.value.mean())
        if self._options.polish:
            polished = descend(self._objective, cases, control, self._options.polish)
            self.curve, control = polished.history, polished.x
        return control

    def _control(self, values: Tensor) -> Tensor:
        """Interpolate the free values, where control may act."""
        grid = self._setting.grid
        mode = MODES[len(grid)]
        control = interpolate(values, size=grid, mode=mode, align_corners=True)
        return control * self._objective.mask.to(control)

    def _gradient(self, cases: Cases, values: Tensor) -> Point:
        """J by the model, ``[n]``, and its gradient with respect to the free values."""
        device = self._setting.device
        given = {name: part.to(device) for name, part in cases.given.items()}
        target = None if cases.target is None else cases.target.to(device, torch.float32)
        with torch.enable_grad():
            asked = values.to(device, torch.float32).requires_grad_()
            control = self._control(asked)
            parts = self._trained.estimate({**given, "forcing": control})
            j = self._objective.estimated({**parts, "forcing": control}, target)
            (gradient,) = torch.autograd.grad(j.sum(), asked)
        return Point(j.detach().cpu().double(), gradient.cpu().double())


Controller = Surrogate
