"""The whole configuration: what is run, on which systems, with which methods.

The configuration says what the experiment is, never how a machine runs it: threads, memory, devices
and folders are Snakemake's. Values are read from YAML files merged in order (:mod:`.resolve`).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeAlias, TypeVar

from pydantic import Field, PositiveInt, create_model, field_validator, model_validator

from wdno import systems as system_modules
from wdno.config.choices import summary, with_task_sections
from wdno.config.methods import MethodOptions
from wdno.config.models import ModelOptions
from wdno.options import Label, Name, Names, Section
from wdno.studies.options import StudyOptions
from wdno.systems.base import SystemOptions
from wdno.tasks import REGISTRY as TASKS

Options = TypeVar("Options", bound=SystemOptions)

PUBLISHED = "reference"
"""Folder of `results/` that is in version control."""


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


def _sections(name: str, doc: str, sections: dict[str, tuple[Any, str]]) -> type[Section]:
    """Make a section of optional sections: name -> type and description."""
    fields: dict[str, Any] = {
        key: (section | None, Field(default=None, description=description))
        for key, (section, description) in sections.items()
    }
    return create_model(name, __base__=Section, __doc__=doc, __module__=__name__, **fields)


if TYPE_CHECKING:
    Method: TypeAlias = MethodOptions
    Model: TypeAlias = ModelOptions
    Tasks: TypeAlias = Section
    Systems: TypeAlias = Section
else:
    Method = with_task_sections(MethodOptions, "MethodSection")
    Model = with_task_sections(ModelOptions, "ModelSection")
    Tasks = _sections(
        "Tasks",
        "The tasks of a system; one left out is not run.",
        {
            name: (TASKS.light(name).Options, TASKS.light(name).Options.summary)
            for name in TASKS.names()
        },
    )


class SystemConfig(Section, Generic[Options]):
    """One physical system: its physics and grid, its data, its tasks."""

    title: Label = Field(
        default="", description="Name in tables and figures; default: that which its data have."
    )
    options: Options = Field(description="Physics, grid and solver of the system.")
    data: DataOptions = Field(default_factory=DataOptions, description="The data set.")
    tasks: Tasks = Field(description="What is done with it.")
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


if not TYPE_CHECKING:
    Systems = _sections(
        "Systems",
        "The systems; one left out is not run.",
        {
            name: (SystemConfig[module.Options], summary(module))
            for name in system_modules.REGISTRY.names()
            for module in [system_modules.REGISTRY.light(name)]
        },
    )


class EvaluationOptions(Section):
    """How predictions are compared and shown."""

    batch_size: PositiveInt = Field(
        default=64,
        description="Cases predicted at a time; fewer where they exceed two million points.",
    )
    examples: PositiveInt = Field(default=3, description="Cases kept whole, for the figures.")
    bootstrap: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=2000, description="Resamples of the paired bootstrap."
    )
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        default=0.95, description="Coverage of the bootstrap intervals."
    )
    digits: Annotated[int, Field(ge=1, le=17)] = Field(
        default=3, description="Significant digits in tables."
    )
    reference: Name | None = Field(
        default="wdno",
        description="Method that the others' errors are divided by in the table of each task that "
        "lists it.",
    )
    show: Names = Field(
        default=["wdno", "ddpm", "fno"],
        description="Methods in the figure of trajectories, and in figures of lines where there "
        "are more than 10.",
    )


class Config(Section):
    """The configuration of a run."""

    run: Name = Field(description="Name of the run; its results go to `results/{run}`.")
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] = Field(
        default=[0], description="Seeds of the training; tables give mean and spread over them."
    )
    systems: Systems = Field(description="Physical systems, by name.")
    models: dict[Name, Model] = Field(description="What is trained.")
    methods: dict[Name, Method] = Field(description="Rows of the tables.")
    studies: dict[Name, StudyOptions] = Field(
        default={}, description="Variations of methods, each with a table and a figure."
    )
    evaluation: EvaluationOptions = Field(
        default_factory=EvaluationOptions, description="How predictions are compared."
    )

    @field_validator("run")
    @classmethod
    def _leaves_published_results(cls, run: str) -> str:
        if run == PUBLISHED:
            raise ValueError(
                f"run = {run!r}: results/{PUBLISHED}/ holds the published results of named runs, "
                "which this run would write among; choose another name"
            )
        return run

    @model_validator(mode="after")
    def _seeds_differ(self) -> Config:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds = {self.seeds}: each seed may appear once")
        return self

    @cached_property
    def derived(self) -> dict[Any, Any]:
        """What is worked out of the configuration once, such as the variations of its studies."""
        return {}
