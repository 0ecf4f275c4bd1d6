"""Values that are none: fill values that a file does not declare, and what nature cannot be.

Archives write a number where there is no value, and files do not always say which. Known ones
become missing values. Other values outside of a quantity's limits are refused.
"""

from __future__ import annotations

from collections.abc import Sequence

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from wdno.archives.errors import RecordError
from wdno.archives.names import Variable, lookup
from wdno.archives.units import UnitsError, conversion, stated

Mark = tuple[float, float]
"""A fill value, and how near to it a number is taken for it."""

UNMISTAKABLE = (
    *(-2147483647.0, -2147483648.0, -32767.0, -32768.0, -9999.0, -99999.0, -9.99e8),
    *(9.969209968386869e36, 9.999e20, 3.4028234663852886e38, -3.4028234663852886e38),
    *(sign * 10.0**power for power in (15, 20, 30, 34) for sign in (1, -1)),
)
"""Of any quantity: defaults of netCDF, and what CMIP, GrADS, wgrib2, WRF, Ferret and GDAL write."""

OUTSIDE_LIMITS = (-999.0, -999.9, 9999.0, 99999.0, 65535.0)
"""Fill values too, but numbers that some quantities can be."""

NEAR = 1e-6
"""Share of a fill value within which a number is it: files hold it in single precision."""


def masked(array: xr.DataArray, variable: Variable) -> xr.DataArray:
    """Return an array with missing values where it has fill values that were not declared.

    Args:
        array: As a file or store has it, lazily, with its own `units` and with the encoding of
            packed values.
        variable: What it is.

    Returns:
        The array, of floating point numbers.
    """
    marks = [*_of_quantity(array, variable), *_of_packing(array)]
    kind = np.result_type(array.dtype, np.float32)
    found: xr.DataArray = xr.apply_ufunc(
        _mask,
        array,
        kwargs={"marks": marks, "kind": kind},
        dask="parallelized",
        output_dtypes=[kind],
        keep_attrs=True,
    )
    return found


def refuse_impossible(values: NDArray[np.floating], piece: xr.DataArray, where: str) -> None:
    """Refuse values outside of the limits of a known quantity.

    Args:
        values: Of a piece of a record, `[time, latitude, longitude]`; NaN where missing.
        piece: The piece, whose coordinates say where they are; one in other units than those of
            the limits is passed.
        where: Where it comes from, for errors.

    Raises:
        RecordError: Names the first value, its place and its time.
    """
    variable = lookup(str(piece.name))
    low, high = variable.limits
    if not variable.units or str(piece.attrs.get("units", "")) != variable.units:
        return
    outside = np.isfinite(values) & ((values < low) | (values > high))
    if not outside.any():
        return
    time, row, column = np.argwhere(outside)[0]
    value = float(values[time, row, column])
    given = str(piece.attrs.get("given_units", piece.attrs["units"]))
    said = f"its units are given as {given!r}" if given else "no units are given"
    raise RecordError(
        f"{where}: {piece.name!r} is {value:g} {variable.units} at "
        f"{float(piece['latitude'][row]):g} N, {float(piece['longitude'][column]):g} E, "
        f"{piece['time'].to_numpy()[time].astype('datetime64[m]')}, one of {int(outside.sum())} "
        f"values of {len(values)} frames outside of {low:g} to {high:g} {variable.units}, where "
        f"{variable.long_name} lies; {said}. Write its units into the file if they are others, and "
        f"`_FillValue` = {value:g} if it stands for a missing value"
    )


def _of_quantity(array: xr.DataArray, variable: Variable) -> list[Mark]:
    """The fill values that are none of the quantity's own values."""
    if not variable.units:
        return [_mark(fill) for fill in UNMISTAKABLE]
    units = str(array.attrs.get("units", ""))
    try:
        factor, offset = conversion(units, variable.units) if stated(units) else (1.0, 0.0)
    except UnitsError:
        # Refused where values are converted, with the reason.
        return []
    low, high = variable.limits
    return [
        _mark(fill)
        for fill in (*UNMISTAKABLE, *OUTSIDE_LIMITS)
        if not low <= factor * fill + offset <= high
    ]


def _of_packing(array: xr.DataArray) -> list[Mark]:
    """What values of a packed variable without a declared fill value are where none was written."""
    packing = array.encoding
    kind = np.dtype(packing.get("dtype", float))
    declared = "_FillValue" in packing or "missing_value" in packing
    # Single bytes have no default that stands for missing values (NetCDF User's Guide).
    if declared or kind.kind not in "iu" or kind.itemsize < 2:
        return []
    scale = float(packing.get("scale_factor", 1.0))
    fill = float(netCDF4.default_fillvals[kind.str[1:]])
    return [(fill * scale + float(packing.get("add_offset", 0.0)), abs(scale) / 4)]


def _mark(fill: float) -> Mark:
    return fill, NEAR * abs(fill)


def _mask(
    values: NDArray[np.number], *, marks: Sequence[Mark], kind: np.dtype[np.floating]
) -> NDArray[np.floating]:
    found: NDArray[np.floating] = values.astype(kind)
    there = found[np.isfinite(found)]
    if not there.size:
        return found
    low, high = float(there.min()), float(there.max())
    with np.errstate(over="ignore"):
        for fill, near in marks:
            if low - near <= fill <= high + near:
                found[np.abs(found - kind.type(fill)) <= near] = np.nan
    return found
