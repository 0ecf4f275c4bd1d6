"""The Climate Data Store: one request a month, with the user's own key.

Needs the package cdsapi and `~/.cdsapirc` with `url` and `key`, a personal access token from
https://cds.climate.copernicus.eu/profile; the licence of each data set is accepted once, in the
browser.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from wdno.archives import months
from wdno.archives.dialects import open_record
from wdno.archives.errors import RecordError
from wdno.archives.months import Month
from wdno.archives.packed import is_zip, unpack
from wdno.archives.retry import TRANSIENT_STATUS, patiently, status
from wdno.archives.space import Region
from wdno.files import atomic_path

log = logging.getLogger(__name__)

WAITS = (5.0, 15.0, 60.0, 120.0, 300.0, 600.0)
DATASETS = {False: "reanalysis-era5-single-levels", True: "reanalysis-era5-pressure-levels"}
PAGE = "https://cds.climate.copernicus.eu"
OLD_KEY = (
    "of the form `12345:abcd...`, which ended in 2024: copy the token, without a number and a "
    f"colon before it, from {PAGE}/profile to ~/.cdsapirc"
)


class Client(Protocol):
    """What is used of `cdsapi.Client`."""

    def retrieve(self, name: str, request: dict[str, Any], target: str) -> Any:
        """Ask for data, wait, and write the answer to `target`."""


def fetch(
    variable: str,
    level: int | None,
    region: Region,
    years: Sequence[int],
    every: int,
    *,
    client: Callable[[], Client] | None = None,
    waits: Sequence[float] = WAITS,
) -> list[Path]:
    """Get a region from the Climate Data Store into files of a month in the cache.

    Args:
        variable: Name in the Climate Data Store.
        level: Pressure level in hPa; None for variables without.
        region: The region.
        years: The years, whole.
        every: Hours between the times of a day, a divisor of 24.
        client: Makes the client; that of cdsapi if left out.
        waits: Seconds before each further try of a request.

    Returns:
        The files, in the order of time.

    Raises:
        RecordError: The request is refused, or the answer is not what was asked for; months that
            are complete are kept.
    """
    name = DATASETS[level is not None]
    made: list[Client] = []

    def get(month: Month, path: Path) -> None:
        if not made:
            made.append((client or _client)())
        asked = request(variable, level, region, month)
        with atomic_path(path) as temporary:
            answer = temporary.with_name(f"{temporary.name}.answer")
            try:
                patiently(
                    lambda: made[0].retrieve(name, asked, str(answer)),
                    name=f"{name}, {month}",
                    transient=lambda error: status(error) in TRANSIENT_STATUS,
                    waits=waits,
                )
                _unpack(answer, temporary, variable, level, month)
            except RecordError:
                raise
            except Exception as error:
                raise RecordError(
                    f"{name}, {month}: {_explanation(error, name)}; months that are complete are "
                    f"kept in {path.parent}"
                ) from error
            finally:
                answer.unlink(missing_ok=True)

    box = [region.north, region.west, region.south, region.east]
    identity = {"dataset": name, "variable": variable, "level": level, "region": box}
    return months.fetch("cds", identity, years, every, get)


def request(variable: str, level: int | None, region: Region, month: Month) -> dict[str, Any]:
    """Return the request for a month, as the Climate Data Store expects it."""
    asked: dict[str, Any] = {
        "product_type": ["reanalysis"],
        "variable": [variable],
        "year": [str(month.year)],
        "month": [f"{month.month:02d}"],
        "day": [f"{day:02d}" for day in range(1, month.days + 1)],
        "time": [f"{hour:02d}:00" for hour in range(0, 24, month.every)],
        "area": [region.north, region.west, region.south, region.east],
        "data_format": "netcdf",
        "download_format": "unarchived",
    }
    return asked if level is None else {**asked, "pressure_level": [str(level)]}


def _client() -> Client:
    try:
        import cdsapi
    except ImportError as error:
        raise RecordError(f"the package cdsapi is missing ({error}): pip install cdsapi") from error
    try:
        made: Client = cdsapi.Client(retry_max=10, sleep_max=60)
    except Exception as error:
        raise RecordError(
            f"no access to the Climate Data Store: {error}; write ~/.cdsapirc as {PAGE}/how-to-api "
            "says, two lines: `url: https://cds.climate.copernicus.eu/api` and `key: <your token>`"
        ) from error
    if ":" in str(getattr(made, "key", "")):
        raise RecordError(f"the key of the Climate Data Store is {OLD_KEY}")
    return made


def _unpack(answer: Path, target: Path, variable: str, level: int | None, month: Month) -> None:
    """Move the NetCDF file of an answer, packed or not, to its place, if it is whole."""
    if not answer.exists():
        raise RecordError(f"{month}: the Climate Data Store answered without a file")
    if not is_zip(answer):
        answer.replace(target)
        _check(target, variable, level, month)
        return
    reasons = []
    # One file for the values of a moment, one for what is summed over an hour.
    for name, path in unpack(answer, lambda name: target, f"{month}, the answer"):
        try:
            _check(path, variable, level, month)
        except RecordError as error:
            reasons.append(f"{name}: {error}")
        else:
            return
    raise RecordError(f"{month}: no file of the answer can be used: {'; '.join(reasons)}")


def _check(path: Path, variable: str, level: int | None, month: Month) -> None:
    array = open_record(path, variable, level)
    lacking = np.setdiff1d(month.times.astype("datetime64[ns]"), array["time"].to_numpy())
    if lacking.size:
        raise RecordError(
            f"{lacking.size} of the {month.times.size} times of {month} are not in the answer, "
            f"first {lacking[0].astype('datetime64[h]')}; the archive ends about five days ago"
        )


def _explanation(error: Exception, name: str) -> str:
    """What an error of the Climate Data Store means, and what to do."""
    text = str(error)
    code = status(error)
    if "licence" in text.lower():
        return (
            f"{text}: accept the licence once, in the browser, at the end of "
            f"{PAGE}/datasets/{name}?tab=download"
        )
    if code == 401 or "401" in text:
        return (
            f"{text}: the key is not accepted. If it has a number and a colon before it, it is "
            f"{OLD_KEY}; else copy it anew"
        )
    if "too large" in text.lower() or code == 413:
        return f"{text}: ask for a smaller `region`"
    return text or repr(error)
