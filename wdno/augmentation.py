r"""Conditioning augmentation: given parts are noised in training, and the model is told how much.

What a model of a cascade is given is a solution in training and a prediction in use. Noised in
training (arXiv 2106.15282), with a level $\rho$ drawn anew for each sample of each step,

$$ g' = g + \rho\, s\, z, \qquad \rho \sim U(0, \rho_{\max}), $$

with standard normal $z$, what is given is trusted the less the higher the level that is told. The
unit $s$ of each field is measured on the training data and continued from level to level of the
grid as the scales of channels are: what a level means then is the same on every grid.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from wdno.draws import uniform
from wdno.representations.scaling import LevelScalers

if TYPE_CHECKING:
    from wdno.problem import Batch, Part


class Noise(ABC):
    """What noise is measured by, and how it is added to what a batch holds."""

    @abstractmethod
    def missed(self, batch: Batch) -> Tensor:
        """Return fields ``[B, F, ...]`` whose standard deviations are the unit of noise."""

    @abstractmethod
    def add(self, batch: Batch, deviation: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Return a batch with noise in all parts that come of what is noised.

        Args:
            batch: all parts of the problem, on any device.
            deviation: standard deviation of the noise of each sample and field, ``[B, F]``.
            generator: CPU generator of the noise.
        """


class Augmentation(nn.Module):
    """Levels of noise and their unit, of a problem with a part that tells them.

    Attributes:
        source: in training, what noises a batch; None: nothing does.
    """

    def __init__(self, told: Part, fields: Sequence[str], levels: int) -> None:
        """Build with units of 1.

        Args:
            told: the given number that tells the level.
            fields: names of the F fields that are noised.
            levels: how many levels of the grid have units of their own.
        """
        super().__init__()
        self.source: Noise | None = None
        self._told = told
        self._units = LevelScalers(levels, len(fields), names=fields)

    def unit(self, level: int) -> Tensor:
        """Return the standard deviation of noise of level 1 on a level of the grid, ``[F]``."""
        scaler = self._units.at(level)
        # A field without spread has nothing to be noised by.
        return torch.where(scaler.constant, 0.0, scaler.scale)

    def fit(self, level: int, source: Noise, batches: Iterable[Batch]) -> None:
        """Measure the unit on a level of the grid.

        Raises:
            ValueError: a value is not finite, or there is no data.
        """
        self._units.at(level).fit(source.missed(batch) for batch in batches)

    def drawn(self, batch: Batch, level: int, generator: torch.Generator) -> Batch:
        """Return a batch with noise of levels that are drawn, ``[B]`` of them.

        Args:
            batch: all parts of the problem.
            level: of the grid.
            generator: CPU generator of levels and noise.

        Raises:
            ValueError: there is no source.
        """
        if self.source is None:
            raise ValueError(
                f"augmentation: part {self._told.name!r} tells the level of a noise that nothing "
                "makes; set `source` to that of the training data (ProblemData.noise)"
            )
        samples = len(batch[self._told.name])
        told = self._told.largest * uniform((samples,), generator)
        return self._noised(self.source, batch, level, told, generator)

    def spread(self, source: Noise, batch: Batch, level: int, generator: torch.Generator) -> Batch:
        """Return a batch whose levels of noise are evenly spread over all: to measure scales on."""
        samples = len(batch[self._told.name])
        told = self._told.largest * (torch.arange(samples) + 0.5) / samples
        return self._noised(source, batch, level, told, generator)

    def _noised(
        self, source: Noise, batch: Batch, level: int, told: Tensor, generator: torch.Generator
    ) -> Batch:
        unit = self.unit(level)
        levels = told.to(unit.device)[:, None]
        return {**source.add(batch, levels * unit, generator), self._told.name: levels}
