"""What a task is asked to evaluate: one method, with one training seed, on one system's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wdno import model as models
from wdno.data.netcdf import is_stand_in
from wdno.evaluation.predictor import ModelPredictor
from wdno.evaluation.record import Cost, Design, EvaluationError, RecordIdentity

if TYPE_CHECKING:
    import torch

    from wdno.config import MethodOptions
    from wdno.config.root import EvaluationOptions
    from wdno.data.dataset import Trajectories
    from wdno.model import Model
    from wdno.systems.base import SystemOptions
    from wdno.tasks.base import TaskOptions


@dataclass(frozen=True, kw_only=True)
class Job:
    """One evaluation: what is evaluated, with which options, and from which files.

    Attributes:
        run: name of the run.
        system: name of the system.
        system_options: its options.
        task: name of the task.
        method: name of the method, its key in the configuration.
        seed: of the training, and of the samples.
        options: of the method.
        task_options: of the task for this system.
        evaluation: how predictions are compared.
        data: data files by their splits.
        statistics: of the training set; None where they are not read.
        models: checkpoints by their roles; empty for a method without a model.
        threads: processor threads.
    """

    run: str
    system: str
    system_options: SystemOptions
    task: str
    method: str
    seed: int
    options: MethodOptions
    task_options: TaskOptions
    evaluation: EvaluationOptions
    data: Mapping[str, Path]
    statistics: Path | None
    models: Mapping[str, Path]
    threads: int = 1

    @property
    def description(self) -> str:
        """Name of the progress bar, and of the method in messages."""
        return f"{self.system} {self.method}"

    @property
    def sampling(self) -> dict[str, Any] | None:
        """Options of the sampler as plain values; None where nothing is sampled."""
        sampler = self.options.sampler
        return None if sampler is None else sampler.model_dump(exclude_none=True)

    @property
    def deterministic(self) -> bool:
        """Whether the method gives one prediction and no distribution: nothing is sampled."""
        return self.options.sampler is None

    @property
    def batch_size(self) -> int:
        """Most cases that are predicted at a time."""
        return self.options.batch_size or self.evaluation.batch_size

    def split(self, name: str) -> Path:
        """Return the data file of a split.

        Raises:
            EvaluationError: it is not among the job's data.
        """
        return _file(self.data, name, "--data", f"{self.description}: no data file of the split")

    def statistics_file(self) -> Path:
        """Return the file of statistics of the training set.

        Raises:
            EvaluationError: the job has none.
        """
        if self.statistics is None:
            raise EvaluationError(f"{self.description}: no statistics; give them with --statistics")
        return self.statistics

    def checkpoint(self, role: str = "model") -> Path:
        """Return the checkpoint that has a role.

        Raises:
            EvaluationError: it is not among the job's models.
        """
        missing = f"{self.description}: no trained model with the role"
        return _file(self.models, role, "--model", missing)

    def load(self, role: str = "model") -> tuple[Model, dict[str, Any]]:
        """Load a trained model.

        Args:
            role: of the model in the method.

        Returns:
            The model, and what its training left beside the weights: `training_seconds`,
            `training_steps`, ...

        Raises:
            EvaluationError: it is not among the job's models.
            CheckpointError: the file is absent or damaged.
        """
        return models.load(self.checkpoint(role))

    def cases(self, available: int) -> int:
        """Return how many of the test cases are evaluated: the method's `cases`, or all."""
        wanted = self.options.cases
        return available if wanted is None else min(wanted, available)

    def predictor(self, model: Model, device: torch.device | str) -> ModelPredictor:
        """Return a model with the method's sampler and the job's seed, on a device."""
        return ModelPredictor(model, seed=self.seed, sampling=self.sampling, device=device)

    def identity(self, data: Trajectories, grid: Mapping[str, int]) -> RecordIdentity:
        """Return what the record is of.

        Args:
            data: the test set.
            grid: length of each axis of what is generated, time first.
        """
        return RecordIdentity(
            run=self.run,
            system=self.system,
            title=data.layout.title,
            task=self.task,
            method=self.method,
            seed=self.seed,
            grid=dict(grid),
            stand_in=is_stand_in(data.dataset),
        )

    def design(self, model: Model | None, **options: Any) -> Design:
        """Return how the method is made.

        Args:
            model: its model; None for a method without training.
            **options: further choices of the task, as plain values.
        """
        if model is None:
            return Design(samples=self.options.samples, options=options)
        return Design(
            **{axis: str(values["name"]) for axis, values in model.spec.items()},
            stepwise=model.spec["objective"].get("stepping") is not None,
            sampler=self.sampling,
            samples=self.options.samples,
            options=options,
        )

    def cost(
        self,
        model: Model | None,
        metadata: Mapping[str, Any],
        seconds: float,
        device: torch.device | str,
    ) -> Cost:
        """Return what the method took.

        Args:
            model: its model; None for a method without training.
            metadata: what the model's training left, of :meth:`load`.
            seconds: time of one sample of one case.
            device: where the prediction was timed.
        """
        if model is None:
            return Cost(seconds=seconds, device=str(device))
        return Cost(
            evaluations=model.objective.evaluations(self.sampling, model.problem.grid[0]),
            seconds=seconds,
            training_seconds=metadata["training_seconds"],
            training_steps=metadata["training_steps"],
            parameters=model.parameter_count(),
            device=str(device),
        )


def _file(files: Mapping[str, Path], name: str, option: str, missing: str) -> Path:
    if name not in files:
        known = ", ".join(files) or "none"
        raise EvaluationError(f"{missing} {name!r}, only: {known}; give it with {option}")
    return files[name]
