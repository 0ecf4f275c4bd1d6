"""Stage ``data``: from a system's equations to NetCDF files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wdno import config as configuration
from wdno import systems
from wdno.data.generate import generate as generate_split
from wdno.digest import stage_digest
from wdno.files import alone


def generate(
    config: Sequence[Path], system: str, split: str, output: Path, state: Path, threads: int
) -> None:
    """Draw and solve the trajectories of one split of a system.

    Args:
        config: configuration files.
        system: name of the system.
        split: ``train``, ``validation`` or ``test``.
        output: the NetCDF file.
        state: folder of finished parts, from which an interrupted call continues.
        threads: processor threads.

    Raises:
        ConfigError: the configuration is invalid or lacks the system.
    """
    section = configuration.system(configuration.load(*config), system)
    with alone(state):
        generate_split(
            systems.load(system).System(section.options),
            split=split,
            count=getattr(section.data.samples, split),
            seed=section.data.seed,
            settings=section.options.model_dump(mode="json"),
            output=output,
            state=state,
            threads=threads,
            code=stage_digest("generate", system=system),
        )
