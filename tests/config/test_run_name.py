"""The name of a run is that of its folder of results."""

from __future__ import annotations

from pathlib import Path

import pytest

from wdno import config as configuration
from wdno.config import ConfigError
from wdno.config.resolve import read

ROOT = Path(__file__).parents[2]


def test_a_run_does_not_write_among_published_results() -> None:
    values = read([ROOT / "config" / "config.yaml"])
    published = [path.name for path in (ROOT / "results").iterdir() if path.is_dir()]
    assert "reference" in published, "results/reference is in version control"
    with pytest.raises(ConfigError, match=r"run.*'reference'.*published results.*another name"):
        configuration.validate({**values, "run": "reference"})
    assert configuration.validate({**values, "run": "reference_2"}).run == "reference_2"
