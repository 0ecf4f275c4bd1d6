"""Stage ``train``: from data to a trained model."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import torch

from wdno import config as configuration
from wdno import model as models
from wdno import tasks
from wdno.data.dataset import ProblemData, Trajectories
from wdno.data.joined import JoinedTrajectories
from wdno.files import alone, digest_of
from wdno.problem import ProblemError
from wdno.provenance import provenance
from wdno.runtime import set_threads, spare_processors
from wdno.stages._files import require_files
from wdno.stages._sets import sets_of
from wdno.training import distributed
from wdno.training.checkpoint import discard_state
from wdno.training.loop import train as fit
from wdno.training.settings import TrainingSettings

if TYPE_CHECKING:
    from wdno.config.models import ModelOptions
    from wdno.objectives.options._rewarded import RewardedOptions
    from wdno.systems.base import SystemOptions
    from wdno.tasks.base import TaskOptions

logger = logging.getLogger(__name__)

PLACE = "wdno.training"
"""Package of trainers."""
MEASURED = "wdno.data.measured"
"""What makes noisy samples of exact ones."""


def train(
    config: Sequence[Path],
    system: str,
    task: str,
    model: str,
    seed: int,
    data: Path,
    validation: Path,
    output: Path,
    log: Path,
    state: Path,
    threads: int,
    collected: Path | None = None,
    needs: Mapping[str, Path] = MappingProxyType({}),
) -> None:
    """Train a model, or continue its training, and write it.

    Args:
        config: configuration files.
        system: name of the system.
        task: name of the task.
        model: name of the model.
        seed: of the initial weights, the batches and the noise.
        data: training set.
        validation: validation set.
        output: the trained model, safetensors.
        log: JSON lines of the training.
        state: folder from which an interrupted training continues; removed in the end.
        threads: processor threads.
        collected: further training data, of a model with `collect`.
        needs: trained models that this one needs, by their roles, such as `start`.

    Raises:
        CheckpointError: a model that this one needs is not trained, or its file is damaged.
        ConfigError: the configuration is invalid, or lacks system or model, or the files are not
            those that the model needs, or one process trains the model and there are several.
        DataError: the collected data have another layout than the training set, or are fewer than
            the model asks for, or no sample is left that a model whose outputs are learnt from has
            not learnt from itself.
        UnknownPieceError: there is no such task.
        ProblemError: training and validation data make different problems, or not the parts that
            the model is to generate.
        Interrupted: by a signal; the state is saved.
        NonFiniteError: the training diverged; the last good state is kept.
    """
    loaded = configuration.load(*config)
    options = configuration.model(loaded, system, model)
    if distributed.world_size() > 1 and options.objective.joins_samples:
        raise configuration.ConfigError(
            f"model {model!r}: one process trains the objective {options.objective.name!r}, which "
            f"needs a batch as a whole, but there are {distributed.world_size()}; start it without "
            "torchrun"
        )
    section = configuration.system(loaded, system)
    task_options = getattr(section.tasks, task, None)
    roles = configuration.models_for(loaded, system, (task, model))
    require_files(f"model {model!r}", "--needs", needs, roles)
    known = configuration.known_samples(loaded, system, (task, model))
    _require_collected(model, options, collected)
    threads = set_threads(threads)
    with ExitStack() as held:
        if distributed.is_main():
            held.enter_context(alone(state))
        trajectories = _samples(data, validation, collected, options)
        if options.objective.rewarded:
            physics = section.options
            sets, law = _rewarded(trajectories, options, system, physics, task, task_options)
        else:
            law = None
            sets = sets_of(trajectories, options, task, task_options, needs, known, seed)
        training_set, validation_set = sets
        rewards = {} if law is None else law.facts()
        learnt = None if known is None else [known, getattr(options, task).model_dump(mode="json")]
        spec = {axis: getattr(options, axis).model_dump(mode="json") for axis in models.AXES}
        torch.manual_seed(seed)
        built = models.Model(spec, training_set.problem)
        built.problem.require(validation_set.problem, validation, data)
        if "start" in needs:
            models.start_from(built, needs["start"])
        else:
            built.fit_scales(training_set)
        if built.augmentation is not None:
            built.augmentation.source = training_set.noise
        built.objective.prepare(options.training.steps)
        if options.objective.closed_loop:
            loop = tasks.REGISTRY.module(task, "closed_loop").teacher(
                system, section.options, task_options, needs, training_set.trajectories
            )
            if law is None:
                built.teacher = loop
            else:
                built.imagination = partial(loop.imagined, law)
        settings = options.training.model_dump()
        validate_every = settings.pop("validate_every")
        tensorboard = log.parent / "tensorboard" if settings.pop("tensorboard") else None
        judged = None
        if options.objective.closed_loop and task_options is not None:
            judged = task_options.model_dump(mode="json", exclude=set(task_options.showing))
        code = configuration.training_code(loaded, system, task, model)
        result = fit(
            built,
            training_set,
            options=TrainingSettings(**settings),
            seed=seed,
            state_dir=state,
            log=log,
            fingerprint=_fingerprint(spec, training_set, code, needs, [judged, rewards, learnt]),
            validation=validation_set,
            validate_every=validate_every,
            tensorboard=tensorboard,
            trainer=importlib.import_module(f"{PLACE}.{options.objective.trainer}").Trainer,
            readers=0 if training_set.in_memory else spare_processors(threads),
        )
        if not distributed.is_main():
            return
        facts = {
            "system": system,
            "task": task,
            "model": model,
            "seed": seed,
            "training": options.training.model_dump(mode="json"),
            "training_steps": result.steps,
            "training_seconds": result.seconds,
            "final_loss": result.final_loss,
            "parameters": built.parameter_count(),
            **({"rewards": rewards} if rewards else {}),
            "needs": {role: str(path) for role, path in needs.items()},
            "data": {
                "file": str(data),
                "collected": str(collected or ""),
                "provenance": training_set.trajectories.provenance,
            },
            "provenance": provenance(),
        }
        models.save(output, built, result.tensors, facts)
        discard_state(state)
        logger.info("wrote %s: %d steps in %.1f s", output, result.steps, result.seconds)


def _rewarded(
    trajectories: Sequence[Trajectories],
    options: ModelOptions,
    system: str,
    physics: SystemOptions,
    task: str,
    task_options: TaskOptions | None,
) -> tuple[list[ProblemData], Any]:
    """Open training and validation data with rewards; also return their law.

    Raises:
        ProblemError: the task has no rewards, or not of this system.
    """
    if not tasks.REGISTRY.light(task).Options.rewards:
        raise ProblemError(
            f"task {task!r} has no rewards, which the objective {options.objective.name!r} learns "
            "from; train it for a task that has, such as control, or choose another objective"
        )
    room = tasks.REGISTRY.module(task, "rewards")
    law = room.law(system, physics, task_options, trajectories[0])
    chosen: RewardedOptions = cast("RewardedOptions", options.objective)
    return [room.data(one, law, chosen.relabelled) for one in trajectories], law


def _samples(
    data: Path, validation: Path, collected: Path | None, options: configuration.ModelOptions
) -> list[Trajectories]:
    """Open training set, with the collected data if there are, and validation set."""
    files, counts = [data], [options.data.samples]
    if collected is not None and options.collect is not None:
        files.append(collected)
        counts.append(options.collect.cases)
    sets = [
        JoinedTrajectories(files, counts) if counts != [None] else Trajectories(data),
        Trajectories(validation),
    ]
    if not options.data.noise:
        return sets
    # By name: only trainings with noise depend on it.
    measured = importlib.import_module(MEASURED).measured
    found: list[Trajectories] = measured(sets, data, options.data.noise)
    return found


def _require_collected(
    name: str, options: configuration.ModelOptions, collected: Path | None
) -> None:
    """Refuse collected data where a model has none, and their absence where it has.

    Raises:
        ConfigError: naming the option, what is needed and what was given.
    """
    if (collected is None) != (options.collect is None):
        wanted = "collects no data" if options.collect is None else "needs collected data"
        raise configuration.ConfigError(
            f"model {name!r} {wanted}, but --collected is {collected}; give it exactly where the "
            "model has `collect`"
        )


def _fingerprint(
    spec: dict[str, object],
    data: ProblemData,
    code: str,
    needs: Mapping[str, Path],
    judged: object,
) -> str:
    """Identify what a saved state belongs to: model, problem, data, code, and what it needs."""
    files = {role: digest_of(path) for role, path in needs.items()}
    attributes = data.trajectories.attributes
    given = [spec, data.problem.to_json(), attributes, len(data), code, files, judged]
    identity = json.dumps(given, sort_keys=True, default=str)
    return hashlib.sha256(identity.encode()).hexdigest()
