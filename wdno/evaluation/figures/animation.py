"""Animation of a field on two space axes: truth and predictions, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from wdno.evaluation.figures.examples import DrawnExamples, of_same_cases
from wdno.evaluation.figures.images import Values, beyond, mse_text, scale_of_field
from wdno.evaluation.figures.moving import MovingPanel, MovingPicture
from wdno.evaluation.figures.plane import Plane
from wdno.evaluation.figures.style import axis_label, looks
from wdno.evaluation.grouping import only_system
from wdno.evaluation.record import EvaluationError, Record


def animation(
    records: Iterable[Record],
    path: str | Path,
    *,
    methods: Sequence[str] | None = None,
    case: int | None = None,
) -> None:
    """Draw the first field of one example over time, a panel for the truth and for each method.

    It begins at the last given frame where the records hold it, which is the same in all panels.
    The colour scale is fixed and spans the truth at all times. Below each method's name stands the
    mean squared error of that frame. The last frame stays for a second.

    Args:
        records: of one system, with examples; of several seeds of a method the first is drawn.
        path: without suffix; `{path}.gif` is written. The same animation is the same file.
        methods: methods to draw, in this order; None: all.
        case: position of the example; None: the one whose truth changes most from beginning to end.

    Raises:
        EvaluationError: a method has no evaluation, there are several systems or not two space
            axes, the records were read without examples, or those of the methods differ.
    """
    records = list(records)
    styles = looks(records)
    chosen = [found[0] for found in only_system(records, methods).values()]
    drawn = of_same_cases(chosen, None if case is None else case + 1)
    first = drawn[0]
    if len(first.space) != 2:
        raise EvaluationError(
            f"{first.record.where}: an animation needs two space axes, the examples have "
            f"{', '.join(first.space) or 'none'}"
        )
    if case is None:
        truth = np.asarray(first.truth[:, 0], dtype=np.float64)
        case = int(((truth[:, -1] - truth[:, 0]) ** 2).mean(axis=(1, 2)).argmax())
    time, truth, samples = _frames(drawn, case)
    plane = Plane.of(first)
    colours = scale_of_field(truth, light=plane.scene is not None)
    panels = [MovingPanel("Truth", "black", truth, [" "] * len(time))]
    for item, frames in zip(drawn, samples, strict=True):
        said = [mse_text(one) for one in frames - truth]
        if first.given is not None:
            said[0] = "given"
        record = item.record
        colour = styles[record.method]["color"]
        panels.append(MovingPanel(record.label, colour, frames, said))
    picture = MovingPicture(
        heading=f"{first.record.title}, case {first.cases[case]}",
        time=[float(moment) for moment in time],
        unit=first.unit("time"),
        plane=plane,
        colours=colours,
        extend=beyond(samples, colours["norm"]),
        label=axis_label(first.fields[0].replace("_", " "), unit=first.unit(first.fields[0])),
    )
    picture.save(path, panels)


def _frames(drawn: Sequence[DrawnExamples], case: int) -> tuple[Values, Values, list[Values]]:
    """Return times `[n]`, and truth and samples `[n, ny, nx]` of the first field."""
    first = drawn[0]
    time = np.asarray(first.time, dtype=np.float64)
    arrays = [first.truth, *(item.prediction for item in drawn)]
    values = [np.asarray(array[case, 0], dtype=np.float64) for array in arrays]
    if first.given is not None:
        given = np.asarray(first.given[case, 0], dtype=np.float64)
        time = np.append(first.given_time, time)
        values = [np.concatenate([given[None], frames]) for frames in values]
    return time, values[0], values[1:]
