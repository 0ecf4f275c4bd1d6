"""Options of the system `file`: what a user's trajectories are called and what they are."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import BeforeValidator, NonNegativeInt, PositiveInt, model_validator
from pydantic import Field as Option

from wdno.options import Name, Section
from wdno.systems import base
from wdno.systems._own_files import SharesOptions, matching
from wdno.systems.base import SystemOptions

SPLITS = ("train", "validation", "test")
MOST_AXES = 2
"""Networks and transforms take up to three axes, one of which is time."""


def _one(value: object) -> object:
    return [value] if isinstance(value, str) else value


Paths = Annotated[
    list[str], Option(min_length=1), BeforeValidator(_one, json_schema_input_type=str | list[str])
]


class FileFieldOptions(Section):
    """A field, or one component of a vector."""

    role: Literal["state", "forcing", "series"] = Option(
        default="state",
        description="`state`, generated; `forcing`, given, constant on each interval of time: of "
        "values at frames the one where it begins, of values without time always the same; "
        "`series`, generated, without space.",
    )
    source: str = Option(
        default="", description="Name in the files; default: that of the field, with `pdebench` "
        "`tensor` where there is one field alone."
    )  # fmt: skip
    component: NonNegativeInt | None = Option(
        default=None, description="Which component of a vector, along the last axis of the files."
    )
    units: str = Option(default="", description="Units; default: those of the files, or 1.")
    long_name: str = Option(default="", description="What it is, for labels; default: its name.")


class FileAxisOptions(Section):
    """An axis of space."""

    points: int = Option(ge=2, description="Points that are stored.")
    boundary: base.Boundary = Option(
        description="`periodic`, `open`, or `dirichlet`: zero at both `ends`."
    )
    every: PositiveInt = Option(
        default=1,
        description="Every so-manieth point of the files is stored; of `cells` the means of so "
        "many.",
    )
    cells: bool = Option(default=False, description="Whether values are means over cells.")
    ends: list[float] | None = Option(
        default=None, min_length=2, max_length=2, description="Where a `dirichlet` axis is zero."
    )
    source: str = Option(
        default="", description="Name in the files; default: that of the axis, with `pdebench` "
        "`{name}-coordinate`."
    )  # fmt: skip
    units: str = Option(default="1", description="Units.")
    long_name: str = Option(default="", description="What it is, for labels; default: its name.")

    @model_validator(mode="after")
    def _has_its_ends(self) -> FileAxisOptions:
        if (self.ends is not None) != (self.boundary == "dirichlet"):
            raise ValueError("ends: given for the boundary `dirichlet`, and for no other")
        if self.boundary == "dirichlet" and self.cells:
            raise ValueError("cells: of an axis with the boundary `dirichlet`, store points")
        return self


class FileTimeOptions(Section):
    """The axis of time."""

    steps: PositiveInt = Option(description="Frames that are generated, after the given ones.")
    first: NonNegativeInt = Option(
        default=0, description="Which frame of the files is the first given one, from 0."
    )
    every: PositiveInt = Option(
        default=1, description="Every so-manieth frame of the files is stored."
    )
    source: str = Option(
        default="", description="Name in the files; default: `time`, with `pdebench` "
        "`t-coordinate`."
    )  # fmt: skip
    units: str = Option(default="1", description="Units.")


class FileSplitsOptions(Section):
    """Files of their own for each split."""

    train: Paths = Option(description="Files of training.")
    validation: Paths = Option(description="Files of validation.")
    test: Paths = Option(description="Files of test.")


class FileOptions(SystemOptions):
    """Trajectories of a user's files: fields, axes, splits."""

    recorded = True

    layout: Literal["netcdf", "pdebench", "the_well"] = Option(
        default="netcdf",
        description="How the files are laid out: `netcdf`, NetCDF or Zarr with named dimensions; "
        "`pdebench`, HDF5 with arrays [trajectory, time, x, ...] (arXiv 2210.07182); `the_well`, "
        "HDF5 with groups of scalars and vectors (arXiv 2412.00568).",
    )
    paths: Paths | None = Option(
        default=None,
        description="The files; `*`, `?` and `[...]` stand for several. Splits are shares of their "
        "trajectories.",
    )
    split_paths: FileSplitsOptions | None = Option(
        default=None, description="Files of their own for each split, instead of `paths`."
    )
    splits: SharesOptions = Option(
        default_factory=SharesOptions,
        description="Shares of the trajectories of `paths`, which are drawn at random, once and "
        "for all.",
    )
    sample: str = Option(
        default="sample",
        description="Dimension of trajectories, with `netcdf`; a variable without it is one "
        "trajectory.",
    )
    fields: dict[Name, FileFieldOptions] = Option(
        min_length=1, description="The fields by name, in the order of the channels."
    )
    axes: dict[Name, FileAxisOptions] = Option(
        min_length=1,
        max_length=MOST_AXES,
        description="The axes of space by name, in the order of the array dimensions.",
    )
    time: FileTimeOptions = Option(description="Which frames are stored.")
    given: PositiveInt = Option(default=1, description="First frames, which are given.")
    mass_density: Name | None = Option(
        default=None, description="State field whose integral over space is scored."
    )
    divergence_free: list[Name] | None = Option(
        default=None,
        min_length=2,
        description="Components of a velocity without divergence, one for each axis, which is "
        "scored.",
    )

    @model_validator(mode="after")
    def _has_files(self) -> FileOptions:
        if (self.paths is None) == (self.split_paths is None):
            raise ValueError("give either `paths`, with shares for `splits`, or `split_paths`")
        if self.split_paths is not None:
            found = {name: set(self._of(name)) for name in SPLITS}
            for one, other in itertools.combinations(SPLITS, 2):
                if twice := sorted(found[one] & found[other]):
                    raise ValueError(
                        f"split_paths: {', '.join(twice)} in {one} and in {other}; no trajectory "
                        "is in two splits"
                    )
        return self

    @model_validator(mode="after")
    def _fields_are_named(self) -> FileOptions:
        states = [name for name, one in self.fields.items() if one.role == "state"]
        reserved = {"time", "sample", "interval", "trajectory", "file", "row", "split"}
        problems = []
        if not states:
            problems.append("fields: none has the role `state`; there is nothing to generate")
        for key, names in (("fields", {*self.fields}), ("axes", {*self.axes})):
            others = {*self.axes} if key == "fields" else set()
            if taken := sorted((reserved | others) & names):
                problems.append(f"{key}: {', '.join(taken)} names something else; choose another")
        named = [*([self.mass_density] if self.mass_density else []), *(self.divergence_free or [])]
        if unknown := [name for name in named if name not in states]:
            problems.append(
                f"mass_density and divergence_free: {', '.join(unknown)} is no state field; they "
                f"are {', '.join(states)}"
            )
        if self.divergence_free and len(self.divergence_free) != len(self.axes):
            problems.append(
                f"divergence_free: {len(self.divergence_free)} components for {len(self.axes)} axes"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _of(self, split: str) -> list[str]:
        patterns: list[str] = getattr(self.split_paths, split)
        return [path for pattern in patterns for path in matching(pattern)]

    def files_of(self, split: str | None) -> list[str]:
        """Return the files of a split, or, with None, those of `paths`."""
        if split is None:
            return [path for pattern in self.paths or [] for path in matching(pattern)]
        return self._of(split)

    def files(self) -> list[str]:
        """Return all files."""
        splits = [None] if self.split_paths is None else list(SPLITS)
        return list(dict.fromkeys(path for split in splits for path in self.files_of(split)))

    def grid_shape(self) -> tuple[int, ...]:
        """Return `(T, *space)`."""
        return (self.time.steps, *(axis.points for axis in self.axes.values()))

    def boundaries(self) -> tuple[base.Boundary, ...]:
        """Return the boundary condition of each axis of space."""
        return tuple(axis.boundary for axis in self.axes.values())
