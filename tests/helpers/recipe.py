"""The recipes of CONTRIBUTING.md, followed in a copy of the package, without Snakemake."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

# One small system, and of each model a few steps of training.
OVERLAY: dict[str, Any] = {
    "run": "recipe",
    "seeds": [0],
    "studies": None,
    "systems": {
        "burgers": None,
        "advection": {
            "options": {"grid": {"time": 16, "x": 24}},
            "data": {"samples": {"train": 16, "validation": 4, "test": 4}},
            "tasks": {"simulation": {"methods": ["wdno", "fno", "persistence"]}},
        },
    },
}
VERBS = """
import json, sys
from wdno.cli import app
for arguments in json.loads(sys.argv[1]):
    app(arguments, standalone_mode=False)
"""


def blocks(recipe: str) -> dict[str, str]:
    """Read the files that a recipe shows: path in the project -> text.

    Args:
        recipe: its heading, such as "Add a network".
    """
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    section = dict(zip(parts[1::2], parts[2::2], strict=True))[recipe]
    found = re.findall(r"^```\w+\n# (\S+\.\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return dict(found)


@dataclass(frozen=True)
class Copy:
    """A copy of the package with a configuration, in which verbs are run."""

    path: Path

    @classmethod
    def make(cls, path: Path, data: Path | None = None) -> Copy:
        """Copy the package and the configuration, and the data sets of another copy."""
        ignored = shutil.ignore_patterns("__pycache__")
        for part in ("wdno", "config", "workflow"):
            shutil.copytree(ROOT / part, path / part, ignore=ignored)
        shutil.copy2(ROOT / "tests/config/tiny.yaml", path / "tiny.yaml")
        if data is not None:
            shutil.copytree(data, path / "data")
        return cls(path)

    def write(self, files: dict[str, str]) -> None:
        """Write new files, as a recipe shows them."""
        for name, text in files.items():
            target = self.path / name
            assert not target.exists(), f"{name} is there already: mend the recipe"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a piece of a file, as a recipe says."""
        target = self.path / name
        text = target.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}: mend the test"
        target.write_text(text.replace(old, new), encoding="utf-8")

    def configure(self, **changes: Any) -> None:
        """Write the overlays of the tests and of the recipe."""
        for name, values in (("recipe.yaml", OVERLAY), ("changes.yaml", changes)):
            (self.path / name).write_text(yaml.safe_dump(values), encoding="utf-8")

    def run(self, *verbs: list[str]) -> str:
        """Run verbs of the command line, one after another in one process; return what they print.

        ``CONFIG`` among the arguments stands for the files of the configuration.
        """
        plain = ["config/config.yaml", "tiny.yaml", "recipe.yaml", "changes.yaml"]
        options = [part for file in plain for part in ("--config", file)]
        chosen = [
            [
                part
                for argument in verb
                for part in {"CONFIG": options, "FILES": plain}.get(argument, [argument])
            ]
            for verb in verbs
        ]
        done = subprocess.run(
            [sys.executable, "-c", VERBS, json.dumps(chosen)],
            cwd=self.path,
            env={"PYTHONPATH": str(self.path), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def metrics(self, method: str, task: str = "simulation") -> dict[str, Any]:
        """Read the means of an evaluation."""
        text = (self.path / f"out/{task}/{method}/metrics.json").read_text(encoding="utf-8")
        return dict(json.loads(text))


CHECK = ["config", "check", "FILES"]
DOCUMENT = ["config", "document"]


def generate(system: str = "advection") -> list[list[str]]:
    """Verbs that make the data sets of a system and their statistics."""
    common = ["generate", "CONFIG", "--system", system]
    splits = [
        [*common, "--split", name, "--output", f"data/{name}.nc", "--state", f"state/{name}"]
        for name in ("train", "validation", "test")
    ]
    return [*splits, ["statistics", "data/train.nc", "--output", "data/statistics.nc"]]


def train(model: str, system: str = "advection", task: str = "simulation") -> list[str]:
    """The verb that trains a model."""
    names = ["--system", system, "--task", task, "--model", model, "--seed", "0"]
    data = ["--train", "data/train.nc", "--validation", "data/validation.nc"]
    folder = f"out/{task}/{model}"
    files = ["--output", f"{folder}/model.safetensors", "--log", f"{folder}/train.jsonl"]
    return ["train", "CONFIG", *names, *data, *files, "--state", f"state/{task}/{model}"]


def evaluate(
    method: str, model: str = "", system: str = "advection", task: str = "simulation"
) -> list[str]:
    """The verb that evaluates a method, of a model or of none."""
    names = ["--system", system, "--task", task, "--method", method, "--seed", "0"]
    files = ["--data", "test=data/test.nc", "--statistics", "data/statistics.nc"]
    if model:
        files += ["--model", f"model=out/{task}/{model}/model.safetensors"]
    return ["evaluate", "CONFIG", *names, *files, "--output", f"out/{task}/{method}"]
