"""The problem of simulation: the frames after the given ones, from those and the forcing.

| part | | span | fields |
|---|---|---|---|
| `forcing` | given | space and time | of the forcing; left out where there is none |
| `first` | given | space | u0, u1, ... for each given frame of each field u of the state |
| `first_series` | given | number | s0, s1, ... likewise for series; left out where there is none |
| `state` | generated | space and time | of the state, begins after `first` |
| `series` | generated | time | of the series, begins after `first_series`; likewise left out |
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from wdno.problem import Part, flatten_frames, frame_names

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.data.dataset import Layout, ProblemData, Trajectories
    from wdno.problem import Problem
    from wdno.tasks.simulation.options import Options


def problem(layout: Layout, options: Options | None = None) -> Problem:
    """Return the problem that a data file makes.

    Args:
        layout: what the file holds.
        options: of the task; none of them changes the problem.
    """
    frames = layout.given_frames
    given = [Part("first", frame_names(layout.state, frames), "space", like="state")]
    generated = [Part("state", layout.state, start="first")]
    if layout.forcing:
        given.insert(0, Part("forcing", layout.forcing))
    if layout.series:
        given.append(Part("first_series", frame_names(layout.series, frames), "number"))
        generated.append(Part("series", layout.series, "time", start="first_series"))
    return layout.problem(given, generated)


def data(
    trajectories: Trajectories, options: Options | None = None, *, framewise: bool = False
) -> ProblemData:
    """Return the samples of a data file as parts of its problem.

    Args:
        trajectories: the data file.
        options: of the task; none of them changes the problem.
        framewise: whether the model sees a frame at a time; changes nothing.
    """
    from wdno.data.dataset import ProblemData

    layout = trajectories.layout
    return ProblemData(
        trajectories, problem(layout, options), partial(divide, frames=layout.given_frames)
    )


def divide(stored: Mapping[str, Tensor], frames: int) -> dict[str, Tensor]:
    """Make the parts from what is stored.

    Args:
        stored: roles, as :meth:`wdno.data.dataset.Trajectories.batch` gives them.
        frames: number of given frames.

    Returns:
        The parts, views where they can be.
    """
    state, series = stored["state"], stored["series"]
    parts = {"first": flatten_frames(state[:, :, :frames]), "state": state[:, :, frames:]}
    if stored["forcing"].shape[1]:
        parts["forcing"] = stored["forcing"]
    if series.shape[1]:
        parts["first_series"] = flatten_frames(series[:, :, :frames])
        parts["series"] = series[:, :, frames:]
    return parts


def given(problem: Problem, stored: Mapping[str, Tensor], frames: int) -> dict[str, Tensor]:
    """Make the given parts of a model's problem, for a prediction that nothing is scored of.

    Args:
        problem: of the model, on the grid of what is stored.
        stored: roles, of which frames after the given ones may be anything.
        frames: number of given frames.
    """
    parts = divide(stored, frames)
    return {part.name: parts[part.name] for part in problem.given}
