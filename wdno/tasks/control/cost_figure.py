"""What a low J takes: against calls of the solver, and against seconds."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from wdno.evaluation.figures.style import (
    WIDTH,
    Styles,
    drawing,
    finish,
    looks,
    plot_with_range,
    shared_legend,
    whole_ticks,
)
from wdno.evaluation.grouping import only_system
from wdno.evaluation.record import EvaluationError, Record
from wdno.tasks.control.metrics import CALLS, GRADIENTS, PER_GRADIENT, J
from wdno.text_tables import number

if TYPE_CHECKING:
    from wdno.config import EvaluationOptions

LEAST_SECONDS = 1e-4
"""What takes less stands there."""
TICKS = (0, 1, 2, 3, 5, 10, 20, 40, 80, 160, 320)

STARTS = {
    "zero": "from zero",
    "constant": "from a constant",
    "data": "from the data's own",
    "": "from its own answer",
}
"""What is written where a line begins, by the option `start` of its controller."""
WRITTEN: dict[str, Any] = {
    "textcoords": "offset points",
    "fontsize": 7,
    "path_effects": [withStroke(linewidth=2, foreground="white")],
}

Values = NDArray[np.float64]


def cost(records: Sequence[Record], stem: Path, options: EvaluationOptions) -> None:
    """Draw J against calls of the true solver, and against seconds.

    A method is a marker at what it takes in all. One that descends along true gradients is also a
    line, J after each of them, from its start on: so one reads what a start is worth. An arrow goes
    from the end of each trained method's line to where the best line without training has the same
    J: as many calls does its start save.

    Args:
        records: of one system.
        stem: path without suffix.
        options: not looked at.

    Raises:
        EvaluationError: the records do not fit together, or all of them failed.
    """
    records = [one for one in records if np.isfinite(one.mean(J.name))]
    if not records:
        raise EvaluationError("control: no method has a J; all of them failed")
    styles = looks(records)
    efforts = [_Effort.of(seeds) for seeds in only_system(records).values()]
    with drawing(stem, WIDTH + 1.4, 3.6) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        for one in efforts:
            style = {**styles[one.method], "markersize": 5}
            _draw(left, one.calls, one, style)
            _draw(right, np.maximum(one.seconds, LEAST_SECONDS), one, style)
        _name_starts(left, efforts, styles)
        _savings(left, efforts)
        for axis in (left, right):
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(LogLocator(subs=_subs(efforts)))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
            axis.yaxis.set_minor_formatter(NullFormatter())
        finish(left, "J against calls of the true solver")
        finish(right, "the same against time")
        left.set_xscale("symlog", linthresh=1.0, linscale=0.5)
        most = max(float(one.calls[-1]) for one in efforts)
        whole_ticks(left, [tick for tick in TICKS if tick <= 1.2 * most])
        left.set_xlim(-0.2, 1.3 * max(most, 1.0))
        left.set_xlabel("solutions + gradients, for one case")
        left.set_ylabel("J, mean over cases")
        right.set_xscale("log")
        right.set_xlabel("seconds for one case (at least 0.1 ms)")
        figure.suptitle(records[0].title, x=0.01, ha="left", fontsize=9)
        shared_legend(figure, (left,), "marker: whole method\nline: J after each gradient")


@dataclass(frozen=True)
class _Effort:
    """J of a method as it goes on, of each seed, and what it has taken by then.

    Attributes:
        method: its name.
        label: its name for readers.
        learned: whether it was trained.
        start: what its descent begins with; empty: there is none.
        j: mean over cases, ``[seeds, k]``; k is 1 where it is not known on the way.
        calls: solutions and gradients of a case, ``[k]``.
        seconds: of a case, ``[k]``.
    """

    method: str
    label: str
    learned: bool
    start: str
    j: Values
    calls: Values
    seconds: Values

    @classmethod
    def of(cls, seeds: Sequence[Record]) -> _Effort:
        """Take it from the records of a method."""
        curves = [one.scores.get("j_after_gradients") for one in seeds]
        total = _mean(one.mean(CALLS.name) + one.mean(GRADIENTS.name) for one in seeds)
        seconds = _mean(one.cost.seconds for one in seeds)
        first, start = seeds[0], ""
        j, left, each = np.array([[one.mean(J.name)] for one in seeds]), np.zeros(1), 0.0
        known = [np.asarray(curve).mean(axis=0) for curve in curves if curve is not None]
        if len(known) == len(seeds):
            j = np.stack(known)
            left = np.arange(j.shape[1], dtype=np.float64)[::-1]
            each = _mean(float(one.notes[PER_GRADIENT]) for one in seeds)
            start = STARTS[str(first.design.options.get("start", ""))]
        return cls(
            method=first.method,
            label=first.label,
            learned=first.learned,
            start=start,
            j=j,
            calls=total - left,
            seconds=seconds - left * each,
        )

    def calls_for(self, j: float) -> float:
        """Return the calls after which its mean J is as low; NaN: never, or before it begins."""
        mean = self.j.mean(axis=0)
        after = int(np.argmax(mean <= j))
        if mean[after] > j or after == 0:
            return math.nan
        low, high = np.log(mean[after]), np.log(mean[after - 1])
        part = (high - math.log(j)) / (high - low)
        return float(self.calls[after - 1] + part * (self.calls[after] - self.calls[after - 1]))


def _subs(efforts: Sequence[_Effort]) -> tuple[float, ...]:
    """Where ticks of J stand in a decade: closer together where there is less than one."""
    found = [float(value) for one in efforts for value in one.j.mean(axis=0)]
    few, many = (1.0, 2.0, 5.0), (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
    return few if max(found) > 10 * min(found) else many


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))


def _draw(axis: Axes, x: Values, one: _Effort, style: dict[str, Any]) -> None:
    if len(x) > 1:
        plot_with_range(axis, x, one.j, "_", {**style, "marker": "", "linewidth": 1.2})
    label = textwrap.fill(one.label, 24)
    alone = {**style, "linestyle": ""}
    plot_with_range(axis, x[-1:], one.j[:, -1:], label, alone)


def _name_starts(axis: Axes, efforts: Sequence[_Effort], styles: Styles) -> None:
    """Say where the lines begin, the longest from each start once."""
    longest: dict[tuple[str, bool], _Effort] = {}
    for one in efforts:
        key = (one.start, one.learned)
        if one.start and (key not in longest or len(one.calls) > len(longest[key].calls)):
            longest[key] = one
    for one in longest.values():
        at = (float(one.calls[0]), float(one.j[:, 0].mean()))
        colour = styles[one.method]["color"]
        axis.annotate(one.start, at, (4, 4), color=colour, **WRITTEN)


def _savings(axis: Axes, efforts: Sequence[_Effort]) -> None:
    """Draw arrows from the ends of trained methods' lines to the best line without training."""
    for one in efforts:
        if not one.learned or len(one.calls) == 1:
            continue
        j, end = float(one.j[:, -1].mean()), float(one.calls[-1])
        found = [other.calls_for(j) for other in efforts if not other.learned]
        needed = min((calls for calls in found if not math.isnan(calls)), default=math.nan)
        if math.isnan(needed):
            continue
        arrow: dict[str, Any] = {"arrowstyle": "->", "color": "0.3", "linewidth": 0.8}
        arrow |= {"shrinkA": 4, "shrinkB": 0}
        axis.annotate("", (needed, j), (end, j), arrowprops=arrow)
        saved = needed - end
        said = f"{'saves' if saved > 0 else 'costs'} {number(abs(saved), 2)} calls"
        axis.annotate(said, (end, j), (-6, -3), ha="right", **WRITTEN)
