"""Stages from data to records and from records to tables, with names of the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from synthetic_evaluations import changed, evaluation
from waves import make_data

from wdno import config as configuration
from wdno.config import ConfigError
from wdno.data.statistics import write_statistics
from wdno.evaluation.record import EvaluationError, Record
from wdno.stages import _read, paper, tables
from wdno.stages.evaluate import evaluate
from wdno.text_tables import number

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path) -> list[Path]:
    """The tiny run, with a name for its system and one for a method."""
    own: dict[str, Any] = {
        "systems": {"burgers": {"title": "Burgers, small"}},
        "methods": {"fno": {"label": "FNO (ours)"}},
        "evaluation": {"bootstrap": 50, "digits": 4},
    }
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(own))
    return [ROOT / "config/config.yaml", ROOT / "tests/config/tiny.yaml", overlay]


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Records of the methods of the run, named by their keys alone."""
    made = []
    for method in ("wdno", "ddpm", "fno", "persistence"):
        made.append(tmp_path / "records" / method)
        evaluation(method, label="").write(made[-1])
    return made


def test_records_are_named_by_the_configuration(config: list[Path], folders: list[Path]) -> None:
    found = _read.records(configuration.load(*config), folders, examples=False)
    assert [record.label for record in found][2] == "FNO (ours)"
    assert {record.title for record in found} == {"Burgers, small"}
    assert found[0].examples is None
    whole = _read.records(configuration.load(*config), folders[:1], examples=True)
    assert whole[0].shown().sizes["example"] == 3


def test_a_stand_in_keeps_its_name(config: list[Path], tmp_path: Path) -> None:
    changed(evaluation("fno"), stand_in=True).write(tmp_path / "a")
    found = _read.records(configuration.load(*config), [tmp_path / "a"], examples=False)
    assert found[0].title == "Burgers equation"


def test_the_title_of_the_data_is_kept_where_there_is_no_other(
    config: list[Path], folders: list[Path]
) -> None:
    found = _read.records(configuration.load(*config[:2]), folders[:1], examples=False)
    assert found[0].title == "Burgers equation"


def test_records_of_what_is_not_configured_are_refused(config: list[Path], tmp_path: Path) -> None:
    loaded = configuration.load(*config)
    for name, changes in (("a", {"method": "unet"}), ("b", {"system": "advection"})):
        changed(evaluation("fno"), **changes).write(tmp_path / name)
    with pytest.raises(EvaluationError, match=r"a: the record is of .*'unet'.*the methods wdno"):
        _read.records(loaded, [tmp_path / "a"], examples=False)
    with pytest.raises(ConfigError, match="advection"):
        _read.records(loaded, [tmp_path / "b"], examples=False)


def test_the_table_of_a_task(config: list[Path], folders: list[Path], tmp_path: Path) -> None:
    tables.table(config, "simulation", folders, tmp_path / "simulation.csv")
    found = pd.read_csv(tmp_path / "simulation.csv")
    assert found["method"].tolist() == ["wdno", "ddpm", "fno", "persistence"]
    assert found["label"].tolist()[2] == "FNO (ours)"
    assert found["mse"].tolist()[2] == Record.read(folders[2]).mean("mse")
    text = (tmp_path / "simulation.md").read_text()
    assert "## Burgers, small: errors on 12 test cases" in text
    assert "| FNO (ours)" in text
    for suffix in ("tex", "html"):
        assert "Burgers, small" in (tmp_path / f"simulation.{suffix}").read_text()


def test_a_table_takes_records_of_its_task_alone(
    config: list[Path], folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = [changed(Record.read(folders[0]), task="control")]
    monkeypatch.setattr(_read, "records", lambda *_, **__: read)
    message = r"wdno: the record is of the task 'control', expected 'simulation'"
    with pytest.raises(EvaluationError, match=message):
        tables.table(config, "simulation", folders[:1], tmp_path / "simulation.csv")


def test_a_baseline_is_evaluated_and_written(config: list[Path], tmp_path: Path) -> None:
    test = make_data(tmp_path / "test.nc", count=6)
    write_statistics(test, tmp_path / "statistics.nc")
    files = {"test": test}, tmp_path / "statistics.nc"
    task = ("burgers", "simulation")
    evaluate(config, *task, "persistence", 0, *files, {}, tmp_path / "out", 1)
    record = Record.read(tmp_path / "out")
    assert (record.identity.run, record.system, record.method) == ("tiny", "burgers", "persistence")
    assert (record.cases, record.shown().sizes["example"]) == (6, 2)
    with pytest.raises(ConfigError, match="'wdno' needs --model of: model; given: none"):
        evaluate(config, *task, "wdno", 0, *files, {}, tmp_path / "out", 1)
    model = {"model": tmp_path / "model.safetensors"}
    with pytest.raises(ConfigError, match="'persistence' needs --model of: none; given: model"):
        evaluate(config, *task, "persistence", 0, *files, model, tmp_path / "out", 1)
    wrong = {"fine": test}, tmp_path / "statistics.nc"
    with pytest.raises(ConfigError, match="needs --data of: test; given: fine"):
        evaluate(config, *task, "persistence", 0, *wrong, {}, tmp_path / "out", 1)
    with pytest.raises(ConfigError, match=r"systems.burgers.tasks: 'control' is not configured"):
        evaluate(config, "burgers", "control", "wdno", 0, *files, {}, tmp_path / "out", 1)


def test_pages_of_the_paper(config: list[Path], folders: list[Path], tmp_path: Path) -> None:
    paper.paper(config, folders, [], tmp_path / "paper")
    text = (tmp_path / "paper/table_01.md").read_text(encoding="utf-8")
    assert "FNO (ours) (`fno`)" in text, "found by what it is, called as the configuration does"
    assert "FNO (ours): network fno, modes 4, width 8, layers 2" in text
    assert "training samples 24 (paper: 40000)" in text
    (first,) = [line for line in text.splitlines() if line.startswith("| WDNO ") and "wdno" in line]
    mean = Record.read(folders[0]).mean("mse")
    assert number(mean, 4) in first


def test_pages_refuse_records_that_do_not_fit_together(
    config: list[Path], folders: list[Path], tmp_path: Path
) -> None:
    other = changed(evaluation("fno", label=""), representation="wavelet", seed=1)
    other.write(tmp_path / "other")
    with pytest.raises(EvaluationError, match="seeds of one method must agree in representation"):
        paper.paper(config, [*folders, tmp_path / "other"], [], tmp_path / "paper")
    assert not (tmp_path / "paper").exists()
