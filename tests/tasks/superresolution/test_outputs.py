"""Training on a base model's predictions of samples that it has not learnt from."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from finer_data import SAMPLER, Files
from models import build, generators
from processes import same
from torch import Tensor
from waves import make_data

from wdno import config as configuration
from wdno import model as models
from wdno.config import ConfigError
from wdno.data.dataset import Trajectories
from wdno.data.netcdf import DataError
from wdno.digest import STAGES, stage_digest, stage_roots
from wdno.evaluation.predictor import ModelPredictor
from wdno.grids.maps import interpolate, restrict
from wdno.model import Model
from wdno.problem import ProblemError
from wdno.sources import modules
from wdno.stages import train as stage
from wdno.systems.burgers import Burgers
from wdno.tasks.simulation.problem import data as simulation
from wdno.tasks.superresolution import outputs
from wdno.tasks.superresolution.outputs import Predicted, predicted
from wdno.tasks.superresolution.problem import LevelData
from wdno.tasks.superresolution.sections import LevelsSection
from wdno.training.interruption import Interrupted

ROOT = Path(__file__).parents[3]
BOTH = pytest.mark.parametrize("name", ["equation", "plumes"])
FIRST = 1
IDENTITY: dict[str, Any] = {"name": "identity"}


def section(pairs: int = 1, **more: Any) -> dict[str, Any]:
    """A design with outputs of a base model that is sampled."""
    return {"outputs": {"model": "base", "sampler": SAMPLER, "pairs": pairs}, **more}


def made(
    files: Files, trained: Path, *, base: str = "base", first: int = FIRST, seed: int = 1, **of: Any
) -> Predicted:
    """Predictions of the stored samples from one on by the base model with random weights."""
    return predicted(
        Trajectories(files.stored),
        files.options,
        LevelsSection.model_validate(section(**of)),
        {"outputs": trained / f"{files.name}_{base}.safetensors"},
        first=first,
        seed=seed,
    )


def learnt(files: Files, trained: Path, pairs: int = 1, **more: Any) -> LevelData:
    """What a super-resolution model is trained on."""
    return files.data(made(files, trained, pairs=pairs), **section(pairs, **more))


def wrong(state: Tensor) -> Tensor:
    """Errors of a prediction: of every point its own, none at the given frames."""
    error = torch.linspace(-1, 1, state.numel()).reshape(state.shape).sin()
    error[:, :, :1] = 0.0
    return error


@pytest.fixture
def knowing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that makes every model predict the stored solution, with errors or without."""

    def know(files: Files, *, errors: bool) -> Tensor:
        whole = Trajectories(files.stored)
        stored = whole.batch(np.arange(len(whole)))
        state = stored["state"] + wrong(stored["state"]) * errors
        starts = stored["state"][:, :, 0].flatten(1)

        def predict(self: Model, batch: Mapping[str, Tensor], *_: object) -> dict[str, Tensor]:
            given = batch["first"].flatten(1)
            rows = torch.cdist(given, starts).argmin(1)
            assert torch.equal(starts[rows], given), "a given frame is not that of a sample"
            return {"state": state[rows][:, :, 1:], "series": stored["series"][rows][:, :, 1:]}

        monkeypatch.setattr(Model, "predict", predict)
        return state

    return know


@BOTH
@pytest.mark.parametrize("pairs", [1, 2])
def test_an_exact_base_changes_nothing_of_what_is_learnt(
    request: pytest.FixtureRequest, trained: Path, knowing: Any, name: str, pairs: int
) -> None:
    files: Files = request.getfixturevalue(name)
    knowing(files, errors=False)
    found, plain = learnt(files, trained, pairs), files.data()
    assert found.problem == plain.problem
    samples = plain.groups[0]
    assert found.groups == (samples - FIRST, samples - FIRST * (pairs == 2))
    for level, batch in enumerate(found.batches(samples)):
        of = np.arange(samples - found.groups[level], samples) + level * samples
        expected = plain.batch(of)
        assert batch.keys() == expected.keys()
        for part in batch.keys() - {"index"}:
            torch.testing.assert_close(batch[part], expected[part], rtol=1e-6, atol=1e-6, msg=part)


@BOTH
@pytest.mark.parametrize("level", [0, 1])
def test_what_is_given_is_the_restricted_prediction(
    request: pytest.FixtureRequest, trained: Path, knowing: Any, name: str, level: int
) -> None:
    files: Files = request.getfixturevalue(name)
    state = knowing(files, errors=True)
    found = learnt(files, trained, pairs=level + 1, coarse="duplicated")
    samples = np.arange(2)
    batch = found.batch(samples + sum(found.groups[:level]))
    finest, grid, coarser = found.grids[0], found.grids[level], found.grids[level + 1]
    whole = restrict(state, finest.axes("state"), coarser.axes("state"))[samples + FIRST]
    torch.testing.assert_close(batch["coarser"], whole[:, :, coarser.given :])
    coarse = interpolate(whole, coarser.axes("state"), grid.axes("state"), "cubic")
    torch.testing.assert_close(batch["coarse"], coarse[:, :, grid.given :])
    exact = files.data(coarse="duplicated").batch(samples + FIRST + level * len(state))
    for part in batch.keys() - {"index", "coarse", "coarser"}:
        torch.testing.assert_close(batch[part], exact[part], rtol=1e-6, atol=1e-6, msg=part)
    assert (batch["coarse"] - exact["coarse"]).abs().max() > 0.1, "the prediction has errors"


@BOTH
def test_coarser_pairs_keep_the_exact_solution_of_every_sample(
    request: pytest.FixtureRequest, trained: Path, knowing: Any, name: str
) -> None:
    files: Files = request.getfixturevalue(name)
    knowing(files, errors=True)
    found, plain = learnt(files, trained), files.data()
    (batch,), (expected,) = (one.batches(9, group=1) for one in (found, plain))
    assert batch["index"].tolist() == list(range(found.groups[0], len(found)))
    for part in batch.keys() - {"index"}:
        assert torch.equal(batch[part], expected[part]), part


def test_samples_that_the_base_has_learnt_from_are_left_out(
    equation: Files, trained: Path, knowing: Any
) -> None:
    knowing(equation, errors=True)
    first = 4
    data = equation.data(made(equation, trained, first=first), **section())
    assert data.groups == (2, 6) and len(data) == 8
    whole = Trajectories(equation.stored).batch(np.arange(6))["state"][:, :, 1:]
    seen = torch.cat([batch["state"] for batch in data.batches(1, group=0)])
    assert torch.equal(seen, whole[first:])
    with pytest.raises(ValueError, match=r"levels \[0 1\]"):
        data.batch(np.array([1, 2]))
    for level, count in ((0, 2), (1, 6)):
        read = data.of_level(level, 6, 6)
        assert read is not None
        assert [len(batch["index"]) for batch in read] == [count]
    (few,) = data.of_level(0, 6, 1) or ()
    assert torch.equal(few["state"], whole[first : first + 1])


@BOTH
@pytest.mark.parametrize("base", ["base", "regression"])
def test_predictions_are_those_of_the_base_model_itself(
    request: pytest.FixtureRequest, trained: Path, name: str, base: str
) -> None:
    files: Files = request.getfixturevalue(name)
    sampler = SAMPLER if base == "base" else None
    chosen = {"outputs": {"model": base, "sampler": sampler}}
    file, stored = trained / f"{files.name}_{base}.safetensors", Trajectories(files.stored)
    options = LevelsSection.model_validate(chosen)
    found = predicted(stored, files.options, options, {"outputs": file}, first=2, seed=3)
    samples = np.arange(2, len(stored))
    predict = ModelPredictor(models.load(file)[0], seed=3, sampling=sampler)
    expected = predict(simulation(stored).batch(samples), 0)
    grids = files.data().grids
    parts = found.on(grids[1], samples)
    given = stored.batch(samples)
    for part in expected:
        first = given[part][:, :, : grids[0].given]
        whole = torch.cat([first, expected[part]], dim=2)
        axes = [grid.axes(part) for grid in grids[:2]]  # type: ignore[arg-type]
        torch.testing.assert_close(parts[part], restrict(whole, *axes), rtol=1e-5, atol=1e-5)
    (one,) = found.on(grids[1], samples[1:2])["state"]
    assert torch.equal(one, parts["state"][1])


def test_predictions_depend_on_the_seed_and_the_sample_alone(
    equation: Files, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, samples = equation.data().grids[1], np.arange(FIRST, 6)
    first, again, other = (
        made(equation, trained, seed=seed).on(grid, samples)["state"] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, rtol=1e-2)
    later = made(equation, trained, first=3).on(grid, np.arange(3, 6))["state"]
    torch.testing.assert_close(later, first[2:], rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(outputs, "AT_ONCE", 2)
    by_two = made(equation, trained).on(grid, samples)["state"]
    torch.testing.assert_close(by_two, first, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("representation", [IDENTITY, {"name": "wavelet", "family": "haar"}])
@pytest.mark.parametrize("design", [{}, {"target": "direct"}, {"scales": "shared"}])
def test_every_design_learns_from_outputs(
    equation: Files,
    plumes: Files,
    trained: Path,
    representation: dict[str, Any],
    design: dict[str, Any],
) -> None:
    for files in (equation, plumes):
        data = learnt(files, trained, **design)
        model = build(data, representation=representation, objective={"name": "regression"})
        plain = build(
            files.data(**design), representation=representation, objective={"name": "regression"}
        )
        assert model.problem == plain.problem, "models of both kinds are used in the same way"
        for level in (0, 1):
            batch = data.batch(np.arange(2) + level * data.groups[0])
            loss = model.loss_per_sample(batch, torch.Generator().manual_seed(0))
            assert loss.shape == (2,) and loss.isfinite().all()
            assert model.predict(batch, generators(2))["state"].isfinite().all()
        scales = [one.scalers[0].at(0).scale for one in (model, plain)]
        if "target" not in design:
            assert (scales[0] > scales[1]).any(), "errors of the base are generated too"


def test_predictions_and_their_design_belong_together(equation: Files, trained: Path) -> None:
    with pytest.raises(ValueError, match=r"predictions are missing; make them by the module"):
        equation.data(**section())
    with pytest.raises(ValueError, match=r"outputs = None, but predictions are given"):
        equation.data(made(equation, trained))


def test_a_base_that_cannot_predict_is_refused(
    equation: Files, plumes: Files, trained: Path
) -> None:
    with pytest.raises(DataError, match=r"train\.nc: .* first 6 of the 6 samples .* none to pred"):
        made(equation, trained, first=6)
    other = plumes._replace(name="burgers")
    with pytest.raises(ProblemError, match=r"generates .* on 8 x 16, expected .* on 4 x 8 x 8"):
        made(other, trained)


DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text())
HALF = {**DEFAULT["models"]["wdno"], "data": {"samples": 500}}
FEW = {"name": "ddim", "steps": 4}


def configured(chosen: dict[str, Any], **more: dict[str, Any]) -> configuration.Config:
    """The default configuration whose super-resolution model learns from outputs."""
    change = {"srm": {"superresolution": chosen}, "half": HALF, **more}
    return configuration.validate(configuration.merge(DEFAULT, {"models": change}))


def from_half(**more: Any) -> dict[str, Any]:
    return {"outputs": {"model": "half", "sampler": FEW, **more}}


def test_the_model_that_predicts_is_trained_before() -> None:
    config = configured(from_half())
    for system in ("burgers", "smoke"):
        pair, trainings = ("superresolution", "srm"), configuration.trainings(config, system)
        assert configuration.models_for(config, system, pair) == {"outputs": ("simulation", "half")}
        assert ("simulation", "half") in trainings
        assert configuration.known_samples(config, system, pair) == 500
        assert configuration.known_samples(config, system, ("simulation", "half")) is None
    plain = configuration.validate(DEFAULT)
    assert ("simulation", "half") not in configuration.trainings(plain, "burgers")


def test_what_a_model_knows_by_others_counts() -> None:
    """Going on from a model that has learnt from more samples, it has learnt from those too."""
    more = {**HALF, "data": {"samples": 700}}
    config = configured(from_half(), half={**HALF, "start": "more"}, more=more)
    assert configuration.known_samples(config, "burgers", ("superresolution", "srm")) == 700


@pytest.mark.parametrize(
    ("chosen", "more", "words"),
    [
        (
            {"outputs": {"model": "half"}},
            {},
            r"models\.srm\.superresolution\.outputs\.sampler: missing; model 'half' draws",
        ),
        (
            {"outputs": {"model": "fno", "sampler": FEW}},
            {},
            r"superresolution\.outputs\.sampler: model 'fno' has nothing to sample; remove it",
        ),
        (
            {"outputs": {"model": "halv", "sampler": FEW}},
            {},
            r"superresolution\.outputs: 'halv' is not configured; did you mean 'half'",
        ),
        ({"outputs": {"sampler": FEW}}, {}, r"superresolution\.outputs\.model: missing, and it"),
        ({"outputs": {"model": None, "sampler": FEW}}, {}, r"superresolution\.outputs\.model"),
        (
            {"outputs": {"model": "wdno", "sampler": FEW}},
            {},
            r"systems\.burgers, models\.srm\.superresolution: it learns from outputs of 'wdno' .* "
            r"of 3000 it has learnt from the first 3000, .* leaves 0, less than a batch of 16",
        ),
        (
            from_half(),
            {"half": {**HALF, "start": "wdno"}},
            r"outputs of 'half' .* of 3000 it has learnt from the first 3000, itself or by what it",
        ),
        (
            from_half(),
            {"half": {**HALF, "data": {"samples": 995}}},
            r"systems\.smoke, models\.srm\.superresolution: .* of 1000 .* leaves 5, less than",
        ),
        (
            from_half(),
            {"half": {**HALF, "generates": ["state"]}},
            r"models\.srm\.superresolution\.outputs = 'half': it generates state alone; name a",
        ),
        (from_half(pairs=3), {}, r"outputs\.pairs = 3: more than levels = 2"),
        ({**from_half(), "noise": 1.0}, {}, r"noise = 1 with outputs: .* remove one of the two"),
    ],
)
def test_outputs_that_cannot_be_learnt_from_are_refused(
    chosen: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        configured(chosen, **more)


def test_samples_of_its_own_limit_what_is_predicted() -> None:
    own = {"srm": {"data": {"samples": 510}, "superresolution": from_half()}}
    with pytest.raises(ConfigError, match=r"of 510 it has learnt from the first 500, .* leaves 10"):
        configuration.validate(configuration.merge(DEFAULT, {"models": {"half": HALF, **own}}))


def test_the_code_that_predicts_counts_for_what_learns_from_it_alone() -> None:
    counted: list[tuple[str, ...]] = []

    def noting(stage: str, *, also: tuple[str, ...], **names: str) -> str:
        counted.append(also)
        return stage_digest(stage, also=also, **names)

    codes = [
        configuration.training_code(config, "burgers", "superresolution", "srm", noting)
        for config in (configuration.validate(DEFAULT), configured(from_half()))
    ]
    also = ("wdno.tasks.superresolution.outputs", "wdno.diffusion.samplers.ddim")
    assert counted == [(), also]
    assert codes[0] != codes[1]
    pieces = {"representation": "identity", "network": "unet", "objective": "diffusion"}
    roots = stage_roots("train", task="superresolution", **pieces)
    plain = modules(*roots, without=STAGES["train"].without)
    assert not {*also, "wdno.tasks.superresolution.cascade"} & set(plain)


AXES = {
    "representation": IDENTITY,
    "network": {"name": "fno", "modes": 2, "width": 4, "layers": 1},
    "objective": {"name": "diffusion", "prediction": "x0"},
}
TRAINING = {"steps": 12, "batch_size": 4, "warmup_steps": 1, "validate_every": 6, "log_every": 1}
STAGE: dict[str, Any] = {
    "systems": {
        "burgers": {
            "data": {"fine": {"samples": 2, "grid": {"time": 32, "x": 48}}},
            "tasks": {"superresolution": {"methods": ["by", "exact_cubic"], "time": True}},
        }
    },
    "models": {
        "base": {**AXES, "training": TRAINING, "data": {"samples": 3}},
        "own": {**AXES, "training": TRAINING, "superresolution": section()},
    },
    "methods": {"by": {"model": "own", "sampler": SAMPLER}},
    "evaluation": {"reference": "exact_cubic", "show": ["by"]},
}


class Stopped(Exception):
    """A training that is not to begin."""


class Folder:
    """A folder with data of the tiny Burgers, in which models are trained."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        physics = configuration.system(configuration.load(*self.config({})), "burgers").options
        self.data = [
            make_data(folder / f"{name}.nc", system=Burgers(physics), count=count)
            for name, count in (("train", 8), ("validation", 4))
        ]

    def config(self, change: dict[str, Any]) -> list[Path]:
        """The tiny configuration with super-resolution, and a change."""
        path = self.folder / "overlay.yaml"
        path.write_text(yaml.safe_dump(configuration.merge(STAGE, change)))
        return [ROOT / "config/config.yaml", ROOT / "tests/config/tiny.yaml", path]

    def path(self, model: str) -> Path:
        return self.folder / model / "model.safetensors"

    def train(self, task: str, model: str, change: dict[str, Any] | None = None, **of: Any) -> Any:
        folder = self.path(model).parent
        files = (*self.data, self.path(model), folder / "train.jsonl", folder / "state")
        stage.train(self.config(change or {}), "burgers", task, model, 0, *files, 1, **of)
        return models.load(self.path(model))[0].state_dict()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    made = Folder(tmp_path_factory.mktemp("stage"))
    made.train("simulation", "base")
    return made


def test_an_interrupted_training_on_outputs_goes_on(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    needs = {"outputs": folder.path("base")}
    with caplog.at_level("INFO"):
        whole = folder.train("superresolution", "own", needs=needs)
    assert "predictions of train.nc by base: samples 3 to 7 in" in caplog.text
    assert "predictions of validation.nc by base: samples 0 to 3 in" in caplog.text
    folder.path("own").unlink()
    batch, reads = LevelData.batch, []

    def signalling(self: LevelData, indices: np.ndarray) -> dict[str, Tensor]:
        reads.append(1)
        if len(reads) == 9:
            os.kill(os.getpid(), signal.SIGTERM)
        return batch(self, indices)

    with monkeypatch.context() as patched:
        patched.setattr(LevelData, "batch", signalling)
        with pytest.raises(Interrupted):
            folder.train("superresolution", "own", needs=needs)
    assert (folder.path("own").parent / "state").is_dir()
    assert same(folder.train("superresolution", "own", needs=needs), whole)
    _, facts = models.load(folder.path("own"))
    assert facts["needs"] == {"outputs": str(folder.path("base"))}


def test_a_training_sees_predictions_of_what_its_base_has_not_seen(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []

    def keeping(model: Model, data: LevelData, **options: Any) -> None:
        kept.extend([data, options["validation"], options["fingerprint"]])
        raise Stopped

    monkeypatch.setattr(stage, "fit", keeping)
    needs = {"outputs": folder.path("base")}
    changes: list[dict[str, Any]] = [
        {},
        {"models": {"own": {"superresolution": {"outputs": {"sampler": {"steps": 3}}}}}},
        {"models": {"base": {"data": {"samples": 2}}}},
    ]
    for change in changes:
        with pytest.raises(Stopped):
            folder.train("superresolution", "own", change, needs=needs)
    assert [data.groups for data in kept[::3]] == [(5, 8), (5, 8), (6, 8)]
    assert all(data.groups == (4, 4) for data in kept[1::3])
    assert len(set(kept[2::3])) == 3, "a state of other predictions would be gone on from"
    state = Trajectories(folder.data[0]).batch(np.arange(3, 8))["state"][:, :, 1:]
    (batch,) = kept[0].batches(8, group=0)
    assert torch.equal(batch["state"], state)


def test_the_stage_asks_for_the_base(folder: Folder) -> None:
    with pytest.raises(ConfigError, match=r"'own' needs --needs of: outputs; given: none"):
        folder.train("superresolution", "own")
    few = {"models": {"base": {"data": {"samples": 9}}}}
    with pytest.raises(DataError, match=r"first 9 of the 8 samples that are trained on"):
        folder.train("superresolution", "own", few, needs={"outputs": folder.path("base")})
