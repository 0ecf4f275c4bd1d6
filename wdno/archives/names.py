"""Names of the same quantity in the Climate Data Store, in NetCDF and in GRIB."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variable:
    """A quantity of ERA5.

    Attributes:
        name: Its name in requests to the Climate Data Store and in Zarr stores.
        short: Its name in NetCDF files, and in ours.
        also: Further names under which files have it.
        units: Units, as CF writes them.
        long_name: What it is, for labels.
        on_levels: Whether it is given on pressure levels; None: not known.
    """

    name: str
    short: str
    also: tuple[str, ...] = ()
    units: str = ""
    long_name: str = ""
    on_levels: bool | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All its names."""
        return (self.short, self.name, *self.also)


def _surface(name: str, short: str, also: str, units: str, long_name: str) -> Variable:
    return Variable(name, short, (also,) if also else (), units, long_name, on_levels=False)


def _aloft(name: str, short: str, units: str, long_name: str) -> Variable:
    return Variable(name, short, (), units, long_name, on_levels=True)


KNOWN = {
    variable.name: variable
    for variable in (
        _surface("2m_temperature", "t2m", "2t", "K", "2 m temperature"),
        _surface("2m_dewpoint_temperature", "d2m", "2d", "K", "2 m dewpoint temperature"),
        _surface("skin_temperature", "skt", "", "K", "skin temperature"),
        _surface("sea_surface_temperature", "sst", "", "K", "sea surface temperature"),
        _surface("10m_u_component_of_wind", "u10", "10u", "m s-1", "10 m eastward wind"),
        _surface("10m_v_component_of_wind", "v10", "10v", "m s-1", "10 m northward wind"),
        _surface("100m_u_component_of_wind", "u100", "100u", "m s-1", "100 m eastward wind"),
        _surface("100m_v_component_of_wind", "v100", "100v", "m s-1", "100 m northward wind"),
        _surface("mean_sea_level_pressure", "msl", "", "Pa", "mean sea level pressure"),
        _surface("surface_pressure", "sp", "", "Pa", "surface pressure"),
        _surface("total_precipitation", "tp", "", "m", "total precipitation"),
        _surface("total_cloud_cover", "tcc", "", "1", "total cloud cover"),
        _surface(
            "surface_solar_radiation_downwards", "ssrd", "", "J m-2", "downward solar radiation"
        ),
        _aloft("temperature", "t", "K", "temperature"),
        _aloft("geopotential", "z", "m2 s-2", "geopotential"),
        _aloft("specific_humidity", "q", "kg kg-1", "specific humidity"),
        _aloft("relative_humidity", "r", "%", "relative humidity"),
        _aloft("u_component_of_wind", "u", "m s-1", "eastward wind"),
        _aloft("v_component_of_wind", "v", "m s-1", "northward wind"),
        _aloft("vertical_velocity", "w", "Pa s-1", "vertical velocity"),
        _aloft("vorticity", "vo", "s-1", "vorticity"),
    )
}
"""The common variables, by their name in the Climate Data Store."""


def lookup(name: str) -> Variable:
    """Return a variable by any of its names; one that is not known has that name alone."""
    for variable in KNOWN.values():
        if name in variable.names:
            return variable
    return Variable(name, name)
