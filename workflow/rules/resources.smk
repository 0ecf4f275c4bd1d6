# How a machine runs the jobs: the interpreter, the log, processors and GPUs. None of it enters a
# result, so none of it is in `params`.
import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(workflow.basedir).parent
sys.path.insert(0, str(PROJECT))

from wdno.runtime import available_processors

# Jobs use the interpreter that runs Snakemake, so its environment need not be activated, here or on
# the node of a cluster; where Snakemake deploys the software itself (`--sdm conda`), `python` is
# that environment's. On Ctrl-C and SIGTERM the shell and the log outlive the command, which saves
# its state and ends.
deployed = workflow.deployment_settings.deployment_method
path = "$PATH" if deployed else f"{Path(sys.executable).parent}:$PATH"
shell.prefix(
    f'set -euo pipefail; export PYTHONPATH="{PROJECT}" PATH="{path}"; trap : INT TERM; '
    "record() {{ trap '' INT TERM; exec tee \"$1\"; }}; "
)


def check_report(arguments):
    """Refuse a report that cannot be written; Snakemake says so when all jobs are done."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--report", nargs="?", const="report.html", type=Path)
    file = parser.parse_known_args(arguments)[0].report
    if file is None:
        return
    if file.suffix not in (".html", ".zip"):
        raise WorkflowError(
            f"--report {file}: expected a file that ends in .html or .zip; a target stands "
            "before it, or after --"
        )
    # Relative to the folder of the results, or to that in which Snakemake was started.
    folders = [Path(folder, file).parent for folder in (".", workflow.workdir_init)]
    if not any(folder.is_dir() for folder in folders):
        raise WorkflowError(
            f"--report {file}: there is no folder {file.parent}; make it first"
        )


check_report(sys.argv[1:])


def processors(wildcards, threads):
    """Return how many threads a job starts: its share of the processors that there are.

    Eight promised on a machine with two (`--cores 8`) means two jobs at a time with one thread
    each, which are done sooner than the two one after the other with two threads each.
    """
    promised = workflow.resource_settings.cores or 1
    return max(1, threads * min(promised, available_processors()) // promised)


def held_mb(input):
    """Return how much of its inputs a job holds in memory; larger data sets are read lazily."""
    return min(input.size_mb, 2048)


def count_gpus():
    """Return how many GPUs jobs on this machine may use.

    On a cluster this is asked on the login node; there the profile says what the jobs get.
    """
    command = shutil.which("nvidia-smi")
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if command is None or chosen in ("", "-1"):
        return 0
    listing = subprocess.run(
        [command, "-L"], capture_output=True, text=True, check=False
    )
    found = sum(line.startswith("GPU ") for line in listing.stdout.splitlines())
    # Parts of a card, which it may name, are not in the count.
    return len(chosen.split(",")) if found and chosen else found


GPUS = count_gpus()
# What a job asks for that computes on one. Jobs that run at a time claim different ones by themselves.
GPU = min(GPUS, 1)


def check_gpus():
    """Refuse more jobs at a time than there are GPUs: some would wait for others to end."""
    promised = workflow.global_resources.get("gpu")
    promised = None if promised is None else promised.value
    if workflow.local_exec and GPUS and promised is not None and promised > GPUS:
        raise WorkflowError(
            f"--resources gpu={promised}: this machine has {GPUS} for jobs to use, by nvidia-smi "
            f"and CUDA_VISIBLE_DEVICES; promise at most gpu={GPUS}"
        )


check_gpus()
