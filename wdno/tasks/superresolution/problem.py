"""The problem of super-resolution: the state on a grid, from the state on the next coarser one.

| part | | span | what |
|---|---|---|---|
| `forcing`, `first` | given | as in simulation | of the grid itself |
| `coarse` | given | space and time | the state on the next coarser grid, interpolated |
| `coarser` | given | those of that grid | the same on its own grid, if coefficients are repeated |
| `series` | given | time | from the coarser grid, interpolated if time is doubled; may be missing |
| `coarse_noise` | given | number | level of the noise on the coarser state, if it is noised |
| `state` | generated | space and time | |

The grid of the problem is that of the data file. Level i is that grid, halved i times; a model is
trained on levels 0, 1, ..., whose samples are numbered through, those of level 0 first.

Noise is white on the coarser grid, where the errors of a prediction are, and then interpolated as
the coarser state is; given frames are known, and have none. Its unit is what interpolation misses
on the level: scales of all that is generated then stay at a constant ratio from level to level,
which a unit that is the same on all levels would spoil (see :mod:`wdno.representations.scaling`).

Of the finest pairs the coarser state may be a prediction, as it is in use, see
:mod:`wdno.tasks.superresolution.outputs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from wdno.augmentation import Noise
from wdno.data.coarser import GroupedData, levels_below, restricted
from wdno.data.dataset import PASSED
from wdno.data.grid import grid_of
from wdno.draws import normal
from wdno.grids.axis import GridError
from wdno.problem import Part, frame_names
from wdno.tasks.superresolution.level_fields import coarse, given, with_noise
from wdno.tasks.superresolution.sections import LevelsSection

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.data.dataset import Layout, Trajectories
    from wdno.grids.levels import Grid
    from wdno.problem import Batch, Problem
    from wdno.tasks.superresolution.options import Options
    from wdno.tasks.superresolution.outputs import Predicted

NOISE = "coarse_noise"


def problem(
    layout: Layout, options: Options | None = None, section: LevelsSection | None = None
) -> Problem:
    """Return the problem that a data file makes.

    Args:
        layout: what the file holds.
        options: of the task: whether time is doubled; None: it is.
        section: how the model is trained.
    """
    design = section or LevelsSection()
    residual, repeated = design.target == "residual", design.coarse == "duplicated"
    given = [Part("first", frame_names(layout.state, layout.given_frames), "space", like="state")]
    if residual or not repeated:
        given.append(Part("coarse", layout.state, like="state"))
    if repeated:
        given.append(Part("coarser", layout.state, like="state", halved=True))
    if layout.forcing:
        given.insert(0, Part("forcing", layout.forcing))
    if layout.series:
        given.append(Part("series", layout.series, "time"))
    if design.noise:
        told = Part(NOISE, (NOISE,), "number", noise_of="state", largest=design.noise)
        given.append(told)
    base = "coarse" if residual else ""
    made = layout.problem(given, [Part("state", layout.state, start="first", base=base)])
    doubled = (options is None or options.time, *[True] * (len(layout.grid) - 1))
    levels = design.levels if design.scales == "continued" else 1
    return replace(made, levels=levels, doubled=doubled)


def data(
    trajectories: Trajectories,
    options: Options | None = None,
    *,
    framewise: bool = False,
    section: LevelsSection | None = None,
    predicted: Predicted | None = None,
) -> LevelData:
    """Return the samples of a data file, at every level that a model is trained on.

    Args:
        trajectories: the data file.
        options: of the task.
        framewise: whether the model sees a frame at a time, which is refused beforehand.
        section: how the model is trained.
        predicted: predictions of the file's samples, of a model that is trained on such.

    Raises:
        DataError: the file's grid cannot be halved so often.
        ValueError: predictions are missing, or unwanted.
    """
    design = section or LevelsSection()
    if (design.outputs is None) != (predicted is None):
        raise ValueError(
            f"super-resolution: outputs = {design.outputs}, but predictions are "
            f"{'missing' if predicted is None else 'given'}; make them by the module `outputs`, "
            "for a model that is trained on such"
        )
    made = problem(trajectories.layout, options, design)
    return LevelData(trajectories, made, design.levels, predicted)


class LevelData(GroupedData):
    """The samples of a data file on its own grid and on coarser ones, down-sampled from it.

    A group is all samples of a level, or those that are predicted on the next coarser one, and a
    batch is of one level, with its number as `grid_level`.

    Attributes:
        grids: the file's grid and those that are halved once, twice, ...; one more than levels, or
            two if the last can be halved again.
    """

    def __init__(
        self,
        trajectories: Trajectories,
        problem: Problem,
        levels: int,
        predicted: Predicted | None = None,
    ) -> None:
        """Of a data file.

        Args:
            trajectories: the samples as they are stored.
            problem: what is given and generated.
            levels: how many to offer.
            predicted: what the coarser solution is taken from on the finest ones; None: it is exact
                on all.

        Raises:
            DataError: the file's grid cannot be halved so often.
        """
        super().__init__(trajectories, problem, dict)
        self.grids = levels_below(grid_of(trajectories.dataset), levels, problem.doubled[0])
        with suppress(GridError):
            self.grids.append(self.grids[-1].coarser(time=problem.doubled[0]))
        self._samples, self._levels = len(trajectories), levels
        self._predicted = predicted
        if problem.told is not None:
            self.noise = CoarseNoise(self.grids)

    @property
    def groups(self) -> tuple[int, ...]:
        """How many samples each level has."""
        return tuple(self._samples - self._first(level) for level in range(self._levels))

    def _predictions(self, level: int) -> Predicted | None:
        """Return what the coarser solution of a level is taken from; None: it is exact."""
        found = self._predicted
        return found if found is not None and level < found.pairs else None

    def _first(self, level: int) -> int:
        """Return the number in the file of the first sample that a level has."""
        predicted = self._predictions(level)
        return 0 if predicted is None else predicted.first

    def _of_group(self, group: int, samples: np.ndarray) -> dict[str, Tensor]:
        return self._read(group, samples + self._first(group))

    def of_level(self, level: int, size: int, count: int) -> Iterator[dict[str, Tensor]] | None:
        """Read samples on a level of the grid; see :meth:`ProblemData.of_level`."""
        if level + 1 >= len(self.grids):
            return None
        first = self._first(level)
        stop = min(first + count, self._samples)
        starts = range(first, stop, size)
        return (self._read(level, np.arange(k, min(k + size, stop))) for k in starts)

    def _read(self, level: int, samples: np.ndarray) -> dict[str, Tensor]:
        """Read samples on a level, by their numbers in the file."""
        stored = self.trajectories.batch(samples)
        fine, coarser = self.grids[level], self.grids[level + 1]
        known = restricted(stored, self.grids[0], fine)
        below = self._below(level, stored, samples)
        parts = given(known, below["state"], below.get("series"), coarser, fine)
        parts["state"] = known["state"][:, :, fine.given :]
        wanted = [part.name for part in (*self.problem.given, *self.problem.generated)]
        if self.noise is not None:
            parts[NOISE] = torch.zeros(len(samples), 1)
            # The unit of noise is measured by it, whether or not it is a part.
            wanted.append("coarse")
        passed = {name: stored[name] for name in PASSED if name in stored}
        return {name: parts[name].contiguous() for name in wanted} | {
            **passed,
            "grid_level": torch.full((len(samples),), level),
        }

    def _below(
        self, level: int, stored: Mapping[str, Tensor], samples: np.ndarray
    ) -> dict[str, Tensor]:
        """Return state and series on the grid below a level, predicted ones where they are."""
        coarser, predicted = self.grids[level + 1], self._predictions(level)
        if predicted is not None:
            return predicted.on(coarser, samples)
        return restricted(stored, self.grids[0], coarser, ("state", "series"))


class CoarseNoise(Noise):
    """White noise on the coarser state."""

    def __init__(self, grids: Sequence[Grid]) -> None:
        """On the grids that level 0, 1, ... are of, and that below the last."""
        self._grids = grids

    def missed(self, batch: Batch) -> Tensor:
        """Return what cubic interpolation of the coarser state misses, ``[B, F, T, *S]``."""
        return batch["state"] - batch["coarse"]

    def add(self, batch: Batch, deviation: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`wdno.augmentation.Noise.add`."""
        level = int(batch["grid_level"][0])
        grid, coarser = self._grids[level], self._grids[level + 1]
        drawn = normal((*deviation.shape, *coarser.shape), generator)
        noise = with_noise(torch.zeros(()), deviation, drawn.to(deviation.device), coarser)
        noised = {"coarse": batch["coarse"] + coarse(noise, coarser, grid)}
        if "coarser" in batch:
            noised["coarser"] = batch["coarser"] + noise[:, :, coarser.given :]
        return {**batch, **noised}
