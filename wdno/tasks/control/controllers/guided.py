r"""Diffusion as a controller: state and control are drawn together, towards low J.

The model has learned $p(u, f \mid u_0, u^*)$, or without a target $p(u, f \mid u_0)$, of the
training set. Guidance (:mod:`wdno.diffusion.guidance`) tilts what is drawn by J of the present
estimate; of the sample the control is kept, and the solver alone decides what it is worth (arXiv
2412.04833, section 3.3). How strongly is chosen on validation cases, by the solver.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wdno.diffusion import guidance
from wdno.evaluation.predictor import sample_seed
from wdno.tasks.control.controllers.adjoint import descend
from wdno.tasks.control.controllers.base import Controller as Base
from wdno.tasks.control.controllers.base import Setting
from wdno.tasks.control.controllers.options.guided import GuidedOptions
from wdno.tasks.control.objective import Cases

if TYPE_CHECKING:
    from wdno.diffusion.guidance.base import Guidance
    from wdno.diffusion.samplers.base import Denoise
    from wdno.diffusion.schedule import Schedule
    from wdno.problem import Batch


class Guided(Base):
    """Draws controls of a trained diffusion model."""

    def __init__(self, setting: Setting, options: GuidedOptions) -> None:
        """Load the model and choose the weight.

        Raises:
            ProblemError: the model was trained on other data.
        """
        super().__init__()
        self._setting, self._options = setting, options
        self._objective = setting.objective
        self._trained, self.metadata = setting.load("control")
        self.model = self._trained
        job = setting.job
        frames = setting.grid[0]
        each = self._trained.objective.evaluations(job.sampling, frames)
        self.evaluations = each * options.draws
        self._guides = self._built(None)
        self._scale = 1.0
        if self._guides:
            size = job.evaluation.batch_size
            self._validation = list(setting.validation(options.validation_cases, size))
            self._scale = self._mean(lambda cases: cases.own * self._objective.mask)
            self.notes["J of the data"] = self._scale
        if options.weights:
            started = time.perf_counter()
            self._choose()
            self.notes["seconds to choose"] = time.perf_counter() - started

    def _built(self, weight: float | None) -> list[Guidance]:
        """Make the guidances, the first with another weight where one is given."""
        sections = [one.model_dump() for one in self._options.guidance]
        if weight is not None:
            sections[0]["weight"] = weight
        return [guidance.REGISTRY.build(one.pop("name"), **one) for one in sections]

    def _choose(self) -> None:
        """Take the weight with the least mean J on the validation cases."""
        tried = {}
        for weight in self._options.weights:
            self._guides = self._built(weight)
            tried[weight] = self._mean(lambda cases: self._draw(cases, 0))
        best = min(tried, key=lambda weight: tried[weight])
        self._guides = self._built(best)
        self.notes |= {
            "weight": best,
            "J on validation": {f"{weight:g}": value for weight, value in tried.items()},
        }

    def _mean(self, control: Callable[[Cases], Tensor]) -> float:
        """Mean J of the validation cases under what a function returns of them."""
        values = [self._objective.value(cases, control(cases)) for cases in self._validation]
        return float(torch.cat(values).mean())

    def __call__(self, cases: Cases) -> Tensor:
        """Draw, choose the best draw, and polish it, ``[n, C, T, *S]``."""
        drawn = torch.stack([self._draw(cases, m) for m in range(self._options.draws)])
        control = drawn[0]
        if len(drawn) > 1:
            values = torch.stack([self._objective.value(cases, one) for one in drawn])
            control = drawn[values.argmin(0), torch.arange(len(cases))]
        if self._options.polish:
            found = descend(self._objective, cases, control, self._options.polish)
            self.curve, control = found.history, found.x
        return control

    def _draw(self, cases: Cases, number: int) -> Tensor:
        """Draw sample `number` of each case."""
        device = self._setting.device
        given = {name: values.to(device) for name, values in cases.given.items()}
        generators = [
            torch.Generator().manual_seed(sample_seed(self._setting.job.seed, case, number))
            for case in cases.index.tolist()
        ]
        drawn = self._trained.predict(
            given,
            generators,
            self._setting.job.sampling,
            guide=partial(self._guide, cases=cases, given=given) if self._guides else None,
        )
        control: Tensor = drawn["forcing"].cpu().double() * self._objective.mask
        return control

    def _guide(
        self, denoise: Denoise, schedule: Schedule, *, cases: Cases, given: Batch
    ) -> Denoise:
        """Wrap the denoiser by every guidance, the first one innermost."""
        target, terms = None, self._options.terms
        if cases.target is not None:
            target = cases.target.to(next(iter(given.values())))

        def estimated(channels: Tensor) -> Tensor:
            parts = self._trained.decode(channels, given)
            return self._objective.estimated(parts, target, terms) / self._scale

        def solved(channels: Tensor) -> Tensor:
            control = self._trained.decode(channels, given)["forcing"]
            allowed = control.cpu() * self._objective.mask
            values, gradient, _ = self._objective.gradient(cases, allowed, terms)
            # A function with this value and this gradient.
            along = (gradient.to(control) * (control - control.detach())).flatten(1).sum(1)
            return (values.to(control) + along) / self._scale

        for one in self._guides:
            denoise = one.wrap(denoise, schedule, solved if one.by_solver else estimated)
        return denoise


Controller = Guided
