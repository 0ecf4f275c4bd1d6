"""A prior of the controls alone, through trained models: what it changes, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from models import NETWORKS, build, generators
from torch import Tensor

from wdno import model as models
from wdno.data.dataset import ProblemData, Trajectories
from wdno.diffusion.guidance.base import Noisy
from wdno.diffusion.schedule import Cosine, Schedule
from wdno.evaluation.job import Job
from wdno.evaluation.record import Record
from wdno.model import Model
from wdno.problem import ProblemError
from wdno.tasks.control import problem
from wdno.tasks.control.evaluation import evaluate
from wdno.tasks.control.options import Options
from wdno.tasks.control.prior import Prior
from wdno.tasks.control.setting import setting_of

MakeJob = Callable[..., Job]
NORMAL = {"name": "diffusion", "prediction": "v"}
DRAWN = {"name": "diffusion", "prediction": "x0"}
TRAINED = {"training_seconds": 1.0, "training_steps": 2}
CONTROLS = ("forcing",)


@pytest.fixture
def data(folder: Path) -> ProblemData:
    return problem.data(Trajectories(folder / "test.nc"))


def shaken(model: Model, seed: int) -> Model:
    """The same model with weights that are not those of the start."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(0.05 * torch.randn_like(weights))
    return model


@pytest.fixture
def setting_with(make_job: MakeJob, folder: Path) -> Callable[..., Any]:
    """A function of two models to the setting of a controller that uses both."""

    def make(own: Model, prior: Model, controller: Mapping[str, Any] | None = None, **task: Any):
        for name, model in (("own", own), ("prior", prior)):
            path = folder / f"{name}.safetensors"
            models.save(path, model, model.state_dict(), TRAINED)
        section = {"name": "guided", **(controller or {"prior": {"model": "prior", "gamma": 0.9}})}
        method = {
            "model": "own",
            "sampler": {"name": "ddim", "steps": 2, "eta": 1.0},
            "control": {"controller": section},
        }
        job = make_job(method, "own", **task)
        files = {**job.models, "prior": folder / "prior.safetensors"}
        return setting_of(replace(job, models=files))[0]

    return make


def test_a_problem_of_the_controls_alone(data: ProblemData) -> None:
    alone = data.generating(CONTROLS)
    assert [part.name for part in alone.problem.generated] == ["forcing"]
    given = {part.name: part.like for part in alone.problem.given}
    assert given == {"first": "", "last": ""}, "there is no mean of a state to depart from"
    assert set(alone.batch(np.arange(2))) == {"first", "last", "forcing", "index"}
    every = [part.name for part in data.problem.generated]
    assert data.problem.generating(every) == data.problem.generating(None) == data.problem
    for names, said in ((["stat"], "got stat"), ([], "got none"), (["first"], "got first")):
        with pytest.raises(ProblemError, match=rf"generated \(state, forcing\), {said}"):
            data.generating(names)


def test_channels_of_the_controls_are_as_both_models_see_them(data: ProblemData) -> None:
    own, prior = build(data), build(data.generating(CONTROLS))
    columns = list(own.columns("forcing"))
    assert len(own.columns("state")) + len(columns) == own.channels
    batch = data.batch(np.arange(3))
    torch.testing.assert_close(prior.encode(batch, batch), own.encode(batch, batch)[:, columns])
    with pytest.raises(KeyError):
        prior.columns("state")


def test_the_noise_of_the_controls_is_added_to(
    data: ProblemData, setting_with: Callable[..., Any]
) -> None:
    own = shaken(build(data, objective=DRAWN), 1)
    other = {**DRAWN, "prediction": "epsilon"}
    prior = shaken(build(data.generating(CONTROLS), objective=other), 2)
    wrapped = Prior(setting_with(own, prior), own)
    batch = {name: part for name, part in data.batch(np.arange(3)).items() if name != "index"}
    columns, t = list(own.columns("forcing")), torch.tensor([0.2, 0.5, 0.8])
    x = torch.randn(own.encode(batch, batch).shape)
    plain, alone = own.denoiser(batch), prior.denoiser(batch)
    schedule = own.objective.denoiser.schedule
    with torch.no_grad():
        found = wrapped.wrap(plain, schedule, batch, 0.7)(x, t)
        noisy = Noisy.at(x, t, schedule)
        alpha, sigma = noisy.alpha, noisy.sigma
        expected = (x - alpha * plain(x, t)) / sigma
        part = x[:, columns]
        expected[:, columns] -= 0.3 * (part - alpha * alone(part, t)) / sigma
    torch.testing.assert_close(noisy.epsilon(found), expected, rtol=1e-3, atol=1e-4)


def test_standard_normal_channels_in_closed_form(
    data: ProblemData, setting_with: Callable[..., Any]
) -> None:
    """A model whose network gives v = 0 has standard normal channels.

    The probability flow scales those of the controls by alpha_1 ** (gamma - 1), and no others.
    """
    own, prior = (
        build(one, objective=NORMAL, network=NETWORKS[1])
        for one in (data, data.generating(CONTROLS))
    )
    with torch.no_grad():
        for weights in (*own.parameters(), *prior.parameters()):
            weights.zero_()
    wrapped = Prior(setting_with(own, prior), own)
    batch = {name: part for name, part in data.batch(np.arange(2)).items() if name != "index"}
    sampling = {"name": "dpmpp_2m", "steps": 100, "spacing": "log_snr"}
    kept: list[Schedule] = []

    def drawn(gamma: float | None) -> Tensor:
        def guide(denoise: Any, schedule: Schedule) -> Any:
            kept.append(schedule)
            return denoise if gamma is None else wrapped.wrap(denoise, schedule, batch, gamma)

        parts = own.predict(batch, generators(2), sampling, guide)
        return own.encode(parts, batch)

    plain = drawn(None)
    assert torch.equal(drawn(1.0), plain)
    assert isinstance(kept[0], Cosine)
    alpha = float(kept[0].alpha(torch.ones(1, dtype=torch.float64)))
    expected, columns = plain.clone(), list(own.columns("forcing"))
    expected[:, columns] *= alpha ** (0.9 - 1)
    torch.testing.assert_close(drawn(0.9), expected, rtol=0.02, atol=1e-4)


@pytest.fixture
def controlled(data: ProblemData, setting_with: Callable[..., Any]) -> Callable[..., Record]:
    own = shaken(build(data, objective=DRAWN), 1)
    prior = shaken(build(data.generating(CONTROLS), objective=DRAWN), 2)

    def control(prior_options: dict[str, Any] | None, **controller: Any) -> Record:
        if prior_options is not None:
            prior_options = {"model": "prior", **prior_options}
        return evaluate(setting_with(own, prior, {"prior": prior_options, **controller}).job)

    return control


def test_an_evaluation_with_both_models(controlled: Callable[..., Record]) -> None:
    plain, one = controlled(None), controlled({"gamma": 1.0})
    np.testing.assert_array_equal(one.examples["control"], plain.examples["control"])
    np.testing.assert_array_equal(one.score("j"), plain.score("j"))
    other = controlled({"gamma": 0.9})
    assert not np.allclose(other.score("j"), plain.score("j"))
    assert one.cost.evaluations == plain.cost.evaluations
    assert other.cost.evaluations == 2 * plain.cost.evaluations
    assert other.notes["gamma"] == 0.9 and "gamma" not in plain.notes
    chosen = controlled({"gamma": 0.5, "gammas": [1.0, 0.9]})
    better = min(plain, other, key=lambda record: record.mean("j"))
    # Validation and test cases are the same here.
    np.testing.assert_allclose(chosen.score("j"), better.score("j"), rtol=1e-6)
    assert set(chosen.notes["J on validation"]) == {"gamma 1", "gamma 0.9"}


def test_guidance_is_of_what_the_prior_makes(controlled: Callable[..., Record]) -> None:
    guided = {"guidance": [{"name": "dps", "weight": 1.0}]}
    plain, one = controlled(None, **guided), controlled({"gamma": 1.0}, **guided)
    np.testing.assert_array_equal(one.score("j"), plain.score("j"))
    assert not np.allclose(controlled({"gamma": 0.9}, **guided).score("j"), plain.score("j"))


def test_both_are_told_the_outcome(folder: Path, setting_with: Callable[..., Any]) -> None:
    told = problem.data(
        Trajectories(folder / "test.nc"), Options(methods=["own"], outcome=["energy"])
    )
    own = shaken(build(told, objective=DRAWN), 1)
    prior = shaken(build(told.generating(CONTROLS), objective=DRAWN), 2)
    section = {"prior": {"model": "prior", "gamma": 0.99}}
    record = evaluate(setting_with(own, prior, section, outcome=["energy"]).job)
    assert np.isfinite(record.score("j")).all() and "energy" in record.notes["asked"]


def _other_scale(data: ProblemData) -> Model:
    model = build(data.generating(CONTROLS), objective=DRAWN)
    model.target_scaler.scale[0] *= 1.01
    return model


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda data: build(data, objective=DRAWN), "generated of .*test.nc is forcing"),
        (
            lambda data: build(data.generating(["state"]), objective=DRAWN),
            "generated of .*test.nc is forcing",
        ),
        (_other_scale, "prior.safetensors and model .* by up to 0.01 of the scale"),
        (
            lambda data: build(
                data.generating(CONTROLS), objective={**DRAWN, "schedule": "linear"}
            ),
            "expected the same schedule, got Linear and Cosine",
        ),
        (
            lambda data: build(
                data.generating(CONTROLS), objective=DRAWN, representation={"name": "identity"}
            ),
            "expected the same representation, got .*identity",
        ),
        (
            lambda data: build(data.generating(CONTROLS), objective={"name": "regression"}),
            "expected the objective diffusion, without stepping, of both, got .*regression",
        ),
    ],
)
def test_models_that_do_not_go_together_are_refused(
    data: ProblemData,
    setting_with: Callable[..., Any],
    make: Callable[[ProblemData], Model],
    said: str,
) -> None:
    own = build(data, objective=DRAWN)
    setting = setting_with(own, make(data))
    with pytest.raises(ProblemError, match=said):
        evaluate(setting.job)


def test_a_model_of_the_controls_alone_is_no_method(
    data: ProblemData, setting_with: Callable[..., Any]
) -> None:
    alone = build(data.generating(CONTROLS), objective=DRAWN)
    with pytest.raises(ProblemError, match=r"is state \(.*, forcing .* was trained on forc"):
        evaluate(setting_with(alone, alone, {"draws": 1}).job)
