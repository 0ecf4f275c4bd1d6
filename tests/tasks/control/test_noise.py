"""Noise in the control: its law, the same for all methods, and policies that can answer it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from wdno.config.root import Method
from wdno.evaluation.job import Job
from wdno.model import load
from wdno.problem import ProblemError
from wdno.tasks.control.cases import Cases
from wdno.tasks.control.evaluation import evaluate
from wdno.tasks.control.noise import ControlNoise, bounds
from wdno.tasks.control.objective import CountedObjective
from wdno.tasks.control.options import Options

MakeJob = Callable[..., Job]


def noisy(baseline: str, probability: float, **bounds: Any) -> dict[str, Any]:
    return {"baseline": baseline, "control": {"noise": {"probability": probability, **bounds}}}


def test_frames_are_lost_with_the_probability_and_become_uniform() -> None:
    mask = torch.tensor([[True, True, False], [True, True, True]])[None, :, None]
    own = torch.full((400, 2, 20, 3), 99.0).double()
    cases = Cases(torch.arange(400), own[:, :, 0], None, {}, own)
    noise = ControlNoise(0.1, [-2.0, -10.0], [10.0, 10.0], mask)
    applied = noise.applied(cases, own * mask)
    lost = (applied != own * mask).any(3).any(1)
    assert lost.double().mean() == pytest.approx(0.1, abs=4 * (0.09 / 8000) ** 0.5)
    # A frame is lost as a whole, and nothing acts where it may not.
    where = lost[:, None, :, None] & mask
    assert ((applied != own) & mask == where).all() and (applied[..., 0, :, 2] == 0).all()
    for component, (low, high) in enumerate(((-2, 10), (-10, 10))):
        values = applied[:, component][lost][:, mask[0, component, 0]]
        assert low <= values.min() < low + 0.05 and high - 0.05 < values.max() <= high
        spread = (high - low) / 12**0.5
        error = 4 * spread / values.numel() ** 0.5
        assert values.mean() == pytest.approx((low + high) / 2, abs=error)
        assert values.std() == pytest.approx(spread, rel=0.05)


def test_a_case_meets_the_same_in_every_batch_and_more_of_it_when_more_is_lost(
    some: Cases, objective: CountedObjective
) -> None:
    few, many = (ControlNoise(p, [-1.0], [1.0], objective.mask) for p in (0.2, 0.6))
    whole = few.applied(some, some.own)
    rows = torch.tensor([4, 1])
    assert torch.equal(few.applied(some.take(rows), some.own[rows]), whole[rows])
    lost, others = (one.drawn(some)[0] for one in (few, many))
    assert lost.any() and (others & ~lost).any() and not (lost & ~others).any()
    assert torch.equal(
        many.applied(some, some.own).transpose(1, 2)[lost], whole.transpose(1, 2)[lost]
    )


def test_step_by_step_is_the_same(some: Cases, objective: CountedObjective) -> None:
    objective.noise = ControlNoise(0.4, [-1.0], [1.0], objective.mask)
    applied = objective.noise.applied(some, some.own)
    assert not torch.equal(applied, some.own)
    world = objective.begin(some)
    for k in range(applied.shape[2]):
        world.advance(some.own[:, :, k])
    objective.noise = None
    _, outcome = objective.solve(some, applied)
    torch.testing.assert_close(world.frame, outcome["state"][:, :, -1], rtol=0, atol=0)


def test_control_that_is_lost_altogether_is_the_noise_alone(make_job: MakeJob) -> None:
    constant = {"controller": {"name": "constant", "values": [0.7]}}
    held = evaluate(make_job({"baseline": "constant", "control": constant}))
    for baseline in ("data", "constant"):
        lost = evaluate(make_job(noisy(baseline, 1.0, low=[0.7], high=[0.7])))
        np.testing.assert_allclose(lost.score("j"), held.score("j"), rtol=1e-12)
        assert lost.design.options["noise"] == 1.0 and held.design.options["noise"] == 0.0
        # Judged beside the data's own control, which is lost as well.
        assert (lost.score("better_than_data") == 0).all()
    kept = evaluate(make_job(noisy("data", 0.0)))
    np.testing.assert_array_equal(
        kept.score("j"), evaluate(make_job({"baseline": "data"})).score("j")
    )


def test_bounds_are_those_of_the_training_set(
    make_job: MakeJob, some: Cases, objective: CountedObjective
) -> None:
    # The training set of this job is the test set.
    found = evaluate(make_job(noisy("constant", 0.5))).notes["noise"]
    assert found == {"low": [float(some.own.min())], "high": [float(some.own.max())]}
    half = torch.zeros_like(objective.mask)
    half[..., :8] = True
    assert bounds([some.own[:2], some.own[2:]], half) == (
        [float(some.own[..., :8].min())],
        [float(some.own[..., :8].max())],
    )


def test_a_policy_sees_what_the_noise_has_done(make_job: MakeJob, folder: Path) -> None:
    method = {"model": "bc", "control": {"controller": {"name": "policy"}}}
    method["control"]["noise"] = {"probability": 0.4, "low": [-3.0], "high": [3.0]}
    record = evaluate(make_job(method, "policy"))
    model, _ = load(folder / "policy.safetensors")
    examples = record.shown()
    control, state, first, target = (
        torch.from_numpy(examples[name].values).float()
        for name in ("control", "state", "first", "target")
    )
    observed = torch.cat([first[:, :, None], state[:, :, :-1]], dim=2)
    with torch.no_grad():
        asked = model.estimate({"observed": observed, "last": target})["forcing"]
    kept = ((control - asked).abs() < 1e-4).all(3)
    assert 0.3 < kept.double().mean() < 0.9
    assert (control.abs().amax(3)[~kept] > 1.5).all()
    calm = evaluate(make_job({**method, "control": {"controller": {"name": "policy"}}}, "policy"))
    assert not np.allclose(calm.shown()["state"], examples["state"])


@pytest.mark.parametrize(
    ("noise", "said"),
    [
        ({"probability": 1.5}, "less than or equal to 1"),
        ({"probability": 0.1, "low": [1.0]}, "as many values in both"),
        ({"probability": 0.1, "low": [1.0], "high": [0.0]}, "exchange them"),
    ],
)
def test_refuses_noise_that_cannot_be(noise: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Method.model_validate({"baseline": "data", "control": {"noise": noise}})


def test_another_number_of_components_is_refused_before_anything_is_solved(
    make_job: MakeJob,
) -> None:
    with pytest.raises(ProblemError, match="expected 1 values each"):
        evaluate(make_job(noisy("data", 0.1, low=[0.0, 0.0], high=[1.0, 1.0])))


def test_the_training_set_is_read_for_its_bounds_alone() -> None:
    task = Options(methods=["own"])
    known = noisy("data", 0.1, low=[0.0], high=[1.0])
    for method, splits in (
        (noisy("data", 0.1), ("test", "train")),
        (known, ("test",)),
        (noisy("data", 0.0), ("test",)),
        (noisy("nearest", 0.1), ("test", "train")),
    ):
        assert task.splits(Method.model_validate(method)) == splits
