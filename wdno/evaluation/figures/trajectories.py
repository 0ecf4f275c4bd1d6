"""Figure of trajectories: truth and predictions side by side, and their errors."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from wdno.evaluation.figures.examples import DrawnExamples, of_same_cases
from wdno.evaluation.figures.frames import draw_frames
from wdno.evaluation.figures.images import (
    Values,
    beyond,
    image,
    mse_text,
    scale_of_errors,
    scale_of_field,
    visible,
)
from wdno.evaluation.figures.style import WIDTH, Styles, axis_label, drawing, looks
from wdno.evaluation.grouping import only_system
from wdno.evaluation.record import EvaluationError, Record


def trajectories(
    records: Iterable[Record],
    path: str | Path,
    *,
    methods: Sequence[str] | None = None,
    cases: int | None = None,
    error_scale: Literal["log", "linear"] = "log",
) -> None:
    """Draw truth and one sample of each method, and their absolute errors.

    With one space axis the images are space-time: each example and field takes two rows, the errors
    below, and below the truth the profiles at the final time, in the colours of the methods' names.
    With two space axes there are frames, one row for each method (:func:`draw_frames`).

    The MSE is always that of the whole trajectory of that field. Truth and predictions share a
    colour scale, which spans the truth, and errors another one, which ends at the truth's range;
    arrows on a colour bar say that values go beyond. Grey cells are not finite.

    Args:
        records: of one system, with examples; of several seeds of a method the first is drawn.
        path: without suffix.
        methods: methods to draw, in this order; None: all. Up to five stay legible.
        cases: examples to draw; None: two of one field on one space axis, otherwise one.
        error_scale: of the colours of the errors; `log` shows three decades.

    Raises:
        EvaluationError: a method has no evaluation, there are several systems or more than two
            space axes, the records were read without examples, those of the methods differ, or
            there are fewer than `cases`.
    """
    records = list(records)
    styles = looks(records)
    chosen = [found[0] for found in only_system(records, methods).values()]
    drawn = of_same_cases(chosen, cases)
    first = drawn[0]
    if len(first.space) not in (1, 2):
        raise EvaluationError(
            f"{first.record.where}: expected one or two axes of space to draw, the examples have "
            f"{', '.join(first.space) or 'none'}"
        )
    if cases is None:
        several = len(first.space) == 1 and len(first.fields) == 1
        cases = min(2 if several else 1, len(first.cases))
    if len(first.space) == 2:
        draw_frames(path, drawn, cases, error_scale, styles)
    else:
        _draw_space_time(path, drawn, cases, error_scale, styles)


def _draw_space_time(
    path: str | Path, drawn: Sequence[DrawnExamples], cases: int, scale: str, styles: Styles
) -> None:
    """Draw the figure of a system with one space axis, `[time, space]`."""
    first = drawn[0]
    pairs = [(case, field) for case in range(cases) for field in range(len(first.fields))]
    columns = 1 + len(drawn)
    width = max(WIDTH, 1.4 * columns)
    with drawing(path, width, 2.5 * len(pairs) + 0.8) as figure:
        figure.suptitle(first.record.title, x=0.01, ha="left", fontsize=9)
        axes = figure.subplots(2 * len(pairs), columns, squeeze=False, sharex=True)
        for row, (case, field) in enumerate(pairs):
            rows = axes[2 * row : 2 * row + 2]
            _draw_pair(figure, rows, drawn, case, field, scale, styles)
        for axis, item in zip(axes[0, 1:], drawn, strict=True):
            # Its own text, since it has the colour of the method's line in the profiles.
            place = {"xy": (0.5, 1.0), "xytext": (0, 17), "textcoords": "offset points"}
            words: dict[str, Any] = {"ha": "center", "va": "bottom", "weight": "bold"}
            words["color"] = styles[item.record.method]["color"]
            method = textwrap.fill(item.record.label, 15)
            axis.annotate(method, xycoords="axes fraction", **place, **words)
        (space,) = first.space
        for axis in axes[-1]:
            axis.set_xlabel(axis_label(space, unit=first.unit(space)))


def _draw_pair(
    figure: Figure,
    axes: NDArray[Any],
    drawn: Sequence[DrawnExamples],
    case: int,
    field: int,
    scale: str,
    styles: Styles,
) -> None:
    """Draw one example of one field into two rows of axes."""
    first = drawn[0]
    time, space = first.coordinates.values()
    truth = np.asarray(first.truth[case, field], dtype=np.float64)
    samples = [np.asarray(item.prediction[case, field], dtype=float) for item in drawn]
    errors = [np.abs(sample - truth) for sample in samples]
    unit = first.unit(first.fields[field])
    name = first.fields[field].replace("_", " ")

    colours = scale_of_field(truth)
    images = [
        image(axis, space, time, values, **colours)
        for axis, values in zip(axes[0], [truth, *samples], strict=True)
    ]
    axes[0, 0].set_title("Truth")
    for axis, error in zip(axes[0, 1:], errors, strict=True):
        axis.set_title(mse_text(error))
    bar: dict[str, Any] = {"aspect": 12, "pad": 0.01}
    bar |= {"label": axis_label(name, unit=unit), "extend": beyond(samples, colours["norm"])}
    figure.colorbar(images[0], ax=axes[0].tolist(), **bar)

    norm = scale_of_errors(errors, float(np.ptp(truth)), scale)
    images = [
        image(axis, space, time, visible(error, norm), cmap="magma", norm=norm)
        for axis, error in zip(axes[1, 1:], errors, strict=True)
    ]
    bar |= {"label": axis_label("|error|", unit=unit), "extend": beyond(errors, norm)}
    figure.colorbar(images[0], ax=axes[1].tolist(), **bar)

    heading = f"case {first.cases[case]}"
    if len(first.fields) > 1:
        heading += f", {name}"
    when = axis_label("time", "t", first.unit("time"))
    axes[0, 0].set_ylabel(f"{heading}\n{when}")
    axes[1, 1].set_ylabel(when)
    _profiles(axes[1, 0], drawn, truth, samples, styles, f"{name} at t = {time[-1]:.3g}")
    for axis in axes[:, 1:].ravel():
        axis.tick_params(labelleft=axis is axes[1, 1])


def _profiles(
    axis: Axes,
    drawn: Sequence[DrawnExamples],
    truth: Values,
    samples: Sequence[Values],
    styles: Styles,
    title: str,
) -> None:
    """Draw the final frame of truth and predictions as lines over space."""
    space = list(drawn[0].coordinates.values())[-1]
    axis.plot(space, truth[-1], color="black", linewidth=2.0)
    for item, sample in zip(drawn, samples, strict=True):
        style = {**styles[item.record.method], "marker": "", "linewidth": 1.0}
        axis.plot(space, sample[-1], **style)
    span = float(np.ptp(truth[-1])) or 1.0
    axis.set_ylim(truth[-1].min() - 0.25 * span, truth[-1].max() + 0.25 * span)
    axis.set_title(title)
