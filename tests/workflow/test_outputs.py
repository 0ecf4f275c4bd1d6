"""A model that learns from the predictions of another is trained after it, and again after it."""

from __future__ import annotations

from typing import Any

import pytest
from snakemake_project import Project, copy_project, parse_jobs

from wdno.training.checkpoint import load_model

AXES = {
    "representation": {"name": "identity"},
    "network": {"name": "fno", "modes": 2, "width": 4, "layers": 1},
    "objective": {"name": "diffusion", "prediction": "x0"},
    "training": {
        **{"steps": 4, "batch_size": 4, "warmup_steps": 1},
        **{"validate_every": 2, "log_every": 1},
    },
}
SAMPLER = {"name": "ddim", "steps": 2, "eta": 0.0}
OVERLAY: dict[str, Any] = {
    "systems": {
        "burgers": {
            "data": {"fine": {"samples": 2, "grid": {"time": 32, "x": 48}}},
            "tasks": {
                "superresolution": {"reference": "exact_cubic", "methods": ["by", "exact_cubic"]}
            },
        }
    },
    "models": {
        "half": {**AXES, "data": {"samples": 12}},
        "taught": {
            **AXES,
            "superresolution": {"outputs": {"model": "half", "sampler": SAMPLER}},
        },
    },
    "methods": {"by": {"model": "taught", "sampler": SAMPLER}},
}
TAUGHT = "results/tiny/burgers/superresolution/models/taught/seed0/model.safetensors"
HALF = "results/tiny/burgers/simulation/models/half/seed0/model.safetensors"
BOTH = ["train half 0", "train taught 0"]


@pytest.fixture(scope="module")
def trained(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Both models and their data, and nothing else of the run."""
    target = tmp_path_factory.mktemp("outputs")
    project = copy_project(fresh.path, target)
    output = project.run(TAUGHT, overlays=(OVERLAY,))
    jobs = [job.name for job in parse_jobs(output)]
    assert sorted(jobs[:-2]) == ["generate train", "generate validation"]
    assert jobs[-2:] == BOTH, "in this order"
    return project


def planned(project: Project, *changes: dict[str, Any]) -> list[str]:
    return project.planned(OVERLAY, *changes, target=TAUGHT)


def test_the_other_model_was_read_by_the_training(trained: Project) -> None:
    _, facts = load_model(trained.path / TAUGHT)
    assert facts["needs"] == {"outputs": HALF}
    log = trained.result("logs/burgers/superresolution/models/taught/seed0/train.log").read_text()
    assert "predictions of train.nc by half: samples 12 to 23 in" in log
    assert "predictions of validation.nc by half: samples 0 to 7 in" in log
    assert planned(trained) == []


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ({"taught": {"superresolution": {"outputs": {"sampler": {"steps": 3}}}}}, BOTH[1:]),
        ({"taught": {"superresolution": {"outputs": {"pairs": 2}}}}, BOTH[1:]),
        ({"half": {"data": {"samples": 8}}}, BOTH),
        ({"half": {"label": "H"}}, []),
    ],
    ids=["sampler", "pairs", "samples", "label"],
)
def test_what_makes_the_outputs_trains_what_learns_from_them(
    trained: Project, models: dict[str, Any], expected: list[str]
) -> None:
    assert planned(trained, {"models": models}) == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("tasks/superresolution/outputs.py", BOTH[1:]),
        ("diffusion/samplers/ddim.py", BOTH[1:]),
        ("diffusion/samplers/dpmpp_2m.py", []),
        ("tasks/simulation/problem.py", BOTH),
    ],
)
def test_the_code_that_makes_the_outputs_counts(
    trained: Project, file: str, expected: list[str]
) -> None:
    path = trained.path / "wdno" / file
    before = path.read_text(encoding="utf-8")
    path.write_text(before + "\n\nADDED = 1\n", encoding="utf-8")
    try:
        assert planned(trained) == expected
    finally:
        path.write_text(before, encoding="utf-8")
