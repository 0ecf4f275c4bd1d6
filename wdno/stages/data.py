"""Stage ``data``: from a system's equations, or from records, to NetCDF files."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from wdno import config as configuration
from wdno import systems
from wdno.data.generate import generate as generate_split
from wdno.digest import stage_digest
from wdno.files import alone


def fetch(config: Sequence[Path], system: str, output: Path, state: Path) -> None:
    """Get the record that the samples of a system are cut from.

    Args:
        config: configuration files.
        system: name of the system.
        output: the record.
        state: folder of finished parts, from which an interrupted call continues.

    Raises:
        ConfigError: the configuration is invalid, or the system has no record.
    """
    section = configuration.system(configuration.load(*config), system)
    made = systems.REGISTRY.load(system)
    if not section.options.recorded:
        raise configuration.ConfigError(
            f"system {system!r} is solved from equations: there is nothing to fetch"
        )
    with alone(state):
        made.fetch(section.options, output, state)
        shutil.rmtree(state, ignore_errors=True)


def generate(
    config: Sequence[Path],
    system: str,
    split: str,
    output: Path,
    state: Path,
    threads: int,
    record: Path | None = None,
) -> None:
    """Draw and solve the trajectories of one split of a system, or cut them from its record.

    Args:
        config: configuration files.
        system: name of the system.
        split: ``train``, ``validation``, ``test``, or ``fine``: the first of ``test``, on the
            finer grid of `data.fine`.
        output: the NetCDF file.
        state: folder of finished parts, from which an interrupted call continues.
        threads: processor threads.
        record: what :func:`fetch` wrote; None for a system of equations.

    Raises:
        ConfigError: the configuration is invalid or lacks the system, or a record is missing or
            not wanted.
    """
    section = configuration.system(configuration.load(*config), system)
    if section.options.recorded != (record is not None):
        wanted = "has a record" if section.options.recorded else "has no record"
        raise configuration.ConfigError(
            f"system {system!r} {wanted}, but --record is {record}; give one exactly where there "
            "is one"
        )
    made = systems.REGISTRY.load(system)
    options, samples = section.options, section.data.samples
    if split == "fine":
        if section.data.fine is None:
            raise configuration.ConfigError(
                f"systems.{system}.data.fine is not configured: there is no finer test set"
            )
        options, split, count = section.fine_options(), "test", section.data.fine.samples
    else:
        count = getattr(samples, split)
    with alone(state):
        generate_split(
            made(options) if record is None else made(options, record),
            split=split,
            count=count,
            seed=section.data.seed,
            settings=options.model_dump(mode="json"),
            output=output,
            state=state,
            threads=threads,
            code=stage_digest("generate", system=system),
        )
