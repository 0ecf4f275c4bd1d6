"""What all sections of options share: unknown keys are refused, every option is described.

A section is written in a configuration file, checked when the file is read, and does not change
afterwards. Options of systems, networks, tasks and all other pieces are such sections.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, field_validator

T = TypeVar("T")

NAME_LENGTH = 48
"""Most characters of a name."""

LARGEST = 2**63 - 1
"""Largest whole number of an option: files, and generators of random numbers, hold no larger."""

BREAKS = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories of characters that are no part of a line: controls, breaks, surrogates."""


def _each_once(values: list[T]) -> list[T]:
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} appears twice; name each once")
    return values


def _one_line(text: str) -> str:
    found = next((one for one in text if unicodedata.category(one) in BREAKS), None)
    if found is not None:
        raise ValueError(f"expected one line of text, got the character {found!r}; remove it")
    if text.startswith("_"):
        raise ValueError("a name with an underscore at its start is left out of legends; remove it")
    return text


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=NAME_LENGTH)]
"""A name that may appear in a path: lower case letters, digits and underscores."""

Distinct = AfterValidator(_each_once)
"""Of a list: nothing stands in it twice."""

Names = Annotated[list[Name], Distinct]
"""Names, each once."""

Label = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_one_line)]
"""A name for readers: any line of text, which tables and figures show as it is."""


class Section(BaseModel):
    """Base of all sections: immutable; unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _whole_numbers_fit(cls, value: Any) -> Any:
        if not _fits(value):
            raise ValueError(f"expected whole numbers between +-{LARGEST}, that is 2**63 - 1")
        return value


def _fits(value: Any) -> bool:
    """Whether all whole numbers of a value are stored as they are."""
    if isinstance(value, Mapping):
        return all(map(_fits, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_fits, value))
    return not isinstance(value, int) or abs(value) <= LARGEST


def shown(grid: Sequence[int]) -> str:
    """Write a grid for a message, as `32 x 48`."""
    return " x ".join(map(str, grid))


def plain_number(value: float) -> str:
    """Write a number as short as it can be read back: `0.5`, `1`, `1e-05`, `0.123456789`."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))
