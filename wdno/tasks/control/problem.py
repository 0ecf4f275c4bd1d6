"""The problem of control: state and forcing together, from the initial state and the target.

| part | | span | fields |
|---|---|---|---|
| `first` | given | space | u0, u1, ... for each given frame of each field u of the state |
| `last` | given | space | u0 of each field, the state at the end; of a system with a target |
| `first_series` | given | number | s0, s1, ... likewise for series; left out where there is none |
| `last_series` | given | number | s0 of each series, at the end; where it is asked for |
| `energy` | given | number | mean square of the forcing's components; where it is asked for |
| `state` | generated | space and time | of the state, begins after `first` |
| `forcing` | generated | space and time | of the forcing, which is the control |
| `series` | generated | time | of the series, begins after `first_series`; likewise left out |

A model that sees a frame at a time is a policy: the control of an interval from the state at its
start.

| part | | span | fields |
|---|---|---|---|
| `observed` | given | space and time | of the state, at the start of each interval |
| `last` | given | space | as above |
| `forcing` | generated | space and time | as above |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from wdno import systems
from wdno.controlled import Controlled
from wdno.problem import Part, ProblemError, flatten_frames, frame_names

if TYPE_CHECKING:
    from torch import Tensor

    from wdno.data.dataset import Layout, ProblemData, Trajectories
    from wdno.problem import Problem
    from wdno.tasks.control.options import Options


def problem(layout: Layout, options: Options | None = None, *, framewise: bool = False) -> Problem:
    """Return the problem that a data file makes.

    Args:
        layout: what the file holds.
        options: of the task, with what models are told of the outcome.
        framewise: whether the model sees a frame at a time, and nothing of the outcome.

    Raises:
        ProblemError: the system has no forcing, or cannot be controlled; or the end of series is
            asked for that it does not have.
    """
    frames, target = layout.given_frames, frame_names(layout.state, 1)
    if framewise:
        given = [Part("observed", layout.state)]
        generated = [Part("forcing", layout.forcing)]
        given += [Part("last", target, "space")] if has_target(layout) else []
    else:
        given = [Part("first", frame_names(layout.state, frames), "space", like="state")]
        generated = [Part("state", layout.state, start="first"), Part("forcing", layout.forcing)]
        given += [Part("last", target, "space", like="state")] if has_target(layout) else []
    if layout.series and not framewise:
        given.append(Part("first_series", frame_names(layout.series, frames), "number"))
        generated.append(Part("series", layout.series, "time", start="first_series"))
    for outcome in options.outcome if options is not None and not framewise else ():
        fields = ("energy",) if outcome == "energy" else frame_names(layout.series, 1)
        if not fields:
            raise ProblemError(
                f"control: outcome: system {layout.system!r} has no series, whose end {outcome!r} "
                "is; remove it"
            )
        given.append(Part(outcome, fields, "number"))
    return layout.problem(given, generated)


def has_target(layout: Layout) -> bool:
    """Return whether a state to be reached is given.

    Raises:
        ProblemError: the system has no forcing, or cannot be controlled.
    """
    system = systems.REGISTRY.load(layout.system)
    if not issubclass(system, Controlled) or not layout.forcing:
        raise ProblemError(
            f"control: system {layout.system!r} has no forcing that its solver takes from a "
            "controller (wdno.controlled.Controlled); remove `control` from its tasks"
        )
    return bool(system.has_target)


def data(
    trajectories: Trajectories, options: Options | None = None, *, framewise: bool = False
) -> ProblemData:
    """Return the samples of a data file as parts of its problem.

    Args:
        trajectories: the data file.
        options: of the task, with what models are told of the outcome.
        framewise: whether the model sees a frame at a time, and nothing of the outcome.
    """
    from wdno.data.dataset import ProblemData

    layout = trajectories.layout
    made = problem(layout, options, framewise=framewise)
    names = tuple(part.name for part in (*made.given, *made.generated))
    split = partial(divide, frames=layout.given_frames, names=names)
    return ProblemData(trajectories, made, split)


def divide(stored: Mapping[str, Tensor], frames: int, names: Sequence[str]) -> dict[str, Tensor]:
    """Make the parts from what is stored.

    Args:
        stored: roles, as :meth:`wdno.data.dataset.Trajectories.batch` gives them.
        frames: number of given frames.
        names: of the parts that are made.

    Returns:
        The parts, views where they can be.
    """
    state, series = stored["state"], stored["series"]
    parts = {
        "first": flatten_frames(state[:, :, :frames]),
        "observed": state[:, :, frames - 1 : -1],
        "state": state[:, :, frames:],
        "last": flatten_frames(state[:, :, -1:]),
        "forcing": stored["forcing"],
        "first_series": flatten_frames(series[:, :, :frames]),
        "last_series": flatten_frames(series[:, :, -1:]),
        "series": series[:, :, frames:],
    }
    if "energy" in names:
        parts["energy"] = stored["forcing"].square().flatten(1).mean(1, keepdim=True)
    return {name: parts[name] for name in names}


def given(problem: Problem, stored: Mapping[str, Tensor], frames: int) -> dict[str, Tensor]:
    """Make the given parts of a model's problem, for a prediction that nothing is scored of.

    Args:
        problem: of the model, on the grid of what is stored.
        stored: roles; NaN is what is not known, which remains in a part that needs it.
        frames: number of given frames.
    """
    return divide(stored, frames, [part.name for part in problem.given])
