"""ERA5 windows on a small grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wdno.systems.era5 import Options, System

SMALL = {"grid": {"latitude": 4, "longitude": 6}, "history": 3, "horizon": 5}


def options(**changed: Any) -> Options:
    return Options.model_validate({**SMALL, **changed})


def fetched(chosen: Options, folder: Path) -> System:
    System.fetch(chosen, folder / "record.nc", folder / "state")
    return System(chosen, folder / "record.nc")
