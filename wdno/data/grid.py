"""The grid of a data file, by which its fields are mapped to coarser and finer ones."""

from __future__ import annotations

import numpy as np
import xarray as xr

from wdno.data.netcdf import DataError
from wdno.grids.axis import GridAxis, GridError
from wdno.grids.levels import Grid


def grid_of(dataset: xr.Dataset) -> Grid:
    """Return where the values of a data file are.

    Args:
        dataset: a file written by ``wdno generate``.

    Raises:
        DataError: coordinates are not evenly spaced, or the file does not say what its values are.
    """
    state = next(v for v in dataset.data_vars.values() if v.attrs.get("role") == "state")
    try:
        space = [_axis(dataset[dim]) for dim in state.dims[2:]]
        return Grid.of(dataset["time"].to_numpy(), int(dataset.attrs["given_frames"]), space)
    except GridError as error:
        raise DataError(f"data file of {dataset.attrs['system']!r}: {error}") from error


def _axis(coordinate: xr.DataArray) -> GridAxis:
    values = coordinate.attrs.get("values")
    if values not in ("points", "cell means"):
        raise GridError(
            f"coordinate {coordinate.name!r} has the attribute values = {values!r}; expected "
            "'points' or 'cell means': delete the file and generate it again"
        )
    return GridAxis.of(
        coordinate.to_numpy(),
        "cells" if values == "cell means" else "left",
        str(coordinate.attrs["boundary"]),
        np.atleast_1d(coordinate.attrs.get("ends", [])).tolist(),
    )
