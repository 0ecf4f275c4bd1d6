"""A copy of the package for each recipe, with data sets that are made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipe import Copy, generate


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data sets of a small system."""
    made = Copy.make(tmp_path_factory.mktemp("recipe"))
    made.configure()
    made.run(*generate())
    return made.path / "data"


@pytest.fixture
def copy(data: Path, tmp_path: Path) -> Copy:
    """A copy of the package, to be changed."""
    made = Copy.make(tmp_path / "copy", data)
    made.configure()
    return made
