"""One training in several processes: on this machine, or on the machines of a SLURM job.

What `torchrun` does, with two things beside it: on this machine the processes' cards are claimed
together before they start, and the message at the end says which process ended how. On several
machines `srun` starts one `torchrun` on each, whose processes find each other through this one.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence

from wdno.devices import HELD, claim_cards

logger = logging.getLogger(__name__)

KILLED = {
    signal.SIGKILL: "; a machine out of memory kills so: give the job more (mem_mb)",
    signal.SIGSEGV: "; a library crashed",
}


def launch(arguments: Sequence[str], processes: int, nodes: int = 1, threads: int = 1) -> int:
    """Run the command line in several processes, and wait for them.

    Args:
        arguments: Of `python -m wdno`; each process gets all of them.
        processes: How many, over all machines; one for each card where there are cards.
        nodes: Machines of a SLURM job, the same number of processes on each.
        threads: Processor threads on each machine.

    Returns:
        Exit code: 0, or that of the process that ended first, 128 + n for signal n.

    Raises:
        ValueError: The machines cannot have the same number of processes, this is no SLURM job, or
            there are fewer cards than processes.
    """
    if processes % nodes:
        raise ValueError(
            f"--processes {processes} --nodes {nodes}: expected the same number of processes on "
            "each node; make the first a multiple of the second"
        )
    if nodes > 1:
        return _across(arguments, processes // nodes, nodes, threads)
    return _here(arguments, processes)


def _here(arguments: Sequence[str], processes: int) -> int:
    """Run on this machine."""
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    _claim(processes)
    # Most of what it would say is said here, in one line.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=str(uuid.uuid4()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    logger.info("training in %d processes", processes)
    try:
        elastic_launch(config, sys.executable)("-m", "wdno", *arguments)
    except ChildFailedError as error:
        return _failed({rank: one.exitcode for rank, one in error.failures.items()}, processes)
    except SignalException as error:
        return 128 + int(error.sigval)
    return 0


def _claim(processes: int) -> None:
    """Let the processes see as many cards as they are, which are claimed for as long as they run.

    Raises:
        ValueError: There are fewer.
    """
    import torch

    if not torch.cuda.is_available():
        return
    indices = claim_cards(processes)
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    entries = listed.split(",") if listed else [str(index) for index in range(1 + max(indices))]
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(entries[index].strip() for index in indices)
    os.environ[HELD] = str(os.getpid())


def _failed(codes: Mapping[int, int], processes: int) -> int:
    """Say how processes ended; return the exit code of the one that did first.

    Args:
        codes: Exit codes of those that failed by themselves, by rank; -n for signal n.
        processes: How many there were.
    """
    # A process that lost another ends by itself or by SIGTERM; what came before tells more.
    code = min(codes.values(), key=lambda code: (code >= 0, abs(code)))
    if code in (128 + signal.SIGINT, 128 + signal.SIGTERM):
        return code
    ends = "; ".join(f"process {rank} {_end(code)}" for rank, code in sorted(codes.items()))
    logger.error(
        "training in %d processes (counted from 0) ended: %s. The others were stopped. The same "
        "command continues from the state that was saved last",
        processes,
        ends,
    )
    return 128 - code if code < 0 else code


def _end(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}, its message is above"
    return f"was killed by {signal.Signals(-code).name}{KILLED.get(signal.Signals(-code), '')}"


def _across(arguments: Sequence[str], each: int, nodes: int, threads: int) -> int:
    """Run on the machines of a SLURM job.

    Raises:
        ValueError: This is none.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or shutil.which("srun") is None:
        raise ValueError(
            f"--nodes {nodes}: expected to be in a SLURM job (SLURM_JOB_ID, srun); elsewhere start "
            "`torchrun --nnodes N --nproc-per-node M --rdzv-backend c10d --rdzv-endpoint HOST:PORT "
            "-m wdno train ...` on each machine, without --nodes and --processes"
        )
    host = socket.gethostname()
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    srun = ["srun", "--overlap", f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1"]
    srun += [f"--cpus-per-task={threads}", "--kill-on-bad-exit=1"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={nodes}"]
    torchrun += [f"--nproc-per-node={each}", "--rdzv-backend=c10d", f"--rdzv-id={job}"]
    torchrun += [f"--rdzv-endpoint={host}:{port}", "--max-restarts=0"]
    logger.info("training in %d processes on each of %d machines", each, nodes)
    # After `--`, `torchrun` takes no option for one of its own: it would `--log`.
    running = subprocess.Popen([*srun, *torchrun, "-m", "--", "wdno", *arguments])
    # srun hands signals on; the processes save their state, and it ends when they have.
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda number, _: running.send_signal(number))
    code = running.wait()
    return 128 - code if code < 0 else code
