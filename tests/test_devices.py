"""Devices of processes, and cards that they claim; two cards are pretended by their names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from wdno import devices
from wdno.devices import claim_cards, claim_own, resolve_device
from wdno.training.launch import _claim

ROOT = Path(__file__).parents[1]
CARDS = ("GPU-a/1", "GPU-b/2")

CLAIM = """
import logging
import sys
from pathlib import Path
from wdno.devices import claim_cards
logging.basicConfig()
count, folder, *cards = sys.argv[1:]
print(*claim_cards(int(count), cards, Path(folder)), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _nothing_claimed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(devices, "_claimed", {})
    monkeypatch.setattr(devices, "SECONDS_BETWEEN_TRIES", 0.05)
    yield
    _release()


def _release() -> None:
    for _, locks in devices._claimed.values():
        for lock in locks:
            lock.release()
    devices._claimed.clear()


class Claim:
    """Another process that claims cards, and holds them until it is killed."""

    def __init__(self, folder: Path, *cards: str, count: int = 1) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLAIM, str(count), str(folder), *cards],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def cards(self) -> list[int]:
        """The cards that it got; waits for them."""
        assert self.process.stdout is not None
        return [int(card) for card in self.process.stdout.readline().split()]

    def said(self) -> str:
        """Its next line of messages; waits for it."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@contextmanager
def claiming(folder: Path, *cards: str, count: int = 1) -> Iterator[Claim]:
    claim = Claim(folder, *cards, count=count)
    try:
        yield claim
    finally:
        claim.kill()


def test_concurrent_jobs_get_different_cards_and_a_third_waits(tmp_path: Path) -> None:
    with claiming(tmp_path, *CARDS) as one, claiming(tmp_path, *CARDS) as other:
        holders = {one.cards()[0]: one, other.cards()[0]: other}
        assert holders.keys() == {0, 1}
        with claiming(tmp_path, *CARDS) as third:
            said = third.said()
            assert "1 of 2 cards are wanted" in said and "--resources gpu=2" in said, said
            for name, claim in zip(CARDS, (holders[0], holders[1]), strict=True):
                assert f"{name} by process {claim.process.pid}" in said, said
            assert third.process.poll() is None, "it waits"
            holders[1].kill()
            assert third.cards() == [1], "the card of a killed process is free again"


def test_cards_are_known_by_name(tmp_path: Path) -> None:
    """As CUDA_VISIBLE_DEVICES gives another choice of cards."""
    assert claim_cards(1, CARDS, tmp_path) == [0]
    assert claim_cards(1, CARDS, tmp_path) == [0], "asked again, the same card"
    with claiming(tmp_path, "GPU-a/1", "GPU-c/3") as other:
        assert other.cards() == [1]


def test_several_cards_are_claimed_together_or_not_at_all(tmp_path: Path) -> None:
    cards = (*CARDS, "GPU-c/3")
    with claiming(tmp_path, *cards, count=2) as pair:
        assert pair.cards() == [0, 1]
        found: list[list[int]] = []
        waiting = threading.Thread(target=lambda: found.append(claim_cards(2, cards, tmp_path)))
        waiting.start()
        time.sleep(0.3)
        assert not found
        with claiming(tmp_path, *cards) as single:
            assert single.cards() == [2], "who waits for two holds none"
            pair.kill()
            waiting.join(30)
            assert found == [[0, 1]]


def test_more_cards_than_there_are_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 3 cards to claim, PyTorch sees 2"):
        claim_cards(3, CARDS, tmp_path)
    with pytest.raises(ValueError, match="PyTorch sees 0"):
        claim_cards(1, [])


def test_the_only_card_is_shared(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with claiming(tmp_path, "GPU-a") as other:
        assert other.cards() == [0]
        assert claim_cards(1, ["GPU-a"], tmp_path) == [0]
        assert f"GPU-a by process {other.process.pid}" in caplog.text


def test_a_certain_card_is_claimed_or_refused(tmp_path: Path) -> None:
    claim_own("GPU-b/2", tmp_path)
    claim_own("GPU-b/2", tmp_path)
    with claiming(tmp_path, *CARDS) as other:
        assert other.cards() == [0]
        with pytest.raises(ValueError, match=f"GPU-a/1 is claimed by process {other.process.pid}"):
            claim_own("GPU-a/1", tmp_path)


@pytest.mark.parametrize(
    ("listed", "expected"), [(None, "1,2"), ("5, 3,GPU-x", "3,GPU-x"), ("", "1,2")]
)
def test_a_launcher_shows_its_processes_the_cards_that_it_claimed(
    monkeypatch: pytest.MonkeyPatch, listed: str | None, expected: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("wdno.training.launch.claim_cards", lambda count: [1, 2][:count])
    monkeypatch.setenv(devices.HELD, "")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    if listed is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    _claim(2)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == expected
    assert os.environ[devices.HELD] == str(os.getpid())


@pytest.fixture
def two_cards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr("torch.cuda.set_device", lambda index: None)
    monkeypatch.setattr(devices, "visible_cards", lambda: list(CARDS))
    monkeypatch.delenv(devices.HELD, raising=False)
    return lambda rank: monkeypatch.setenv("LOCAL_RANK", str(rank))


def test_the_device_of_a_process_of_torchrun(two_cards: Callable[..., None]) -> None:
    two_cards(1)
    assert resolve_device() == torch.device("cuda", 1)
    assert (("GPU-b/2",), 1) in devices._claimed
    two_cards(2)
    with pytest.raises(ValueError, match="start no more processes than there are cards"):
        resolve_device()


def test_a_process_alone_claims_a_card(two_cards: Callable[..., None], tmp_path: Path) -> None:
    folder = tmp_path / f"wdno-devices-{os.getuid()}"
    with claiming(folder, *CARDS) as other:
        assert other.cards() == [0]
        assert resolve_device() == torch.device("cuda", 1)


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


def test_without_a_place_for_locks_a_card_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # A user without a name, as in a container, and nothing that can be written.
    monkeypatch.setattr("getpass.getuser", lambda: 1 / 0)
    monkeypatch.setattr("tempfile.tempdir", "/dev/null")
    assert claim_cards(1, ["GPU-a", "GPU-b"]) == [0]
    assert "set TMPDIR" in caplog.text
    _release()
    (tmp_path / "file").touch()
    assert claim_cards(1, ["GPU-a", "GPU-b"], tmp_path / "file") == [0]
    _release()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert claim_cards(1, ["GPU-a", "GPU-b"]) == [0]
    assert (tmp_path / f"wdno-devices-{os.getuid()}" / "GPU-a.lock").exists()
