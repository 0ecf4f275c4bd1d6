"""What is asked of a learned simulation that a policy is trained in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions

ROLE = "simulation"
"""Its role among the trained models that a training reads."""


def trained(simulation: str) -> Mapping[str, tuple[str, str]]:
    """Return the simulation's role, with the task that it is trained for and its name."""
    return {ROLE: ("simulation", simulation)}


def unfit(simulation: str, models: Mapping[str, ModelOptions]) -> list[str]:
    """Refuse a simulation that is not asked frame by frame, or that draws.

    Args:
        simulation: its name.
        models: by their roles.
    """
    chosen = models[ROLE].objective
    where = f"simulation = {simulation!r}"
    if chosen.stepping is None:
        return [
            f"{where}: it generates all frames at once, but in a closed loop a controller "
            "needs each before it acts again; use a model with `stepping`"
        ]
    if chosen.samples:
        return [
            f"{where}: its objective {chosen.name!r} draws its predictions, through which no "
            "gradient leads, at many evaluations a frame; use a model trained by regression"
        ]
    return []
