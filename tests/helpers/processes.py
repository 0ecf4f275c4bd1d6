"""Training in processes of their own, and what they leave behind."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

HELPERS = Path(__file__).parent
TIMES = ("seconds", "steps_per_second")


def environment() -> dict[str, str]:
    """The environment of a process that finds the helpers and the package."""
    paths = [str(HELPERS), str(HELPERS.parents[1]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


def without_times(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: line[key] for key in line if key not in TIMES} for line in lines]


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def steps_logged(folder: Path) -> int:
    log = folder / "train.jsonl"
    return log.read_text().count("\n") if log.exists() else 0
