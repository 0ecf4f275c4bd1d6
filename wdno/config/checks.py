"""Combinations of options that cannot work, refused before any job starts.

What a piece accepts is asked of its own options: nothing here knows a network, a representation, an
objective, a sampler, a task or a baseline by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from wdno.config.base import ConfigError, suggest
from wdno.config.lookup import method, methods_of, model
from wdno.config.name_checks import check_names
from wdno.config.overrides import system_names, tasks
from wdno.config.piece_checks import (
    check_baseline,
    check_checkpoints,
    check_method,
    check_model,
    check_sampling,
    check_whole,
    unknown,
)
from wdno.config.root import Config, SystemConfig
from wdno.config.training_checks import check_trainings
from wdno.options import shown
from wdno.studies import expand
from wdno.systems import REGISTRY as SYSTEMS
from wdno.tasks import REGISTRY as TASKS
from wdno.tasks.base import TaskOptions

if TYPE_CHECKING:
    from wdno.studies.expand import Variation


def check(config: Config) -> None:
    """Check every reference between sections and every combination of options.

    Args:
        config: a configuration whose sections are each valid.

    Raises:
        ConfigError: with one line for each problem.
    """
    problems: list[str] = []
    if not system_names(config):
        names = ", ".join(f"`{name}`" for name in SYSTEMS.names())
        problems.append(f"systems: none is configured; configure at least one of {names}")
    for name in system_names(config):
        problems += _check_system(config, name)
    problems += _check_reference(config)
    problems += unknown("evaluation.show", config.evaluation.show, config.methods)
    for study in config.studies:
        problems += _check_study(config, study)
    if not problems:  # what trainings need is found by the methods that need these
        problems = [one for name in system_names(config) for one in check_trainings(config, name)]
    if not problems:
        problems = check_names(config)
    if problems:
        lines = "\n".join(f"  {problem}" for problem in dict.fromkeys(problems))
        raise ConfigError(f"invalid configuration:\n{lines}")


def _check_system(config: Config, name: str) -> list[str]:
    section: SystemConfig[Any] = getattr(config.systems, name)
    problems = unknown(f"systems.{name}.models", section.models, config.models)
    problems += unknown(f"systems.{name}.methods", section.methods, config.methods)
    # What no method uses need only be valid by itself: it is neither trained nor evaluated.
    for key in section.models:
        if key in config.models:
            model(config, name, key)
    for key in section.methods:
        if key in config.methods:
            method(config, name, key)
    problems += _check_fine(name, section)
    configured = tasks(config, name)
    if not configured:
        known = " or ".join(f"`{task}`" for task in TASKS.names())
        problems.append(f"systems.{name}.tasks: no task is configured; add {known}")
    for task, options in configured.items():
        problems += _check_task(config, name, task, options)
    return problems


def _check_reference(config: Config) -> list[str]:
    """Refuse a reference that no task lists: no table would compare with it."""
    reference = config.evaluation.reference
    found = [one for name in system_names(config) for one in tasks(config, name).values()]
    found = [options for options in found if options.reference is None]
    listed = list(dict.fromkeys(name for options in found for name in options.methods))
    if reference is None or not found or reference in listed:
        return []
    return [
        f"evaluation.reference = {reference!r}: not among the methods of any task"
        f"{suggest(reference, listed)}; allowed: {', '.join(listed)}"
    ]


def _check_task(config: Config, system: str, task: str, options: TaskOptions) -> list[str]:
    where = f"systems.{system}.tasks.{task}"
    problems = unknown(f"{where}.methods", options.methods, config.methods)
    problems += _check_task_reference(config, system, task, options)
    listed = [name for name in options.methods if name in config.methods]
    for name in listed:
        problems += check_method(config, system, name)
    studied = [name for name in methods_of(config, system, task) if name not in options.methods]
    evaluated = {name: method(config, system, name) for name in [*listed, *studied]}
    for name, one in evaluated.items():
        problems += check_baseline(task, options, name, one)
    section: SystemConfig[Any] = getattr(config.systems, system)
    models = {
        name: model(config, system, one.model)
        for name, one in evaluated.items()
        if one.model is not None
        and one.model in {**config.models, **expand.expand(config, system).models}
    }
    told = options.check(section.options, evaluated, models)
    told += [
        f"method {name!r}: model {evaluated[name].model!r}: its objective {one.objective.name!r} "
        f"learns from rewards, which the task {of!r} does not have; choose another objective"
        for name, one in models.items()
        for of, _ in options.checkpoints(task, evaluated[name]).values()
        if one.objective.rewarded and not TASKS.light(of).Options.rewards
    ]
    problems += [
        problem
        for name, one in evaluated.items()
        if name in models or one.model is None
        for problem in check_checkpoints(config, system, task, options, name, one)
    ]
    told += options.check_counts(evaluated, section.data.samples.model_dump())
    if not _check_fine(system, section):
        fine = section.fine_options().grid_shape() if section.data.fine is not None else None
        told += options.check_fine(section.options.grid_shape(), fine)
    return [*problems, *(f"{where}: {problem}" for problem in told)]


def _check_task_reference(
    config: Config, system: str, task: str, options: TaskOptions
) -> list[str]:
    """Refuse a reference that is not among a system's methods, though among those of another."""
    where = f"systems.{system}.tasks.{task}"
    others = {
        other: same
        for other in system_names(config)
        if (same := tasks(config, other).get(task)) is not None
    }
    own = {other: same.reference for other, same in others.items()}
    if len(set(own.values())) > 1:
        said = ", ".join(f"{other}: {name or 'null'}" for other, name in own.items())
        return [f"{where}.reference: one table has one reference, got {said}; write the same"]
    if options.reference is not None:
        if options.reference in options.methods:
            return []
        return [
            f"{where}.reference = {options.reference!r}: not among its methods"
            f"{suggest(options.reference, options.methods)}; allowed: {', '.join(options.methods)}"
        ]
    reference = config.evaluation.reference
    elsewhere = [other for other, same in others.items() if reference in same.methods]
    if not elsewhere or reference in options.methods:
        return []
    return [
        f"evaluation.reference = {reference!r}: not among {where}.methods, but among those of "
        f"{', '.join(elsewhere)}; list it for every system that has the task, or for none"
    ]


def _check_fine(name: str, section: SystemConfig[Any]) -> list[str]:
    fine, where = section.data.fine, f"systems.{name}.data.fine"
    if fine is None:
        return []
    if fine.samples > section.data.samples.test:
        return [
            f"{where}.samples = {fine.samples}: more than the {section.data.samples.test} test "
            "trajectories that they are"
        ]
    try:
        grids = section.fine_options().grid_shape(), section.options.grid_shape()
    except ValidationError as error:
        return [f"{where}.grid = {fine.grid}: {one['msg']}" for one in error.errors()]
    if grids[0] == grids[1] or any(f % c for f, c in zip(*grids, strict=True)):
        return [
            f"{where}.grid: {shown(grids[0])} is no refinement of the stored grid {shown(grids[1])}"
        ]
    return []


def _check_study(config: Config, name: str) -> list[str]:
    options, where = config.studies[name], f"studies.{name}"
    problems = unknown(f"{where}.of", options.of, config.methods)
    known = dict.fromkeys(SYSTEMS.names())
    problems += unknown(f"{where}.systems", options.systems or [], known)
    if options.task not in TASKS.names():
        return [*problems, *unknown(f"{where}.task", [options.task], dict.fromkeys(TASKS.names()))]
    if options.metrics:
        metrics = TASKS.module(options.task, "metrics").METRICS
        problems += unknown(f"{where}.metrics", options.metrics, dict.fromkeys(metrics))
    for system in system_names(config):
        if system in (options.systems or []) and options.task not in tasks(config, system):
            problems.append(
                f"{where}.systems: {system!r} does not have the task {options.task!r}; leave the "
                "system out, or configure the task for it"
            )
        expansion = expand.expand(config, system)
        problems += expansion.problems
        # Of a system that is not studied a method need not fit.
        studied = name in expansion.variations
        sound = [one for one in options.of if one in config.methods and studied]
        for of in sound:
            at_fault = check_method(config, system, of)
            problems += at_fault
            varied = [one for one in expansion.variations.get(name, []) if one.of == of]
            problems += [] if at_fault else _check_variations(config, system, where, varied)
    return problems


def _check_variations(
    config: Config, system: str, where: str, variations: Sequence[Variation]
) -> list[str]:
    section: SystemConfig[Any] = getattr(config.systems, system)
    problems = []
    for one in variations:
        options = method(config, system, one.method)
        if one.model is None:
            continue
        trained = model(config, system, one.model)
        found = check_sampling(f"methods.{one.method}", options, trained)
        found += check_whole(f"methods.{one.method}.model", one.model, trained)
        found += check_model(system, section, f"models.{one.model}", trained)
        problems += [f"{where}.vary, of {one.of!r}: {problem}" for problem in found]
    return problems
