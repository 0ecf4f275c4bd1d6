r"""Guided predictions: towards what is given, and towards the equation (arXiv 2406.17763).

- `observe` draws what is given by the distance from it, of a model that generates that too; the
  energy is that of :mod:`wdno.objectives.joint_diffusion`.
- `equation` lowers the residual of the system's equation in late steps,

$$ E = \frac{\Delta t}{s} \| r(u) \|_{rms}, $$

with the residual r of :mod:`wdno.equation` in physical units, from the frames and the forcing that
are given, and s the standard deviation of the state in training. It is what the change of the
state misses in an interval, in units of s. E of the exact solution is no zero on a coarse grid.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from wdno.data.grid import grid_of
from wdno.diffusion import guidance
from wdno.diffusion.guidance.late import late
from wdno.equation import equation_of

if TYPE_CHECKING:
    from wdno.data.dataset import Trajectories
    from wdno.data.statistics import Statistics
    from wdno.diffusion.guidance.base import Guidance
    from wdno.diffusion.samplers.base import Denoise
    from wdno.diffusion.schedule import Schedule
    from wdno.equation import Equation
    from wdno.evaluation.job import Job
    from wdno.evaluation.predictor import ModelPredictor
    from wdno.grids.levels import Grid
    from wdno.model import Model
    from wdno.objectives.base import Guide
    from wdno.options import Section
    from wdno.problem import Batch
    from wdno.tasks.simulation.options import DrawingSection


class ByEquation:
    """Lowers the residual of an equation in what a model draws.

    Attributes:
        model: the model, which generates the part `state`.
        equation: the equation of its system.
        grid: of the trajectories.
        unit: residual that counts as 1.
        guidance: how E is lowered.
        below: largest diffusion time, of 1, at which it is.
    """

    def __init__(
        self,
        model: Model,
        equation: Equation,
        grid: Grid,
        unit: float,
        guidance: Guidance,
        below: float,
    ) -> None:
        self.model, self.equation, self.grid, self.unit = model, equation, grid, unit
        self.guidance, self.below = guidance, below

    def __call__(self, given: Batch) -> Guide:
        """Return what guides the prediction of cases of which these parts are given."""

        def wrap(denoise: Denoise, schedule: Schedule) -> Denoise:
            guided = self.guidance.wrap(denoise, schedule, partial(self.energy, given))
            return late(denoise, guided, self.below)

        return wrap

    def energy(self, given: Batch, channels: Tensor) -> Tensor:
        """Return E of clean generated channels ``[B, C, *grid]``, ``[B]``; differentiable."""
        state = self.model.decode(channels, given)["state"]
        whole = torch.cat([self.model.problem.frames("state", given), state], dim=2)
        nothing = state.new_zeros(len(state), 0, *state.shape[2:])
        found = self.equation.residual(whole, given.get("forcing", nothing), self.grid).flatten(1)
        rms: Tensor = torch.linalg.vector_norm(found, dim=1) / math.sqrt(found.shape[1])
        return rms / self.unit


def guide(
    predict: ModelPredictor,
    job: Job,
    section: DrawingSection,
    data: Trajectories,
    statistics: Statistics,
) -> None:
    """Make a model's predictions guided ones.

    Args:
        predict: of the model.
        job: the evaluation, with the system.
        section: how they are guided.
        data: the test set, for its grid.
        statistics: of the training set.

    Raises:
        ValueError: the residual of an equation is to be lowered, and there is none.
    """
    if section.observe is not None:
        predict.observe = _built(section.observe).wrap
    if section.equation is None:
        return
    equation = equation_of(job.system, job.system_options)
    if equation is None:
        raise ValueError(
            f"simulation.equation: system {job.system!r} has no equation in closed form "
            "(wdno.equation.Equation); leave it out"
        )
    grid = grid_of(data.dataset)
    spread = float(np.sqrt(np.square(statistics.standard_deviation).mean()))
    predict.guide = ByEquation(
        predict.model,
        equation,
        grid,
        spread / abs(grid.frames.spacing),
        _built(section.equation.guidance),
        section.equation.below,
    )


def _built(options: Section) -> Guidance:
    values = options.model_dump()
    made: Guidance = guidance.REGISTRY.build(values.pop("name"), **values)
    return made
