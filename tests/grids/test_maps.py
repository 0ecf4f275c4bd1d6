"""Maps between grids: what is exact, on which axes, and gradients."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from wdno.grids.axis import GridAxis, GridError
from wdno.grids.levels import Grid
from wdno.grids.maps import interpolate, restrict
from wdno.grids.weights import interpolation_weights

KINDS = ("linear", "cubic", "band_limited", "nearest")
SIZES = (4, 5, 8, 15, 32)


def burgers(count):
    """Points (s j + 1) / (s n + 1), as those of Burgers' equation."""
    stride = 16
    x = (stride * np.arange(count) + 1) / (stride * count + 1)
    return GridAxis.of(x, "left", "dirichlet", (0.0, 1.0))


AXES = {
    "dirichlet": burgers,
    "periodic": lambda n: GridAxis(0.0, 1 / n, n, "left", "periodic"),
    "periodic cells": lambda n: GridAxis(0.5 / n, 1 / n, n, "cells", "periodic"),
    "open": lambda n: GridAxis(60.0, -0.25, n, "left"),
    "cells": lambda n: GridAxis(-1 + 1 / n, 2 / n, n, "cells"),
    "frames": lambda n: GridAxis(0.0, 0.1, n + 1, "both"),
    "generated": lambda n: GridAxis(0.1, 0.1, n, "right"),
}


def polynomial(axis, *coefficients):
    """Values of a polynomial on an axis, exact means over cells where it has those."""
    function = np.polynomial.Polynomial(coefficients)
    if not axis.means:
        return function(axis.coordinates)
    half = abs(axis.spacing) / 2
    integral = function.integ()
    x = axis.coordinates
    return (integral(x + half) - integral(x - half)) / (2 * half)


def levels(axis, doublings=3):
    return [axis, *itertools.accumulate(range(doublings), lambda a, _: a.finer(), initial=axis)][1:]


@pytest.mark.parametrize("kind", ["linear", "cubic", "band_limited"])
@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("name", ["open", "cells", "frames", "generated"])
def test_a_linear_field_is_exact_at_all_levels(name, count, kind):
    source = AXES[name](count)
    for target in levels(source):
        found = interpolation_weights(source, target, kind) @ polynomial(source, 0.7, -1.3)
        assert found == pytest.approx(polynomial(target, 0.7, -1.3), abs=1e-9)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("name", ["open", "cells", "frames", "generated"])
def test_a_cubic_field_is_exact_with_cubic(name, count):
    source = AXES[name](count)
    centre = source.coordinates.mean()
    cubic = np.polynomial.Polynomial([0.3, -0.8, 0.5, 2.0])(np.polynomial.Polynomial([-centre, 1]))
    for target in levels(source):
        found = interpolation_weights(source, target, "cubic") @ polynomial(source, *cubic.coef)
        assert found == pytest.approx(polynomial(target, *cubic.coef), abs=1e-9)


@pytest.mark.parametrize("count", SIZES)
def test_a_cubic_that_vanishes_at_the_ends_is_exact_with_cubic(count):
    source = burgers(count)
    for target in levels(source):
        found = interpolation_weights(source, target, "cubic") @ polynomial(source, 0, 1, 1, -2)
        assert found == pytest.approx(polynomial(target, 0, 1, 1, -2), abs=1e-12)


@pytest.mark.parametrize("count", SIZES)
def test_linear_is_exact_between_points_and_goes_to_zero_at_the_ends(count):
    source = burgers(count)
    target = source.finer().finer()
    found = interpolation_weights(source, target, "linear") @ source.coordinates
    x, last = target.coordinates, source.coordinates[-1]
    assert found == pytest.approx(np.where(x <= last, x, (1 - x) * last / (1 - last)), abs=1e-12)


@pytest.mark.parametrize("count", SIZES)
def test_all_resolved_waves_are_exact_when_band_limited(count):
    """Each boundary's own waves: of periodic points and cells, of zero ends."""
    for name in ("periodic", "periodic cells"):
        source = AXES[name](count)
        for target, k in itertools.product(levels(source), range((count + 1) // 2)):
            damped = [np.sinc(k * axis.spacing) if axis.means else 1 for axis in (source, target)]
            a, b = (
                np.sin(2 * np.pi * k * axis.coordinates + 0.4) * factor
                for axis, factor in zip((source, target), damped, strict=True)
            )
            assert interpolation_weights(source, target, "band_limited") @ a == pytest.approx(b)
    source = burgers(count)
    for target, k in itertools.product(levels(source), range(1, count)):
        a, b = (np.sin(np.pi * k * axis.coordinates) for axis in (source, target))
        found = interpolation_weights(source, target, "band_limited") @ a
        assert found == pytest.approx(b, abs=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("name", AXES)
def test_what_is_interpolated_and_restricted_is_what_it_was(name, count, kind):
    source = AXES[name](count)
    if source.means and kind == "linear":
        kind = "cubic"  # linear interpolation does not keep the means of cells
    values = torch.from_numpy(np.random.default_rng(0).standard_normal((2, source.count)))
    for target in levels(source):
        fine = interpolate(values, [source], [target], kind)
        assert fine.shape == (2, target.count)
        torch.testing.assert_close(
            restrict(fine, [target], [source]),
            values,
            rtol=0,
            atol=1e-10 if source.means else 0,
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["periodic", "periodic cells"])
def test_periodic_maps_commute_with_shifts(name, kind):
    source = AXES[name](10)
    matrix = interpolation_weights(source, source.finer(), kind)
    np.testing.assert_allclose(np.roll(matrix, (2, 1), axis=(0, 1)), matrix, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in ("cells", "periodic cells") for kind in KINDS]
    + [("periodic", kind) for kind in KINDS if kind != "nearest"],
)
def test_a_mirrored_field_is_mapped_to_the_mirrored_one(name, kind):
    """No shift by half a cell; the nearest of points is left out, as ties go to one side."""
    source = AXES[name](9)
    matrix = interpolation_weights(source, source.finer(), kind)
    turned = matrix[::-1, ::-1]
    if not source.means:  # points at 0, whose mirror image is itself
        turned = np.roll(turned, (1, 1), axis=(0, 1))
    np.testing.assert_allclose(turned, matrix, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["dirichlet", "open", "periodic"])
def test_an_error_of_a_value_is_not_grown(name, kind):
    """Burgers' first point is next to the end: with both in a stencil, weights reach eight."""
    source = AXES[name](48)
    matrix = interpolation_weights(source, source.finer(), kind)
    inside = matrix[:-1] if name == "open" else matrix  # beyond the last point it is continued
    assert (
        np.abs(inside).max() <= {"linear": 1, "cubic": 1.2, "band_limited": 1.3, "nearest": 1}[kind]
    )


def test_nearest_of_points_is_the_one_before_and_of_cells_the_cell():
    for source in (AXES["periodic"](4), AXES["cells"](4), burgers(4)):
        found = interpolation_weights(source, source.finer(), "nearest")
        np.testing.assert_array_equal(found, np.repeat(np.eye(4), 2, axis=0))
    frames = AXES["frames"](3)
    found = interpolation_weights(frames, frames.finer(), "nearest") @ np.arange(4.0)
    np.testing.assert_array_equal(found, [0, 0, 1, 1, 2, 2, 3])


@pytest.mark.parametrize("time", [True, False])
def test_space_and_time_in_two_dimensions(time):
    """A field of degree three in each axis, with forcing as means over intervals."""
    space = (GridAxis(-0.75, 0.5, 4, "cells"), GridAxis(10.0, -0.25, 6, "left"))
    coarse = Grid.of(np.linspace(0.0, 1.0, 5), 1, space)
    fine = coarse.finer(time=time)

    def field(axes):
        t, y, x = (
            polynomial(axis, 0.2, 1.0, -0.4, shape)
            for axis, shape in zip(axes, (0.5, -0.3, 0.001), strict=True)
        )
        return torch.from_numpy(t[:, None, None] * y[:, None] * x).expand(2, 3, -1, -1, -1)

    for held in ("state", "forcing"):
        source, target = coarse.axes(held), fine.axes(held)
        found = interpolate(field(source), source, target, "cubic")
        torch.testing.assert_close(found, field(target), rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(restrict(found, target, source), field(source))
    held = field(fine.axes("state"))[:, :, fine.given :]
    assert held.shape[2:] == fine.shape
    torch.testing.assert_close(
        restrict(held, fine.axes("generated"), coarse.axes("generated")),
        field(coarse.axes("state"))[:, :, 1:],
    )


def test_gradients_are_those_of_the_transposed_map():
    source = Grid.of(np.linspace(0.0, 1.0, 5), 1, [burgers(6)]).axes("state")
    target = tuple(axis.finer() for axis in source)
    values = torch.randn(2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: interpolate(x, source, target), values)
    fine = torch.randn(9, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: restrict(x, target, source), fine)


def test_weights_made_in_inference_mode_serve_training():
    source = (burgers(10),)
    target = (source[0].finer(),)
    with torch.inference_mode():
        interpolate(torch.ones(10), source, target)
    values = torch.ones(10, requires_grad=True)
    interpolate(values, source, target).sum().backward()
    assert values.grad is not None and values.grad.abs().sum() > 0


def test_mixed_precision_does_not_round():
    source = (burgers(32),)
    target = (source[0].finer(),)
    values = torch.randn(3, 32)
    expected = interpolate(values, source, target)
    with torch.autocast("cpu", torch.bfloat16):
        found = interpolate(values, source, target)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert interpolate(values.bfloat16(), source, target).dtype == torch.bfloat16


def test_what_does_not_belong_together_is_refused():
    axis = burgers(8)
    with pytest.raises(GridError, match=r"expected values \[..., 8\], got shape \(7,\)"):
        interpolate(torch.ones(7), [axis], [axis.finer()])
    with pytest.raises(GridError, match="as many axes"):
        interpolate(torch.ones(8), [axis], [])
    with pytest.raises(GridError, match="expected one of linear"):
        interpolate(torch.ones(8), [axis], [axis.finer()], "quintic")
    with pytest.raises(GridError, match="same domain"):
        interpolate(torch.ones(8), [axis], [AXES["periodic"](16)])
    with pytest.raises(GridError, match="too far beyond"):
        interpolate(torch.ones(8), [AXES["open"](8)], [AXES["open"](16)])
    with pytest.raises(GridError, match="whole multiple"):
        restrict(torch.ones(8), [axis], [axis.finer()])
    with pytest.raises(GridError, match="among those of"):
        restrict(torch.ones(8), [AXES["open"](8)], [GridAxis(59.9, -0.5, 4)])
    with pytest.raises(GridError, match="among those of"):
        restrict(torch.ones(8), [AXES["cells"](8)], [GridAxis(-0.625, 0.5, 3, "cells")])
