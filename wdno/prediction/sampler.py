"""How the samples of a trained model are drawn, checked before any is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from wdno import objectives
from wdno.config.explain import problems
from wdno.diffusion import samplers

if TYPE_CHECKING:
    from wdno.diffusion.samplers.options.base import SamplerOptions
    from wdno.model import Model

USUAL = "ddim"
FEW_STEPS, MORE_STEPS = 4, 10
"""Steps of the usual sampler with one axis of space, and with more."""


class SamplerError(ValueError):
    """A way of drawing that a model does not have."""


def chosen(model: Model, sampler: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return all options of a sampler, as plain values; None for a model that draws nothing.

    Args:
        model: the trained model.
        sampler: its ``name``, ``steps`` and further options, as in the configuration. None, or
            without a name: deterministic DDIM (``eta`` 0), by default of 4 steps, of 10 with more
            than one axis of space, and of no more than the noise levels that were trained.

    Raises:
        SamplerError: the model draws nothing; the sampler is unknown, or an option of it; steps are
            missing, or more than the noise levels that were trained.
    """
    spec = model.spec["objective"]
    objective = objectives.REGISTRY.light(str(spec["name"])).Options.model_validate(spec)
    if not objective.samples:
        if sampler:
            raise SamplerError(
                f"sampler: expected none, got {dict(sampler)}: the model's objective "
                f"{objective.name!r} draws nothing, its prediction is one for each case; leave the "
                "sampler out"
            )
        return None
    values = dict(sampler or {})
    if "name" not in values:
        steps = FEW_STEPS if len(model.problem.grid) < 3 else MORE_STEPS
        trained = getattr(objective, "training_times", 0) or steps
        values = {"name": USUAL, "steps": min(steps, trained), "eta": 0.0, **values}
    options = _options(values)
    if wrong := objective.check_sampler(options):
        raise SamplerError(f"sampler {options.name!r}: {'; '.join(wrong)}")
    return options.model_dump(exclude_none=True)


def _options(values: Mapping[str, Any]) -> SamplerOptions:
    """Return the options of a sampler.

    Raises:
        SamplerError: it is unknown, lacks its steps, or an option is.
    """
    name = str(values["name"])
    if name not in samplers.REGISTRY.names():
        known = ", ".join(samplers.REGISTRY.names())
        raise SamplerError(f"sampler: unknown {name!r}; expected one of {known}")
    if "steps" not in values:
        raise SamplerError(
            f"sampler {name!r}: its steps are missing, got {dict(values)}; give as many as the "
            "prediction may take, such as steps = 10"
        )
    kind: type[SamplerOptions] = samplers.REGISTRY.light(name).Options
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        found = "; ".join(problems(error, kind))
        known = ", ".join(one for one in kind.model_fields if one != "name")
        raise SamplerError(f"sampler {name!r}: {found}; its options are {known}") from error
