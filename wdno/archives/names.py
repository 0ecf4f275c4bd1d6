"""Names, units and limits of the same quantity in the Climate Data Store, in NetCDF and in GRIB."""

from __future__ import annotations

import math
from dataclasses import dataclass

Limits = tuple[float, float]


@dataclass(frozen=True)
class Variable:
    """A quantity of ERA5.

    Attributes:
        name: Its name in requests to the Climate Data Store and in Zarr stores.
        short: Its name in NetCDF files, and in ours.
        also: Further names under which files have it.
        units: Units, as CF writes them; those that it is stored in.
        long_name: What it is, for labels.
        on_levels: Whether it is given on pressure levels; None: not known.
        limits: The least and the largest value, in `units`, that it can have anywhere on earth,
            with room for what an archive's packing adds.
    """

    name: str
    short: str
    also: tuple[str, ...] = ()
    units: str = ""
    long_name: str = ""
    on_levels: bool | None = None
    limits: Limits = (-math.inf, math.inf)

    @property
    def names(self) -> tuple[str, ...]:
        """All its names."""
        return (self.short, self.name, *self.also)


TEMPERATURE = (120.0, 370.0)
WIND = (-250.0, 250.0)


def _surface(
    name: str, short: str, also: str, units: str, long_name: str, limits: Limits
) -> Variable:
    others = (also,) if also else ()
    return Variable(name, short, others, units, long_name, on_levels=False, limits=limits)


def _aloft(name: str, short: str, units: str, long_name: str, limits: Limits) -> Variable:
    return Variable(name, short, (), units, long_name, on_levels=True, limits=limits)


KNOWN = {
    variable.name: variable
    for variable in (
        _surface("2m_temperature", "t2m", "2t", "K", "2 m temperature", TEMPERATURE),
        _surface(
            "2m_dewpoint_temperature", "d2m", "2d", "K", "2 m dewpoint temperature", TEMPERATURE
        ),
        _surface("skin_temperature", "skt", "", "K", "skin temperature", TEMPERATURE),
        _surface("sea_surface_temperature", "sst", "", "K", "sea surface temperature", TEMPERATURE),
        _surface("10m_u_component_of_wind", "u10", "10u", "m s-1", "10 m eastward wind", WIND),
        _surface("10m_v_component_of_wind", "v10", "10v", "m s-1", "10 m northward wind", WIND),
        _surface("100m_u_component_of_wind", "u100", "100u", "m s-1", "100 m eastward wind", WIND),
        _surface("100m_v_component_of_wind", "v100", "100v", "m s-1", "100 m northward wind", WIND),
        _surface(
            "mean_sea_level_pressure", "msl", "", "Pa", "mean sea level pressure", (8e4, 1.2e5)
        ),
        _surface("surface_pressure", "sp", "", "Pa", "surface pressure", (2e4, 1.2e5)),
        _surface("total_precipitation", "tp", "", "m", "total precipitation", (-1e-3, 2.0)),
        _surface("total_cloud_cover", "tcc", "", "1", "total cloud cover", (-0.01, 1.01)),
        _surface(
            "surface_solar_radiation_downwards",
            "ssrd",
            "",
            "J m-2",
            "downward solar radiation",
            (-5e3, 1e9),
        ),
        _aloft("temperature", "t", "K", "temperature", TEMPERATURE),
        _aloft("geopotential", "z", "m2 s-2", "geopotential", (-9e3, 1e6)),
        _aloft("specific_humidity", "q", "kg kg-1", "specific humidity", (-0.01, 0.1)),
        _aloft("relative_humidity", "r", "%", "relative humidity", (-50.0, 300.0)),
        _aloft("u_component_of_wind", "u", "m s-1", "eastward wind", WIND),
        _aloft("v_component_of_wind", "v", "m s-1", "northward wind", WIND),
        _aloft("vertical_velocity", "w", "Pa s-1", "vertical velocity", (-200.0, 200.0)),
        _aloft("vorticity", "vo", "s-1", "vorticity", (-0.1, 0.1)),
    )
}
"""The common variables, by their name in the Climate Data Store."""


def lookup(name: str) -> Variable:
    """Return a variable by any of its names; one that is not known has that name alone."""
    for variable in KNOWN.values():
        if name in variable.names:
            return variable
    return Variable(name, name)
