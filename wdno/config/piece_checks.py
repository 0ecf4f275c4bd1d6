"""Whether a method and a model fit their pieces, a system's grid and its data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wdno.config.base import suggest
from wdno.config.lookup import method, model
from wdno.config.methods import MethodOptions
from wdno.config.models import ModelOptions
from wdno.config.root import Config, SystemConfig
from wdno.tasks.base import TaskOptions


def unknown(where: str, names: Iterable[str], known: Mapping[str, object]) -> list[str]:
    """Refuse names that are not among those known."""
    return [
        f"{where}: {name!r} is not configured{suggest(name, known)}; "
        f"allowed: {', '.join(sorted(known))}"
        for name in names
        if name not in known
    ]


def check_method(config: Config, system: str, name: str) -> list[str]:
    """Check a configured method and its model, as they are for a system."""
    options = method(config, system, name)
    if options.model is None:
        return []
    where = f"methods.{name}"
    if options.model not in config.models:
        return unknown(f"{where}.model", [options.model], config.models)
    trained = model(config, system, options.model)
    problems = check_sampling(where, options, trained)
    problems += check_whole(f"{where}.model", options.model, trained)
    section: SystemConfig[Any] = getattr(config.systems, system)
    return problems or check_model(system, section, f"models.{options.model}", trained)


def check_baseline(
    task: str, options: TaskOptions, name: str, method_options: MethodOptions
) -> list[str]:
    """Refuse a baseline that a task does not have."""
    baseline = method_options.baseline
    if baseline is None or baseline in options.baselines:
        return []
    return [
        f"methods.{name}.baseline = {baseline!r}: task {task!r} has no such baseline"
        f"{suggest(baseline, options.baselines)}; allowed: {', '.join(options.baselines) or 'none'}"
    ]


def check_whole(where: str, name: str, options: ModelOptions) -> list[str]:
    """Refuse a model of some parts alone, where one of all parts is needed; `name` is its key."""
    if options.generates is None:
        return []
    return [
        f"{where} = {name!r}: it generates {', '.join(options.generates)} alone; name a model of "
        "all parts, with generates: null"
    ]


def check_checkpoints(
    config: Config,
    system: str,
    task: str,
    options: TaskOptions,
    name: str,
    method_options: MethodOptions,
) -> list[str]:
    """Refuse models that a method cannot use together; its own is known to be configured."""
    roles = options.checkpoints(task, method_options)
    where = f"methods.{name}"
    problems = [
        problem
        for role, (_, other) in roles.items()
        if other != method_options.model
        for problem in unknown(f"{where}, {role}", [other], config.models)
    ]
    if problems:
        return problems
    models = {role: model(config, system, other) for role, (_, other) in roles.items()}
    return [f"{where}: {problem}" for problem in options.check_models(method_options, models)]


def check_sampling(where: str, options: MethodOptions, trained: ModelOptions) -> list[str]:
    """Refuse a sampler, or several samples, that do not fit the model of a method."""
    kind = trained.objective.name
    if trained.objective.samples:
        if options.sampler is not None:
            told = trained.objective.check_sampler(options.sampler)
            return [f"{where}.sampler, with model {options.model!r}: {one}" for one in told]
        return [
            f"{where}.sampler: missing; model {options.model!r} is trained by {kind}, whose "
            "predictions are samples"
        ]
    if options.sampler is not None:
        return [
            f"{where}.sampler = {options.sampler.name!r}: model {options.model!r} is trained by "
            f"{kind} and has nothing to sample; remove `sampler`"
        ]
    if options.samples > 1:
        return [
            f"{where}.samples = {options.samples}: model {options.model!r} is deterministic; "
            "use samples: 1"
        ]
    return []


def check_model(
    system: str, section: SystemConfig[Any], name: str, options: ModelOptions
) -> list[str]:
    """Check a model against the grid and the data of a system; `name` is its key."""
    where = f"systems.{system}, {name}"
    train = section.data.samples.train
    if options.training.batch_size > train:
        return [
            f"{where}.training.batch_size = {options.training.batch_size}: larger than the "
            f"training set, systems.{system}.data.samples.train = {train}"
        ]
    representation, timeless = options.representation, options.objective.timeless
    if timeless and (representation.relative or not representation.local_in_time):
        return [
            f"{where}.objective: with stepping or framewise, a network sees a frame at a time, "
            "which needs a representation that is local in time, such as 'identity', with "
            "relative = false; got "
            f"{representation.name!r}, relative = {str(representation.relative).lower()}"
        ]
    stored, boundaries = section.options.grid_shape(), section.options.boundaries()
    for halvings in sorted({0, *options.data.halvings}):
        if problems := options.check_grid(stored, boundaries, halvings):
            return [f"{where}.{problem}" for problem in problems]
    return []
