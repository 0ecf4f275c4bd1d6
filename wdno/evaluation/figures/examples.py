"""The examples of a record as arrays, as figures draw them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from wdno.data.scene import SceneMap
from wdno.evaluation.record import EvaluationError, Record

Array = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class DrawnExamples:
    """E cases of one record: truth and one prediction, and what their axes mean.

    The data set `examples` of the record has the variables `truth` and `prediction` along
    ``(example, field, time, *space)``, and where they are known `given` ``(example, field,
    *space)``, `series_truth` and `series_prediction` ``(example, series, time)``, and a scene.
    Axes have the attribute `units`; the attribute `units` of the data set is a JSON object of the
    units of fields and series.

    Attributes:
        record: what they are of.
        cases: positions in the test set, ``[E]``.
        fields: names of the F fields.
        series: names of the S series.
        coordinates: `time` (of the T generated frames) and the axes of space, in the order of the
            arrays' axes.
        units: of axes, fields and series, by name.
        truth: ``[E, F, T, *S]``.
        prediction: ``[E, F, T, *S]``.
        given: the frame before the first generated one, ``[E, F, *S]``; None: not kept.
        given_time: time of that frame.
        series_truth: ``[E, S, T]``.
        series_prediction: ``[E, S, T]``.
        scene: obstacles, buckets and control frame; None: there are none.
    """

    record: Record
    cases: NDArray[np.integer]
    fields: tuple[str, ...]
    series: tuple[str, ...]
    coordinates: dict[str, Array]
    units: dict[str, str]
    truth: Array
    prediction: Array
    given: Array | None
    given_time: float
    series_truth: Array
    series_prediction: Array
    scene: SceneMap | None

    @property
    def time(self) -> Array:
        """Times of the generated frames, ``[T]``."""
        return self.coordinates["time"]

    @property
    def space(self) -> list[str]:
        """Names of the axes of space."""
        return list(self.coordinates)[1:]

    def unit(self, name: str) -> str:
        """Return the units of an axis, a field or a series; empty: none, or not known."""
        unit = self.units.get(name, "")
        return "" if unit == "1" else unit

    @classmethod
    def of(cls, record: Record) -> DrawnExamples:
        """Take the examples of a record.

        Raises:
            EvaluationError: they were not read, lack truth or prediction, or do not have the axes
                of a trajectory.
        """
        data = record.shown()
        for name in ("truth", "prediction"):
            if name not in data or data[name].dims[:3] != ("example", "field", "time"):
                found = f"has {data[name].dims}" if name in data else "is absent"
                raise EvaluationError(
                    f"{record.where}: {name!r} of the examples {found}, expected (example, field, "
                    "time, *space); evaluate again"
                )
        axes = [str(axis) for axis in data["truth"].dims[2:]]
        fields = tuple(map(str, data["field"].values))
        series = tuple(map(str, data["series"].values)) if "series_truth" in data else ()
        none = np.zeros((data.sizes["example"], 0, data.sizes["time"]))
        return cls(
            record=record,
            cases=data["example"].values,
            fields=fields,
            series=series,
            coordinates={axis: data[axis].values for axis in axes},
            units={axis: units_of(data[axis]) for axis in axes}
            | dict(json.loads(data.attrs.get("units", "{}"))),
            truth=data["truth"].values,
            prediction=data["prediction"].values,
            given=data["given"].values if "given" in data else None,
            given_time=float(data.attrs.get("given_time", 0.0)),
            series_truth=data["series_truth"].values if series else none,
            series_prediction=data["series_prediction"].values if series else none,
            scene=SceneMap.from_dataset(data),
        )


def units_of(variable: xr.DataArray) -> str:
    """Return the units of an axis; empty: none, or not known."""
    return str(variable.attrs.get("units", ""))


def of_same_cases(records: Sequence[Record], count: int | None = None) -> list[DrawnExamples]:
    """Take the examples of records, which must be of the same cases.

    Args:
        records: one of each method.
        count: how many examples are drawn; None: all.

    Raises:
        EvaluationError: they are not, there are fewer than `count`, or as
            :meth:`DrawnExamples.of`.
    """
    found = [DrawnExamples.of(record) for record in records]
    first = found[0]
    kept = len(first.cases)
    if count is not None and not 1 <= count <= kept:
        raise EvaluationError(
            f"{first.record.where}: {count} examples asked for, {kept} are recorded"
        )
    for other in found[1:]:
        same = np.array_equal(first.cases, other.cases) and first.truth.shape == other.truth.shape
        if not same or not np.allclose(first.truth, other.truth):
            raise EvaluationError(
                f"{other.record.where}: its examples are of other cases than those of "
                f"{first.record.where}; evaluate both on the same test set"
            )
    return found
