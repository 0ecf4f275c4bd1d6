"""A few cases of a test set whole, as the records of simulation keep them for figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from wdno.data.scene import SceneMap
from wdno.evaluation.record import EvaluationError


@dataclass(frozen=True, kw_only=True)
class Examples:
    """E cases whole: truth and prediction.

    Attributes:
        cases: positions in the test set, ``[E]``.
        axes: coordinates of what is generated, `time` first, then those of space.
        fields: names of the F state fields.
        truth: ``[E, F, T, *S]``, without the given frames.
        prediction: ``[E, F, T, *S]``, the first sample.
        given: the last given frame, ``[E, F, *S]``.
        given_time: time of the last given frame.
        series: names of the S series.
        series_truth: ``[E, S, T]``; None without series.
        series_prediction: ``[E, S, T]``, the first sample; None without series.
        units: of axes, fields and series, by name.
        scene: obstacles, buckets and control frame; None: there are none.
    """

    cases: ArrayLike
    axes: Mapping[str, ArrayLike]
    fields: Sequence[str]
    truth: ArrayLike
    prediction: ArrayLike
    given: ArrayLike
    given_time: float = 0.0
    series: Sequence[str] = ()
    series_truth: ArrayLike | None = None
    series_prediction: ArrayLike | None = None
    units: Mapping[str, str]
    scene: SceneMap | None = None

    def dataset(self) -> xr.Dataset:
        """Return them as a data set of a record.

        Returns:
            Variables `truth`, `prediction` ``(example, field, time, *space)``, `given` ``(example,
            field, *space)``, `series_truth`, `series_prediction` ``(example, series, time)`` where
            there are series, and those of the scene as in a data file. Axes have the attribute
            `units`; the attribute `units` of the whole is JSON, the units of each field and series
            by name; the attribute `given_time` is the time of the last given frame.

        Raises:
            EvaluationError: a shape does not fit the cases, names and axes.
        """
        if next(iter(self.axes), None) != "time":
            raise EvaluationError(f"examples: axes {list(self.axes)} must begin with 'time'")
        space = tuple(self.axes)[1:]
        generated = {"truth": self.truth, "prediction": self.prediction}
        variables = {
            name: self._variable(name, values, ("example", "field", *self.axes))
            for name, values in generated.items()
        }
        variables["given"] = self._variable("given", self.given, ("example", "field", *space))
        if self.series:
            for name in ("series_truth", "series_prediction"):
                dims = ("example", "series", "time")
                variables[name] = self._variable(name, getattr(self, name), dims)
        if self.scene is not None:
            variables |= self.scene.to_variables()
        coordinates: dict[str, Any] = {
            name: (name, np.asarray(values), {"units": self.units.get(name, "")})
            for name, values in self.axes.items()
        }
        coordinates |= {"example": ("example", np.asarray(self.cases))}
        coordinates |= {"field": ("field", list(self.fields))}
        if self.series:
            coordinates["series"] = ("series", list(self.series))
        units = {name: self.units.get(name, "") for name in (*self.fields, *self.series)}
        attributes = {"given_time": self.given_time, "units": json.dumps(units, ensure_ascii=False)}
        return xr.Dataset(variables, coordinates, attributes)

    def _variable(self, name: str, values: ArrayLike | None, dims: tuple[str, ...]) -> Any:
        sizes = {"example": np.size(self.cases), "field": len(self.fields)}
        sizes |= {"series": len(self.series)}
        sizes |= {axis: np.size(points) for axis, points in self.axes.items()}
        expected = tuple(sizes[dim] for dim in dims)
        if np.shape(values) != expected:  # type: ignore[arg-type]
            raise EvaluationError(
                f"examples: {name} has shape {np.shape(values)}, expected "  # type: ignore[arg-type]
                f"[{', '.join(dims)}] = {expected} from the cases, names and axes"
            )
        return dims, np.asarray(values, dtype=np.float32)
