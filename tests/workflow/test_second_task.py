"""Another task comes with files of its own: no other file changes, and no other result."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from snakemake_project import PARTS, ROOT, Project, copy_project, parse_jobs

TOY = ROOT / "tests/toy_task"
ADDED = {
    "last_frame": "wdno/tasks/last_frame",
    "report": "workflow/report/last_frame",
}
OVERLAY = {
    "methods": {
        "half": {"label": "Half", "model": "fno", "last_frame": {"shrink": 0.5}},
        "last": {"label": "Last state", "baseline": "persistence_of_last"},
    },
    "systems": {"burgers": {"tasks": {"last_frame": {"methods": ["fno", "half", "last"]}}}},
}
TABLE, FIGURE = "results/tiny/tables/last_frame.csv", "results/tiny/figures/burgers_last_frame"


def _files(project: Project) -> dict[str, str]:
    """Digests of the files of the project, results and caches left out."""
    return {
        str(path.relative_to(project.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in PARTS
        for path in [project.path / part, *(project.path / part).rglob("*")]
        if path.is_file() and "__pycache__" not in path.parts
    }


def _results(project: Project) -> dict[str, int]:
    """Times of the results, logs and the configuration left out."""
    kept = (project.result("burgers"), project.result("tables"), project.result("figures"))
    return {str(f): f.stat().st_mtime_ns for d in kept for f in d.rglob("*") if f.is_file()}


@pytest.fixture(scope="module")
def with_task(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The finished run, with the files of another task beside those that there are, and its run."""
    target = tmp_path_factory.mktemp("second")
    project = copy_project(finished.path, target, (*PARTS, "results", ".snakemake"))
    before, results = _files(project), _results(project)
    for source, place in ADDED.items():
        copy = shutil.copytree if (TOY / source).is_dir() else shutil.copy2
        copy(TOY / source, project.path / place)
    output = project.run("all", overlays=(OVERLAY,))
    jobs = parse_jobs(output)
    assert {job.wildcards.get("task", "last_frame") for job in jobs} == {"last_frame"}, output
    after = _files(project)
    assert {name: after[name] for name in before} == before, "a file of the project has changed"
    new = after.keys() - before.keys()
    assert all(name.startswith((*ADDED.values(), "overlay")) for name in new), new
    now = _results(project)
    changed = [name for name, time in results.items() if now[name] != time]
    assert not changed, "a result of the first task was made again"
    return project


def test_its_table_holds_its_scores(with_task: Project) -> None:
    table = pd.read_csv(with_task.path / TABLE).set_index("method")
    assert table["label"].to_dict() == {"fno": "FNO", "half": "Half", "last": "Last state"}
    for method, seeds in {"fno": (0, 1), "half": (0, 1), "last": (0,)}.items():
        folder = with_task.result("burgers/last_frame/methods", method)
        assert {path.name for path in folder.iterdir()} == {f"seed{seed}" for seed in seeds}
        means: dict[str, list[float]] = {"last_mse": [], "last_worst": []}
        for seed in seeds:
            values = json.loads((folder / f"seed{seed}/metrics.json").read_text(encoding="utf-8"))
            with xr.open_dataset(folder / f"seed{seed}/scores.nc") as scores:
                for name, found in means.items():
                    mean = float(scores[name].mean())
                    assert mean == pytest.approx(values["scores"][name], rel=1e-12)
                    found.append(mean)
        for name, found in means.items():
            assert table.loc[method, name] == pytest.approx(sum(found) / len(found), rel=1e-9)
    assert table["last_mse"].nunique() == 3, "the methods do not differ"


def test_its_baseline_is_its_own(with_task: Project) -> None:
    with xr.open_dataset(with_task.result("burgers/data/test.nc")) as data:
        u = data["u"].to_numpy().astype(float)
    expected = ((u[:, -1] - u[:, 0]) ** 2).mean()
    table = pd.read_csv(with_task.path / TABLE).set_index("method")
    assert table.loc["last", "last_mse"] == pytest.approx(expected, rel=1e-5)


def test_its_models_are_its_own(with_task: Project) -> None:
    models = with_task.result("burgers/last_frame/models")
    assert {path.name for path in models.iterdir()} == {"fno"}, "one training for both methods"
    for seed in (0, 1):
        assert (models / f"fno/seed{seed}/model.safetensors").is_file()
    for name in ("errors", "training"):
        for suffix in ("png", "pdf"):
            assert Path(with_task.path, f"{FIGURE}_{name}.{suffix}").is_file()


def test_its_code_reruns_nothing_of_the_first_task(with_task: Project) -> None:
    for name in ("problem", "evaluation", "metrics", "table", "figures", "options"):
        path = with_task.path / f"wdno/tasks/last_frame/{name}.py"
        path.write_text(path.read_text(encoding="utf-8") + "\n\nADDED = 1\n", encoding="utf-8")
    planned = parse_jobs(with_task.dry_run("all", overlays=(OVERLAY,)))
    of_others = [
        job.name
        for job in planned
        if job.wildcards.get("task") != "last_frame"
        and not job.rule.startswith("last_frame")
        and job.rule != "paper_pages"  # which shows every task
    ]
    assert planned and not of_others


def test_a_method_of_another_task_is_refused(with_task: Project) -> None:
    wrong = {"systems": {"burgers": {"tasks": {"last_frame": {"methods": ["fno", "persistence"]}}}}}
    output = with_task.dry_run("all", check=False, overlays=(OVERLAY, wrong))
    assert re.search(r"persistence.*persistence_of_last", output), output
    assert "Traceback" not in output
