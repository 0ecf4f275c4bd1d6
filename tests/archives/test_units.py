"""Units as files write them: each is converted to the value that a table of units says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from archive_files import field, write

from wdno.archives.dialects import open_record, open_records
from wdno.archives.errors import RecordError
from wdno.archives.names import KNOWN
from wdno.archives.units import UnitsError, conversion, stated

CONVERSIONS = [
    # Value and unit of a file, and what it is in the unit that is expected.
    (10.0, "degC", 283.15, "K"),
    (10.0, "C", 283.15, "K"),
    (10.0, "Celsius", 283.15, "K"),
    (10.0, "degrees_Celsius", 283.15, "K"),
    (10.0, "°C", 283.15, "K"),
    (50.0, "degF", 283.15, "K"),
    (50.0, "Fahrenheit", 283.15, "K"),
    (283.15, "kelvin", 283.15, "K"),
    (1013.25, "hPa", 101325.0, "Pa"),
    (1013.25, "mb", 101325.0, "Pa"),
    (1013.25, "millibars", 101325.0, "Pa"),
    (101.325, "kPa", 101325.0, "Pa"),
    (2.5, "mm", 0.0025, "m"),
    (2.5, "kg m-2", 0.0025, "m"),
    (2.5, "kg m**-2", 0.0025, "m"),
    (0.0025, "m of water equivalent", 0.0025, "m"),
    (75.0, "%", 0.75, "1"),
    (0.75, "(0 - 1)", 0.75, "1"),
    (36.0, "km/h", 10.0, "m s-1"),
    (36.0, "km h-1", 10.0, "m s-1"),
    (10.0, "m s**-1", 10.0, "m s-1"),
    (10.0, "m/s", 10.0, "m s-1"),
    (10.0, "m.s-1", 10.0, "m s-1"),
    (10.0, "knots", 5.144444, "m s-1"),
    (8.0, "g kg-1", 0.008, "kg kg-1"),
    (8.0, "g/kg", 0.008, "kg kg-1"),
    (8e-3, "1", 8e-3, "kg kg-1"),
    (0.75, "1", 75.0, "%"),
    (5.0e4, "m**2 s**-2", 5.0e4, "m2 s-2"),
    (5.0e4, "J kg-1", 5.0e4, "m2 s-2"),
    (2.0, "kJ m**-2", 2000.0, "J m-2"),
    (1.0, "W h m-2", 3600.0, "J m-2"),
    (25.0, "0.1 mm", 0.0025, "m"),
    (3.6, "hPa h-1", 0.1, "Pa s-1"),
]


@pytest.mark.parametrize(("value", "found", "expected", "wanted"), CONVERSIONS)
def test_values_are_converted(value: float, found: str, expected: float, wanted: str) -> None:
    factor, offset = conversion(found, wanted)
    assert factor * value + offset == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("variable", KNOWN.values(), ids=lambda v: v.short)
def test_expected_units_are_known_ones(variable) -> None:
    assert conversion(variable.units, variable.units) == (1.0, 0.0)
    twice, offset = conversion(f"2 {variable.units}", variable.units)
    assert (twice, offset) == (pytest.approx(2.0), 0.0)
    low, high = variable.limits
    assert -np.inf < low < high < np.inf


@pytest.mark.parametrize(
    ("found", "wanted", "message"),
    [
        ("m s-1", "K", "'m s-1' cannot be converted to 'K': they measure different quantities"),
        ("mm d-1", "m", "different quantities"),
        ("W m-2", "J m-2", "different quantities"),
        ("m", "m2 s-2", "different quantities"),
        ("gpm", "m2 s-2", "'gpm'"),
        ("degrees of warmth", "K", "degrees of warmth"),
        ("(0 - 100", "1", r"cannot be read as units|not known units"),
    ],
)
def test_other_quantities_are_refused(found: str, wanted: str, message: str) -> None:
    with pytest.raises(UnitsError, match=message):
        conversion(found, wanted)


def test_what_says_nothing_states_no_units() -> None:
    assert not any(map(stated, ("", "  ", "unknown", "None", "-")))
    assert all(map(stated, ("K", "1", "%", "~")))


FILES = [
    ("2m_temperature", "t2m", "degC", -273.15, 1.0),
    ("2m_temperature", "t2m", "K", 0.0, 1.0),
    ("mean_sea_level_pressure", "msl", "hPa", 0.0, 0.01),
    ("total_precipitation", "tp", "mm", 0.0, 1000.0),
    ("total_cloud_cover", "tcc", "%", 0.0, 100.0),
    ("10m_u_component_of_wind", "u10", "km h-1", 0.0, 3.6),
]
"""Variable, its name and units in a file, and how its values there come of those expected."""

SCALES = {"t2m": 1.0, "msl": 400.0, "tp": 1e-5, "tcc": 1e-3, "u10": 0.1}
"""By which a field of 200 to 210 is one of the quantity."""


@pytest.mark.parametrize(("variable", "name", "units", "offset", "factor"), FILES)
def test_files_in_other_units_hold_the_expected_values(
    tmp_path: Path, variable: str, name: str, units: str, offset: float, factor: float
) -> None:
    truth = field(name=name) * SCALES[name]
    path = write(tmp_path / "file.nc", (truth * factor + offset).assign_attrs(units=units))
    found = open_record(path, variable)
    assert found.attrs["units"] == KNOWN[variable].units
    assert found.attrs["given_units"] == units
    np.testing.assert_allclose(found, truth, rtol=1e-5)


def test_files_of_one_record_may_have_different_units(tmp_path: Path) -> None:
    truth = field(72)
    paths = [
        write(tmp_path / "a.nc", truth[:24]),
        write(tmp_path / "b.nc", (truth[24:48] - 273.15).assign_attrs(units="degC")),
        write(tmp_path / "c.nc", (truth[48:] * 1.8 - 459.67).assign_attrs(units="degF")),
    ]
    np.testing.assert_allclose(open_records(paths, "2m_temperature", None), truth, rtol=1e-5)


def test_an_unknown_variable_has_the_units_of_its_first_file(tmp_path: Path) -> None:
    depth = field(48, name="depth")
    first = write(tmp_path / "a.nc", depth[:24].assign_attrs(units="m"))
    second = write(tmp_path / "b.nc", (depth[24:] * 100).assign_attrs(units="cm"))
    found = open_records([first, second], "depth", None)
    assert found.attrs["units"] == "m"
    np.testing.assert_allclose(found, depth, rtol=1e-5)
    other = write(tmp_path / "c.nc", depth[24:].assign_attrs(units="kg"))
    with pytest.raises(RecordError, match=r"c\.nc: 'depth' is in 'kg', expected 'm'"):
        open_records([first, other], "depth", None)
    bare = depth[24:].copy()
    del bare.attrs["units"]
    none = write(tmp_path / "d.nc", bare)
    with pytest.raises(RecordError, match=r"d\.nc: 'depth' has no `units`, but in .*a\.nc it has"):
        open_records([first, none], "depth", None)
    assert open_record(none, "depth").attrs["units"] == "1"


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ("m s-1", r"'t2m' is in 'm s-1', expected 'K' or units that can be converted"),
        ("degrees of warmth", r"'t2m' is in 'degrees of warmth', expected 'K'.*correct its"),
    ],
)
def test_units_that_cannot_be_converted_are_refused(
    tmp_path: Path, units: str, message: str
) -> None:
    path = write(tmp_path / "odd.nc", field().assign_attrs(units=units))
    with pytest.raises(RecordError, match=rf"odd\.nc: {message}"):
        open_record(path, "2m_temperature")


def test_units_that_are_not_stated_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bare = field()
    del bare.attrs["units"]
    found = open_record(write(tmp_path / "file.nc", bare), "2m_temperature")
    assert (found.attrs["units"], found.attrs["given_units"]) == ("K", "")
    assert "file.nc: 't2m' has no `units`; it is taken to be in 'K'" in caplog.text
    np.testing.assert_allclose(found, field(), rtol=2e-7)


@pytest.mark.parametrize(("units", "factor"), [("Pa", 100.0), ("hPa", 1.0), ("millibars", 1.0)])
def test_levels_may_be_in_other_units(tmp_path: Path, units: str, factor: float) -> None:
    import xarray as xr

    levels = [field(name="t"), field(name="t") + 20]
    array = xr.concat(levels, "level").assign_coords(level=np.array([500.0, 850.0]) * factor)
    array.level.attrs["units"] = units
    path = write(tmp_path / "levels.nc", array.assign_attrs(units="K"))
    np.testing.assert_allclose(open_record(path, "t", 850), field() + 20, rtol=2e-7)
