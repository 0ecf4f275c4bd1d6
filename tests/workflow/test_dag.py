"""The rules before anything runs: style, targets, resources, refused configurations."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake_project import ROOT, Project, environment, parse_jobs

from wdno import config as configuration
from wdno.runtime import available_processors
from wdno.studies.expand import variations

OVERLAYS = sorted({path.name for path in ROOT.glob("config/*.yaml")} - {"config.yaml"})


@pytest.mark.parametrize("overlay", [None, *OVERLAYS])
def test_configurations_build(fresh: Project, overlay: str | None) -> None:
    files = [ROOT / "config/config.yaml", *([ROOT / "config" / overlay] if overlay else [])]
    config = configuration.load(*files)
    expected: Counter[str] = Counter(study_table=len(config.studies))
    expected["study_figure"] = len(config.studies)
    expected["paper_pages"] = 1
    for name in configuration.system_names(config):
        section = configuration.system(config, name)
        tasks = configuration.tasks(config, name)
        trained = configuration.trainings(config, name)
        expected["fetch"] += section.options.recorded
        expected["generate"] += 3 + (section.data.fine is not None)
        expected["statistics"] += 1
        expected["train"] += len(trained) * len(config.seeds)
        for task in tasks:
            methods = list(tasks[task].methods)
            methods += [
                one.method
                for study, options in config.studies.items()
                if options.task == task
                for one in variations(config, study, name)
            ]
            chosen = [configuration.method(config, name, m) for m in dict.fromkeys(methods)]
            learned = [bool(tasks[task].checkpoints(task, method)) for method in chosen]
            expected["evaluate"] += sum(len(config.seeds) if one else 1 for one in learned)
            expected["training"] += any(of == task for of, _ in trained)
            expected[f"{task}_table"] = 1
            expected[f"{task}_system_table"] = 0
        for task in set(tasks) - {"simulation"}:
            figures = {"control": ("controls", "cost"), "superresolution": ("levels", "spectra")}
            for figure in figures[task]:
                expected[f"{task}_{figure}"] += 1
        expected["control_animation"] += name == "smoke" and "control" in tasks
        for figure in ("trajectories", "error_over_time", "spectra"):
            expected[f"simulation_{figure}"] += 1
        expected["simulation_animation"] += len(section.options.grid_shape()) == 3
        expected["simulation_series"] += name == "smoke"
        expected["scene"] += name == "smoke"
    asked = ["--configfile", str(Path("config") / overlay), "--"] if overlay else []
    output = fresh.dry_run_of_default("--cores", "8", *asked, "all")
    jobs = Counter(job.rule for job in parse_jobs(output))
    assert {rule: jobs[rule] for rule in expected} == dict(expected)


def test_figures_that_only_some_systems_have(fresh: Project) -> None:
    samples = {"train": 8, "validation": 4, "test": 4}
    smoke = {
        "options": {"cells": 32, "steps": 32, "grid": {"time": 8, "cells": 16}},
        "data": {"samples": samples, "fine": None},
        "tasks": {
            "simulation": {"methods": ["wdno", "persistence"]},
            "control": {"methods": ["zero", "optimum"], "reference": "zero"},
            "superresolution": None,
        },
    }
    overlay = {"systems": {"smoke": smoke}}
    jobs = parse_jobs(fresh.dry_run("all", overlays=(overlay,)))
    drawn = ("simulation_animation", "simulation_series", "control_animation", "scene")
    for rule in drawn:
        found = [job.wildcards["system"] for job in jobs if job.rule == rule]
        assert found == ["smoke"], f"{rule} is drawn of {found}, burgers has none"


@pytest.mark.parametrize(
    ("target", "first", "last"),
    [
        ("data", "generate", "card"),
        ("models", "generate", "train"),
        ("tables", "generate", "simulation_table"),
        ("figures", "generate", "simulation_trajectories"),
        ("paper", "generate", "paper_pages"),
        ("burgers", "generate", "simulation_trajectories"),
        ("burgers", "generate", "simulation_system_table"),
    ],
)
def test_targets(fresh: Project, target: str, first: str, last: str) -> None:
    rules = {name.split()[0] for name in fresh.planned(target=target)}
    assert {first, last} <= rules
    wanted = {"data": "train", "models": "evaluate", "tables": "card", "figures": "card"}
    wanted["paper"] = "card"
    left_out = wanted.get(target, "simulation_table")
    assert target == "burgers" or "simulation_system_table" not in rules
    assert left_out not in rules, f"{target} runs {left_out}"


def test_the_tables_of_a_system_show_that_system_alone(fresh: Project) -> None:
    output = fresh.dry_run_of_default("--cores", "8", "--printshellcmds", "burgers")
    commands = {
        command.split("--output results/small/tables/")[1].split()[0]: command
        for command in output.splitlines()
        if "wdno table --task" in command
    }
    tasks = ("simulation", "control", "superresolution")
    assert set(commands) == {f"burgers_{task}.csv" for task in tasks}
    for command in commands.values():
        assert "results/small/burgers/" in command
        assert not any(f"small/{name}/" in command for name in ("advection", "era5", "smoke"))


def test_methods_are_ranked_over_several_systems(fresh: Project) -> None:
    target = "results/{}/tables/simulation_ranks.csv"
    output = fresh.dry_run_of_default("--cores", "8", target.format("small"))
    assert "simulation_table" in {job.rule for job in parse_jobs(output)}
    output = fresh.dry_run(target.format("tiny"), check=False)
    assert "MissingRuleException" in output, "there is one system alone"


def test_lint(fresh: Project) -> None:
    command = [sys.executable, "-m", "snakemake", "--lint"]
    done = subprocess.run(
        command, cwd=fresh.path, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_format() -> None:
    command = [sys.executable, "-m", "snakefmt", "--check", "workflow"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("overlay", "messages"),
    [
        pytest.param(
            {
                "run": "Run 1",
                "modles": {},
                "systems": {"burger": {}},
                "methods": {"wdno": {"sampler": {"steps": 0}}},
            },
            [
                "run = 'Run 1'",
                "modles: unknown option; did you mean 'models'?",
                "systems.burger: unknown option; did you mean 'burgers'?",
                "methods.wdno.sampler.steps = 0",
                "greater than 0",
            ],
            id="values",
        ),
        pytest.param(
            {"studies": {"samplers": {"vary": {"sampler.steps": [2, 0]}}}},
            ["studies.samplers.vary", "steps", "greater than 0"],
            id="studies",
        ),
        pytest.param(
            {"systems": {"burgers": {"tasks": {"simulation": {"methods": ["wdon"]}}}}},
            ["'wdon' is not configured", "did you mean 'wdno'?", "allowed: bc, bppo, "],
            id="references",
        ),
    ],
)
def test_wrong_configurations_are_refused_at_once(
    tmp_path: Path, overlay: dict[str, Any], messages: list[str]
) -> None:
    file = tmp_path / "overlay.yaml"
    file.write_text(yaml.safe_dump(overlay), encoding="utf-8")
    files = [ROOT / "config/config.yaml", file]
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(tmp_path)]
    command += ["--snakefile", str(ROOT / "workflow/Snakefile")]
    command += ["--configfile", *map(str, files), "--", "all"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    output = done.stdout + done.stderr
    assert done.returncode == 1, output
    for message in messages:
        assert message in output, f"expected {message!r} in:\n{output}"
    assert "Traceback" not in output, output
    assert not (tmp_path / "results").exists(), "a job has started"


@pytest.mark.parametrize(("cores", "threads"), [(2, 2), (8, 4)])
def test_jobs_share_the_processors_there_are(fresh: Project, cores: int, threads: int) -> None:
    output = fresh.dry_run_of_default("--cores", str(cores), "--printshellcmds", "models")
    present = min(available_processors(), cores)
    share = max(1, threads * present // cores)
    commands = [line for line in output.splitlines() if "wdno train" in line]
    assert commands
    assert all(f"--threads {share} " in command for command in commands), commands[0]
    at_once = cores // threads
    assert share * at_once <= max(present, at_once), f"{at_once} jobs of {share} on {present}"


def test_cluster_profile_asks_for_gpus(fresh: Project) -> None:
    pytest.importorskip("snakemake_executor_plugin_slurm")
    profile = ["--workflow-profile", "workflow/profiles/slurm"]
    output = fresh.dry_run_of_default(*profile, "--printshellcmds", "all")
    blocks = output.split("\nrule ")
    for rule, gpus in {"train": 1, "evaluate": 1}.items():
        chosen = [block for block in blocks if block.startswith(f"{rule}:")]
        assert chosen
        assert all(f"gpu={gpus}" in block for block in chosen), chosen[0]
    assert not any("gpu=1" in block for block in blocks if block.startswith("generate:"))
