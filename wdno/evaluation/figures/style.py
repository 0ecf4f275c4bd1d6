"""The one style of all figures: sizes, fonts, colours, and how a figure is saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter
from numpy.typing import NDArray

from wdno.evaluation.record import Record
from wdno.files import atomic_path

WIDTH = 7.0
"""Width of a page of two columns, in inches."""
RANGE = "line: mean\nband: range of seeds"
"""Heading of a legend of lines over seeds."""

Styles = dict[str, dict[str, Any]]
"""Colour, dashes and marker of each method, by its name."""

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "legend.title_fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "axes.linewidth": 0.6,
    "axes.grid": False,
    "grid.color": "0.88",
    "grid.linewidth": 0.5,
    "axes.axisbelow": True,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.hashsalt": "wdno",
}

# Okabe and Ito's palette, told apart with any colour vision; dashes and markers say it again.
_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    {"color": "#D55E00", "linestyle": (0, (5, 1.5)), "marker": "s"},
    {"color": "#009E73", "linestyle": (0, (4, 1.5, 1, 1.5)), "marker": "^"},
    {"color": "#CC79A7", "linestyle": (0, (1.5, 1)), "marker": "D"},
    {"color": "#E69F00", "linestyle": (0, (8, 2)), "marker": "v"},
    {"color": "#56B4E9", "linestyle": (0, (3, 1, 1, 1, 1, 1)), "marker": "P"},
    {"color": "#8C6D1F", "linestyle": (0, (2, 2)), "marker": "X"},
    {"color": "#4B2E83", "linestyle": (0, (6, 1, 2, 1)), "marker": "*"},
)
_SHIFT = 3
"""By how much dashes and markers move on at each return of the colours; without common factors."""
_BASELINES: tuple[dict[str, Any], ...] = (
    {"color": "0.45", "linestyle": (0, (1, 1.2)), "marker": "."},
    {"color": "0.65", "linestyle": (0, (4, 1)), "marker": "1"},
    {"color": "0.25", "linestyle": (0, (3, 1, 1, 1)), "marker": "x"},
    {"color": "0.1", "linestyle": (0, (6, 1.5)), "marker": "+"},
    {"color": "0.35", "linestyle": (0, (8, 1.5, 1, 1.5)), "marker": "d"},
    {"color": "0.55", "linestyle": (0, (2, 1)), "marker": "2"},
)


def look(position: int) -> dict[str, Any]:
    """Colour, dashes and marker of the line at this position.

    From the ninth on colours return, with other dashes and markers; from the 65th on all return.
    """
    turn, place = divmod(position, len(_LOOKS))
    return {**_LOOKS[(place + _SHIFT * turn) % len(_LOOKS)], "color": _LOOKS[place]["color"]}


def looks(records: Iterable[Record]) -> Styles:
    """Colour and dashes of each method, as they first occur; untrained methods are grey."""
    chosen: Styles = {}
    learned = untrained = 0
    for record in records:
        if record.method in chosen:
            continue
        if record.learned:
            chosen[record.method] = look(learned)
            learned += 1
        else:
            chosen[record.method] = dict(_BASELINES[untrained % len(_BASELINES)])
            untrained += 1
    return chosen


@contextmanager
def drawing(path: str | Path, width: float, height: float) -> Iterator[Figure]:
    """Give an empty figure, and save it as `{path}.png` and `{path}.pdf` once it is drawn.

    The files hold no dates, so that the same figure is the same file.

    Args:
        path: without suffix.
        width: in inches.
        height: in inches.
    """
    path = Path(path)
    with mpl.rc_context(STYLE):
        # Without pyplot: no display, no state between figures.
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        show_as_written(figure)
        # One layout for both files, found once: it takes longer than drawing.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for suffix, metadata in (("png", {"Software": None}), ("pdf", {"CreationDate": None})):
            with atomic_path(path.parent / f"{path.name}.{suffix}") as temporary:
                figure.savefig(temporary, format=suffix, metadata=metadata)


def show_as_written(artist: Artist) -> None:
    """Show all text in a figure as it is: labels and titles may hold `$`, which is no formula.

    The numbers along axes are left as formulas, since powers of ten are.

    Args:
        artist: a figure, or a part of one.
    """
    if isinstance(artist, Text):
        artist.set_parse_math(False)
    children = [artist.label] if isinstance(artist, Axis) else artist.get_children()
    for child in children:
        show_as_written(child)


def tick_text(text: str) -> str:
    """Return text to stand along an axis, where `$` would begin a formula."""
    return text.replace("$", r"\$")


def shared_legend(figure: Figure, axes: Iterable[Axes], title: str | None = None) -> Legend:
    """Put one legend of all axes' lines, each label once, to the right of the figure."""
    entries: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    return figure.legend(
        entries.values(),
        entries.keys(),
        loc="outside right upper",
        title=title,
        alignment="left",
        handlelength=3.0,
    )


def plot_with_range(
    axis: Axes,
    x: NDArray[np.floating],
    lines: NDArray[np.floating],
    label: str,
    style: dict[str, Any],
    *,
    logarithmic: bool = True,
    **options: Any,
) -> None:
    """Draw the mean of several lines, and the range between the lowest and highest as a band.

    What the axis cannot show (not finite; on a logarithmic one also zero and negative) is left out;
    the label says where values are not finite.

    Args:
        axis: where to draw.
        x: `[n]`.
        lines: `[seeds, n]`.
        label: for the legend.
        style: colour and dashes.
        logarithmic: whether the vertical axis is, or will be.
        **options: further options of the line.
    """
    finite = np.isfinite(lines)
    if not finite.all():
        label += " (partly not finite)" if finite.any() else " (not finite)"
    lines = np.where(finite & (lines > 0) if logarithmic else finite, lines, np.nan)
    axis.plot(x, lines.mean(axis=0), label=label, **{**style, **options})
    if len(lines) > 1:
        band = {"color": style["color"], "alpha": 0.2, "linewidth": 0}
        axis.fill_between(x, lines.min(axis=0), lines.max(axis=0), **band)


def axis_label(name: str, symbol: str = "", unit: str = "") -> str:
    """Write `time t (s)`; a unit that is empty or `1` is left out."""
    words = " ".join(filter(None, (name, symbol)))
    return f"{words} ({unit})" if unit not in ("", "1") else words


def row_size(panels: int) -> tuple[float, float]:
    """Width and height in inches of panels side by side, with room for the legend on the right."""
    return (5.4 if panels == 1 else max(WIDTH, 2.3 * panels + 1.6)), 2.7


def finish(axis: Axes, title: str) -> None:
    """Give a panel of curves its title, its grid, and its frame on two sides."""
    axis.set_title(title)
    axis.grid(True)
    axis.spines[["top", "right"]].set_visible(False)


def whole_ticks(axis: Axes, ticks: Iterable[float]) -> None:
    """Write plain numbers at these places of the horizontal axis, and nowhere else."""
    axis.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(ScalarFormatter())
