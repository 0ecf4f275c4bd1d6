"""A file of cases, and models that are asked for them."""

from __future__ import annotations

from pathlib import Path

import models as small
import pytest
from saved_models import REGRESSION, saved
from waves import make_data

from wdno.data.dataset import Trajectories


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("inputs") / "test.nc", count=6)


@pytest.fixture(scope="session")
def drawing(file: Path) -> Path:
    """A model that draws, whose representation takes other grids."""
    identity = small.REPRESENTATIONS[0]
    return saved(
        file.parent / "a.safetensors", Trajectories(file), "simulation", representation=identity
    )


@pytest.fixture(scope="session")
def regression(file: Path) -> Path:
    data = Trajectories(file)
    return saved(file.parent / "b.safetensors", data, "simulation", objective=REGRESSION)
