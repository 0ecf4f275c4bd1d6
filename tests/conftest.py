"""Fixtures that several tests share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from waves import make_data

from wdno.data.dataset import Trajectories

FIRST = ("workflow", "validation", "recipes")
"""Folders of the longest tests: of several processes, none is left alone with them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with what takes longest."""
    here = Path(__file__).parent
    ranks = {folder: rank for rank, folder in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.relative_to(here).parts[0], len(FIRST)))


@pytest.fixture(scope="session")
def waves_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("waves") / "train.nc")


@pytest.fixture
def waves(waves_file: Path) -> Trajectories:
    return Trajectories(waves_file)


@pytest.fixture(autouse=True, scope="session")
def _one_thread_for_libraries() -> None:
    # Tests run small problems, for which more threads only cost.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Keep the figures that are saved, at a low resolution."""
    from matplotlib.figure import Figure

    from wdno.evaluation.figures import style as figure_style

    figures: list[Any] = []
    save = Figure.savefig

    def keep(self: Figure, *arguments: Any, **options: Any) -> None:
        figures.append(self)
        save(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    monkeypatch.setitem(figure_style.STYLE, "savefig.dpi", 30)
    return figures
