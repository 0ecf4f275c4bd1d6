"""Frames of a field on two space axes: truth, predictions and errors at a few times."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from wdno.evaluation.figures.examples import DrawnExamples
from wdno.evaluation.figures.images import (
    Values,
    beyond,
    mse_text,
    scale_of_errors,
    scale_of_field,
    visible,
)
from wdno.evaluation.figures.plane import Plane
from wdno.evaluation.figures.scene_overlay import legend_entries
from wdno.evaluation.figures.style import WIDTH, Styles, axis_label, drawing

Several = Sequence[DrawnExamples]
Example = tuple[int, int]  # positions of an example and of a field

# In inches: the height that a figure should not exceed; widths of the methods' names, of labels of
# the vertical axis, between fields and errors, of the right margin, between panels; heights of
# titles above a row, and of labels and colour bar below the last one.
_PAGE = 9.5
_NAMES, _LABELS, _MIDDLE, _RIGHT, _SPACE, _TITLES, _BELOW = 0.86, 0.42, 0.5, 0.12, 0.06, 0.24, 0.95


def draw_frames(path: str | Path, drawn: Several, cases: int, scale: str, styles: Styles) -> None:
    """Draw frames of truth and methods on the left, and of the absolute errors on the right.

    Each example and field has a row for the truth and for each method, and a column for each of
    three or four times up to the last. Beside the truth stands the error over time. Colour scales
    are those of the frames shown. On maps (axes in degrees east and north) there are coastlines
    where their data are installed; errors are not weighted with the area. A scene, where the
    records have one, lies over every panel.

    Args:
        path: without suffix.
        drawn: of one record of each method, of the same cases, on two space axes.
        cases: examples to draw.
        scale: `log` or `linear`, of the errors.
        styles: colour and dashes of each method.
    """
    first = drawn[0]
    plane = Plane.of(first)
    blocks = [(case, field) for case in range(cases) for field in range(len(first.fields))]
    sizes, smaller = (_Sizes(columns, 1 + len(drawn), plane.ratio) for columns in (3, 4))
    if len(blocks) * sizes.block > _PAGE and smaller.height < sizes.height:
        sizes = smaller
    height = len(blocks) * sizes.block + 0.25
    with drawing(path, WIDTH, height) as figure:
        figure.set_layout_engine("none")
        figure.text(0.05 / WIDTH, 1 - 0.05 / height, first.record.title, va="top", fontsize=9)
        if plane.scene is not None:
            entries = legend_entries(plane.scene)
            place = (1 - _RIGHT / WIDTH, 1)
            options: dict[str, Any] = {"bbox_to_anchor": place, "borderaxespad": 0.4}
            figure.legend(handles=entries, loc="upper right", ncols=len(entries), **options)
        for index, block in enumerate(blocks):
            top = 0.25 + index * sizes.block
            _Block(figure, sizes, top, plane, drawn, block).draw(scale, styles)


@dataclass(frozen=True)
class _Sizes:
    """Sizes in inches of a block: `columns` times, `rows` (truth, methods), `ratio` of a panel."""

    columns: int
    rows: int
    ratio: float

    @property
    def width(self) -> float:
        """Of a panel."""
        free = WIDTH - _NAMES - _LABELS - _MIDDLE - _RIGHT - 2 * (self.columns - 1) * _SPACE
        return free / (2 * self.columns)

    @property
    def height(self) -> float:
        """Of a panel."""
        return float(np.clip(self.width * self.ratio, 0.5, 2.0))

    @property
    def gap(self) -> float:
        """Between truth and methods, for labels of the error over time and titles of errors."""
        return max(0.3, 0.95 - self.height)

    @property
    def block(self) -> float:
        """Height of the block."""
        return self.top(self.rows) + _BELOW

    def left(self, column: int) -> float:
        """Left edge of a panel; the errors' columns follow those of the fields."""
        errors = (_MIDDLE - _SPACE) * (column >= self.columns)
        return _NAMES + _LABELS + column * (self.width + _SPACE) + errors

    def top(self, row: int) -> float:
        """Upper edge of a panel, downward from the block's."""
        return _TITLES + row * (self.height + _SPACE) + self.gap * (row > 0)

    @property
    def group(self) -> float:
        """Width of all panels of the fields, or of the errors."""
        return self.left(self.columns - 1) + self.width - self.left(0)


class _Block:
    """The panels of one field of one example, `top` inches below the figure's upper edge."""

    def __init__(
        self, figure: Figure, sizes: _Sizes, top: float, plane: Plane, drawn: Several, of: Example
    ) -> None:
        self.figure, self.sizes, self.top, self.plane, self.drawn = figure, sizes, top, plane, drawn
        first, (case, field) = drawn[0], of
        self.time = first.time
        self.time_unit = first.unit("time")
        parts = np.arange(1, sizes.columns + 1) / sizes.columns
        self.frames = np.unique(np.ceil(len(self.time) * parts).astype(int) - 1)
        self.name = first.fields[field].replace("_", " ")
        self.unit = first.unit(first.fields[field])
        self.case = first.cases[case]
        self.truth = np.asarray(first.truth[case, field], dtype=np.float64)
        self.samples = [np.asarray(each.prediction[case, field], dtype=float) for each in drawn]
        self.errors = [np.abs(sample - self.truth) for sample in self.samples]

    def draw(self, scale: str, styles: Styles) -> None:
        """Draw all panels, the names of the rows, the error over time and the colour bars."""
        columns = self.sizes.columns
        truth = self.truth[self.frames]
        samples = [sample[self.frames] for sample in self.samples]
        errors = [error[self.frames] for error in self.errors]
        colours = scale_of_field(truth, light=self.plane.scene is not None)
        norm = scale_of_errors(errors, float(np.ptp(truth)), scale)
        for row, values in enumerate([truth, *samples]):
            self._row(row, 0, values, dark=False, **colours)
        self._bar(0, self.name, ScalarMappable(**colours), beyond(samples, colours["norm"]))
        for row, values in enumerate(errors, start=1):
            self._row(row, columns, visible(values, norm), dark=True, cmap="magma", norm=norm)
        self._bar(columns, "|error|", ScalarMappable(norm, "magma"), beyond(errors, norm))
        self._label(0, "Truth", "black", f"{textwrap.fill(self.name, 14)}\ncase {self.case}")
        for row, (each, error) in enumerate(zip(self.drawn, self.errors, strict=True), start=1):
            colour = styles[each.record.method]["color"]
            self._label(row, each.record.label, colour, mse_text(error))
        self._error_over_time(scale, styles)

    def _add(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes at these inches from the block's upper left corner."""
        inches = float(self.figure.get_figheight())
        bottom = inches - self.top - top - height
        place = (left / WIDTH, bottom / inches, width / WIDTH, height / inches)
        return self.figure.add_axes(place)

    def _row(self, row: int, column: int, frames: Values, dark: bool, **options: Any) -> None:
        """Draw frames `[n, ny, nx]` side by side, from a column on."""
        sizes = self.sizes
        for position, frame in enumerate(frames):
            left = sizes.left(column + position)
            axis = self._add(left, sizes.top(row), sizes.width, sizes.height)
            self.plane.draw(axis, frame, dark, **options)
            if row == sizes.rows - 1 and column + position == 0:
                axis.set_xlabel(self.plane.labels[0], labelpad=1)
                axis.set_ylabel(self.plane.labels[1], labelpad=1)
            else:
                axis.set(xticks=[], yticks=[])
            if row == (1 if dark else 0):
                time = f"t = {self.time[self.frames[position]]:.5g} {self.time_unit}"
                axis.set_title(time.strip(), pad=3)

    def _bar(self, column: int, name: str, colours: ScalarMappable, extend: str) -> None:
        """Draw a colour bar below the fields or the errors."""
        top = self.sizes.top(self.sizes.rows) + 0.36
        axis = self._add(self.sizes.left(column), top, self.sizes.group, 0.09)
        options: dict[str, Any] = {"location": "bottom", "extendfrac": 0.04, "extend": extend}
        bar = self.figure.colorbar(colours, cax=axis, **options)
        bar.set_label(axis_label(name, unit=self.unit), labelpad=1)

    def _label(self, row: int, name: str, colour: str, below: str) -> None:
        """Write a name and what is below it at the left of a row."""
        axis = self._add(0.05, self.sizes.top(row), _NAMES, self.sizes.height)
        axis.set_axis_off()
        place: dict[str, Any] = {"xy": (0.0, 0.5), "textcoords": "offset points"}
        above: dict[str, Any] = {"xytext": (0, 1), "va": "bottom", "weight": "bold"}
        axis.annotate(textwrap.fill(name, 11), color=colour, **above, **place)
        axis.annotate(below, xytext=(0, -1), va="top", fontsize=7, **place)

    def _error_over_time(self, scale: str, styles: Styles) -> None:
        """Draw the root of the mean square over space, beside the truth."""
        sizes = self.sizes
        height = sizes.height + sizes.gap - 0.55
        axis = self._add(sizes.left(sizes.columns), sizes.top(0), sizes.group, height)
        lines = np.sqrt([(error**2).mean(axis=(1, 2)) for error in self.errors])
        lines = np.where(np.isfinite(lines) & (lines > 0), lines, np.nan)
        for each, line in zip(self.drawn, lines, strict=True):
            style = {**styles[each.record.method], "markevery": self.frames.tolist()}
            style["markersize"] = 2.5
            axis.plot(self.time, line, **(style | {"linewidth": 1.0}))
        axis.set_yscale(scale)
        if scale == "log" and np.isfinite(lines).any():
            # Room for two ticks at least: of 1, 2, 5, 10, or of powers of ten where there are many.
            low, high = float(np.nanmin(lines)), float(np.nanmax(lines))
            least = 6.0 if high < 10 * low else 101.0
            margin = max(1.2, (least * low / high) ** 0.5)
            axis.set_ylim(low / margin, high * margin)
            subs = (1.0, 2.0, 5.0) if high < 10 * low else (1.0,)
            axis.yaxis.set_major_locator(LogLocator(subs=subs, numticks=4))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
            axis.yaxis.set_minor_locator(NullLocator())
        axis.set_title(axis_label("RMSE over time", unit=self.unit), pad=3)
        axis.set_xlabel(axis_label("time", "t", self.time_unit), labelpad=1)
