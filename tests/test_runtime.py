"""Threads and devices of a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from wdno import runtime
from wdno.runtime import (
    available_processors,
    claim_device,
    resolve_device,
    set_threads,
    spare_processors,
    temporary_folder,
)

ROOT = Path(__file__).parents[1]

CLAIM = """
import sys
from pathlib import Path
from wdno.runtime import claim_device
print(claim_device(sys.argv[2:], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_claimed", {})
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


@contextmanager
def claimed(folder: Path, *cards: str) -> Iterator[int]:
    """The card that another process claims and holds until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLAIM, str(folder), *cards],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


def test_processes_claim_different_cards(tmp_path: Path) -> None:
    cards = ("GPU-a/1", "GPU-b/2")
    with claimed(tmp_path, *cards) as first:
        assert first == 0
        assert claim_device(cards, tmp_path) == 1
        assert claim_device(cards, tmp_path) == 1, "asked again, the same card"
        # Another choice of cards, as CUDA_VISIBLE_DEVICES gives it: they are known by name.
        with claimed(tmp_path, "GPU-b/2", "GPU-c/3") as other:
            assert other == 1
    runtime._claimed.clear()
    assert claim_device(cards, tmp_path) == 0, "a killed process holds nothing"


def test_more_processes_than_cards_share(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cards = ("GPU-a", "GPU-b")
    with claimed(tmp_path, *cards) as first, claimed(tmp_path, *cards) as second:
        assert (first, second) == (0, 1)
        assert claim_device(cards, tmp_path) == 0
    assert "all 2 cards are claimed" in caplog.text


def test_one_card_needs_no_lock(tmp_path: Path) -> None:
    assert claim_device(["GPU-a"], tmp_path) == 0
    assert not list(tmp_path.iterdir())


def test_no_card_at_all() -> None:
    with pytest.raises(ValueError, match="no card"):
        claim_device([])


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cpu:0", "mps", ""])
def test_unknown_devices_are_refused(device: str) -> None:
    with pytest.raises(ValueError, match="expected auto, cpu, cuda or cuda:N"):
        resolve_device(device)


def test_an_absent_card_is_said() -> None:
    with pytest.raises(ValueError, match=r"PyTorch sees \d+ CUDA devices"):
        resolve_device("cuda:64")


def test_auto_is_there() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto").type == expected
    assert resolve_device("cpu") == torch.device("cpu")


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


def test_without_a_place_for_locks_a_card_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # A user without a name, as in a container, and nothing that can be written.
    monkeypatch.setattr("getpass.getuser", lambda: 1 / 0)
    monkeypatch.setattr("tempfile.tempdir", "/dev/null")
    assert claim_device(["GPU-a", "GPU-b"]) == 0
    assert "set TMPDIR" in caplog.text
    runtime._claimed.clear()
    (tmp_path / "file").touch()
    assert claim_device(["GPU-a", "GPU-b"], tmp_path / "file") == 0
    runtime._claimed.clear()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert claim_device(["GPU-a", "GPU-b"]) == 0
    assert (tmp_path / f"wdno-devices-{os.getuid()}" / "GPU-a.lock").exists()
