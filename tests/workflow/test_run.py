"""The whole tiny run, and what reruns after a change of options or code."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake_project import Project

MODELS = ("ddpm", "fno", "wdno")
METHODS = (*MODELS, "persistence")
STUDIED = ("ddpm", "wdno")
SEEDS = (0, 1)
FIGURES = ("error_over_time", "error_vs_evaluations", "spectra", "training", "trajectories")
ERROR_FIGURES = ["error_over_time", "spectra", "trajectories"]


def _each(rule: str, names: tuple[str, ...] = ("wdno",)) -> list[str]:
    seeds = {"persistence": SEEDS[:1]}
    return [f"{rule} {name} {seed}" for name in names for seed in seeds.get(name, SEEDS)]


def _after_training(*models: str) -> list[str]:
    """The jobs that a new training of these models brings."""
    studied = tuple(name for name in models if name in STUDIED)
    studies = [*_each("study", studied), "samplers_table", "error_vs_evaluations"]
    return [
        *_each("train", models),
        *_each("evaluate", models),
        *(studies if studied else []),
        *ERROR_FIGURES,
        "training",
        "simulation_table",
    ]


def test_everything_is_made(finished: Project) -> None:
    tables, kinds = ("simulation", "samplers"), ("csv", "md", "tex", "html")
    files = [f"tables/{name}.{kind}" for name in tables for kind in kinds]
    files += [f"figures/burgers_simulation_{name}.{s}" for name in FIGURES for s in ("png", "pdf")]
    files += [f"burgers/data/{split}.nc" for split in ("train", "validation", "test")]
    files += [f"burgers/data/card.{kind}" for kind in kinds]
    for folder in (f"burgers/simulation/{name}/seed{seed}" for name in MODELS for seed in SEEDS):
        files += [f"{folder}/{name}" for name in ("model.safetensors", "train.jsonl")]
        files += [f"{folder}/{name}" for name in ("metrics.json", "evaluation.nc")]
        files += [f"logs/{folder}/train.log", f"benchmarks/{folder}/train.tsv"]
    files += ["burgers/simulation/persistence/seed0/metrics.json", "config.yaml"]
    missing = [file for file in files if not finished.result(file).is_file()]
    assert not missing
    assert not list(finished.result("burgers").rglob("*/.*")), "temporary files are left"
    # Locks stay: removing one that another process waits for would let a third one in.
    locks = [path for path in finished.result(".state").rglob(".*.lock") if path.is_file()]
    left = [path for path in finished.result(".state").rglob("*") if path.is_file()]
    assert set(left) == set(locks), "state of finished jobs is left"
    assert sum(path.stat().st_size for path in locks) == 0, "a lock holds nothing"


def test_the_resolved_configuration_stands_beside_the_results(finished: Project) -> None:
    config = yaml.safe_load(finished.result("config.yaml").read_text(encoding="utf-8"))
    assert config["run"] == "tiny"
    assert config["methods"]["wdno"]["sampler"]["steps"] == 2
    metrics = finished.result("burgers/simulation/wdno/seed1/metrics.json")
    assert json.loads(metrics.read_text(encoding="utf-8"))["sampler"]["steps"] == 2


def test_a_second_run_does_nothing(finished: Project) -> None:
    assert "Nothing to be done" in finished.run("all")


@pytest.mark.parametrize(
    ("overlay", "expected"),
    [
        pytest.param(
            {"methods": {"wdno": {"sampler": {"steps": 3}}}},
            [*_each("evaluate"), *ERROR_FIGURES, "simulation_table"],
            id="sampler",
        ),
        pytest.param(
            {"models": {"wdno": {"training": {"learning_rate": 1e-3}}}},
            _after_training("wdno"),
            id="model",
        ),
        pytest.param(
            {"systems": {"burgers": {"models": {"fno": {"network": {"width": 12}}}}}},
            _after_training("fno"),
            id="model-of-a-system",
        ),
        pytest.param(
            {"models": {"wdno": {"training": {"checkpoint_seconds": 9}}}}, [], id="saving"
        ),
        pytest.param(
            {"models": {"wdno": {"label": "W"}}},
            ["error_vs_evaluations", "samplers_table", "training"],
            id="label",
        ),
        pytest.param(
            {"sampler_study": {"steps": [1]}},
            [*_each("study", STUDIED), "error_vs_evaluations", "samplers_table"],
            id="study",
        ),
        pytest.param({"evaluation": {"confidence": 0.9}}, ["simulation_table"], id="table"),
        pytest.param({"evaluation": {"show": ["wdno"]}}, ["trajectories"], id="figure"),
        pytest.param(
            {"systems": {"burgers": {"data": {"samples": {"test": 7}}}}},
            [
                "generate test",
                "card",
                *_each("evaluate", METHODS),
                *_each("study", STUDIED),
                *(name for name in FIGURES if name != "training"),
                "simulation_table",
                "samplers_table",
            ],
            id="test-data",
        ),
        pytest.param(
            {"seeds": [0]},
            [*FIGURES, "simulation_table", "samplers_table"],
            id="seeds",
        ),
    ],
)
def test_a_changed_option_reruns_its_stages(
    finished: Project, overlay: dict[str, Any], expected: list[str]
) -> None:
    assert finished.planned(overlay) == sorted(expected)


SAMPLING = [*_each("evaluate", STUDIED), *_each("study", STUDIED), *ERROR_FIGURES]
SAMPLING += ["error_vs_evaluations", "simulation_table", "samplers_table"]


@pytest.mark.parametrize(
    ("file", "code", "expected"),
    [
        ("wdno/networks/unet.py", "\n\nADDED = 1\n", _after_training(*STUDIED)),
        ("wdno/representations/wavelet.py", "\n\nADDED = 1\n", _after_training("wdno")),
        ("wdno/objectives/regression.py", "\n\nADDED = 1\n", _after_training("fno")),
        ("wdno/diffusion/samplers.py", "\n\nADDED = 1\n", SAMPLING),
        ("wdno/evaluation/figures.py", "\n\nADDED = 1\n", list(FIGURES)),
        ("wdno/evaluation/tables.py", "\n\nADDED = 1\n", ["simulation_table", "samplers_table"]),
        ("wdno/networks/unet.py", "\n\n# A comment.\n", []),
        ("wdno/model.py", '\n\n"""A docstring."""\n', []),
        ("wdno/cli.py", "\n\nADDED = 1\n", []),
    ],
)
def test_changed_code_reruns_its_stages(
    project: Project, file: str, code: str, expected: list[str]
) -> None:
    path = project.path / file
    path.write_text(path.read_text(encoding="utf-8") + code, encoding="utf-8")
    assert project.planned() == sorted(expected)


def test_a_changed_system_reruns_everything_of_it(project: Project) -> None:
    path = project.path / "wdno/systems/burgers.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n\nADDED = 1\n", encoding="utf-8")
    planned = project.planned()
    data = [f"generate {split}" for split in ("test", "train", "validation")]
    evaluations = [*_each("evaluate", METHODS), *_each("train", MODELS), *_each("study", STUDIED)]
    tables = ["simulation_table", "samplers_table"]
    assert planned == sorted([*data, "statistics", "card", *evaluations, *FIGURES, *tables])


def test_report_is_complete_and_needs_no_network(project: Project) -> None:
    project.run("--report", "report.html", "all")
    text = (project.path / "report.html").read_text(encoding="utf-8")
    loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?https?://[^\s\"'>]+", text)
    assert not loaded, f"loaded from the network: {loaded}"
    results = _results(text)
    for name in FIGURES:
        entry = results[f"results/tiny/figures/burgers_simulation_{name}.png"]
        assert entry["labels"] == {"task": "simulation", "figure": name.replace("_", " ")}
        assert "burgers, simulation" in html.unescape(entry["caption"]), entry["caption"]
    for name in ("simulation", "samplers"):
        assert f"{name.capitalize()}</strong>" in _of(results, f"tables/{name}")["caption"]
    assert "Data card of <strong>burgers" in _of(results, "data/card")["caption"]


def _results(report: str) -> dict[str, dict[str, Any]]:
    """Read what the report embeds: file -> labels, caption, and so on."""
    found = re.search(r"var results = (\{.*?\})\s*(?:;|</script>|\nvar )", report, re.S)
    assert found, "the report embeds no results"
    return {str(Path(key)): value for key, value in json.loads(found[1]).items()}


def _of(results: dict[str, dict[str, Any]], part: str) -> dict[str, Any]:
    return next(value for key, value in results.items() if part in key)
