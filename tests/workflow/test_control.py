"""Control through Snakemake: policies, surrogates of another task, guided diffusion, to a table."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
import xarray as xr
from snakemake_project import PARTS, Project, copy_project, parse_jobs

from wdno.training.checkpoint import load_model

NETWORK = {"width": 8, "multipliers": [1, 2], "blocks": 1, "groups": 4, "heads": 1, "head_dim": 8}
TRAINING = {"steps": 6, "batch_size": 4, "warmup_steps": 1, "validate_every": 3, "log_every": 1}
POLICIES = ["bc", "bppo", "sac", "sac_surrogate", "pid"]
LEARNED = [*POLICIES, "sl", "wdno_sedc", "wdno_polished"]
METHODS = ["zero", "own_control", "nearest", *LEARNED, "optimum"]
GUIDED = {"weights": [0.0, 1.0], "validation_cases": 4}
OVERLAY = {
    "systems": {"burgers": {"tasks": {"control": {"reference": "zero", "methods": METHODS}}}},
    "models": {
        "wdno_control": {"network": NETWORK, "training": TRAINING},
        "wavelet_unet": {"network": NETWORK, "training": TRAINING},
        "wdno_sedc": {
            "network": NETWORK,
            "training": TRAINING,
            "collect": {"method": "wdno_polished", "cases": 5},
        },
        **{
            name: {"network": {"grid": [24], "width": 16}, "training": TRAINING}
            for name in POLICIES
        },
        "fno_autoregressive": {
            "network": {"modes": 4, "width": 8, "layers": 2},
            "training": TRAINING,
        },
    },
    "methods": {
        "nearest": {"control": {"controller": {"name": "nearest", "candidates": 3}}},
        "sl": {"control": {"controller": {"gradients": 3}}},
        "wdno_sedc": {"sampler": {"steps": 2}, "control": {"controller": GUIDED}},
        "wdno_polished": {"sampler": {"steps": 2}, "control": {"controller": GUIDED}},
        "optimum": {"control": {"controller": {"gradients": 20}}},
    },
}
TABLE = "results/tiny/tables/control.csv"


@pytest.fixture(scope="module")
def controlled(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The finished run, and control beside it."""
    target = tmp_path_factory.mktemp("controlled")
    project = copy_project(finished.path, target, (*PARTS, "results", ".snakemake"))
    output = project.run("all", overlays=(OVERLAY,))
    jobs = parse_jobs(output)
    # A surrogate is a model of simulation; nothing else of that task is made again.
    trained = {
        (job.wildcards["task"], job.wildcards["model"]) for job in jobs if job.rule == "train"
    }
    assert trained == {
        ("control", "wdno_control"),
        ("control", "wdno_sedc"),
        *(("control", name) for name in POLICIES),
        ("simulation", "wavelet_unet"),
        ("simulation", "fno_autoregressive"),
    }
    collected = {job.name for job in jobs if job.rule == "collect"}
    assert collected == {f"collect wdno_polished {seed}" for seed in (0, 1)}
    evaluated = {job.wildcards["task"] for job in jobs if job.rule == "evaluate"}
    assert evaluated == {"control"}, output
    return project


def test_the_table_has_every_controller(controlled: Project) -> None:
    table = pd.read_csv(controlled.path / TABLE).set_index("method")
    assert list(table.index) == METHODS
    assert table["failed"].isna().all() and table["j"].notna().all()
    assert table.loc["optimum", "j"] == table["j"].min()
    assert table.loc["wdno_polished", "j"] < table.loc["wdno_sedc", "j"]
    assert table.loc["wdno_sedc", "weight"] in (0.0, 0.5, 1.0)
    assert table.loc["zero", "j_ratio"] == 1 and table.loc["zero", "energy"] == 0
    assert table.loc["nearest", "solver_calls"] == 3
    assert table.loc["sl", "evaluations"] == 3 and table.loc["bc", "evaluations"] == 16
    assert math.isnan(table.loc["zero", "weight"])
    shown = (controlled.path / TABLE).with_suffix(".md").read_text(encoding="utf-8")
    assert "| J / data |" in " ".join(shown.split()) and "Optimum" in shown


def test_a_model_was_trained_on_what_another_collected(controlled: Project) -> None:
    for seed in (0, 1):
        folder = controlled.result("burgers", "control")
        path = folder / f"collected/wdno_polished/seed{seed}.nc"
        with xr.open_dataset(path, decode_times=False) as dataset:
            assert dataset.sizes["sample"] == 5
            assert json.loads(dataset.attrs["collected"])["seed"] == seed
        _, facts = load_model(folder / f"models/wdno_sedc/seed{seed}/model.safetensors")
        start = f"models/wdno_control/seed{seed}/model.safetensors"
        assert facts["needs"]["start"].endswith(start)
        assert facts["data"]["collected"].endswith(f"seed{seed}.nc")


def test_other_options_of_what_is_collected_train_what_reads_it_alone(controlled: Project) -> None:
    more = {"models": {"wdno_sedc": {"collect": {"cases": 6}}}}
    jobs = parse_jobs(controlled.dry_run("all", overlays=(OVERLAY, more)))
    made = {job.wildcards.get("method", "") for job in jobs if job.rule == "collect"}
    trained = {job.wildcards["model"] for job in jobs if job.rule == "train"}
    assert (made, trained) == ({"wdno_polished"}, {"wdno_sedc"})


def test_its_figures_are_there(controlled: Project) -> None:
    for figure in ("controls", "cost", "training"):
        for suffix in ("png", "pdf"):
            path = controlled.path / f"results/tiny/figures/burgers_control_{figure}.{suffix}"
            assert path.stat().st_size > 5000


def test_another_weight_of_a_term_evaluates_control_again_and_trains_what_learns_from_j(
    controlled: Project,
) -> None:
    dearer = {"systems": {"burgers": {"tasks": {"control": {"weights": {"energy": 0.1}}}}}}
    jobs = parse_jobs(controlled.dry_run("all", overlays=(OVERLAY, dearer)))
    rules = {job.rule for job in jobs}
    assert "generate" not in rules and "evaluate" in rules
    trained = {job.wildcards["model"] for job in jobs if job.rule == "train"}
    learned = {"bppo", "sac", "sac_surrogate", "pid", "wdno_sedc"}
    assert trained == learned, "what J weighs is in what they learn"
    assert {job.wildcards.get("task", "control") for job in jobs if job.rule == "evaluate"} == {
        "control"
    }


def test_another_reference_makes_the_table_alone(controlled: Project) -> None:
    other = {"systems": {"burgers": {"tasks": {"control": {"reference": "optimum"}}}}}
    jobs = parse_jobs(controlled.dry_run("all", overlays=(OVERLAY, other)))
    assert {job.rule for job in jobs} <= {"control_table", "all"}
