"""Figure of series: what has no space, such as a share, over time."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from wdno.evaluation.figures.examples import of_same_cases
from wdno.evaluation.figures.style import WIDTH, axis_label, drawing, looks, shared_legend
from wdno.evaluation.grouping import only_system
from wdno.evaluation.record import EvaluationError, Record


def series(
    records: Iterable[Record], path: str | Path, *, methods: Sequence[str] | None = None
) -> None:
    """Draw the series of the examples, truth and one sample of each method.

    There is a column for each example and a row for each series; a row has one scale, which ends at
    the truth's range beyond the truth on either side.

    Args:
        records: of one system, with examples; of several seeds of a method the first is drawn.
        path: without suffix.
        methods: methods to draw, in this order; None: all.

    Raises:
        EvaluationError: a method has no evaluation, there are several systems, the examples of the
            methods differ, or the records have no series.
    """
    records = list(records)
    styles = looks(records)
    drawn = of_same_cases([found[0] for found in only_system(records, methods).values()])
    first = drawn[0]
    if not first.series:
        raise EvaluationError(f"{first.record.where}: the record has no series")
    examples = len(first.cases)
    rows = len(first.series)
    width = max(WIDTH, 1.9 * examples + 1.5)
    with drawing(path, width, 1.9 * rows + 0.7) as figure:
        figure.suptitle(first.record.title, x=0.01, ha="left", fontsize=9)
        axes = figure.subplots(rows, examples, squeeze=False, sharex=True, sharey="row")
        for row, name in enumerate(first.series):
            truth = np.asarray(first.series_truth[:, row], dtype=np.float64)
            for column, axis in enumerate(axes[row]):
                axis.plot(first.time, truth[column], color="black", linewidth=2.5, label="Truth")
                for item in drawn:
                    style = {**styles[item.record.method], "marker": "", "linewidth": 1.2}
                    values = item.series_prediction[column, row]
                    axis.plot(first.time, values, label=item.record.label, **style)
                axis.grid(True)
                axis.spines[["top", "right"]].set_visible(False)
            _limit(axes[row, 0], truth)
            label = axis_label(name.replace("_", " "), unit=first.unit(name))
            axes[row, 0].set_ylabel(textwrap.fill(label, 24))
        for axis, case in zip(axes[0], first.cases, strict=True):
            axis.set_title(f"case {case}")
        for axis in axes[-1]:
            axis.set_xlabel(axis_label("time", "t", first.unit("time")))
        shared_legend(figure, axes.ravel())


def _limit(axis: Axes, truth: NDArray[np.float64]) -> None:
    """Keep what diverges from hiding the truth: not beyond its range on both sides."""
    low, high = float(truth.min()), float(truth.max())
    span = high - low or 1.0
    bottom, top = axis.get_ylim()
    axis.set_ylim(max(bottom, low - span), min(top, high + span))
