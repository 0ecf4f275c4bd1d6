"""PDEBench's own files as the source of advection and of compressible flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from own_files import FRAMES, POINTS, pdebench_advection, pdebench_flow, values

from wdno.archives.errors import RecordError
from wdno.systems import advection, compressible_ns

GRID = {"time": 4, "x": 8}


def fetched(system: Any, options: dict[str, Any], folder: Path) -> Any:
    chosen = system.Options.model_validate({"t_end": 1.0, "grid": GRID, **options})
    assert chosen.recorded
    system.System.fetch(chosen, folder / "record.nc", folder / "state")
    return system.System(chosen, folder / "record.nc")


def whole(system: Any) -> dict[str, np.ndarray]:
    """All trajectories, in the order of their file."""
    splits = ("train", "validation", "test")
    parts = [system.draw(split, range(system.available(split)), 0) for split in splits]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = found["trajectory"].argsort()
    return {name: array[order] for name, array in found.items()}


def test_without_files_nothing_is_recorded() -> None:
    for system in (advection, compressible_ns):
        chosen = system.Options()
        assert not chosen.recorded and chosen.files() == []
        assert system.System(chosen).available("train") is None


def test_advection_takes_published_trajectories(tmp_path: Path) -> None:
    path = pdebench_advection(tmp_path / "advection.hdf5")
    system = fetched(advection, {"pdebench": {"paths": str(path)}}, tmp_path)
    assert system.title == "Advection equation (PDEBench)"
    assert [f.name for f in system.fields] == ["u"]
    assert system.available("train") == 14
    np.testing.assert_array_equal(whole(system)["u"], values()[:, ::2, ::2])
    coordinates = system.coordinates()
    np.testing.assert_allclose(coordinates["time"], np.linspace(0, 1, 5))
    np.testing.assert_allclose(coordinates["x"], (np.arange(8) * 2 + 0.5) / POINTS, rtol=1e-6)
    assert system.attributes["source"] == "files advection.hdf5"
    few = system.draw("test", [2, 0], 3)
    assert few["u"].shape == (2, 5, 8) and set(few) == {"u", "trajectory", "file"}


def test_the_first_part_of_the_time_may_be_taken(tmp_path: Path) -> None:
    path = pdebench_advection(tmp_path / "advection.hdf5")
    options = {"pdebench": {"paths": str(path)}, "t_end": 0.5, "grid": {"time": 2, "x": 16}}
    found = whole(fetched(advection, options, tmp_path))["u"]
    np.testing.assert_array_equal(found, values()[:, :5:2])


def test_compressible_flow_keeps_mass_momentum_and_energy(tmp_path: Path) -> None:
    path = pdebench_flow(tmp_path / "flow.hdf5", 1, count=40)
    with h5py.File(path, "a") as file:
        # The waves of the file, above zero.
        for name in ("density", "pressure"):
            file[name][...] = np.abs(file[name][...]) + 1.0
        fine = {name: file[name][...].astype(float)[:, ::2] for name in file if "-" not in name}
    system = fetched(compressible_ns, {"pdebench": {"paths": [str(path)]}}, tmp_path)
    assert system.attributes["mass_density"] == "rho"
    found = {name: array.astype(float) for name, array in whole(system).items()}
    assert found["rho"].shape == (40, 5, 8)
    gamma = system.options.gamma

    def energy(rho: np.ndarray, v: np.ndarray, p: np.ndarray) -> np.ndarray:
        return p / (gamma - 1) + rho * v**2 / 2

    def means(array: np.ndarray) -> np.ndarray:
        return array.reshape(*array.shape[:-1], 8, 2).mean(axis=-1)

    rho, v, p = fine["density"], fine["Vx"], fine["pressure"]
    np.testing.assert_allclose(found["rho"], means(rho), rtol=1e-5)
    np.testing.assert_allclose(found["rho"] * found["v"], means(rho * v), rtol=1e-4, atol=1e-3)
    stored = energy(found["rho"], found["v"], found["p"])
    np.testing.assert_allclose(stored, means(energy(rho, v, p)), rtol=1e-4)
    np.testing.assert_allclose(system.coordinates()["x"], (np.arange(8) + 0.5) / 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": 1.0}, r"made with beta = 0\.4, and the options have 1; make them the same"),
        ({"t_end": 2.0}, r"t_end = 2: the files have times from 0 to 1 by 0\.125; choose one"),
        ({"t_end": 0.3}, r"t_end = 0\.3: the files have times"),
        (
            {"grid": {"time": 3, "x": 8}},
            r"grid\.time must divide 8, got 3; nearest: 2 and 4; the files have 8 intervals",
        ),
        (
            {"grid": {"time": 4, "x": 6}},
            r"grid\.x = 6: the files have 16 points; choose a number that divides 16",
        ),
    ],
)
def test_other_parameters_times_and_grids_are_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    path = pdebench_advection(tmp_path / "advection.hdf5")
    with pytest.raises(RecordError, match=message):
        fetched(advection, {"pdebench": {"paths": str(path)}, **options}, tmp_path)


def test_files_of_another_equation_are_refused(tmp_path: Path) -> None:
    flow = pdebench_flow(tmp_path / "flow.hdf5", 1)
    with pytest.raises(RecordError, match=r"flow\.hdf5: no tensor; it has Vx, density, pressure"):
        fetched(advection, {"pdebench": {"paths": str(flow)}}, tmp_path)
    plane = pdebench_flow(tmp_path / "plane.hdf5", 2)
    with pytest.raises(RecordError, match=r"'density' has the shape \(6, 9, 8, 12\), expected"):
        fetched(compressible_ns, {"pdebench": {"paths": str(plane)}}, tmp_path)
    viscous = {"pdebench": {"paths": str(flow)}, "shear_viscosity": 0.01}
    with pytest.raises(RecordError, match=r"made with eta = 1e-08, and the options have 0\.01"):
        fetched(compressible_ns, viscous, tmp_path)
    (tmp_path / "spoilt.hdf5").write_bytes(b"<html>")
    with pytest.raises(RecordError, match=r"spoilt\.hdf5: cannot be read as HDF5 of PDEBench"):
        fetched(advection, {"pdebench": {"paths": str(tmp_path / "spoilt.hdf5")}}, tmp_path)


def test_a_finer_test_set_is_finer_in_space(tmp_path: Path) -> None:
    path = pdebench_advection(tmp_path / "advection.hdf5")
    coarse = fetched(advection, {"pdebench": {"paths": str(path)}}, tmp_path)
    finer = advection.Options.model_validate(
        {"t_end": 1.0, "grid": {"time": 4, "x": 16}, "pdebench": {"paths": str(path)}}
    )
    fine = advection.System(finer, tmp_path / "record.nc").draw("test", [1], 0)
    assert coarse.draw("test", [1], 0)["trajectory"] == fine["trajectory"]
    np.testing.assert_array_equal(fine["u"][..., ::2], coarse.draw("test", [1], 0)["u"])
    other = finer.model_copy(update={"grid": finer.grid.model_copy(update={"time": FRAMES - 1})})
    with pytest.raises(RecordError, match=r"grid\.time = 8: the record holds 4 steps"):
        advection.System(other, tmp_path / "record.nc")
