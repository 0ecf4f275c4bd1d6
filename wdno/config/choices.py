"""Sections made of what there is: those that tasks add to methods and models."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, Field, create_model

from wdno.tasks import REGISTRY as TASKS

S = TypeVar("S", bound=BaseModel)


def summary(thing: object) -> str:
    """Return the first line of what something says of itself."""
    return (thing.__doc__ or "").strip().splitlines()[0]


def with_task_sections(section: type[S], own: str) -> type[S]:
    """Return a section with one more for each task that has options of its own there.

    Args:
        section: what all tasks read of it.
        own: name of the further sections in the options of tasks, such as `MethodSection`.
    """
    fields: dict[str, Any] = {}
    for name in TASKS.names():
        further = getattr(TASKS.light(name), own, None)
        if further is not None:
            fields[name] = (further | None, Field(default=None, description=summary(further)))
    if not fields:
        return section
    return create_model(section.__name__, __base__=section, __module__=section.__module__, **fields)
