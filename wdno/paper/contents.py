"""What stands in the paper's tables and figures: `contents.yaml` and the files that it names."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import pandas as pd
import yaml
from pydantic import Field, field_validator, model_validator

from wdno.options import Section

PACKAGE = "wdno"
CONTENTS = "contents.yaml"
SUFFIX = ".csv"

Design = dict[str, Any]
"""Options of a method, by their dotted keys, and what must hold of each; see :mod:`.matching`."""


class Missing(Section):
    """A method of the paper that there is not here."""

    missing: str = Field(description="Why.")


class Source(Section):
    """Where published numbers stand."""

    file: str = Field(description="CSV file, from the package's folder on.")
    column: str = Field(default="", description="Column of the numbers.")
    columns: list[str] = Field(
        default=[], description="Instead of one, a column for each number of doublings, from 0 on."
    )
    where: dict[str, str] = Field(default={}, description="Values of other columns of the rows.")

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        if not self.file.endswith(SUFFIX):
            raise ValueError(f"{self.file}: expected a file {SUFFIX}")
        if bool(self.column) == bool(self.columns):
            raise ValueError(f"{self.file}: expected one of column and columns")
        return self


class Quantity(Section):
    """A number of ours."""

    label: str = Field(description="Heading of its column.")
    score: str = Field(default="", description="Mean of a score over the test cases.")
    spread: bool = Field(default=False, description="Its standard deviation over them instead.")
    cost: str = Field(default="", description="What a record says of costs, such as `seconds`.")
    level: str = Field(default="", description="A number that records have of each grid.")
    summed: bool = Field(default=False, description="Of all grids up to that one together.")
    divided_by: int = Field(default=1, description="Unit of the paper in ours.")

    @model_validator(mode="after")
    def _one_kind(self) -> Quantity:
        if sum(map(bool, (self.score, self.cost, self.level))) != 1:
            raise ValueError(f"{self.label}: expected one of score, cost and level")
        return self

    @property
    def timed(self) -> bool:
        """Whether it is a time, which is the device's."""
        return "seconds" in self.cost + self.level


class Excerpt(Section):
    """Rows of a table of the paper: one task, one system, one number."""

    title: str = Field(description="Name of the part.")
    published: Source = Field(description="The paper's numbers.")
    absent: str = Field(default="", description="Why no number of ours can stand beside them.")
    task: str = Field(default="", description="Task.")
    system: str = Field(default="", description="System.")
    value: Quantity | None = Field(default=None, description="Our number.")
    of: str = Field(
        default="",
        description="Method of all rows, which are settings of one option; else each row is a "
        "method.",
    )
    option: str = Field(default="", description="Dotted key of that option.")
    default: str = Field(default="", description="What the option is where it is null.")
    also: Design = Field(default={}, description="What else must hold of each method.")
    studied: bool = Field(default=False, description="Whether rows of studies count too.")
    other_data: bool = Field(
        default=False, description="Whether the paper's data are others, so that no ratio is made."
    )
    remark: str = Field(default="", description="What else to know.")

    @model_validator(mode="after")
    def _ours_or_absent(self) -> Excerpt:
        ours = [bool(self.task), bool(self.system), self.value is not None]
        if any(ours) == bool(self.absent) or any(ours) != all(ours):
            raise ValueError(f"{self.title}: expected task, system and value, or absent")
        if bool(self.of) != bool(self.option):
            raise ValueError(f"{self.title}: expected both of `of` and `option`, or none")
        return self


class Picture(Section):
    """A figure of ours."""

    task: str = Field(description="Task.")
    name: str = Field(description="One of its figures.")
    systems: list[str] = Field(description="Of which systems, where they are configured.")


class Entry(Section):
    """A table or a figure of the paper, or several on one page."""

    table: list[int] = Field(default=[], description="Numbers of tables.")
    figure: list[int] = Field(default=[], description="Numbers of figures.")
    title: str = Field(description="Name.")
    caption: str = Field(description="What it shows.")
    remark: str = Field(default="", description="What else to know.")
    parts: list[Excerpt] = Field(default=[], description="Its numbers.")
    pictures: list[Picture] = Field(default=[], description="Figures of ours.")

    @model_validator(mode="after")
    def _numbered(self) -> Entry:
        if bool(self.table) == bool(self.figure):
            raise ValueError(f"{self.title}: expected numbers of tables or of figures")
        return self

    @property
    def kind(self) -> str:
        """`Table` or `Figure`."""
        return "Table" if self.table else "Figure"

    @property
    def numbers(self) -> list[int]:
        """Its numbers in the paper."""
        return self.table or self.figure

    @property
    def heading(self) -> str:
        """Name with numbers, as `Tables 16 and 17: ...`."""
        *others, last = map(str, self.numbers)
        numbers = f"s {', '.join(others)} and {last}" if others else f" {last}"
        return f"{self.kind}{numbers}: {self.title}"

    @property
    def page(self) -> str:
        """Name of its page, without suffix."""
        return f"{self.kind.lower()}_{self.numbers[0]:02d}"


class Settings(Section):
    """Sizes of the paper, as far as it says them."""

    grid: list[int] | None = Field(default=None, description="Generated points, time first.")
    training_samples: int | None = Field(default=None, description="Training trajectories.")
    test_cases: int | None = Field(default=None, description="Test cases.")
    diffusion: str = Field(default="", description="Network, training, sampler of its diffusion.")


class Contents(Section):
    """All tables and figures."""

    designs: dict[str, dict[str, list[Design] | Missing]] = Field(
        description="What each method of the paper is here, by task."
    )
    settings: dict[str, dict[str, Settings]] = Field(description="Its sizes, by task and system.")
    entries: list[Entry] = Field(description="Tables and figures.")

    @field_validator("entries")
    @classmethod
    def _each_once(cls, entries: list[Entry]) -> list[Entry]:
        pages = [(entry.kind, number) for entry in entries for number in entry.numbers]
        twice = [f"{kind} {number}" for kind, number in pages if pages.count((kind, number)) > 1]
        if twice:
            raise ValueError(f"{', '.join(dict.fromkeys(twice))}: expected once")
        return entries

    def design(self, task: str, method: str) -> list[Design] | Missing:
        """Return what a method of the paper is here; one that no task knows is missing."""
        unknown = Missing(missing="not described here")
        return self.designs.get(task, {}).get(method, unknown)

    def sizes(self, part: Excerpt) -> Settings:
        """Return the paper's sizes of a part."""
        return self.settings.get(part.task, {}).get(part.system, Settings())


@cache
def contents() -> Contents:
    """Read what stands in the paper.

    Raises:
        ValueError: the file is not as described here.
    """
    text = (resources.files(PACKAGE) / "paper" / CONTENTS).read_text(encoding="utf-8")
    return Contents.model_validate(yaml.safe_load(text))


def page_names() -> list[str]:
    """Return the names of all pages, the index first, without suffix."""
    return ["index", *(entry.page for entry in contents().entries)]


def published_modules() -> tuple[str, ...]:
    """Return the modules of tasks whose folders hold published numbers, for digests of code."""
    files = {part.published.file for entry in contents().entries for part in entry.parts}
    folders = {file.rpartition("/")[0] for file in files}
    return tuple(
        ".".join([PACKAGE, *folder.split("/")])
        for folder in sorted(folders)
        if (resources.files(PACKAGE) / folder / "__init__.py").is_file()
    )


@cache
def _table(file: str) -> pd.DataFrame:
    with (resources.files(PACKAGE) / file).open(encoding="utf-8") as lines:
        return pd.read_csv(lines, comment="#")


def published(source: Source) -> list[tuple[str, list[float]]]:
    """Return the rows of a source, in their order.

    Returns:
        Of each the method, or the setting, and its numbers: one, or one for each number of
        doublings; NaN where the paper has none. Rows without any are left out, but for settings.

    Raises:
        ValueError: the file has no column `method` or `setting`, or lacks another one.
    """
    table = _table(source.file)
    names = source.columns or [source.column]
    first = next((name for name in ("method", "setting") if name in table), None)
    absent = [name for name in (*names, *source.where) if name not in table]
    if first is None or absent:
        wanted = ", ".join(["method or setting", *absent])
        raise ValueError(
            f"{source.file}: expected the columns {wanted}; found {', '.join(table.columns)}"
        )
    for column, value in source.where.items():
        table = table[table[column] == value]
    if first == "method":
        table = table.dropna(subset=names, how="all")
    values = table[names].astype(float)
    return [
        (str(name), list(row))
        for name, row in zip(table[first], values.itertuples(index=False), strict=True)
    ]
