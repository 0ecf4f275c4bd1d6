"""Dry runs without starting Snakemake anew each time: a process that has imported it, and forks.

Run as a program, it reads requests from standard input, a line of JSON each, and answers each with
a line: a folder to run in, arguments of Snakemake, and a file for all that is printed -> the exit
code. Each request has a process of its own, so that nothing is left of one for the next.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MODULES = ("snakemake.cli", "snakemake.workflow", "snakemake.dag", "snakemake.utils", "jsonschema")


class Server:
    """A process that waits for dry runs."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Start it.

        Args:
            environment: variables of the runs.
        """
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen([sys.executable, __file__], env=environment, **pipes)

    def run(self, folder: Path, arguments: list[str], printed: Path) -> int:
        """Run Snakemake and return its exit code.

        Args:
            folder: where it runs.
            arguments: of its command line.
            printed: file for what it prints.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(folder), arguments, str(printed)]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def serve() -> None:
    """Answer requests until there are no more."""
    for name in MODULES:
        __import__(name)
    answers = sys.stdout
    for line in sys.stdin:
        folder, arguments, printed = json.loads(line)
        child = os.fork()
        if child == 0:
            os.chdir(folder)
            os.environ["PWD"] = folder
            with Path(printed).open("wb") as file:
                for stream in (1, 2):
                    os.dup2(file.fileno(), stream)
            _snakemake(arguments)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        answers.write(f"{code}\n")
        answers.flush()


def _snakemake(arguments: list[str]) -> None:
    from snakemake.cli import main

    sys.argv = ["snakemake", *arguments]

    code: Any = 1
    try:
        main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code))


if __name__ == "__main__":
    serve()
