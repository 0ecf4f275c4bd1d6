"""A file system that is soon full, as a fixture for the tests that need one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(name="small_disk")
def small_disk_fixture(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB; skips where mounting one needs privileges."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no `mount` command here")
    if mounted.returncode:
        pytest.skip(f"mounting a small file system needs privileges: {mounted.stderr.strip()}")
    yield disk
    # Lazily: HDF5 keeps a file open whose writing failed.
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
