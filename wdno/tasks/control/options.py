"""Options of the task `control`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from pydantic import Field, NonNegativeFloat, model_validator

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

Outcome = Literal["energy", "last_series"]
OUTCOMES = get_args(Outcome)
"""Given parts that tell of the outcome: known in training, asked for in use."""

LIGHT = {name: controllers.REGISTRY.light(name).Options for name in controllers.REGISTRY.names()}
WITHOUT_MODEL = {name: one for name, one in LIGHT.items() if not one.trained_for}
DEFAULT = "guided"


class NoiseOptions(Section):
    """Frames of the control that are lost between the controller and the solver."""

    probability: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="Probability that an interval's whole frame becomes uniform noise.",
    )
    low: list[float] | None = Field(
        default=None,
        description="Lowest value of each component; null: the lowest in the training set.",
    )
    high: list[float] | None = Field(
        default=None,
        description="Highest value of each component; null: the highest in the training set.",
    )

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> NoiseOptions:
        low, high = self.low, self.high
        if low is None and high is None:
            return self
        if low is None or high is None or len(low) != len(high):
            raise ValueError(f"low = {low} and high = {high}: expected as many values in both")
        if any(one > other for one, other in zip(low, high, strict=True)):
            raise ValueError(f"low = {low} is above high = {high}; exchange them")
        return self

    def splits(self) -> tuple[str, ...]:
        """Return the training set, where bounds are taken from it."""
        return ("train",) if self.probability > 0 and self.low is None else ()


class MethodSection(Section):
    """How control uses the method."""

    controller: Controller | None = Field(
        default=None,
        description="How a control is found; default: of a method with a model `guided`, of a "
        "baseline that of its name.",
    )
    noise: NoiseOptions = Field(
        default_factory=NoiseOptions,
        description="Noise in the control, which a controller that acts step by step can answer.",
    )


def controller_of(method: MethodOptions) -> ControllerOptions:
    """Return how a method finds controls."""
    section: MethodSection | None = getattr(method, "control", None)
    if section is not None and section.controller is not None:
        return section.controller
    name = method.baseline or DEFAULT
    options: ControllerOptions = LIGHT[name](name=name)
    return options


def noise_of(method: MethodOptions) -> NoiseOptions:
    """Return the noise that the controls of a method meet."""
    section: MethodSection | None = getattr(method, "control", None)
    return NoiseOptions() if section is None else section.noise


class ControlOptions(TaskOptions):
    """Control: the forcing that lowers J, judged by the true solver."""

    title: ClassVar[str] = "Control"
    summary: ClassVar[str] = "Find the forcing that lowers J, which the true solver judges."
    baselines: ClassVar[Mapping[str, str]] = MappingProxyType(
        {name: one.summary for name, one in WITHOUT_MODEL.items()}
    )

    judging: ClassVar[frozenset[str]] = frozenset({"weights"})
    rewards: ClassVar[bool] = True
    selective: ClassVar[frozenset[str]] = frozenset({"animation"})
    referring: ClassVar[frozenset[str]] = frozenset({"animation"})
    collects: ClassVar[bool] = True

    weights: dict[str, NonNegativeFloat] = Field(
        default={},
        description="Weights of terms of J that differ from the system's, by the terms' names.",
    )

    outcome: list[Outcome] = Field(
        default=[],
        description="What models that generate whole trajectories are told of the outcome, and can "
        "be asked for: energy, the mean square of the forcing; last_series, the series at the end.",
    )

    def check(
        self,
        system: SystemOptions,
        methods: Mapping[str, MethodOptions],
        models: Mapping[str, ModelOptions],
    ) -> list[str]:
        """Refuse systems without control, and controllers that do not fit their method."""
        if not system.term_weights:
            return [
                "this system cannot be controlled: it has no solver that takes a forcing and no J; "
                "remove the task"
            ]
        known = system.term_weights
        problems = []
        if "last_series" in self.outcome and not system.has_series:
            problems.append("outcome: 'last_series': this system has no series; remove it")
        if len(set(self.outcome)) < len(self.outcome):
            problems.append(f"outcome = {self.outcome}: each may appear once")
        problems += _unknown_terms("weights of", self.weights, known)
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
            for weights in chosen.weighed():
                problems += _unknown_terms(f"method {name!r}: a weight of", weights, known)
            problems += [
                f"method {name!r}: asked: {outcome!r} is no outcome that models are told; name it "
                "in the task's `outcome`, or leave it out"
                for outcome in chosen.asks()
                if outcome not in self.outcome
            ]
            if method.samples > 1:
                problems.append(
                    f"method {name!r}: samples = {method.samples}: one control is evaluated of "
                    "each case; use samples: 1, and `draws` of its controller for the best of "
                    "several"
                )
        return problems

    def check_counts(
        self, methods: Mapping[str, MethodOptions], counts: Mapping[str, int]
    ) -> list[str]:
        """Refuse controllers that look at more cases than there are."""
        return [
            f"method {name!r}: {option} = {needed} of its controller {chosen.name!r}, but "
            f"data.samples.{split} = {counts[split]}; lower it, or draw more"
            for name, method in methods.items()
            if method.baseline is None or method.baseline in self.baselines
            for chosen in [controller_of(method)]
            for split, (option, needed) in chosen.cases_needed().items()
            if needed > counts[split]
        ]

    def splits(self, method: MethodOptions, of: str = "test") -> tuple[str, ...]:
        """Return the split of the cases, and what controller and noise read beside."""
        chosen = controller_of(method)
        told = ("validation",) if self.outcome and chosen.told else ()
        own = (*chosen.splits(), *told, *noise_of(method).splits())
        return tuple(dict.fromkeys((of, *own)))

    def checkpoints(self, task: str, method: MethodOptions) -> dict[str, tuple[str, str]]:
        """Return the model of the method, for the task that its controller says, and others.

        Others are those that the controller itself names.
        """
        if method.model is None:
            return {}
        chosen = controller_of(method)
        return {"model": (chosen.trained_for, method.model), **chosen.models()}

    def check_models(self, method: MethodOptions, models: Mapping[str, ModelOptions]) -> list[str]:
        """Refuse models that the controller cannot use together."""
        return controller_of(method).check_models(models)

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
        """Return the system, where J teaches, and the module of the closed loop, if it does so."""
        if not model.objective.judged:
            return ()
        loop = ("wdno.tasks.control.closed_loop",) if model.objective.closed_loop else ()
        return (f"wdno.systems.{system}", *loop)

    def modules(self, system: str, method: MethodOptions) -> tuple[str, ...]:
        """Return the modules of the solver, of the method's controller, and of its pieces."""
        chosen = controller_of(method)
        own = f"{controllers.__name__}.{chosen.name}"
        return (f"wdno.systems.{system}", own, *chosen.pieces().values())

    def figures(self, system: SystemOptions) -> dict[str, str]:
        """Return the figures of every system, and those of two axes of space."""
        drawn = {"controls": "png", "cost": "png"}
        if len(system.grid_shape()) == 3:
            drawn["animation"] = "gif"
        return drawn


def _unknown_terms(where: str, weights: Collection[str], known: Collection[str]) -> list[str]:
    """Refuse weights of what is no term of J."""
    return [
        f"{where} {term!r}: J of this system has the terms {', '.join(known)}"
        for term in weights
        if term not in known
    ]


Options = ControlOptions
