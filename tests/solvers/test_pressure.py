from __future__ import annotations

import numpy as np
import pytest
import torch

from wdno.solvers import phiflow_grids
from wdno.solvers.pressure import (
    divergence,
    factorise,
    pressure_matrix,
    project,
    project_dense,
    project_sparse,
)
from wdno.solvers.scene import WDNO_BUCKETS, WDNO_OBSTACLES, Scene

WDNO = Scene(128, 16, WDNO_OBSTACLES, WDNO_BUCKETS)
SCENES = {"wdno": WDNO.draw(32), "open": Scene(128, 0).draw(16), "fine": WDNO.draw(128)}


def random_velocity(cells: int, batch: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: 3 * torch.randn(shape, generator=generator, dtype=torch.float64)  # noqa: E731
    return draw(batch, cells + 1, cells), draw(batch, cells, cells + 1)


def difference(a: tuple, b: tuple) -> float:
    return max(float((x - y).abs().max()) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("name", SCENES)
def test_projection_leaves_no_divergence_and_no_flux_through_obstacles(name: str) -> None:
    drawing = SCENES[name]
    v, u = project(*random_velocity(drawing.cells), drawing.solid)
    worst = float(divergence(v, u, drawing.solid, 1.0).abs().max())
    assert worst < 1e-12, f"{name}: divergence {worst:.1e}, bar 1e-5"
    for values, mask in zip((v, u), drawing.open_faces(), strict=True):
        assert not values[:, torch.as_tensor(~mask)].any(), f"{name}: flux through an obstacle"


def test_single_precision_stays_below_the_bar() -> None:
    drawing = SCENES["fine"]
    velocity = [part.float() for part in random_velocity(128)]
    v, u = project(*velocity, drawing.solid)
    assert v.dtype == torch.float32
    worst = float(divergence(v, u, drawing.solid, 1.0).abs().max())
    assert worst < 1e-5, f"divergence {worst:.1e} in float32, bar 1e-5"


def test_matrix_is_the_five_point_one() -> None:
    solid = np.zeros((3, 3), dtype=bool)
    solid[1, 1] = True
    matrix = pressure_matrix(solid).toarray()
    assert matrix.shape == (8, 8)
    assert np.array_equal(matrix.diagonal(), [4, 3, 4, 3, 3, 4, 3, 4])
    assert matrix[0, 1] == -1 and matrix[1, 6] == 0
    assert np.array_equal(matrix, matrix.T) and np.linalg.eigvalsh(matrix).min() > 0


def test_factor_is_reused() -> None:
    solid = SCENES["wdno"].solid
    assert factorise(solid) is factorise(solid.copy())


@pytest.mark.parametrize("name", ["wdno", "open"])
def test_projection_is_orthogonal(name: str) -> None:
    """P P = P and <a, P b> = <P a, b>, which makes P its own adjoint."""
    drawing = SCENES[name]
    a, b = (random_velocity(drawing.cells, seed=seed) for seed in (1, 2))
    pa, pb = (project(*part, drawing.solid) for part in (a, b))
    again = difference(project(*pa, drawing.solid), pa)
    assert again < 1e-12, f"a second projection changes the velocity by {again:.1e}"
    left = sum(float((x * y).sum()) for x, y in zip(a, pb, strict=True))
    right = sum(float((x * y).sum()) for x, y in zip(pa, b, strict=True))
    assert abs(left - right) < 1e-9, f"<a, P b> = {left}, <P a, b> = {right}"


def test_gradients_of_a_potential_are_removed_and_rotations_kept() -> None:
    drawing = Scene(16, 0).draw(16)
    stream = torch.randn(1, 17, 17, dtype=torch.float64)
    rotation = stream.diff(dim=2), -stream.diff(dim=1)
    potential = torch.nn.functional.pad(torch.randn(1, 16, 16, dtype=torch.float64), (1, 1, 1, 1))
    gradient = potential[:, :, 1:-1].diff(dim=1), potential[:, 1:-1].diff(dim=2)
    total = tuple(r + g for r, g in zip(rotation, gradient, strict=True))
    error = difference(project(*total, drawing.solid), rotation)
    assert error < 1e-12, f"the rotational part comes back with an error of {error:.1e}"


@pytest.mark.parametrize("name", ["wdno", "open"])
def test_dense_path_gives_the_same(name: str) -> None:
    """What runs on a GPU: sine transforms and a capacitance matrix."""
    drawing = SCENES[name]
    velocity = random_velocity(drawing.cells)
    error = difference(
        project_dense(*velocity, drawing.solid), project_sparse(*velocity, drawing.solid)
    )
    assert error < 1e-11, f"{name}: the dense and the sparse projection differ by {error:.1e}"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["wdno", "open"])
def test_agrees_with_phiflow(name: str) -> None:
    drawing = SCENES[name]
    velocity = random_velocity(drawing.cells, batch=2)
    ours = project(*velocity, drawing.solid)
    theirs = phiflow_grids.project_by_phiflow(*velocity, drawing.solid)
    left = float(divergence(*theirs, drawing.solid, 1.0).abs().max())
    assert left < 1e-5, f"PhiFlow's solve left a divergence of {left:.1e}: not a reference here"
    error = difference(ours, theirs)
    assert error < 1e-6, f"{name}: difference to PhiFlow {error:.1e}, bar 1e-4"


def test_gradients_are_exact() -> None:
    solid = np.zeros((6, 5), dtype=bool)
    solid[2:4, 2] = True
    v = torch.randn(2, 7, 5, dtype=torch.float64, requires_grad=True)
    u = torch.randn(2, 6, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v, u: project(v, u, solid), (v, u))
    assert torch.autograd.gradgradcheck(lambda v, u: project(v, u, solid), (v, u))


def test_every_trajectory_is_the_same_in_any_batch() -> None:
    drawing = SCENES["wdno"]
    v, u = random_velocity(32, batch=11)
    whole = project(v, u, drawing.solid)
    for k in (0, 3, 10):
        alone = project(v[k : k + 1], u[k : k + 1], drawing.solid)
        assert all(torch.equal(w[k : k + 1], a) for w, a in zip(whole, alone, strict=True)), k


def test_bad_input_is_refused() -> None:
    drawing = SCENES["wdno"]
    v, u = random_velocity(32)
    with pytest.raises(ValueError, match=r"32 x 32 cells must have shapes \[B, 33, 32\]"):
        project(u, v, drawing.solid)
    pocket = np.zeros((8, 8), dtype=bool)
    pocket[2:6, 2:6] = True
    pocket[3, 3] = False
    with pytest.raises(ValueError, match=r"close off 1 fluid cells .*no solution"):
        project(torch.zeros(1, 9, 8), torch.zeros(1, 8, 9), pocket)
