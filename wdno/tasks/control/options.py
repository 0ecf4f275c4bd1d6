"""Options of the task `control`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, NonNegativeFloat

from wdno.options import Section
from wdno.tasks.base import TaskOptions
from wdno.tasks.control import controllers
from wdno.tasks.control.controllers.options.base import ControllerOptions

if TYPE_CHECKING:
    from wdno.config.methods import MethodOptions
    from wdno.config.models import ModelOptions
    from wdno.systems.base import SystemOptions

    Controller = ControllerOptions
else:
    Controller = controllers.REGISTRY.choice()

LIGHT = {name: controllers.REGISTRY.light(name).Options for name in controllers.REGISTRY.names()}
WITHOUT_MODEL = {name: one for name, one in LIGHT.items() if not one.trained_for}
DEFAULT = "guided"


class MethodSection(Section):
    """How control uses the method."""

    controller: Controller | None = Field(
        default=None,
        description="How a control is found; default: of a method with a model `guided`, of a "
        "baseline that of its name.",
    )


def controller_of(method: MethodOptions) -> ControllerOptions:
    """Return how a method finds controls."""
    section: MethodSection | None = getattr(method, "control", None)
    if section is not None and section.controller is not None:
        return section.controller
    name = method.baseline or DEFAULT
    options: ControllerOptions = LIGHT[name](name=name)
    return options


class ControlOptions(TaskOptions):
    """Control: the forcing that lowers J, judged by the true solver."""

    title: ClassVar[str] = "Control"
    summary: ClassVar[str] = "Find the forcing that lowers J, which the true solver judges."
    baselines: ClassVar[Mapping[str, str]] = MappingProxyType(
        {name: one.summary for name, one in WITHOUT_MODEL.items()}
    )

    judging: ClassVar[frozenset[str]] = frozenset({"weights"})
    collects: ClassVar[bool] = True

    weights: dict[str, NonNegativeFloat] = Field(
        default={},
        description="Weights of terms of J that differ from the system's, by the terms' names.",
    )

    def check(
        self,
        system: SystemOptions,
        methods: Mapping[str, MethodOptions],
        models: Mapping[str, ModelOptions],
    ) -> list[str]:
        """Refuse systems without control, and controllers that do not fit their method."""
        if not system.controlled:
            return [
                "this system cannot be controlled: it has no solver that takes a forcing and no J; "
                "remove the task"
            ]
        problems = []
        for name, method in methods.items():
            if method.baseline is not None and method.baseline not in self.baselines:
                continue  # said already, of every task
            chosen = controller_of(method)
            if bool(chosen.trained_for) != (method.model is not None):
                wanted = "needs a model" if chosen.trained_for else "has no model"
                problems.append(
                    f"method {name!r}: controller {chosen.name!r} {wanted}, got model = "
                    f"{method.model!r}, baseline = {method.baseline!r}"
                )
            elif name in models and (problem := chosen.check_model(models[name])):
                problems.append(f"method {name!r}: model {method.model!r}: {problem}")
            if method.baseline is not None and method.baseline != chosen.name:
                problems.append(
                    f"method {name!r}: baseline = {method.baseline!r}, but its controller is "
                    f"{chosen.name!r}; write the same"
                )
            if method.samples > 1:
                problems.append(
                    f"method {name!r}: samples = {method.samples}: one control is evaluated of "
                    "each case; use samples: 1, and `draws` of its controller for the best of "
                    "several"
                )
        return problems

    def splits(self, method: MethodOptions, of: str = "test") -> tuple[str, ...]:
        """Return the split of the cases, and what the method's controller reads beside."""
        return tuple(dict.fromkeys((of, *controller_of(method).splits())))

    def checkpoints(self, task: str, method: MethodOptions) -> dict[str, tuple[str, str]]:
        """Return the model of the method, trained for the task that its controller says."""
        if method.model is None:
            return {}
        return {"model": (controller_of(method).trained_for, method.model)}

    @classmethod
    def check_training(cls, system: SystemOptions, model: ModelOptions) -> list[str]:
        """Refuse policies that are told a target, where there is none."""
        if model.objective.closed_loop and not system.has_target:
            return [
                f"objective {model.objective.name!r} controls towards a target, which this system "
                "does not have; remove the methods that use it"
            ]
        return []

    @classmethod
    def training_modules(cls, system: str, model: ModelOptions) -> tuple[str, ...]:
        """Return the module of the closed loop, and that of the system, whose J it lowers."""
        if not model.objective.closed_loop:
            return ()
        return (f"wdno.systems.{system}", "wdno.tasks.control.closed_loop")

    def modules(self, system: str, method: MethodOptions) -> tuple[str, ...]:
        """Return the modules of the solver, of the method's controller, and of its pieces."""
        chosen = controller_of(method)
        own = f"{controllers.__name__}.{chosen.name}"
        return (f"wdno.systems.{system}", own, *chosen.pieces().values())

    def figures(self, system: SystemOptions) -> dict[str, str]:
        """Return the figures of every system."""
        return {"controls": "png", "cost": "png"}


Options = ControlOptions
