from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from wdno.data.card import data_card, write_data_card
from wdno.text_tables import number


def write_split(path, values: np.ndarray) -> None:
    dims = ("sample", "time", "x")
    attributes = {"units": "m/s", "role": "state"}
    dataset = xr.Dataset({"u": (dims, values.astype("float32"), attributes)})
    dataset.attrs = {"system": "burgers", "title": "Burgers equation", "given_frames": 1}
    chunks = {"zlib": True, "complevel": 4, "chunksizes": (2, *values.shape[1:])}
    dataset.to_netcdf(path, engine="netcdf4", encoding={"u": chunks})


def test_data_card(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    values = rng.exponential(size=(40, 5, 8)) + 100.0
    values[3, 2, 1] = np.nan
    write_split(tmp_path / "train.nc", values)
    write_split(tmp_path / "test.nc", np.full((4, 5, 8), 2.0))
    # Small blocks, so that the moments are put together from several.
    monkeypatch.setattr("wdno.data.card.BLOCK_BYTES", 2000)
    card = data_card({"train": tmp_path / "train.nc", "test": tmp_path / "test.nc"})
    train, test = card.iloc[0], card.iloc[1]
    finite = values[np.isfinite(values)].astype("float32").astype(float)
    assert train["samples"] == 40
    assert train["dimensions"] == "40 x 5 x 8 (sample, time, x)"
    assert (train["chunks"], train["compression"]) == ("2 x 5 x 8", "zlib 4")
    assert (train["values"], train["non_finite"]) == (1600, 1)
    assert (train["minimum"], train["maximum"]) == (finite.min(), finite.max())
    assert train["mean"] == pytest.approx(finite.mean(), rel=1e-12)
    assert train["standard_deviation"] == pytest.approx(finite.std(), rel=1e-10)
    cubed, fourth = ((finite - finite.mean()) ** 3).mean(), ((finite - finite.mean()) ** 4).mean()
    assert train["skewness"] == pytest.approx(cubed / finite.std() ** 3, rel=1e-8)
    assert train["excess_kurtosis"] == pytest.approx(fourth / finite.var() ** 2 - 3, rel=1e-8)
    assert test["standard_deviation"] == 0
    assert math.isnan(test["skewness"])
    assert test["file_bytes"] == (tmp_path / "test.nc").stat().st_size
    write_data_card(card, tmp_path / "card", "burgers")
    rows = [line for line in (tmp_path / "card.md").read_text().splitlines() if "| u " in line]
    assert len(rows) == 2
    assert f" {number(finite.mean())} |" in rows[0]
    assert " 2.00 |" in rows[1]
    assert len(pd.read_csv(tmp_path / "card.csv")) == 2


def test_data_card_of_damaged_or_no_files(tmp_path):
    (tmp_path / "a.nc").write_bytes(b"CDF")
    with pytest.raises(ValueError, match=r"a\.nc"):
        data_card({"train": tmp_path / "a.nc"})
    with pytest.raises(ValueError, match="at least one split"):
        data_card({})
