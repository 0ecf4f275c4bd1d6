"""Stage ``collect``: from a method's controls on the training cases to further training data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wdno import config as configuration
from wdno import tasks
from wdno.files import alone
from wdno.stages._job import job_of


def collect(
    config: Sequence[Path],
    system: str,
    task: str,
    method: str,
    seed: int,
    cases: int | None,
    data: Mapping[str, Path],
    models: Mapping[str, Path],
    output: Path,
    state: Path,
    threads: int,
) -> None:
    """Solve training cases under the controls of a method and write them as a data file.

    Args:
        config: configuration files.
        system: name of the system.
        task: name of the task.
        method: name of the method.
        seed: seed of the training, and of the samples.
        cases: training cases, from the first on; None: all.
        data: data files by their splits, `train` among them.
        models: trained models by their roles; empty for a baseline.
        output: the NetCDF file.
        state: folder of finished parts, from which an interrupted call continues.
        threads: processor threads.

    Raises:
        ConfigError: the configuration is invalid, lacks the system, the task or the method, the
            files are not those that the method needs, or the task's methods find no controls.
        CheckpointError: the method's model is not trained.
        ProblemError: the model was trained on another grid, other fields or another domain.
    """
    if not tasks.REGISTRY.light(task).Options.collects:
        raise configuration.ConfigError(
            f"task {task!r}: its methods find no controls, so that there is nothing to collect"
        )
    loaded = configuration.load(*config)
    job = job_of(
        loaded,
        system=system,
        task=task,
        method=method,
        seed=seed,
        data=data,
        statistics=None,
        models=models,
        threads=threads,
        split="train",
    )
    missing = [str(path) for path in job.models.values() if not path.is_file()]
    if missing:
        raise configuration.ConfigError(
            f"method {method!r} collects with a model that is not trained yet: {missing[0]}; train "
            f"it first, as `snakemake {output}` does"
        )
    with alone(state):
        tasks.REGISTRY.module(task, "collection").collect(
            job,
            cases=cases,
            output=output,
            state=state,
            code=",".join(configuration.method_code(loaded, system, task, method, "collect")),
        )
