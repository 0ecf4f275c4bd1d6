"""A scene over an image: obstacles filled, buckets and the control frame outlined."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from wdno.data.scene import Mask, SceneMap
from wdno.evaluation.figures.coastlines import bounds

Values = NDArray[np.float64]

CONTROLLED = "control frame, inner edge"
"""Label of the control frame in legends."""
TARGET = ("#009000", "#40E040")
_OBSTACLE = ("0.2", "0.6")
_BUCKET = ("0.35", "0.75")
_FRAME = ("0.55", "0.55")
"""Colours on light and on dark images."""
_TARGET_STYLE: dict[str, Any] = {"linewidths": 1.0}
_BUCKET_STYLE: dict[str, Any] = {"linewidths": 0.5}
_FRAME_STYLE: dict[str, Any] = {"linewidths": 0.5, "linestyles": [(0, (1, 2))]}


def draw_scene(axis: Axes, scene: SceneMap, *, dark: bool = False) -> None:
    """Draw a scene over what is there, at its own resolution; the limits of the axes stay.

    Args:
        axis: where to draw.
        scene: what to draw.
        dark: whether what is below is dark.
    """
    artists: list[Any] = []
    if scene.control_frame.any() and not scene.control_frame.all():
        lines = outline(scene, scene.control_frame, border=False)
        artists.append(LineCollection(lines, colors=_FRAME[dark], **_FRAME_STYLE))
    for number in scene.buckets:
        style = {"colors": _BUCKET[dark], **_BUCKET_STYLE}
        if number == scene.target:
            style = {"colors": TARGET[dark], **_TARGET_STYLE}
        lines = outline(scene, scene.bucket == number)
        artists.append(LineCollection(lines, capstyle="projecting", **style))
    # Edges keep what is thinner than a pixel visible.
    solid: dict[str, Any] = {
        "facecolors": _OBSTACLE[dark],
        "edgecolors": _OBSTACLE[dark],
        "linewidths": 0.2,
    }
    artists.append(PolyCollection(rectangles(scene, scene.obstacle), **solid))
    for position, artist in enumerate(artists):
        artist.set_zorder(2.5 + 0.01 * position)
        axis.add_collection(artist, autolim=False)


def legend_entries(scene: SceneMap) -> list[Artist]:
    """Return labelled handles of what `draw_scene` draws, for a legend."""
    entries: list[Artist] = []
    if scene.obstacle.any():
        entries.append(Patch(color=_OBSTACLE[False], label="obstacle"))
    if scene.target is not None:
        style: dict[str, Any] = {"color": TARGET[False], "linewidth": _TARGET_STYLE["linewidths"]}
        entries.append(Line2D([], [], label=f"target bucket ({scene.target})", **style))
    if len(scene.buckets) > (scene.target is not None):
        style = {"color": _BUCKET[False], "linewidth": _BUCKET_STYLE["linewidths"]}
        entries.append(Line2D([], [], label="other buckets", **style))
    if scene.control_frame.any():
        style = {"color": _FRAME[False], "linestyle": (0, (1, 1.5)), "linewidth": 0.8}
        entries.append(Line2D([], [], label=CONTROLLED, **style))
    return entries


def edges(centres: NDArray[np.floating]) -> Values:
    """Return the edges `[n + 1]` of equal cells around centres `[n]`, n > 1."""
    low, high = bounds(centres)
    flipped = bool(centres[0] > centres[-1])
    ends = (high, low) if flipped else (low, high)
    return np.linspace(*ends, len(centres) + 1)


def rectangles(scene: SceneMap, mask: Mask) -> list[Values]:
    """Cover the cells `[Y, X]` of a mask by rectangles, each as its corners `[4, 2]` (x, y)."""
    y, x = edges(scene.y), edges(scene.x)
    found: list[Values] = []
    open_runs: dict[tuple[int, int], int] = {}
    for row in range(len(mask) + 1):
        runs = _runs(mask[row]) if row < len(mask) else []
        for first, last in [run for run in open_runs if run not in runs]:
            low, high = y[open_runs.pop((first, last))], y[row]
            left, right = x[first], x[last]
            found.append(np.array([[left, low], [right, low], [right, high], [left, high]]))
        for run in runs:
            open_runs.setdefault(run, row)
    return found


def outline(scene: SceneMap, mask: Mask, border: bool = True) -> list[Values]:
    """Return the lines `[2, 2]` (x, y) between the cells of a mask and others.

    Args:
        scene: whose grid the mask is on.
        mask: `[Y, X]`.
        border: also where the cells end at the border of the grid.
    """
    y, x = edges(scene.y), edges(scene.x)
    mode: Any = "constant" if border else "edge"
    padded = np.pad(mask, 1, mode=mode)[:, 1:-1], np.pad(mask, 1, mode=mode)[1:-1]
    lines = []
    for row, differs in enumerate(padded[0][1:] != padded[0][:-1]):
        lines += [np.array([[x[a], y[row]], [x[b], y[row]]]) for a, b in _runs(differs)]
    for column, differs in enumerate((padded[1][:, 1:] != padded[1][:, :-1]).T):
        lines += [np.array([[x[column], y[a]], [x[column], y[b]]]) for a, b in _runs(differs)]
    return lines


def _runs(row: Mask) -> list[tuple[int, int]]:
    """Return first cell and the one after the last of each run of a row of a mask."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], row, [False])).astype(np.int8)))
    return [(int(first), int(last)) for first, last in ends.reshape(-1, 2)]
