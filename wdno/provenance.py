"""Where a file comes from: versions, commit and settings, kept in every file that is written."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

from wdno import __version__

PACKAGES = ("numpy", "torch", "xarray", "netCDF4", "PyWavelets", "numba", "neuraloperator")


@cache
def commit() -> str:
    """Return the commit of the source tree, with ``+changes`` if files differ, or ``unknown``."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return "unknown"

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        head = git("rev-parse", "--short=12", "HEAD")
        dirty = git("status", "--porcelain", "--untracked-files=no", "--", "wdno", "workflow")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+changes" if dirty else "")


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of those that decide numbers."""
    found = {"python": platform.python_version(), "wdno": __version__}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def provenance() -> dict[str, object]:
    """Return commit, versions and platform, as plain values for JSON."""
    return {
        "commit": commit(),
        "versions": versions(),
        "platform": f"{platform.system()} {platform.machine()}",
    }
