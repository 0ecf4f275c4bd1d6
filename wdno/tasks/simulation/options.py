"""Options of the task `simulation`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, NonNegativeFloat

from wdno.options import Section
from wdno.tasks.base import TaskOptions

if TYPE_CHECKING:
    from wdno.config.methods import MethodOptions
    from wdno.config.models import ModelOptions
    from wdno.systems.base import SystemOptions

WITHOUT_CALENDAR = frozenset({"persistence"})
"""Baselines that do not need to know the date and the hour of a sample."""


class MeasurementSection(Section):
    """How well what simulation starts from is measured."""

    noise: NonNegativeFloat = Field(
        default=0.0,
        description="Standard deviation of measurement noise on the given frames of the state, as "
        "a fraction of each field's own in training. Predictions are compared with the exact "
        "solution.",
    )


def noise_of(method: MethodOptions) -> float:
    """Return the level of the noise on what a method is given."""
    section: MeasurementSection | None = getattr(method, "simulation", None)
    return 0.0 if section is None else section.noise


class SimulationOptions(TaskOptions):
    """Simulation: the trajectory from the initial state and the forcing."""

    title: ClassVar[str] = "Simulation"
    summary: ClassVar[str] = "Generate the trajectory from the initial state and the forcing."
    baselines: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "persistence": "repeats the last given state",
            "time_mean": "the mean of the training period; needs a calendar",
            "hourly_mean": "the mean of each hour of the day in the training period; needs a "
            "calendar",
            "persisted_anomaly": "the last given state's departure from the hourly mean, added to "
            "it; needs a calendar",
        }
    )

    selective: ClassVar[frozenset[str]] = frozenset({"trajectories"})
    ranked: ClassVar[bool] = True

    def check(
        self,
        system: SystemOptions,
        methods: Mapping[str, MethodOptions],
        models: Mapping[str, ModelOptions],
    ) -> list[str]:
        """Refuse baselines that need a calendar for a system without one."""
        return [
            f"method {name!r} is the baseline {method.baseline!r}, which needs a calendar, and the "
            "samples of this system have none; use `persistence`"
            for name, method in methods.items()
            if method.baseline in self.baselines
            and method.baseline not in WITHOUT_CALENDAR
            and not system.calendar
        ]

    def figures(self, system: SystemOptions) -> dict[str, str]:
        """Return the figures of every system, and those of two axes of space, series or a scene."""
        names = ("trajectories", "error_over_time", "error_by_steepness", "spectra")
        drawn = dict.fromkeys(names, "png")
        if len(system.grid_shape()) == 3:
            drawn["animation"] = "gif"
        if system.has_series:
            drawn["series"] = "png"
        return drawn


Options = SimulationOptions
MethodSection = MeasurementSection
