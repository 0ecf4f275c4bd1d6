"""From a base prediction to finer grids, level by level."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch

from wdno.data.coarser import restricted
from wdno.evaluation.memory import peak_memory
from wdno.evaluation.predictor import sample_seed
from wdno.grids.maps import interpolate, restrict
from wdno.problem import flatten_frames
from wdno.tasks.superresolution.level_fields import coarse, given, with_noise
from wdno.tasks.superresolution.options import DIRECT
from wdno.tasks.superresolution.problem import NOISE
from wdno.tasks.superresolution.sections import Kind

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.grids.levels import Grid
    from wdno.model import Model

BASE, FINER, COARSE = 0, 1, 2
"""Purposes of noise: of the base model, of each level after it, and on what those are given."""


@dataclass(frozen=True)
class Learned:
    """A trained model and how it is sampled.

    Attributes:
        model: in evaluation mode, on its device.
        sampling: options of the sampler; None where nothing is sampled.
    """

    model: Model
    sampling: Mapping[str, Any] | None = None

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device


@dataclass
class Cascade:
    """A method of super-resolution: base prediction, then one level after another.

    Attributes:
        grids: of all levels, the base grid first.
        base: what predicts on it; None: the exact solution is taken.
        refine: what leads to the next level: a super-resolution model, an interpolation, or
            `direct`, for which the base model is asked again.
        impose: whether values that are known from the coarser level are kept, see :func:`imposed`.
        noise: level of the noise on what a super-resolution model is given, which it is told.
        seed: of the noise of case k, which depends on nothing but seed, k, sample and level.
        seconds: time that each level has taken so far.
    """

    grids: Sequence[Grid]
    base: Learned | None
    refine: Learned | Kind | str
    impose: bool = False
    noise: float = 0.0
    seed: int = 0
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.refine == DIRECT and self.base is None:
            raise ValueError("cascade: 'direct' asks the base model on every grid; give one")
        told = self.refine.model.problem.told if isinstance(self.refine, Learned) else None
        largest = 0.0 if told is None else told.largest
        if self.noise > largest:
            raise ValueError(
                f"cascade: noise = {self.noise:g} is asked for on what is refined, the "
                f"super-resolution model was trained with levels up to {largest:g}; train it with "
                "as much, or ask for less"
            )
        self.seconds = [0.0] * len(self.grids)

    @torch.no_grad()
    def __call__(self, stored: Mapping[str, Tensor], index: Tensor, sample: int) -> list[Tensor]:
        """Predict one sample of each case on all levels.

        Args:
            stored: `state`, `forcing` and `series` of the cases on the finest grid, with all
                frames; of what follows the given ones only the exact base solution makes use.
            index: numbers of the cases, ``[B]``.
            sample: number of the sample.

        Returns:
            The generated frames on each level, ``[B, F, t, *s]``, the base first.
        """
        levels, found = self._levels(stored, index, sample), []
        for number in range(len(self.grids)):
            started = time.perf_counter()
            found.append(next(levels))
            self.seconds[number] += time.perf_counter() - started
        return found

    @property
    def evaluations(self) -> int:
        """Evaluations of networks for one sample of one case, on all grids."""
        count = 0
        for number, grid in enumerate(self.grids):
            asked = self._asked(number)
            if isinstance(asked, Learned):
                count += asked.model.objective.evaluations(asked.sampling, grid.shape[0])
        return count

    def _asked(self, number: int) -> Learned | Kind | str | None:
        """Return what predicts a level; None: the exact solution is taken."""
        return self.base if number == 0 or self.refine == DIRECT else self.refine

    @torch.no_grad()
    def memory(self, stored: Mapping[str, Tensor], index: Tensor) -> list[int]:
        """Predict one sample of each case, and return the memory that each level took for it.

        Args:
            stored: as of a call.
            index: likewise.

        Returns:
            Bytes at the peak of each level, beyond those before it (weights, data, coarser levels),
            on the device that predicts it; see :func:`wdno.evaluation.memory.peak_memory`.
        """
        levels, found = self._levels(stored, index, 0), []
        for number in range(len(self.grids)):
            with peak_memory(self._device(number)) as peak:
                next(levels)
            found.append(peak.bytes)
        return found

    def _device(self, number: int) -> torch.device:
        """Return where a level is predicted: interpolation is done on the CPU."""
        by = self._asked(number)
        return by.device if isinstance(by, Learned) else torch.device("cpu")

    def _levels(self, stored: Mapping[str, Tensor], index: Tensor, sample: int) -> Iterator[Tensor]:
        """Predict the levels one after another, as they are asked for."""
        finest, series, known = self.grids[-1], None, dict[str, Any]()
        for number, grid in enumerate(self.grids):
            below, known = known, restricted(stored, finest, grid)
            if number == 0 or self.refine == DIRECT:
                state, series = self.predict_base(known, grid, index, sample, number)
            else:
                coarser = self.grids[number - 1]
                whole = with_first(state, below["state"])
                state = self._refined(whole, series, known, coarser, grid, index, sample, number)
                if series is not None:
                    axes = coarser.axes("series"), grid.axes("series")
                    series = interpolate(series, *axes, "linear")
            yield state

    def predict_base(
        self, known: Mapping[str, Tensor], grid: Grid, index: Tensor, sample: int, number: int = 0
    ) -> tuple[Tensor, Tensor | None]:
        """Predict one sample of each case on a grid by the base model, or take the exact solution.

        Args:
            known: roles on the grid, as of :func:`restricted`.
            grid: the grid.
            index: numbers of the cases, ``[B]``.
            sample: number of the sample.
            number: of the level that the grid is.

        Returns:
            The generated frames, ``[B, F, t, *s]``, and the series with its given values,
            ``[B, S, g + t]``, or None without series.
        """
        state, series = known["state"], known.get("series")
        if self.base is None:
            return state[:, :, grid.given :], series
        batch = {"first": flatten_frames(state[:, :, : grid.given])}
        if "forcing" in known:
            batch["forcing"] = known["forcing"]
        if series is not None:
            batch["first_series"] = flatten_frames(series[:, :, : grid.given])
        model = self.base.model.on_grid(grid.shape)
        drawn = self._drawn(Learned(model, self.base.sampling), batch, index, sample, BASE, number)
        if series is None:
            return drawn["state"], None
        first = series[:, :, : grid.given]
        return drawn["state"], torch.cat([first, drawn["series"]], dim=2)

    def _refined(
        self,
        whole: Tensor,
        series: Tensor | None,
        known: Mapping[str, Tensor],
        coarser: Grid,
        grid: Grid,
        index: Tensor,
        sample: int,
        number: int,
    ) -> Tensor:
        if isinstance(self.refine, Learned):
            noised = self._noised(whole, coarser, index, sample, number)
            batch = given(known, noised, series, coarser, grid)
            # Levels are counted from the finest of training, which the base grid is.
            batch["grid_level"] = torch.full((len(index),), -number)
            batch[NOISE] = torch.full((len(index), 1), self.noise)
            state = self._drawn(self.refine, batch, index, sample, FINER, number)["state"]
        else:
            state = coarse(whole, coarser, grid, cast(Kind, self.refine))
        if not self.impose:
            return state
        first = known["state"][:, :, : grid.given]
        return imposed(torch.cat([first, state], dim=2), whole, coarser, grid)[:, :, grid.given :]

    def _noised(
        self, whole: Tensor, coarser: Grid, index: Tensor, sample: int, number: int
    ) -> Tensor:
        """Add the noise that the model is told of to the coarser state of a level."""
        if not self.noise:
            return whole
        assert isinstance(self.refine, Learned)
        augmentation = self.refine.model.augmentation
        assert augmentation is not None
        shape = (whole.shape[1], *coarser.shape)
        sources = self._sources(sample_seed(self.seed, number, COARSE), index, sample)
        drawn = torch.stack([torch.randn(shape, generator=source) for source in sources])
        unit = augmentation.unit(-number).cpu()
        deviation = self.noise * unit.expand(len(index), -1)
        return with_noise(whole, deviation, drawn, coarser)

    @staticmethod
    def _sources(seed: int, index: Tensor, sample: int) -> list[torch.Generator]:
        return [
            torch.Generator().manual_seed(sample_seed(seed, int(case), sample)) for case in index
        ]

    def _drawn(
        self,
        learned: Learned,
        batch: Mapping[str, Tensor],
        index: Tensor,
        sample: int,
        purpose: int,
        number: int,
    ) -> dict[str, Tensor]:
        model = learned.model
        wanted = (*(part.name for part in model.problem.given), "grid_level")
        on_device = {
            name: batch[name].float().to(learned.device) for name in wanted if name in batch
        }
        # The base prediction is that of its own task's evaluation: the same noise.
        seed = (
            self.seed
            if purpose == BASE and number == 0
            else sample_seed(self.seed, number, purpose)
        )
        sources = self._sources(seed, index, sample)
        return {
            name: values.cpu()
            for name, values in model.predict(on_device, sources, learned.sampling).items()
        }


def imposed(state: Tensor, whole: Tensor, coarser: Grid, grid: Grid) -> Tensor:
    """Return a prediction with the values that it shares with a coarser one made those.

    The difference, interpolated, is added: where the grids share points it vanishes then, and so
    do its means over the coarser grid's cells.

    Args:
        state: all frames, ``[B, F, g + T, *S]``.
        whole: all frames on the coarser grid.
        coarser: that grid.
        grid: the state's.
    """
    axes, below = grid.axes("state"), coarser.axes("state")
    return state + interpolate(whole - restrict(state, axes, below), below, axes, "cubic")


def with_first(state: Tensor, known: Tensor) -> Tensor:
    """Put the given frames, those of all that are known, before generated ones."""
    given_frames = known.shape[2] - state.shape[2]
    return torch.cat([known[:, :, :given_frames].to(state.dtype), state], dim=2)
