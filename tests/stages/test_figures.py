"""Stages from records, logs and data to figures, with names of the configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from drawn_figures import legend, with_scores
from markdown import read_markdown
from synthetic_evaluations import changed, evaluation
from waves import make_data

from wdno import config as configuration
from wdno.config import ConfigError
from wdno.data.netcdf import DataError
from wdno.data.statistics import write_statistics
from wdno.evaluation.record import EvaluationError
from wdno.stages import figures, tables
from wdno.studies.expand import variations

ROOT = Path(__file__).parents[2]


def config_of(tmp_path: Path, **own: Any) -> list[Path]:
    """The tiny run with changes."""
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(own))
    return [ROOT / "config/config.yaml", ROOT / "tests/config/tiny.yaml", overlay]


def test_a_figure_of_a_task(tmp_path: Path, drawn: list[Any]) -> None:
    names = {
        "systems": {"burgers": {"title": "Burgers, small"}},
        "methods": {"fno": {"label": "F"}},
    }
    config = config_of(tmp_path, **names)
    folders = [tmp_path / name for name in ("wdno", "fno")]
    for folder in folders:
        evaluation(folder.name, label="").write(folder)
    output = tmp_path / "figures" / "burgers_simulation_error_over_time.png"
    figures.figure(config, "simulation", "error_over_time", folders, output)
    assert {path.suffix for path in output.parent.iterdir()} == {".png", ".pdf"}
    assert legend(drawn[0])[1] == "F"
    assert drawn[0].axes[0].get_title() == "Burgers, small"
    with pytest.raises(ConfigError, match="unknown figure 'scene': the task 'simulation' has traj"):
        figures.figure(config, "simulation", "scene", folders, output)
    with pytest.raises(ValueError, match="unknown task 'absent'"):
        figures.figure(config, "absent", "spectra", folders, output)


def test_losses_stand_with_those_that_they_compare_with(tmp_path: Path, drawn: list[Any]) -> None:
    stepping = {"objective": {"name": "regression", "stepping": {"unroll": 1, "windows": 1}}}
    config = config_of(tmp_path, models={"fno": stepping}, systems={"burgers": {"title": "B"}})
    logs = []
    for model in ("wdno", "ddpm", "fno"):
        logs.append(tmp_path / "models" / model / "seed0" / "train.jsonl")
        logs[-1].parent.mkdir(parents=True)
        rows = [{"step": k, "loss": 1 / k, "validation_loss": 1 / k, "seconds": k} for k in (1, 2)]
        logs[-1].write_text("\n".join(map(json.dumps, rows)))
    write_statistics(make_data(tmp_path / "train.nc", count=4), tmp_path / "statistics.nc")
    known = (config, "burgers", "simulation", tmp_path / "statistics.nc")
    figures.training(*known, logs, tmp_path / "figures" / "a.png")
    groups = [axis.get_title(loc="left") for axis in drawn[0].axes[::2]]
    assert groups == [
        "diffusion, wavelet",
        "diffusion, identity",
        "regression, frame to frame, identity",
    ]
    assert drawn[0].get_suptitle() == "B: simulation"
    with pytest.raises(ConfigError, match=r"models\.absent: not configured"):
        absent = [Path("models/absent/seed0/train.jsonl")]
        figures.training(*known, absent, tmp_path / "figures" / "a.png")


def test_models_of_the_same_name_are_told_apart(tmp_path: Path, drawn: list[Any]) -> None:
    config = config_of(tmp_path, models={"ddpm": {"label": "Net"}, "fno": {"label": "Net"}})
    logs = []
    for model in ("wdno", "ddpm", "fno"):
        logs.append(tmp_path / "models" / model / "seed0" / "train.jsonl")
        logs[-1].parent.mkdir(parents=True)
        rows = [{"step": k, "loss": 1 / k, "validation_loss": 1 / k, "seconds": k} for k in (1, 2)]
        logs[-1].write_text("\n".join(map(json.dumps, rows)))
    write_statistics(make_data(tmp_path / "train.nc", count=4), tmp_path / "statistics.nc")
    known = (config, "burgers", "simulation", tmp_path / "statistics.nc")
    figures.training(*known, logs, tmp_path / "figures" / "a.png")
    assert legend(drawn[0])[:3] == ["WDNO", "Net (ddpm)", "Net (fno)"]


def test_a_scene(tmp_path: Path, waves_file: Path) -> None:
    with pytest.raises(DataError, match="has no scene"):
        figures.scene(waves_file, tmp_path / "a.png")


STUDY = {
    "label": "Steps",
    "task": "simulation",
    "systems": ["burgers"],
    "of": ["wdno", "ddpm"],
    "vary": {"sampler.eta": [0.0, 1.0], "sampler.steps": [1, 2, 20]},
}


def test_a_study_from_configuration_to_table_and_figure(tmp_path: Path, drawn: list[Any]) -> None:
    config = config_of(tmp_path, studies={"steps": STUDY}, evaluation={"digits": 2})
    loaded = configuration.load(*config)
    folders = []
    for k, one in enumerate(variations(loaded, "steps", "burgers")):
        record = changed(evaluation(one.of), method=one.method)
        folders.append(tmp_path / "records" / one.method)
        with_scores(record, mse=np.full(record.cases, 1.0 + k)).write(folders[-1])
    tables.study(config, "steps", folders, tmp_path / "study_steps.csv")
    frame = pd.read_csv(tmp_path / "study_steps.csv")
    assert frame["of"].tolist() == ["wdno"] * 6 + ["ddpm"] * 6
    assert frame["label"].tolist()[::6] == ["WDNO", "DDPM"]
    assert frame["sampler.steps"].tolist() == [1, 2, 20] * 4
    assert frame["mse"].tolist() == [float(k) for k in range(1, 13)]
    (table,) = read_markdown((tmp_path / "study_steps.md").read_text())
    assert table["MSE"].tolist()[:2] == ["**1.0**", "_2.0_"], "two digits, as configured"
    assert table["Steps"].tolist()[:3] == ["1", "2", "20"]
    figures.study(config, "steps", folders, tmp_path / "study_steps.png")
    axis = drawn[0].axes[0]
    assert (axis.get_xlabel(), axis.get_xscale(), axis.get_ylabel()) == ("steps", "log", "MSE")
    assert legend(drawn[0]) == ["WDNO, eta 0", "WDNO, eta 1", "DDPM, eta 0", "DDPM, eta 1"]
    assert [next(iter(line.get_ydata())) for line in axis.lines] == [1.0, 4.0, 7.0, 10.0]
    with pytest.raises(EvaluationError, match="has no evaluation"):
        figures.study(config, "steps", folders[:-1], tmp_path / "study_steps.png")
    with pytest.raises(ConfigError, match="absent"):
        figures.study(config, "absent", folders, tmp_path / "study_steps.png")


def test_a_study_compares_by_the_first_of_its_metrics(tmp_path: Path, drawn: list[Any]) -> None:
    study = {**STUDY, "of": ["wdno"], "metrics": ["spectrum_error", "mse"]}
    config = config_of(tmp_path, studies={"steps": study})
    folders = []
    for one in variations(configuration.load(*config), "steps", "burgers"):
        folders.append(tmp_path / "records" / one.method)
        changed(evaluation(one.of), method=one.method).write(folders[-1])
    figures.study(config, "steps", folders, tmp_path / "study_steps.png")
    assert drawn[0].axes[0].get_ylabel() == "Spectrum error"
