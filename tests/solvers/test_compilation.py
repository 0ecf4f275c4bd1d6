"""Compiled functions: kept on disk where there is a place, and compiled again elsewhere."""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from numba.core.caching import IndexDataCacheFile

from wdno.solvers import compilation

ROOT = Path(__file__).parents[2]
SOURCE = """
from wdno.solvers.compilation import compiled

@compiled(error_model="numpy")
def double(x):
    return 2 * x
"""

# In a tree and with a home that cannot be written, for any user: files stand where folders would.
READ_ONLY = """
import sys, tempfile
sys.path.insert(0, sys.argv[1])
if len(sys.argv) > 2:
    tempfile.tempdir = sys.argv[2]
from wdno.solvers.finite_volume import solve
from wdno.solvers import _hllc, finite_difference, incompressible_kernels
import numpy as np
source, target = np.ones((3, 4)), np.zeros((3, 4))
_hllc._copy(source, target)
assert (target == 1).all()
stats = _hllc._copy.stats
print(stats.cache_path, sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def read_only(tmp_path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Use a kernel in a copy of the package whose caches cannot be made."""
    tree = tmp_path / "tree"
    if not tree.exists():
        shutil.copytree(
            ROOT / "wdno", tree / "wdno", ignore=shutil.ignore_patterns("__pycache__", "*.nb?")
        )
        for folder in (tree / "wdno").rglob("*/"):
            (folder / "__pycache__").touch()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("NUMBA_CACHE")},
        "HOME": "/dev/null",
        "XDG_CACHE_HOME": "/dev/null/cache",
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": "",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", READ_ONLY, str(tree), *map(str, arguments)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_where_neither_source_nor_home_can_be_written(tmp_path: Path) -> None:
    done = read_only(tmp_path)
    assert done.returncode == 0, done.stderr
    place, hits, misses = done.stdout.split()
    folder = tmp_path / f"wdno-kernels-{os.getuid()}"
    assert Path(place).is_relative_to(folder) and (hits, misses) == ("0", "1")
    assert folder.stat().st_mode & 0o777 == 0o700, "nobody else may write what is executed"
    again = read_only(tmp_path)
    assert again.stdout.split()[1:] == ["1", "0"], "another process reads it"
    assert "not kept" not in done.stderr + again.stderr


def test_where_there_is_no_folder_for_temporary_files_either(tmp_path: Path) -> None:
    done = read_only(tmp_path, "/dev/null")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["None", "0", "1"]
    assert done.stderr.count("compiled code is not kept") == 1, "said once, of many functions"
    assert "NUMBA_CACHE_DIR" in done.stderr


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    compilation._tell.cache_clear()
    path = tmp_path / "doubling.py"
    path.write_text(SOURCE, encoding="utf-8")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    return path


def kernel(source: Path) -> Any:
    """Import the function anew."""
    spec = importlib.util.spec_from_file_location("doubling", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.double


def test_code_is_kept_beside_the_source(source: Path) -> None:
    first = kernel(source)
    assert first(3) == 6 and first.stats.cache_path == str(source.parent / "__pycache__")
    second = kernel(source)
    assert second(4) == 8 and sum(second.stats.cache_hits.values()) == 1


def test_a_full_disk_costs_time_alone(
    source: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: Any, key: Any, data: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(IndexDataCacheFile, "save", full)
    double = kernel(source)
    assert (double(3), double(1.5)) == (6, 3.0)
    assert caplog.text.count("compiled code is not kept") == 1
    assert os.strerror(errno.ENOSPC) in caplog.text


@pytest.mark.parametrize("damage", [b"", b"\x80", b"nothing of the kind"])
def test_a_damaged_file_costs_time_once(source: Path, damage: bytes) -> None:
    assert kernel(source)(3) == 6
    (index,) = (source.parent / "__pycache__").glob("*.nbi")
    index.write_bytes(damage)
    assert kernel(source)(3) == 6
    assert kernel(source)(3) == 6
    third = kernel(source)
    assert third(3) == 6 and sum(third.stats.cache_hits.values()) == 1, "mended"
