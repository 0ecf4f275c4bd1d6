"""Configured models and methods, as they are for one system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from wdno.config.base import ConfigError, merge, suggest
from wdno.config.explain import validated
from wdno.config.methods import MethodOptions
from wdno.config.models import ModelOptions
from wdno.config.root import Config, SystemConfig
from wdno.tasks.base import TaskOptions

M = TypeVar("M", bound=BaseModel)


def system_names(config: Config) -> list[str]:
    """Return the names of the configured systems, in the order of the schema."""
    fields = list(type(config.systems).model_fields)
    return [name for name in fields if getattr(config.systems, name) is not None]


def system(config: Config, name: str) -> SystemConfig[Any]:
    """Return the section of a configured system.

    Raises:
        ConfigError: the system is not configured.
    """
    names = system_names(config)
    if name not in names:
        raise ConfigError(
            f"system {name!r} is not in this configuration{suggest(name, names)}; "
            f"configured: {', '.join(names)}"
        )
    return getattr(config.systems, name)  # type: ignore[no-any-return]


def tasks(config: Config, system_name: str) -> dict[str, TaskOptions]:
    """Return the tasks of a system, each with its section.

    Raises:
        ConfigError: the system is not configured.
    """
    found: dict[str, TaskOptions | None] = dict(system(config, system_name).tasks)
    return {name: options for name, options in found.items() if options is not None}


def configured_model(config: Config, system_name: str, name: str) -> ModelOptions:
    """Return a model of the section `models` with the system's overrides.

    Raises:
        ConfigError: there is none of that name, or an override is invalid.
    """
    own = system(config, system_name).models
    return _with_overrides("models", config.models, own, name, system_name)


def configured_method(config: Config, system_name: str, name: str) -> MethodOptions:
    """Return a method of the section `methods` with the system's overrides.

    Raises:
        ConfigError: there is none of that name, or an override is invalid.
    """
    own = system(config, system_name).methods
    return _with_overrides("methods", config.methods, own, name, system_name)


def _with_overrides(
    kind: str, shared: Mapping[str, M], own: Mapping[str, Any], name: str, system_name: str
) -> M:
    if name not in shared:
        raise ConfigError(
            f"{kind}.{name}: not configured{suggest(name, shared)}; "
            f"configured: {', '.join(sorted(shared))}"
        )
    if name not in own:
        return shared[name]
    values = merge(shared[name].model_dump(exclude_unset=True), own[name])
    return validated(type(shared[name]), values, f"{kind}.{name}", f", of system {system_name!r}")
