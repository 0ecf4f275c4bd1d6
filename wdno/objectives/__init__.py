"""Objectives: how a network is trained, and how a prediction is drawn from it.

Each module defines one objective under the alias ``Objective``; a new file is a new choice. They
are imported when asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wdno.objectives.base import Objective


def available() -> tuple[str, ...]:
    """Names that :func:`load` accepts."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "base"))


def load(name: str) -> type[Objective]:
    """Return the class of an objective.

    Raises:
        ValueError: the name is unknown.
    """
    if name not in available():
        raise ValueError(f"unknown objective {name!r}: expected one of {', '.join(available())}")
    objective: type[Any] = importlib.import_module(f"{__name__}.{name}").Objective
    return objective
