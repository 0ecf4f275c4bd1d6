"""All errors of one method on a test set, over all fields together and field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from wdno.evaluation.scores.flow import Flow
from wdno.evaluation.scores.forecast import (
    anomaly_correlation,
    mse_mean_weighted,
    mse_weighted,
    spread,
)
from wdno.evaluation.scores.pointwise import (
    METRICS,
    NORMALISED,
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
from wdno.evaluation.scores.spectrum import energy_spectrum, spectrum_distance

if TYPE_CHECKING:
    from wdno.evaluation.scores.pointwise import Array


@dataclass(frozen=True)
class Measure:
    """What errors are measured with, beside the truth.

    Attributes:
        periodic: for each space axis whether the domain is periodic; None: no axis is.
        spreads: standard deviation of each field in training, `[F]`; None: no normalised errors.
        weights: of the cells of space, mean 1, `[*S]`; None: no weighted errors.
        flow: what is known of mass and velocity; None: nothing.
    """

    periodic: Sequence[bool] | None = None
    spreads: Float | None = None
    weights: Float | None = None
    flow: Flow | None = None


@dataclass(frozen=True)
class Scores:
    """All metrics of one method on N cases.

    Attributes:
        cases: metric -> `[N]`, over all fields together (`spectrum_error`: mean over fields).
        fields: field -> metric -> `[N]`.
        mse_over_time: of each field, `[N, F, T]`.
        series: series -> metric -> `[N]`.
        series_mse_over_time: of each series, `[N, S, T]`.
        wavenumber: `[K]`, cycles per length of the domain.
        spectrum_truth: `[F, K]`, energy spectrum, mean over cases and times.
        spectrum_prediction: `[F, K]`, also mean over samples.
    """

    cases: dict[str, Float]
    fields: dict[str, dict[str, Float]]
    mse_over_time: Float
    series: dict[str, dict[str, Float]]
    series_mse_over_time: Float
    wavenumber: Float
    spectrum_truth: Float
    spectrum_prediction: Float

    @property
    def count(self) -> int:
        """Number of cases N."""
        return len(self.mse_over_time)


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
    given_frames: int = 0,
    measure: Measure | None = None,
    climatology: Array | None = None,
    series: Series | None = None,
    batch_size: int = 16,
) -> Scores:
    """Compute every metric, over all fields and field by field.

    Args:
        truth: `[N, F, given_frames + T, *S]`.
        prediction: `[N, M, F, given_frames + T, *S]`.
        fields: the F names.
        given_frames: leading frames that the model was given; whatever they hold has no effect.
        measure: what errors are measured with; None: nothing of it.
        climatology: `[N, F, T, *S]`, for the anomaly correlation; None: no correlation.
        series: series of the same cases, without given frames; None: there are none.
        batch_size: cases converted to float64 at a time.

    Raises:
        ValueError: shapes, names or `given_frames` do not fit, or the truth is not finite.
    """
    frames = truth.shape[2] if truth.ndim > 2 else 0
    if not 0 <= given_frames < max(frames, 1):
        raise ValueError(
            f"score: given_frames = {given_frames} leaves none of the {frames} frames to score"
        )
    if truth.ndim < 4 or len(fields) != truth.shape[1] or len(set(fields)) < len(fields):
        raise ValueError(
            f"score: expected one name for each field of truth [cases, fields, time, *space], got "
            f"{list(fields)} and shape {tuple(truth.shape)}"
        )
    measure = measure or Measure()
    truth, prediction = truth[:, :, given_frames:], prediction[:, :, :, given_frames:]
    check_shapes(truth, prediction)
    parts = []
    for start in range(0, len(truth), batch_size):
        y = float64(truth[start : start + batch_size])
        if not np.isfinite(y).all():
            bad = start + np.flatnonzero(~np.isfinite(y.reshape(len(y), -1)).all(axis=1))
            raise ValueError(f"score: the truth of cases {bad.tolist()} is not finite")
        x = float64(prediction[start : start + batch_size])
        normal = None if climatology is None else float64(climatology[start : start + batch_size])
        found = _score(y, x, normal, fields, measure)
        if series is not None and len(series.names):
            found = _with_series(found, series, slice(start, start + batch_size))
        parts.append(found)
    return join(parts)


def _with_series(scores: Scores, series: Series, cases: slice) -> Scores:
    y, x = series.part(cases)
    check_shapes(y, x)
    columns = {name: (y[:, [i]], x[:, :, [i]]) for i, name in enumerate(series.names)}
    fields = len(scores.fields)
    total = fields * scores.cases["mse"] + len(columns) * mse(y, x)
    return replace(
        scores,
        cases=scores.cases | {"mse_with_series": total / (fields + len(columns))},
        series={name: _of_series(*pair) for name, pair in columns.items()},
        series_mse_over_time=np.stack([mse_over_time(*p) for p in columns.values()], axis=1),
    )


def _of_series(y: Float, x: Float) -> dict[str, Float]:
    found = _pointwise(y, x, None, Measure())
    # A share that stays near zero is no scale.
    del found["relative_l2"]
    return found


def _score(
    y: Float, x: Float, climatology: Float | None, fields: Sequence[str], measure: Measure
) -> Scores:
    periodic = measure.periodic or (False,) * (y.ndim - 3)
    wavenumber, spectrum_truth = energy_spectrum(y, periodic)
    spectrum_prediction = energy_spectrum(x, periodic)[1]
    distance = spectrum_distance(spectrum_truth[:, None], spectrum_prediction).mean(axis=1)
    by_field = {}
    for index, name in enumerate(fields):
        normal = None if climatology is None else climatology[:, [index]]
        scale = None if measure.spreads is None else measure.spreads[[index]]
        one = replace(measure, spreads=scale)
        by_field[name] = _pointwise(y[:, [index]], x[:, :, [index]], normal, one)
        by_field[name]["spectrum_error"] = distance[:, index]
    together = (
        dict(by_field[fields[0]]) if len(fields) == 1 else _pointwise(y, x, climatology, measure)
    )
    if measure.flow is not None:
        together |= measure.flow.errors(y, x)
    defined = np.isfinite(distance)
    together["spectrum_error"] = np.divide(
        np.where(defined, distance, 0.0).sum(axis=1),
        defined.sum(axis=1),
        out=np.full(len(y), np.nan),
        where=defined.any(axis=1) & np.isfinite(x).reshape(len(x), -1).all(axis=1),
    )
    return Scores(
        cases=together,
        fields=by_field,
        mse_over_time=np.stack(
            [mse_over_time(y[:, [i]], x[:, :, [i]]) for i in range(len(fields))], axis=1
        ),
        series={},
        series_mse_over_time=np.zeros((len(y), 0, y.shape[2])),
        wavenumber=wavenumber,
        spectrum_truth=spectrum_truth.mean(axis=0),
        spectrum_prediction=spectrum_prediction.mean(axis=(0, 1)),
    )


def _pointwise(y: Float, x: Float, climatology: Float | None, measure: Measure) -> dict[str, Float]:
    found = {"mse": mse(y, x), "relative_l2": relative_l2(y, x)}
    found |= {"mae": mae(y, x), "max_error": max_error(y, x)}
    if measure.spreads is not None:
        shape = (-1, *(1,) * (y.ndim - 2))
        scale = measure.spreads.reshape(shape)
        metrics = zip(NORMALISED, (mse, mae, max_error), strict=True)
        found |= {name: metric(y / scale, x / scale) for name, metric in metrics}
    weights = np.ones(y.shape[3:]) if measure.weights is None else measure.weights
    if x.shape[1] > 1:
        found |= {"mse_mean": mse_mean(y, x), "crps": crps(y, x), "spread": spread(x, weights)}
    if measure.weights is not None:
        found["mse_weighted"] = mse_weighted(y, x, weights)
        if x.shape[1] > 1:
            found["mse_mean_weighted"] = mse_mean_weighted(y, x, weights)
    if climatology is not None:
        found["anomaly_correlation"] = anomaly_correlation(y, x, weights, climatology)
    return found


def join(parts: Sequence[Scores]) -> Scores:
    """Join the scores of batches of cases into those of all cases, in order.

    Raises:
        ValueError: there are no parts, or they differ in metrics, fields or grid.
    """
    if not parts:
        raise ValueError("join: expected the scores of at least one batch of cases, got none")

    def keys(part: Scores) -> object:
        times, shells = part.mse_over_time.shape[2], part.wavenumber.size
        return sorted(part.cases), [*part.fields, *part.series], times, shells

    if len(found := {str(keys(part)) for part in parts}) > 1:
        raise ValueError(f"join: batches differ in metrics, fields, times or grid: {found}")

    def joined(items: Sequence[Mapping[str, Float]]) -> dict[str, Float]:
        names = [name for name in METRICS if name in items[0]]
        return {name: np.concatenate([item[name] for item in items]) for name in names}

    def average(spectra: Sequence[Float]) -> Float:
        mean: Float = np.average(spectra, axis=0, weights=[part.count for part in parts])
        return mean

    return Scores(
        cases=joined([part.cases for part in parts]),
        fields={name: joined([part.fields[name] for part in parts]) for name in parts[0].fields},
        mse_over_time=np.concatenate([part.mse_over_time for part in parts]),
        series={name: joined([part.series[name] for part in parts]) for name in parts[0].series},
        series_mse_over_time=np.concatenate([part.series_mse_over_time for part in parts]),
        wavenumber=parts[0].wavenumber,
        spectrum_truth=average([part.spectrum_truth for part in parts]),
        spectrum_prediction=average([part.spectrum_prediction for part in parts]),
    )
