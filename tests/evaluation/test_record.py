from __future__ import annotations

import dataclasses
import json
import math
import shutil

import numpy as np
import pytest
import xarray as xr
from synthetic_evaluations import evaluation, evaluations, scene

from wdno.evaluation.grouping import group, only_system
from wdno.evaluation.record import Evaluation, EvaluationError

CASES = [
    ("wdno", {"samples": 4}),
    ("persistence", {}),
    ("fno", {"fields": ("density", "velocity", "pressure")}),
    ("ddpm", {"grid": (4, 6, 8), "system": "smoke"}),
    ("wdno", {"grid": (4, 6, 8), "fields": ("d", "v"), "series": ("share", "rest"), "samples": 2}),
    (
        "wdno",
        {
            "grid": (4, 6, 8),
            "scene": scene(),
            "example_given": np.ones((3, 1, 6, 8)),
            "given_time": -1.5,
        },
    ),
]


def assert_same(found: Evaluation, expected: Evaluation) -> None:
    for item in dataclasses.fields(Evaluation):
        one, other = getattr(found, item.name), getattr(expected, item.name)
        if item.name == "scores":
            assert list(one.fields) == list(other.fields)
            assert list(one.series) == list(other.series)
            for name, values in other.cases.items():
                assert np.array_equal(one.cases[name], values), name
            items = one.fields | one.series
            for field, metrics in (other.fields | other.series).items():
                for name, values in metrics.items():
                    assert np.array_equal(items[field][name], values), (field, name)
            arrays = ("mse_over_time", "series_mse_over_time", "wavenumber")
            for name in (*arrays, "spectrum_truth", "spectrum_prediction"):
                assert np.array_equal(getattr(one, name), getattr(other, name)), name
        elif item.name == "coordinates":
            assert list(one) == list(other)
            assert all(np.array_equal(one[name], other[name]) for name in other)
        elif item.name == "scene" and other is not None:
            for name in ("y", "x", "obstacle", "bucket", "control_frame", "target"):
                assert np.array_equal(getattr(one, name), getattr(other, name)), name
        elif item.name.startswith("example") and other is not None:
            assert one == pytest.approx(other, rel=1e-6), item.name
        else:
            assert one == other, f"{item.name}: {one} is not {other}"


@pytest.mark.parametrize(("method", "options"), CASES)
def test_what_is_written_is_read(tmp_path, method, options):
    record = evaluation(method, **options)
    record.write(tmp_path / "a" / "seed0")
    assert_same(Evaluation.read(tmp_path / "a" / "seed0"), record)
    assert sorted(path.name for path in (tmp_path / "a" / "seed0").iterdir()) == [
        "evaluation.nc",
        "metrics.json",
    ]


def test_the_json_file_serves_others(tmp_path):
    record = evaluation("wdno", samples=2, fields=("u", "v"), seconds_per_trajectory=math.nan)
    record.write(tmp_path)
    values = json.loads((tmp_path / "metrics.json").read_text())
    assert values["mse"] == record.scores.cases["mse"].mean()
    assert values["fields"]["v"]["crps"] == record.scores.fields["v"]["crps"].mean()
    assert values["grid"] == {"time": 16, "x": 24}
    assert values["cases"] == 12
    assert values["sampler"] == {"name": "ddim", "steps": 10, "eta": 0.0, "spacing": "uniform"}
    assert values["seconds_per_trajectory"] is None
    assert math.isnan(Evaluation.read(tmp_path).seconds_per_trajectory)


def test_the_netcdf_file_describes_itself_and_is_compressed(tmp_path):
    evaluation("wdno").write(tmp_path)
    with xr.open_dataset(tmp_path / "evaluation.nc") as dataset:
        assert dataset["example_truth"].dims == ("example", "field", "time", "x")
        assert dataset["x"].attrs["units"] == "m"
        assert dataset["mse"].sizes == {"case": 12}
        assert dataset["example_truth"].encoding["zlib"]
        assert dataset.attrs["method"] == "wdno"


def test_errors_that_are_not_finite_survive(tmp_path):
    record = evaluation("wdno")
    record.scores.cases["mse"][3] = math.nan
    record.write(tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text())["mse"] is None
    assert math.isnan(Evaluation.read(tmp_path).metrics["mse"])


@pytest.mark.parametrize("name", ["metrics.json", "evaluation.nc"])
@pytest.mark.parametrize("damage", ["absent", "empty", "half", "most"])
def test_damaged_files_are_named(tmp_path, name, damage):
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
        Evaluation.read(tmp_path)


def test_records_that_lack_a_value_or_belong_to_others_are_refused(tmp_path):
    evaluation("wdno").write(tmp_path / "a")
    evaluation("wdno", seed=1).write(tmp_path / "b")
    shutil.copy(tmp_path / "a" / "metrics.json", tmp_path / "b" / "metrics.json")
    with pytest.raises(EvaluationError, match="are of different evaluations"):
        Evaluation.read(tmp_path / "b")
    path = tmp_path / "a" / "metrics.json"
    values = json.loads(path.read_text())
    del values["parameters"]
    path.write_text(json.dumps(values))
    with pytest.raises(EvaluationError, match="lacks 'parameters'"):
        Evaluation.read(tmp_path / "a")


def test_shapes_that_do_not_fit_are_refused():
    record = evaluation("wdno")
    with pytest.raises(EvaluationError, match=r"example_truth has shape \(3, 1, 16, 23\)"):
        dataclasses.replace(record, example_truth=record.example_truth[..., :-1])
    with pytest.raises(EvaluationError, match=r"\[examples, series, time\] = \(3, 0, 16\)"):
        dataclasses.replace(record, example_series_truth=np.zeros((3, 1, 16)))
    with pytest.raises(EvaluationError, match=r"example_given .* \[examples, fields, \*space\]"):
        dataclasses.replace(record, example_given=np.zeros((3, 1, 16, 24)))
    axes = dict(reversed(record.coordinates.items()))
    swapped = {f"example_{name}": np.zeros((3, 1, 24, 16)) for name in ("truth", "prediction")}
    with pytest.raises(EvaluationError, match="must begin with 'time'"):
        dataclasses.replace(record, coordinates=axes, **swapped)


def test_groups_keep_the_order_of_methods_and_sort_seeds():
    records = evaluations(("fno", "wdno"), seeds=2)
    systems = group([*reversed(records), evaluation("fno", system="advection")])
    assert list(systems) == ["burgers", "advection"]
    assert list(systems["burgers"]) == ["wdno", "fno"]
    assert [record.seed for record in systems["burgers"]["fno"]] == [0, 1]
    assert list(only_system(records, ["wdno"])) == ["wdno"]


@pytest.mark.parametrize(
    ("records", "methods", "message"),
    [
        ([], None, "at least one evaluation"),
        ([("wdno", {}), ("wdno", {})], None, "method 'wdno', seed 0: given twice"),
        ([("wdno", {})], ["wdno", "fno"], "method 'fno' has no evaluation; there are: wdno"),
        ([("wdno", {}), ("fno", {"cases": 5})], None, "must agree in cases, found 12 .* and 5"),
        ([("wdno", {}), ("fno", {"run": "paper"})], None, "must agree in run"),
        ([("wdno", {}), ("wdno", {"seed": 1, "samples": 2})], None, "must agree in samples"),
        ([("wdno", {}), ("wdno", {"seed": 1, "grid": (8, 8)})], None, "must agree in grid"),
    ],
)
def test_records_that_do_not_belong_together(records, methods, message):
    with pytest.raises(EvaluationError, match=message):
        group([evaluation(name, **options) for name, options in records], methods)


def test_one_system_is_asked_for():
    with pytest.raises(EvaluationError, match="of one system, got burgers, advection"):
        only_system([evaluation("wdno"), evaluation("wdno", system="advection")])
