"""The whole configuration: what is run, on which systems, with which methods.

The configuration says what the experiment is, never how a machine runs it: threads, memory, devices
and folders are Snakemake's. Values are read from YAML files merged in order (:mod:`.resolve`).
"""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field, PositiveInt, create_model, model_validator

from wdno import systems as system_modules
from wdno.config.axes import MethodOptions, ModelOptions, SamplerOptions
from wdno.config.base import Name, Section
from wdno.systems.base import SystemOptions

Options = TypeVar("Options", bound=SystemOptions)


class SampleCounts(Section):
    """How many trajectories each split holds, at most so many where they are cut from a record."""

    train: PositiveInt = Field(default=40_000, description="Training trajectories.")
    validation: PositiveInt = Field(default=500, description="Validation trajectories.")
    test: PositiveInt = Field(default=2_000, description="Test trajectories.")


class FineOptions(Section):
    """Test trajectories on a finer stored grid, which super-resolution is compared with."""

    samples: PositiveInt = Field(
        default=100, description="Trajectories, the first ones of the test set again."
    )
    grid: dict[str, PositiveInt] = Field(
        description="Parts of `options.grid` that differ: `{time: 64, x: 96}`."
    )


class DataOptions(Section):
    """How the data set of a system is drawn."""

    seed: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Seed of the data; sample k depends on it, the split and k alone."
    )
    samples: SampleCounts = Field(
        default_factory=SampleCounts, description="Trajectories in each split."
    )
    fine: FineOptions | None = Field(
        default=None, description="Test trajectories on a finer grid; null: none are made."
    )


class SimulationOptions(Section):
    """Simulation: the trajectory from the initial state and the forcing."""

    methods: Annotated[list[Name], Field(min_length=1)] = Field(
        description="Rows of the table, in order, by their keys in `methods`."
    )


class TaskOptions(Section):
    """The tasks of a system; a task that is left out is not run."""

    simulation: SimulationOptions | None = Field(
        default=None, description="Generate the trajectory from the initial state and the forcing."
    )


class SystemConfig(Section, Generic[Options]):
    """One physical system: its physics and grid, its data, its tasks."""

    options: Options = Field(description="Physics, grid and solver of the system.")
    data: DataOptions = Field(default_factory=DataOptions, description="The data set.")
    tasks: TaskOptions = Field(description="What is done with it.")
    models: dict[Name, dict[str, object]] = Field(
        default_factory=dict,
        description="Parts of `models` that differ for this system, merged over them.",
    )
    methods: dict[Name, dict[str, object]] = Field(
        default_factory=dict,
        description="Parts of `methods` that differ for this system, merged over them.",
    )

    def fine_options(self) -> Options:
        """Return the options of the finer test set, `data.fine`.

        Raises:
            ValueError: there is none, or its grid is not one of the system's.
        """
        if self.data.fine is None:
            raise ValueError("data.fine is not configured: there is no finer test set")
        values = self.options.model_dump(exclude_unset=True)
        grid = {**values.get("grid", {}), **self.data.fine.grid}
        return type(self.options).model_validate({**values, "grid": grid})


def _systems_section() -> type[Section]:
    """Build the section with one optional key for each module of :mod:`wdno.systems`."""
    fields: dict[str, object] = {}
    for name in system_modules.available():
        module = system_modules.load(name)
        summary = (module.__doc__ or name).strip().splitlines()[0]
        fields[name] = (
            SystemConfig[module.Options] | None,  # type: ignore[name-defined]
            Field(default=None, description=summary),
        )
    return create_model(  # type: ignore[call-overload, no-any-return]
        "Systems", __base__=Section, __doc__="The systems; one left out is not run.", **fields
    )


Systems = _systems_section()


class StudySampler(Section):
    """One line of the sampler study."""

    name: Literal["ddpm", "ddim", "dpmpp_2m"] = Field(description="Sampler.")
    eta: Annotated[float, Field(ge=0.0, le=1.0)] | None = Field(
        default=None, description="DDIM only, as in `methods`."
    )


class SamplerStudyOptions(Section):
    """Error against network evaluations, on the checkpoints that are already trained."""

    models: list[Name] = Field(default=[], description="Diffusion models to study; none: no study.")
    systems: list[Name] | None = Field(
        default=None, description="Systems to study, of those configured; null: all."
    )
    samplers: list[StudySampler] = Field(default=[], description="Samplers to compare.")
    steps: list[PositiveInt] = Field(default=[], description="Network evaluations to try.")
    cases: PositiveInt = Field(default=100, description="Test cases, from the first on.")


class EvaluationOptions(Section):
    """How predictions are compared and shown."""

    batch_size: PositiveInt = Field(
        default=64,
        description="Cases predicted at a time; fewer where they exceed two million points.",
    )
    examples: PositiveInt = Field(default=3, description="Cases kept whole, for the figures.")
    bootstrap: PositiveInt = Field(default=2000, description="Resamples of the paired bootstrap.")
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.95, description="Coverage of the bootstrap intervals."
    )
    reference: Name = Field(
        default="wdno", description="Method that the others' errors are divided by in the tables."
    )
    show: list[Name] = Field(
        default=["wdno", "ddpm", "fno"], description="Methods in the figure of trajectories."
    )


class Config(Section):
    """The configuration of a run."""

    run: Name = Field(description="Name of the run; its results go to `results/{run}`.")
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = Field(
        default=[0], description="Seeds of the training; tables give mean and spread over them."
    )
    systems: Systems = Field(description="Physical systems, by name.")  # type: ignore[valid-type]
    models: dict[Name, ModelOptions] = Field(description="What is trained.")
    methods: dict[Name, MethodOptions] = Field(description="Rows of the tables.")
    sampler_study: SamplerStudyOptions = Field(
        default_factory=SamplerStudyOptions, description="Error against network evaluations."
    )
    evaluation: EvaluationOptions = Field(
        default_factory=EvaluationOptions, description="How predictions are compared."
    )

    @model_validator(mode="after")
    def _seeds_differ(self) -> Config:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds = {self.seeds}: each seed may appear once")
        return self


__all__ = ["Config", "MethodOptions", "ModelOptions", "SamplerOptions", "SystemConfig"]
