"""Models that are told the outcome can be asked for another, and learn nothing of a test case's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from models import build
from small_smoke import smoke as small_smoke
from waves import make_data

from wdno import model as models
from wdno.data.dataset import Trajectories
from wdno.evaluation.job import Job
from wdno.evaluation.record import Record
from wdno.problem import ProblemError
from wdno.tasks.control import problem
from wdno.tasks.control.cases import cases
from wdno.tasks.control.evaluation import evaluate
from wdno.tasks.control.options import Options

MakeJob = Callable[..., Job]
TOLD = Options(methods=["own"], outcome=["energy"])


def test_parts_tell_energy_and_the_end_of_series(folder: Path, tmp_path: Path) -> None:
    data = problem.data(Trajectories(folder / "test.nc"), TOLD)
    batch = data.batch(np.arange(6))
    expected = batch["forcing"].square().mean((1, 2, 3))
    torch.testing.assert_close(batch["energy"], expected[:, None])
    assert [part.name for part in data.problem.given] == ["first", "last", "energy"]
    policy = problem.problem(data.trajectories.layout, TOLD, framewise=True)
    assert "energy" not in [part.name for part in policy.given]

    smoke = make_data(tmp_path / "smoke.nc", system=small_smoke(steps=16), count=2)
    both = Options(methods=["own"], outcome=["last_series", "energy"])
    data = problem.data(Trajectories(smoke), both)
    batch = data.batch(np.arange(2))
    torch.testing.assert_close(batch["last_series"], batch["series"][:, :, -1])
    assert data.problem.part("last_series").span == "number"


def test_a_system_without_series_has_no_end_of_them(folder: Path) -> None:
    layout = Trajectories(folder / "test.nc").layout
    with pytest.raises(ProblemError, match="has no series"):
        problem.problem(layout, Options(methods=["own"], outcome=["last_series"]))


@pytest.fixture
def controlled(folder: Path, make_job: MakeJob) -> Callable[..., Record]:
    """A function of the controller's options to its record, of a model that is told the energy."""
    data = problem.data(Trajectories(folder / "test.nc"), TOLD)
    model = build(data, objective={"name": "diffusion", "prediction": "x0"})
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(0.05 * torch.randn_like(weights))
    trained = {"training_seconds": 1.0, "training_steps": 2}
    models.save(folder / "told.safetensors", model, model.state_dict(), trained)

    def control(**options: Any) -> Record:
        method = {
            "model": "told",
            "sampler": {"name": "ddim", "steps": 2, "eta": 1.0},
            "control": {"controller": {"name": "guided", **options}},
        }
        return evaluate(make_job(method, "told", outcome=["energy"]))

    return control


def test_the_model_is_asked_for_the_usual_or_for_what_is_best_on_validation_cases(
    controlled: Callable[..., Record], folder: Path
) -> None:
    batch = problem.data(Trajectories(folder / "test.nc"), TOLD).batch(np.arange(6))
    usual = float(batch["energy"].mean())
    unasked = controlled()
    assert unasked.notes["asked"] == {"energy": [pytest.approx(usual)]}
    same = controlled(asked={"energy": [usual]})
    np.testing.assert_allclose(same.score("j"), unasked.score("j"), rtol=1e-6)
    little, much = (controlled(asked={"energy": [value]}) for value in (0.0, 30 * usual))
    assert not np.allclose(little.score("j"), much.score("j"))
    chosen = controlled(asked={"energy": [0.0, 30 * usual]})
    better = min(little, much, key=lambda record: record.mean("j"))
    # Validation and test cases are the same here.
    np.testing.assert_allclose(chosen.score("j"), better.score("j"), rtol=1e-6)
    tried = chosen.notes["J on validation"]
    assert set(tried) == {"energy 0", f"energy {30 * usual:g}"}
    np.testing.assert_allclose(sorted(tried.values())[0], better.mean("j"), rtol=1e-9)


def test_a_case_tells_nothing_of_its_own_outcome(folder: Path) -> None:
    some = next(cases(problem.data(Trajectories(folder / "test.nc"), TOLD), 6))
    assert set(some.given) == {"first", "last"}


def test_what_the_model_is_not_told_cannot_be_asked_for(
    controlled: Callable[..., Record],
) -> None:
    with pytest.raises(ProblemError, match="'last_series' is no outcome that the model is told"):
        controlled(asked={"last_series": [1.0]})


def test_a_method_that_goes_by_other_weights_chooses_by_them(
    controlled: Callable[..., Record],
) -> None:
    asked = {"energy": [0.0, 3.0]}
    cheap = controlled(asked=asked, terms={"deviation": 0.0})
    near = controlled(asked=asked, terms={"energy": 0.0})
    each = [controlled(asked={"energy": [value]}) for value in asked["energy"]]
    assert cheap.mean("energy") == pytest.approx(min(one.mean("energy") for one in each))
    assert near.mean("deviation") == pytest.approx(min(one.mean("deviation") for one in each))
