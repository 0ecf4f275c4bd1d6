"""Scores as variables of a NetCDF file, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from wdno.evaluation.metrics import METRICS, Float
from wdno.evaluation.scores import Scores


def to_variables(scores: Scores) -> dict[str, Any]:
    """Return variables and coordinates for :class:`xarray.Dataset`.

    Metrics of all fields together are named as they are, those of each field `field_{metric}`, of
    each series `series_{metric}`.
    """
    variables: dict[str, Any] = {
        name: ("case", values, {"long_name": f"{name} of each case"})
        for name, values in scores.cases.items()
    }
    variables |= _by_item("field", scores.fields) | _by_item("series", scores.series)
    variables["mse_over_time"] = (("case", "field", "time"), scores.mse_over_time)
    if scores.series:
        over_time = (("case", "series", "time"), scores.series_mse_over_time)
        variables["series_mse_over_time"] = over_time
        variables["series"] = ("series", list(scores.series))
    variables["spectrum_truth"] = (("field", "wavenumber"), scores.spectrum_truth)
    variables["spectrum_prediction"] = (("field", "wavenumber"), scores.spectrum_prediction)
    variables["wavenumber"] = ("wavenumber", scores.wavenumber, {"units": "cycles / length"})
    variables["field"] = ("field", list(scores.fields))
    variables["case"] = ("case", np.arange(scores.count))
    return variables


def _by_item(kind: str, items: Mapping[str, Mapping[str, Float]]) -> dict[str, Any]:
    names = next(iter(items.values()), {})
    return {
        f"{kind}_{name}": ((kind, "case"), np.stack([values[name] for values in items.values()]))
        for name in names
    }


def from_dataset(dataset: xr.Dataset) -> Scores:
    """Read what :func:`to_variables` returned.

    Raises:
        KeyError: a variable is missing.
    """
    over_time = dataset["mse_over_time"].values
    no_series = np.zeros((len(over_time), 0, over_time.shape[2]))
    series = "series_mse_over_time" in dataset
    return Scores(
        cases={name: dataset[name].values for name in METRICS if name in dataset},
        fields=_items(dataset, "field"),
        mse_over_time=over_time,
        series=_items(dataset, "series") if series else {},
        series_mse_over_time=dataset["series_mse_over_time"].values if series else no_series,
        wavenumber=dataset["wavenumber"].values,
        spectrum_truth=dataset["spectrum_truth"].values,
        spectrum_prediction=dataset["spectrum_prediction"].values,
    )


def _items(dataset: xr.Dataset, kind: str) -> dict[str, dict[str, Float]]:
    names = [name for name in METRICS if f"{kind}_{name}" in dataset]
    return {
        str(item): {name: dataset[f"{kind}_{name}"].values[row] for name in names}
        for row, item in enumerate(dataset[kind].values)
    }
