"""Jobs that compute on GPUs take turns, one on each; without one they run side by side."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from snakemake_project import Project, environment

PAIR = {
    "studies": None,
    "systems": {"burgers": {"tasks": {"simulation": {"methods": ["wdno"]}}}},
}


def _most_at_once(output: str) -> int:
    """Return how many trainings were running at a time, from Snakemake's own account."""
    started = re.findall(r"rule train:\n(?:    .*\n)*?    jobid: (\d+)", output)
    assert len(started) == 2, output
    running = most = 0
    for event in re.findall(r"rule train:|Finished jobid: \d+ \(Rule: train\)", output):
        running += 1 if event == "rule train:" else -1
        most = max(most, running)
    return most


def _with_cards(folder: Path, cards: int, visible: str | None = None) -> dict[str, str]:
    """An environment with the command that says which cards there are; jobs find none."""
    command = folder / "bin" / "nvidia-smi"
    command.parent.mkdir()
    lines = (f"echo 'GPU {k}: Imaginary (UUID: GPU-{k})'\n" for k in range(cards))
    command.write_text("".join(["#!/bin/sh\n", *lines]), encoding="utf-8")
    command.chmod(0o755)
    path = f"{command.parent}:{os.environ['PATH']}"
    return environment(PATH=path, CUDA_VISIBLE_DEVICES=visible)


@pytest.mark.parametrize(
    ("cards", "promised", "expected"), [(1, (), 1), (2, ("--resources", "gpu=2"), 2), (0, (), 2)]
)
def test_trainings_take_turns_on_gpus(
    project: Project, tmp_path: Path, cards: int, promised: tuple[str, ...], expected: int
) -> None:
    for seed in (0, 1):
        project.result(f"burgers/simulation/models/wdno/seed{seed}/model.safetensors").unlink()
    env = _with_cards(tmp_path, cards) if cards else environment()
    output = project.run(*promised, "models", overlays=(PAIR,), env=env)
    assert _most_at_once(output) == expected, output


TRAINED = "results/tiny/burgers/simulation/models/wdno/seed0/model.safetensors"


@pytest.mark.parametrize(
    ("wanted", "processes"),
    [
        ((), "--processes 1 --nodes 1"),
        (("--set-resources", "train:gpu=2", "train:nodes=2"), "--processes 2 --nodes 2"),
    ],
    ids=["one", "two on two nodes"],
)
def test_a_training_has_a_process_for_each_of_its_gpus(
    fresh: Project, tmp_path: Path, wanted: tuple[str, ...], processes: str
) -> None:
    arguments = ("--dry-run", "--resources", "gpu=2", *wanted, TRAINED)
    assert processes in fresh.run(*arguments, env=_with_cards(tmp_path, 2))


@pytest.mark.parametrize(("visible", "there"), [(None, 2), ("1", 1)])
def test_more_gpus_than_there_are_are_refused(
    fresh: Project, tmp_path: Path, visible: str | None, there: int
) -> None:
    env = _with_cards(tmp_path, 2, visible)
    output = fresh.run("--dry-run", "--resources", "gpu=3", TRAINED, env=env, check=False)
    assert f"--resources gpu=3: this machine has {there} for jobs to use" in output
