"""Memory does not grow with the number of samples, in generation and in training."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from processes import HELPERS, environment

SAMPLES = 240
RAW = 4 * 33 * 16384 * SAMPLES / 1e6

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc"
)


def megabytes(what: str, path: Path, count: int = SAMPLES) -> float:
    program = [sys.executable, str(HELPERS / "memory_problem.py"), what, str(path), str(count)]
    # What is freed is given back, so that the peak is of what is held.
    variables = {**environment(), "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(program, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, float]]:
    """A small and a large data set, with what generating them took."""
    folder = tmp_path_factory.mktemp("data")
    found = {}
    for name, count in (("few", SAMPLES // 6), ("many", SAMPLES)):
        path = folder / f"{name}.nc"
        found[name] = path, megabytes("generates", path, count)
    return found


def test_generation(files: dict[str, tuple[Path, float]]) -> None:
    few, many = files["few"][1], files["many"][1]
    assert many - few < 0.1 * RAW, f"{many - few:.0f} MB more for {5 * RAW / 6:.0f} MB of data"
    assert many < 0.25 * RAW, f"{many:.0f} MB for {RAW:.0f} MB of data"


def test_reading(files: dict[str, tuple[Path, float]]) -> None:
    taken = megabytes("reads", files["many"][0])
    assert taken < 0.2 * RAW, f"{taken:.0f} MB for {RAW:.0f} MB of data"


@pytest.mark.parametrize("what", ["fits_scales", "measures"])
def test_passes_over_a_data_set(files: dict[str, tuple[Path, float]], what: str) -> None:
    few, many = (megabytes(what, files[name][0]) for name in ("few", "many"))
    assert many - few < 0.3 * RAW, f"{many - few:.0f} MB more for {5 * RAW / 6:.0f} MB of data"
