"""What trainings need of each other: that it is configured, fits, and leads round in no circle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from wdno.config.lookup import method, model
from wdno.config.models import AXES, ModelOptions
from wdno.config.needs import Training, known_samples, needed, trained_for
from wdno.config.overrides import system as system_section
from wdno.config.overrides import tasks
from wdno.config.piece_checks import (
    check_baseline,
    check_checkpoints,
    check_method,
    check_model,
    check_whole,
    unknown,
)
from wdno.config.root import Config
from wdno.systems.base import SystemOptions
from wdno.tasks import REGISTRY as TASKS


def check_trainings(config: Config, system: str) -> list[str]:
    """Check all that is trained for a system, by what needs it, against what it needs.

    Args:
        config: a configuration whose methods are sound.
        system: name of the system.
    """
    done: set[Training] = set()
    problems: list[str] = []
    for task in tasks(config, system):
        for training in trained_for(config, system, task):
            problems += _visit(config, system, training, {}, done)
    return problems or [
        problem
        for training in sorted(done)
        for problem in _check_held_out(config, system, training)
    ]


def _visit(
    config: Config,
    system: str,
    training: Training,
    path: Mapping[Training, str],
    done: set[Training],
) -> list[str]:
    """Check a training and, after it, those that it needs.

    Args:
        config: the configuration.
        system: name of the system.
        training: the training.
        path: those that led to it, each with why it needs the one that follows.
        done: those that were visited; gets further ones.
    """
    if training in path:
        steps = [f"{name} ({why})" for (_, name), why in path.items()]
        start = list(path).index(training)
        circle = " -> ".join([*steps[start:], training[1]])
        return [
            f"systems.{system}, models: the training of {training[1]!r} needs itself: {circle}; "
            "leave one of these out"
        ]
    if training in done:
        return []
    done.add(training)
    task, name = training
    options = model(config, system, name)
    section = system_section(config, system)
    problems = check_model(system, section, f"models.{name}", options)
    references = [*_check_start(config, system, name, options)]
    references += _check_samples(config, system, name, options)
    references += _check_collect(config, system, training, options)
    references += _check_objective(config, system, name, options)
    problems += _check_halvings(system, section.options, training, options)
    references += _check_outputs(config, system, training, options)
    told = TASKS.light(task).Options.check_training(section.options, options)
    problems += [f"systems.{system}, models.{name}: {problem}" for problem in told]
    problems += references
    if references:
        return problems
    for why, pair in needed(config, system, training).items():
        problems += _visit(config, system, pair, {**path, training: why}, done)
    return problems


def _check_start(config: Config, system: str, name: str, options: ModelOptions) -> list[str]:
    """Refuse to start from another network, or from one that there is not."""
    if options.start is None:
        return []
    where = f"models.{name}.start"
    if options.start not in config.models:
        return unknown(where, [options.start], config.models)
    start = model(config, system, options.start)
    differences = [
        f"{key} ({one!r} there, {other!r} here)"
        for axis in AXES
        for key, one, other in _differences(
            axis, getattr(start, axis).model_dump(), getattr(options, axis).model_dump()
        )
    ]
    if start.generates != options.generates:
        differences.append(f"generates ({start.generates} there, {options.generates} here)")
    if not differences:
        return []
    return [
        f"{where} = {options.start!r}, of system {system!r}: weights fit the same representation, "
        f"network, objective and parts alone; these differ: {', '.join(differences)}; write the "
        "same"
    ]


def _check_samples(config: Config, system: str, name: str, options: ModelOptions) -> list[str]:
    """Refuse to learn from more samples than there are."""
    wanted = options.data.samples
    return _more_than_trained(config, system, f"models.{name}.data.samples", wanted)


def _more_than_trained(config: Config, system: str, where: str, wanted: int | None) -> list[str]:
    """Refuse a number of training cases that the system does not have."""
    train = system_section(config, system).data.samples.train
    if wanted is None or wanted <= train:
        return []
    return [
        f"{where} = {wanted}: more than the training set, "
        f"systems.{system}.data.samples.train = {train}"
    ]


def _differences(key: str, one: Any, other: Any) -> Iterator[tuple[str, Any, Any]]:
    """Give the options that differ, by their keys; of different pieces their names alone."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        if one != other:
            yield key, one, other
        return
    if one.get("name") != other.get("name"):
        yield f"{key}.name", one.get("name"), other.get("name")
        return
    for inner in dict.fromkeys([*one, *other]):
        yield from _differences(f"{key}.{inner}", one.get(inner), other.get(inner))


def _check_halvings(
    system: str, physics: SystemOptions, training: Training, options: ModelOptions
) -> list[str]:
    """Refuse to learn from coarser grids where the task has one, or a system forbids it."""
    task, name = training
    if not options.data.mixed:
        return []
    where = f"systems.{system}, models.{name}.data.halvings = {options.data.halvings}"
    if not TASKS.light(task).Options.halvable:
        return [
            f"{where}: models of the task {task!r} learn from the grids that the task says; "
            "make it [0], or train the model for simulation"
        ]
    if physics.calendar:
        return [
            f"{where}: the samples of this system are given by several frames, of which a coarser "
            "grid has fewer; make it [0]"
        ]
    return []


def _check_objective(config: Config, system: str, name: str, options: ModelOptions) -> list[str]:
    """Refuse models that the objective of another cannot work with."""
    objective, where = options.objective, f"models.{name}.objective"
    return _check_read(config, system, where, objective.models(), objective.check_models)


def _check_outputs(
    config: Config, system: str, training: Training, options: ModelOptions
) -> list[str]:
    """Refuse models whose outputs a training for a task cannot learn from."""
    task, name = training
    chosen, where = TASKS.light(task).Options, f"models.{name}.{task}"
    unfit = partial(chosen.check_training_models, options)
    return _check_read(config, system, where, chosen.training_models(options), unfit)


def _check_read(
    config: Config,
    system: str,
    where: str,
    roles: Mapping[str, Training],
    unfit: Callable[[Mapping[str, ModelOptions]], list[str]],
) -> list[str]:
    """Refuse models that a section of another names, by their roles: unknown, of parts or unfit."""
    problems = [
        problem
        for role, (_, other) in roles.items()
        for problem in unknown(f"{where}.{role}", [other], config.models)
    ]
    if problems:
        return problems
    models = {role: model(config, system, other) for role, (_, other) in roles.items()}
    for role, (_, other) in roles.items():
        problems += check_whole(f"{where}.{role}", other, models[role])
    return problems or [f"{where}.{problem}" for problem in unfit(models)]


def _check_held_out(config: Config, system: str, training: Training) -> list[str]:
    """Refuse to learn from outputs where too few samples are left that their model does not know.

    The trainings that it needs are known to be sound.
    """
    known = known_samples(config, system, training)
    if known is None:
        return []
    task, name = training
    options = model(config, system, name)
    train, size = system_section(config, system).data.samples.train, options.training.batch_size
    samples = options.data.samples or train
    if samples - known >= size:
        return []
    roles = TASKS.light(task).Options.training_models(options)
    named = " and ".join(repr(other) for _, other in roles.values())
    return [
        f"systems.{system}, models.{name}.{task}: it learns from outputs of {named} on samples of "
        f"the training set that are new to it; of {samples} it has learnt from the first {known}, "
        f"itself or by what it needs, which leaves {max(samples - known, 0)}, less than a batch of "
        f"{size}; let it learn from fewer (data.samples of the model)"
    ]


def _check_collect(
    config: Config, system: str, training: Training, options: ModelOptions
) -> list[str]:
    """Refuse to collect what no method of the task makes, or more than there is."""
    if options.collect is None:
        return []
    task, name = training
    where, collected = f"models.{name}.collect", options.collect.method
    if not TASKS.light(task).Options.collects:
        return [
            f"{where}: methods of the task {task!r} find no controls, so that there is nothing to "
            "collect; remove it"
        ]
    section = system_section(config, system)
    configured = tasks(config, system)
    if task not in configured:
        return [
            f"{where}: system {system!r} trains {name!r} for the task {task!r}, which it does not "
            f"have; configure systems.{system}.tasks.{task}, or remove collect"
        ]
    if collected not in config.methods:
        return unknown(f"{where}.method", [collected], config.methods)
    problems = _more_than_trained(config, system, f"{where}.cases", options.collect.cases)
    problems += check_method(config, system, collected)
    chosen = method(config, system, collected)
    problems += check_baseline(task, configured[task], collected, chosen)
    if problems:
        return problems
    models = {} if chosen.model is None else {collected: model(config, system, chosen.model)}
    problems = [
        f"{where}: {problem}"
        for problem in check_checkpoints(config, system, task, configured[task], collected, chosen)
    ]
    if problems:
        return problems
    told = configured[task].check(section.options, {collected: chosen}, models)
    return [f"{where}: {problem}" for problem in told]
