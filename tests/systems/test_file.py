"""Trajectories of a user's files: read as they are named, split, and refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from own_files import (
    FRAMES,
    POINTS,
    netcdf,
    pdebench_advection,
    pdebench_flow,
    plane,
    the_well,
    values,
)
from pydantic import ValidationError

from wdno.archives.errors import RecordError
from wdno.data.dataset import Trajectories
from wdno.data.generate import generate
from wdno.systems.file import Options, System

LINE = {"axes": {"x": {"points": POINTS, "boundary": "periodic"}}, "time": {"steps": FRAMES - 1}}
PLANE = {
    "axes": {
        "x": {"points": 8, "boundary": "open", "cells": True},
        "y": {"points": 12, "boundary": "open", "cells": True},
    },
    "time": {"steps": FRAMES - 1},
}


def options(path: Path | str, *, base: Mapping[str, Any] = LINE, **changed: Any) -> Options:
    return Options.model_validate({"paths": str(path), "fields": {"u": {}}, **base, **changed})


def fetched(chosen: Options, folder: Path) -> System:
    System.fetch(chosen, folder / "record.nc", folder / "state")
    return System(chosen, folder / "record.nc")


def drawn(system: System) -> dict[str, np.ndarray]:
    """All trajectories, in the order of their file."""
    parts = [
        system.draw(split, range(system.available(split)), 0)
        for split in ("train", "validation", "test")
    ]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((whole["trajectory"], whole["file"]))
    return {name: array[order] for name, array in whole.items()}


@pytest.mark.parametrize("suffix", ["nc", "zarr"])
def test_named_variables_are_read(tmp_path: Path, suffix: str) -> None:
    path = netcdf(tmp_path / f"waves.{suffix}")
    fields = {
        "u": {"long_name": "height"},
        "f": {"role": "forcing"},
        "held": {"role": "forcing"},
        "coefficient": {"role": "forcing", "source": "k"},
        "energy": {"role": "series", "source": "e", "units": "J"},
        "other": {"source": "w", "component": 1},
    }
    system = fetched(options(path, fields=fields), tmp_path)
    assert [(f.name, f.role, f.units) for f in system.fields] == [
        ("u", "state", "m"),
        ("f", "forcing", "1"),
        ("held", "forcing", "1"),
        ("coefficient", "forcing", "1"),
        ("energy", "series", "J"),
        ("other", "state", "1"),
    ]
    assert system.fields[0].long_name == "height"
    found = drawn(system)
    np.testing.assert_array_equal(found["u"], values())
    np.testing.assert_array_equal(found["other"], -values())
    np.testing.assert_array_equal(found["f"], values(name="ff")[:, 1:])
    # A value of the forcing at a frame holds until the next frame.
    np.testing.assert_array_equal(found["held"], values(name="held")[:, :-1])
    expected = np.repeat(values(name="kkk")[:, :1], FRAMES - 1, axis=1)
    np.testing.assert_array_equal(found["coefficient"], expected)
    np.testing.assert_allclose(found["energy"], (values() ** 2).mean(axis=2), rtol=1e-6)
    coordinates = system.coordinates()
    np.testing.assert_allclose(coordinates["time"], np.linspace(0, 1, FRAMES))
    np.testing.assert_allclose(coordinates["interval"], (np.arange(FRAMES - 1) + 0.5) / 8)
    np.testing.assert_allclose(coordinates["x"], np.arange(POINTS) / POINTS)


def test_frames_and_points_are_thinned(tmp_path: Path) -> None:
    chosen = options(
        netcdf(tmp_path / "waves.nc"),
        fields={"u": {}, "f": {"role": "forcing"}},
        axes={"x": {"points": 4, "boundary": "periodic", "every": 4}},
        time={"steps": 2, "first": 1, "every": 2},
        given=2,
    )
    system = fetched(chosen, tmp_path)
    found = drawn(system)
    np.testing.assert_array_equal(found["u"], values()[:, [1, 3, 5, 7], ::4])
    # Intervals of the file from the last given frame on: 3 and 4, 5 and 6.
    forcing = values(name="ff")[:, 1:, ::4]
    expected = np.stack([forcing[:, [3, 4]].mean(axis=1), forcing[:, [5, 6]].mean(axis=1)], axis=1)
    np.testing.assert_allclose(found["f"], expected, rtol=1e-6)
    np.testing.assert_allclose(system.coordinates()["time"], np.array([1, 3, 5, 7]) / 8)
    assert system.given_frames == 2


def test_cells_are_joined_to_their_means(tmp_path: Path) -> None:
    axes = {"x": {"points": 4, "boundary": "open", "every": 4, "cells": True}}
    system = fetched(options(netcdf(tmp_path / "waves.nc"), axes=axes), tmp_path)
    expected = values().reshape(20, FRAMES, 4, 4).mean(axis=-1)
    np.testing.assert_allclose(drawn(system)["u"], expected, rtol=1e-6)
    np.testing.assert_allclose(system.coordinates()["x"], (np.arange(4) * 4 + 1.5) / POINTS)


def test_published_advection_is_read(tmp_path: Path) -> None:
    path = pdebench_advection(tmp_path / "1D_Advection_Sols_beta0.4.hdf5")
    system = fetched(options(path, layout="pdebench"), tmp_path)
    np.testing.assert_array_equal(drawn(system)["u"], values())
    np.testing.assert_allclose(system.coordinates()["time"], np.linspace(0, 1, FRAMES))
    assert system.title == "Trajectories of 1D_Advection_Sols_beta0.4.hdf5"


FLOW = {
    "rho": {"source": "density"},
    "p": {"source": "pressure"},
    "vx": {"source": "Vx"},
    "vy": {"source": "Vy"},
}


def test_published_flow_in_one_dimension_is_read(tmp_path: Path) -> None:
    path = pdebench_flow(tmp_path / "flow.hdf5", 1)
    fields = {name: FLOW[name] for name in ("rho", "p", "vx")}
    chosen = options(path, layout="pdebench", fields=fields, mass_density="rho")
    found = drawn(fetched(chosen, tmp_path))
    for name, one in fields.items():
        np.testing.assert_array_equal(found[name], values(6, one["source"]))


def test_published_flow_on_a_plane_is_read(tmp_path: Path) -> None:
    path = pdebench_flow(tmp_path / "flow.hdf5", 2)
    chosen = options(
        path,
        base=PLANE,
        layout="pdebench",
        fields=FLOW,
        mass_density="rho",
        divergence_free=["vx", "vy"],
    )
    system = fetched(chosen, tmp_path)
    found = drawn(system)
    for name, one in FLOW.items():
        np.testing.assert_array_equal(found[name], plane(6, one["source"]))
    assert system.attributes["mass_density"] == "rho"
    assert system.attributes["divergence_free"] == "vx vy"


def test_the_well_is_read(tmp_path: Path) -> None:
    axes = {
        "x": {"points": 8, "boundary": "periodic"},
        "y": {"points": 12, "boundary": "periodic"},
    }
    fields = {
        "density": {},
        "vy": {"source": "velocity", "component": 1},
        "shear": {"source": "stress", "component": 3},
        "speed": {"role": "forcing"},
        "profile": {"role": "forcing"},
    }
    path = the_well(tmp_path / "well.hdf5")
    chosen = options(path, base=PLANE, layout="the_well", fields=fields, axes=axes)
    found = drawn(fetched(chosen, tmp_path))
    density = plane()
    np.testing.assert_array_equal(found["density"], density)
    np.testing.assert_array_equal(found["vy"], -density)
    np.testing.assert_array_equal(found["shear"], 3 * density)
    np.testing.assert_array_equal(found["speed"], np.broadcast_to(density[0, 0], (6, 8, 8, 12)))
    expected = np.broadcast_to(density[:, :1, :, :1], (6, 8, 8, 12))
    np.testing.assert_array_equal(found["profile"], expected)
    open_axes = {**axes, "y": {"points": 12, "boundary": "open"}}
    wrong = options(path, base=PLANE, layout="the_well", fields={"density": {}}, axes=open_axes)
    with pytest.raises(RecordError, match=r"boundary of 'y' is 'periodic', .* it is 'open'"):
        fetched(wrong, tmp_path)


def test_shares_are_a_fixed_random_part_of_all_files(tmp_path: Path) -> None:
    for number in range(2):
        netcdf(tmp_path / f"waves{number}.nc", start=20 * number)
    chosen = options(tmp_path / "waves*.nc", splits={"validation": 0.1, "test": 0.25})
    system = fetched(chosen, tmp_path)
    counts = {split: system.available(split) for split in ("train", "validation", "test")}
    assert counts == {"train": 26, "validation": 4, "test": 10}
    numbers = {
        split: system.draw(split, range(count), 0)["u"].mean(axis=(1, 2)).round().astype(int)
        for split, count in counts.items()
    }
    assert sorted(np.concatenate([*numbers.values()])) == list(range(40))
    assert numbers["test"].tolist() != sorted(numbers["test"])
    again = fetched(chosen, tmp_path).draw("test", [7, 2], 5)
    np.testing.assert_array_equal(again["u"].mean(axis=(1, 2)).round(), numbers["test"][[7, 2]])
    np.testing.assert_array_equal(again["trajectory"] + 20 * again["file"], numbers["test"][[7, 2]])


def test_splits_may_have_files_of_their_own(tmp_path: Path) -> None:
    paths = {}
    for number, split in enumerate(("train", "validation", "test")):
        paths[split] = str(netcdf(tmp_path / f"{split}.nc", count=4 + number, start=10 * number))
    chosen = options("", paths=None, split_paths=paths)
    assert chosen.files() == list(paths.values())
    system = fetched(chosen, tmp_path)
    for number, split in enumerate(paths):
        count = system.available(split)
        assert count == 4 + number
        found = system.draw(split, range(count), 3)["u"]
        np.testing.assert_array_equal(found, values(count, start=10 * number))


def test_samples_become_a_data_file_as_of_any_system(tmp_path: Path) -> None:
    fields = {"u": {}, "f": {"role": "forcing"}, "e": {"role": "series"}}
    system = fetched(options(netcdf(tmp_path / "waves.nc"), fields=fields), tmp_path)
    generate(
        system,
        split="train",
        count=100,
        seed=0,
        settings={},
        output=tmp_path / "train.nc",
        state=tmp_path / "parts",
        threads=1,
    )
    data = Trajectories(tmp_path / "train.nc")
    assert len(data) == 14 and data.layout.grid == (8, 16)
    assert (data.layout.state, data.layout.forcing, data.layout.series) == (("u",), ("f",), ("e",))
    assert data.layout.boundaries == ("periodic",)
    with xr.open_dataset(tmp_path / "train.nc") as dataset:
        number = dataset["trajectory"].to_numpy()
        np.testing.assert_array_equal(dataset["u"], values()[number])
        assert dataset.attrs["source"] == "files waves.nc"


def _changed(path: Path, **variables: Any) -> Path:
    with xr.open_dataset(netcdf(path)) as dataset:
        changed = dataset.load().assign(**variables)
    other = path.with_name(f"changed_{path.name}")
    changed.to_netcdf(other)
    return other


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no variable": ({"fields": {"v": {}}}, r"no variable 'v'; it has e, f, held, k, u, w"),
    "no axis": (
        {"axes": {"y": {"points": 16, "boundary": "open"}}},
        r"field 'u', a state, has the dimensions \(sample \(20\), time \(9\), x \(16\)\), expected",
    ),
    "other points": (
        {"axes": {"x": {"points": 8, "boundary": "periodic"}}},
        r"field 'u' has 16 points along 'x', .*axes\.x\.points = 8: make it 16",
    ),
    "odd thinning": (
        {"axes": {"x": {"points": 4, "boundary": "periodic", "every": 3}}},
        r"choose an `every` that divides 16",
    ),
    "frames": (
        {"time": {"steps": 9}},
        r"field 'u' has 9 along time; 1 given frames and time\.steps = 9, every 1 from 0 on, need "
        r"10; time\.steps can be 8 at most",
    ),
    "vector": ({"fields": {"w": {}}}, r"field 'w', a state, has the dimensions .*part \(2\)"),
    "component": (
        {"fields": {"w": {"component": 2}}},
        r"component = 2, and there are 2, numbered from 0",
    ),
    "role": ({"fields": {"u": {}, "k": {}}}, r"field 'k', a state, has the dimensions"),
    "series": ({"fields": {"u": {}, "f": {"role": "series"}}}, r"field 'f', a series, has the dim"),
    "too few": (
        {"splits": {"validation": 0.01, "test": 0.1}},
        r"20 trajectories in 1 files leave none for validation",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_file_is_not_is_said(tmp_path: Path, case: str) -> None:
    changed, message = REFUSED[case]
    path = netcdf(tmp_path / "waves.nc")
    with pytest.raises(RecordError, match=message):
        fetched(options(path, **changed), tmp_path)
    assert not (tmp_path / "record.nc").exists()


def test_a_periodic_axis_has_its_first_point_once(tmp_path: Path) -> None:
    closed = np.concatenate([values(), values()[..., :1]], axis=-1)
    dataset = xr.Dataset(
        {"u": (("sample", "time", "x"), closed)},
        {"time": np.arange(FRAMES), "x": np.arange(POINTS + 1) / POINTS},
    )
    dataset.to_netcdf(tmp_path / "closed.nc")
    path = tmp_path / "closed.nc"
    np.testing.assert_array_equal(drawn(fetched(options(path), tmp_path))["u"], values())
    counted = {"x": {"points": POINTS + 1, "boundary": "periodic"}}
    with pytest.raises(RecordError, match=r"repeats the first.* make axes\.x\.points 16"):
        fetched(options(path, axes=counted), tmp_path)
    dataset["u"][..., -1] += 1.0
    dataset.to_netcdf(tmp_path / "odd.nc")
    with pytest.raises(RecordError, match=r"does not repeat the first; .*leaves it out"):
        fetched(options(tmp_path / "odd.nc"), tmp_path)


def test_uneven_coordinates_and_other_files_are_refused(tmp_path: Path) -> None:
    uneven = _changed(tmp_path / "waves.nc", x=np.arange(POINTS) ** 1.2)
    with pytest.raises(RecordError, match=r"coordinate of 'x' is not evenly spaced"):
        fetched(options(uneven), tmp_path)
    longer = _changed(tmp_path / "waves.nc", x=np.arange(POINTS) / 10)
    both = options("", paths=[str(tmp_path / "waves.nc"), str(longer)])
    with pytest.raises(RecordError, match=r"'x' from 0 to 1\.5, but .*waves\.nc has 0 to 0\.9375"):
        fetched(both, tmp_path)
    for content, message in ((b"<html>", "cannot be read"), (b"\x89HDF\r\n\x1a\n", "cannot be re")):
        (tmp_path / "spoilt.nc").write_bytes(content)
        for layout in ("netcdf", "pdebench", "the_well"):
            with pytest.raises(RecordError, match=message):
                fetched(options(tmp_path / "spoilt.nc", layout=layout), tmp_path)
    with pytest.raises(RecordError, match=r"nowhere\.nc: not found"):
        fetched(options(tmp_path / "nowhere.nc"), tmp_path)
    well = the_well(tmp_path / "well.hdf5")
    with pytest.raises(RecordError, match=r"no variable 'tensor'; it has boundary_conditions, dim"):
        fetched(options(well, layout="pdebench"), tmp_path)
    plain = pdebench_advection(tmp_path / "plain.hdf5")
    with pytest.raises(RecordError, match=r"it is in another layout than `the_well`"):
        fetched(options(plain, layout="the_well"), tmp_path)
    with pytest.raises(RecordError, match=r"axes of space are x, y, those of the options x"):
        fetched(options(well, layout="the_well", fields={"density": {}}), tmp_path)


def test_values_that_are_not_finite_are_named(tmp_path: Path) -> None:
    path = pdebench_advection(tmp_path / "plain.hdf5")
    with h5py.File(path, "a") as file:
        file["tensor"][3, 2, 1] = np.nan
    system = fetched(options(path, layout="pdebench"), tmp_path)
    with pytest.raises(RecordError, match=r"'u' of trajectory 3 has values that are not finite"):
        drawn(system)


def test_a_file_that_has_changed_is_read_anew(tmp_path: Path) -> None:
    path = netcdf(tmp_path / "waves.nc")
    chosen = options(path)
    fetched(chosen, tmp_path)
    netcdf(path, count=30)
    with pytest.raises(RecordError, match=r"waves\.nc has changed since it was looked through"):
        System(chosen, tmp_path / "record.nc")
    path.unlink()
    with pytest.raises(RecordError, match=r"waves\.nc is no longer there"):
        System(chosen, tmp_path / "record.nc")
    other = options(path, axes={"x": {"points": 8, "boundary": "periodic", "every": 2}})
    with pytest.raises(RecordError, match=r"of the grid \[8, 16\], the options ask for \[8, 8\]"):
        System(other, tmp_path / "record.nc")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"split_paths": {"train": "a", "validation": "b", "test": "c"}}, "give either `paths`"),
        ({"paths": None}, "give either `paths`"),
        (
            {"paths": None, "split_paths": {"train": "a", "validation": ["b", "a"], "test": "c"}},
            "a in train and in validation; no trajectory is in two splits",
        ),
        ({"fields": {"f": {"role": "forcing"}}}, "none has the role `state`"),
        ({"fields": {"x": {}}}, "fields: x names something else"),
        ({"axes": {"time": {"points": 4, "boundary": "open"}}}, "axes: time names something else"),
        ({"mass_density": "rho"}, "rho is no state field; they are u"),
        ({"divergence_free": ["u", "u"]}, "2 components for 1 axes"),
        ({"axes": {"x": {"points": 4, "boundary": "dirichlet"}}}, "ends: given for the boundary"),
        ({"axes": {"x": {"points": 1, "boundary": "open"}}}, "points"),
    ],
)
def test_options_that_do_not_fit_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        options("waves.nc", **changed)
