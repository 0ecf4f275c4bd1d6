"""Figures of curves: error over time, and energy spectra."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from wdno.evaluation.figures.examples import units_of
from wdno.evaluation.figures.style import (
    RANGE,
    axis_label,
    drawing,
    finish,
    looks,
    plot_with_range,
    row_size,
    shared_legend,
    whole_ticks,
)
from wdno.evaluation.grouping import Group, group
from wdno.evaluation.record import EvaluationError, Record

DECADES = 1e6
"""Most that the error over time spans; smaller errors are not seen."""
SHELLS = slice(1, -1)
"""Shells of a spectrum that are drawn: neither the mean nor the last, which is but half filled."""
_OVER_TIME = {"mse_over_time": "field", "series_mse_over_time": "series"}
"""Curves of records along ``(case, item, time)``, and the dimension of the items."""


def error_over_time(
    records: Iterable[Record], path: str | Path, *, methods: Sequence[str] | None = None
) -> None:
    """Draw the mean squared error of one draw at each time, a panel for each field and series.

    The scores of a record have `mse_over_time` along ``(case, field, time)``, and where there are
    series `series_mse_over_time` along ``(case, series, time)``. Lines are means over cases and
    seeds; the band is the range of the seeds' means.

    Args:
        records: of one or several systems.
        path: without suffix.
        methods: methods to draw, in this order; None: all.

    Raises:
        EvaluationError: a method has no evaluation, the records do not fit together, or their
            scores lack the error over time.
    """
    records = list(records)
    styles = looks(records)
    systems = group(records, methods)
    panels = [
        (found, variable, item)
        for found in systems.values()
        for variable, kind in _OVER_TIME.items()
        for item in _first(found).items(kind)
    ]
    with drawing(path, *row_size(len(panels))) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (found, variable, item) in zip(axes, panels, strict=True):
            for method, seeds in found.items():
                curves = [
                    _curve(record, variable).sel({_OVER_TIME[variable]: item}) for record in seeds
                ]
                time = curves[0]["time"].values
                lines = np.stack([curve.mean("case").values for curve in curves])
                options: dict[str, Any] = {"marker": ""} if len(time) > 1 else {}
                plot_with_range(axis, time, lines, seeds[0].label, styles[method], **options)
            first = _first(found)
            unit = units_of(_curve(first, variable)["time"])
            axis.set_xlabel(axis_label("time", "t", unit))
            axis.set_yscale("log")
            # Repeating a share of zero is right to many digits before smoke arrives.
            largest = float(axis.dataLim.y1)
            if axis.get_ylim()[0] < largest / DECADES:
                axis.set_ylim(largest / DECADES, 2 * largest)
            finish(axis, _panel_title(first, item))
        axes[0].set_ylabel("MSE at time t")
        shared_legend(figure, axes, RANGE if _several(systems) else None)


def error_by_steepness(
    records: Iterable[Record], path: str | Path, *, methods: Sequence[str] | None = None
) -> None:
    """Draw the mean squared error where the truth is flat and where it is steep, field by field.

    The scores of a record have `mse_by_steepness` along ``(field, tenth)``, the mean over cases in
    each tenth of the points, from the flattest to the steepest. Lines are means over seeds; the
    band is their range. Arguments and errors as for :func:`error_over_time`.
    """
    records = list(records)
    styles = looks(records)
    systems = group(records, methods)
    panels = [
        (found, field) for found in systems.values() for field in _first(found).items("field")
    ]
    with drawing(path, *row_size(len(panels))) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (found, field) in zip(axes, panels, strict=True):
            for method, seeds in found.items():
                curves = [_curve(record, "mse_by_steepness").sel(field=field) for record in seeds]
                lines = np.stack([curve.values for curve in curves])
                tenths = curves[0]["tenth"].values
                plot_with_range(axis, tenths, lines, seeds[0].label, styles[method])
            axis.set_xlabel("tenth of the points, flat to steep")
            axis.set_yscale("log")
            whole_ticks(axis, tenths)
            finish(axis, _panel_title(_first(found), field))
        axes[0].set_ylabel("MSE")
        shared_legend(figure, axes, RANGE if _several(systems) else None)


def _first(found: Group) -> Record:
    return next(iter(found.values()))[0]


def _several(systems: dict[str, Group]) -> bool:
    """Whether a method has several seeds."""
    return any(len(seeds) > 1 for found in systems.values() for seeds in found.values())


def _curve(record: Record, name: str) -> xr.DataArray:
    """Return a curve of a record, whose last axis has coordinates.

    Raises:
        EvaluationError: the record lacks it.
    """
    if name not in record.scores or record.scores[name].dims[-1] not in record.scores.coords:
        raise EvaluationError(
            f"{record.where}: expected the curve {name!r} and the coordinate along it among the "
            f"scores, found {', '.join(map(str, record.scores.variables))}; evaluate again"
        )
    return record.scores[name]


def _panel_title(first: Record, item: str) -> str:
    """Name the system and, where it has several, the field or series."""
    name = textwrap.fill(first.title, 34)
    several = len(first.items("field")) + len(first.items("series")) > 1
    return f"{name}\n{item}" if several else name


def spectra(
    records: Iterable[Record], path: str | Path, *, methods: Sequence[str] | None = None
) -> None:
    """Draw energy spectra over space, of the truth and of each method, a panel for each field.

    The scores of a record have `spectrum_truth` and `spectrum_prediction` along ``(field,
    wavenumber)``, means over times, cases and samples; lines are means over seeds, the band is
    their range. Arguments and errors as for :func:`error_over_time`; the records' truths must
    agree.
    """
    records = list(records)
    styles = looks(records)
    systems = group(records, methods)
    columns = max(len(record.items("field")) for record in records)
    width, height = row_size(columns)
    with drawing(path, width, height * len(systems)) as figure:
        axes = figure.subplots(len(systems), columns, squeeze=False)
        for row, found in zip(axes, systems.values(), strict=True):
            first = _first(found)
            fields = first.items("field")
            for axis in row[len(fields) :]:
                axis.set_axis_off()
            for axis, field in zip(row, fields, strict=False):
                _draw_truth(axis, [record for seeds in found.values() for record in seeds], field)
                for method, seeds in found.items():
                    lines = np.stack([_spectrum(r, "prediction", field)[SHELLS] for r in seeds])
                    style = {**styles[method], "marker": ""}
                    plot_with_range(axis, _wavenumber(first), lines, seeds[0].label, style)
                finish(axis, _panel_title(first, field))
                axis.set_xlabel("wavenumber k (cycles per length)")
            row[0].set_ylabel("energy E(k)")
        shared_legend(figure, axes.ravel(), RANGE if _several(systems) else None)


def _spectrum(record: Record, of: str, field: str) -> NDArray[np.float64]:
    """Return the spectrum of `truth` or `prediction` of a field, ``[K]``."""
    return np.asarray(_curve(record, f"spectrum_{of}").sel(field=field).values, dtype=np.float64)


def _wavenumber(record: Record) -> NDArray[np.float64]:
    """Return the wavenumbers that are drawn, cycles per length of the domain."""
    return np.asarray(record.scores["wavenumber"].values[SHELLS], dtype=np.float64)


def _draw_truth(axis: Axes, records: Sequence[Record], field: str) -> None:
    """Draw the truth's spectrum and set the axes to what can be seen of it."""
    truth = _spectrum(records[0], "truth", field)
    for other in records[1:]:
        if not np.allclose(_spectrum(other, "truth", field), truth, rtol=1e-3, atol=0):
            raise EvaluationError(
                f"{other.where}: the truth has another spectrum than for {records[0].where}; "
                "evaluate both on the same test set"
            )
    wavenumber = _wavenumber(records[0])
    style = {"color": "black", "linewidth": 2.5, "alpha": 0.9}
    plot_with_range(axis, wavenumber, truth[None, SHELLS], "Truth", style)
    axis.set_xscale("log")
    axis.set_yscale("log")
    if (top := float(truth[SHELLS].max())) > 0:
        axis.set_ylim(max(1e-9 * top, 0.2 * _smallest(records, field)), 5 * top)
    whole_ticks(axis, 2 ** np.arange(int(np.log2(wavenumber[-1])) + 1))


def _smallest(records: Sequence[Record], field: str) -> float:
    spectra = [
        _spectrum(record, of, field)[SHELLS] for record in records for of in ("truth", "prediction")
    ]
    energies = np.concatenate(spectra)
    positive = energies[np.isfinite(energies) & (energies > 0)]
    return float(positive.min()) if positive.size else 0.0
