"""What a controller is given and must offer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from wdno import objectives
from wdno.problem import ProblemError
from wdno.tasks.control.cases import Cases, cases
from wdno.tasks.control.objective import CountedObjective

if TYPE_CHECKING:
    from wdno.data.dataset import ProblemData
    from wdno.evaluation.job import Job
    from wdno.model import Model


@dataclass(frozen=True)
class Setting:
    """What a controller works with.

    Attributes:
        job: the evaluation, with its sampler, seed and checkpoints.
        objective: J by the solver, counted.
        grid: intervals and space, ``(T, *S)``.
        device: where models compute.
        open: opens a data file as the parts of the problem, by its split.
        problem_of: opens a split as the problem of a task, perhaps of a frame at a time.
        split: whose cases are controlled.
    """

    job: Job
    objective: CountedObjective
    grid: tuple[int, ...]
    device: torch.device
    open: Callable[[str], ProblemData]
    problem_of: Callable[[str, str, bool], ProblemData]
    split: str = "test"

    def load(
        self,
        task: str,
        *,
        framewise: bool = False,
        role: str = "model",
        generates: Sequence[str] | None = None,
    ) -> tuple[Model, dict[str, Any]]:
        """Load a model on the device, once it is known to fit the cases.

        Args:
            task: that it was trained for.
            framewise: whether it must see a frame at a time.
            role: of the model in the method.
            generates: the parts that it must generate; None: all.

        Raises:
            ProblemError: it was trained on another grid, other parts or fields, or another domain.
            CheckpointError: the file is absent or damaged.
        """
        model, metadata = self.job.load(role)
        if objectives.sees_frames(model.spec["objective"]["name"]) != framewise:
            wanted = "sees" if framewise else "sees not only"
            raise ProblemError(
                f"{self.job.description}: expected a model that {wanted} a frame at a time, got "
                f"the objective {model.spec['objective']['name']!r}; name another model or "
                "controller"
            )
        problem = self.problem_of(self.split, task, framewise).problem.generating(generates)
        model.problem.require(problem, self.job.split(self.split), self.job.checkpoint(role))
        return model.to(self.device), metadata

    def validation(self, count: int | None, size: int) -> Iterator[Cases]:
        """Return the first cases of the validation set, or all, `size` at a time.

        Raises:
            ProblemError: there are fewer.
        """
        data = self.open("validation")
        if count is not None and count > len(data):
            raise ProblemError(
                f"{self.job.description}: {count} validation cases are asked for, the validation "
                f"set has {len(data)}; lower validation_cases, or draw more"
            )
        return cases(data, size, count)


class Controller(ABC):
    """From cases to controls.

    Attributes:
        notes: what was chosen and found on the way, as plain values, for the record.
        model: its model, for the record; None without.
        metadata: what the model's training left.
        evaluations: network evaluations for one case.
        curve: least J of the latest cases after 1, 2, ... gradients, ``[n, gradients]``, of one
            that goes along true gradients; else None.
    """

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.notes: dict[str, Any] = {}
        self.model: Model | None = None
        self.metadata: dict[str, Any] = {}
        self.evaluations = 0
        self.curve: Tensor | None = None

    @abstractmethod
    def __call__(self, cases: Cases) -> Tensor:
        """Return the control of each case, ``[n, C, T, *S]``."""
