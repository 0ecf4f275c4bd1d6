"""Trajectories as an instrument would have measured them: with noise."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wdno.data.dataset import Trajectories
from wdno.data.statistics import measure_statistics


def measured(
    sets: Sequence[Trajectories], training: Path, level: float
) -> list[MeasuredTrajectories]:
    """Measure sets of samples with noise in units of a training set's standard deviations.

    Args:
        sets: the samples without noise.
        training: data file of the training set.
        level: of the noise.

    Raises:
        DataError: the training set is absent, damaged, or has values that are not finite.
        ValueError: as :class:`MeasuredTrajectories`.
    """
    deviation = measure_statistics(training).standard_deviation
    return [MeasuredTrajectories(one, level, deviation) for one in sets]


class MeasuredTrajectories(Trajectories):
    r"""The samples of a data set, with white noise on their state.

    At each point and time a field $u$ is read as $u + \rho\, s_u\, z$ with independent standard
    normal $z$, a level $\rho$ and the field's standard deviation $s_u$ in training. Forcing, which
    is imposed, and series are known exactly. A sample has the same noise whenever it is read, and
    other noise than any other sample, of its own file or of one with another name; that of another
    level is the same, scaled.

    It offers what the trajectories of a file do; title, coordinates and data set are those of the
    exact ones.

    Attributes:
        exact: the samples without noise.
        level: of the noise.
        deviation: standard deviation of each field of the state in training, ``[F]``.
    """

    def __init__(self, exact: Trajectories, level: float, deviation: NDArray[np.float64]) -> None:
        """Measure trajectories.

        Args:
            exact: the samples without noise.
            level: standard deviation of the noise, in those of the fields; not negative.
            deviation: standard deviation of each field of the state in training, ``[F]``.

        Raises:
            ValueError: the level is negative or not finite, or there is not one deviation for each
                field.
        """
        if not (np.isfinite(level) and level >= 0):
            raise ValueError(f"measurement noise: expected a level of 0 or more, got {level}")
        if deviation.shape != (len(exact.layout.state),):
            raise ValueError(
                f"measurement noise on {exact.path}: expected a standard deviation for each of the "
                f"fields {', '.join(exact.layout.state)}, got an array of shape {deviation.shape}"
            )
        self.exact, self.level, self.deviation = exact, level, deviation
        self.path, self.layout, self.coordinates = exact.path, exact.layout, exact.coordinates
        self.in_memory, self.reference_times = exact.in_memory, exact.reference_times
        self._dataset = exact.dataset
        self._key = zlib.crc32(exact.path.name.encode())

    def __len__(self) -> int:
        return len(self.exact)

    @property
    def nbytes(self) -> int:
        """Size of all samples, not compressed."""
        return self.exact.nbytes

    @property
    def attributes(self) -> dict[str, str | int]:
        """Attributes of the exact ones, and the level of the noise."""
        return {**self.exact.attributes, "measurement_noise": str(self.level)}

    @property
    def provenance(self) -> dict[str, Any]:
        """Provenance of the exact ones."""
        return self.exact.provenance

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        """Read samples with noise; see :meth:`Trajectories.batch`."""
        stored = self.exact.batch(indices)
        state = stored["state"]
        shape = tuple(state.shape[1:])
        noise = np.stack([self._noise(int(index), shape) for index in stored["index"]])
        scale = (self.level * self.deviation).astype(np.float32)
        noise *= scale.reshape(-1, *[1] * (len(shape) - 1))
        return {**stored, "state": state + torch.from_numpy(noise)}

    def _noise(self, index: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        generator = np.random.default_rng([self._key, index])
        return generator.standard_normal(shape, dtype=np.float32)
