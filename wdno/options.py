"""What all sections of options share: unknown keys are refused, every option is described.

A section is written in a configuration file, checked when the file is read, and does not change
afterwards. Options of systems, networks, tasks and all other pieces are such sections.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

NAME_LENGTH = 48
"""Most characters of a name."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=NAME_LENGTH)]
"""A name that may appear in a path: lower case letters, digits and underscores."""


class Section(BaseModel):
    """Base of all sections: immutable; unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def shown(grid: Sequence[int]) -> str:
    """Write a grid for a message, as `32 x 48`."""
    return " x ".join(map(str, grid))
