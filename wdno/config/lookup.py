"""What is configured: models and methods by name, those of studies included, and their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from wdno.config.base import ConfigError, suggest
from wdno.config.methods import MethodOptions
from wdno.config.models import ModelOptions
from wdno.config.overrides import configured_method, configured_model, system, system_names, tasks
from wdno.config.root import Config
from wdno.studies import expand
from wdno.tasks.base import TaskOptions

T = TypeVar("T")


def model(config: Config, system_name: str, name: str) -> ModelOptions:
    """Return a model as it is for one system: with the system's overrides, or of a study.

    Raises:
        ConfigError: there is none of that name.
    """
    return _find("models", configured_model, config, system_name, name)


def method(config: Config, system_name: str, name: str) -> MethodOptions:
    """Return a method as it is for one system: with the system's overrides, or of a study.

    Raises:
        ConfigError: there is none of that name.
    """
    return _find("methods", configured_method, config, system_name, name)


def method_with_models(config: Config, system_name: str, task: str, name: str) -> dict[str, Any]:
    """Return the options of a method as plain values, with those of its models in their place.

    Args:
        config: the configuration.
        system_name: name of the system.
        task: name of the task.
        name: name of the method.

    Returns:
        Its options; below the role of each model that it needs, such as `model`, the options of
        that. `model` is None where it has none.

    Raises:
        ConfigError: the method is not configured, or the task.
    """
    options = method(config, system_name, name)
    roles = _task(config, system_name, task).checkpoints(task, options)
    models = {
        role: model(config, system_name, one).model_dump(mode="json")
        for role, (_, one) in roles.items()
    }
    return {**options.model_dump(mode="json"), "model": None, **models}


def methods_of(config: Config, system_name: str, task: str) -> list[str]:
    """Return the methods that a task evaluates: those that it lists, and those of studies.

    Raises:
        ConfigError: the system does not have the task.
    """
    studied = [
        one.method
        for study, options in config.studies.items()
        if options.task == task
        for one in expand.variations(config, study, system_name)
    ]
    return list(dict.fromkeys([*_task(config, system_name, task).methods, *studied]))


def _task(config: Config, system_name: str, task: str) -> TaskOptions:
    configured = tasks(config, system_name)
    if task not in configured:
        raise ConfigError(
            f"systems.{system_name}.tasks: {task!r} is not configured{suggest(task, configured)}; "
            f"configured: {', '.join(configured)}"
        )
    return configured[task]


def reference(config: Config, task: str) -> str | None:
    """Return the method that the others are divided by in the table of a task, if any."""
    found = [
        options
        for name in system_names(config)
        if (options := tasks(config, name).get(task)) is not None
    ]
    own = next((options.reference for options in found if options.reference), None)
    chosen = own or config.evaluation.reference
    return chosen if any(chosen in options.methods for options in found) else None


def studies(config: Config) -> list[str]:
    """Return the studies with at least one variation on a configured system."""
    return [
        study
        for study in config.studies
        if any(expand.variations(config, study, name) for name in system_names(config))
    ]


def labels(config: Config, system_name: str, task: str) -> dict[str, str]:
    """Return the name of each method of a task in tables and figures."""
    names = methods_of(config, system_name, task)
    return {name: method(config, system_name, name).label or name for name in names}


def title(config: Config, system_name: str, default: str, *, stand_in: bool = False) -> str:
    """Return the name of a system in tables and figures.

    Args:
        config: the configuration.
        system_name: the system.
        default: name of its data.
        stand_in: whether the data are made in place of a record that could not be had: these are
            always called by their own name.
    """
    return default if stand_in else system(config, system_name).title or default


def _find(
    kind: Literal["models", "methods"],
    configured: Callable[[Config, str, str], T],
    config: Config,
    system_name: str,
    name: str,
) -> T:
    """Return a section by its name, of the configuration or of a study; worked out once."""
    key = (kind, system_name, name)
    if key not in config.derived:
        known: Mapping[str, T] = getattr(config, kind)
        if name in known:
            config.derived[key] = configured(config, system_name, name)
        else:
            added: Mapping[str, T] = getattr(expand.expand(config, system_name), kind)
            if name not in added:
                names = [*known, *added]
                raise ConfigError(
                    f"{kind}.{name}: not configured{suggest(name, names)}; configured: "
                    f"{', '.join(sorted(names))}"
                )
            config.derived[key] = added[name]
    found: T = config.derived[key]
    return found
