"""Each recipe of CONTRIBUTING.md, followed: the new piece is checked, documented and used."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from recipe import CHECK, DOCUMENT, ROOT, Copy, blocks, evaluate, generate, train

FEW = {"steps": 6, "batch_size": 4, "warmup_steps": 1, "validate_every": 3, "log_every": 1}
UNET = {"name": "unet", "width": 8, "multipliers": [1, 2], "blocks": 1, "groups": 4}


def _documented(copy: Copy, *names: str) -> None:
    for file in ("config/README.md", "workflow/schemas/config.schema.yaml"):
        text = (copy.path / file).read_text(encoding="utf-8")
        assert all(name in text for name in names), file


def _method(copy: Copy, model: dict[str, object], **method: object) -> None:
    """Configure a method `new` with a model of that name."""
    copy.configure(
        models={"new": {"representation": {"name": "identity"}, "training": FEW, **model}},
        methods={"new": {"label": "New", "model": "new", **method}},
        systems={"advection": {"tasks": {"simulation": {"methods": ["wdno", "new"]}}}},
    )


def test_add_a_network(copy: Copy) -> None:
    copy.write(blocks("Add a network"))
    network = {"name": "pointwise", "width": 8}
    _method(copy, {"network": network, "objective": {"name": "regression"}})
    copy.run(CHECK, DOCUMENT, train("new"), evaluate("new", "new"))
    _documented(copy, "pointwise", "The same small network at every point.")
    design = copy.metrics("new")["design"]
    assert design["network"] == "pointwise"
    # Diffusion asks for a network that knows the time; it is the same file.
    _method(
        copy,
        {"network": network, "objective": {"name": "diffusion"}},
        sampler={"name": "ddim", "steps": 2},
    )
    copy.run(train("new"), evaluate("new", "new"))
    assert copy.metrics("new")["design"]["objective"] == "diffusion"


def test_add_an_objective(copy: Copy) -> None:
    copy.write(blocks("Add an objective"))
    _method(copy, {"network": UNET, "objective": {"name": "absolute"}})
    copy.run(CHECK, DOCUMENT, train("new"), evaluate("new", "new"))
    _documented(copy, "absolute", "Mean absolute error, deterministic.")
    whole = copy.metrics("new")
    assert whole["design"]["objective"] == "absolute" and not whole["design"]["stepwise"]
    stepping = {"unroll": 2, "windows": 2}
    _method(copy, {"network": UNET, "objective": {"name": "absolute", "stepping": stepping}})
    copy.run(train("new"), evaluate("new", "new"))
    stepped = copy.metrics("new")
    assert stepped["design"]["stepwise"] and stepped["cost"]["evaluations"] == 16


def test_add_a_sampler(copy: Copy) -> None:
    copy.write(blocks("Add a sampler"))
    sampler = {"name": "restart", "steps": 3}
    _method(copy, {"network": UNET, "objective": {"name": "diffusion"}}, sampler=sampler)
    copy.run(CHECK, DOCUMENT, train("new"), evaluate("new", "new"))
    _documented(copy, "restart", "Each estimate is noised afresh.")
    found = copy.metrics("new")
    assert found["design"]["sampler"]["name"] == "restart" and found["cost"]["evaluations"] == 3


def test_add_a_metric(copy: Copy) -> None:
    recipe = blocks("Add a metric")
    copy.write({name: text for name, text in recipe.items() if not (ROOT / name).exists()})
    _add_the_metric(copy)
    table = ["table", "--task", "simulation", "CONFIG", "--output", "out/table.csv"]
    folders = ["out/simulation/fno", "out/simulation/persistence"]
    copy.run(train("fno"), evaluate("fno", "fno"), evaluate("persistence"), [*table, *folders])
    rows = pd.read_csv(copy.path / "out/table.csv").set_index("method")
    for method in ("fno", "persistence"):
        bias = copy.metrics(method)["scores"]["bias"]
        assert rows.loc[method, "bias"] == pytest.approx(bias, rel=1e-9)
    text = (copy.path / "out/table.md").read_text(encoding="utf-8")
    assert "Bias" in text and "mean of the prediction minus that of the truth" in text


def _add_the_metric(copy: Copy) -> None:
    scores, metrics = "wdno/tasks/simulation/scores.py", "wdno/tasks/simulation/metrics.py"
    line = "from wdno.evaluation.scores.bias import BIAS{}\n"
    flow = "from wdno.evaluation.scores.flow import"
    copy.edit(scores, flow, line.format(", bias") + flow)
    copy.edit(metrics, flow, line.format("") + flow)
    place = "    if measure.spreads is not None:\n        scale"
    copy.edit(scores, place, "    found[BIAS.name] = bias(y, x)\n" + place)
    copy.edit(metrics, "*(SPECTRUM_ERROR, ", "*(BIAS, SPECTRUM_ERROR, ")


def test_add_a_task(copy: Copy) -> None:
    shutil.copytree(ROOT / "tests/toy_task/last_frame", copy.path / "wdno/tasks/last_frame")
    copy.configure(
        methods={
            "half": {"label": "Half", "model": "fno", "last_frame": {"shrink": 0.5}},
            "last": {"label": "Last state", "baseline": "persistence_of_last"},
        },
        systems={"advection": {"tasks": {"last_frame": {"methods": ["fno", "half", "last"]}}}},
    )
    methods = {"fno": "fno", "half": "fno", "last": ""}
    evaluations = [evaluate(name, model, task="last_frame") for name, model in methods.items()]
    folders = [f"out/last_frame/{name}" for name in methods]
    show = ["--task", "last_frame", "CONFIG", "--output"]
    copy.run(
        CHECK,
        DOCUMENT,
        train("fno", task="last_frame"),
        *evaluations,
        ["table", *show, "out/table.csv", *folders],
        ["figure", "errors", *show, "out/errors.png", *folders],
    )
    _documented(copy, "last_frame", "Factor of every prediction.", "persistence_of_last")
    rows = pd.read_csv(copy.path / "out/table.csv").set_index("method")
    for method in methods:
        scores = copy.metrics(method, "last_frame")["scores"]
        assert rows.loc[method, "last_mse"] == pytest.approx(scores["last_mse"], rel=1e-9)
    assert (copy.path / "out/errors.pdf").is_file()


def test_add_a_study(copy: Copy) -> None:
    study = yaml.safe_load(blocks("Add a study")["study.yaml"])
    copy.configure(**study)
    names = {f"fno__width_{width}": f"fno__width_{width}" for width in (4, 12)}
    names["fno"] = "fno"  # the width that it has
    jobs = [job for name in names for job in (train(name), evaluate(name, name))]
    show = ["--study", "width", "CONFIG", "--output"]
    folders = [f"out/simulation/{name}" for name in names]
    copy.run(
        CHECK,
        *jobs,
        ["table", *show, "out/study.csv", *folders],
        ["figure", "study", *show, "out/study.png", *folders],
    )
    rows = pd.read_csv(copy.path / "out/study.csv")
    assert len(rows) == 3
    parameters = [copy.metrics(name)["cost"]["parameters"] for name in names]
    assert len(set(parameters)) == 3, "the models have the same size"
    assert "Width of the FNO" in (copy.path / "out/study.md").read_text(encoding="utf-8")


def test_add_a_system(copy: Copy) -> None:
    shutil.copy2(Path(__file__).parent / "decay.py", copy.path / "wdno/systems/decay.py")
    shutil.rmtree(copy.path / "data")
    section = {
        "options": {"grid": {"time": 16, "x": 24}},
        "data": {"samples": {"train": 16, "validation": 4, "test": 4}},
        "tasks": {"simulation": {"methods": ["fno", "persistence"]}},
    }
    copy.configure(
        systems={"advection": None, "decay": section},
        evaluation={"reference": "fno", "show": ["fno"]},
    )
    show = ["--task", "simulation", "CONFIG", "--output"]
    folders = ["out/simulation/fno", "out/simulation/persistence"]
    copy.run(
        CHECK,
        DOCUMENT,
        *generate("decay"),
        train("fno", "decay"),
        evaluate("fno", "fno", "decay"),
        evaluate("persistence", "", "decay"),
        ["table", *show, "out/table.csv", *folders],
        ["figure", "trajectories", *show, "out/trajectories.png", *folders],
    )
    _documented(copy, "decay", "Rate of decay.")
    rows = pd.read_csv(copy.path / "out/table.csv")
    assert set(rows["title"]) == {"Decaying waves"}
