"""Problems: what they refuse, what they pass on, and which data a model is not for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from linear_problem import ALL_SPANS

from wdno.problem import Part, Problem, ProblemError, along, flatten_frames, frame_names


def test_a_problem_survives_json() -> None:
    values = json.loads(json.dumps(ALL_SPANS.to_json()))
    assert Problem.from_json(values) == ALL_SPANS
    del values["scene"]
    with pytest.raises(KeyError, match="scene"):
        Problem.from_json(values)


def test_given_frames_are_told_apart_again() -> None:
    frames = torch.arange(24.0).view(1, 2, 3, 4)
    assert frame_names(("a", "b"), 3) == ("a0", "a1", "a2", "b0", "b1", "b2")
    problem = replace(
        ALL_SPANS,
        given=(Part("first", frame_names(("a", "b"), 3), "space", like="state"),),
        generated=(Part("state", ("a", "b"), start="first"),),
    )
    batch = {"first": flatten_frames(frames)}
    assert batch["first"][0, 3].tolist() == frames[0, 1, 0].tolist(), "b0 follows a2"
    assert torch.equal(problem.frames("state", batch), frames)
    assert torch.equal(problem.latest("state", batch), frames[:, :, 2:])
    with pytest.raises(ProblemError, match="'series' has no given frames"):
        ALL_SPANS.latest("series", batch)
    with pytest.raises(ProblemError, match="no part 'stat'; there are: first, state"):
        problem.frames("stat", batch)


def test_the_axes_of_a_span() -> None:
    grid = (5, 6, 7)
    assert along("space_time", grid) == grid
    assert along("space", grid) == (6, 7)
    assert along("time", grid) == (5,)
    assert along("number", grid) == ()


TOLD = Part("told", ("told",), "number", noise_of="state", largest=1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"generated": (Part("forcing", ("f",)),)}, "a part occurs twice in forcing, first"),
        ({"boundaries": ()}, "a boundary for each spatial axis"),
        ({"generated": (Part("state", ("u",), "space"),)}, "'state' is generated, but has no axis"),
        ({"generated": (Part("state", ("u",), start="last"),)}, "no part 'last'; there are"),
        ({"generated": (Part("state", ("u", "v", "w")),)}, "u0, u1, which are not k for each of u"),
        (
            {"given": (*ALL_SPANS.given[:3], Part("level", ("p",), "number", like="series"))},
            "'level' is like 'series', but a number is taken as it is",
        ),
        (
            {"given": (*ALL_SPANS.given, Part("told", ("s",), "time", noise_of="state"))},
            "'told' tells a level of noise, which is one number .* s of the span time, largest = 0",
        ),
        (
            {"given": (*ALL_SPANS.given, replace(TOLD, noise_of="forcing"))},
            "'told' tells the noise of 'forcing'; expected a generated part",
        ),
        (
            {"given": (*ALL_SPANS.given, TOLD, replace(TOLD, name="again"))},
            "'again' tells the noise of 'state'; .* one level for all",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        replace(ALL_SPANS, **change)


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"grid": (8, 9)}, "grid of test.nc is 8 x 9, the model m was trained on 8 x 8"),
        ({"boundaries": ("open",)}, "boundaries of test.nc is 'open', .* on 'periodic'"),
        ({"extent": (0.0, 2.0, 0.0, 1.0)}, "extent of test.nc is 0.0, 2.0, .* on 0.0, 1.0,"),
        ({"scene": "ab"}, "test.nc has another scene"),
        (
            {"generated": (Part("state", ("u",)), Part("series", ("s",), "time"))},
            r"generated of test.nc is state \(u; space time\), series \(s; time\)",
        ),
        (
            {"given": ALL_SPANS.given[:2]},
            r"given of test.nc is forcing \(f, g; space time\), first \(u0, u1; space, like",
        ),
        (
            {"given": (*ALL_SPANS.given, TOLD)},
            r"level \(p; number\), told \(told; number, noise of state up to 1\.0\)",
        ),
    ],
)
def test_data_of_another_problem_are_refused(change: dict[str, Any], shown: str) -> None:
    ALL_SPANS.require(ALL_SPANS, "test.nc", "m")
    with pytest.raises(ProblemError, match=shown) as refused:
        ALL_SPANS.require(replace(ALL_SPANS, **change), "test.nc", "m")
    assert "train it again, or generate the data" in str(refused.value)
