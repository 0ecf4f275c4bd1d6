"""The small sample: xarray's tutorial file of 2 m temperature over the United Kingdom.

Hourly, March 2019, 0.25 degrees, 50..58 N and 10 W..2 E, 2.5 MB of GRIB.
"""

from __future__ import annotations

import os
from pathlib import Path

from wdno.archives import cache
from wdno.archives.download import download
from wdno.archives.errors import ChecksumError, DownloadError

URL = "https://github.com/pydata/xarray-data/raw/master/era5-2mt-2019-03-uk.grib"
VARIABLE = "WDNO_SAMPLE_URL"
"""Environment variable that names another place of the same file."""

SHA256 = "e5e82609f0e28e84822852e15d20c88dbb4b142a30264a7e6f87b9b5c7501df9"
NAME = "era5-2mt-2019-03-uk.grib"

WAITS = (0.5, 1.5)
PATIENCE = 8.0
TIMEOUT = (2.5, 20.0)


def path() -> Path:
    """Return where the sample is kept."""
    return cache.folder() / "era5" / NAME


def fetch() -> Path:
    """Return the sample, downloaded unless it is in the cache.

    A machine without a network knows within about ten seconds.

    Returns:
        The GRIB file, whole and with the right checksum.

    Raises:
        ChecksumError: What is there under its address is another file.
        DownloadError: It is neither in the cache nor to be had.
        OSError: The cache cannot be written.
    """
    target, url = path(), os.environ.get(VARIABLE) or URL
    try:
        download(url, target, sha256=SHA256, waits=WAITS, patience=PATIENCE, timeout=TIMEOUT)
    except ChecksumError:
        raise
    except DownloadError as error:
        raise DownloadError(
            f"the ERA5 sample is neither in the cache nor to be had: {error}. Connect to a "
            f"network, or get {URL} on another machine, sha256 {SHA256}, and put it at {target}; "
            f"${VARIABLE} names another address, ${cache.VARIABLE} another cache"
        ) from error
    return target
