"""Jobs that are ended early: nothing half done is taken for done, and training continues."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from typing import Any

import pytest
from safetensors.numpy import load_file
from snakemake_project import PARTS, Project, copy_project, signal_group, wait_for

STEPS = 30
LONG = {
    "seeds": [0],
    "studies": None,
    "systems": {"burgers": {"tasks": {"simulation": {"methods": ["wdno"]}}}},
    "models": {
        "wdno": {"training": {"steps": STEPS, "validate_every": 10, "checkpoint_seconds": 0.05}}
    },
}
MODEL = "burgers/simulation/models/wdno/seed0/model.safetensors"
HISTORY = "burgers/simulation/models/wdno/seed0/train.jsonl"
STATE = ".state/burgers/simulation/models/wdno/seed0"
LOG = "logs/burgers/simulation/models/wdno/seed0/train.log"
TIMES = ("seconds", "steps_per_second")


def _history(project: Project) -> list[dict[str, Any]]:
    lines = project.result(HISTORY).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


@pytest.fixture(scope="module")
def uninterrupted(
    finished: Project, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Weights and history of a training that nothing disturbs."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    project = copy_project(finished.path, folder, (*PARTS, "results", ".snakemake"))
    project.run("models", overlays=(LONG,))
    return load_file(project.result(MODEL)), _history(project)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_training_resumes_to_the_same_model(
    project: Project,
    uninterrupted: tuple[dict[str, Any], list[dict[str, Any]]],
    signum: signal.Signals,
) -> None:
    process = project.start("models", overlays=(LONG,))
    saved = project.result(STATE, "state.safetensors")
    wait_for(saved.is_file, process, "the first saved state")
    output = signal_group(process, signum)
    assert process.returncode != 0
    assert not project.result(MODEL).exists(), output
    log = project.result(LOG).read_text(encoding="utf-8")
    if signum is not signal.SIGKILL:
        assert f"interrupted by {signum.name} after step" in log, log
    else:
        project.run("--unlock", "models", overlays=(LONG,))
    output = project.run("models", overlays=(LONG,))
    resumed = re.search(r"training resumes after step (\d+)", output)
    assert resumed, output
    assert 0 < int(resumed[1]) < STEPS, f"resumed after step {resumed[1]} of {STEPS}"
    weights, history = uninterrupted
    found = load_file(project.result(MODEL))
    assert found.keys() == weights.keys()
    different = [name for name in weights if (found[name] != weights[name]).any()]
    assert not different, f"{len(different)} of {len(weights)} tensors differ: {different[:3]}"
    assert _history(project) == history


RULES = {
    "generate": ("burgers/data/validation.nc", "burgers/data/validation.log"),
    "card": ("burgers/data/card.csv", "burgers/data/card.log"),
    "evaluate": (
        "burgers/simulation/methods/fno/seed0/metrics.json",
        "burgers/simulation/methods/fno/seed0/evaluate.log",
    ),
    "simulation_table": ("tables/simulation.csv", "tables/simulation.log"),
    "study_table": ("tables/study_samplers.csv", "tables/study_samplers.log"),
    "study_figure": ("figures/study_samplers.png", "figures/study_samplers.log"),
} | {
    rule: (f"figures/burgers_simulation_{name}.png", f"figures/burgers_simulation_{name}.log")
    for rule, name in {
        "simulation_trajectories": "trajectories",
        "simulation_error_over_time": "error_over_time",
        "simulation_spectra": "spectra",
        "training": "training",
    }.items()
}


@pytest.mark.parametrize("rule", RULES)
def test_ctrl_c_leaves_nothing_that_looks_done(project: Project, rule: str) -> None:
    output, log = project.result(RULES[rule][0]), project.result("logs", RULES[rule][1])
    output.unlink()
    log.unlink()
    target = str(output.relative_to(project.path))
    process = project.start(target)
    wait_for(log.is_file, process, "the job's start")
    time.sleep(1.0)
    printed = signal_group(process, signal.SIGINT)
    left = [path for path in output.parent.glob(".*") if path.is_file()]
    assert not left, f"temporary files: {left}\n{printed}"
    finished_first = "(100%) done" in printed
    planned = [name.split()[0] for name in project.planned(target=target)]
    assert planned == ([] if finished_first else [rule]), printed


def test_a_failed_job_stops_only_what_needs_it(project: Project) -> None:
    checkpoint = project.result("burgers/simulation/models/wdno/seed0/model.safetensors")
    metrics = [
        project.result(f"burgers/simulation/methods/wdno/seed{seed}/metrics.json")
        for seed in (0, 1)
    ]
    for file in metrics:
        file.unlink()
    times = checkpoint.stat()
    checkpoint.write_bytes(b"damaged")
    os.utime(checkpoint, ns=(times.st_atime_ns, times.st_mtime_ns))
    output = project.run("all", check=False)
    assert [file.exists() for file in metrics] == [False, True], output
    log = project.result("logs/burgers/simulation/methods/wdno/seed0/evaluate.log")
    text = log.read_text(encoding="utf-8")
    assert str(checkpoint.relative_to(project.path)) in text, text
    assert "Traceback" not in text, text
