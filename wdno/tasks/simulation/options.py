"""Options of the task `simulation`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from wdno.data import HALVED
from wdno.diffusion import guidance
from wdno.grids.shapes import indivisible
from wdno.options import Section, shown
from wdno.tasks.base import TaskOptions

if TYPE_CHECKING:
    from wdno.config.methods import MethodOptions
    from wdno.config.models import ModelOptions
    from wdno.diffusion.guidance.options.base import GuidanceOptions as Guidance
    from wdno.systems.base import SystemOptions
else:
    Guidance = guidance.REGISTRY.choice()

WITHOUT_CALENDAR = frozenset({"persistence"})
"""Baselines that do not need to know the date and the hour of a sample."""


class EquationSection(Section):
    """How the residual of the system's equation is lowered in what is drawn."""

    guidance: Guidance = Field(
        description="How. The energy is the root mean square of the residual, in standard "
        "deviations of the state for each interval of time."
    )
    below: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        default=0.2, description="Diffusion time, of 1, from which on it is."
    )


class DrawingSection(Section):
    """What simulation draws from, and how that is guided (DiffusionPDE, arXiv 2406.17763)."""

    observe: Guidance | None = Field(
        default=None,
        description="What draws the given parts to what they are, of a model that generates them, "
        "too: one with the objective `joint_diffusion`, without stepping. The energy is the root "
        "mean square of what their normalised channels miss. Null: they enter as in training.",
    )
    equation: EquationSection | None = Field(
        default=None,
        description="Of a system with an equation in closed form: its residual is lowered. Null: "
        "it is not.",
    )
    noise: NonNegativeFloat = Field(
        default=0.0,
        description="Standard deviation of measurement noise on the given frames of the state, as "
        "a fraction of each field's own in training. Predictions are compared with the exact "
        "solution.",
    )
    halved: NonNegativeInt = Field(
        default=0,
        description="How often the grid of the test cases is halved, in time and space: given "
        "frames, forcing and the truth are restricted to it by their coordinates, and errors are "
        "those on it.",
    )


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
    halvable: ClassVar[bool] = True

    def check(
        self,
        system: SystemOptions,
        methods: Mapping[str, MethodOptions],
        models: Mapping[str, ModelOptions],
    ) -> list[str]:
        """Refuse baselines without the calendar that they need, and guidance of what is not."""
        problems = [
            f"method {name!r} is the baseline {method.baseline!r}, which needs a calendar, and the "
            "samples of this system have none; use `persistence`"
            for name, method in methods.items()
            if method.baseline in self.baselines
            and method.baseline not in WITHOUT_CALENDAR
            and not system.calendar
        ]
        grids = {name: section_of(methods[name]).halved for name in self.methods if name in methods}
        if len(set(grids.values())) > 1:
            told = ", ".join(f"{name} {halvings}" for name, halvings in grids.items())
            problems.append(
                f"simulation.halved of its methods: {told}; rows of the table are compared on one "
                "grid, so make it the same, or vary it in a study"
            )
        for name, method in methods.items():
            problems += [
                f"method {name!r}: {one}" for one in _misfits(method, models.get(name), system)
            ]
        return problems

    def modules(self, system: str, method: MethodOptions) -> tuple[str, ...]:
        """Return the modules of what guides a method, and of the system whose equation does."""
        section = section_of(method)
        coarser = (HALVED,) if section.halved else ()
        chosen = [section.observe, section.equation.guidance if section.equation else None]
        names = [one.name for one in chosen if one is not None]
        if not names:
            return coarser
        held = (f"wdno.systems.{system}",) if section.equation else ()
        return (
            *coarser,
            f"{__package__}.guided",
            *(f"{guidance.__name__}.{name}" for name in dict.fromkeys(names)),
            *held,
        )

    def figures(self, system: SystemOptions) -> dict[str, str]:
        """Return the figures of every system, and those of two axes of space, series or a scene."""
        names = ("trajectories", "error_over_time", "error_by_steepness", "spectra")
        drawn = dict.fromkeys(names, "png")
        if len(system.grid_shape()) == 3:
            drawn["animation"] = "gif"
        if system.has_series:
            drawn["series"] = "png"
        return drawn


def section_of(method: MethodOptions) -> DrawingSection:
    """Return what a method draws from, and how that is guided."""
    return getattr(method, "simulation", None) or DrawingSection()


def _misfits(method: MethodOptions, model: ModelOptions | None, system: SystemOptions) -> list[str]:
    """Return what of a method's guidance does not fit its model or the system, each a sentence."""
    section = section_of(method)
    problems = _halved_misfits(method, model, system) if section.halved else []
    whole = model is not None and model.objective.samples and not model.objective.timeless
    if section.observe and not (whole and model is not None and model.objective.joint):
        problems.append(
            "simulation.observe: expected a model that generates what is given, too: with the "
            f"objective 'joint_diffusion', without stepping; got model = {method.model!r}; name "
            "one, or remove observe"
        )
    if section.equation and not whole:
        problems.append(
            "simulation.equation: expected a model that draws whole trajectories, such as one "
            f"with the objective 'diffusion', without stepping; got model = {method.model!r}; name "
            "one, or remove equation"
        )
    if section.equation and not system.has_equation:
        problems.append(
            "simulation.equation: this system has no equation in closed form; remove it"
        )
    return problems


def _halved_misfits(
    method: MethodOptions, model: ModelOptions | None, system: SystemOptions
) -> list[str]:
    """Return why a method cannot be asked on its coarser grid, each a sentence."""
    section, stored = section_of(method), system.grid_shape()
    where = f"simulation.halved = {section.halved}: "
    if section.equation or system.has_scene or system.calendar:
        return [
            f"{where}expected a system without scene and calendar and a method without "
            "simulation.equation, which belong to the stored grid; ask on that, with halved: 0"
        ]
    if odd := indivisible(stored, section.halved):
        return [
            f"{where}the stored grid {shown(stored)} cannot be halved so often; make "
            f"{' and '.join(map(str, odd))} multiples of {2**section.halved}, or halve it less"
        ]
    if model is None:
        return []
    return [
        f"{where}{one}" for one in model.check_grid(stored, system.boundaries(), section.halved)
    ]


Options = SimulationOptions
MethodSection = DrawingSection
