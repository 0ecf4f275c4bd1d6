"""Figure of trajectories: truth and predictions side by side, their errors below."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from wdno.evaluation.figure_style import WIDTH, axis_label, drawing, looks
from wdno.evaluation.grouping import only_system
from wdno.evaluation.results import Evaluation, EvaluationError
from wdno.evaluation.table_text import number

Values = NDArray[np.float64]
DECADES = 3.0
"""Range of the logarithmic colour scale of errors."""


def trajectories(
    evaluations: Iterable[Evaluation],
    path: str | Path,
    *,
    methods: Sequence[str] | None = None,
    cases: int | None = None,
    error_scale: Literal["log", "linear"] = "log",
) -> None:
    """Draw truth and one sample of each method, and below them the absolute errors.

    Each example and field takes two rows. With one space axis the images are space-time, and below
    the truth stand the profiles at the final time, in the colours of the methods' names; with two
    they are the final frame. The MSE is always that of the whole trajectory of that field. Truth
    and predictions share a colour scale, which spans the truth, and errors another one, which ends
    at the truth's range; arrows on a colour bar say that values go beyond. Grey cells are not
    finite.

    Args:
        evaluations: of one system; of several seeds of a method the first is drawn.
        path: without suffix.
        methods: methods to draw, in this order; None: all. Up to five stay legible.
        cases: examples to draw; None: two of one field, one of several fields.
        error_scale: of the colours of the errors; `log` shows three decades.

    Raises:
        EvaluationError: a method has no evaluation, there are several systems, the examples of the
            methods differ, or there are fewer than `cases`.
    """
    evaluations = list(evaluations)
    styles = looks(evaluations)
    drawn = [records[0] for records in only_system(evaluations, methods).values()]
    first = drawn[0]
    if cases is None:
        cases = min(2 if len(first.fields) == 1 else 1, len(first.example_cases))
    _check_examples(drawn, cases)
    if len(first.grid) not in (2, 3):
        raise EvaluationError(f"{first.where}: cannot draw the {len(first.grid)} axes {first.grid}")
    pairs = [(case, field) for case in range(cases) for field in range(len(first.fields))]
    columns = 1 + len(drawn)
    width = max(WIDTH, 1.4 * columns)
    height = 2 * len(pairs) * (1.25 if len(first.grid) == 2 else 0.92 * width / columns) + 0.6
    with drawing(path, width, height) as figure:
        axes = figure.subplots(2 * len(pairs), columns, squeeze=False, sharex=True)
        for row, (case, field) in enumerate(pairs):
            rows = axes[2 * row : 2 * row + 2]
            _draw_pair(figure, rows, drawn, case, field, error_scale, styles, row == 0)
        _label_space(axes, first)


def _check_examples(drawn: Sequence[Evaluation], cases: int) -> None:
    first = drawn[0]
    count = len(first.example_cases)
    if not 1 <= cases <= count:
        raise EvaluationError(f"{first.where}: {cases} examples asked for, {count} are recorded")
    for other in drawn[1:]:
        same = np.array_equal(first.example_cases, other.example_cases)
        if not same or not np.allclose(first.example_truth, other.example_truth):
            raise EvaluationError(
                f"{other.where}: its examples are of other cases than those of {first.where}; "
                "evaluate both on the same test set"
            )


def _draw_pair(
    figure: Figure,
    axes: NDArray[Any],
    drawn: Sequence[Evaluation],
    case: int,
    field: int,
    error_scale: str,
    styles: dict[str, dict[str, Any]],
    top: bool,
) -> None:
    """Draw one example of one field into two rows of axes."""
    first = drawn[0]
    truth = np.asarray(first.example_truth[case, field], dtype=np.float64)
    samples = [np.asarray(item.example_prediction[case, field], dtype=float) for item in drawn]
    errors = [np.abs(sample - truth) for sample in samples]
    colours = _field_scale(truth)
    image: Any = None
    for axis, values in zip(axes[0], [truth, *samples], strict=True):
        image = _image(axis, values, first, **colours)
    axes[0, 0].set_title("Truth" if top else "")
    for axis, item, error in zip(axes[0, 1:], drawn, errors, strict=True):
        axis.set_title(_measured(error))
        if top:
            # Its own text, since it has the colour of the method's line in the profiles.
            place = {"xy": (0.5, 1.0), "xytext": (0, 17), "textcoords": "offset points"}
            colour = styles[item.method]["color"]
            words: dict[str, Any] = {"ha": "center", "va": "bottom", "weight": "bold"}
            method = textwrap.fill(item.label, 15)
            axis.annotate(method, xycoords="axes fraction", color=colour, **place, **words)
    name = first.fields[field]
    beyond = _beyond(samples, colours["norm"])
    unit = axis_label(name, unit=first.units.get(name, ""))
    figure.colorbar(image, ax=axes[0].tolist(), label=unit, extend=beyond, aspect=12, pad=0.01)

    scale = _error_scale(errors, float(np.ptp(truth)), error_scale)
    for axis, error in zip(axes[1, 1:], errors, strict=True):
        # A logarithmic scale has no colour for zero; grey is for what is not finite.
        shown = np.maximum(error, 0.5 * float(scale.vmin or 0.0))
        image = _image(axis, shown, first, cmap="magma", norm=scale)
    beyond = _beyond(errors, scale)
    unit = axis_label("|error|", unit=first.units.get(name, ""))
    figure.colorbar(image, ax=axes[1].tolist(), label=unit, extend=beyond, aspect=12, pad=0.01)

    heading = f"case {first.example_cases[case]}"
    if len(first.fields) > 1:
        heading += f", {name}"
    time = first.coordinates["time"]
    when = axis_label("time", "t", first.units.get("time", ""))
    if truth.ndim == 2:
        axes[0, 0].set_ylabel(f"{heading}\n{when}")
        axes[1, 1].set_ylabel(when)
        _profiles(axes[1, 0], drawn, truth, samples, styles, f"{name} at t = {time[-1]:.3g}")
    else:
        upward = list(first.coordinates)[-2]
        height = axis_label(upward, unit=first.units.get(upward, ""))
        axes[0, 0].set_ylabel(f"{heading} at t = {time[-1]:.3g}\n{height}")
        axes[1, 1].set_ylabel(height)
        axes[1, 0].set_axis_off()
    for axis in axes[:, 1:].ravel():
        axis.tick_params(labelleft=axis is axes[1, 1])


def _measured(error: Values) -> str:
    mse = float((error**2).mean())
    where = " (all times)" if error.ndim == 3 else ""
    return f"MSE {number(mse, 2)}{where}" if np.isfinite(mse) else "not finite"


def _image(axis: Axes, values: Values, first: Evaluation, **options: Any) -> Any:
    """Draw space-time, or the final frame where there are two space axes."""
    horizontal = list(first.coordinates)[-1]
    vertical = list(first.coordinates)[-2]
    frame = values if values.ndim == 2 else values[-1]
    axis.set_facecolor("0.75")
    if values.ndim == 3:
        axis.set_aspect("equal")
    return axis.pcolormesh(
        first.coordinates[horizontal],
        first.coordinates[vertical],
        np.ma.masked_invalid(frame),
        shading="nearest",
        rasterized=True,
        **options,
    )


def _field_scale(truth: Values) -> dict[str, Any]:
    low, high = float(truth.min()), float(truth.max())
    if low < 0 < high:
        limit = max(-low, high)
        return {"cmap": "RdBu_r", "norm": Normalize(-limit, limit)}
    return {"cmap": "viridis", "norm": Normalize(low, high if high > low else low + 1.0)}


def _error_scale(errors: Sequence[Values], span: float, scale: str) -> Normalize:
    finite = [error[np.isfinite(error)] for error in errors]
    largest = max((float(error.max()) for error in finite if error.size), default=0.0)
    high = min(largest, span) if span > 0 else largest
    high = high if high > 0 else 1.0
    return LogNorm(high * 10.0**-DECADES, high) if scale == "log" else Normalize(0.0, high)


def _beyond(values: Sequence[Values], norm: Normalize) -> str:
    finite = np.concatenate([item[np.isfinite(item)] for item in values])
    below = bool((finite < norm.vmin).any())
    above = bool((finite > norm.vmax).any())
    return {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]


def _profiles(
    axis: Axes,
    drawn: Sequence[Evaluation],
    truth: Values,
    samples: Sequence[Values],
    styles: dict[str, dict[str, Any]],
    title: str,
) -> None:
    """Draw the final frame of truth and predictions as lines over space."""
    space = list(drawn[0].coordinates.values())[-1]
    axis.plot(space, truth[-1], color="black", linewidth=2.0)
    for item, sample in zip(drawn, samples, strict=True):
        style = {**styles[item.method], "marker": "", "linewidth": 1.0}
        axis.plot(space, sample[-1], **style)
    span = float(np.ptp(truth[-1])) or 1.0
    axis.set_ylim(truth[-1].min() - 0.25 * span, truth[-1].max() + 0.25 * span)
    axis.set_title(title)


def _label_space(axes: NDArray[Any], first: Evaluation) -> None:
    name = list(first.coordinates)[-1]
    for axis in axes[-1]:
        axis.set_xlabel(axis_label(name, unit=first.units.get(name, "")))
