"""The other systems from end to end: equations on periodic and open domains, and a record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr
import yaml
from archive_files import TEST_DATA
from snakemake_project import PARTS, ROOT, Project, copy_project, environment, parse_jobs

from wdno.archives.sample import NAME as SAMPLE_NAME

OVERLAY: dict[str, Any] = yaml.safe_load((ROOT / "tests/config/systems.yaml").read_text())
STAND_IN = "ERA5 stand-in (synthetic)"
SYSTEMS = ("advection", "compressible_ns", "era5", "smoke")


def _run(project: Project, cache: Path, target: str, *overlays: dict[str, Any]) -> str:
    """Run with a cache of its own and a network that does not answer."""
    env = environment(WDNO_CACHE=str(cache), WDNO_SAMPLE_URL="http://127.0.0.1:9/sample.grib")
    return project.run(target, overlays=(OVERLAY, *overlays), env=env)


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = copy_project(ROOT, tmp_path_factory.mktemp("systems"))
    _run(project, tmp_path_factory.mktemp("cache"), "all")
    return project


def test_every_system_is_in_the_table(systems: Project) -> None:
    results = systems.path / "results/systems"
    table = pd.read_csv(results / "tables/simulation.csv")
    assert table.groupby("system", sort=False)["method"].agg(list).to_dict() == {
        "advection": ["wdno", "persistence"],
        "compressible_ns": ["wdno", "persistence"],
        "era5": ["wdno", "persistence", "time_mean", "hourly_mean", "persisted_anomaly"],
        "smoke": ["wdno", "unet_autoregressive", "persistence"],
    }
    rows = table.set_index(["system", "method"])
    assert (
        rows.loc["compressible_ns"][["rho_mse", "v_mae", "p_max_error", "mse_normalised"]]
        .notna()
        .all(axis=None)
    )
    assert rows.loc["compressible_ns"]["mass_error"].notna().all()
    assert rows.loc["compressible_ns"]["divergence"].isna().all(), "the flow is compressible"
    smoke = ["share_mse", "mse_with_series", "mass_error", "divergence", "divergence_truth"]
    assert rows.loc["smoke"][smoke].notna().all(axis=None)
    assert rows.loc["era5"]["root_mse_weighted"].notna().all()
    assert rows.loc[("era5", "wdno"), "spread_skill"] > 0
    for system in SYSTEMS:
        for name in ("trajectories", "error_over_time", "spectra", "training"):
            for kind in ("png", "pdf"):
                assert (results / f"figures/{system}_simulation_{name}.{kind}").is_file()
    gifs = sorted(path.name for path in (results / "figures").glob("*.gif"))
    assert gifs == [f"{system}_simulation_animation.gif" for system in ("era5", "smoke")]
    for name in ("smoke_scene", "smoke_simulation_series"):
        assert (results / f"figures/{name}.png").is_file()


def test_the_boundaries_of_a_system_reach_its_data(systems: Project) -> None:
    expected = {"advection": ["periodic"], "compressible_ns": ["open"], "era5": ["open"] * 2}
    expected |= {"smoke": ["open"] * 2}
    for system, boundaries in expected.items():
        with xr.open_dataset(systems.path / f"results/systems/{system}/data/test.nc") as data:
            field = next(v for v in data.data_vars.values() if v.attrs["role"] == "state")
            assert [data[dim].attrs["boundary"] for dim in field.dims[2:]] == boundaries


def test_the_finer_test_set_holds_the_same_trajectories(systems: Project) -> None:
    data = systems.path / "results/systems/smoke/data"
    with xr.open_dataset(data / "test.nc") as coarse, xr.open_dataset(data / "fine.nc") as fine:
        assert fine["density"].shape == (2, 9, 32, 32)
        assert fine["seed"].to_numpy().tolist() == coarse["seed"].to_numpy()[:2].tolist()
        mean = fine["density"].to_numpy().reshape(2, 9, 16, 2, 16, 2).mean(axis=(3, 5))
        assert abs(mean - coarse["density"].to_numpy()[:2]).max() < 1e-6
    assert "fine" in pd.read_csv(data / "card.csv")["split"].to_list()


def test_the_stand_in_is_named_in_every_file_and_table(systems: Project) -> None:
    results = systems.path / "results/systems"
    for name in ("record", "train", "validation", "test", "statistics"):
        with xr.open_dataset(results / f"era5/data/{name}.nc", decode_times=False) as data:
            title = data.attrs["title"] if "title" in data.attrs else data["t2m"].attrs["title"]
        assert title == STAND_IN, name
    folders = list((results / "era5/simulation/methods").glob("*/seed0"))
    assert folders
    for folder in folders:
        identity = json.loads((folder / "metrics.json").read_text())["identity"]
        assert identity["title"] == STAND_IN and identity["stand_in"]
        for name in ("scores", "examples"):
            with xr.open_dataset(folder / f"{name}.nc", decode_times=False) as data:
                assert json.loads(data.attrs["identity"]) == identity
    for path in (results / "tables/simulation.md", results / "era5/data/card.md"):
        assert STAND_IN in path.read_text(encoding="utf-8"), path
    table = pd.read_csv(results / "tables/simulation.csv").set_index("system")
    assert set(table.loc["era5", "title"]) == {STAND_IN}
    assert table.loc["era5", "published_mse"].isna().all(), "nothing published is of a stand-in"
    assert table.loc["advection", "published_mse"].notna().any()


def test_the_data_card_counts_floored_cells(systems: Project) -> None:
    card = pd.read_csv(systems.path / "results/systems/compressible_ns/data/card.csv")
    rows = card[card["variable"] == "floored_cells"]
    assert rows["split"].tolist() == ["train", "validation", "test"]
    assert (rows["role"] == "diagnostic").all()
    assert (rows["minimum"] >= 0).all()


def test_a_second_run_does_nothing(systems: Project, tmp_path: Path) -> None:
    assert "Nothing to be done" in _run(systems, tmp_path, "all")


def test_a_change_of_one_system_leaves_the_others_alone(systems: Project) -> None:
    change = {"systems": {"era5": {"options": {"history": 5}}}}
    output = systems.dry_run("all", overlays=(OVERLAY, change))
    jobs = parse_jobs(output)
    assert {job.wildcards["system"] for job in jobs if "system" in job.wildcards} == {"era5"}
    assert {"fetch", "generate", "statistics", "train"} <= {job.rule for job in jobs}


def test_a_record_that_is_removed_is_fetched_again(systems: Project, tmp_path: Path) -> None:
    project = copy_project(systems.path, tmp_path / "p", (*PARTS, "results", ".snakemake"))
    (project.path / "results/systems/era5/data/record.nc").unlink()
    output = project.dry_run("all", overlays=(OVERLAY,))
    rules = {job.rule for job in parse_jobs(output)}
    assert {"fetch", "generate", "statistics", "train", "evaluate", "simulation_table"} <= rules


def test_one_table_or_one_system_alone(fresh: Project) -> None:
    # Of the default configuration, without any overlay.
    for target, systems in (
        ("results/small/tables/simulation.md", {*SYSTEMS, "burgers"}),
        ("advection", {"advection"}),
        ("era5", {"era5"}),
    ):
        output = fresh.dry_run_of_default("--cores", "8", target)
        found = {job.wildcards.get("system") for job in parse_jobs(output)} - {None}
        assert found == systems, target


@pytest.mark.skipif(
    not TEST_DATA.is_dir(), reason=f"no real data at {TEST_DATA}; WDNO_TEST_DATA names their folder"
)
def test_a_model_is_trained_on_the_real_sample(fresh: Project, tmp_path: Path) -> None:
    project = copy_project(fresh.path, tmp_path / "project")
    cache = tmp_path / "cache"
    (cache / "era5").mkdir(parents=True)
    source = TEST_DATA / "era5/dialects/t2m_uk_2019-03_hourly.grib"
    shutil.copy2(source, cache / "era5" / SAMPLE_NAME)
    # The stored points are those of the default run.
    real = {
        "systems": {
            "advection": None,
            "compressible_ns": None,
            "smoke": None,
            "era5": {
                "options": {
                    "fallback": "none",
                    "grid": {"latitude": 16, "longitude": 24, "coarsen": 2},
                    "history": 12,
                    "horizon": 20,
                },
                "data": {"samples": {"train": 60, "validation": 8, "test": 200}},
            },
        }
    }
    _run(project, cache, "tables", real)
    table = pd.read_csv(project.path / "results/systems/tables/simulation.csv")
    assert set(table["title"]) == {"ERA5 2 m temperature (sample: UK, March 2019)"}
    mse = table.set_index("method")["mse"]
    # On the test period of the default run: 10.2, 6.1, 4.0 and 5.1 K2.
    assert mse["persistence"] == pytest.approx(10.2, abs=0.1), "it needs no training period"
    assert mse["hourly_mean"] < mse["time_mean"] < mse["persistence"]
    assert mse["persisted_anomaly"] < 0.7 * mse["persistence"]
    assert mse["wdno"] < 100.0
