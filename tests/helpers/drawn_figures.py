"""What stands in a figure that was drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from synthetic_evaluations import changed, evaluation

from wdno.evaluation.record import Record


def on_map(
    grid: tuple[int, int, int],
    longitudes: NDArray[np.float64] | None = None,
    latitudes: NDArray[np.float64] | None = None,
    **options: Any,
) -> Record:
    """Make a record of WDNO on longitudes and latitudes."""
    count, ny, nx = grid
    longitude = np.linspace(-10, 2, nx) if longitudes is None else longitudes
    latitude = np.linspace(60, 50, ny) if latitudes is None else latitudes
    axes = {"time": 6.0 * np.arange(1, count + 1), "latitude": latitude, "longitude": longitude}
    units = {"time": "h", "latitude": "degrees_north", "longitude": "degrees_east", "u": "K"}
    title = "Reanalysis (synthetic)"
    return evaluation("wdno", grid=grid, axes=axes, units=units, title=title, **options)


def kept(record: Record, name: str) -> NDArray[np.floating]:
    """Return a variable of the examples of a record; to write into it changes the record."""
    values: NDArray[np.floating] = record.shown()[name].values
    return values


def with_examples(record: Record, **values: NDArray[np.floating]) -> Record:
    """Give a record other examples: other values of some of the variables."""
    data = record.shown().copy(deep=True)
    for name, new in values.items():
        data[name] = (data[name].dims, np.asarray(new), data[name].attrs)
    return changed(record, examples=data)


def with_scores(record: Record, **values: NDArray[np.floating]) -> Record:
    """Give a record other scores or curves."""
    data = record.scores.copy(deep=True)
    for name, new in values.items():
        data[name] = (data[name].dims, np.asarray(new))
    return changed(record, scores=data)


def panels(figure: Figure):
    """Axes with an image."""
    return [axis for axis in figure.axes if axis.get_facecolor()[0] == 0.75]


def values(axis):
    """Values of the image of a panel."""
    return np.asarray(axis.collections[0].get_array())


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def legend(figure: Figure) -> list[str]:
    """Labels of the legend of a figure."""
    return [text.get_text() for text in figure.legends[0].get_texts()]
