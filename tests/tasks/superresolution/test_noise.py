"""Conditioning augmentation: noise on the coarser solution, with its level told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import yaml
from finer_data import SAMPLER, Files, MakeJob
from models import build, generators
from torch import Tensor
from waves import make_data

from wdno import config as configuration
from wdno import model as models
from wdno.data.dataset import Trajectories
from wdno.evaluation.record import Record
from wdno.grids.levels import Grid
from wdno.grids.maps import interpolate, restrict
from wdno.model import Model
from wdno.stages.train import train
from wdno.systems.burgers import Burgers
from wdno.tasks.superresolution.cascade import Cascade, Learned
from wdno.tasks.superresolution.evaluation import evaluate, levels_of
from wdno.tasks.superresolution.problem import NOISE, LevelData, problem
from wdno.tasks.superresolution.sections import LevelsSection

if TYPE_CHECKING:
    from wdno.problem import Batch

ROOT = Path(__file__).parents[3]
LARGEST = 2.0
IDENTITY: dict[str, Any] = {"name": "identity"}
WAVELET: dict[str, Any] = {"name": "wavelet", "family": "haar"}
BOTH = pytest.mark.parametrize("name", ["equation", "plumes"])
EVERY = pytest.mark.parametrize("representation", [IDENTITY, WAVELET], ids=["identity", "wavelet"])
DIFFUSION = {"name": "diffusion", "prediction": "x0"}
DESIGNS: list[dict[str, Any]] = [
    {},
    {"target": "direct"},
    {"coarse": "duplicated"},
    {"coarse": "duplicated", "target": "direct", "scales": "shared"},
]


def noisy(files: Files, representation: dict[str, Any] = IDENTITY, **section: Any) -> Model:
    """A model that is trained with noise."""
    data = files.data(noise=LARGEST, **section)
    model = build(data, representation=representation, objective=DIFFUSION)
    assert model.augmentation is not None
    model.augmentation.source = data.noise
    return model


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noised(model: Model, batch: Batch, seed: int = 0) -> Batch:
    assert model.augmentation is not None
    return model.augmentation.drawn(batch, int(batch["grid_level"][0]), seeded(seed))


def of_level(data: LevelData, level: int, count: int) -> dict[str, Tensor]:
    """Samples of a level, each of them again and again."""
    return data.batch(np.arange(count) % data.groups[0] + level * data.groups[0])


@BOTH
def test_without_noise_nothing_is_another(request: pytest.FixtureRequest, name: str) -> None:
    files: Files = request.getfixturevalue(name)
    layout = Trajectories(files.stored).layout
    made = problem(layout, files.options, LevelsSection(noise=0.0))
    assert made == problem(layout, files.options)
    assert made.told is None
    data = files.data(noise=0.0)
    batch = data.batch(np.arange(3))
    assert batch.keys() == files.data().batch(np.arange(3)).keys()
    assert NOISE not in batch
    model = build(data, representation=WAVELET, objective=DIFFUSION)
    assert not any("augmentation" in key for key in model.state_dict())
    asked = model.objective.loss(model.asked(batch), seeded()).per_sample
    assert torch.equal(model.loss_per_sample(batch, seeded()), asked)


@BOTH
@pytest.mark.parametrize("level", [0, 1])
def test_the_level_told_is_that_of_the_noise(
    request: pytest.FixtureRequest, name: str, level: int
) -> None:
    files: Files = request.getfixturevalue(name)
    data = files.data(noise=LARGEST, coarse="duplicated")
    model = noisy(files, coarse="duplicated")
    assert model.augmentation is not None
    batch = of_level(data, level, 600)
    found = noised(model, batch)
    told = found[NOISE][:, 0]
    assert 0 <= told.min() < 0.05 * LARGEST
    assert 0.95 * LARGEST < told.max() <= LARGEST
    torch.testing.assert_close(told.mean(), torch.tensor(LARGEST / 2), rtol=0.1, atol=0)
    noise = found["coarser"] - batch["coarser"]
    unit = model.augmentation.unit(level)
    missed = batch["state"][: data.groups[0]] - batch["coarse"][: data.groups[0]]
    expected = missed.transpose(0, 1).flatten(1).std(1, correction=0)
    torch.testing.assert_close(unit, expected, rtol=1e-3, atol=0)
    shape = (-1, len(unit), *[1] * (noise.ndim - 2))
    z = noise / (told[:, None] * unit).view(shape)
    # By level: noise that was of one strength for all, or told the wrong way, would be seen.
    for some in (told < LARGEST / 3, told > 2 * LARGEST / 3):
        squares = z[some].square().transpose(0, 1).flatten(1).mean(1)
        torch.testing.assert_close(squares, torch.ones_like(squares), rtol=0.06, atol=0)
    for axis in range(2, z.ndim):
        beside = (z * z.roll(1, axis)).mean()
        assert beside.abs() < 0.05, f"noise is not white along axis {axis}: {beside:.3f}"


@BOTH
@pytest.mark.parametrize("level", [0, 1])
def test_what_is_given_is_the_noised_state_interpolated(
    request: pytest.FixtureRequest, name: str, level: int
) -> None:
    files: Files = request.getfixturevalue(name)
    data = files.data(noise=LARGEST, coarse="duplicated")
    batch = of_level(data, level, 3)
    found = noised(noisy(files, coarse="duplicated"), batch)
    grid, coarser = data.grids[level : level + 2]
    whole = restrict(
        data.trajectories.batch(np.arange(3))["state"],
        data.grids[0].axes("state"),
        coarser.axes("state"),
    )
    whole = torch.cat([whole[:, :, : coarser.given], found["coarser"]], dim=2)
    expected = interpolate(whole, coarser.axes("state"), grid.axes("state"), "cubic")
    torch.testing.assert_close(found["coarse"], expected[:, :, grid.given :], rtol=1e-4, atol=1e-5)
    for part in ("state", "first", "forcing", "grid_level", "index"):
        assert torch.equal(found[part], batch[part]), part


@BOTH
@EVERY
def test_what_is_generated_departs_from_what_was_given(
    request: pytest.FixtureRequest, name: str, representation: dict[str, Any]
) -> None:
    files: Files = request.getfixturevalue(name)
    model, data = noisy(files, representation), files.data(noise=LARGEST)
    for level in (0, 1):
        batch = of_level(data, level, 3)
        found = noised(model, batch)
        grid = data.problem.grid_at(level)
        departure = model.representation.encode(batch["state"] - found["coarse"], grid)
        torch.testing.assert_close(model.target(found), departure)
        assert not torch.allclose(model.target(found), model.target(batch), rtol=0.1)
        again = model.decode(model.encode(found, found), found)["state"]
        torch.testing.assert_close(again, batch["state"], rtol=1e-4, atol=1e-5)


@BOTH
@EVERY
def test_scales_are_those_of_noised_channels(
    request: pytest.FixtureRequest, name: str, representation: dict[str, Any]
) -> None:
    files: Files = request.getfixturevalue(name)
    model, data = noisy(files, representation), files.data(noise=LARGEST)
    quiet = build(files.data(), representation=representation, objective=DIFFUSION)
    assert model.augmentation is not None
    assert data.noise is not None
    for level in (0, 1):
        batch = of_level(data, level, data.groups[0])
        found = model.augmentation.spread(data.noise, batch, level, seeded())
        channels = model.encode(found, found).transpose(0, 1).flatten(1)
        spread = channels.std(1, correction=0)
        torch.testing.assert_close(spread, torch.ones_like(spread), rtol=1e-3, atol=0)
        assert (model._target_scalers.at(level).scale > quiet._target_scalers.at(level).scale).all()
    told = model._condition_scalers.at(-2)
    number = told.names.index(NOISE)
    # The level is seen the same on every grid, those of no training included.
    torch.testing.assert_close(told.mean[number], torch.tensor(LARGEST / 2))
    assert told.scale[number] == model.condition_scaler.scale[number] > 0.25 * LARGEST
    fine, coarse, finer = (model.augmentation.unit(level) for level in (0, 1, -1))
    torch.testing.assert_close(finer, fine.square() / coarse)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda d: "-".join(map(str, d.values())) or "own")
@EVERY
def test_every_design_learns_with_noise(
    equation: Files, plumes: Files, design: dict[str, Any], representation: dict[str, Any]
) -> None:
    for files in (equation, plumes):
        model, data = noisy(files, representation, **design), files.data(noise=LARGEST, **design)
        for level in (0, 1):
            batch = of_level(data, level, 2)
            loss = model.loss_per_sample(batch, seeded())
            assert torch.equal(loss, model.loss_per_sample(batch, seeded()))
            # What is asked is of the noised batch: the objective's own noise is the same here.
            after = seeded()
            assert model.augmentation is not None
            found = model.augmentation.drawn(batch, level, after)
            expected = model.objective.loss(model.asked(found), after).per_sample
            assert torch.equal(loss, expected)
            assert model.predict(batch, generators(2), SAMPLER)["state"].isfinite().all()


def test_levels_are_drawn_anew(equation: Files) -> None:
    model, batch = noisy(equation), of_level(equation.data(noise=LARGEST), 0, 4)
    one, other = noised(model, batch, seed=1), noised(model, batch, seed=2)
    assert (one[NOISE] != other[NOISE]).all()
    assert len(one[NOISE].unique()) == 4
    assert torch.equal(noised(model, batch, seed=1)["coarse"], one["coarse"])


def test_a_model_without_a_source_of_noise_has_no_loss(equation: Files) -> None:
    model = noisy(equation)
    assert model.augmentation is not None
    model.augmentation.source = None
    with pytest.raises(ValueError, match=r"'coarse_noise' tells .* nothing makes; set `source`"):
        model.loss_per_sample(of_level(equation.data(noise=LARGEST), 0, 2), seeded())


def test_a_stored_model_knows_its_noise(equation: Files, tmp_path: Path) -> None:
    model = noisy(equation)
    facts = {"training_seconds": 1.0, "training_steps": 2}
    models.save(tmp_path / "m.safetensors", model, model.state_dict(), facts)
    again, _ = models.load(tmp_path / "m.safetensors")
    assert again.problem.told == model.problem.told
    assert again.problem.told is not None
    assert again.problem.told.largest == LARGEST
    assert again.augmentation is not None
    assert model.augmentation is not None
    assert torch.equal(again.augmentation.unit(-1), model.augmentation.unit(-1))


def asked(files: Files, model: Model, index: list[int], **options: Any) -> list[dict[str, Tensor]]:
    """What a super-resolution model is given in a cascade from the exact solution, by level."""
    stored, grids = opened(files, index)
    seen: list[dict[str, Tensor]] = []

    def predict(batch: Batch, *_: object) -> dict[str, Tensor]:
        seen.append(dict(batch))
        return {"state": batch["coarse"]}

    model.predict = predict  # type: ignore[method-assign,assignment]
    Cascade(grids, None, Learned(model, SAMPLER), **options)(stored, stored["index"], 0)
    return seen


def opened(files: Files, index: list[int]) -> tuple[dict[str, Tensor], list[Grid]]:
    fine = Trajectories(files.fine)
    grids = levels_of(fine, files.settings.grid_shape(), files.options)
    return fine.batch(np.array(index)), grids


@BOTH
def test_level_0_adds_nothing(request: pytest.FixtureRequest, name: str) -> None:
    files: Files = request.getfixturevalue(name)
    plain = build(files.data(), representation=IDENTITY, objective=DIFFUSION)
    without = asked(files, plain, [0, 1, 2])
    found = asked(files, noisy(files), [0, 1, 2], noise=0.0)
    for one, other in zip(found, without, strict=True):
        assert torch.equal(one["coarse"], other["coarse"])
        assert one[NOISE].tolist() == [[0.0]] * 3
        assert NOISE not in other


@BOTH
def test_a_cascade_adds_what_it_tells(request: pytest.FixtureRequest, name: str) -> None:
    files: Files = request.getfixturevalue(name)
    model = noisy(files)
    assert model.augmentation is not None
    found = asked(files, model, [0, 1, 2], noise=1.5)[0]
    assert found[NOISE].tolist() == [[1.5]] * 3
    clean = asked(files, noisy(files), [0, 1, 2])[0]
    _, (coarser, grid, *_rest) = opened(files, [0])
    # All frames on the finer grid, of which those that are shared have the noise as it was drawn.
    added = found["coarse"] - clean["coarse"]
    axes = grid.axes("generated"), coarser.axes("generated")
    noise = restrict(added, *axes).transpose(0, 1).flatten(1)
    points = noise.shape[1]
    expected = 1.5 * model.augmentation.unit(-1)
    tolerance = 4 / (2 * points) ** 0.5
    torch.testing.assert_close(noise.std(1), expected, rtol=tolerance, atol=0)
    assert tolerance < 0.4


def test_draws_do_not_depend_on_the_batch(equation: Files) -> None:
    whole = asked(equation, noisy(equation), [0, 1, 2], noise=1.0)
    alone = asked(equation, noisy(equation), [2], noise=1.0)
    other = asked(equation, noisy(equation), [2], noise=1.0, seed=1)
    for one, single, seeded_otherwise in zip(whole, alone, other, strict=True):
        torch.testing.assert_close(one["coarse"][2:], single["coarse"], rtol=1e-6, atol=1e-7)
        assert not torch.allclose(single["coarse"], seeded_otherwise["coarse"], rtol=1e-2)
    clean = asked(equation, noisy(equation), [0, 1, 2])[0]["coarse"]
    added = (whole[0]["coarse"] - clean).flatten(1)
    assert torch.corrcoef(added)[0, 1].abs() < 0.5


def test_more_noise_than_in_training_is_refused(equation: Files) -> None:
    plain = build(equation.data(), representation=IDENTITY)
    _, grids = opened(equation, [0])
    for model, level, most in ((noisy(equation), 2.5, 2), (plain, 0.1, 0)):
        with pytest.raises(ValueError, match=rf"noise = {level} .* levels up to {most}; train it"):
            Cascade(grids, None, Learned(model), noise=level)
    with pytest.raises(ValueError, match=r"noise = 1 .* up to 0"):
        Cascade(grids, None, "cubic", noise=1.0)
    Cascade(grids, None, Learned(noisy(equation)), noise=LARGEST)


def test_a_record_says_how_much_noise(make_job: MakeJob, equation: Files, tmp_path: Path) -> None:
    model = noisy(equation)
    path = tmp_path / "noisy.safetensors"
    models.save(path, model, model.state_dict(), {"training_seconds": 1.0, "training_steps": 2})
    options = {"model": "model", "sampler": SAMPLER, "superresolution": {"noise": 1.0}}

    def record(**more: Any) -> Record:
        job = make_job(equation, {**options, **more}, model="model")
        job.models["model"] = path  # type: ignore[index]
        return evaluate(job)

    whole = record()
    assert whole.design.options["noise"] == 1.0
    quiet = record(superresolution={"noise": 0.0})
    assert "noise" not in quiet.design.options
    assert (whole.score("mse") != quiet.score("mse")).all()
    few = record(cases=2)
    np.testing.assert_allclose(whole.score("mse")[:2], few.score("mse"), rtol=1e-4)


AXES = {
    "representation": IDENTITY,
    "network": {"name": "fno", "modes": 2, "width": 4, "layers": 1},
    "objective": {"name": "regression"},
}
TRAINING = {"steps": 2, "batch_size": 4, "warmup_steps": 1, "validate_every": 2, "log_every": 1}
STAGE = {
    "systems": {
        "burgers": {
            "data": {"fine": {"samples": 2, "grid": {"time": 32, "x": 48}}},
            "tasks": {"superresolution": {"methods": ["by", "exact_cubic"], "time": True}},
        }
    },
    "models": {
        name: {**AXES, "training": TRAINING, "superresolution": {"noise": noise}, "start": start}
        for name, noise, start in (
            ("first", LARGEST, None),
            ("second", LARGEST, "first"),
            ("quiet", 0.0, None),
        )
    },
    "methods": {"by": {"model": "second", "superresolution": {"noise": 1.0}}},
    "evaluation": {"reference": "exact_cubic", "show": ["by"]},
}


def test_stage_trains_with_noise_and_goes_on(tmp_path: Path) -> None:
    """A model that starts from another does not fit scales: its noise has a source too."""
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(STAGE))
    config = [ROOT / "config/config.yaml", ROOT / "tests/config/tiny.yaml", overlay]
    physics = configuration.system(configuration.load(*config), "burgers").options
    data = [
        make_data(tmp_path / f"{split}.nc", system=Burgers(physics), count=count)
        for split, count in (("train", 8), ("validation", 4))
    ]

    def trained(name: str, **needs: Path) -> tuple[Model, list[dict[str, float]]]:
        path, log = tmp_path / f"{name}.safetensors", tmp_path / f"{name}.jsonl"
        files = (*data, path, log, tmp_path / name)
        train(config, "burgers", "superresolution", name, 0, *files, 1, needs=needs)
        return models.load(path)[0], [json.loads(line) for line in log.read_text().splitlines()]

    first, losses = trained("first")
    quiet, without = trained("quiet")
    assert losses[0]["loss"] != without[0]["loss"]
    assert quiet.augmentation is None
    assert first.augmentation is not None
    assert 0 < first.augmentation.unit(0) < 1
    second, _ = trained("second", start=tmp_path / "first.safetensors")
    assert second.augmentation is not None
    assert torch.equal(second.augmentation.unit(0), first.augmentation.unit(0))
