"""Digests of the code behind trainings and methods, of all the pieces that are configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from wdno.config.lookup import method, model
from wdno.config.overrides import tasks
from wdno.config.root import Config
from wdno.digest import stage_digest
from wdno.tasks import REGISTRY as TASKS

Digest = Callable[..., str]


def training_code(
    config: Config, system: str, task: str, name: str, digest: Digest = stage_digest
) -> str:
    """Return the digest of the code that trains a model.

    Args:
        config: the configuration.
        system: name of the system.
        task: name of the task.
        name: name of the model.
        digest: :func:`wdno.digest.stage_digest`, or the same with a memory.
    """
    options = model(config, system, name)
    also = TASKS.light(task).Options.training_modules(system, options)
    return digest("train", task=task, also=also, **options.pieces())


def method_code(
    config: Config,
    system: str,
    task: str,
    name: str,
    stage: Literal["evaluate", "collect"],
    digest: Digest = stage_digest,
) -> list[str]:
    """Return the digests of the code that evaluates a method, or collects by it.

    Args:
        config: the configuration.
        system: name of the system.
        task: name of the task.
        name: name of the method.
        stage: what is done with it.
        digest: :func:`wdno.digest.stage_digest`, or the same with a memory.

    Returns:
        One for each of its models, or one in all of a method without.
    """
    options, section = method(config, system, name), tasks(config, system)[task]
    sampler = {"sampler": options.sampler.name} if options.sampler is not None else {}
    also = section.modules(system, options)
    digests = [
        digest(stage, task=task, also=also, **sampler, **model(config, system, one).pieces())
        for _, one in section.checkpoints(task, options).values()
    ]
    return digests or [digest(f"{stage}_baseline", task=task, also=also)]
