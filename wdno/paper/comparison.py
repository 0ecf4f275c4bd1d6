"""Rows of the paper's tables: its numbers, and those of a run beside them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wdno.paper.contents import Design, Excerpt, Missing, contents, published
from wdno.paper.evaluated import Evaluated, Measured, measure
from wdno.paper.matching import described, lacking, matches, value_at


@dataclass(frozen=True)
class RunResults:
    """What a run has.

    Attributes:
        run: name of the run.
        tasks: its systems, with the tasks of each.
        evaluated: every method that was evaluated, on each system.
    """

    run: str
    tasks: Mapping[str, Collection[str]]
    evaluated: Sequence[Evaluated]

    def unconfigured(self, system: str, task: str) -> str:
        """Say what to configure for a task of a system; empty: it is."""
        if system not in self.tasks:
            return (
                f"`{system}` is not in this run: add `systems.{system}`, as config/config.yaml has "
                "it."
            )
        if task not in self.tasks[system]:
            return (
                f"`{task}` of `{system}` is not in this run: add `systems.{system}.tasks.{task}` "
                "with its methods."
            )
        return ""


@dataclass(frozen=True)
class Row:
    """A number of the paper, and one of ours.

    Attributes:
        paper: the paper's method or setting; empty: the paper has none.
        published: its number; NaN: not given.
        here: our method; None: there is none.
        value: our number.
        setting: the value of the option that is varied here; empty: none is.
        comparable: whether the data are the same.
    """

    paper: str
    published: float
    here: Evaluated | None = None
    value: Measured | None = None
    setting: str = ""
    comparable: bool = True

    @property
    def ratio(self) -> float:
        """Ours over the paper's; NaN where one is missing, or the data are others."""
        if self.value is None or not self.published or not self.comparable:
            return math.nan
        return self.value.mean / self.published


@dataclass(frozen=True)
class Comparison:
    """A part of a table of the paper.

    Attributes:
        part: what it is.
        rows: its numbers and ours.
        reasons: why numbers of ours are missing, each a sentence.
    """

    part: Excerpt
    rows: Sequence[Row]
    reasons: Sequence[str] = ()

    @property
    def here(self) -> list[Evaluated]:
        """Our methods, each once."""
        found = {one.method: one for row in self.rows if (one := row.here) is not None}
        return list(found.values())

    @property
    def counts(self) -> tuple[int, int]:
        """How many numbers of the paper have one of ours beside them, and how many there are."""
        given = [row for row in self.rows if row.paper and not math.isnan(row.published)]
        names = {row.paper for row in given}
        met = {row.paper for row in given if row.value is not None}
        return len(met), len(names)


def compare(part: Excerpt, run: RunResults, **bootstrap: Any) -> Comparison:
    """Put numbers of a run beside those of a part of a table.

    Args:
        part: the part.
        run: what the run has.
        **bootstrap: options of :func:`wdno.evaluation.bootstrap.mean_interval`.

    Raises:
        ValueError: the file of the published numbers is not as it should be.
    """
    nothing = part.absent or run.unconfigured(part.system, part.task)
    wanted = list(_wanted(part))
    if nothing:
        bare = [Row(one.label, one.published) for one in wanted if not math.isnan(one.published)]
        return Comparison(part, bare, [nothing])
    candidates = [
        one
        for one in run.evaluated
        if (one.system, one.task) == (part.system, part.task)
        and (one.listed or part.studied or _varies(part, one))
    ]
    rows: list[Row] = []
    reasons: list[str] = []
    for one in wanted:
        met, reason = _met(one, part, candidates, **bootstrap)
        rows += met
        if not met and not math.isnan(one.published):
            rows.append(Row(one.label, one.published, setting=one.setting))
            reasons.append(reason)
    if part.option:
        rows += _others(part, wanted, candidates, **bootstrap)
        reasons = _unvaried(part, wanted, rows)
    return Comparison(part, rows, [reason for reason in dict.fromkeys(reasons) if reason])


@dataclass(frozen=True)
class _Wanted:
    """A number of the paper: of which method, with which setting, after how many doublings."""

    name: str
    published: float
    designs: Sequence[Design] | Missing
    setting: str = ""
    doublings: int | None = None

    @property
    def label(self) -> str:
        if self.doublings is None:
            return self.name
        return f"{self.name}, {self.doublings} doubling{'' if self.doublings == 1 else 's'}"


def _wanted(part: Excerpt) -> Iterator[_Wanted]:
    for name, numbers in published(part.published):
        designs = _designs(part, part.of or name)
        setting = _text(name) if part.option else ""
        by_doublings = bool(part.published.columns)
        for doublings, number in enumerate(numbers):
            yield _Wanted(name, number, designs, setting, doublings if by_doublings else None)


def _designs(part: Excerpt, name: str) -> Sequence[Design] | Missing:
    found = contents().design(part.task, name)
    return found if isinstance(found, Missing) else [{**one, **part.also} for one in found]


def _met(
    wanted: _Wanted, part: Excerpt, candidates: Sequence[Evaluated], **bootstrap: Any
) -> tuple[list[Row], str]:
    """Return the rows of a number of the paper, and why there are none."""
    assert part.value is not None
    if isinstance(wanted.designs, Missing):
        return [], f"{wanted.name}: {wanted.designs.missing}."
    fitting = [
        one
        for one in candidates
        if matches(one.options, wanted.designs) and wanted.setting in ("", _setting(part, one))
    ]
    rows = [
        Row(wanted.label, wanted.published, one, value, wanted.setting, not part.other_data)
        for one in fitting
        if (value := measure(one, part.value, wanted.doublings, **bootstrap)) is not None
    ]
    if rows:
        return rows, ""
    if lack := next(filter(None, map(lacking, wanted.designs)), ""):
        return [], f"{wanted.name}: there is no {lack} here."
    if not fitting:
        return [], f"{wanted.name}: not in this run; it is {described(wanted.designs[0])}."
    if wanted.doublings is not None and wanted.doublings >= fitting[0].levels:
        return [], (
            f"Doublings in this run: {fitting[0].levels - 1}; for more, make "
            f"`systems.{part.system}.data.fine.grid` finer."
        )
    return [], f"{wanted.name}: its records have no {part.value.label}."


def _others(
    part: Excerpt, wanted: Sequence[_Wanted], candidates: Sequence[Evaluated], **bootstrap: Any
) -> list[Row]:
    """Rows of settings that the paper does not have."""
    assert part.value is not None
    designs, known = _designs(part, part.of), {one.setting for one in wanted}
    if isinstance(designs, Missing):
        return []
    return [
        Row("", math.nan, one, value, setting)
        for one in candidates
        if (setting := _setting(part, one)) not in known
        and matches(one.options, designs)
        and (value := measure(one, part.value, **bootstrap)) is not None
    ]


def _unvaried(part: Excerpt, wanted: Sequence[_Wanted], rows: Sequence[Row]) -> list[str]:
    """Say which settings of the paper this run does not have."""
    met = {row.setting for row in rows if row.value is not None}
    absent = [one.setting for one in wanted if one.setting not in met]
    if not absent:
        return []
    option = part.option.removeprefix("model.")
    return [
        f"Without a number of ours: `{option}` of {', '.join(absent)}. A study varies it: "
        f"`studies.<name>: {{task: {part.task}, systems: [{part.system}], of: [...], vary: "
        f"{{{option}: [...]}}}}`."
    ]


def _varies(part: Excerpt, one: Evaluated) -> bool:
    """Whether a study of a method varies the option of a part, or the section that it is in."""
    option = part.option.removeprefix("model.")
    return bool(option) and any(f"{option}.".startswith(f"{key}.") for key in one.varied)


def _setting(part: Excerpt, one: Evaluated) -> str:
    value = value_at(one.options, part.option)
    return _text(part.default if value is None else value)


def _text(value: Any) -> str:
    """Write a value of an option: numbers as they are shortest, lists with spaces between."""
    if isinstance(value, list):
        return " ".join(map(_text, value))
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return str(value)
