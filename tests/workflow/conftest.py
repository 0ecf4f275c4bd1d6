"""A copy of the project in which the tiny run is made once, and a copy of that for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from snakemake_project import PARTS, ROOT, Project, copy_project


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.workflow)


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project without results, to be left as it is."""
    return copy_project(ROOT, tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project with everything of the tiny run made, to be left as it is."""
    project = copy_project(ROOT, tmp_path_factory.mktemp("finished"))
    project.run("all")
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of the finished run, to be changed."""
    yield copy_project(finished.path, tmp_path, (*PARTS, "results", ".snakemake"))
    shutil.rmtree(tmp_path, ignore_errors=True)
