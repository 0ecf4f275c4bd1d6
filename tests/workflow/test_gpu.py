"""Jobs that compute on a GPU take turns; without one they run side by side."""

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


@pytest.mark.parametrize(("gpu", "expected"), [(True, 1), (False, 2)])
def test_trainings_take_turns_on_a_gpu(
    project: Project, tmp_path: Path, gpu: bool, expected: int
) -> None:
    for seed in (0, 1):
        project.result(f"burgers/simulation/models/wdno/seed{seed}/model.safetensors").unlink()
    changes: dict[str, str | None] = {}
    if gpu:
        # The command that says which cards there are; the jobs themselves find none.
        command = tmp_path / "bin" / "nvidia-smi"
        command.parent.mkdir()
        command.write_text("#!/bin/sh\necho 'GPU 0: Imaginary (UUID: GPU-0)'\n", encoding="utf-8")
        command.chmod(0o755)
        changes = {"PATH": f"{command.parent}:{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": None}
    env = environment(**changes)
    output = project.run("models", overlays=(PAIR,), env=env)
    assert _most_at_once(output) == expected, output
