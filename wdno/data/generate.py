"""Drawing and solving the trajectories of a split, streamed to disk and resumable."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from wdno.data.netcdf import join, to_dataset
from wdno.files import atomic_path, write_json
from wdno.systems.base import System

log = logging.getLogger(__name__)

PART_BYTES = 256 * 1024**2
"""Most bytes of fields in memory at a time, and of work that an interruption can cost."""


def part_size(system: System) -> int:
    """Return how many samples are solved and saved at a time, a power of two up to 256."""
    coordinates = system.coordinates()
    space = int(np.prod([len(coordinates[axis.name]) for axis in system.axes]))
    fields = sum(field.role in ("state", "forcing") for field in system.fields)
    per_sample = 4 * space * len(coordinates["time"]) * fields
    return 1 << int(np.clip(np.log2(max(PART_BYTES // per_sample, 1)), 0, 8))


def _fingerprint(system: System, settings: dict[str, Any], split: str, seed: int) -> str:
    attributes = dict(system.attributes)
    identity = json.dumps(
        [system.name, settings, split, seed, part_size(system), attributes], sort_keys=True
    )
    return hashlib.sha256(identity.encode()).hexdigest()


def generate(
    system: System,
    *,
    split: str,
    count: int,
    seed: int,
    settings: dict[str, Any],
    output: Path,
    state: Path,
    threads: int,
    code: str = "",
) -> None:
    """Draw and solve the samples of a split and write them as one NetCDF-4 file.

    A part is in memory at a time. Parts are kept in `state`, not compressed, until the file is
    whole, so an interrupted call continues where it stopped, and the disk needs room for both.
    Sample k is the same whatever the parts, the threads, or `count`.

    Args:
        system: the system.
        split: ``train``, ``validation`` or ``test``, from which samples are drawn; splits are
            independent streams. A finer grid's ``fine`` is drawn from ``test``.
        count: number of samples; of a record, at most so many.
        seed: seed of the data set.
        settings: the system's options, kept in the file.
        output: the file to write.
        state: folder for parts; removed when the file is written.
        threads: processor threads for the solver.
        code: digest of the code that makes the data; parts made by other code are discarded.

    Raises:
        OSError: a part or the file cannot be written; finished parts are kept.
    """
    most = system.available(split)
    if most is not None and most < count:
        log.info("split %s: the record holds %d of the %d samples asked for", split, most, count)
        count = most
    size = part_size(system)
    solve_parts(
        system,
        lambda part: system.draw(split, part, seed, threads=threads),
        count=count,
        size=size,
        key={"fingerprint": _fingerprint(system, settings, split, seed), "code": code},
        description=f"{system.name} {split}",
        output=output,
        state=state,
        attributes={"split": split, "data_seed": seed, "config": settings, "code": code},
    )


def solve_parts(
    system: System,
    solve: Callable[[range], Mapping[str, np.ndarray]],
    *,
    count: int,
    size: int,
    key: Mapping[str, str],
    description: str,
    output: Path,
    state: Path,
    attributes: Mapping[str, object],
) -> None:
    """Make samples part by part, each kept until all are joined to one file.

    Args:
        system: whose samples they are.
        solve: makes the arrays of consecutive samples, as :meth:`System.draw` returns them.
        count: number of samples.
        size: samples of a part.
        key: what parts must have been made with to be taken up.
        description: name of the progress bar.
        output: the file to write.
        state: folder for parts; removed when the file is written.
        attributes: settings to keep in the file.

    Raises:
        FloatingPointError: a value is not finite; finished parts are kept.
        OSError: a part or the file cannot be written; finished parts are kept.
    """
    marker = state / "parts.json"
    if marker.exists() and json.loads(marker.read_text(encoding="utf-8")) != dict(key):
        log.info("parts in %s are of other settings or code: starting afresh", state)
        shutil.rmtree(state)
    state.mkdir(parents=True, exist_ok=True)
    write_json(marker, dict(key))
    parts = []
    kept = 0
    with tqdm(total=count, desc=description, unit="sample", mininterval=2.0) as bar:
        for start in range(0, count, size):
            stop = min(start + size, count)
            part = state / f"part-{start:08d}-{stop:08d}.nc"
            parts.append(part)
            if part.exists():
                kept += stop - start
            else:
                arrays = solve(range(start, stop))
                _refuse_non_finite(system, arrays, start)
                with atomic_path(part) as temporary:
                    to_dataset(system, arrays, start).to_netcdf(temporary, engine="netcdf4")
                del arrays  # before the next are made
            bar.update(stop - start)
    if kept:
        log.info("resumed: %d of %d samples were already there", kept, count)
    join(output, parts, **attributes)
    shutil.rmtree(state)


def _refuse_non_finite(system: System, arrays: Mapping[str, np.ndarray], start: int) -> None:
    for name, values in arrays.items():
        bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
        if bad.any():
            first = start + int(np.flatnonzero(bad)[0])
            raise FloatingPointError(
                f"system {system.name!r}: field {name!r} of {int(bad.sum())} samples (first: "
                f"{first}) is not finite; the solver is unstable at this resolution: use more steps"
            )
