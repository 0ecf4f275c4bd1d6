"""A stage ``train`` in several processes, where its model allows for them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from wdno import config as configuration
from wdno.training import launch as several

logger = logging.getLogger(__name__)


def launch(
    config: Sequence[Path],
    system: str,
    model: str,
    arguments: Sequence[str],
    processes: int,
    nodes: int,
    threads: int,
) -> int | None:
    """Run the command line of a training in several processes, and wait for them.

    Args:
        config: configuration files.
        system: name of the system.
        model: name of the model.
        arguments: of the command line.
        processes: how many, over all machines.
        nodes: machines of a SLURM job.
        threads: processor threads on each machine.

    Returns:
        Exit code; None if one process trains the model, and has yet to be started.

    Raises:
        ConfigError: the configuration is invalid, or lacks system or model.
        ValueError: a batch has fewer samples than there are processes, or as
            :func:`wdno.training.launch.launch` says.
    """
    options = configuration.model(configuration.load(*config), system, model)
    if options.objective.joins_samples:
        logger.warning(
            "one process trains model %r instead of %d: its objective %r needs a batch as a whole",
            model,
            processes,
            options.objective.name,
        )
        return None
    if options.training.batch_size < processes:
        raise ValueError(
            f"--processes {processes}: model {model!r} has training.batch_size = "
            f"{options.training.batch_size}, expected at least a sample for each process; start "
            "fewer, or raise batch_size, which changes the result"
        )
    return several.launch(arguments, processes, nodes, threads)
