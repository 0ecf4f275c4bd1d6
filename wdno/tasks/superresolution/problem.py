"""The problem of super-resolution: the state on a grid, from the state on the next coarser one.

| part | | span | what |
|---|---|---|---|
| `forcing`, `first` | given | as in simulation | of the grid itself |
| `coarse` | given | space and time | the state on the next coarser grid, see :func:`coarse` |
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
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch

from wdno.augmentation import Noise
from wdno.data.dataset import PASSED, ProblemData
from wdno.data.grid import grid_of
from wdno.data.netcdf import DataError
from wdno.grids.axis import GridError
from wdno.grids.maps import interpolate, restrict
from wdno.problem import Part, flatten_frames, frame_names
from wdno.tasks.superresolution.options import Kind, LevelsSection, Options

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.data.dataset import Layout, Trajectories
    from wdno.grids.levels import Grid
    from wdno.problem import Batch, Problem

NOISE = "coarse_noise"
Role = Literal["state", "forcing", "series"]
ROLES = get_args(Role)


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
) -> LevelData:
    """Return the samples of a data file, at every level that a model is trained on.

    Args:
        trajectories: the data file.
        options: of the task.
        framewise: whether the model sees a frame at a time, which is refused beforehand.
        section: how the model is trained.

    Raises:
        DataError: the file's grid cannot be halved so often.
    """
    design = section or LevelsSection()
    made = problem(trajectories.layout, options, design)
    return LevelData(trajectories, made, design.levels)


class LevelData(ProblemData):
    """The samples of a data file on its own grid and on coarser ones, down-sampled from it.

    A group is all samples of a level, and a batch is of one level, with its number as `grid_level`.

    Attributes:
        grids: the file's grid and those that are halved once, twice, ...; one more than levels, or
            two if the last can be halved again.
    """

    def __init__(self, trajectories: Trajectories, problem: Problem, levels: int) -> None:
        """Of a data file.

        Args:
            trajectories: the samples as they are stored.
            problem: what is given and generated.
            levels: how many to offer.

        Raises:
            DataError: the file's grid cannot be halved so often.
        """
        super().__init__(trajectories, problem, dict)
        self.grids = levels_below(grid_of(trajectories.dataset), levels, problem.doubled[0])
        with suppress(GridError):
            self.grids.append(self.grids[-1].coarser(time=problem.doubled[0]))
        self._samples, self._levels = len(trajectories), levels
        if problem.told is not None:
            self.noise = CoarseNoise(self.grids)

    def __len__(self) -> int:
        return self._samples * self._levels

    @property
    def groups(self) -> tuple[int, ...]:
        """How many samples each level has."""
        return (self._samples,) * self._levels

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        """Read samples of one level; see :meth:`ProblemData.batch`.

        Raises:
            ValueError: they are of several levels.
            DataError: a value is not finite; the message names field and sample.
        """
        of, samples = np.divmod(np.asarray(indices, dtype=np.int64), self._samples)
        levels = np.unique(of)
        if len(levels) > 1:
            raise ValueError(f"super-resolution: a batch has samples of the levels {levels}")
        return self._read(int(levels[0]), samples) | {
            "index": torch.from_numpy(np.asarray(indices, dtype=np.int64))
        }

    def of_level(self, level: int, size: int, count: int) -> Iterator[dict[str, Tensor]] | None:
        """Read samples on a level of the grid; see :meth:`ProblemData.of_level`."""
        if level + 1 >= len(self.grids):
            return None
        stop = min(count, self._samples)
        starts = range(0, stop, size)
        return (self._read(level, np.arange(k, min(k + size, stop))) for k in starts)

    def _read(self, level: int, samples: np.ndarray) -> dict[str, Tensor]:
        """Read samples on a level, by their numbers in the file."""
        stored = self.trajectories.batch(samples)
        fine, coarser = self.grids[level], self.grids[level + 1]
        finest = self.grids[0]
        known = restricted(stored, finest, fine)
        below = restricted(stored, finest, coarser, ("state", "series"))
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
        drawn = torch.randn(*deviation.shape, *coarser.shape, generator=generator)
        noise = with_noise(torch.zeros(()), deviation, drawn.to(deviation.device), coarser)
        noised = {"coarse": batch["coarse"] + coarse(noise, coarser, grid)}
        if "coarser" in batch:
            noised["coarser"] = batch["coarser"] + noise[:, :, coarser.given :]
        return {**batch, **noised}


def with_noise(state: Tensor, deviation: Tensor, drawn: Tensor, grid: Grid) -> Tensor:
    """Return a state with noise on all frames but the given ones.

    Args:
        state: all frames, ``[B, F, g + t, *s]``, or what broadcasts to them.
        deviation: standard deviation of each sample and field, ``[B, F]``.
        drawn: standard normal numbers, ``[B, F, t, *s]``.
        grid: of the state.
    """
    noise = drawn * deviation[(..., *[None] * len(grid.shape))]
    none = noise.new_zeros(*noise.shape[:2], grid.given, *noise.shape[3:])
    return state + torch.cat([none, noise], dim=2)


def levels_below(finest: Grid, count: int, time: bool) -> list[Grid]:
    """Return a grid and so many that are each half of the one before.

    Raises:
        DataError: it cannot be halved so often.
    """
    grids = [finest]
    try:
        for _ in range(count):
            grids.append(grids[-1].coarser(time=time))
    except GridError as error:
        raise DataError(
            f"super-resolution: the grid {finest.shape} cannot be halved {count} times ({error}); "
            "choose a grid of even numbers, or fewer levels"
        ) from error
    return grids


def restricted(
    stored: Mapping[str, Tensor], finest: Grid, grid: Grid, roles: Sequence[Role] = ROLES
) -> dict[str, Tensor]:
    """Return the roles of a data file on a coarser grid, or the same; absent ones are left out.

    Args:
        stored: `state`, `forcing` and `series`, with all frames.
        finest: their grid.
        grid: a coarser one, or the same.
        roles: those that are wanted.
    """
    return {
        name: restrict(stored[name], finest.axes(name), grid.axes(name))
        for name in roles
        if stored[name].shape[1]
    }


def given(
    known: Mapping[str, Tensor], state: Tensor, series: Tensor | None, coarser: Grid, grid: Grid
) -> dict[str, Tensor]:
    """Return what a super-resolution model is given on a grid.

    Args:
        known: what is known on it in any case: `forcing`, if there is one, and the given frames of
            `state`, with any others after them.
        state: all frames on the coarser grid, ``[B, F, g + t, *s]``, predicted ones for a part.
        series: likewise, ``[B, S, g + t]``.
        coarser: the coarser grid.
        grid: the grid.
    """
    parts = {
        "first": flatten_frames(known["state"][:, :, : grid.given]),
        "coarse": coarse(state, coarser, grid),
        "coarser": state[:, :, coarser.given :],
    }
    if "forcing" in known:
        parts["forcing"] = known["forcing"]
    if series is not None:
        finer = interpolate(series, coarser.axes("series"), grid.axes("series"), "linear")
        parts["series"] = finer[:, :, grid.given :]
    return parts


def coarse(state: Tensor, coarser: Grid, grid: Grid, kind: Kind = "cubic") -> Tensor:
    """Return a coarser state, interpolated by coordinates, after the given frames.

    Args:
        state: all frames ``[B, F, g + t, *s]``; the given ones are where interpolation starts.
        coarser: their grid.
        grid: a finer one.
        kind: of the interpolation.

    Returns:
        ``[B, F, T, *S]``.
    """
    finer = interpolate(state, coarser.axes("state"), grid.axes("state"), kind)
    return finer[:, :, grid.given :]
