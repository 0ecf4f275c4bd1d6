"""The plane of two space axes: its shape, and what lies over images of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from wdno.data.scene import SceneMap
from wdno.evaluation.figures.coastlines import (
    bounds,
    coastlines,
    continuous_longitudes,
    degree_label,
)
from wdno.evaluation.figures.examples import DrawnExamples
from wdno.evaluation.figures.images import Values, image
from wdno.evaluation.figures.scene_overlay import draw_scene
from wdno.evaluation.figures.style import axis_label


class Plane:
    """The two space axes `x` and `y`: a map where they are longitudes and latitudes.

    A unit of `y` is `aspect` times as long as one of `x`, a panel `ratio` times as high as wide.
    """

    def __init__(
        self,
        coordinates: Mapping[str, NDArray[np.floating]],
        units: Mapping[str, str],
        scene: SceneMap | None = None,
    ) -> None:
        """Of two axes.

        Args:
            coordinates: of `y` and of `x`, in this order, by their names.
            units: of both.
            scene: what lies over the images; None: nothing.
        """
        names = list(coordinates)[::-1]
        self.x, self.y = (np.asarray(coordinates[name], dtype=float) for name in names)
        units_of = [units.get(name, "") for name in names]
        self.map = units_of == ["degrees_east", "degrees_north"]
        labels = (axis_label(name, unit=unit) for name, unit in zip(names, units_of, strict=True))
        self.labels = ["" if self.map else label for label in labels]
        self.aspect = 1.0
        if self.map:
            self.x = continuous_longitudes(self.x)
            self.aspect = 1.0 / max(float(np.cos(np.deg2rad(self.y.mean()))), 0.1)
        x, y = bounds(self.x), bounds(self.y)
        self.coasts = coastlines(*x, *y) if self.map else []
        self.scene = scene
        self.ratio = self.aspect * (y[1] - y[0]) / (x[1] - x[0])

    @classmethod
    def of(cls, examples: DrawnExamples) -> Plane:
        """Take the plane of the examples of a record."""
        coordinates = {name: examples.coordinates[name] for name in examples.space}
        units = {name: examples.unit(name) for name in examples.space}
        return cls(coordinates, units, examples.scene)

    def draw(self, axis: Axes, values: Values, dark: bool, **options: Any) -> Any:
        """Draw values `[ny, nx]`, coastlines and scene; `dark` says that the colours are.

        Returns:
            The image, a `QuadMesh`.
        """
        drawn = image(axis, self.x, self.y, values, **options)
        axis.set_aspect(self.aspect)
        for colour, width in (("white", 0.4),) if dark else (("white", 0.9), ("black", 0.4)):
            if self.coasts:
                lines = LineCollection(self.coasts, colors=colour, linewidths=width)
                axis.add_collection(lines, autolim=False)
        if self.scene is not None:
            draw_scene(axis, self.scene, dark=dark)
        for side, signs in ((axis.xaxis, "WE"), (axis.yaxis, "SN")):
            wide = self.map and np.ptp(self.x) > 90  # then in steps of 90 and 180 degrees
            steps = [1, 1.8, 3, 4.5, 9, 10] if wide else [1, 2, 5, 10]
            side.set_major_locator(MaxNLocator(2, steps=steps))
            if self.map:
                side.set_major_formatter(FuncFormatter(partial(degree_label, signs=signs)))
        return drawn
