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

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wdno.data.dataset import Generated, Layout, Trajectories, last_given
from wdno.data.netcdf import DataError
from wdno.data.statistics import Statistics


class Predictor(Protocol):
    """Predicts the frames after the given ones."""

    def __call__(self, batch: Mapping[str, Tensor], sample: int) -> Generated:
        """Return sample number `sample` of each of the B cases, on the CPU."""


class Climatology:
    """The hourly mean of the training period at the frames of a batch."""

    def __init__(self, data: Trajectories, statistics: Statistics) -> None:
        """For the frames of a data set.

        Raises:
            DataError: the data or the statistics have no calendar.
        """
        if data.reference_times is None or statistics.hourly_mean is None:
            raise DataError(f"system {data.layout.system!r}: its samples have no calendar")
        self._statistics = statistics
        self._offsets = np.asarray(data.coordinates["time"], dtype=np.int64)
        self._given = data.layout.given_frames

    def generated(self, batch: Mapping[str, Tensor]) -> NDArray[np.float32]:
        """Return it at the frames to be predicted, ``[B, F, T, *space]``."""
        return self._at(batch, self._offsets[self._given :])

    def last_given(self, batch: Mapping[str, Tensor]) -> NDArray[np.float32]:
        """Return it at the last given frame, ``[B, F, 1, *space]``."""
        return self._at(batch, self._offsets[self._given - 1 : self._given])

    def _at(self, batch: Mapping[str, Tensor], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._statistics.at_hours(batch["reference_time"].numpy()[:, None] + offsets)


class Persistence:
    """Repeats the last given frame."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def __call__(self, batch: Mapping[str, Tensor], sample: int) -> Generated:
        """Repeat the last given frame of every field, and the last given value of every series."""
        state, series = last_given(batch, self.layout)
        grid = self.layout.grid
        return Generated(state.expand(-1, -1, *grid), series.expand(-1, -1, grid[0]))


class TimeMean:
    """The mean over the training period."""

    def __init__(self, layout: Layout, statistics: Statistics) -> None:
        if statistics.time_mean is None:
            raise DataError(f"system {layout.system!r}: its samples have no calendar")
        self._mean = torch.from_numpy(statistics.time_mean).unsqueeze(1)
        self._grid = layout.grid

    def __call__(self, batch: Mapping[str, Tensor], sample: int) -> Generated:
        """Repeat the mean of every field."""
        return _without_series(self._mean.expand(len(batch["initial"]), -1, *self._grid))


class HourlyMean:
    """The mean of each hour of the day over the training period."""

    def __init__(self, climatology: Climatology) -> None:
        self._climatology = climatology

    def __call__(self, batch: Mapping[str, Tensor], sample: int) -> Generated:
        """Return the mean at the hours to be predicted."""
        return _without_series(torch.from_numpy(self._climatology.generated(batch)))


class PersistedAnomaly:
    """The mean of each hour, and the last given frame's departure from it."""

    def __init__(self, layout: Layout, climatology: Climatology) -> None:
        self._layout = layout
        self._climatology = climatology

    def __call__(self, batch: Mapping[str, Tensor], sample: int) -> Generated:
        """Add the last given departure to the mean at the hours to be predicted."""
        anomaly = last_given(batch, self._layout).state - torch.from_numpy(
            self._climatology.last_given(batch)
        )
        return _without_series(torch.from_numpy(self._climatology.generated(batch)) + anomaly)


def _without_series(state: Tensor) -> Generated:
    return Generated(state, state.new_zeros(len(state), 0, state.shape[2]))


def build(name: str, data: Trajectories, statistics: Statistics) -> Predictor:
    """Make a baseline for a data set.

    Args:
        name: `persistence`, `time_mean`, `hourly_mean` or `persisted_anomaly`.
        data: what is predicted.
        statistics: of the training set.

    Raises:
        DataError: the baseline needs a calendar and the data have none, or it has no statistics of
            the series that the data have.
        ValueError: unknown name.
    """
    if name == "persistence":
        return Persistence(data.layout)
    if data.layout.series:
        raise DataError(
            f"baseline {name!r}: there are no statistics of the series "
            f"{', '.join(data.layout.series)} of system {data.layout.system!r}; use persistence"
        )
    if name == "time_mean":
        return TimeMean(data.layout, statistics)
    if name == "hourly_mean":
        return HourlyMean(Climatology(data, statistics))
    if name == "persisted_anomaly":
        return PersistedAnomaly(data.layout, Climatology(data, statistics))
    raise ValueError(
        f"unknown baseline {name!r}: expected persistence, time_mean, hourly_mean or "
        "persisted_anomaly"
    )
