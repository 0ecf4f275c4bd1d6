"""Where values are, at all spacings."""

from __future__ import annotations

import numpy as np
import pytest

from wdno.grids.axis import GridAxis, GridError
from wdno.grids.levels import Grid
from wdno.systems.advection import Advection, AdvectionOptions
from wdno.systems.burgers import Burgers, BurgersOptions
from wdno.systems.compressible_ns import CompressibleNS, CompressibleNSOptions
from wdno.systems.smoke import Smoke, SmokeOptions

SYSTEMS = [
    (Burgers, BurgersOptions, {"time": 16, "x": 24}, {"time": 32, "x": 48}),
    (Advection, AdvectionOptions, {"time": 10, "x": 24}, {"time": 20, "x": 48}),
    (CompressibleNS, CompressibleNSOptions, {"time": 16, "x": 32}, {"time": 32, "x": 64}),
    (Smoke, SmokeOptions, {"time": 16, "cells": 32}, {"time": 32, "cells": 64}),
]


def grid(system):
    coordinates = system.coordinates()
    space = [
        GridAxis.of(
            coordinates[axis.name], "cells" if axis.cells else "left", axis.boundary, axis.ends
        )
        for axis in system.axes
    ]
    return Grid.of(coordinates["time"], system.given_frames, space)


def assert_same(found, expected):
    assert found.given == expected.given
    axes = zip(
        (found.frames, found.intervals, *found.space),
        (expected.frames, expected.intervals, *expected.space),
        strict=True,
    )
    for a, b in axes:
        assert (a.count, a.nesting, a.boundary, a.ends) == (b.count, b.nesting, b.boundary, b.ends)
        assert a.coordinates == pytest.approx(b.coordinates, abs=1e-9 * abs(b.spacing))


@pytest.mark.parametrize(("system", "options", "coarse", "fine"), SYSTEMS)
def test_levels_are_the_grids_that_the_system_stores(system, options, coarse, fine):
    coarse, fine = grid(system(options(grid=coarse))), grid(system(options(grid=fine)))
    assert_same(coarse.finer(time=True), fine)
    assert_same(fine.coarser(time=True), coarse)
    assert_same(fine.finer(time=False).coarser(time=False), fine)
    assert fine.shape == tuple(2 * n for n in coarse.shape)


@pytest.mark.parametrize(("system", "options", "coarse", "fine"), SYSTEMS)
def test_intervals_are_those_of_the_system(system, options, coarse, fine):
    coordinates = system(options(grid=fine)).coordinates()
    intervals = grid(system(options(grid=fine))).intervals
    expected = coordinates["time"][:-1] + np.diff(coordinates["time"]) / 2
    assert intervals.coordinates == pytest.approx(coordinates.get("interval", expected))


def test_generated_frames_end_together():
    fine = Grid.of(np.linspace(0.0, 8.0, 9), 1, [GridAxis(0.0, 1.0, 4)])
    times = fine.axes("generated")[0].coordinates
    partners = fine.coarser(time=True).axes("generated")[0].coordinates
    assert times[1::2] == pytest.approx(partners)
    assert fine.coarser(time=True).axes("generated")[0].finer().coordinates == pytest.approx(times)


@pytest.mark.parametrize(("given", "frames"), [(12, 20), (11, 20), (3, 8)])
def test_a_halved_history_ends_with_the_last_given_frame(given, frames):
    times = np.arange(given + frames) - (given - 1.0)
    coarse = Grid.of(times, given, [GridAxis(60.0, -0.25, 8)]).coarser(time=True)
    kept = coarse.frames.coordinates
    assert kept[coarse.given - 1] == pytest.approx(0.0)
    assert kept[coarse.given :] == pytest.approx(times[given + 1 :: 2])
    assert kept[0] >= times[0]
    assert coarse.space[0].coordinates == pytest.approx(60.0 - 0.5 * np.arange(4))
    with pytest.raises(GridError, match="refine space alone"):
        coarse.finer(time=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 0}, "at least one value"),
        ({"spacing": 0.0}, "at least one value"),
        ({"boundary": "wall"}, "dirichlet, periodic or open"),
        ({"boundary": "dirichlet"}, "needs the two ends"),
        ({"ends": (0.0, 1.0)}, "no other"),
        ({"boundary": "dirichlet", "ends": (0.2, 1.0)}, "outside of the ends"),
        ({"boundary": "dirichlet", "ends": (0.0, 1.0), "nesting": "cells"}, "not supported"),
    ],
)
def test_impossible_axes_are_refused(change, message):
    with pytest.raises(GridError, match=message):
        GridAxis(**{"first": 0.1, "spacing": 0.1, "count": 8} | change)


def test_uneven_coordinates_are_refused():
    with pytest.raises(GridError, match="not evenly spaced"):
        GridAxis.of([0.0, 1.0, 2.1, 3.0], "left")
    with pytest.raises(GridError, match="at least two"):
        GridAxis.of([0.0], "left")


@pytest.mark.parametrize(
    ("nesting", "count"), [("left", 7), ("cells", 7), ("right", 7), ("both", 8)]
)
def test_numbers_that_cannot_be_halved_are_refused(nesting, count):
    with pytest.raises(GridError, match="cannot be halved"):
        GridAxis(0.0, 1.0, count, nesting).coarser()
