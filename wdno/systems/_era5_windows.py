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


def periods(
    first: int, last: int, shares: Mapping[str, float], frames: int, step: int
) -> dict[str, tuple[int, int]]:
    """Divide a range of time into periods for training, validation and test, with gaps.

    Args:
        first: First time in hours.
        last: Last time in hours.
        shares: Share of `validation` and of `test` in what the gaps leave.
        frames: Frames of a window.
        step: Hours between them.

    Returns:
        First and last hour of each split, both included.
    """
    gap = (frames + 1) * step - 1
    usable = max(last - first + 1 - 2 * gap, 0)
    lengths = {name: round(usable * shares[name]) for name in ("validation", "test")}
    lengths["train"] = usable - sum(lengths.values())
    found, start = {}, first
    for name in SPLITS:
        found[name] = (start, start + lengths[name] - 1)
        start += lengths[name] + gap
    return found


def starts(hours: Hours, period: tuple[int, int], frames: int, step: int, stride: int) -> Hours:
    """Return the first hours of the windows in a period, ascending.

    Args:
        hours: Times of the record in hours `[n]`, ascending and unique.
        period: First and last hour, both included.
        frames: Frames of a window.
        step: Hours between them.
        stride: Hours between the starts of windows, counted from the start of the period.
    """
    inside = (hours >= period[0]) & (hours + (frames - 1) * step <= period[1])
    whole = run_lengths(hours, step) >= frames
    chosen: Hours = hours[inside & whole & ((hours - period[0]) % stride == 0)]
    return chosen


def shuffled(values: Hours, split: str, seed: int) -> Hours:
    """Return values in the fixed order of a split and a seed.

    The first k of them are k drawn at random, for every k.
    """
    stream = int.from_bytes(hashlib.sha256(f"era5/{split}".encode()).digest()[:4])
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream,)))
    mixed: Hours = order.permutation(values)
    return mixed
