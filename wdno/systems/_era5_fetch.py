"""From the options of the ERA5 system to its record, whichever the source."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from wdno.archives import cds, record, sample, space, stand_in, stores
from wdno.archives.dialects import open_records
from wdno.archives.errors import ChecksumError, DownloadError, RecordError
from wdno.archives.names import lookup
from wdno.archives.space import Region

if TYPE_CHECKING:
    from wdno.systems._era5_options import ERA5Options

log = logging.getLogger(__name__)

ATTRIBUTION = (
    "Contains modified Copernicus Climate Change Service information. Neither the European "
    "Commission nor ECMWF is responsible for any use that may be made of the Copernicus "
    "information or data it contains."
)
REFERENCES = {
    False: "Hersbach et al. (2023), ERA5 hourly data on single levels, doi:10.24381/cds.adbb2d47",
    True: "Hersbach et al. (2023), ERA5 hourly data on pressure levels, doi:10.24381/cds.bd0915c6",
}
NAMES = {"cds": "Climate Data Store", "arco": "ARCO-ERA5", "weatherbench2": "WeatherBench 2"}


@dataclass(frozen=True)
class _Found:
    """A record as it came.

    Attributes:
        array: `[time, latitude, longitude]`.
        title: What it is called in files, tables and figures.
        source: Where it is from.
        real: Whether it is the work of ECMWF.
    """

    array: xr.DataArray
    title: str
    source: str
    real: bool = True


def fetch(
    options: ERA5Options, output: Path, scratch: Path, *, check: Callable[[Path], object]
) -> None:
    """Get the record that the options ask for and write it as one file.

    Args:
        options: Options of the system.
        output: The file, written whole or not at all.
        scratch: Folder for what is unpacked on the way, of the caller, who removes it.
        check: Called with the written file before it is moved into place; refuses it by raising.

    Raises:
        DiskFullError: No space left.
        RecordError: The record cannot be had or used.
    """
    found = _SOURCES[options.source](options, scratch)
    array, where = found.array, found.source
    if options.years and options.source == "file":
        array = _of_years(array, options.years, where)
    if options.region is not None:
        array = space.cut(array, _region(options), where)
    grid = options.grid
    array = space.window(array, grid.latitude, grid.longitude, grid.coarsen, where)
    attributes = {"title": found.title, "source": found.source}
    if options.level is not None:
        attributes["level"] = f"{options.level} hPa"
    if found.real:
        attributes["licence"] = "CC-BY 4.0"
        attributes["attribution"] = ATTRIBUTION
        attributes["references"] = REFERENCES[options.level is not None]
    if found.title == stand_in.TITLE:
        attributes["stand_in"] = "true"
    record.write(output, record.blocks(array), attributes, where, check=check)


def _sample(options: ERA5Options, scratch: Path) -> _Found:
    try:
        path = sample.fetch()
    except ChecksumError:
        # Something is there, and it is not the sample: nobody should take it for no network.
        raise
    except DownloadError as error:
        if options.fallback != "stand_in":
            raise
        log.warning(
            "STAND-IN INSTEAD OF REAL DATA: %s. A synthetic record is made and named %r in every "
            "file, table and figure. For real data, delete it and its results when the sample can "
            "be had, and run again",
            error,
            stand_in.TITLE,
        )
        return _Found(stand_in.make(), stand_in.TITLE, stand_in.SOURCE, real=False)
    array = open_records([path], options.variable, None)
    return _Found(array, "ERA5 2 m temperature (sample: UK, March 2019)", sample.URL)


def _file(options: ERA5Options, scratch: Path) -> _Found:
    pattern = Path(str(options.file)).expanduser()
    paths = [Path(file) for file in options.files()]
    array = open_records(paths, options.variable, options.level, scratch=scratch)
    origin = str(array.attrs["origin"]).lower()
    real = any(
        word in origin for word in ("ecmf", "ecmwf", "medium-range weather", "copernicus", "era5")
    )
    quantity = _quantity(options, str(array.attrs["long_name"]))
    title = f"{'ERA5 ' if real else ''}{quantity} ({pattern.name})"
    return _Found(array, title, f"file {pattern}", real)


def _store(options: ERA5Options, scratch: Path) -> _Found:
    grid = options.grid
    paths = stores.fetch(
        options.store_url,
        options.variable,
        options.level,
        _region(options),
        options.years or [],
        options.hours_fetched,
        check=lambda array: space.window(
            array, grid.latitude, grid.longitude, grid.coarsen, options.store_url
        ),
    )
    return _months(options, options.store_url, paths)


def _cds(options: ERA5Options, scratch: Path) -> _Found:
    paths = cds.fetch(
        options.variable,
        options.level,
        _region(options),
        options.years or [],
        options.hours_fetched,
    )
    return _months(options, f"{cds.PAGE}, {cds.DATASETS[options.level is not None]}", paths)


def _months(options: ERA5Options, source: str, paths: list[Path]) -> _Found:
    array = open_records(paths, options.variable, None)
    years = sorted(options.years or [])
    span = f"{years[0]}" if years[0] == years[-1] else f"{years[0]} to {years[-1]}"
    quantity = _quantity(options, str(array.attrs["long_name"]))
    return _Found(array, f"ERA5 {quantity} ({NAMES[options.source]}, {span})", source)


_SOURCES: dict[str, Callable[[ERA5Options, Path], _Found]] = {
    "sample": _sample,
    "file": _file,
    "cds": _cds,
    "arco": _store,
    "weatherbench2": _store,
}


def _quantity(options: ERA5Options, found: str) -> str:
    name = lookup(options.variable).long_name or found
    return name if options.level is None else f"{name} at {options.level} hPa"


def _of_years(array: xr.DataArray, years: Sequence[int], where: str) -> xr.DataArray:
    """The frames of some years, all of which must have some."""
    there = array["time"].dt.year
    have = sorted(set(there.to_numpy().tolist()))
    if lacking := sorted(set(years) - set(have)):
        raise RecordError(
            f"{where}: no frames of the years {', '.join(map(str, lacking))}; it has those of "
            f"{', '.join(map(str, have))}: change `years`, or leave it out for all"
        )
    return array.sel(time=there.isin(years))


def _region(options: ERA5Options) -> Region:
    if options.region is None:
        raise RecordError(f"source {options.source}: a region must be given")
    return Region(**options.region.model_dump())
