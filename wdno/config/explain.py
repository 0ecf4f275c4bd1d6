"""From the errors of a validation to sentences: the key, its value and what may be."""

from __future__ import annotations

import datetime
import math
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from wdno.config.base import ConfigError, suggest

M = TypeVar("M", bound=BaseModel)
Location = tuple[int | str, ...]

CHOICES = ("representation", "network", "objective", "sampler")
"""Sections in which `name` chooses what the other options are."""

KEPT = " (an overlay that changes a `name` keeps the other options; remove them with null)"


def validated(model: type[M], values: Mapping[str, Any], prefix: str = "", where: str = "") -> M:
    """Return a section made of values.

    Args:
        model: the section's class.
        values: its values.
        prefix: key of the section, for messages.
        where: what the configuration is of, for messages, as in ", of system 'burgers'".

    Raises:
        ConfigError: with a line for each invalid option.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = "\n".join(f"  {line}" for line in problems(error, model, prefix))
        raise ConfigError(f"invalid configuration{where}:\n{lines}") from error


def problems(error: ValidationError, model: type[BaseModel], prefix: str = "") -> list[str]:
    """Say of each invalid option its key, its value and what is allowed."""
    lines = []
    for problem in error.errors():
        location: Location = tuple(problem["loc"])
        key = ".".join(filter(None, [prefix, *_written(location)]))
        value = problem["input"]
        if problem["type"] == "extra_forbidden":
            lines.append(f"{key}: unknown option{_allowed(model, location)}")
        elif problem["type"] == "missing":
            lines.append(f"{key}: missing, and it has no default")
        elif problem["type"] == "union_tag_not_found":
            lines.append(f"{key}.name: missing; it chooses what the other options are")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            shown = "" if isinstance(value, Mapping | BaseModel) else f" = {value!r}"
            hint = _hint(value, problem["type"])
            lines.append(f"{key or 'config'}{shown}: {message}{hint}")
    return lines


def sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """Give the sections inside a type such as ``dict[str, X]`` or ``A | B | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in getattr(annotation, "__args__", ()):
        yield from sections(part)


def tag(section: type[BaseModel]) -> str:
    """Return the `name` that chooses a section; empty if it is no choice."""
    field = section.model_fields.get("name")
    values = getattr(field.annotation, "__args__", ()) if field is not None else ()
    return str(values[0]) if values else ""


def _allowed(model: type[BaseModel], location: Location) -> str:
    """Say what is known where an unknown option stands."""
    key, found = str(location[-1]), _at(model, location[:-1])
    known = sorted(found[0].model_fields) if found else []
    owners = [repr(tag(one)) for one in found[1:] if key in one.model_fields]
    verb = "has" if len(owners) == 1 else "have"
    others = f"; only {' and '.join(owners)} {verb} {key}" if owners else ""
    allowed = f"; allowed: {', '.join(known)}" if known else ""
    note = "" if _written(location) == [*map(str, location)] else KEPT
    return f"{suggest(key, known)}{others}{allowed}{note}"


def _at(model: type[BaseModel], location: Location) -> list[type[BaseModel]]:
    """Return the section at a location, and after it those that might have been chosen instead."""
    found, parts = [model], iter(location)
    for part in parts:
        field = found[0].model_fields.get(str(part))
        found = list(sections(field.annotation)) if field is not None else []
        if field is None or not found:
            return []
        if typing.get_origin(field.annotation) in (dict, list):
            next(parts, None)  # a key of the user's, or a place in a list
        if len(found) > 1:
            chosen = next(parts, None)
            found.sort(key=lambda one: tag(one) != chosen)
    return found


def _written(location: Location) -> list[str]:
    """Return the keys as a user writes them: without the name that chooses a section."""
    pairs = zip(("", *location), location, strict=False)
    return [str(part) for before, part in pairs if before not in CHOICES or part == "name"]


def _hint(value: Any, problem: str) -> str:
    """Say how a value is written that YAML takes for something else: `2e-3` is text to it.

    Args:
        value: what was found.
        problem: what is wrong with it, in pydantic's words.
    """
    if problem == "string_type" and isinstance(value, bool | int | float | datetime.date):
        return f" (YAML makes {value!r} of it; put the text in quotes)"
    number, whole = _number(value), problem.startswith("int_")
    if number is None or (whole and number != int(number)):
        return ""
    # YAML wants a point before an exponent.
    written = repr(number) if "." in repr(number) else repr(number).replace("e", ".0e")
    written = str(int(number)) if whole else written
    if isinstance(value, str):
        return f" (YAML reads it as text; write {written})"
    return f" (write {written})" if whole and isinstance(value, float) else ""


def _number(value: Any) -> float | int | None:
    """Return the finite number that a value is, or that a text was to be."""
    for read_as in (int, float) if isinstance(value, str) else ():
        try:
            number = read_as(value)
        except ValueError:
            continue
        return number if isinstance(number, int) or math.isfinite(number) else None
    return value if isinstance(value, float) and math.isfinite(value) else None
