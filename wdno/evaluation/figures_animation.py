"""Animation of a field on two space axes: truth and predictions, frame by frame."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure

from wdno.evaluation.figure_images import Values, beyond, measured, scale_of_field
from wdno.evaluation.figure_plane import Plane
from wdno.evaluation.figure_scene import legend_entries
from wdno.evaluation.figure_style import STYLE, axis_label, looks
from wdno.evaluation.figures_trajectories import check_examples
from wdno.evaluation.grouping import only_system
from wdno.evaluation.results import Evaluation, EvaluationError
from wdno.files import atomic_path

FRAMES_PER_SECOND = 6
DPI = 100
_PANEL = 1.9  # inches, width; the height follows, within these bounds.
_LOWEST, _HIGHEST = 1.0, 3.0


def animation(
    evaluations: Iterable[Evaluation],
    path: str | Path,
    *,
    methods: Sequence[str] | None = None,
    case: int = 0,
) -> None:
    """Draw the first field of one example over time, a panel for the truth and for each method.

    It begins at the last given frame where the records hold it, which is the same in all panels.
    The colour scale is fixed and spans the truth at all times. Below each method's name stands the
    mean squared error of that frame. The last frame stays for a second.

    Args:
        evaluations: of one system; of several seeds of a method the first is drawn.
        path: without suffix; `{path}.gif` is written. The same animation is the same file.
        methods: methods to draw, in this order; None: all.
        case: position of the example.

    Raises:
        EvaluationError: a method has no evaluation, there are several systems or not two space
            axes, or the examples of the methods differ.
    """
    evaluations = list(evaluations)
    styles = looks(evaluations)
    drawn = [records[0] for records in only_system(evaluations, methods).values()]
    first = drawn[0]
    if len(first.grid) != 3:
        raise EvaluationError(
            f"{first.where}: an animation needs two space axes, the record has {first.grid}"
        )
    check_examples(drawn, case + 1)
    time, truth, samples = _frames(drawn, case)
    path = Path(path)
    with mpl.rc_context(STYLE), atomic_path(path.parent / f"{path.name}.gif") as temporary:
        shown = _Animation(drawn, case, truth, samples, styles)
        writer = PillowWriter(fps=FRAMES_PER_SECOND)
        with writer.saving(shown.figure, str(temporary), DPI):
            for index, moment in enumerate(time):
                shown.show(index, float(moment))
                writer.grab_frame()
            # Equal frames become one that is shown as long as all of them.
            for _ in range(FRAMES_PER_SECOND - 1):
                writer.grab_frame()


def _frames(drawn: Sequence[Evaluation], case: int) -> tuple[Values, Values, list[Values]]:
    """Return times `[n]`, and truth and samples `[n, ny, nx]` of the first field."""
    first = drawn[0]
    time = np.asarray(first.coordinates["time"], dtype=np.float64)
    arrays = [first.example_truth, *(item.example_prediction for item in drawn)]
    values = [np.asarray(array[case, 0], dtype=np.float64) for array in arrays]
    if first.example_given is not None:
        given = np.asarray(first.example_given[case, 0], dtype=np.float64)
        time = np.append(first.given_time, time)
        values = [np.concatenate([given[None], frames]) for frames in values]
    return time, values[0], values[1:]


class _Animation:
    """The panels, and what changes in them from frame to frame."""

    def __init__(
        self,
        drawn: Sequence[Evaluation],
        case: int,
        truth: Values,
        samples: Sequence[Values],
        styles: dict[str, dict[str, Any]],
    ) -> None:
        first, plane = drawn[0], Plane(drawn[0])
        self.frames = [truth, *samples]
        self.given = first.example_given is not None
        unit = first.units.get("time", "1")
        self.unit = "" if unit == "1" else unit
        panels = len(self.frames)
        high = float(np.clip(_PANEL * plane.ratio, _LOWEST, _HIGHEST))
        below = 0.3 if plane.scene is not None else 0.0
        size = (_PANEL * panels + 1.0, high + 0.95 + below)
        self.figure = Figure(figsize=size, layout="constrained", facecolor="white")
        axes = self.figure.subplots(1, panels, squeeze=False)[0]
        colours = scale_of_field(truth, light=plane.scene is not None)
        self.images = [
            plane.draw(axis, frames[0], dark=False, **colours)
            for axis, frames in zip(axes, self.frames, strict=True)
        ]
        names = ["Truth", *(item.label for item in drawn)]
        colour = ["black", *(styles[item.method]["color"] for item in drawn)]
        for index, axis in enumerate(axes):
            if index:
                axis.set(xticks=[], yticks=[])
            axis.annotate(
                textwrap.shorten(names[index], 24),
                (0.5, 1.0),
                (0, 15),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="center",
                weight="bold",
                color=colour[index],
            )
        axes[0].set(xlabel=plane.labels[0], ylabel=plane.labels[1])
        self.titles = [axis.set_title(" ") for axis in axes]
        name = first.fields[0].replace("_", " ")
        label = axis_label(name, unit=first.units.get(first.fields[0], ""))
        bar: dict[str, Any] = {"label": label, "aspect": 18, "pad": 0.01}
        bar["extend"] = beyond(samples, colours["norm"])
        self.figure.colorbar(self.images[0], ax=axes.tolist(), **bar)
        self.heading = f"{first.title}, case {first.example_cases[case]}"
        self.head = self.figure.suptitle(self.heading, x=0.01, ha="left", fontsize=9)
        if plane.scene is not None:
            entries = legend_entries(plane.scene)
            place: dict[str, Any] = {"loc": "outside lower center", "ncols": len(entries)}
            self.figure.legend(handles=entries, **place)
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")

    def show(self, index: int, time: float) -> None:
        """Put in the values of a frame, its time and its errors."""
        self.head.set_text(f"{self.heading}, t = {time:.5g} {self.unit}".rstrip())
        truth = self.frames[0][index]
        for number, (frames, image) in enumerate(zip(self.frames, self.images, strict=True)):
            image.set_array(np.ma.masked_invalid(frames[index]))
            if number:
                error = measured(frames[index] - truth)
                self.titles[number].set_text("given" if self.given and not index else error)
