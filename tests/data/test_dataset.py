"""Data files: what is written is what is read, whole or not at all, resumable."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from calendar_system import Days
from small_disk import small_disk_fixture  # noqa: F401
from torch import Tensor
from waves import Waves, make_data

from wdno.data import generate as generation
from wdno.data.card import data_card
from wdno.data.dataset import Layout, ProblemData, Trajectories
from wdno.data.generate import generate, part_size
from wdno.data.netcdf import DataError, open_dataset
from wdno.files import DiskFullError
from wdno.problem import Part, Problem
from wdno.systems.base import Static
from wdno.tasks.simulation.problem import data as simulation


def test_a_file_describes_itself(waves_file: Path) -> None:
    with xr.open_dataset(waves_file, decode_times=False) as dataset:
        assert dataset.u.dims == ("sample", "time", "x")
        assert dataset.f.dims == ("sample", "interval", "x")
        assert dataset.u.attrs["units"] == "m"
        assert dataset.time.attrs["units"] == "s"
        assert dataset.x.attrs["boundary"] == "periodic"
        np.testing.assert_allclose(dataset.interval, dataset.interval_bounds.mean("bound"))
        provenance = json.loads(dataset.attrs["provenance"])
        assert {"commit", "versions", "platform"} <= set(provenance)
        assert dataset.u.encoding["zlib"]
        assert dataset.u.encoding["chunksizes"][1:] == dataset.u.shape[1:]


def test_batches_hold_the_samples_asked_for(waves: Trajectories) -> None:
    indices = np.array([3, 0, 3, 11])
    batch = waves.batch(indices)
    truth = Waves().generate([Waves.sample_seed("train", int(k)) for k in indices])
    np.testing.assert_array_equal(batch["state"][:, 0], truth["u"])
    np.testing.assert_array_equal(batch["forcing"][:, 0], truth["f"])
    assert batch["series"].shape == (4, 0, 17)
    np.testing.assert_array_equal(batch["index"], indices)
    assert "reference_time" not in batch


def test_reading_lazily_gives_the_same_batches(waves_file: Path) -> None:
    memory = Trajectories(waves_file, in_memory=True)
    lazy = Trajectories(waves_file, in_memory=False)
    indices = np.array([7, 2, 7, 19])
    for key, values in memory.batch(indices).items():
        np.testing.assert_array_equal(values, lazy.batch(indices)[key], err_msg=key)


def test_the_layout_says_what_a_file_holds(waves: Trajectories) -> None:
    assert waves.layout == Layout(
        "waves", "Waves", ("u",), ("f",), (), 1, (16, 24), ("periodic",), (0.0, 1.0, 0.0, 23 / 24)
    )


def halves(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    return {"early": stored["state"][:, :, :8], "late": stored["state"][:, :, 8:16]}


def test_samples_become_the_parts_of_a_problem(tmp_path: Path) -> None:
    path = make_data(tmp_path / "days.nc", system=Days(grid=(13, 3, 4)), count=7)
    trajectories = Trajectories(path)
    problem = Problem((8, 3, 4), ("open",) * 2, (0.0,) * 6, (), (Part("late", ("t",)),))
    data = ProblemData(trajectories, problem, halves)
    assert (len(data), data.in_memory, data.problem) == (7, True, problem)
    stored, batch = (d.batch(np.array([4, 1])) for d in (trajectories, data))
    assert list(batch) == ["early", "late", "index", "reference_time"]
    assert torch.equal(batch["late"], stored["state"][:, :, 8:16])
    assert batch["late"].is_contiguous()
    assert torch.equal(batch["reference_time"], stored["reference_time"])
    read = [part["index"].tolist() for part in data.batches(2, 5)]
    assert read == [[0, 1], [2, 3], [4]]
    assert sum(len(part["index"]) for part in data.batches(3)) == 7


def test_the_parts_of_a_problem_travel_to_other_processes(waves_file: Path) -> None:
    data = simulation(Trajectories(waves_file, in_memory=False))
    content = pickle.dumps(data)
    assert len(content) < 50_000
    again = pickle.loads(content)
    assert again.problem == data.problem
    for key, values in again.batch(np.array([7, 2])).items():
        assert torch.equal(values, data.batch(np.array([7, 2]))[key]), key


class Walled(Waves):
    """Waves with a wall, on a grid of its own."""

    def static(self) -> tuple[Static, ...]:
        wall = np.array([0, 1, 1, 0], np.int8)
        where = Static("fine_x", ("fine_x",), np.arange(4) / 4, "m", "position")
        return where, Static("wall", ("fine_x",), wall, "1", "wall", {"flag_meanings": "no yes"})


def test_what_is_static_stands_once_in_a_file_of_several_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waves_file: Path
) -> None:
    monkeypatch.setattr(generation, "PART_BYTES", 4 * 17 * 24 * 2 * 4)
    path = tmp_path / "train.nc"
    _generate(Walled(), path)
    with open_dataset(path) as dataset:
        wall = dataset["wall"]
        assert wall.dims == ("fine_x",) and wall.dtype == np.int8
        assert wall.to_numpy().tolist() == [0, 1, 1, 0]
        assert (wall.attrs["role"], wall.attrs["flag_meanings"]) == ("static", "no yes")
        assert dataset["fine_x"].to_numpy().tolist() == [0, 0.25, 0.5, 0.75]
        assert dataset["fine_x"].attrs["units"] == "m"
        assert wall.encoding["chunksizes"] == (4,)
        assert dataset["u"].dims == ("sample", "time", "x")
    walled, waves = Trajectories(path), Trajectories(waves_file)
    assert waves.layout.scene == ""
    assert re.fullmatch("[0-9a-f]{16}", walled.layout.scene)
    assert replace(walled.layout, scene="") == waves.layout
    scenes = {walled.layout.scene}
    with xr.open_dataset(path, decode_times=False) as dataset:
        original = dataset.load()
    for change in ("value", "attribute", "name", "place"):
        other = original.copy(deep=True)
        if change == "value":
            other["wall"][3] = 1
        elif change == "attribute":
            other["wall"].attrs["flag_meanings"] = "air brick"
        elif change == "name":
            other = other.rename(wall="fence")
        else:
            other["fine_x"] = other["fine_x"] + 0.125
        other.to_netcdf(tmp_path / f"{change}.nc")
        scenes.add(Trajectories(tmp_path / f"{change}.nc").layout.scene)
    assert len(scenes) == 5, "each change is another scene"
    for key, values in walled.batch(np.arange(20)).items():
        np.testing.assert_array_equal(values, waves.batch(np.arange(20))[key], err_msg=key)
    card = data_card({"train": path}).set_index("variable")
    assert card.loc["u", "samples"] == 20
    assert (card.loc["wall", "role"], card.loc["wall", "samples"]) == ("static", 1)
    assert card.loc["wall", "mean"] == 0.5


def test_a_file_says_which_code_made_it(tmp_path: Path) -> None:
    _generate(Waves(), tmp_path / "train.nc", code="1234")
    with open_dataset(tmp_path / "train.nc") as dataset:
        assert dataset.attrs["code"] == "1234"


def test_sample_k_does_not_depend_on_the_number_of_samples(tmp_path: Path) -> None:
    few = Trajectories(make_data(tmp_path / "few.nc", count=5))
    many = Trajectories(make_data(tmp_path / "many.nc", count=9))
    indices = np.arange(5)
    for key, values in few.batch(indices).items():
        np.testing.assert_array_equal(values, many.batch(indices)[key], err_msg=key)


class Failing(Waves):
    """Is interrupted at its third part."""

    calls = 0

    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, np.ndarray]:
        Failing.calls += 1
        if Failing.calls == 3:
            raise KeyboardInterrupt
        return super().generate(seeds, threads=threads)


def _generate(system: Waves, path: Path, **changed: object) -> None:
    arguments = {
        "split": "train",
        "count": 20,
        "seed": 0,
        "settings": {},
        "output": path,
        "state": path.with_suffix(".parts"),
        "threads": 1,
    }
    generate(system, **{**arguments, **changed})  # type: ignore[arg-type]


def test_interrupted_generation_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waves_file: Path
) -> None:
    monkeypatch.setattr(generation, "PART_BYTES", 4 * 17 * 24 * 2 * 4)
    assert part_size(Waves()) == 4
    path = tmp_path / "train.nc"
    Failing.calls = 0
    with pytest.raises(KeyboardInterrupt):
        _generate(Failing(), path)
    assert not path.exists()
    assert Failing.calls == 3
    _generate(Failing(), path)
    assert Failing.calls == 6, "the two finished parts of five were made again"
    assert [p.name for p in tmp_path.iterdir()] == ["train.nc"]
    again, whole = Trajectories(path), Trajectories(waves_file)
    for key, values in again.batch(np.arange(20)).items():
        np.testing.assert_array_equal(values, whole.batch(np.arange(20))[key], err_msg=key)


@pytest.mark.parametrize(
    "changed", [{"seed": 1}, {"settings": {"a": 1}}, {"code": "other"}, {"split": "test"}]
)
def test_parts_of_other_settings_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict
) -> None:
    monkeypatch.setattr(generation, "PART_BYTES", 4 * 17 * 24 * 2 * 4)
    path = tmp_path / "train.nc"
    Failing.calls = 0
    with pytest.raises(KeyboardInterrupt):
        _generate(Failing(), path)
    _generate(Failing(), path, **changed)
    assert Failing.calls == 3 + 5


class NotFinite(Waves):
    """Diverges in one sample."""

    def generate(self, seeds: Sequence[int], *, threads: int = 1) -> dict[str, np.ndarray]:
        arrays = super().generate(seeds, threads=threads)
        arrays["u"][6, 3] = np.nan
        return arrays


def test_a_diverged_solution_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match=r"'u'.*first: 6"):
        _generate(NotFinite(), tmp_path / "train.nc")
    assert not (tmp_path / "train.nc").exists()


def test_a_full_disk_is_said_and_finished_parts_are_kept(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "PART_BYTES", 4 * 17 * 24 * 2 * 16)
    path = small_disk / "train.nc"
    with pytest.raises(DiskFullError, match=r"free"):
        _generate(Waves(), path, count=400)
    assert not path.exists()
    parts = sorted(path.with_suffix(".parts").glob("part-*.nc"))
    assert parts, "the parts that fitted are kept"
    for part in parts:
        with xr.open_dataset(part, decode_times=False) as dataset:
            assert dataset.sizes["sample"] == 16


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, waves_file: Path, keep: float) -> None:
    content = waves_file.read_bytes()
    path = tmp_path / "cut.nc"
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(DataError, match=r"cut\.nc.*delete it and run again"):
        Trajectories(path)


def test_files_of_others_and_absent_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.nc"
    xr.Dataset({"u": ("x", np.zeros(3))}).to_netcdf(path)
    with pytest.raises(DataError, match=r"lacks the attribute.s. system, title, given_frames"):
        open_dataset(path)
    with pytest.raises(DataError, match="not found"):
        open_dataset(tmp_path / "absent.nc")


def test_values_that_are_not_finite_are_refused(tmp_path: Path, waves_file: Path) -> None:
    with xr.open_dataset(waves_file, decode_times=False) as dataset:
        changed = dataset.load()
    changed["f"][4, 2, 1] = np.inf
    path = tmp_path / "broken.nc"
    changed.to_netcdf(path)
    data = Trajectories(path)
    data.batch(np.arange(4))
    with pytest.raises(DataError, match=r"'f' of sample 4"):
        data.batch(np.array([1, 4]))
