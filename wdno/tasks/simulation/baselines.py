r"""Baselines without training: what a method must beat to have learnt anything.

With the last given state $u_0$ at time $t_0$ in the calendar, and the mean $c(h)$ of each hour h of
the day over the training period, the prediction at $t_0 + \tau$ is

| name | prediction |
|---|---|
| `persistence` | $u_0$ |
| `time_mean` | the mean over the training period |
| `hourly_mean` | $c(t_0 + \tau)$ |
| `persisted_anomaly` | $c(t_0 + \tau) + u_0 - c(t_0)$ |

at each point of space. All but the first need a calendar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wdno.data.dataset import ProblemData, Trajectories
from wdno.data.netcdf import DataError
from wdno.data.statistics import Statistics

if TYPE_CHECKING:
    from wdno.evaluation.predictor import Predictor
    from wdno.problem import Batch


def climatology(
    data: Trajectories, statistics: Statistics, batch: Batch, frames: slice
) -> NDArray[np.float32]:
    """Return the hourly mean of the training period at frames of a batch.

    Args:
        data: the data set, with a calendar.
        statistics: of the training set.
        batch: with `reference_time`, ``[B]``.
        frames: t of the stored frames.

    Returns:
        ``[B, F, t, *space]``.

    Raises:
        DataError: the statistics have no mean at one of the hours.
    """
    offsets = np.asarray(data.coordinates["time"], dtype=np.int64)[frames]
    return statistics.at_hours(batch["reference_time"].numpy()[:, None] + offsets)


class Persistence:
    """Repeats the last given frame."""

    def __init__(self, data: ProblemData, statistics: Statistics) -> None:
        """For a data set; the statistics are not looked at."""
        self._problem = data.problem

    def __call__(self, batch: Batch, sample: int) -> dict[str, Tensor]:
        """Repeat the last given frame of every part, along time."""
        frames = self._problem.grid[0]
        latest = {p.name: self._problem.latest(p.name, batch) for p in self._problem.generated}
        return {
            name: frame.expand(-1, -1, frames, *frame.shape[3:]) for name, frame in latest.items()
        }


class TimeMean:
    """The mean over the training period."""

    def __init__(self, data: ProblemData, statistics: Statistics) -> None:
        """For a data set.

        Raises:
            DataError: it has no calendar, or series.
        """
        time_mean, _ = _of_calendar(data, statistics)
        self._mean, self._grid = torch.from_numpy(time_mean).unsqueeze(1), data.problem.grid

    def __call__(self, batch: Batch, sample: int) -> dict[str, Tensor]:
        """Repeat the mean of every field."""
        return {"state": self._mean.expand(len(batch["first"]), -1, *self._grid)}


class HourlyMean:
    """The mean of each hour of the day over the training period."""

    def __init__(self, data: ProblemData, statistics: Statistics) -> None:
        """For a data set.

        Raises:
            DataError: it has no calendar, or series.
        """
        _of_calendar(data, statistics)
        self._trajectories, self._statistics = data.trajectories, statistics
        self._given = data.trajectories.layout.given_frames

    def __call__(self, batch: Batch, sample: int) -> dict[str, Tensor]:
        """Return the mean at the hours to be predicted."""
        return {"state": self._at(batch, slice(self._given, None))}

    def _at(self, batch: Batch, frames: slice) -> Tensor:
        """Return the mean at the hours of some of the stored frames, ``[B, F, t, *space]``."""
        return torch.from_numpy(climatology(self._trajectories, self._statistics, batch, frames))


class PersistedAnomaly(HourlyMean):
    """The mean of each hour, and the last given frame's departure from it."""

    def __init__(self, data: ProblemData, statistics: Statistics) -> None:
        """For a data set.

        Raises:
            DataError: it has no calendar, or series.
        """
        super().__init__(data, statistics)
        self._problem = data.problem

    def __call__(self, batch: Batch, sample: int) -> dict[str, Tensor]:
        """Add the last given departure to the mean at the hours to be predicted."""
        last = self._at(batch, slice(self._given - 1, self._given))
        anomaly = self._problem.latest("state", batch) - last
        return {"state": super().__call__(batch, sample)["state"] + anomaly}


def _of_calendar(data: ProblemData, statistics: Statistics) -> tuple[np.ndarray, np.ndarray]:
    """Return the means of the training period, in time and by hours, where they are all it takes.

    Raises:
        DataError: data or statistics have no calendar, or there are series, of which no mean is
            kept.
    """
    layout = data.trajectories.layout
    if layout.series:
        raise DataError(
            f"system {layout.system!r}: there are no statistics of the series "
            f"{', '.join(layout.series)}; of the baselines use persistence"
        )
    means = statistics.time_mean, statistics.hourly_mean
    if data.trajectories.reference_times is None or means[0] is None or means[1] is None:
        raise DataError(f"system {layout.system!r}: its samples have no calendar")
    return means[0], means[1]


BASELINES: Mapping[str, Callable[[ProblemData, Statistics], Predictor]] = {
    "persistence": Persistence,
    "time_mean": TimeMean,
    "hourly_mean": HourlyMean,
    "persisted_anomaly": PersistedAnomaly,
}


def build(name: str, data: ProblemData, statistics: Statistics) -> Predictor:
    """Make a baseline for a data set.

    Args:
        name: a key of :data:`BASELINES`.
        data: what is predicted.
        statistics: of the training set.

    Raises:
        DataError: the baseline needs a calendar and the data have none, or it has no statistics of
            the series that the data have.
        ValueError: unknown name.
    """
    if name not in BASELINES:
        raise ValueError(f"unknown baseline {name!r}: expected one of {', '.join(BASELINES)}")
    return BASELINES[name](data, statistics)
