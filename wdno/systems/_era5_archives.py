"""What the archives of ERA5 have, so that a download that cannot be used is refused before it.

Years, levels and grids are those that the archives document: the Climate Data Store
(doi:10.24381/cds.adbb2d47, doi:10.24381/cds.bd0915c6), ARCO-ERA5, and the stores of WeatherBench 2
(arXiv 2308.15560).
"""

from __future__ import annotations

import datetime
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdno.systems import _era5_windows as windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wdno.systems._era5_options import ERA5Options

STORES = {
    "arco": "gs://gcp-public-data-arco-era5/ar/full_37-1h-0p25deg-chunk-1.zarr-v3",
    "weatherbench2": "gs://weatherbench2/datasets/era5/"
    "1959-2023_01_10-6h-240x121_equiangular_with_poles_conservative.zarr",
}
LEVELS = (
    *(1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 100, 125, 150, 175, 200, 225, 250, 300, 350, 400, 450),
    *(500, 550, 600, 650, 700, 750, 775, 800, 825, 850, 875, 900, 925, 950, 975, 1000),
)
FEW_LEVELS = (50, 100, 150, 200, 250, 300, 400, 500, 600, 700, 850, 925, 1000)
NEAR = 1e-6
"""Spacings within which a point counts as on the edge of a region."""

Span = tuple[int, int]
"""First and last hour since 1970, both included."""


@dataclass(frozen=True)
class Archive:
    """What an archive has.

    Attributes:
        first: Its first whole year.
        last: Its last one; None of one that grows.
        spacing: Degrees between its points, which lie at multiples of it.
        levels: Its pressure levels in hPa.
        cuts: Whether a region's edges may be points of what it sends, wherever they lie.
    """

    first: int
    last: int | None
    spacing: float
    levels: Sequence[int]
    cuts: bool = False


ARCHIVES = {
    "cds": Archive(1940, None, 0.25, LEVELS, cuts=True),
    "arco": Archive(1940, None, 0.25, LEVELS),
    "weatherbench2": Archive(1959, 2022, 1.5, FEW_LEVELS),
}
"""The archives by their source; stores are those of `STORES`."""


def lacking(options: ERA5Options) -> list[str]:
    """Return what the options ask for and cannot get, by what they say themselves.

    Args:
        options: Of any source; of a user's files and of stores with an own URL less is known.
    """
    problems = _without_window(options)
    if options.source in ARCHIVES and options.store is None:
        archive = ARCHIVES[options.source]
        problems = _other_years(options, archive) or problems
        problems += _too_few_points(options, archive)
        if options.level is not None and options.level not in archive.levels:
            problems.append(
                f"level: {options.source} has no level {options.level} hPa; it has "
                f"{', '.join(map(str, archive.levels))}"
            )
    return problems


def _other_years(options: ERA5Options, archive: Archive) -> list[str]:
    last = archive.last or datetime.datetime.now(datetime.UTC).year - 1
    if outside := [year for year in options.years or [] if not archive.first <= year <= last]:
        return [
            f"years: {options.source} has the whole years {archive.first} to {last}, not "
            f"{', '.join(map(str, outside))}"
        ]
    return []


def _too_few_points(options: ERA5Options, archive: Archive) -> Iterator[str]:
    region, grid, spacing = options.region, options.grid, archive.spacing
    if region is None:
        return
    width = (region.east - region.west) % 360 or 360.0
    around = round(360 / spacing)
    have = {
        "latitude": _points(region.south, region.north, archive),
        "longitude": min(_points(region.west, region.west + width, archive), around),
    }
    for axis, count in (("latitude", grid.latitude), ("longitude", grid.longitude)):
        needed = (count - 1) * grid.coarsen + 1
        if needed > have[axis]:
            every = f" of every {grid.coarsen}-th" if grid.coarsen > 1 else ""
            yield (
                f"grid.{axis} = {count} points{every} need {needed} of {options.source}, which has "
                f"{have[axis]} in the region, at {spacing:g} degrees; make grid.{axis} or coarsen "
                "smaller, or the region larger"
            )


def _points(low: float, high: float, archive: Archive) -> int:
    """Points of an archive from one edge of a region to the other."""
    if archive.cuts:
        return math.floor((high - low) / archive.spacing + NEAR) + 1
    first, last = low / archive.spacing - NEAR, high / archive.spacing + NEAR
    return math.floor(last) - math.ceil(first) + 1


def _without_window(options: ERA5Options) -> list[str]:
    """Splits without a window in the years that are chosen."""
    remote = options.source in ARCHIVES
    # Of files, years may be there in part, and only dates say which part of them is used.
    if not options.years or not (remote or options.periods):
        return []
    spans = list(_spans(options.years, options.hours_fetched))
    step, frames = options.hours_per_step, options.frames
    if options.periods is not None:
        key, periods = "periods", options.periods.hours()
    else:
        key, shares = "splits", options.splits.model_dump()
        first, last = spans[0][0], spans[-1][1]
        periods = windows.periods(first, last, shares, frames, step, options.hours_fetched)
    every = options.hours_fetched if remote else 1
    empty = [
        f"{name} ({_date(period[0])} to {_date(period[1])})"
        for name, period in periods.items()
        if not any(_has_window(span, period, (frames - 1) * step, every) for span in spans)
    ]
    if not empty:
        return []
    return [
        f"{key} and years: no window of {frames} frames, {step} h apart, is in the years "
        f"{', '.join(map(str, sorted(set(options.years))))} and in {' or '.join(empty)}; choose "
        f"other years, other {key}, or a smaller history, horizon or step"
    ]


def _spans(years: Sequence[int], every: int) -> Iterator[Span]:
    """Runs of consecutive years, in frames `every` hours apart."""
    ordered = sorted(set(years))
    starts = [ordered[0], *(b for a, b in itertools.pairwise(ordered) if b != a + 1)]
    ends = [*(a for a, b in itertools.pairwise(ordered) if b != a + 1), ordered[-1]]
    for start, end in zip(starts, ends, strict=True):
        yield _new_year(start), _new_year(end + 1) - every


def _new_year(year: int) -> int:
    return int(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp()) // 3600


def _has_window(span: Span, period: Span, length: int, every: int) -> bool:
    """Whether a window of so many hours, from a frame of a span on, is in it and in a period."""
    first = span[0] + max(-(-(period[0] - span[0]) // every), 0) * every
    return first + length <= min(span[1], period[1])


def _date(hour: int) -> str:
    moment = datetime.datetime.fromtimestamp(hour * 3600, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M")
