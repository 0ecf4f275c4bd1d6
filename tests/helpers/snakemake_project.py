"""Snakemake run in a copy of the project, and what it says read."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from snakemake_server import Server

ROOT = Path(__file__).parents[2]
PARTS = ("wdno", "workflow", "config", "tests/config", "environment.yml")
RESULTS = "results/tiny"


@dataclass(frozen=True)
class Job:
    """A job that a dry run announces, or a run starts."""

    rule: str
    wildcards: dict[str, str]
    reason: str

    @property
    def name(self) -> str:
        """``train wdno 0``, ``generate test``: the rule and what tells a system's jobs apart."""
        told = ("split", "model", "method", "study", "seed")
        return " ".join(
            [self.rule, *(self.wildcards[key] for key in told if key in self.wildcards)]
        )


def parse_jobs(output: str) -> list[Job]:
    """Read the jobs from what Snakemake prints, targets left out."""
    jobs = []
    for block in re.split(r"\n(?=\[|(?:local)?rule )", output):
        found = re.search(r"^(?:local)?rule (\w+):\n((?:    .*\n?)+)", block, re.M)
        if found is None or "output:" not in found[2]:
            continue
        details = dict(re.findall(r"^    (\w+): (.*)$", found[2], re.M))
        pairs = (pair.split("=", 1) for pair in details.get("wildcards", "").split(", ") if pair)
        jobs.append(Job(found[1], dict(pairs), details.get("reason", "")))
    return jobs


def environment(**changes: str | None) -> dict[str, str]:
    """One thread for libraries, no GPU, no code from elsewhere; None removes a variable."""
    values = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **changes}
    values["PYTHONPATH"] = None
    return {key: value for key, value in values.items() if value is not None}


@cache
def _server() -> Server:
    """The process of all dry runs; it ends with the tests, when its input does."""
    return Server(environment())


@dataclass(frozen=True)
class Project:
    """A copy of the project, in which Snakemake is run as a user would."""

    path: Path

    def command(self, *arguments: str, overlays: tuple[dict[str, Any], ...] = ()) -> list[str]:
        """The command line with the tiny configuration and further overlays."""
        files = [self.path / "tests/config/tiny.yaml"]
        for index, values in enumerate(overlays):
            files.append(self.path / f"overlay{index}.yaml")
            files[-1].write_text(yaml.safe_dump(values), encoding="utf-8")
        start = [sys.executable, "-m", "snakemake", "--cores", "8", "--nocolor"]
        return [*start, *arguments[:-1], "--configfile", *map(str, files), "--", arguments[-1]]

    def run(
        self, *arguments: str, check: bool = True, env: dict[str, str] | None = None, **options: Any
    ) -> str:
        """Run to the end; the last argument is the target. Returns what was printed."""
        done = subprocess.run(
            self.command(*arguments, **options),
            cwd=self.path,
            env=env or environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert not check or done.returncode == 0, f"exit code {done.returncode}:\n{done.stdout}"
        return done.stdout

    def dry_run(
        self, *arguments: str, overlays: tuple[dict[str, Any], ...] = (), check: bool = True
    ) -> str:
        """Print what a run would do; the last argument is the target."""
        command = self.command("--dry-run", *arguments, overlays=overlays)
        return self.dry_run_of_default(*command[3:], check=check)

    def dry_run_of_default(self, *arguments: str, check: bool = True) -> str:
        """Print what a run would do, of the default configuration where none is given."""
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as printed:
            command = ["--dry-run", "--nocolor", *arguments]
            code = _server().run(self.path, command, Path(printed.name))
            output = printed.read()
        assert not check or code == 0, f"exit code {code}, {arguments}:\n{output}"
        return output

    def planned(self, *overlays: dict[str, Any], target: str = "all") -> list[str]:
        """Names of the jobs that a run with these overlays would do."""
        return sorted(job.name for job in parse_jobs(self.dry_run(target, overlays=overlays)))

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start in a process group of its own, as a terminal does."""
        return subprocess.Popen(
            self.command(*arguments, **options),
            cwd=self.path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def result(self, *parts: str) -> Path:
        """A file of the run."""
        return self.path.joinpath(RESULTS, *parts)

    def edit(self, file: str, old: str, new: str) -> None:
        """Change the code, as an editor would."""
        path = self.path / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}: mend the test"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str], what: str) -> None:
    """Wait until something is the case, or fail when the process ends first."""
    for _ in range(6000):
        if condition():
            return
        if process.poll() is not None:
            raise AssertionError(f"ended before {what}:\n{process.communicate()[0]}")
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    raise AssertionError(f"waited a minute for {what}:\n{process.communicate()[0]}")


def signal_group(process: subprocess.Popen[str], signum: signal.Signals) -> str:
    """Send a signal to Snakemake and its jobs, as Ctrl-C does; wait for the end of them all."""
    os.killpg(process.pid, signum)
    output = process.communicate(timeout=120)[0]
    for _ in range(1000):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return output
        time.sleep(0.01)
    raise AssertionError(f"processes outlive {signum.name}:\n{output}")


def copy_project(source: Path, target: Path, parts: tuple[str, ...] = PARTS) -> Project:
    """Copy the parts of a project that a run needs, with their times."""
    for part in parts:
        destination = target / part
        destination.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, destination)
        else:
            shutil.copy2(source / part, destination)
    return Project(target)
