"""Stage `train`: models that start from another, and learn from collected data too."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from processes import same
from waves import make_data

from wdno import config as configuration
from wdno.config import ConfigError
from wdno.data.dataset import ProblemData, Trajectories
from wdno.data.netcdf import DataError
from wdno.data.statistics import measure_statistics
from wdno.model import load
from wdno.problem import ProblemError
from wdno.stages import train as stage
from wdno.stages.train import train
from wdno.systems.burgers import Burgers
from wdno.training.checkpoint import CheckpointError
from wdno.training.interruption import Interrupted

ROOT = Path(__file__).parents[2]
AXES = {
    "representation": {"name": "identity"},
    "network": {"name": "fno", "modes": 2, "width": 4, "layers": 1},
    "objective": {"name": "regression"},
}
TRAINING = {"steps": 12, "batch_size": 4, "warmup_steps": 1, "validate_every": 6, "log_every": 1}
SHORT = {**TRAINING, "steps": 2, "learning_rate": 1e-12, "ema_decay": 0.0}
OWN: dict[str, Any] = {
    "systems": {
        "burgers": {"tasks": {"control": {"methods": ["zero", "by"], "reference": "zero"}}}
    },
    "models": {
        "first": {**AXES, "training": TRAINING},
        "second": {**AXES, "training": TRAINING, "start": "first"},
        "still": {**AXES, "training": SHORT, "start": "first"},
        "alone": {**AXES, "training": TRAINING, "generates": ["forcing"]},
        "serial": {**AXES, "training": TRAINING, "generates": ["series"]},
        "few": {**AXES, "training": TRAINING, "data": {"samples": 5}},
        "few_more": {
            **AXES,
            "training": TRAINING,
            "data": {"samples": 5},
            "collect": {"method": "zero", "cases": 3},
        },
        "noisy": {**AXES, "training": TRAINING, "data": {"noise": 0.5}},
        "more": {**AXES, "training": TRAINING, "collect": {"method": "zero", "cases": 3}},
    },
    "methods": {"by": {"model": "more"}},
    "evaluation": {"reference": "wdno"},
}


class Files:
    """A folder with data of the tiny Burgers, in which models are trained."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        overlay = folder / "overlay.yaml"
        overlay.write_text(yaml.safe_dump(OWN))
        self.config = [ROOT / "config/config.yaml", ROOT / "tests/config/tiny.yaml", overlay]
        options = configuration.system(configuration.load(*self.config), "burgers").options
        for name, count in (("train", 8), ("validation", 4), ("collected", 4)):
            make_data(folder / f"{name}.nc", system=Burgers(options), count=count)

    def path(self, model: str) -> Path:
        return self.folder / model / "model.safetensors"

    def train(self, model: str, **further: Any) -> dict[str, torch.Tensor]:
        folder = self.path(model).parent
        data = (self.folder / f"{name}.nc" for name in ("train", "validation"))
        files = (*data, self.path(model), folder / "train.jsonl", folder / "state")
        train(self.config, "burgers", "control", model, 0, *files, 1, **further)
        return load(self.path(model))[0].state_dict()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    made = Files(tmp_path_factory.mktemp("stage"))
    made.train("first")
    return made


def test_training_starts_from_weights_and_scales_of_another(files: Files) -> None:
    started = files.train("still", needs={"start": files.path("first")})
    first = load(files.path("first"))[0].state_dict()
    assert set(started) == set(first)
    for name, values in first.items():
        torch.testing.assert_close(started[name], values, msg=name)
    _, metadata = load(files.path("still"))
    assert metadata["needs"] == {"start": str(files.path("first"))}


def learnt(monkeypatch: pytest.MonkeyPatch) -> list[ProblemData]:
    """Keep the training and validation sets of all trainings that follow."""
    kept: list[ProblemData] = []
    fit = stage.fit

    def keeping(model: Any, data: ProblemData, **options: Any) -> Any:
        kept.extend([data, options["validation"]])
        return fit(model, data, **options)

    monkeypatch.setattr(stage, "fit", keeping)
    return kept


def test_a_model_may_learn_from_some_samples_alone(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = learnt(monkeypatch)
    files.train("few")
    files.train("few_more", collected=files.folder / "collected.nc")
    assert [len(data) for data in kept] == [5, 4, 8, 4]
    whole = Trajectories(files.folder / "train.nc").batch(np.arange(5))["state"]
    assert torch.equal(kept[2].trajectories.batch(np.arange(5))["state"], whole)


def test_a_model_may_learn_from_noisy_samples(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = learnt(monkeypatch)
    files.train("noisy")
    spread = float(measure_statistics(files.folder / "train.nc").standard_deviation[0])
    for name, data in zip(("train", "validation"), kept, strict=True):
        exact = Trajectories(files.folder / f"{name}.nc").batch(np.arange(4))["state"]
        noise = data.trajectories.batch(np.arange(4))["state"] - exact
        assert float(noise.std()) == pytest.approx(0.5 * spread, rel=0.1), name


def test_a_model_may_generate_some_parts_alone(files: Files) -> None:
    files.train("alone")
    whole, alone = (load(files.path(name))[0] for name in ("first", "alone"))
    assert [part.name for part in alone.problem.generated] == ["forcing"]
    assert alone.problem == whole.problem.generating(["forcing"])
    columns = list(whole.columns("forcing"))
    scales = alone.target_scaler.scale, whole.target_scaler.scale[columns]
    assert torch.equal(*scales), "they are of the same data"
    with pytest.raises(ProblemError, match=r"are generated \(state, forcing\), got series"):
        files.train("serial")
    assert not files.path("serial").exists() and not (files.folder / "serial/train.jsonl").exists()


def test_a_started_training_that_is_interrupted_goes_on(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = {"start": files.path("first")}
    whole = files.train("second", needs=needs)
    assert not same(whole, load(files.path("first"))[0].state_dict())
    files.path("second").unlink()
    batch, reads = ProblemData.batch, []

    def signalling(self: ProblemData, indices: np.ndarray) -> dict[str, torch.Tensor]:
        reads.append(1)
        if len(reads) == 9:
            os.kill(os.getpid(), signal.SIGTERM)
        return batch(self, indices)

    with monkeypatch.context() as patched:
        patched.setattr(ProblemData, "batch", signalling)
        with pytest.raises(Interrupted):
            files.train("second", needs=needs)
    assert (files.path("second").parent / "state").is_dir()
    assert same(files.train("second", needs=needs), whole)


def test_training_sees_both_files(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    batch, seen = ProblemData.batch, set()

    def noting(self: ProblemData, indices: np.ndarray) -> dict[str, torch.Tensor]:
        if len(self) > 4:  # not the validation set
            seen.update(np.asarray(indices).tolist())
        return batch(self, indices)

    monkeypatch.setattr(ProblemData, "batch", noting)
    files.train("more", collected=files.folder / "collected.nc")
    assert seen == set(range(8 + 3))
    _, metadata = load(files.path("more"))
    assert set(metadata["data"]["provenance"]) == {
        str(files.folder / "train.nc"),
        str(files.folder / "collected.nc"),
    }


def test_files_that_do_not_fit_are_refused(files: Files, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'second' needs --needs of: start; given: none"):
        files.train("second")
    with pytest.raises(ConfigError, match=r"'first' needs --needs of: none; given: start"):
        files.train("first", needs={"start": files.path("first")})
    with pytest.raises(ConfigError, match=r"'more' needs collected data, but --collected is None"):
        files.train("more")
    with pytest.raises(ConfigError, match=r"'first' collects no data"):
        files.train("first", collected=files.folder / "collected.nc")
    with pytest.raises(CheckpointError, match=r"absent\.safetensors; train the model first"):
        files.train("second", needs={"start": tmp_path / "absent.safetensors"})
    few = make_data(
        tmp_path / "few.nc",
        system=Burgers(configuration.system(configuration.load(*files.config), "burgers").options),
        count=2,
    )
    with pytest.raises(DataError, match=r"few\.nc: 3 samples are asked for, it holds 2"):
        files.train("more", collected=few)
