"""Which windows of a record belong to which split.

The splits are periods of time, in order and apart: between the last time of one and the first of
the next lie as many steps as a window has frames. A window lies in one period and has all its
frames, so it never crosses a gap.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Hours = NDArray[np.int64]

SPLITS = ("train", "validation", "test")


def run_lengths(hours: Hours, step: int) -> Hours:
    """Return how many frames, `step` apart, there are from each time on without a gap.

    Args:
        hours: Times in hours `[n]`, ascending and unique.
        step: Hours between frames.

    Returns:
        Counts `[n]`, at least 1.
    """
    lengths = np.ones(len(hours), dtype=np.int64)
    for remainder in np.unique(hours % step):
        where = np.flatnonzero(hours % step == remainder)
        # Times of one run have the same end: the next time after which the step is another one.
        ends = np.append(np.flatnonzero(np.diff(hours[where]) != step), len(where) - 1)
        end = ends[np.searchsorted(ends, np.arange(len(where)))]
        lengths[where] = end - np.arange(len(where)) + 1
    return lengths


def spacing(hours: Hours) -> int:
    """Return the hours between neighbouring times of a record, but for its gaps.

    Args:
        hours: Times in hours `[n]`, ascending and unique.

    Returns:
        The largest number that divides all differences; 1 where there are none.
    """
    return int(np.gcd.reduce(np.diff(hours))) if len(hours) > 1 else 1


def periods(
    first: int, last: int, shares: Mapping[str, float], frames: int, step: int, spacing: int = 1
) -> dict[str, tuple[int, int]]:
    """Divide a range of time into periods for training, validation and test, with gaps.

    Args:
        first: First time in hours.
        last: Last time in hours.
        shares: Share of `validation` and of `test` in what the gaps leave.
        frames: Frames of a window.
        step: Hours between them.
        spacing: Hours between the times of the record, at which periods begin and end.

    Returns:
        First and last hour of each split, both included.
    """
    gap = -(-(frames + 1) * step // spacing) - 1
    usable = max((last - first) // spacing + 1 - 2 * gap, 0)
    lengths = {name: round(usable * shares[name]) for name in ("validation", "test")}
    lengths["train"] = usable - sum(lengths.values())
    found, start = {}, 0
    for name in SPLITS:
        end = start + lengths[name] - 1
        found[name] = (first + start * spacing, first + end * spacing)
        start += lengths[name] + gap
    return found


def starts(hours: Hours, period: tuple[int, int], frames: int, step: int, stride: int) -> Hours:
    """Return the first hours of the windows in a period, ascending.

    The first window starts at the first time of the record from which on the period has all its
    frames, each further one at the first such time at least `stride` hours later.

    Args:
        hours: Times of the record in hours `[n]`, ascending and unique.
        period: First and last hour, both included.
        frames: Frames of a window.
        step: Hours between them.
        stride: Least hours between the starts of windows.
    """
    inside = (hours >= period[0]) & (hours + (frames - 1) * step <= period[1])
    whole = run_lengths(hours, step) >= frames
    possible: Hours = hours[inside & whole]
    if len(possible) < 2 or stride <= np.diff(possible).min():
        return possible
    chosen, position = [], 0
    while position < len(possible):
        chosen.append(position)
        position = int(np.searchsorted(possible, possible[position] + stride))
    return possible[chosen]


def shuffled(values: Hours, split: str, seed: int) -> Hours:
    """Return values in the fixed order of a split and a seed.

    The first k of them are k drawn at random, for every k.
    """
    stream = int.from_bytes(hashlib.sha256(f"era5/{split}".encode()).digest()[:4])
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream,)))
    mixed: Hours = order.permutation(values)
    return mixed
