"""Controllers are judged by the solver alone, on one path for all."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from wdno.evaluation.job import Job
from wdno.evaluation.record import Record
from wdno.model import Model, load
from wdno.problem import ProblemError
from wdno.tasks.control import controllers
from wdno.tasks.control.cases import Cases
from wdno.tasks.control.evaluation import evaluate
from wdno.tasks.control.metrics import METRICS
from wdno.tasks.control.objective import CountedObjective

MakeJob = Callable[..., Job]
DDIM = {"name": "ddim", "steps": 3, "eta": 1.0}
GUIDED = {"name": "guided", "validation_cases": 4, "guidance": [{"name": "tilt"}]}


def adjoint(gradients: int, start: str = "zero") -> dict[str, Any]:
    controller = {"name": "adjoint", "gradients": gradients, "start": start}
    return {"baseline": "adjoint", "control": {"controller": controller}}


def test_j_is_that_of_the_solver_under_the_control(
    make_job: MakeJob, some: Cases, objective: CountedObjective, tmp_path: Path
) -> None:
    record = evaluate(make_job({"baseline": "data"}))
    record.check(METRICS)
    terms, outcome = objective.solve(some, some.own)
    np.testing.assert_allclose(record.score("j"), sum(terms.values()), rtol=1e-12)
    for name, term in terms.items():
        np.testing.assert_allclose(record.score(name), term, rtol=1e-12)
    assert (record.score("better_than_data") == 0).all()
    np.testing.assert_allclose(record.score("largest"), some.own.abs().amax((1, 2, 3)))
    examples = record.shown()
    assert examples.sizes["example"] == 2
    np.testing.assert_allclose(examples["state"], outcome["state"][:2], rtol=1e-6)
    np.testing.assert_allclose(examples["target"], some.target[:2], rtol=1e-6)
    record.write(tmp_path)
    assert Record.read(tmp_path).mean("j") == record.mean("j")


def test_zero_has_no_energy_and_the_optimum_is_best(make_job: MakeJob) -> None:
    zero, few, optimum = (
        evaluate(make_job(method)) for method in ({"baseline": "constant"}, adjoint(4), adjoint(40))
    )
    assert (zero.score("energy") == 0).all() and zero.mean("deviation") == zero.mean("j")
    assert (optimum.score("j") < few.score("j")).all()
    assert (few.score("j") < zero.score("j")).all()
    assert (few.score("solver_gradients") == 4).all() and (few.score("solver_calls") == 0).all()
    curve = optimum.scores["j_after_gradients"]
    assert curve.dims == ("case", "gradient") and curve.shape == (6, 40)
    np.testing.assert_allclose(curve[:, -1], optimum.score("j"), rtol=1e-9)
    from_data = evaluate(make_job(adjoint(60, "data")))
    assert from_data.mean("j") == pytest.approx(optimum.mean("j"), rel=0.02)


def test_the_weight_is_the_best_on_validation_cases(make_job: MakeJob) -> None:
    def guided(**options: Any) -> Record:
        method = {"model": "wdno", "sampler": DDIM}
        method["control"] = {"controller": {**GUIDED, **options}}
        return evaluate(make_job(method, "control_diffusion"))

    chosen = guided(weights=[0.0, 0.01, 0.1])
    told = chosen.notes
    tried = told["J on validation"]
    assert f"weight {told['weight']:g}" == min(tried, key=tried.get) and len(tried) == 3
    alone = guided(guidance=[{"name": "tilt", "weight": told["weight"]}])
    np.testing.assert_allclose(alone.score("j"), chosen.score("j"), rtol=1e-6)
    # The solver was asked on validation cases alone.
    assert (chosen.score("solver_calls") == 0).all()
    assert (chosen.score("solver_gradients") == 0).all()


def test_draws_and_polish_by_the_solver_help_and_are_counted(make_job: MakeJob) -> None:
    def guided(**options: Any) -> Record:
        method = {"model": "wdno", "sampler": DDIM}
        method["control"] = {"controller": {**GUIDED, **options}}
        return evaluate(make_job(method, "control_diffusion"))

    one, best, polished = guided(), guided(draws=3), guided(polish={"gradients": 5})
    assert (best.score("j") <= one.score("j") + 1e-12).all() and best.mean("j") < one.mean("j")
    assert (best.score("solver_calls") == 3).all()
    assert best.cost.evaluations == 3 * one.cost.evaluations == 9
    assert (polished.score("j") < one.score("j")).all()
    assert (polished.score("solver_gradients") == 5).all()
    looped = guided(guidance=[{"name": "polyak", "below": 0.5}])
    assert looped.mean("j") < one.mean("j")
    assert (looped.score("solver_gradients") == 1).all()


def test_descent_goes_by_other_weights_at_first(make_job: MakeJob) -> None:
    def record(gradients: int, **first: Any) -> Record:
        method = adjoint(gradients)
        method["control"]["controller"] |= first
        return evaluate(make_job(method))

    free = {"terms": {"energy": 0.0}}
    alone, half, whole = record(6), record(6, before=6, **free), record(12, before=6, **free)
    # Energy at no cost: closer to the target, dearer.
    assert half.mean("deviation") < alone.mean("deviation")
    assert half.mean("energy") > alone.mean("energy")
    # The curve is of J throughout, and goes on where the first part ends.
    curve = whole.scores["j_after_gradients"]
    np.testing.assert_allclose(curve[:, :6], half.scores["j_after_gradients"])
    np.testing.assert_allclose(curve[:, 5], half.score("j"), rtol=1e-3)
    np.testing.assert_allclose(curve[:, 6], curve[:, 5], rtol=1e-9)
    assert (whole.score("j") <= half.score("j")).all() and whole.mean("j") < half.mean("j")
    assert (whole.score("solver_gradients") == 12).all()


def test_guidance_goes_by_other_weights(make_job: MakeJob) -> None:
    def guided(**terms: float) -> Record:
        one = {**GUIDED, "guidance": [{"name": "tilt", "weight": 0.3}], "terms": terms}
        method = {"model": "wdno", "sampler": DDIM, "control": {"controller": one}}
        return evaluate(make_job(method, "control_diffusion"))

    cheap, dear = guided(energy=10.0), guided(energy=0.0)
    assert cheap.mean("energy") < dear.mean("energy")


@pytest.mark.parametrize("guides", [[], [{"name": "tilt", "weight": 0.1}]])
def test_projection_ends_estimates_at_the_target(
    make_job: MakeJob, some: Cases, guides: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    predict = Model.predict

    def kept(self: Model, *args: Any, **options: Any) -> dict[str, Tensor]:
        drawn.append(predict(self, *args, **options))
        return drawn[-1]

    monkeypatch.setattr(Model, "predict", kept)
    away = []
    for onto in (False, True):
        one = {**GUIDED, "guidance": guides, "project": onto}
        method = {"model": "wdno", "sampler": DDIM, "control": {"controller": one}}
        evaluate(make_job(method, "control_diffusion"))
        whole = torch.cat([parts["state"][:, :, -1] for parts in drawn[-2:]])
        away.append(float((whole - some.target).abs().max()))
    assert away[0] > 0.1 and away[1] < 1e-4


@pytest.mark.parametrize(
    ("controller", "message"),
    [
        ({"name": "adjoint", "gradients": 3, "before": 4, "terms": {"energy": 0}}, "at most all"),
        ({"name": "adjoint", "gradients": 3, "before": 2}, "give both"),
        ({"name": "adjoint", "gradients": 3, "terms": {"energy": 0}}, "give both"),
    ],
)
def test_a_descent_in_two_parts_needs_both(
    controller: dict[str, Any], message: str, make_job: MakeJob
) -> None:
    with pytest.raises(ValueError, match=message):
        make_job({"baseline": "adjoint", "control": {"controller": controller}})


def test_a_model_by_regression_is_a_controller_too(make_job: MakeJob) -> None:
    record = evaluate(make_job({"model": "unet"}, "control_regression"))
    assert record.cost.evaluations == 1 and np.isfinite(record.score("j")).all()


def test_a_surrogate_lowers_what_it_believes_in(make_job: MakeJob) -> None:
    method = {"model": "unet", "control": {"controller": {"name": "surrogate", "gradients": 6}}}
    record = evaluate(make_job(method, "simulation_regression"))
    assert record.cost.evaluations == 6 and (record.score("solver_gradients") == 0).all()
    assert record.notes["J by the model"] != pytest.approx(record.mean("j"))
    with pytest.raises(ProblemError, match="predicts and does not draw"):
        evaluate(make_job(method, "simulation_diffusion"))


def test_a_look_up_finds_the_case_itself_where_it_is_known(make_job: MakeJob) -> None:
    # The training set of this job is the test set.
    look_up = {"baseline": "nearest"}
    alone = {"controller": {"name": "nearest", "candidates": 1}}
    own, first = (
        evaluate(make_job(one)) for one in ({"baseline": "data"}, look_up | {"control": alone})
    )
    np.testing.assert_allclose(first.score("j"), own.score("j"), rtol=1e-6)
    several = {"controller": {"name": "nearest", "candidates": 6}}
    best = evaluate(make_job(look_up | {"control": several}))
    assert (best.score("j") <= first.score("j") + 1e-9).all()
    assert (best.score("solver_calls") == 6).all()
    refused = evaluate(make_job(look_up))
    assert "candidates = 20, the training set has 6" in refused.notes["failed"]


def test_a_descent_may_start_from_a_constant(make_job: MakeJob) -> None:
    controller = {"name": "adjoint", "gradients": 1, "start": "constant", "values": [0.5]}
    started = evaluate(make_job({"baseline": "adjoint", "control": {"controller": controller}}))
    constant = {"name": "constant", "values": [0.5]}
    held = evaluate(make_job({"baseline": "constant", "control": {"controller": constant}}))
    np.testing.assert_allclose(started.score("j"), held.score("j"))


def test_a_policy_sees_what_the_solver_has_reached(make_job: MakeJob, folder: Path) -> None:
    method = {"model": "bc", "control": {"controller": {"name": "policy"}}}
    record = evaluate(make_job(method, "policy"))
    assert (record.score("solver_calls") == 1).all() and record.cost.evaluations == 10
    model, _ = load(folder / "policy.safetensors")
    examples = record.shown()
    control, state = (
        torch.from_numpy(examples[name].values).float() for name in ("control", "state")
    )
    first, target = (
        torch.from_numpy(examples[name].values).float() for name in ("first", "target")
    )
    observed = torch.cat([first[:, :, None], state[:, :, :-1]], dim=2)
    with torch.no_grad():
        expected = model.estimate({"observed": observed, "last": target})["forcing"]
    torch.testing.assert_close(control, expected, atol=1e-4, rtol=1e-4)
    with pytest.raises(ProblemError, match="sees a frame at a time"):
        evaluate(make_job(method, "control_regression"))
    with pytest.raises(ProblemError, match="sees not only a frame"):
        evaluate(make_job({"model": "bc"}, "policy"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda control: control[..., :-1], "a control of shape"),
        (lambda control: control * math.nan, "not finite, of case 0 first"),
        (lambda control: control + 1e6, "the solution is not finite in"),
    ],
)
def test_what_is_no_control_is_refused_and_said(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: Any, said: str
) -> None:
    constant = controllers.REGISTRY.load("constant")
    original = constant.__call__

    def broken(self: Any, cases: Cases) -> Tensor:
        changed: Tensor = change(original(self, cases))
        return changed

    monkeypatch.setattr(constant, "__call__", broken)
    record = evaluate(make_job({"baseline": "constant"}))
    assert said in record.notes["failed"]
    assert np.isnan(record.score("j")).all()
    record.write(tmp_path)
    assert math.isnan(Record.read(tmp_path).mean("j"))


def test_a_case_under_which_the_solver_diverges_has_infinite_j(
    objective: CountedObjective, some: Cases
) -> None:
    control = torch.zeros_like(some.own)
    stable = objective.value(some, control)
    control[2] += 1e6
    values, (found, gradient, _) = objective.value(some, control), objective.gradient(some, control)
    others = torch.arange(6) != 2
    assert values[2] == found[2] == torch.inf and (gradient[2] == 0).all()
    torch.testing.assert_close(values[others], stable[others], rtol=1e-12, atol=0)
    torch.testing.assert_close(found[others], stable[others], rtol=1e-12, atol=0)
    assert (objective.value(some, control[2:3].expand_as(control)) == torch.inf).all()


def test_where_none_may_act_a_control_is_refused(objective: CountedObjective, some: Cases) -> None:
    objective.mask = objective.mask.clone()
    objective.mask[..., 3] = False
    with pytest.raises(ValueError, match="where none may act"):
        objective.require(some, torch.ones_like(some.own))
    allowed = torch.ones_like(some.own) * objective.mask
    assert torch.equal(objective.require(some, allowed), allowed)


def test_weights_of_terms_are_those_of_the_run(make_job: MakeJob) -> None:
    own = evaluate(make_job({"baseline": "data"}))
    dear = evaluate(make_job({"baseline": "data"}, weights={"energy": 0.24}))
    np.testing.assert_allclose(dear.score("energy"), 10 * own.score("energy"))
    with pytest.raises(ProblemError, match="weights of enrgy"):
        evaluate(make_job({"baseline": "data"}, weights={"enrgy": 1.0}))
