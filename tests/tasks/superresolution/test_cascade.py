"""The cascade from a base prediction to finer grids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from finer_data import Files
from models import build
from torch import Tensor

from wdno.data.coarser import restricted
from wdno.data.dataset import Trajectories
from wdno.grids.levels import Grid
from wdno.grids.maps import interpolate, restrict
from wdno.model import Model
from wdno.objectives.base import Request
from wdno.tasks.superresolution.cascade import Cascade, Learned, imposed
from wdno.tasks.superresolution.evaluation import levels_of


def exact_model(files: Files, representation: dict[str, Any], truth: dict[int, Tensor]) -> Model:
    """A model whose denoiser is perfect: it draws the solution."""
    levels = files.data(levels=2 if files.options.time else 1)
    model = build(levels, representation=representation, objective={"name": "regression"})
    asked: dict[str, Tensor] = {}
    request = model._request

    def remember(batch: Mapping[str, Tensor], **more: Any) -> Request:
        asked.update(batch)
        return request(batch, **more)

    def draw(request: Request, generators: object, sampling: object) -> Tensor:
        return model.encode({"state": truth[int(asked["grid_level"][0])]}, asked)

    model._request = remember  # type: ignore[method-assign]
    model.objective.predict = draw  # type: ignore[method-assign]
    return model


def opened(files: Files) -> tuple[dict[str, Tensor], list[Grid]]:
    fine = Trajectories(files.fine)
    grids = levels_of(fine, files.settings.grid_shape(), files.options)
    return fine.batch(np.arange(3)), grids


def on_levels(stored: dict[str, Tensor], grids: list[Grid]) -> list[Tensor]:
    return [restricted(stored, grids[-1], grid)["state"][:, :, grid.given :] for grid in grids]


@pytest.mark.parametrize(
    "representation", [{"name": "identity"}, {"name": "wavelet", "family": "haar"}]
)
@pytest.mark.parametrize("name", ["equation", "plumes"])
def test_an_exact_denoiser_gives_the_exact_fine_solution(
    request: pytest.FixtureRequest, name: str, representation: dict[str, Any]
) -> None:
    files: Files = request.getfixturevalue(name)
    stored, grids = opened(files)
    truth = on_levels(stored, grids)
    assert len(grids) == (3 if name == "equation" else 2)
    model = exact_model(files, representation, {-k: truth[k] for k in range(1, len(grids))})
    found = Cascade(grids, None, Learned(model))(stored, stored["index"], 0)
    for drawn, expected in zip(found, truth, strict=True):
        torch.testing.assert_close(drawn, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["equation", "plumes"])
@pytest.mark.parametrize("kind", ["linear", "cubic", "band_limited", "nearest"])
def test_interpolations_are_those_of_the_level_below(
    request: pytest.FixtureRequest, name: str, kind: Any
) -> None:
    files: Files = request.getfixturevalue(name)
    stored, grids = opened(files)
    cascade = Cascade(grids, None, kind)
    found = cascade(stored, stored["index"], 0)
    whole = restricted(stored, grids[-1], grids[0])["state"]
    for coarser, grid, drawn in zip(grids, grids[1:], found[1:], strict=False):
        whole = interpolate(whole, coarser.axes("state"), grid.axes("state"), kind)
        if coarser is grids[0]:
            torch.testing.assert_close(drawn, whole[:, :, grid.given :])
    assert min(cascade.seconds) > 0


def test_the_given_frame_is_taken_on_every_grid(equation: Files) -> None:
    """What is interpolated at the second doubling starts from the known frame on that grid."""
    stored, grids = opened(equation)
    found = Cascade(grids, None, "linear")(stored, stored["index"], 0)
    first = restricted(stored, grids[-1], grids[1])["state"][:, :, :1]
    whole = torch.cat([first, found[1]], dim=2)
    finer = interpolate(whole, grids[1].axes("state"), grids[2].axes("state"), "linear")
    torch.testing.assert_close(found[2], finer[:, :, 1:])


@pytest.mark.parametrize("name", ["equation", "plumes"])
def test_imposed_values_are_those_of_the_coarser_grid(
    request: pytest.FixtureRequest, name: str
) -> None:
    stored, grids = opened(request.getfixturevalue(name))
    coarser, grid = grids[:2]
    known = {k: restricted(stored, grids[-1], k)["state"] for k in (coarser, grid)}
    wrong = known[grid] + torch.randn_like(known[grid])
    mended = imposed(wrong, known[coarser], coarser, grid)
    axes = grid.axes("state"), coarser.axes("state")
    torch.testing.assert_close(restrict(mended, *axes), known[coarser], rtol=1e-4, atol=1e-5)
    right = imposed(known[grid], known[coarser], coarser, grid)
    torch.testing.assert_close(right, known[grid], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("refine", ["cubic", "model"])
def test_finer_levels_take_more_memory(equation: Files, refine: Any) -> None:
    """Whatever predicts them, and measuring it changes neither predictions nor times."""
    stored, grids = opened(equation)
    kinds = {"representation": {"name": "identity"}, "objective": {"name": "regression"}}
    learned = Learned(build(equation.data(levels=2), **kinds))
    cascade = Cascade(grids, None, learned if refine == "model" else refine)
    before = cascade(stored, stored["index"], 0)
    seconds = list(cascade.seconds)
    memory = cascade.memory(stored, stored["index"])
    assert cascade.seconds == seconds
    assert memory == cascade.memory(stored, stored["index"])
    # At least what a level is given and generates.
    assert memory[2] > 4 * 2 * before[2].numel()
    assert memory[2] > 2 * memory[1]
    for one, other in zip(before, cascade(stored, stored["index"], 0), strict=True):
        torch.testing.assert_close(one, other)


def test_a_direct_base_is_needed(equation: Files) -> None:
    with pytest.raises(ValueError, match="'direct' asks the base model"):
        Cascade(opened(equation)[1], None, "direct")
