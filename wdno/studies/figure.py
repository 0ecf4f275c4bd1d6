"""The figure of a study: the compared metric against an option, a line for all others."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from wdno.evaluation.figures.style import (
    RANGE,
    drawing,
    finish,
    look,
    plot_with_range,
    row_size,
    shared_legend,
    tick_text,
    whole_ticks,
)
from wdno.evaluation.metric import Metric
from wdno.studies.results import StudyResults, VariedMethod, is_number, value_text

if TYPE_CHECKING:
    from wdno.studies.expand import Variation

DECADE = 10.0
"""Values of an option from so much larger than the smallest stand on a logarithmic axis."""
_TICKS = 8
"""Most values of an option that are all written below the axis."""
_WIDTH = 0.5
"""Part of the place of a category that the methods side by side take."""


def study_figure(results: StudyResults, path: str | Path) -> None:
    """Draw the compared metric of every variation as `{path}.png` and `.pdf`.

    There is a panel for each system and a line for each method that is varied and each combination
    of the other options: colours tell methods, dashes and markers the combinations. Along the
    horizontal axis is the number with the most distinct values; where no number is varied, the
    option with the most values, as categories. Lines are means over seeds, bands (of categories
    bars) the range of the seeds.

    Args:
        results: of the study.
        path: without suffix.
    """
    lines = _Lines.of(results)
    metric = results.metrics[0]
    with drawing(path, *row_size(len(results.systems))) as figure:
        axes = figure.subplots(1, len(results.systems), squeeze=False)[0]
        for axis, varied in zip(axes, results.systems.values(), strict=True):
            _draw(axis, lines, varied, metric)
            finish(axis, textwrap.fill(varied[0].records[0].title, 34))
        axes[0].set_ylabel(metric.label)
        figure.suptitle(results.title, x=0.01, ha="left", fontsize=9)
        several = any(len(one.records) > 1 for varied in results.systems.values() for one in varied)
        shared_legend(figure, axes, _heading(lines, several))


def _heading(lines: _Lines, several: bool) -> str | None:
    if not several:
        return None
    return RANGE if lines.numeric else "mark: mean\nbar: range of seeds"


@dataclass(frozen=True)
class _Lines:
    """What stands along the horizontal axis, and how lines are called and drawn.

    Attributes:
        results: of the study.
        along: option along the horizontal axis.
        others: options that tell lines.
        numeric: whether `along` is a number.
        methods: the methods that are varied, as they first occur.
        combinations: what `others` are, as they first occur.
    """

    results: StudyResults
    along: str
    others: list[str]
    numeric: bool
    methods: list[str]
    combinations: list[tuple[str, ...]]

    @classmethod
    def of(cls, results: StudyResults) -> _Lines:
        """Choose the option along the axis; the rest tells lines."""
        values = {key: [one.values[key] for one in results.variations] for key in results.varied}
        numbers = [key for key, found in values.items() if all(map(is_number, found))]
        counts = {key: len({value_text(key, v) for v in found}) for key, found in values.items()}
        along = max(numbers or values, key=counts.__getitem__)
        others = [key for key in values if key != along]
        methods = list(dict.fromkeys(one.of for one in results.variations))
        found = (_combination(results, others, one) for one in results.variations)
        return cls(results, along, others, bool(numbers), methods, list(dict.fromkeys(found)))

    def groups(self, varied: Sequence[VariedMethod]) -> dict[_Line, list[VariedMethod]]:
        """Sort the variations of a system by the line that they are on."""
        groups: dict[_Line, list[VariedMethod]] = {}
        for one in varied:
            combination = _combination(self.results, self.others, one.variation)
            groups.setdefault((one.variation.of, combination), []).append(one)
        return groups

    def label(self, line: _Line) -> str:
        """Name a line: its method, and the values of the options that tell lines."""
        of, combination = line
        return ", ".join([self.results.labels[of], *combination])

    def style(self, line: _Line) -> dict[str, Any]:
        """Colour of the method; dashes and marker of the combination, if there are several."""
        method = look(self.methods.index(line[0]))
        if len(self.combinations) == 1:
            return method
        return {**look(self.combinations.index(line[1])), "color": method["color"]}


_Line = tuple[str, tuple[str, ...]]
"""The method that is varied, and what the options that tell lines are."""


def _combination(results: StudyResults, keys: Sequence[str], one: Variation) -> tuple[str, ...]:
    return tuple(results.phrase(key, one.values[key]) for key in keys)


def _draw(axis: Axes, lines: _Lines, varied: Sequence[VariedMethod], metric: Metric) -> None:
    """Draw the lines of one system, and set the axes."""
    means = np.stack([one.means(metric) for one in varied])
    finite = means[np.isfinite(means)]
    # Of what is better the higher it is, differences count, not ratios.
    logarithmic = metric.better != "higher" and finite.size > 0 and bool((finite > 0).all())
    places = _categories(lines)
    groups = lines.groups(varied)
    for index, (line, members) in enumerate(groups.items()):
        label, style = lines.label(line), lines.style(line)
        values = [one.variation.values[lines.along] for one in members]
        curves = np.stack([one.means(metric) for one in members], axis=1)
        if lines.numeric:
            order = np.argsort(values, kind="stable")
            x, y = np.asarray(values, dtype=float)[order], curves[:, order]
            options: dict[str, Any] = {"markersize": 4, "logarithmic": logarithmic}
            plot_with_range(axis, x, y, label, style, **options)
        else:
            beside = _WIDTH * ((index + 0.5) / len(groups) - 0.5)
            x = np.array([places[value_text(lines.along, value)] + beside for value in values])
            _marks(axis, x, curves, label, style)
    if logarithmic:
        axis.set_yscale("log")
    axis.set_xlabel(lines.results.heading(lines.along))
    if lines.numeric:
        _scale(axis, sorted({one.variation.values[lines.along] for one in varied}))
    else:
        texts = [tick_text(textwrap.fill(text, 16)) for text in places]
        axis.set_xticks(list(places.values()), texts)
        axis.set_xlim(-0.5, len(places) - 0.5)


def _categories(lines: _Lines) -> dict[str, int]:
    """Return the place of each value of the option along the axis, as they first occur."""
    texts = (value_text(lines.along, o.values[lines.along]) for o in lines.results.variations)
    return {text: place for place, text in enumerate(dict.fromkeys(texts))}


def _marks(
    axis: Axes, x: NDArray[np.float64], curves: NDArray[np.float64], label: str, style: Any
) -> None:
    """Draw the mean of each category as a mark, and the range of the seeds as a bar."""
    curves = np.where(np.isfinite(curves), curves, np.nan)
    mean = curves.mean(axis=0)
    axis.plot(x, mean, label=label, **{**style, "linestyle": "none", "markersize": 5})
    if len(curves) > 1:
        axis.vlines(x, curves.min(axis=0), curves.max(axis=0), color=style["color"], linewidth=1)


def _scale(axis: Axes, values: Sequence[float]) -> None:
    """Give the axis of an option its scale, and its values as ticks where they are few."""
    if values[0] > 0 and values[-1] >= DECADE * values[0]:
        axis.set_xscale("log")
    if len(values) <= _TICKS:
        whole_ticks(axis, values)
