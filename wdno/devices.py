"""The device of a process; cards that processes claim.

A workflow decides how many processes run at once, and hands out no particular graphics card. So a
process claims the cards that it uses by file locks in a folder of this user on this machine. The
operating system releases a lock when its process ends, however it ends.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from wdno.runtime import temporary_folder

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

HELD = "WDNO_CARDS_HELD"
"""Environment variable: who started this process holds the cards that it sees."""

SECONDS_BETWEEN_TRIES = 0.5
SECONDS_BETWEEN_MESSAGES = 60.0

_claimed: dict[tuple[tuple[str, ...], int], tuple[list[int], list[FileLock]]] = {}
"""Cards to choose from, and how many -> those chosen, with locks, held as long as they are here."""


def resolve_device(device: str = "auto") -> torch.device:
    """The device to compute on.

    Args:
        device: `auto` (CUDA if there is any, else the CPU), `cpu`, `cuda` (a card is claimed;
            under `torchrun` it is that of LOCAL_RANK) or `cuda:N`.

    Returns:
        The device; a CUDA device has a number and is the current one.

    Raises:
        ValueError: Unknown device, or one that is not here; or under `torchrun` another process
            has claimed it.
    """
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return torch.device("cpu")
    if not re.fullmatch(r"cuda(:\d+)?", device):
        raise ValueError(f"device: expected auto, cpu, cuda or cuda:N, got {device!r}")
    count = torch.cuda.device_count()
    ranked = "LOCAL_RANK" in os.environ
    if ":" in device:
        index = int(device.partition(":")[2])
    elif ranked:
        index = int(os.environ["LOCAL_RANK"])
    else:
        index = claim_cards()[0] if count else 0
    if index >= count:
        raise ValueError(
            f"device: {device!r} is card {index}, but PyTorch sees {count} CUDA devices; use "
            "device cpu or auto, start no more processes than there are cards, or check the driver "
            "and CUDA_VISIBLE_DEVICES"
        )
    if ranked and ":" not in device and HELD not in os.environ:
        claim_own(visible_cards()[index])
    torch.cuda.set_device(index)
    return torch.device("cuda", index)


def claim_cards(
    count: int = 1, cards: Sequence[str] | None = None, folder: Path | None = None
) -> list[int]:
    """Claim cards that no other process of this user has claimed, for the life of this process.

    All at once or none, so that two processes never wait for each other. Until there are enough it
    waits, and says for whom. The only card that a process sees was chosen by someone: if it is
    claimed it is shared, with a warning. Asked again, it gives the same cards.

    Args:
        count: How many.
        cards: Names that tell the cards apart on this machine; by default the UUIDs of those that
            PyTorch sees, which CUDA_VISIBLE_DEVICES restricts.
        folder: Of the locks; by default `temporary_folder("devices")`.

    Returns:
        Indices of the cards in `cards`.

    Raises:
        ValueError: There are fewer cards.
    """
    names = tuple(visible_cards() if cards is None else cards)
    if len(names) < count or not names:
        raise ValueError(
            f"device: expected at least {count} cards to claim, PyTorch sees {len(names)}; start "
            "fewer processes, or check CUDA_VISIBLE_DEVICES"
        )
    if (names, count) not in _claimed:
        try:
            place = _place(folder)
            found = _wait_for(count, names, place)
        except OSError as error:
            logger.warning("no card can be claimed (%s): using the first, maybe with others", error)
            found = list(range(count)), []
        _claimed[names, count] = found
    return _claimed[names, count][0]


def claim_own(name: str, folder: Path | None = None) -> None:
    """Claim one certain card, for the life of this process.

    Args:
        name: What tells it apart on this machine.
        folder: Of the locks.

    Raises:
        ValueError: Another process has claimed it.
    """
    if ((name,), 1) in _claimed:
        return
    try:
        place = _place(folder)
        lock = _try(place, name)
    except OSError as error:
        logger.warning("the card cannot be claimed (%s): others may use it too", error)
        return
    if lock is None:
        raise ValueError(
            f"device: card {name} is claimed by process {_holder(place, name)}; name free cards in "
            "CUDA_VISIBLE_DEVICES, or start by `wdno train --processes N`, which waits for them"
        )
    _claimed[(name,), 1] = [0], [lock]


def visible_cards() -> list[str]:
    """UUIDs of the cards that PyTorch sees, in its order."""
    import torch

    count = torch.cuda.device_count()
    return [str(torch.cuda.get_device_properties(index).uuid) for index in range(count)]


def _place(folder: Path | None) -> Path:
    """The folder of the locks, which is made if need be."""
    folder = folder or temporary_folder("devices")
    if folder is None:
        raise OSError("there is no folder for temporary files; set TMPDIR to one")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _wait_for(count: int, names: tuple[str, ...], folder: Path) -> tuple[list[int], list[FileLock]]:
    said = -SECONDS_BETWEEN_MESSAGES
    while True:
        # One process chooses at a time, else two could each hold half of what both need.
        with FileLock(folder / "choice.lock"):
            found = _try_some(count, names, folder)
        if found is not None:
            return found
        holders = ", ".join(f"{name} by process {_holder(folder, name)}" for name in names)
        if len(names) == 1:
            logger.warning("the only card is claimed (%s): sharing it", holders)
            return [0], []
        if time.monotonic() - said >= SECONDS_BETWEEN_MESSAGES:
            said = time.monotonic()
            logger.warning(
                "%d of %d cards are wanted, and too many are claimed (%s): waiting. Run fewer jobs "
                "at once: as many as there are cards (--resources gpu=%d)",
                count,
                len(names),
                holders,
                len(names),
            )
        time.sleep(SECONDS_BETWEEN_TRIES)


def _try_some(
    count: int, names: tuple[str, ...], folder: Path
) -> tuple[list[int], list[FileLock]] | None:
    indices, locks = [], []
    for index, name in enumerate(names):
        lock = _try(folder, name)
        if lock is not None:
            indices.append(index)
            locks.append(lock)
        if len(locks) == count:
            return indices, locks
    for lock in locks:
        lock.release()
    return None


def _try(folder: Path, name: str) -> FileLock | None:
    lock = FileLock(_file(folder, name, "lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    _file(folder, name, "pid").write_text(f"{os.getpid()}\n", encoding="ascii")
    return lock


def _holder(folder: Path, name: str) -> str:
    """Number of the process that claimed a card last."""
    with suppress(OSError):
        return _file(folder, name, "pid").read_text(encoding="ascii").strip()
    return "unknown"


def _file(folder: Path, name: str, kind: str) -> Path:
    return folder / f"{re.sub(r'[^-.0-9A-Za-z]', '_', name)}.{kind}"
