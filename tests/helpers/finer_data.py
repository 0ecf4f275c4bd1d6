"""Data of a system on its stored grid and on a finer one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from wdno.data.dataset import Trajectories
from wdno.evaluation.job import Job
from wdno.systems.base import System, SystemOptions
from wdno.tasks.superresolution.options import Options
from wdno.tasks.superresolution.outputs import Predicted
from wdno.tasks.superresolution.problem import LevelData, data
from wdno.tasks.superresolution.sections import LevelsSection

SAMPLER = {"name": "ddim", "steps": 2, "eta": 0.0}
MakeJob = Callable[..., Job]


class Files(NamedTuple):
    """Data of a system, and the task's options."""

    name: str
    system: System
    stored: Path
    fine: Path
    options: Options

    @property
    def settings(self) -> SystemOptions:
        return self.system.options  # type: ignore[attr-defined,no-any-return]

    def data(self, predicted: Predicted | None = None, **section: Any) -> LevelData:
        section = {"levels": 2, **section}
        design = LevelsSection.model_validate(section)
        stored = Trajectories(self.stored)
        return data(stored, self.options, section=design, predicted=predicted)
