r"""Diffusion as a controller: state and control are drawn together, towards low J.

The model has learned $p(u, f \mid u_0, u^*)$, or without a target $p(u, f \mid u_0)$, of the
training set. Guidance (:mod:`wdno.diffusion.guidance`) tilts what is drawn by J of the present
estimate; of the sample the control is kept, and the solver alone decides what it is worth (arXiv
2412.04833, section 3.3). How strongly is chosen on validation cases, by the solver.

A prior, a second model of the controls alone, says how much of the way in which the data were
controlled is kept (:mod:`wdno.diffusion.guidance.reweight`).

A model that was told the energy of the control, or the series at the end, in training can be asked
for others than are usual: for less, or more, of which is chosen likewise.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wdno.diffusion import guidance
from wdno.diffusion.guidance.project import project
from wdno.evaluation.predictor import sample_seed
from wdno.problem import ProblemError
from wdno.tasks.control.cases import Cases
from wdno.tasks.control.controllers.adjoint import descend
from wdno.tasks.control.controllers.base import Controller as Base
from wdno.tasks.control.controllers.base import Setting
from wdno.tasks.control.controllers.options.guided import GuidedOptions
from wdno.tasks.control.objective import ControlError
from wdno.tasks.control.options import OUTCOMES
from wdno.tasks.control.prior import Prior

if TYPE_CHECKING:
    from wdno.diffusion.guidance.base import Guidance
    from wdno.diffusion.samplers.base import Denoise
    from wdno.diffusion.schedule import Schedule
    from wdno.problem import Batch, Problem


@dataclass(frozen=True)
class Candidate:
    """What is tried on validation cases.

    Attributes:
        weight: of the first guidance; None: its own.
        gamma: exponent of the prior; None: there is none.
        asked: pairs of an outcome and what it is to be.
    """

    weight: float | None
    gamma: float | None
    asked: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        named = (("weight", self.weight), ("gamma", self.gamma), *self.asked)
        return ", ".join(f"{name} {value:g}" for name, value in named if value is not None)


class Guided(Base):
    """Draws controls of a trained diffusion model."""

    def __init__(self, setting: Setting, options: GuidedOptions) -> None:
        """Load the models and choose the weight.

        Raises:
            ProblemError: a model was trained on other data, or that of the prior does not fit the
                other.
        """
        super().__init__()
        self._setting, self._options = setting, options
        self._objective = setting.objective
        self._trained, self.metadata = setting.load("control")
        self.model = self._trained
        job = setting.job
        frames = setting.grid[0]
        self._prior = Prior(setting, self._trained) if options.prior else None
        self._asked = _usual(setting, self._trained.problem)
        self._scale = 1.0
        tried = _candidates(options, tuple(self._asked))
        if options.guidance or len(tried) > 1:
            size = job.batch_size
            self._validation = list(setting.validation(options.validation_cases, size))
            self._scale = self._mean(lambda cases: cases.own * self._objective.mask)
            self.notes["J of the data"] = self._scale
        started = time.perf_counter()
        self._choose(tried)
        if len(tried) > 1:
            self.notes["seconds to choose"] = time.perf_counter() - started
        asked = [self._trained]
        if self._prior is not None and self._gamma != 1:
            asked.append(self._prior.model)
        each = sum(model.objective.evaluations(job.sampling, frames) for model in asked)
        self.evaluations = each * options.draws

    def _built(self, weight: float | None) -> list[Guidance]:
        """Make the guidances, the first with another weight where one is given."""
        sections = [one.model_dump() for one in self._options.guidance]
        if weight is not None:
            sections[0]["weight"] = weight
        return [guidance.REGISTRY.build(one.pop("name"), **one) for one in sections]

    def _choose(self, tried: Sequence[Candidate]) -> None:
        """Take what has the least mean J on the validation cases; what is alone is taken as it is.

        Raises:
            ControlError: J is finite with none.
        """
        usual, found = self._asked, {}
        for one in tried:
            self._take(one, usual)
            if len(tried) > 1:
                found[one] = self._mean(lambda cases: self._draw(cases, 0))
        best = min(tried, key=lambda one: found.get(one, math.inf))
        if found and not math.isfinite(found[best]):
            raise ControlError(
                "the solver diverges on validation cases with every weight; try smaller ones, and "
                "gammas nearer to 1"
            )
        self._take(best, usual)
        if best.weight is not None:
            self.notes["weight"] = best.weight
        if best.gamma is not None:
            self.notes["gamma"] = best.gamma
        if self._asked:
            self.notes["asked"] = dict(self._asked)
        if found:
            self.notes["J on validation"] = {str(one): value for one, value in found.items()}

    def _take(self, one: Candidate, usual: Mapping[str, list[float]]) -> None:
        self._guides, self._gamma = self._built(one.weight), one.gamma
        self._asked = {**usual, **{name: [value] for name, value in one.asked}}

    def _mean(self, control: Callable[[Cases], Tensor]) -> float:
        """Mean J of the validation cases under what a function returns of them, by its weights."""
        values = [self._value(cases, control(cases)) for cases in self._validation]
        return float(torch.cat(values).mean())

    def _value(self, cases: Cases, control: Tensor) -> Tensor:
        """J by the solver, ``[n]``, with the weights that the method goes by."""
        return self._objective.value(cases, control, self._options.terms)

    def __call__(self, cases: Cases) -> Tensor:
        """Draw, choose the best draw, and polish it, ``[n, C, T, *S]``."""
        drawn = torch.stack([self._draw(cases, m) for m in range(self._options.draws)])
        control = drawn[0]
        if len(drawn) > 1:
            values = torch.stack([self._value(cases, one) for one in drawn])
            control = drawn[values.argmin(0), torch.arange(len(cases))]
        if self._options.polish:
            found = descend(self._objective, cases, control, self._options.polish)
            self.curve, control = found.history, found.x
        return control

    def _draw(self, cases: Cases, number: int) -> Tensor:
        """Draw sample `number` of each case."""
        device = self._setting.device
        given = {name: values.to(device) for name, values in cases.given.items()}
        for name, asked in self._asked.items():
            given[name] = torch.tensor(asked, device=device).expand(len(cases), -1)
        generators = [
            torch.Generator().manual_seed(sample_seed(self._setting.job.seed, case, number))
            for case in cases.index.tolist()
        ]
        drawn = self._trained.predict(
            given,
            generators,
            self._setting.job.sampling,
            guide=partial(self._guide, cases=cases, given=given) if self._guided else None,
        )
        control: Tensor = drawn["forcing"].cpu().double() * self._objective.mask
        return control

    def _guide(
        self, denoise: Denoise, schedule: Schedule, *, cases: Cases, given: Batch
    ) -> Denoise:
        """Wrap the denoiser by the prior, and by every guidance, the first one innermost."""
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

        def known(channels: Tensor) -> Tensor:
            parts = self._trained.decode(channels, given)
            parts["forcing"] = parts["forcing"] * self._objective.mask.to(parts["forcing"])
            if target is not None:
                before = parts["state"][:, :, :-1]
                parts["state"] = torch.cat([before, target[:, :, None]], dim=2)
            return self._trained.encode(parts, given)

        if self._prior is not None and self._gamma is not None:
            denoise = self._prior.wrap(denoise, schedule, given, self._gamma)
        if self._options.project:
            denoise = project(denoise, known)
        for one in self._guides:
            denoise = one.wrap(denoise, schedule, solved if one.by_solver else estimated)
        return project(denoise, known) if self._options.project and self._guides else denoise

    @property
    def _guided(self) -> bool:
        return bool(self._guides) or self._options.project or self._prior is not None


def _candidates(options: GuidedOptions, outcomes: Sequence[str]) -> list[Candidate]:
    """Every weight with all that is asked for.

    Raises:
        ProblemError: something is asked for that the model is not told.
    """
    for name in options.asked:
        if name not in outcomes:
            raise ProblemError(
                f"control: asked: {name!r} is no outcome that the model is told "
                f"({', '.join(outcomes) or 'none'}); name it in the task's `outcome`, or leave it "
                "out"
            )
    gammas = options.prior.tried() if options.prior else (None,)
    asked = [[(name, value) for value in values] for name, values in options.asked.items()]
    return [
        Candidate(weight, gamma, tuple(each))
        for weight in (*options.weights,) or (None,)
        for gamma in gammas
        for each in product(*asked)
    ]


def _usual(setting: Setting, problem: Problem) -> dict[str, list[float]]:
    """Return the mean over the validation set of each outcome that a model is told."""
    names = [part.name for part in problem.given if part.name in OUTCOMES]
    if not names:
        return {}
    data = setting.open("validation")
    told = [[batch[name] for name in names] for batch in data.batches(data.block())]
    return {
        name: torch.cat(values).mean(0).tolist()
        for name, values in zip(names, zip(*told, strict=True), strict=True)
    }


Controller = Guided
