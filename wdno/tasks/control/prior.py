"""The prior of a guided controller: a model of the controls alone, to re-weight another model by.

The rule is :func:`wdno.diffusion.guidance.reweight.reweight`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from wdno.diffusion.guidance.reweight import reweight
from wdno.objectives.diffusion import Diffusion
from wdno.problem import ProblemError
from wdno.tasks.control.controllers.options.guided import CONTROLS

if TYPE_CHECKING:
    from wdno.diffusion.samplers.base import Denoise
    from wdno.diffusion.schedule import Schedule
    from wdno.model import Model
    from wdno.problem import Batch
    from wdno.tasks.control.controllers.base import Setting

TOLERANCE = 1e-4
"""Largest difference of means and scales, as a fraction of the scales."""


class Prior:
    """A model of the controls alone, beside that of state and controls.

    Attributes:
        model: the model.
    """

    def __init__(self, setting: Setting, of: Model) -> None:
        """Load it.

        Args:
            setting: of the controller.
            of: the model of state and controls.

        Raises:
            ProblemError: it was trained on other data, or its channels are not those of the
                controls in the other model: of another representation, schedule or scale.
        """
        self.model, _ = setting.load("control", role="prior", generates=CONTROLS)
        self._columns = [column for name in CONTROLS for column in of.columns(name)]
        files = f"prior {setting.job.checkpoint('prior')} and model {setting.job.checkpoint()}"
        self._require_same(of, f"{setting.job.description}: {files}")

    def _require_same(self, of: Model, where: str) -> None:
        both = (self.model, of)
        seen = [(each.spec["representation"], _schedule(each, where)) for each in both]
        for what, one, other in zip(("representation", "schedule"), *seen, strict=True):
            if one != other:
                raise ProblemError(
                    f"{where}: expected the same {what}, got {one} and {other}; train one again"
                )
        own, scaler = self.model.target_scaler, of.target_scaler
        chosen = self._columns
        names = [scaler.names[column] for column in chosen]
        away = _away(own.mean, scaler.mean[chosen], scaler.scale[chosen])
        away = away.maximum(_away(own.scale, scaler.scale[chosen], scaler.scale[chosen]))
        for name in CONTROLS:
            one, other = (each.get_buffer(f"mean_{name}") for each in both)
            away = away.maximum(_away(one, other, scaler.scale[chosen].max()).max())
        worst = int(away.argmax())
        if not away[worst] <= TOLERANCE:
            raise ProblemError(
                f"{where} have other means or scales of the controls, by up to "
                f"{float(away[worst]):.3g} of the scale ({names[worst]}); train both on the same "
                "data: with the same `collect`, and with no `start` or one on the same data"
            )

    def wrap(self, denoise: Denoise, schedule: Schedule, given: Batch, gamma: float) -> Denoise:
        """Re-weight a denoiser of state and controls.

        Args:
            denoise: that of the other model.
            schedule: of both.
            given: the given parts.
            gamma: exponent of the density of the controls.
        """
        return reweight(denoise, self.model.denoiser(given), gamma, self._columns, schedule)


def _schedule(model: Model, where: str) -> str:
    """Return the name of a model's noise schedule."""
    if not isinstance(model.objective, Diffusion):
        raise ProblemError(
            f"{where}: expected the objective diffusion, without stepping, of both, got "
            f"{model.spec['objective']}; train another one"
        )
    return type(model.objective.denoiser.schedule).__name__


def _away(one: Tensor, other: Tensor, scale: Tensor) -> Tensor:
    return (one - other).abs() / scale
