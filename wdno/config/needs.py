"""What is trained and collected: by methods, by other trainings, each once.

A training may need other trained models: that which it starts from, those of the method whose
controls are its further data, and those whose outputs it learns from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wdno.config.lookup import method, methods_of, model
from wdno.config.models import ModelOptions
from wdno.config.overrides import system, tasks
from wdno.config.root import Config
from wdno.tasks import REGISTRY as TASKS

Training = tuple[str, str]
"""A task, and the name of a model that is trained for it."""


def trained_for(config: Config, system_name: str, task: str) -> Iterator[Training]:
    """Give the trainings that the methods of a task need themselves."""
    options = tasks(config, system_name)[task]
    for name in methods_of(config, system_name, task):
        yield from options.checkpoints(task, method(config, system_name, name)).values()


def models_for(config: Config, system_name: str, training: Training) -> dict[str, Training]:
    """Return the trained models that a training reads, by their roles, such as `start`.

    Raises:
        ConfigError: there is no such model.
        UnknownPieceError: there is no such task.
    """
    task, name = training
    options = model(config, system_name, name)
    start = {"start": (task, options.start)} if options.start is not None else {}
    outputs: dict[str, Training] = TASKS.light(task).Options.training_models(options)
    return start | dict(options.objective.models()) | outputs


def needed(config: Config, system_name: str, training: Training) -> dict[str, Training]:
    """Return the trainings that must be over before another begins, by why it needs them.

    Raises:
        ConfigError: a model or a method is not configured.
    """
    found = models_for(config, system_name, training)
    task, name = training
    collect = model(config, system_name, name).collect
    section = tasks(config, system_name).get(task)
    if collect is None or section is None:
        return found
    chosen = method(config, system_name, collect.method)
    roles = section.checkpoints(task, chosen)
    return found | {f"collect: {collect.method}, {role}": pair for role, pair in roles.items()}


def trainings(config: Config, system_name: str) -> list[Training]:
    """Return what is trained for a system: pairs of a task and a model, each once.

    Those that methods need come first, and then those that only other trainings need.
    """
    wanted = (
        pair
        for task in tasks(config, system_name)
        for pair in trained_for(config, system_name, task)
    )
    return _with_needed(config, system_name, wanted)


def _with_needed(config: Config, system_name: str, wanted: Iterable[Training]) -> list[Training]:
    """Return trainings and, after them, all that they need, directly or by others, each once."""
    found = dict.fromkeys(wanted)
    waiting = list(found)
    while waiting:
        for pair in needed(config, system_name, waiting.pop(0)).values():
            if pair not in found:
                found[pair] = None
                waiting.append(pair)
    return list(found)


def known_samples(config: Config, system_name: str, training: Training) -> int | None:
    """Return how many training samples those models know whose outputs a training learns from.

    A model knows the samples, from the first on, that it learns from itself and those that any
    training learns from that it needs. None: the training learns from no outputs.

    Raises:
        ConfigError: a model or a method is not configured.
    """
    task, name = training
    options = model(config, system_name, name)
    outputs = TASKS.light(task).Options.training_models(options).values()
    whole = system(config, system_name).data.samples.train
    counts = [
        whole if count is None else count
        for _, of in _with_needed(config, system_name, outputs)
        for count in _learnt(model(config, system_name, of))
    ]
    return max(counts, default=None)


def _learnt(options: ModelOptions) -> list[int | None]:
    """Return of how many samples of the training set a model learns; None: all."""
    collected = [] if options.collect is None else [options.collect.cases]
    return [options.data.samples, *collected]


def models_of(config: Config, system_name: str, task: str) -> list[str]:
    """Return the models that are trained for a task on a system, by whatever task they are used."""
    return [name for of, name in trainings(config, system_name) if of == task]


def collections(config: Config, system_name: str) -> dict[tuple[str, str], int | None]:
    """Return what is collected: by task and method the cases, as the model with the most wants.

    None: all cases.
    """
    wanted: dict[tuple[str, str], list[int | None]] = {}
    for task, name in trainings(config, system_name):
        collect = model(config, system_name, name).collect
        if collect is not None:
            wanted.setdefault((task, collect.method), []).append(collect.cases)
    return {
        key: None if None in counts else max(count for count in counts if count is not None)
        for key, counts in wanted.items()
    }
