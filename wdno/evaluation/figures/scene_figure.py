"""Figure of a scene: obstacles, buckets, control frame, and the starts and paths of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from wdno.data.netcdf import DataError, open_dataset
from wdno.data.scene import SceneMap
from wdno.evaluation.figures.images import Values
from wdno.evaluation.figures.scene_overlay import (
    CONTROLLED,
    TARGET,
    draw_scene,
    edges,
    legend_entries,
    rectangles,
)
from wdno.evaluation.figures.style import axis_label, drawing

_BLOCK = 32  # samples read at a time
_PATHS = ("#0072B2", "#D55E00", "#CC79A7")
_TIMES: tuple[Any, ...] = ((0, (1, 1)), (0, (4, 1.5)), "-")


def scene(data: str | Path, path: str | Path) -> None:
    """Draw the scene of a data set, where its trajectories begin, and where three of them go.

    Shaded is the mean over the set of the first frame of the field that is a mass density (the
    first state field, where the file names none). Lines are contours of that field of the first
    three samples, at a quarter of its first maximum, at the first, middle and last time.

    Args:
        data: a data file with a scene; see `System.static`.
        path: without suffix.

    Raises:
        DataError: the file is absent or damaged, or has no scene.
    """
    with open_dataset(Path(data)) as dataset:
        found = SceneMap.from_dataset(dataset)
        if found is None:
            raise DataError(
                f"data file {data}: has no scene; expected the static variables obstacle, "
                "bucket and control_frame"
            )
        _draw(dataset, found, path)


def _draw(dataset: xr.Dataset, scene: SceneMap, path: str | Path) -> None:
    states = [v for v in dataset.data_vars.values() if v.attrs.get("role") == "state"]
    field = dataset[dataset.attrs.get("mass_density", states[0].name)]
    y, x = (dataset[dim] for dim in field.dims[2:])
    start = _mean_start(field)
    with drawing(path, 6.4, 4.6) as figure:
        axis = figure.subplots()
        shaded = axis.pcolormesh(x, y, start, cmap="Greys", vmax=2.0 * (start.max() or 1.0))
        shaded.set_rasterized(True)
        paths = _paths(axis, dataset, field)
        frame = rectangles(scene, scene.control_frame)
        tint: dict[str, Any] = {"facecolors": "#E69F00", "alpha": 0.13, "linewidths": 0}
        axis.add_collection(PolyCollection(frame, **tint))
        draw_scene(axis, scene)
        for number in scene.buckets:
            _number(axis, scene, number)
        axis.set_aspect("equal")
        axis.set(xlim=edges(scene.x)[[0, -1]], ylim=edges(scene.y)[[0, -1]])
        for set_label, dim in ((axis.set_xlabel, x), (axis.set_ylabel, y)):
            set_label(axis_label(str(dim.name), unit=str(dim.attrs.get("units", ""))))
        axis.set_title(str(dataset.attrs["title"]), loc="left", fontsize=9)
        entries: list[Any] = [e for e in legend_entries(scene) if e.get_label() != CONTROLLED]
        entries.append(Patch(facecolor="#E69F00", alpha=0.2, label="velocity controlled"))
        entries.append(Patch(color="0.6", label=f"mean start of {len(field)} samples"))
        figure.legend(handles=[*entries, *paths], loc="outside right upper")


def _mean_start(field: xr.DataArray) -> Values:
    """Mean of the first frame over all samples, `[ny, nx]`, read in blocks."""
    total = np.zeros(field.shape[2:])
    for first in range(0, len(field), _BLOCK):
        total += field[first : first + _BLOCK, 0].to_numpy().astype(np.float64).sum(axis=0)
    mean: Values = total / len(field)
    return mean


def _paths(axis: Axes, dataset: xr.Dataset, field: xr.DataArray) -> list[Line2D]:
    """Draw contours of the first samples at three times; return entries for the legend."""
    y, x = (dataset[dim].to_numpy() for dim in field.dims[2:])
    frames = np.unique(np.linspace(0, field.shape[1] - 1, len(_TIMES)).round().astype(int))
    entries = []
    for sample, colour in enumerate(_PATHS[: len(field)]):
        values = field[sample].to_numpy()
        level = 0.25 * float(values[0].max())
        for line, frame in zip(_TIMES, frames, strict=False):
            if values[frame].min() < level < values[frame].max():
                style: dict[str, Any] = {"colors": colour, "linestyles": [line]}
                axis.contour(x, y, values[frame], [level], linewidths=1.0, **style)
        name = f"sample {int(dataset['sample'][sample])}"
        entries.append(Line2D([], [], color=colour, linewidth=1.5, label=name))
    for line, frame in zip(_TIMES, frames, strict=False):
        time = dataset["time"][frame]
        unit = str(time.attrs.get("units", "1"))
        name = f"t = {float(time):.4g} {'' if unit == '1' else unit}".rstrip()
        entries.append(Line2D([], [], color="0.4", linestyle=line, linewidth=1.0, label=name))
    return entries


def _number(axis: Axes, scene: SceneMap, number: int) -> None:
    """Write the number of a bucket at its centre."""
    rows, columns = np.nonzero(scene.bucket == number)
    place = (float(scene.x[columns].mean()), float(scene.y[rows].mean()))
    target = number == scene.target
    style: dict[str, Any] = {
        "color": TARGET[False] if target else "0.2",
        "ha": "center",
        "va": "center",
    }
    style |= {"weight": "bold" if target else "normal", "fontsize": 9 if target else 8}
    halo = [withStroke(linewidth=2, foreground="white")]
    axis.text(*place, str(number), path_effects=halo, zorder=4, **style)
