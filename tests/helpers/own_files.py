"""Trajectories as users have them: in NetCDF, in Zarr, as PDEBench and as The Well publish them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

FRAMES, POINTS = 9, 16


def values(count: int = 20, name: str = "u", points: int = POINTS, start: int = 0) -> np.ndarray:
    """Waves that say which trajectory, frame and point they are of, `[N, T, X]`, periodic in x.

    Args:
        count: trajectories N.
        name: of the field; another one is another wave.
        points: X.
        start: number of the first trajectory.
    """
    number = np.arange(start, start + count)[:, None, None]
    time = np.linspace(0, 1, FRAMES)[None, :, None]
    x = np.arange(points)[None, None, :] / points
    return (number + len(name) * np.cos(2 * np.pi * (x - 0.4 * time))).astype(np.float32)


def plane(count: int = 6, name: str = "density") -> np.ndarray:
    """The same on a plane, `[N, T, X, Y]`, 8 x 12 points."""
    lines = values(count, name, 8)
    return (lines[..., None] * (1 + np.arange(12) / 12)).astype(np.float32)


def netcdf(path: Path, count: int = 20, start: int = 0) -> Path:
    """State u, forcing f on intervals, coefficient k, series e, and a vector of two components."""
    u = values(count, "u", start=start)
    dims = ("sample", "time", "x")
    variables: dict[str, Any] = {
        "u": (dims, u, {"units": "m"}),
        "f": (("sample", "interval", "x"), values(count, "ff", start=start)[:, 1:]),
        "held": (dims, values(count, "held", start=start)),
        "k": (("sample", "x"), values(count, "kkk", start=start)[:, 0]),
        "e": (("sample", "time"), (u**2).mean(axis=2), {"units": "m2"}),
        "w": ((*dims, "part"), np.stack([u, -u], axis=-1)),
    }
    coordinates = {"time": np.linspace(0, 1, FRAMES), "x": np.arange(POINTS) / POINTS}
    dataset = xr.Dataset(variables, coordinates)
    if path.suffix == ".zarr":
        dataset.to_zarr(path, zarr_format=2, consolidated=True)
    else:
        dataset.to_netcdf(path)
    return path


def pdebench_advection(path: Path, count: int = 20) -> Path:
    """`tensor` [N, T, X]; as published, with a time more than there are frames."""
    with h5py.File(path, "w") as file:
        file.create_dataset("tensor", data=values(count))
        file.create_dataset("x-coordinate", data=((np.arange(POINTS) + 0.5) / POINTS).astype("f4"))
        times = np.linspace(0, 1, FRAMES)
        file.create_dataset("t-coordinate", data=np.append(times, 2 * times[-1] - times[-2]))
        file.attrs["beta"] = 0.4
    return path


def pdebench_flow(path: Path, dims: int, count: int = 6) -> Path:
    """Compressible flow: an array for each field."""
    names = ("density", "pressure", "Vx", "Vy")[: dims + 2]
    with h5py.File(path, "w") as file:
        for name in names:
            data = plane(count, name) if dims == 2 else values(count, name)
            file.create_dataset(name, data=data)
        shape = file["density"].shape[2:]
        for axis, points in zip("xy", shape, strict=False):
            file.create_dataset(f"{axis}-coordinate", data=(np.arange(points) + 0.5) / points)
        file.create_dataset("t-coordinate", data=np.arange(FRAMES + 1) / (FRAMES - 1))
        file.attrs["eta"] = file.attrs["zeta"] = 1e-8
    return path


def the_well(path: Path, count: int = 6, boundary: str = "PERIODIC") -> Path:
    """Groups of scalars and vectors, as the specification of The Well has them."""
    with h5py.File(path, "w") as file:
        file.attrs["n_spatial_dims"], file.attrs["n_trajectories"] = 2, count
        dimensions = file.create_group("dimensions")
        dimensions.attrs["spatial_dims"] = ["x", "y"]
        for name, points in (("x", 8), ("y", 12)):
            dimensions.create_dataset(name, data=(np.arange(points) / points).astype("f4"))
        dimensions.create_dataset("time", data=np.linspace(0, 1, FRAMES).astype("f4"))
        for name in ("x", "y"):
            group = file.create_group(f"boundary_conditions/{name}_boundary")
            group.attrs["associated_dims"], group.attrs["bc_type"] = [name], boundary
            group.create_dataset("mask", data=np.zeros(8 if name == "x" else 12, dtype=bool))
        density = plane(count)
        everywhere = {"sample_varying": True, "time_varying": True, "dim_varying": [True, True]}
        fields: Mapping[str, tuple[np.ndarray, dict[str, Any]]] = {
            "t0_fields/density": (density, everywhere),
            "t0_fields/speed": (density[0, 0], {**everywhere, "sample_varying": False,
                                                "time_varying": False}),
            "t0_fields/profile": (density[:, 0, :, 0], {**everywhere, "time_varying": False,
                                                        "dim_varying": [True, False]}),
            "t1_fields/velocity": (np.stack([density, -density], axis=-1), everywhere),
            "t2_fields/stress": (
                np.stack([density * k for k in range(4)], axis=-1).reshape(*density.shape, 2, 2),
                everywhere,
            ),
        }  # fmt: skip
        for name, (data, attributes) in fields.items():
            file.create_dataset(name, data=data).attrs.update(attributes)
    return path
