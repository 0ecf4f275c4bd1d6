"""Records on disk: what is written is read, and damage is named."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from synthetic_evaluations import changed, evaluation, scene

from wdno.evaluation.metric import Metric, MetricError, Metrics
from wdno.evaluation.record import EvaluationError, Record
from wdno.tasks.simulation.metrics import METRICS

FILES = ("metrics.json", "scores.nc", "examples.nc")
CASES = [
    ("wdno", {"samples": 4}),
    ("persistence", {"blocks": range(12)}),
    ("fno", {"fields": ("density", "velocity", "pressure")}),
    ("ddpm", {"grid": (4, 6, 8), "system": "smoke", "stand_in": True}),
    ("wdno", {"grid": (4, 6, 8), "fields": ("d", "v"), "series": ("share", "rest"), "samples": 2}),
    ("wdno", {"grid": (4, 6, 8), "scene": scene(), "given_time": -1.5}),
    ("fno", {"stepwise": True, "options": {"guidance": 2.5}}),
]


@pytest.mark.parametrize(("method", "options"), CASES)
def test_what_is_written_is_read(tmp_path: Path, method: str, options: dict) -> None:
    record = evaluation(method, **options)
    folder = tmp_path / "a" / "seed0"
    record.write(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    found = Record.read(folder)
    for name in ("identity", "design", "cost", "provenance"):
        assert getattr(found, name) == getattr(record, name), name
    xr.testing.assert_equal(found.scores, record.scores)
    xr.testing.assert_equal(found.shown(), record.shown())
    assert found.shown().attrs["given_time"] == options.get("given_time", 0.0)
    assert found.shown()["time"].attrs["units"] == "s"


def test_names_for_readers_are_no_part_of_a_record(tmp_path: Path) -> None:
    evaluation("wdno", label="WDNO, best").write(tmp_path)
    assert Record.read(tmp_path).label == "wdno"
    assert "WDNO" not in (tmp_path / "metrics.json").read_text()


def test_examples_are_read_only_where_they_are_wanted(tmp_path: Path) -> None:
    record = evaluation("wdno")
    record.write(tmp_path)
    (tmp_path / "examples.nc").unlink()
    found = Record.read(tmp_path, examples=False)
    xr.testing.assert_equal(found.scores, record.scores)
    with pytest.raises(EvaluationError, match="'wdno', seed 0: the record was read without its"):
        found.shown()
    with pytest.raises(EvaluationError, match=r"examples.nc does not exist: evaluate the method"):
        Record.read(tmp_path)


def test_scores_by_name_and_item() -> None:
    record = evaluation("fno", fields=("u", "v"), series=("share",))
    errors = record.shown()["prediction"] - record.shown()["truth"]
    first = (errors.sel(field="v").astype(float) ** 2).mean(("time", "x"))
    np.testing.assert_allclose(record.score_of("field", "v", "mse")[:3], first, rtol=1e-5)
    assert record.mean("mse") == record.scores["mse"].to_numpy().mean()
    assert record.kinds == ["field", "series"]
    assert (record.items("field"), record.items("series")) == (["u", "v"], ["share"])
    assert np.isnan(record.score("mass_error")).tolist() == [True] * 12
    assert np.isnan(record.score_of("field", "w", "mse")).all()
    assert np.isnan(record.score_of("field", "v", "mass_error")).all()
    assert evaluation("fno").items("series") == []


def test_scores_without_a_metric_are_refused() -> None:
    record = evaluation("fno", fields=("u", "v"))
    record.check(METRICS)
    known = Metrics(Metric(name, name, "1") for name in METRICS if name != "max_error")
    with pytest.raises(MetricError, match="score 'max_error' has no metric: add a `Metric`"):
        record.check(known)
    scores = record.scores.drop_vars("max_error")
    with pytest.raises(MetricError, match="score 'max_error' has no metric"):
        dataclasses.replace(record, scores=scores).check(known)


def test_the_json_file_serves_others(tmp_path: Path) -> None:
    record = evaluation("wdno", samples=2, fields=("u", "v"), seconds=math.nan)
    record.write(tmp_path)
    values = json.loads((tmp_path / "metrics.json").read_text())
    assert values["scores"]["mse"] == record.scores["mse"].to_numpy().mean()
    assert values["by_field"]["v"]["crps"] == record.score_of("field", "v", "crps").mean()
    assert values["identity"]["grid"] == {"time": 16, "x": 24}
    assert values["cases"] == 12
    sampler = {"name": "ddim", "steps": 10, "eta": 0.0, "spacing": "uniform"}
    assert values["design"]["sampler"] == sampler
    assert values["cost"]["seconds"] is None
    assert math.isnan(Record.read(tmp_path).cost.seconds)


def test_the_netcdf_files_describe_themselves_and_are_compressed(tmp_path: Path) -> None:
    evaluation("wdno").write(tmp_path)
    with xr.open_dataset(tmp_path / "examples.nc") as dataset:
        assert dataset["truth"].dims == ("example", "field", "time", "x")
        assert dataset["x"].attrs["units"] == "m"
        assert json.loads(dataset.attrs["units"]) == {"u": "m/s"}
        assert dataset["truth"].encoding["zlib"]
    with xr.open_dataset(tmp_path / "scores.nc") as dataset:
        assert dataset["mse"].sizes == {"case": 12}
        assert json.loads(dataset.attrs["identity"])["method"] == "wdno"
        assert json.loads(dataset.attrs["provenance"])["commit"] == "abc"


def test_errors_that_are_not_finite_survive(tmp_path: Path) -> None:
    record = evaluation("wdno")
    record.scores["mse"][3] = math.nan
    record.write(tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text())["scores"]["mse"] is None
    assert math.isnan(Record.read(tmp_path).mean("mse"))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["absent", "empty", "half", "most"])
def test_damaged_files_are_named(tmp_path: Path, name: str, damage: str) -> None:
    evaluation("wdno").write(tmp_path)
    path = tmp_path / name
    content = path.read_bytes()
    keep = {"empty": 0, "half": len(content) // 2, "most": len(content) - 20}
    if damage == "absent":
        path.unlink()
    else:
        path.write_bytes(content[: keep[damage]])
    reason = "does not exist" if damage == "absent" else "damaged"
    with pytest.raises(EvaluationError, match=f"{name}.*{reason}"):
        Record.read(tmp_path)


@pytest.mark.parametrize("foreign", FILES)
def test_files_of_different_evaluations_are_refused(tmp_path: Path, foreign: str) -> None:
    evaluation("wdno").write(tmp_path / "a")
    evaluation("wdno", seed=1).write(tmp_path / "b")
    shutil.copy(tmp_path / "a" / foreign, tmp_path / "b" / foreign)
    with pytest.raises(EvaluationError, match="are of different evaluations; evaluate again"):
        Record.read(tmp_path / "b")


def test_numbers_of_another_evaluation_of_the_same_method_are_refused(tmp_path: Path) -> None:
    evaluation("wdno").write(tmp_path / "a")
    evaluation("wdno", scale=0.2).write(tmp_path / "b")
    shutil.copy(tmp_path / "a" / "metrics.json", tmp_path / "b" / "metrics.json")
    with pytest.raises(EvaluationError, match="are of different evaluations"):
        Record.read(tmp_path / "b")


@pytest.mark.parametrize("part", ["identity", "design", "cost", "provenance"])
def test_a_record_that_lacks_a_part_is_refused(tmp_path: Path, part: str) -> None:
    evaluation("wdno").write(tmp_path)
    path = tmp_path / "metrics.json"
    values = json.loads(path.read_text())
    del values[part]
    path.write_text(json.dumps(values))
    with pytest.raises(EvaluationError, match=f"lacks '{part}'; it was not written by this"):
        Record.read(tmp_path)


def test_scores_need_cases() -> None:
    record = evaluation("wdno")
    with pytest.raises(EvaluationError, match="'wdno', seed 0: scores have no dimension 'case'"):
        dataclasses.replace(record, scores=record.scores.rename(case="sample"))
    assert changed(record, method="other").label == "WDNO"


def test_the_order_in_memory_does_not_count(tmp_path: Path) -> None:
    """Sums of values that lie otherwise in memory round differently."""
    numbers = np.random.default_rng(0).lognormal(sigma=3.0, size=(37, 3))
    scores = xr.Dataset(
        {"mse": ("case", numbers.mean(1)), "field_mse": (("field", "case"), numbers.T)},
        coords={"case": np.arange(37), "field": ["u", "v", "w"]},
    )
    assert not scores["field_mse"].values.flags.c_contiguous
    dataclasses.replace(evaluation("wdno"), scores=scores).write(tmp_path)
    found = Record.read(tmp_path, examples=False)
    np.testing.assert_array_equal(found.score_of("field", "v", "mse"), numbers[:, 1])
