"""Options of the ERA5 system: which record, and which windows of it."""

from __future__ import annotations

import itertools
import math
from typing import Literal

from pydantic import Field as Option
from pydantic import PositiveInt, field_validator, model_validator

from wdno.archives.names import lookup
from wdno.options import Section
from wdno.systems import base
from wdno.systems._era5_archives import STORES, lacking
from wdno.systems._era5_periods import PeriodsOptions
from wdno.systems._era5_windows import SPLITS
from wdno.systems._own_files import SharesOptions, matching
from wdno.systems.base import SystemOptions

SAMPLE_VARIABLE = "2m_temperature"
LAST_YEAR = 2261
"""The last one whose times files can hold in nanoseconds."""


class RegionOptions(Section):
    """A region in degrees, edges included; longitudes in -180..180 or 0..360."""

    north: float = Option(ge=-90, le=90, description="Northern edge, degrees north.")
    west: float = Option(
        ge=-180, le=360, description="Western edge, degrees east; east of `east`, the region "
        "crosses the date line."
    )  # fmt: skip
    south: float = Option(ge=-90, le=90, description="Southern edge, degrees north.")
    east: float = Option(ge=-180, le=360, description="Eastern edge, degrees east.")

    @model_validator(mode="after")
    def _has_area(self) -> RegionOptions:
        if self.south >= self.north:
            raise ValueError(f"region: south = {self.south} must be below north = {self.north}")
        if self.west == self.east:
            raise ValueError(
                f"region: west and east are both {self.west}; the globe is -180 to 180"
            )
        return self


class ERA5GridOptions(Section):
    """The points that are stored: a centred window of the region."""

    latitude: PositiveInt = Option(default=32, description="Points from south to north.")
    longitude: PositiveInt = Option(default=48, description="Points from west to east.")
    coarsen: PositiveInt = Option(
        default=1, description="Every so-manieth point of the record is stored."
    )


class ERA5Options(SystemOptions):
    """Record, region, grid, windows and splits of the ERA5 system."""

    recorded = True
    calendar = True

    source: Literal["sample", "file", "cds", "arco", "weatherbench2"] = Option(
        default="sample",
        description="Where the record comes from: `sample`, 2 m temperature over the United "
        "Kingdom, hourly, March 2019, 2.5 MB, downloaded once; `file`, a NetCDF or GRIB file of "
        "yours; `cds`, the Climate Data Store with your key (~/.cdsapirc); `arco` and "
        "`weatherbench2`, public Zarr stores.",
    )
    fallback: Literal["none", "stand_in"] = Option(
        default="none",
        description="Where neither cache nor network has the sample: `none` stops, `stand_in` "
        "makes a synthetic record, named so in every file, table and figure. For `sample` only.",
    )
    file: str | None = Option(
        default=None,
        description="Path of the file, for `source: file`: NetCDF, GRIB, or a ZIP archive of such. "
        "`*`, `?` and `[...]` in it, unless a file has that name, stand for several of one grid, "
        "such as one a month.",
    )
    store: str | None = Option(
        default=None,
        description="URL of the Zarr store; null: the 0.25 degree store of ARCO-ERA5, or the "
        "six-hourly 1.5 degree store of WeatherBench 2.",
    )
    variable: str = Option(
        default=SAMPLE_VARIABLE,
        description="Name in the Climate Data Store, such as `2m_temperature` or `temperature`.",
    )
    level: PositiveInt | None = Option(
        default=None, description="Pressure level in hPa; null for variables at the surface."
    )
    region: RegionOptions | None = Option(
        default=None, description="Region that is fetched; null: all there is in the file."
    )
    years: list[int] | None = Option(
        default=None,
        min_length=1,
        description="Whole years that are fetched; null: all in the file.",
    )
    grid: ERA5GridOptions = Option(default_factory=ERA5GridOptions, description="The stored grid.")
    history: PositiveInt = Option(default=12, description="Frames that are given.")
    horizon: PositiveInt = Option(default=20, description="Frames that are predicted.")
    step: PositiveInt | None = Option(
        default=None, description="Hours between frames; null: 1, of `weatherbench2` 6."
    )
    stride: PositiveInt = Option(
        default=1,
        description="Least hours between the starts of windows in a split, which are times of the "
        "record.",
    )
    splits: SharesOptions = Option(
        default_factory=SharesOptions,
        description="Shares of the time of the record for validation and test. Splits are periods "
        "in that order with a gap of one window between them, so no time is in two of them.",
    )
    periods: PeriodsOptions | None = Option(
        default=None, description="Periods of the splits by date, instead of shares."
    )

    @field_validator("years")
    @classmethod
    def _years_exist(cls, years: list[int] | None) -> list[int] | None:
        if years and min(years) < 1940:
            raise ValueError(f"years: ERA5 begins in 1940, got {min(years)}")
        if years and max(years) > LAST_YEAR:
            raise ValueError(f"years: expected years up to {LAST_YEAR}, got {max(years)}")
        return years

    @model_validator(mode="after")
    def _suits_source(self) -> ERA5Options:
        remote = self.source in ("cds", *STORES)
        problems = [
            f"{key} must be {'given' if wanted else 'null'} with source: {self.source}"
            for key, wanted in (
                ("file", self.source == "file"),
                ("region", True if remote else None),
                ("years", True if remote else None if self.source == "file" else False),
                ("store", None if self.source in STORES else False),
                ("level", False if self.source == "sample" else None),
            )
            if wanted is not None and (getattr(self, key) is not None) != wanted
        ]
        if self.fallback != "none" and self.source != "sample":
            problems.append(f"fallback is for source: sample, not for {self.source}")
        if self.source == "sample" and self.variable != SAMPLE_VARIABLE:
            problems.append(f"the sample has {SAMPLE_VARIABLE} alone, not {self.variable}")
        if self.source == "weatherbench2" and self.store is None and self.hours_per_step % 6:
            problems.append(
                f"step = {self.hours_per_step}: that store is six-hourly; a multiple of 6"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _level_suits_variable(self) -> ERA5Options:
        on_levels = lookup(self.variable).on_levels
        if on_levels is False and self.level is not None:
            raise ValueError(f"level: {self.variable} is given at the surface; level must be null")
        if on_levels and self.level is None and self.source != "file":
            raise ValueError(f"level: {self.variable} is given on levels; choose one, such as 500")
        return self

    @model_validator(mode="after")
    def _periods_are_apart(self) -> ERA5Options:
        if self.periods is None:
            return self
        hours = self.periods.hours()
        needed = (self.frames + 1) * self.hours_per_step
        for name in SPLITS:
            if hours[name][0] > hours[name][1]:
                raise ValueError(f"periods.{name}: its first time is after its last")
        for before, after in itertools.pairwise(SPLITS):
            apart = hours[after][0] - hours[before][1]
            if apart < needed:
                raise ValueError(
                    f"periods: {after} begins {apart} hours after the last time of {before}, which "
                    "it must follow, so that nothing is learnt from the future; with "
                    f"windows of {self.frames} frames every {self.hours_per_step} h expected at "
                    f"least {needed}, so that a whole window lies between"
                )
        return self

    @model_validator(mode="after")
    def _archive_has_it(self) -> ERA5Options:
        if problems := lacking(self):
            raise ValueError("; ".join(problems))
        return self

    @property
    def frames(self) -> int:
        """Frames of a window."""
        return self.history + self.horizon

    @property
    def hours_per_step(self) -> int:
        """Hours between frames."""
        return self.step or (6 if self.source == "weatherbench2" else 1)

    @property
    def hours_fetched(self) -> int:
        """Hours between the times of a day that are downloaded: those that windows can have."""
        return math.gcd(self.hours_per_step, 24)

    @property
    def store_url(self) -> str:
        """URL of the Zarr store."""
        return self.store or STORES[self.source]

    def files(self) -> list[str]:
        """Return the files of `source: file`, or their pattern where none is there yet."""
        return [] if self.file is None else matching(self.file)

    def grid_shape(self) -> tuple[int, int, int]:
        """Return `(horizon, latitude, longitude)`."""
        return self.horizon, self.grid.latitude, self.grid.longitude

    def boundaries(self) -> tuple[base.Boundary, ...]:
        """Return the boundary conditions: open, also where the window spans the whole circle."""
        return ("open", "open")
