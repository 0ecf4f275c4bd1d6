"""Years of hours in parts of a month, kept in the cache: what is there is not asked for again."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from wdno.archives import cache
from wdno.files import alone, write_json


@dataclass(frozen=True)
class Month:
    """A month of a year, in the hours 0, `every`, 2 `every`, ... of each day."""

    year: int
    month: int
    every: int

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02d}"

    @property
    def days(self) -> int:
        """Number of days."""
        return calendar.monthrange(self.year, self.month)[1]

    @property
    def times(self) -> np.ndarray:
        """The times, datetime64[h]."""
        start = np.datetime64(f"{self}-01T00", "h")
        return start + np.arange(0, 24 * self.days, self.every).astype("timedelta64[h]")


def fetch(
    kind: str,
    request: Mapping[str, Any],
    years: Iterable[int],
    every: int,
    get: Callable[[Month, Path], None],
) -> list[Path]:
    """Get each month that the cache lacks.

    Args:
        kind: Who is asked, such as "cds".
        request: What is asked for beside the time, as plain values; other requests have other
            folders.
        years: The years.
        every: Hours between the times of a day, a divisor of 24.
        get: Writes the file of a month, whole or not at all.

    Returns:
        The files, in the order of time.

    Raises:
        RecordError: The cache cannot be written.
    """
    request = {**request, "every": every}
    folder = cache.request_folder(kind, request)
    months = [Month(year, month, every) for year in sorted(set(years)) for month in range(1, 13)]
    paths = [folder / f"{month}.nc" for month in months]
    if all(path.exists() for path in paths):
        return paths
    cache.refuse_unwritable(folder)
    with alone(folder):
        write_json(folder / "request.json", request)
        # Of a process that was killed while it wrote.
        for leftover in folder.glob(".*"):
            leftover.unlink()
        for month, path in zip(
            tqdm(months, desc=f"ERA5 from {kind}", unit="month", mininterval=2.0),
            paths,
            strict=True,
        ):
            if not path.exists():
                get(month, path)
    return paths
