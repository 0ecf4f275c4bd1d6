"""Animation of a controlled field on two space axes: one case under a few kinds of control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.colors import PowerNorm
from numpy.typing import NDArray

from wdno.data.scene import SceneMap
from wdno.evaluation.figures.examples import units_of
from wdno.evaluation.figures.images import beyond, scale_of_field
from wdno.evaluation.figures.moving import Arrows, MovingPanel, MovingPicture
from wdno.evaluation.figures.plane import Plane
from wdno.evaluation.figures.style import axis_label, looks
from wdno.evaluation.grouping import Group, only_system
from wdno.evaluation.record import EvaluationError, Record
from wdno.tasks.control.metrics import GRADIENTS, LARGEST, J
from wdno.text_tables import number

if TYPE_CHECKING:
    from wdno.config import EvaluationOptions

BLOCKS = 8
"""Arrows along a side of the domain, each the mean of a block of cells."""

Values = NDArray[np.float64]


def animation(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw the first field of an example over time, a panel for each of a few methods.

    They are those of `evaluation.show`, if it names any of these; else no control, the reference,
    the best method that asks for no gradient of the solver, and the best of all that do. Arrows are
    the control from that time on, where it may act; below each name stands J of the case. It is the
    example in which one of them has the lowest J.

    Args:
        records: of one system, with examples.
        stem: path without suffix.
        options: methods to show, and the reference.

    Raises:
        EvaluationError: the records do not fit together, do not have two axes of space, or none has
            examples.
    """
    methods = {
        name: seeds for name, seeds in only_system(list(records)).items() if seeds[0].shown()
    }
    if not methods:
        raise EvaluationError("control: no method has examples; all of them failed")
    shown = [methods[name][0] for name in chosen(methods, options)]
    data = shown[0].shown()
    if data["state"].ndim != 5:
        raise EvaluationError(
            f"{shown[0].where}: an animation needs two space axes, the examples have "
            f"{dict(data.sizes)}"
        )
    time_name, *space = (str(name) for name in data["state"].dims[2:])
    scene = SceneMap.from_dataset(data)
    plane = Plane(
        {name: data[name].values for name in space},
        {name: units_of(data[name]) for name in space},
        scene,
    )
    time = [float(data.attrs["given_time"]), *map(float, data[time_name].values)]
    kept = data.sizes["example"]
    case = int(np.argmin(np.min([one.score(J.name)[:kept] for one in shown], axis=0)))
    frames = [_frames(one.shown(), case) for one in shown]
    # Of the frame's cells alone, whatever stands elsewhere.
    acting = np.ones((len(plane.y), len(plane.x)), dtype=bool)
    if scene is not None and scene.control_frame.any():
        acting = _coarse(scene.control_frame.astype(np.float64), acting.shape) > 0
    arrows = [_arrows(one.shown(), case, plane, acting) for one in shown]
    lengths = np.concatenate([np.hypot(*one.vectors.swapaxes(0, 1)).ravel() for one in arrows])
    styles = looks(records)
    panels = [
        MovingPanel(
            one.label,
            styles[one.method]["color"],
            values,
            [f"J = {number(float(one.score(J.name)[case]), 3)}"] * len(time),
            control,
        )
        for one, values, control in zip(shown, frames, arrows, strict=True)
    ]
    colours = scale_of_field(frames[0], light=scene is not None)
    low, high = colours["norm"].vmin, colours["norm"].vmax
    if low > -high:
        # Where it is led smoke is far thinner than at its start.
        colours["norm"] = PowerNorm(0.5, max(low, 0.0), high)
    MovingPicture(
        heading=f"{shown[0].title}, case {int(data['example'].values[case])}",
        time=time,
        unit=units_of(data[time_name]).removeprefix("1"),
        plane=plane,
        colours=colours,
        extend=beyond(frames, colours["norm"]),
        label=axis_label(str(data["field"].values[0]).replace("_", " ")),
        arrow_label="control",
        arrow_length=_round(float(np.quantile(lengths, 0.98))),
    ).save(stem, panels)


def chosen(methods: Group, options: EvaluationOptions) -> list[str]:
    """Return the methods that are shown, each once.

    Args:
        methods: of one system, with examples.
        options: methods to show, and the reference.
    """
    named = [name for name in options.show if name in methods]
    if named:
        return named
    mean = {name: _means(seeds, J.name) for name, seeds in methods.items()}
    idle = [name for name, seeds in methods.items() if _means(seeds, LARGEST.name) == 0]
    reference = [options.reference] if options.reference in methods else []
    given = {*idle, *reference}
    asks = {name for name, seeds in methods.items() if _means(seeds, GRADIENTS.name) > 0}
    kinds = [
        [name for name in methods if name not in asks | given],
        [name for name in methods if name in asks - given],
    ]
    best = [min(kind, key=mean.__getitem__) for kind in kinds if kind]
    return [name for name in dict.fromkeys([*idle[:1], *reference, *best]) if name is not None]


def _means(seeds: Sequence[Record], score: str) -> float:
    return float(np.mean([record.mean(score) for record in seeds]))


def _frames(data: xr.Dataset, case: int) -> Values:
    """The first field of an example from its start on, ``[T + 1, Y, X]``."""
    first, state = (data[name].values[case, 0].astype(np.float64) for name in ("first", "state"))
    return np.concatenate([first[None], state])


def _arrows(data: xr.Dataset, case: int, plane: Plane, acting: NDArray[np.bool_]) -> Arrows:
    """The control of an example from each frame on, as means over blocks of cells."""
    control = data["control"].values[case].astype(np.float64)
    if len(control) != 2:
        raise EvaluationError(
            f"control: arrows need two components, the control has {len(control)}"
        )
    shape = tuple(min(BLOCKS, size) for size in acting.shape)
    share = _coarse(acting.astype(np.float64), shape)
    rows, columns = np.nonzero(share >= 0.5)
    means = _coarse(control * acting, shape)[..., rows, columns] / share[rows, columns]
    y, x = (
        np.broadcast_to(values[:, None] if k == 0 else values, acting.shape)
        for k, values in enumerate((plane.y, plane.x))
    )
    y, x = (_coarse(values, shape)[rows, columns] for values in (y, x))
    held = np.append(means, means[:, -1:], axis=1)
    return Arrows(y, x, held.swapaxes(0, 1))


def _coarse(values: Values, shape: tuple[int, ...]) -> Values:
    """Means of ``[..., ny, nx]`` over as many blocks as `shape` says, or nearly."""
    edges = [
        np.linspace(0, size, count, endpoint=False).astype(int)
        for size, count in zip(values.shape[-2:], shape, strict=True)
    ]
    sums = np.add.reduceat(np.add.reduceat(values, edges[0], -2), edges[1], -1)
    sizes = [
        np.diff(np.append(edge, size)) for edge, size in zip(edges, values.shape[-2:], strict=True)
    ]
    found: Values = sums / (sizes[0][:, None] * sizes[1])
    return found


def _round(value: float) -> float:
    """Round to one digit, which is 1, 2 or 5; 1 for zero."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    steps: Mapping[float, float] = {abs(np.log(value / (power * k))): k for k in (1, 2, 5, 10)}
    return float(power * steps[min(steps)])
