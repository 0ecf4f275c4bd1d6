"""How long Snakemake takes to see what there is to do, in a run of very many jobs.

    python benchmarks/workflow.py [--seeds 12] [--runs 3]

Medians of several runs, in seconds: a dry run of the default configuration with so many seeds where
nothing has been made; the same where everything is there; and a dry run of `config/paper.yaml`.
Nothing is computed: files are empty ones in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SNAKEMAKE = Path(sys.executable).parent / "snakemake"
OUTPUT = re.compile(r"^    (?:output|log): (.+)$", re.MULTILINE)
JOBS = re.compile(r"^total +(\d+)$", re.MULTILINE)


def dry_run(folder: Path, *overlays: Path, quiet: bool = True) -> tuple[float, str]:
    """Time a dry run of the target `all` in a folder; return seconds and what it writes.

    Raises:
        CalledProcessError: Snakemake refused.
    """
    command = [str(SNAKEMAKE), "--snakefile", str(ROOT / "workflow/Snakefile")]
    command += ["--directory", str(folder), "--cores", "8", "--dry-run"]
    command += ["--quiet", "rules"] if quiet else []
    command += ["--configfile", str(ROOT / "config/config.yaml"), *map(str, overlays), "--", "all"]
    start = time.perf_counter()
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, found.stdout + found.stderr


def fill(folder: Path, told: str) -> int:
    """Make an empty file of the same age for each that a dry run told of; return how many."""
    files = {file for line in OUTPUT.findall(told) for file in line.split(", ")}
    for file in files:
        path = folder / file.split(" ")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (1e9, 1e9))
    return len(files)


def main() -> None:
    """Print a line for each of the three."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=12, help="trainings of each model")
    parser.add_argument("--runs", type=int, default=3, help="of which the median is taken")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        many = folder / "many.yaml"
        many.write_text(f"run: many\nseeds: {list(range(chosen.seeds))}\n")
        _, told = dry_run(folder, many, quiet=False)
        jobs = max(map(int, JOBS.findall(told)))
        _, paper = dry_run(folder, ROOT / "config/paper.yaml", quiet=False)
        nothing = [dry_run(folder, many)[0] for _ in range(chosen.runs)]
        published = [dry_run(folder, ROOT / "config/paper.yaml")[0] for _ in range(chosen.runs)]
        fill(folder, told)
        everything = [dry_run(folder, many) for _ in range(chosen.runs)]
        if "Nothing to be done" not in everything[-1][1]:
            raise SystemExit(f"expected nothing to be done, got:\n{everything[-1][1][-2000:]}")
    rows = {
        f"dry run, {jobs} jobs, nothing made": nothing,
        f"the same, everything there ({jobs} jobs)": [seconds for seconds, _ in everything],
        f"dry run of paper.yaml, {max(map(int, JOBS.findall(paper)))} jobs": published,
    }
    for label, seconds in rows.items():
        print(f"{label}: {statistics.median(seconds):.1f} s")


if __name__ == "__main__":
    main()
