"""All scores of one method on a test set, over all fields together and field by field.

They are a data set as a record holds them (:mod:`wdno.evaluation.record`), with the names of
:mod:`.metrics`: scores along ``case``, those of each field and series (`field_mse`, `series_mse`,
...) along ``(field, case)`` and ``(series, case)``, and the curves

| name | dimensions |
|---|---|
| `mse_over_time` | ``(case, field, time)`` |
| `series_mse_over_time` | ``(case, series, time)``, where there are series |
| `spectrum_truth`, `spectrum_prediction` | ``(field, wavenumber)``, means over cases and times |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from wdno.evaluation.record import CASE
from wdno.evaluation.scores.flow import FlowMeasure
from wdno.evaluation.scores.forecast import (
    ANOMALY_CORRELATION,
    MSE_MEAN_WEIGHTED,
    MSE_WEIGHTED,
    SPREAD,
    anomaly_correlation,
    mse_mean_weighted,
    mse_weighted,
    spread,
)
from wdno.evaluation.scores.pointwise import (
    CRPS,
    MAE,
    MAE_NORMALISED,
    MAX_ERROR,
    MAX_ERROR_NORMALISED,
    MSE,
    MSE_MEAN,
    MSE_NORMALISED,
    RELATIVE_L2,
    Float,
    check_shapes,
    crps,
    float64,
    mae,
    max_error,
    mse,
    mse_mean,
    mse_over_time,
    relative_l2,
)
from wdno.evaluation.scores.spectrum import SPECTRUM_ERROR, energy_spectrum, spectrum_distance
from wdno.evaluation.scores.steepness import MSE_STEEPEST, TENTHS, mse_by_steepness
from wdno.tasks.simulation.metrics import METRICS, MSE_WITH_SERIES

if TYPE_CHECKING:
    from wdno.evaluation.scores.pointwise import Array

ITEMS = ("field", "series")


@dataclass(frozen=True)
class Measure:
    """What errors are measured with, beside the truth.

    Attributes:
        periodic: for each space axis whether the domain is periodic; None: no axis is.
        spreads: standard deviation of each field in training, `[F]`; None: no normalised errors.
        weights: of the cells of space, mean 1, `[*S]`; None: no weighted errors.
        flow: what is known of mass and velocity; None: nothing.
        deterministic: whether the method gives one prediction and no distribution: its CRPS is then
            its mean absolute error.
    """

    periodic: Sequence[bool] | None = None
    spreads: Float | None = None
    weights: Float | None = None
    flow: FlowMeasure | None = None
    deterministic: bool = False


@dataclass(frozen=True)
class Series:
    """Truth and prediction of fields without space.

    Attributes:
        names: of the S series.
        truth: `[N, S, T]`.
        prediction: `[N, M, S, T]`.
    """

    names: Sequence[str]
    truth: Array
    prediction: Array

    def part(self, cases: slice) -> tuple[Float, Float]:
        """Return truth and prediction of some cases, with one point of space."""
        return float64(self.truth[cases])[..., None], float64(self.prediction[cases])[..., None]


def score(
    truth: Array,
    prediction: Array,
    fields: Sequence[str],
    *,
    measure: Measure | None = None,
    climatology: Array | None = None,
    series: Series | None = None,
    batch_size: int = 16,
) -> xr.Dataset:
    """Compute every score, over all fields and field by field.

    Args:
        truth: `[N, F, T, *S]`, without the given frames.
        prediction: `[N, M, F, T, *S]`.
        fields: the F names.
        measure: what errors are measured with; None: nothing of it.
        climatology: `[N, F, T, *S]`, for the anomaly correlation; None: no correlation.
        series: series of the same cases; None: there are none.
        batch_size: cases converted to float64 at a time.

    Returns:
        Scores and curves; `wavenumber` is in cycles per length of the domain, `time` without
        coordinates.

    Raises:
        ValueError: shapes or names do not fit, or the truth is not finite.
    """
    if truth.ndim < 4 or len(fields) != truth.shape[1] or len(set(fields)) < len(fields):
        raise ValueError(
            f"score: expected one name for each field of truth [cases, fields, time, *space], got "
            f"{list(fields)} and shape {tuple(truth.shape)}"
        )
    measure = measure or Measure()
    check_shapes(truth, prediction)
    parts = []
    for start in range(0, len(truth), batch_size):
        cases = slice(start, start + batch_size)
        y = float64(truth[cases])
        if not np.isfinite(y).all():
            bad = start + np.flatnonzero(~np.isfinite(y.reshape(len(y), -1)).all(axis=1))
            raise ValueError(f"score: the truth of cases {bad.tolist()} is not finite")
        x = float64(prediction[cases])
        normal = None if climatology is None else float64(climatology[cases])
        found = _of_fields(y, x, normal, fields, measure)
        if series is not None and len(series.names):
            found = _with_series(found, series, cases, measure)
        parts.append(found)
    return join(parts)


def _of_fields(
    y: Float, x: Float, climatology: Float | None, fields: Sequence[str], measure: Measure
) -> xr.Dataset:
    """Scores of cases without series."""
    periodic = measure.periodic or (False,) * (y.ndim - 3)
    wavenumber, spectrum_truth = energy_spectrum(y, periodic)
    spectrum_prediction = energy_spectrum(x, periodic)[1]
    distance = spectrum_distance(spectrum_truth[:, None], spectrum_prediction).mean(axis=1)
    steepness = np.stack(
        [mse_by_steepness(y[:, [i]], x[:, :, [i]]) for i in range(len(fields))], axis=1
    )
    by_field = {}
    for index, name in enumerate(fields):
        normal = None if climatology is None else climatology[:, [index]]
        scale = None if measure.spreads is None else measure.spreads[[index]]
        one = replace(measure, spreads=scale)
        by_field[name] = _pointwise(y[:, [index]], x[:, :, [index]], normal, one)
        by_field[name][SPECTRUM_ERROR.name] = distance[:, index]
        by_field[name][MSE_STEEPEST.name] = steepness[:, index, -1]
    together = (
        dict(by_field[fields[0]]) if len(fields) == 1 else _pointwise(y, x, climatology, measure)
    )
    if measure.flow is not None:
        together |= measure.flow.errors(y, x)
    defined = np.isfinite(distance)
    together[SPECTRUM_ERROR.name] = np.divide(
        np.where(defined, distance, 0.0).sum(axis=1),
        defined.sum(axis=1),
        out=np.full(len(y), np.nan),
        where=defined.any(axis=1) & np.isfinite(x).reshape(len(x), -1).all(axis=1),
    )
    together[MSE_STEEPEST.name] = steepness[:, :, -1].mean(axis=1)
    over_time = [mse_over_time(y[:, [i]], x[:, :, [i]]) for i in range(len(fields))]
    return xr.Dataset(
        {
            **{name: (CASE, values) for name, values in together.items()},
            **_by_item("field", by_field),
            "mse_over_time": ((CASE, "field", "time"), np.stack(over_time, axis=1)),
            "mse_by_steepness": (("field", "tenth"), steepness.mean(axis=0)),
            "spectrum_truth": (("field", "wavenumber"), spectrum_truth.mean(axis=0)),
            "spectrum_prediction": (("field", "wavenumber"), spectrum_prediction.mean(axis=(0, 1))),
        },
        {
            "field": list(fields),
            "wavenumber": ("wavenumber", wavenumber, {"units": "cycles / length"}),
            "tenth": np.arange(1, TENTHS + 1),
        },
    )


def _with_series(scores: xr.Dataset, series: Series, cases: slice, measure: Measure) -> xr.Dataset:
    y, x = series.part(cases)
    check_shapes(y, x)
    columns = {name: (y[:, [i]], x[:, :, [i]]) for i, name in enumerate(series.names)}
    fields = scores.sizes["field"]
    total = fields * scores[MSE.name].values + len(columns) * mse(y, x)
    plain = Measure(deterministic=measure.deterministic)
    by_series = {name: _pointwise(*pair, None, plain) for name, pair in columns.items()}
    for found in by_series.values():
        # A share that stays near zero is no scale.
        del found[RELATIVE_L2.name]
    over_time = np.stack([mse_over_time(*pair) for pair in columns.values()], axis=1)
    return scores.assign_coords(series=list(series.names)).assign(
        {
            MSE_WITH_SERIES.name: (CASE, total / (fields + len(columns))),
            **_by_item("series", by_series),
            "series_mse_over_time": ((CASE, "series", "time"), over_time),
        }
    )


def _pointwise(y: Float, x: Float, climatology: Float | None, measure: Measure) -> dict[str, Float]:
    found = {MSE.name: mse(y, x), RELATIVE_L2.name: relative_l2(y, x)}
    found |= {MAE.name: mae(y, x), MAX_ERROR.name: max_error(y, x)}
    if measure.spreads is not None:
        scale = measure.spreads.reshape((-1, *(1,) * (y.ndim - 2)))
        normalised = {MSE_NORMALISED: mse, MAE_NORMALISED: mae, MAX_ERROR_NORMALISED: max_error}
        found |= {metric.name: of(y / scale, x / scale) for metric, of in normalised.items()}
    weights = np.ones(y.shape[3:]) if measure.weights is None else measure.weights
    if x.shape[1] > 1:
        found |= {MSE_MEAN.name: mse_mean(y, x), SPREAD.name: spread(x, weights)}
    if measure.deterministic:
        found[CRPS.name] = found[MAE.name]
    elif x.shape[1] > 1:
        found[CRPS.name] = crps(y, x)
    if measure.weights is not None:
        found[MSE_WEIGHTED.name] = mse_weighted(y, x, weights)
        if x.shape[1] > 1:
            found[MSE_MEAN_WEIGHTED.name] = mse_mean_weighted(y, x, weights)
    if climatology is not None:
        correlation = anomaly_correlation(y, x, weights, climatology)
        found[ANOMALY_CORRELATION.name] = correlation
    return found


def _by_item(
    kind: str, items: Mapping[str, Mapping[str, Float]]
) -> dict[str, tuple[tuple[str, str], Float]]:
    names = next(iter(items.values()))
    return {
        f"{kind}_{name}": ((kind, CASE), np.stack([values[name] for values in items.values()]))
        for name in names
    }


def join(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Join the scores of batches of cases into those of all cases, in order.

    Raises:
        ValueError: there are no parts, or they differ in scores, fields or grid.
    """
    if not parts:
        raise ValueError("join: expected the scores of at least one batch of cases, got none")

    def keys(part: xr.Dataset) -> str:
        items = [part[kind].values.tolist() for kind in ITEMS if kind in part.dims]
        sizes = ", ".join(f"{part.sizes[dim]} of {dim}" for dim in ("time", "wavenumber"))
        return f"{sorted(map(str, part))}, {items}, {sizes}"

    if len(found := {keys(part) for part in parts}) > 1:
        raise ValueError(f"join: batches differ in scores, fields, times or grid: {found}")
    counts = [part.sizes[CASE] for part in parts]
    variables = {}
    for name in _in_order(parts[0]):
        dims, values = parts[0][name].dims, [part[name].values for part in parts]
        if CASE in dims:
            variables[name] = (dims, np.concatenate(values, axis=dims.index(CASE)))
        else:
            variables[name] = (dims, np.average(values, axis=0, weights=counts))
    coordinates = {str(name): axis for name, axis in parts[0].coords.items() if name != CASE}
    return xr.Dataset(variables, {**coordinates, CASE: np.arange(sum(counts))})


def _in_order(part: xr.Dataset) -> list[str]:
    """Names of the variables: scores as the metrics are listed, then those of items, curves."""
    names = [*METRICS, *(f"{kind}_{name}" for kind in ITEMS for name in METRICS)]
    known = [name for name in names if name in part]
    return known + [str(name) for name in part.data_vars if name not in known]
