"""What all configuration sections share: unknown keys are refused, every option is described."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=48)]
"""A name that may appear in a path: lower case letters, digits and underscores."""


class ConfigError(ValueError):
    """A configuration that cannot be run; the message names the key, the value and what may be."""


class Section(BaseModel):
    """Base of all sections: immutable; unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` where one of `known` is close to `name`, else ``""``."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
