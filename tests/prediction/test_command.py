"""`wdno predict`: a file that is whole, or none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import netCDF4
import pytest
import xarray as xr
from saved_models import DDIM, content, spoilt

import wdno
from wdno import model as models
from wdno.cli import app
from wdno.data.netcdf import DataError
from wdno.files import DiskFullError


def cli(*arguments: object) -> Any:
    from typer.testing import CliRunner

    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


def test_the_command_line_writes_the_same(file: Path, drawing: Path, tmp_path: Path) -> None:
    output = tmp_path / "made" / "ensemble.nc"
    options = ["--samples", 2, "--seed", 3, "--cases", 4, "--batch-size", 3, "--device", "cpu"]
    drawn_by = ["--sampler", "ddim", "--steps", 2, "--eta", 1, "--option", "spacing=log_snr"]
    done = cli(drawing, file, "--output", output, *options, *drawn_by, "--threads", 1)
    assert done.exit_code == 0, done.output
    sampler = {**DDIM, "spacing": "log_snr"}
    given: dict[str, Any] = {"samples": 2, "seed": 3, "cases": 4, "batch_size": 3}
    expected = wdno.predict(drawing, file, sampler=sampler, **given)
    found = content(output)
    xr.testing.assert_equal(found, expected)
    for changing in ("history", "date_created"):
        found.attrs.pop(changing), expected.attrs.pop(changing)
    assert found.attrs == expected.attrs
    assert [path.name for path in output.parent.iterdir()] == ["ensemble.nc"]
    with netCDF4.Dataset(output) as stored:
        filled = [name for name in ("time", "x") if "_FillValue" in stored[name].ncattrs()]
        assert not filled, "coordinates have no missing values"
        assert stored["u"].chunking() == [4, 1, 16, 24], "a member is read at a time"
    again = cli(drawing, output, "--output", tmp_path / "b.nc")
    assert isinstance(again.exception, DataError), "an ensemble is no file of cases"


@pytest.mark.parametrize(
    ("output", "error", "words"),
    [
        ("ensemble.csv", ValueError, "expected a name that ends in .nc"),
        ("folder.nc", ValueError, "a folder of that name exists"),
        ("inputs.nc", ValueError, "is the file of the cases"),
        ("full.nc", DiskFullError, r"no room to write .*full.nc: 10 bytes free, up to 9.2 kB"),
    ],
)
def test_outputs_that_cannot_be_are_refused_before_anything_is_drawn(
    file: Path,
    regression: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    error: type[Exception],
    words: str,
) -> None:
    (tmp_path / "folder.nc").mkdir()
    shutil.copy(file, tmp_path / "inputs.nc")
    before = sorted(tmp_path.iterdir())
    if output == "full.nc":
        monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 10))
    monkeypatch.setattr(models.Model, "predict", lambda *_: pytest.fail("it was drawn"))
    done = cli(regression, tmp_path / "inputs.nc", "--output", tmp_path / output)
    assert isinstance(done.exception, error), done.output
    with pytest.raises(error, match=words):
        raise done.exception
    assert sorted(tmp_path.iterdir()) == before


def test_a_case_is_refused_before_any_is_drawn(
    file: Path, regression: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.Model, "predict", lambda *_: pytest.fail("it was drawn"))
    spoilt(content(file), "f", 7).to_netcdf(tmp_path / "inputs.nc")
    done = cli(regression, tmp_path / "inputs.nc", "--output", tmp_path / "a.nc", "--batch-size", 1)
    assert isinstance(done.exception, DataError)
    assert [path.name for path in tmp_path.iterdir()] == ["inputs.nc"]


def test_options_of_the_command_line_are_refused(file: Path, drawing: Path, tmp_path: Path) -> None:
    for option in ("spacing", "eta=0.5", "name=ddim"):
        done = cli(drawing, file, "--output", tmp_path / "a.nc", "--option", option)
        assert done.exit_code == 2 and "expected NAME=VALUE" in done.output
    done = cli(tmp_path / "absent.safetensors", file, "--output", tmp_path / "a.nc")
    assert "there is no file" in str(done.exception)
    done = cli(drawing, tmp_path / "absent.nc", "--output", tmp_path / "a.nc")
    assert isinstance(done.exception, DataError) and "absent.nc: not found" in str(done.exception)
    (tmp_path / "cut.nc").write_bytes(file.read_bytes()[:3000])
    done = cli(drawing, tmp_path / "cut.nc", "--output", tmp_path / "a.nc")
    assert isinstance(done.exception, DataError) and "not a complete NetCDF" in str(done.exception)


def test_nothing_is_left_of_a_prediction_that_is_stopped(
    file: Path, regression: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*arguments: Any, **options: Any) -> None:
        Path(arguments[1]).write_bytes(b"a part of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(xr.Dataset, "to_netcdf", stopped)
    done = cli(regression, file, "--output", tmp_path / "a.nc")
    assert done.exit_code, done.output
    assert not list(tmp_path.iterdir())
