"""The whole tiny run: what it makes, and that it is whole."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown import read_markdown
from snakemake_project import ROOT, Project
from tiny_run import FIGURES, METHODS, MODELS, SEEDS, STUDIED, STUDIES, TABLES

from wdno.evaluation.bootstrap import mean_and_sd
from wdno.paper.contents import page_names
from wdno.text_tables import with_spread

KINDS = ("csv", "md", "tex", "html")


def test_everything_is_made(finished: Project) -> None:
    files = [f"tables/{name}.{kind}" for name in TABLES for kind in KINDS]
    files += [f"figures/{name}.{suffix}" for name in FIGURES.values() for suffix in ("png", "pdf")]
    files += [f"paper/{page}.{kind}" for page in page_names() for kind in ("md", "html")]
    files += [f"burgers/data/{split}.nc" for split in ("train", "validation", "test")]
    files += [f"burgers/data/card.{kind}" for kind in KINDS]
    task = "burgers/simulation"
    for folder in (f"{task}/models/{name}/seed{seed}" for name in MODELS for seed in SEEDS):
        files += [f"{folder}/{name}" for name in ("model.safetensors", "train.jsonl")]
        files += [f"logs/{folder}/train.log", f"benchmarks/{folder}/train.tsv"]
    learned = (*MODELS, *STUDIED)
    evaluated = [f"{task}/methods/{name}/seed{seed}" for name in learned for seed in SEEDS]
    for folder in [*evaluated, f"{task}/methods/persistence/seed0"]:
        files += [f"{folder}/{name}" for name in ("metrics.json", "scores.nc", "examples.nc")]
        files += [f"logs/{folder}/evaluate.log", f"benchmarks/{folder}/evaluate.tsv"]
    missing = [file for file in [*files, "config.yaml"] if not finished.result(file).is_file()]
    assert not missing
    found = {path.name for path in finished.result(task, "methods").iterdir()}
    assert found == {*METHODS, *STUDIED}
    assert {path.name for path in finished.result(task, "models").iterdir()} == {*MODELS}
    assert not list(finished.result("burgers").rglob("*/.*")), "temporary files are left"
    # Locks stay: removing one that another process waits for would let a third one in.
    locks = [path for path in finished.result(".state").rglob(".*.lock") if path.is_file()]
    left = [path for path in finished.result(".state").rglob("*") if path.is_file()]
    assert set(left) == set(locks), "state of finished jobs is left"
    assert sum(path.stat().st_size for path in locks) == 0, "a lock holds nothing"


def test_pages_put_the_paper_beside_the_run(finished: Project) -> None:
    index = finished.result("paper/index.md").read_text(encoding="utf-8")
    sizes, tables, figures = read_markdown(index)
    assert sizes["Grid"].tolist() == ["16 x 24"]
    assert sizes["Grid, paper"].tolist() == ["80 x 120"]
    said = dict(zip(tables["Table"], tables["In this run"], strict=True))
    assert said["[Table 1](table_01.md)"].startswith("3 of "), "WDNO, DDPM and FNO of Burgers"
    assert "`control` of `burgers` is not in this run" in said["[Table 2](table_02.md)"]
    assert len(tables) == 17 and len(figures) == 4
    page = finished.result("paper/table_01.md").read_text(encoding="utf-8")
    burgers = read_markdown(page)[1].set_index("In the paper")
    means = [
        json.loads(
            finished.result(f"burgers/simulation/methods/wdno/seed{seed}/metrics.json").read_text(
                encoding="utf-8"
            )
        )["scores"]["mse"]
        for seed in SEEDS
    ]
    assert burgers.loc["WDNO", "MSE"] == with_spread(*mean_and_sd(means))
    assert burgers.loc["WDNO", "Paper"] == "1.40e-4"
    assert "grid 16 x 24 (paper: 80 x 120)" in page and "parameters); 6 training steps" in page
    steps = read_markdown(finished.result("paper/table_07.md").read_text(encoding="utf-8"))[1]
    assert steps["sampler.eta"].tolist().count("0") == 3, "rows of the study, and of the method"
    shown = finished.result("paper/figure_05.html").read_text(encoding="utf-8")
    assert shown.count("data:image/png;base64,") == 1


def test_the_resolved_configuration_stands_beside_the_results(finished: Project) -> None:
    config = yaml.safe_load(finished.result("config.yaml").read_text(encoding="utf-8"))
    assert config["run"] == "tiny"
    assert config["methods"]["wdno"]["sampler"]["steps"] == 2
    metrics = finished.result("burgers/simulation/methods/wdno/seed1/metrics.json")
    design = json.loads(metrics.read_text(encoding="utf-8"))["design"]
    assert design["sampler"]["steps"] == 2


def test_a_system_has_a_table_of_its_own(project: Project) -> None:
    assert project.planned(target="burgers") == ["simulation_system_table"]
    project.run("burgers")
    for kind in KINDS:
        own = project.result("tables", f"burgers_simulation.{kind}").read_text(encoding="utf-8")
        whole = project.result("tables", f"simulation.{kind}").read_text(encoding="utf-8")
        # LaTeX refers to tables by their files.
        unlabelled = own.replace("tab:burgers-simulation-", "tab:simulation-")
        assert unlabelled == whole, "the run has no other system"
    assert project.planned(target="all") == []


def test_the_example_of_the_readme_predicts(
    finished: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = (one for one in re.findall(r"```python\n(.*?)```", text, re.S) if "predict" in one)
    names: dict[str, Any] = {}
    exec(code.replace("results/small", str(finished.path / "results/tiny")), names)
    assert dict(names["ensemble"].sizes) == {"sample": 6, "realization": 8, "time": 16, "x": 24}
    assert "DataArray 'u' (sample: 6, time: 16, x: 24)" in capsys.readouterr().out


def test_report_is_complete_and_needs_no_network(project: Project) -> None:
    project.run("--report", "report.html", "all")
    text = (project.path / "report.html").read_text(encoding="utf-8")
    loaded = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?https?://[^\s\"'>]+", text)
    assert not loaded, f"loaded from the network: {loaded}"
    results = _results(text)
    for rule, file in FIGURES.items():
        if rule.startswith("study"):
            continue
        entry = results[f"results/tiny/figures/{file}.png"]
        name = file.removeprefix("burgers_simulation_").replace("_", " ")
        assert entry["labels"] == {"task": "simulation", "figure": name}
        assert "burgers, simulation" in html.unescape(entry["caption"]), entry["caption"]
    assert "Simulation</strong>" in _of(results, "tables/simulation")["caption"]
    for name, options in STUDIES.items():
        for part in (f"tables/study_{name}", f"figures/study_{name}"):
            caption = html.unescape(_of(results, part)["caption"])
            assert f"{options.label or name}</strong>" in caption
            assert f"first {options.cases} " in caption, "the number of cases is not said"
    assert "Data card of <strong>burgers" in _of(results, "data/card")["caption"]


def _results(report: str) -> dict[str, dict[str, Any]]:
    """Read what the report embeds: file -> labels, caption, and so on."""
    found = re.search(r"var results = (\{.*?\})\s*(?:;|</script>|\nvar )", report, re.S)
    assert found, "the report embeds no results"
    return {str(Path(key)): value for key, value in json.loads(found[1]).items()}


def _of(results: dict[str, dict[str, Any]], part: str) -> dict[str, Any]:
    return next(value for key, value in results.items() if part in key)
