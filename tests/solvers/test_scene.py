from __future__ import annotations

import numpy as np
import pytest

from wdno.solvers.scene import WDNO_BUCKETS, WDNO_OBSTACLES, Scene, closed_pockets

WDNO = Scene(128, 16, WDNO_OBSTACLES, WDNO_BUCKETS)


def test_scene_is_drawn_as_described() -> None:
    drawing = WDNO.draw(128)
    assert drawing.spacing == 1 and drawing.cells == 128
    assert drawing.solid[40, 40:88].all() and not drawing.solid[40, [39, 88]].any()
    assert drawing.solid[72:112, [16, 112]].all() and not drawing.solid[56:72, [16, 112]].any()
    assert int(drawing.frame.sum()) == 128**2 - 96**2
    assert not drawing.frame[16:112, 16:112].any()
    row, column, height, width = WDNO_BUCKETS[1]
    target = drawing.bucket == 1
    assert target.sum() == height * width - 4, "four cells of the target are solid rims"
    assert target[row : row + height, column : column + width].sum() == target.sum()


@pytest.mark.parametrize("cells", [64, 32, 16])
def test_coarser_grids_keep_walls_closed_and_gates_open(cells: int) -> None:
    fine, coarse = WDNO.draw(128), WDNO.draw(cells)
    ratio = 128 // cells
    blocks = fine.solid.reshape(cells, ratio, cells, ratio)
    assert np.array_equal(coarse.solid, blocks.any(axis=(1, 3)))
    assert coarse.spacing == ratio
    if cells > 16:
        assert set(np.unique(coarse.bucket)) == set(range(-1, 7)), "a bucket is lost"
    gate = slice(56 // ratio, 72 // ratio)
    assert not coarse.solid[112 // ratio, gate].any(), f"the target's gate is closed on {cells}"


def test_control_faces_lie_in_the_frame_and_are_open() -> None:
    drawing = WDNO.draw(32)
    y, x = drawing.control_faces()
    assert y.shape == (33, 32) and x.shape == (32, 33)
    assert y[[0, -1]].all() and x[:, [0, -1]].all(), "the border is controlled"
    assert not y[5:28, 4:28].any() and not y[4, 4:28].any(), "a face of an inner cell is controlled"
    solid = np.argwhere(drawing.solid)
    closed = [y[i, j] or y[i + 1, j] or x[i, j] or x[i, j + 1] for i, j in solid]
    assert not any(closed), "a face of an obstacle is controlled"


def test_cells_of_faces_averages_what_is_there() -> None:
    drawing = WDNO.draw(32)
    y, x = drawing.control_faces()
    values = np.concatenate([np.full((2, y.sum()), 3.0), np.full((2, x.sum()), -1.0)], axis=1)
    cells = drawing.cells_of_faces(values)
    open_frame = drawing.frame & ~drawing.solid
    assert np.array_equal(cells[:, :, ~open_frame], np.zeros((2, 2, (~open_frame).sum())))
    assert set(np.unique(cells[:, 0])) == {0.0, 3.0} and set(np.unique(cells[:, 1])) == {0.0, -1.0}
    ramp = np.zeros((1, y.sum() + x.sum()))
    ramp[0, : y.sum()] = np.argwhere(y)[:, 0]
    assert drawing.cells_of_faces(ramp)[0, 0, 2, 7] == 2.5


@pytest.mark.parametrize(
    ("scene", "cells", "message"),
    [
        (WDNO, 48, "a grid of 48 cells does not divide the scene of 128; it can be 1, 2, 4, 8, 16"),
        (WDNO, 0, "a grid of 0 cells does not divide"),
        (Scene(128, 64), 64, "a frame of 64 on both sides is as wide as the domain of 128"),
        (Scene(128, 70), 64, "must be below 64"),
        (Scene(128, -2), 64, "a frame of -2"),
        (Scene(128, 16), 4, "a frame of 16 is no whole number of cells on a grid of 4"),
        (Scene(16, 0, [(10, 10, 8, 1)]), 16, r"obstacle \(10, 10, 8, 1\) .* is not inside"),
        (Scene(16, 0, [], [(3, 3, 0, 1)]), 16, r"bucket \(3, 3, 0, 1\) .* is not inside"),
        (Scene(16, 0, [(4, 4, 2, 2)], [(4, 4, 2, 2)]), 16, "bucket 0 .* holds no fluid cell"),
        (Scene(16, 0, [], [(4, 4, 2, 2), (5, 5, 2, 2)]), 16, "bucket 1 .* overlaps another one"),
    ],
)
def test_scenes_that_do_not_fit_are_refused(scene: Scene, cells: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scene.draw(cells)


def test_closed_pockets_are_refused_with_their_place() -> None:
    walls = [(4, 4, 1, 6), (9, 4, 1, 6), (4, 4, 6, 1), (4, 9, 6, 1)]
    message = r"close off 16 fluid cells on a grid of 16 \(first: row 5, column 5\)"
    with pytest.raises(ValueError, match=message):
        Scene(16, 0, walls).draw(16)
    joined_by_a_corner = [(4, 4, 1, 6), (9, 4, 1, 5), (4, 4, 6, 1), (4, 9, 5, 1)]
    with pytest.raises(ValueError, match="close off 16 fluid cells"):
        Scene(16, 0, joined_by_a_corner).draw(16)
    opened = [(4, 4, 1, 6), (9, 4, 1, 6), (4, 4, 6, 1), (4, 9, 4, 1)]
    Scene(16, 0, opened).draw(16)


def test_a_long_way_out_is_a_way_out() -> None:
    solid = np.ones((41, 41), dtype=bool)
    solid[1:-1:2, 1:-1] = False
    solid[2:-1:4, -2] = solid[4:-1:4, 1] = False
    assert np.array_equal(closed_pockets(solid), ~solid)
    solid[0, 1] = False
    assert not closed_pockets(solid).any()
