"""The command line: quick to answer, clear when refused, interruptible."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from wdno import __version__

ROOT = Path(__file__).parents[1]
RUN: dict[str, Any] = {"capture_output": True, "text": True}
CONFIGS = ["config/config.yaml", "tests/config/tiny.yaml"]


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wdno", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)  # type: ignore[call-overload, no-any-return]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A resolved configuration and tiny data sets."""
    folder = tmp_path_factory.mktemp("run")
    done = run("config", "resolve", *CONFIGS, "--output", folder / "config.yaml")
    assert done.returncode == 0, done.stderr
    for split in ("train", "validation", "test"):
        done = generate(folder, split)
        assert done.returncode == 0, done.stderr
    return folder


def generate(folder: Path, split: str) -> subprocess.CompletedProcess[str]:
    arguments = ["--config", folder / "config.yaml", "--system", "burgers", "--split", split]
    paths = ["--output", folder / f"{split}.nc", "--state", folder / f"parts-{split}"]
    return run("generate", *arguments, *paths)


def train_arguments(folder: Path, name: str, model: str = "wdno") -> list[object]:
    files = {
        "--train": folder / "train.nc",
        "--validation": folder / "validation.nc",
        "--output": folder / name / "model.safetensors",
        "--log": folder / name / "train.jsonl",
        "--state": folder / name / "state",
    }
    names = ["--system", "burgers", "--task", "simulation", "--model", model, "--seed", 0]
    paths = [part for pair in files.items() for part in pair]
    return ["train", "--config", folder / "config.yaml", *names, *paths]


def evaluate_arguments(folder: Path, checkpoint: Path, method: str = "wdno") -> list[object]:
    names = ["--system", "burgers", "--task", "simulation", "--method", method, "--seed", 0]
    statistics = folder / "statistics.nc"
    if not statistics.exists():
        source = folder / "train.nc"
        done = run(
            "statistics", source if source.exists() else folder / "test.nc", "--output", statistics
        )
        assert done.returncode == 0, done.stderr
    files = ["--data", f"test={folder / 'test.nc'}", "--model", f"model={checkpoint}"]
    paths = [*files, "--statistics", statistics]
    config = ["--config", folder / "config.yaml"]
    return ["evaluate", *config, *names, *paths, "--output", folder / "evaluated"]


def test_help_answers_at_once() -> None:
    code = (
        "import sys; from wdno.cli import app; heavy = {'torch', 'numpy', 'xarray', 'pydantic'}"
        " & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    done = run("--help")
    assert done.returncode == 0
    for verb in ("generate", "train", "evaluate", "predict", "table", "figure", "config"):
        assert verb in done.stdout


def test_the_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"wdno {__version__}\n"), done.stderr


def test_an_overlay_alone_is_checked_over_the_default(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("run: mine\nsystems: {era5: null}\n")
    command = [sys.executable, "-m", "wdno", "config"]
    elsewhere = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
    done = subprocess.run([*command, "check", "mine.yaml"], **RUN, **elsewhere)
    assert done.returncode == 0, done.stderr
    assert "run 'mine': valid; systems: advection, burgers" in done.stdout
    assert f"files: {ROOT / 'config/config.yaml'}, mine.yaml" in done.stdout
    whole = ["resolve", "mine.yaml", "--output", "whole.yaml"]
    done = subprocess.run([*command, *whole], **RUN, **elsewhere)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([*command, "check", "whole.yaml"], **RUN, **elsewhere)
    assert "files: whole.yaml\n" in done.stdout, "it needs nothing below it"
    overlay.write_text("run: mine\nsystem: {}\nrun: other\n")
    done = subprocess.run([*command, "check", "mine.yaml"], **RUN, **elsewhere)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "mine.yaml, line 3: 'run' stands here again, after line 1" in done.stderr


def test_letters_that_a_locale_lacks_are_written_as_codes(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text('run: mine\nmethods: {fno: {label: "_η"}}\n', encoding="utf-8")
    # What a locale of letters A to Z alone amounts to, where Python does not know better.
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = run("config", "check", overlay, env=env)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert r"methods.fno.label = '_\u03b7'" in done.stderr


def test_from_data_to_errors(folder: Path) -> None:
    done = run(*train_arguments(folder, "whole"))
    assert done.returncode == 0, done.stderr
    checkpoint = folder / "whole" / "model.safetensors"
    assert not (folder / "whole" / "state").exists()
    done = run(*evaluate_arguments(folder, checkpoint))
    assert done.returncode == 0, done.stderr
    metrics = json.loads((folder / "evaluated" / "metrics.json").read_text())
    with (
        xr.open_dataset(folder / "evaluated" / "scores.nc", decode_times=False) as scores,
        xr.open_dataset(folder / "evaluated" / "examples.nc", decode_times=False) as examples,
    ):
        assert metrics["scores"]["mse"] == pytest.approx(float(scores["mse"].mean()), rel=1e-12)
        # The first of the samples is kept of each example; the error is the mean over samples.
        assert metrics["design"]["samples"] == 2
        first = ((examples["prediction"] - examples["truth"]) ** 2).mean(("field", "time", "x"))
        errors = scores["mse"][: len(first)].to_numpy()
        # u of these cases is of order one, and six steps of training make no good model.
        assert (errors > 0.2 * first.to_numpy()).all() and (errors < 5 * first.to_numpy()).all()
    assert metrics["cost"]["evaluations"] == 2
    assert metrics["cost"]["training_steps"] == 6
    assert metrics["design"]["sampler"]["name"] == "ddim"


def test_a_prediction_is_that_of_the_evaluation(folder: Path, tmp_path: Path) -> None:
    checkpoint = folder / "whole" / "model.safetensors"
    sampler = ["--sampler", "ddim", "--steps", 2, "--batch-size", 4, "--samples", 2]
    output = tmp_path / "ensemble.nc"
    done = run("predict", checkpoint, folder / "test.nc", "--output", output, *sampler)
    assert done.returncode == 0, done.stderr
    assert "6/6" in done.stderr, "progress is shown"
    with (
        xr.open_dataset(output, decode_times=False) as ensemble,
        xr.open_dataset(folder / "evaluated" / "examples.nc", decode_times=False) as examples,
    ):
        evaluated = examples["prediction"].sel(field="u", drop=True).to_numpy()
        # The seed of the evaluation, its batches, and the first sample of its examples.
        np.testing.assert_array_equal(ensemble["u"][: len(evaluated), 0], evaluated)
        assert len(evaluated) == 2 and ensemble.sizes["sample"] == 6
        facts = json.loads(ensemble.attrs["model_facts"])
        assert (facts["system"], facts["training_steps"]) == ("burgers", 6)
    done = run("predict", checkpoint, folder / "test.nc", "--output", output, "--sampler", "ddim")
    assert done.returncode == 2 and "its steps are missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_configuration_is_refused_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("systems: {burgers: {options: {viscositty: 0.1}}}\n")
    done = run("config", "check", CONFIGS[0], path)
    assert done.returncode == 2
    assert "viscositty" in done.stderr
    assert "'viscosity'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--system", "burger", "'burgers'"),
        ("--model", "wdmo", "'wdno'"),
        ("--task", "simulate", "expected one of control, simulation"),
        ("--train", "absent.nc", "absent.nc: not found"),
    ],
)
def test_wrong_names_are_refused(folder: Path, option: str, value: str, words: str) -> None:
    arguments = train_arguments(folder, "refused")
    arguments[arguments.index(option) + 1] = value
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert not (folder / "refused" / "model.safetensors").exists()


def test_a_model_of_another_grid_is_refused(folder: Path, tmp_path: Path) -> None:
    done = run(*train_arguments(folder, "other", "fno"))
    assert done.returncode == 0, done.stderr
    overlay = tmp_path / "grid.yaml"
    overlay.write_text("systems: {burgers: {options: {grid: {time: 20, x: 30}}}}\n")
    done = run("config", "resolve", *CONFIGS, overlay, "--output", tmp_path / "config.yaml")
    assert done.returncode == 0, done.stderr
    assert generate(tmp_path, "test").returncode == 0
    checkpoint = folder / "other" / "model.safetensors"
    done = run(*evaluate_arguments(tmp_path, checkpoint, "fno"))
    assert done.returncode == 2
    assert "20 x 30" in done.stderr
    assert "16 x 24" in done.stderr
    assert not (tmp_path / "evaluated").exists()


def test_a_truncated_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    checkpoint = tmp_path / "model.safetensors"
    checkpoint.write_bytes(b"\x10\x00\x00")
    done = run(*evaluate_arguments(folder, checkpoint))
    assert done.returncode == 2
    assert "model.safetensors" in done.stderr
    assert "train the model again" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_training_ends_by_a_signal_and_continues(
    folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    overlay = tmp_path / "long.yaml"
    overlay.write_text("models: {wdno: {training: {steps: 100000}}}\n")
    done = run("config", "resolve", *CONFIGS, overlay, "--output", tmp_path / "config.yaml")
    assert done.returncode == 0, done.stderr
    for split in ("train", "validation"):
        os.link(folder / f"{split}.nc", tmp_path / f"{split}.nc")
    command = [sys.executable, "-m", "wdno", *map(str, train_arguments(tmp_path, "long"))]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "long" / "train.jsonl"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.read_text().count("\n") > 5):
        assert time.monotonic() < deadline, "training did not start"
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, messages = process.communicate(timeout=30)
    assert process.returncode == 128 + number, messages
    assert "the same command continues" in messages
    assert (tmp_path / "long" / "state").is_dir()
    assert not (tmp_path / "long" / "model.safetensors").exists()


def test_files_of_an_evaluation_are_named(folder: Path) -> None:
    arguments = evaluate_arguments(folder, folder / "model.safetensors")
    where = arguments.index("--data") + 1
    for value, words in (
        (folder / "test.nc", "not of the form NAME=PATH"),
        ("train=a.nc", "test"),
    ):
        done = run(*arguments[:where], value, *arguments[where + 1 :])
        # Typer frames its messages and breaks their lines.
        message = " ".join(done.stderr.replace("│", " ").split())
        assert done.returncode == 2 and words in message, done.stderr
        assert "Traceback" not in done.stderr


def test_a_method_without_its_model_is_refused(folder: Path) -> None:
    arguments = evaluate_arguments(folder, folder / "model.safetensors")
    where = arguments.index("--model")
    done = run(*arguments[:where], *arguments[where + 2 :])
    assert done.returncode == 2 and "model" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["table"], "give one of --task and --study"),
        (["table", "--task", "simulation", "--study", "samplers"], "give one of --task"),
        (["table", "--task", "simulate"], "expected one of control, simulation"),
        (["table", "--study", "sampler"], "'samplers'"),
        (["figure", "trajectory", "--task", "simulation"], "trajectories"),
        (["figure", "study", "--study", "sampler"], "'samplers'"),
        (["figure", "study"], "give --study"),
        (["figure", "spectra"], "give --task"),
        (["figure", "training", "--task", "simulation", "--system", "burgers"], "--statistics"),
    ],
)
def test_wrong_tables_and_figures_are_refused(
    folder: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    common = ["--config", folder / "config.yaml", "--output", tmp_path / "a.png"]
    done = run(*arguments, *common, folder / "absent")
    assert done.returncode == 2 and words in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_scene_of_data_without_one_is_refused(folder: Path, tmp_path: Path) -> None:
    done = run("figure", "scene", "--output", tmp_path / "a.png", folder / "test.nc")
    assert done.returncode == 2 and "has no scene" in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())
