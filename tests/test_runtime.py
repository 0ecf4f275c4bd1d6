"""Threads and temporary files of a process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from wdno import runtime
from wdno.runtime import (
    available_processors,
    set_threads,
    spare_processors,
    temporary_folder,
)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in runtime.THREAD_VARIABLES:
        monkeypatch.setenv(name, os.environ.get(name, "1"))


@pytest.mark.parametrize(
    ("threads", "ranks", "spare"), [(1, 1, 0), (4, 1, 3), (64, 1, 15), (8, 4, 3), (8, 32, 0)]
)
def test_processors_that_a_job_has_beside_its_first(
    monkeypatch: pytest.MonkeyPatch, threads: int, ranks: int, spare: int
) -> None:
    monkeypatch.setattr(runtime, "available_processors", lambda: 16)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(ranks))
    assert spare_processors(threads) == spare


def test_threads_are_capped_at_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        monkeypatch.setattr(runtime, "available_processors", lambda: 2)
        assert [set_threads(n) for n in (1, 2, 64, None)] == [1, 2, 2, 2]
        assert set_threads(1) == 1 == torch.get_num_threads()
        assert os.environ["OMP_NUM_THREADS"] == "1"
        monkeypatch.setattr(runtime, "available_processors", lambda: 8)
        monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
        assert [set_threads(n) for n in (1, 6, 64)] == [1, 2, 2], "processes of torchrun share"
    finally:
        torch.set_num_threads(before)


def test_processors_are_those_of_the_affinity_mask() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("no affinity masks on this system")
    mask = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(mask)})
        assert available_processors() == 1
    finally:
        os.sched_setaffinity(0, mask)


@pytest.mark.parametrize("requested", [0, -1])
def test_less_than_one_thread_is_refused(requested: int) -> None:
    with pytest.raises(ValueError, match=f"at least 1, got {requested}"):
        set_threads(requested)


def test_a_folder_for_temporary_files_is_the_user_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = temporary_folder("kernels")
    assert folder == tmp_path / f"wdno-kernels-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert temporary_folder("kernels") == folder, "the same for all processes"
    folder.chmod(0o777)
    assert temporary_folder("kernels") is None, "others could put code there"
    folder.rmdir()
    folder.symlink_to(tmp_path)
    assert temporary_folder("kernels") is None, "it leads elsewhere"


def test_another_user_s_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    user = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: user)
    assert temporary_folder("devices") is None
    assert (tmp_path / f"wdno-devices-{user}").is_dir(), "made by this user for another"
