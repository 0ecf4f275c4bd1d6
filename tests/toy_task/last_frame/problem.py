"""The problem: the frames after the given ones, from the last of those and the mean forcing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from wdno.problem import Part, Problem, flatten_frames, frame_names

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.data.dataset import Layout, ProblemData, Trajectories
    from wdno.tasks.last_frame.options import Options


def problem(layout: Layout, options: Options | None = None) -> Problem:
    """Return the problem that a data file makes."""
    beginning = frame_names(layout.state, layout.given_frames)
    return Problem(
        grid=layout.grid,
        boundaries=layout.boundaries,
        extent=layout.extent,
        given=(
            Part("beginning", beginning, "space", like="path"),
            Part("load", layout.forcing, "space"),
        ),
        generated=(Part("path", layout.state, start="beginning"),),
        scene=layout.scene,
    )


def data(
    trajectories: Trajectories, options: Options | None = None, *, framewise: bool = False
) -> ProblemData:
    """Return the samples of a data file as parts of its problem."""
    from wdno.data.dataset import ProblemData

    layout = trajectories.layout
    divided = partial(divide, frames=layout.given_frames)
    return ProblemData(trajectories, problem(layout, options), divided)


def divide(stored: Mapping[str, Tensor], frames: int) -> dict[str, Tensor]:
    """Make the parts from what is stored."""
    return {
        "beginning": flatten_frames(stored["state"][:, :, :frames]),
        "load": stored["forcing"].mean(2),
        "path": stored["state"][:, :, frames:],
    }
