"""Interrupted training equals uninterrupted training; several processes equal one."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from processes import HELPERS, environment, same, steps_logged, without_times
from torch import Tensor
from training_problem import Denoiser, Samples, fit

from wdno.training.checkpoint import discard_state, load_model, save_model
from wdno.training.interruption import Interrupted, Interruption


class Signalling(Samples):
    """Sends this process a signal when the batch of a step is read."""

    def __init__(self, reads: int, signum: int = signal.SIGTERM) -> None:
        super().__init__()
        self.reads, self.signum = reads, signum

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        self.reads -= 1
        if self.reads == 0:
            os.kill(os.getpid(), self.signum)
        return super().batch(indices)


@pytest.fixture
def straight(tmp_path: Path) -> dict[str, Tensor]:
    return fit(tmp_path / "straight", validation=Samples(5), validate_every=25).tensors


@pytest.mark.parametrize("ema_every", [1, 7])
def test_stopping_at_every_odd_moment_changes_no_bit(tmp_path: Path, ema_every: int) -> None:
    straight = fit(tmp_path / "straight", ema_every=ema_every)
    folder = tmp_path / "stopped"
    steps = []
    for reads in (1, 6, 8, 13, 20):
        with pytest.raises(Interrupted) as caught:
            fit(folder, data=Signalling(reads), ema_every=ema_every)
        steps.append(int(str(caught.value).split("step ")[1].split()[0]))
    result = fit(folder, ema_every=ema_every)
    assert steps == sorted(set(steps)), f"stopped after steps {steps}"
    assert same(straight.tensors, result.tensors)
    assert without_times(folder / "train.jsonl") == without_times(
        tmp_path / "straight" / "train.jsonl"
    )
    assert result.steps == 60 and result.lines[-1]["seconds"] == result.seconds


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_said_and_handlers_are_restored(tmp_path: Path, signum: int) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(Interrupted) as caught:
        fit(tmp_path, data=Signalling(4, signum))
    assert caught.value.exit_code == 128 + signum
    for part in (signal.Signals(signum).name, "of 60", str(tmp_path / "state"), "same command"):
        assert part in str(caught.value), str(caught.value)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_a_second_signal_acts_at_once() -> None:
    # A shell starts its background jobs with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGINT)
            assert interruption.signum == signal.SIGINT
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(1)
    finally:
        signal.signal(signal.SIGINT, before)


def test_lines_removed_by_a_workflow_come_back(tmp_path: Path, straight: dict[str, Tensor]) -> None:
    folder = tmp_path / "stopped"
    arguments: dict[str, Any] = {"validation": Samples(5), "validate_every": 25}
    with pytest.raises(Interrupted):
        fit(folder, data=Signalling(31), **arguments)
    assert [line["step"] for line in without_times(folder / "train.jsonl")][-1] == 28
    (folder / "train.jsonl").unlink()
    assert same(fit(folder, **arguments).tensors, straight)
    assert without_times(folder / "train.jsonl") == without_times(
        tmp_path / "straight" / "train.jsonl"
    )


def test_lines_after_the_saved_step_are_not_doubled(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        fit(tmp_path, data=Signalling(31))
    with (tmp_path / "train.jsonl").open("a") as log:
        log.write('{"step": 35, "loss": 9.0}\n{"step": 42, "lo')  # a killed process wrote on
    fit(tmp_path)
    assert [line["step"] for line in without_times(tmp_path / "train.jsonl")] == [
        *range(7, 60, 7),
        60,
    ]


@pytest.mark.parametrize(
    ("change", "resumes"),
    [
        ({"fingerprint": "other"}, False),
        ({"seed": 4}, False),
        ({"learning_rate": 2e-2}, False),
        ({"steps": 61}, False),
        ({"log_every": 5}, True),
        ({"checkpoint_seconds": 5.0}, True),
        ({"device": "auto"}, True),
    ],
    ids=lambda value: str(value),
)
def test_what_a_state_fits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, change: dict[str, Any], resumes: bool
) -> None:
    if change.get("device") == "auto" and torch.cuda.is_available():
        pytest.skip("auto is another device here")
    with pytest.raises(Interrupted):
        fit(tmp_path, data=Signalling(31))
    with caplog.at_level(logging.INFO):
        result = fit(tmp_path, **change)
    assert ("training resumes after step" in caplog.text) == resumes
    assert ("training starts afresh" in caplog.text) != resumes
    if not resumes:
        assert same(result.tensors, fit(tmp_path / "fresh", **change).tensors)


def test_a_state_of_another_network_is_not_loaded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Interrupted):
        fit(tmp_path, data=Signalling(31))
    larger = Denoiser()
    larger.extra = torch.nn.Linear(2, 2).requires_grad_(False)
    fit(tmp_path, larger)
    assert "of another network" in caplog.text


def test_a_finished_training_is_taken_as_it_is(tmp_path: Path) -> None:
    # The state of the last step stays until the model is written: if that fails, nothing is lost.
    first = fit(tmp_path)
    second = fit(tmp_path, data=Signalling(1))
    assert same(first.tensors, second.tensors) and first.lines == second.lines
    assert (first.seconds, first.final_loss) == (second.seconds, second.final_loss)
    discard_state(tmp_path / "state")
    assert not (tmp_path / "state").exists()


def launch(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(HELPERS / "training_problem.py"), str(folder), *arguments]
    return subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)


def test_killed_again_and_again_equals_uninterrupted(tmp_path: Path) -> None:
    chance = random.Random(0)
    folder = tmp_path / "killed"
    endings = [signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]
    for number, signum in enumerate(endings):
        process = launch(folder, "--seconds", "0.01")
        wanted, patience = 10 * (number + 1), time.monotonic() + 60
        while steps_logged(folder) < wanted and process.poll() is None:
            assert time.monotonic() < patience, f"{steps_logged(folder)} of {wanted} steps in 60 s"
            time.sleep(0.002)
        time.sleep(0.05 * chance.random())
        process.send_signal(signum)
        _, said = process.communicate(timeout=60)
        if signum == signal.SIGKILL:
            assert process.returncode == -signal.SIGKILL, said
        else:
            assert process.returncode == 128 + signal.SIGTERM, said
            assert "the same command continues from it" in said and str(folder / "state") in said
        assert number == 0 or "training resumes after step" in said, said
    last = launch(folder)
    _, said = last.communicate(timeout=60)
    assert last.returncode == 0 and "training resumes after step" in said, said

    straight = tmp_path / "straight"
    arguments = {"validation": Samples(9, seed=1), "validate_every": 20, "log_every": 1}
    result = fit(straight, checkpoint_seconds=0.01, **arguments)
    save_model(straight / "model.safetensors", result.tensors, {"steps": result.steps})
    killed, whole = ((f / "model.safetensors").read_bytes() for f in (folder, straight))
    assert killed == whole, "an interrupted run gives other weights than an uninterrupted one"
    assert without_times(folder / "train.jsonl") == without_times(straight / "train.jsonl")
    assert sorted(p.name for p in folder.iterdir()) == ["model.safetensors", "train.jsonl"]


def test_two_processes_equal_one(tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    program = [str(HELPERS / "training_problem.py"), str(tmp_path / "two"), "--dropout", "0"]
    done = subprocess.run(
        [*torchrun, "--nproc-per-node", "2", *program, "--steps", "20"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    one = fit(
        tmp_path / "one",
        Denoiser(dropout=0.0),
        steps=20,
        log_every=1,
        validation=Samples(9, seed=1),
        validate_every=20,
    )
    two = without_times(tmp_path / "two" / "train.jsonl")
    assert [line["step"] for line in two] == list(range(1, 21)), "one process writes"
    for line, expected in zip(two, one.lines, strict=True):
        for key in line:
            assert line[key] == pytest.approx(expected[key], rel=1e-4), (line, expected)
    tensors, _ = load_model(tmp_path / "two" / "model.safetensors")
    for name, tensor in one.tensors.items():
        torch.testing.assert_close(tensors[name], tensor, rtol=1e-3, atol=1e-5)
