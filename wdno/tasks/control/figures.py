"""The figures of control: what controllers do, and what it takes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from wdno.data.scene import SceneMap
from wdno.evaluation.figures.images import beyond, image, scale_of_field
from wdno.evaluation.figures.scene_overlay import draw_scene, legend_entries
from wdno.evaluation.figures.style import (
    WIDTH,
    axis_label,
    drawing,
    shared_legend,
)
from wdno.evaluation.grouping import only_system
from wdno.evaluation.record import EvaluationError, Record
from wdno.tasks.control.cost_figure import cost
from wdno.tasks.control.metrics import J
from wdno.tasks.control.moving_smoke import animation
from wdno.text_tables import number

if TYPE_CHECKING:
    from wdno.config import EvaluationOptions

Draw = Callable[[Sequence[Record], Path, "EvaluationOptions"], None]


def controls(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw the first example under the control of each method.

    On one axis of space: above the control, below the state that it leads to, with the target at
    the end beside it. On two: the first field of the state at some times, a row for each method.

    Args:
        records: of one system, with examples.
        stem: path without suffix.
        options: not looked at.

    Raises:
        EvaluationError: the records do not fit together, or have other axes.
    """
    drawn = [found[0] for found in only_system(list(records)).values() if found[0].shown()]
    if not drawn:
        raise EvaluationError("control: no method has examples; all of them failed")
    first = drawn[0].shown()
    if first["state"].ndim == 5:
        _planes(drawn, stem)
        return
    if "target" not in first or first["state"].ndim != 4:
        raise EvaluationError(
            f"{drawn[0].where}: expected examples on one axis of space with a target, got "
            f"{dict(first.sizes)}"
        )
    time, x = (first[first["state"].dims[k]] for k in (2, 3))
    interval = first[first["control"].dims[2]]
    forces = [np.asarray(one.shown()["control"][0, 0], dtype=np.float64) for one in drawn]
    states = [np.asarray(one.shown()["state"][0, 0], dtype=np.float64) for one in drawn]
    columns = len(drawn)
    with drawing(stem, max(WIDTH, 1.25 * columns + 1.0), 5.4) as figure:
        case = int(first["example"].values[0])
        figure.suptitle(f"{drawn[0].title}, case {case}", x=0.01, ha="left", fontsize=9)
        axes = figure.subplots(3, columns, squeeze=False, sharex=True)
        for row, (values, name, when) in enumerate(
            ((forces, str(first["component"].values[0]), interval), (states, "u", time))
        ):
            if row == 1:
                name = str(first["field"].values[0])
            # An optimum is far smaller than a control that was drawn without regard to cost.
            colours = scale_of_field(np.stack(values))
            found = [
                image(axis, x, when, one, **colours)
                for axis, one in zip(axes[row], values, strict=True)
            ]
            figure.colorbar(
                found[0],
                ax=axes[row].tolist(),
                aspect=12,
                pad=0.01,
                label=name,
                extend=beyond(values, colours["norm"]),
            )
            axes[row, 0].set_ylabel(axis_label("time", "t", time.attrs.get("units", "")))
        target = np.asarray(first["target"][0, 0], dtype=np.float64)
        for axis, state in zip(axes[2], states, strict=True):
            _ends(axis, x.values, state[-1], target)
        low = min(float(target.min()), *(float(state[-1].min()) for state in states))
        high = max(float(target.max()), *(float(state[-1].max()) for state in states))
        for axis, record in zip(axes[0], drawn, strict=True):
            value = float(record.score(J.name)[0])
            axis.set_title(f"{textwrap.fill(record.label, 14)}\nJ = {number(value, 3)}")
        for column, axis in enumerate(axes[2]):
            axis.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
            axis.set_xlabel(axis_label(str(x.name), unit=x.attrs.get("units", "")))
            for row in axes[:, column]:
                row.tick_params(labelleft=column == 0)
        axes[2, 0].set_ylabel(f"{first['field'].values[0]} at the end")
        shared_legend(figure, axes[2, :1])


def _planes(drawn: Sequence[Record], stem: Path) -> None:
    """Draw the first field on two axes of space at four times, a row for each method."""
    first = drawn[0].shown()
    states = [np.asarray(one.shown()["state"][0, 0], dtype=np.float64) for one in drawn]
    time, y, x = (first[str(name)].values for name in first["state"].dims[2:])
    chosen = np.unique(np.linspace(0, len(time) - 1, 5).round().astype(int))[1:]
    scene = SceneMap.from_dataset(first)
    colours = scale_of_field(states[0], light=scene is not None)
    names = [str(name) for name in first["state"].dims[3:]]
    with drawing(stem, 1.5 * len(chosen) + 1.6, 1.12 * len(drawn) + 0.9) as figure:
        case = int(first["example"].values[0])
        figure.suptitle(f"{drawn[0].title}, case {case}", x=0.01, ha="left", fontsize=9)
        axes = figure.subplots(len(drawn), len(chosen), squeeze=False, sharex=True, sharey=True)
        for row, record, state in zip(axes, drawn, states, strict=True):
            for axis, k in zip(row, chosen, strict=True):
                shown = image(axis, x, y, state[k], **colours)
                axis.set_aspect("equal")
                if scene is not None:
                    draw_scene(axis, scene)
            value = number(float(record.score(J.name)[0]), 3)
            name = f"{textwrap.fill(record.label, 14)}\nJ = {value}"
            row[0].set_ylabel(name, rotation=0, ha="right", va="center", labelpad=2)
        for axis, k in zip(axes[0], chosen, strict=True):
            unit = first[str(first["state"].dims[2])].attrs.get("units", "")
            axis.set_title(axis_label(f"t = {time[k]:.3g}", unit=unit))
        for axis in axes[-1]:
            axis.set_xlabel(names[1])
        field = str(first["field"].values[0]).replace("_", " ")
        short = {"shrink": min(1.0, 5 / len(drawn)), "anchor": (0.0, 1.0)}
        bar: dict[str, Any] = {"aspect": 40, "pad": 0.01, "label": field, **short}
        figure.colorbar(
            shown, ax=axes.ravel().tolist(), extend=beyond(states, colours["norm"]), **bar
        )
        if scene is not None:
            figure.legend(handles=legend_entries(scene), loc="outside right upper")


def _ends(axis: Axes, x: NDArray[Any], state: NDArray[Any], target: NDArray[Any]) -> None:
    axis.plot(x, target, color="black", linewidth=2.5, alpha=0.35, label="target")
    axis.plot(x, state, color="black", linewidth=1.0, label="reached")


FIGURES: Mapping[str, Draw] = MappingProxyType(
    {"controls": controls, "cost": cost, "animation": animation}
)
"""Draws each figure from the records of one system."""
