"""The real sample, what stands in for it, and real files of other dialects, through the system."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from archive_files import ERA5, needs_test_data
from archive_server import Archive, serving
from small_era5 import fetched, options

from wdno.archives import sample, stand_in
from wdno.archives.errors import ChecksumError, DownloadError, RecordError
from wdno.systems import _era5_windows as windows
from wdno.systems.era5 import Options

GRIB = ERA5 / "dialects/t2m_uk_2019-03_hourly.grib"


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither cache nor network: nobody listens at the address of the sample."""
    monkeypatch.setenv("WDNO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WDNO_SAMPLE_URL", "http://127.0.0.1:9/sample.grib")
    monkeypatch.setattr(sample, "WAITS", (0.01,))
    return tmp_path


def test_without_the_sample_a_stand_in_is_made_and_named(
    offline: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        system = fetched(Options(fallback="stand_in"), offline)
    assert "STAND-IN INSTEAD OF REAL DATA" in caplog.text
    assert system.title == "ERA5 stand-in (synthetic)"
    assert system.attributes["stand_in"] == "true"
    assert "licence" not in system.attributes and "Copernicus" not in str(system.attributes)
    with xr.open_dataset(offline / "record.nc") as kept:
        assert (kept.attrs["title"], kept.attrs["stand_in"]) == (system.title, "true")
    assert [p for p in (offline / "cache").rglob("*") if p.suffix != ".lock"] == [
        offline / "cache/era5"
    ], "the stand-in is not cached"
    assert system.draw("test", [0], 0)["t2m"].shape == (1, 32, 32, 48)


def test_without_fallback_the_reason_and_the_remedy_are_said(offline: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        fetched(Options(), offline)
    message = str(caught.value)
    for part in ("http://127.0.0.1:9", sample.URL, str(sample.path()), sample.SHA256, "WDNO_CACHE"):
        assert part in message, f"{part} is not in: {message}"
    assert not (offline / "record.nc").exists()


def test_another_file_under_the_name_of_the_sample_is_refused(
    offline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Archive({"/sample": b"not the sample"})) as archive:
        monkeypatch.setenv("WDNO_SAMPLE_URL", f"{archive.url}/sample")
        # With a fallback too: something is there, and nobody should take it for no network.
        for fallback in ("none", "stand_in"):
            with pytest.raises(ChecksumError, match=rf"14 bytes .* expected {sample.SHA256}"):
                fetched(Options(fallback=fallback), offline)
    assert not sample.path().exists()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("WDNO_CACHE", str(tmp_path / "cache"))
    with serving(Archive({"/sample.grib": GRIB.read_bytes()})) as archive:
        monkeypatch.setenv("WDNO_SAMPLE_URL", f"{archive.url}/sample.grib")
        yield archive


@needs_test_data
@pytest.mark.parametrize("cut", [[], [1_000_000]])
def test_the_sample_is_downloaded_once(served: Archive, tmp_path: Path, cut: list[int]) -> None:
    served.cut, breaks = cut, len(cut)
    system = fetched(Options(fallback="stand_in"), tmp_path)
    assert system.title == "ERA5 2 m temperature (sample: UK, March 2019)"
    assert "Copernicus" in system.attributes["attribution"]
    assert "stand_in" not in system.attributes
    asked = len(served.requests)
    assert asked == 1 + breaks
    fetched(Options(), tmp_path)
    assert len(served.requests) == asked, "the cache has it"
    assert {s: system.available(s) for s in windows.SPLITS} == {
        "train": 445, "validation": 71, "test": 71
    }  # fmt: skip


@needs_test_data
def test_the_sample_put_into_the_cache_by_hand_is_used(offline: Path) -> None:
    sample.path().parent.mkdir(parents=True)
    sample.path().write_bytes(GRIB.read_bytes())
    assert "sample" in fetched(Options(), offline).title


FILES: dict[str, tuple[dict[str, Any], str]] = {
    "era5_t2m_uk_2019-03_1h.nc": ({}, ""),
    "dialects/t2m_uk_2019-03_hourly.grib": ({}, ""),
    "dialects/new_cds_pressure_levels_2020-07.nc": (
        {"variable": "temperature", "level": 850, "step": 6, "history": 1, "horizon": 1,
         "splits": {"validation": 0.3, "test": 0.3}},
        "",
    ),
    "dialects/new_cds_single_level_wind_24h.nc": (
        {"variable": "u10", "history": 1, "horizon": 2},
        "",
    ),
    "dialects/new_cds_wind_irregular_times.nc": (
        {"variable": "u10"},
        r"no window of 8 frames, 1 h apart, .* longest run without a gap has 2 frames, from "
        r"2025-05-23T23:00 on",
    ),
    "dialects/legacy_cds_expver_dimension_monthly.nc": (
        {"grid": {"latitude": 4, "longitude": 4}},
        r"no window of 8 frames, 1 h apart, .* longest run without a gap has 1 frames",
    ),
    "dialects/legacy_cds_hourly_2017_2x3.nc": ({"grid": {"latitude": 2, "longitude": 3}}, ""),
}  # fmt: skip


@needs_test_data
@pytest.mark.parametrize("name", FILES)
def test_real_files_give_samples_or_a_reason(tmp_path: Path, name: str) -> None:
    changed, refusal = FILES[name]
    chosen = options(source="file", file=str(ERA5 / name), **changed)
    if refusal:
        with pytest.raises(RecordError, match=refusal):
            fetched(chosen, tmp_path)
        return
    system = fetched(chosen, tmp_path)
    assert system.title.startswith("ERA5 ")
    for split in windows.SPLITS:
        drawn = system.draw(split, [0], 0)[system.fields[0].name]
        assert np.isfinite(drawn).all()


@needs_test_data
def test_the_sample_and_its_conversion_give_the_same_samples(tmp_path: Path) -> None:
    drawn = []
    for name in ("dialects/t2m_uk_2019-03_hourly.grib", "era5_t2m_uk_2019-03_1h.nc"):
        system = fetched(Options(source="file", file=str(ERA5 / name)), tmp_path)
        assert system.title.startswith("ERA5 2 m temperature (")
        drawn.append(system.draw("validation", range(9), 0)["t2m"])
    np.testing.assert_array_equal(*drawn)


def _scores(values: np.ndarray) -> dict[str, float]:
    """Errors of trivial predictors, 12 h in and 20 h out, on the last 111 windows."""
    first = len(values) - 31 - 111
    known = values[:first]
    daily = np.stack([known[hour::24].mean(axis=0) for hour in range(24)])
    errors: dict[str, list[float]] = {"persistence": [], "time mean": [], "anomaly": []}
    for start in range(first, first + 111):
        ahead = np.arange(start + 12, start + 32)
        last, truth = values[start + 11], values[ahead]
        anomaly = last - daily[(start + 11) % 24]
        for name, guess in (
            ("persistence", last),
            ("time mean", known.mean(axis=0)),
            ("anomaly", daily[ahead % 24] + anomaly),
        ):
            errors[name].append(float(((truth - guess) ** 2).mean()))
    return {name: float(np.mean(found)) for name, found in errors.items()}


SAMPLE_FACTS = {"persistence": 8.76, "time mean": 5.69, "anomaly": 4.01}


def test_the_stand_in_is_like_the_sample() -> None:
    array = stand_in.make()
    assert array.shape == (744, 33, 49)
    values = array.to_numpy().astype(float)
    assert values.mean() == pytest.approx(280.8, abs=0.5)
    assert values.std() == pytest.approx(2.29, rel=0.15)
    found = _scores(values)
    assert found["persistence"] > found["time mean"] > found["anomaly"], found
    for name, real in SAMPLE_FACTS.items():
        assert 0.7 < found[name] / real < 1.4, f"{name}: {found[name]:.2f}, of the sample {real}"
    np.testing.assert_array_equal(array, stand_in.make())
    assert not np.allclose(array, stand_in.make(seed=1))


@needs_test_data
def test_the_scores_of_the_sample_are_those_compared_with() -> None:
    with xr.open_dataset(ERA5 / "era5_t2m_uk_2019-03_1h.nc") as real:
        values = real.t2m.to_numpy().astype(float)
    assert values.std() == pytest.approx(2.29, abs=0.01)
    assert _scores(values) == pytest.approx(SAMPLE_FACTS, abs=0.02)


def test_the_weather_of_the_stand_in_is_stationary() -> None:
    """Mean 0 and variance 1, whatever the hour."""
    fields = np.stack([stand_in._weather(np.random.default_rng(seed))[::48] for seed in range(6)])
    assert fields.mean() == pytest.approx(0, abs=0.25)
    assert fields.std() == pytest.approx(1, abs=0.15)


def test_fetching_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from wdno.systems.era5 import Options, System; from pathlib import Path;"
        "folder = Path(sys.argv[1]); chosen = Options(fallback='stand_in');"
        "System.fetch(chosen, folder / 'record.nc', folder);"
        "print('torch' in sys.modules)"
    )
    environment = {
        **os.environ,
        "WDNO_CACHE": str(tmp_path / "cache"),
        "WDNO_SAMPLE_URL": "http://127.0.0.1:9/",
    }
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "False"
