"""What stands in a figure that was drawn."""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.figure import Figure


def on_map(record, longitudes=None, latitudes=None):
    """Put a record on longitudes and latitudes."""
    count, ny, nx = record.grid.values()
    longitude = np.linspace(-10, 2, nx) if longitudes is None else longitudes
    latitude = np.linspace(60, 50, ny) if latitudes is None else latitudes
    coordinates = {"time": 6.0 * np.arange(1, count + 1)}
    coordinates |= {"latitude": latitude, "longitude": longitude}
    units = {"time": "h", "latitude": "degrees_north", "longitude": "degrees_east", "u": "K"}
    title = "Reanalysis (synthetic)"
    return dataclasses.replace(record, coordinates=coordinates, units=units, title=title)


def panels(figure: Figure):
    """Axes with an image."""
    return [axis for axis in figure.axes if axis.get_facecolor()[0] == 0.75]


def values(axis):
    """Values of the image of a panel."""
    return np.asarray(axis.collections[0].get_array())


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axis in figure.axes for text in axis.texts]
