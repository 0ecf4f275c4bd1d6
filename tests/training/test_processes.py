"""One training in several processes gives what one process gives, and its states are the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from models import NETWORKS, OBJECTIVES, REPRESENTATIONS, STEPPING, build
from processes import environment, without_times
from torch import Tensor
from training_problem import fit
from waves import make_data

from wdno.config import ConfigError
from wdno.data.dataset import ProblemData, Trajectories
from wdno.draws import BatchGenerator, BatchPart, integers, normal, uniform
from wdno.stages import launch as stage
from wdno.stages.train import train
from wdno.tasks.simulation.problem import data as simulation
from wdno.training import distributed
from wdno.training.checkpoint import load_model
from wdno.training.interruption import Interrupted
from wdno.training.launch import _failed, launch

ROOT = Path(__file__).parents[2]
STEPS = 60
MODEL = {
    "representation": {"name": "wavelet", "family": "bior2.4"},
    "network": {"name": "fno", "modes": 2, "width": 4, "layers": 1},
    "objective": {"name": "diffusion"},
    "training": {
        "steps": STEPS,
        "batch_size": 5,  # three samples for one process, two for the other
        "warmup_steps": 1,
        "validate_every": 25,
        "log_every": 10,
        "checkpoint_seconds": 0.01,
    },
}


SRUN = """#!/bin/sh
while [ "${1#--}" != "$1" ]; do echo "$1" >> "$(dirname "$0")/options"; shift; done
"$@" & first=$!
"$@" & second=$!
wait $first && wait $second
"""


class Training:
    """A training of a small diffusion model, by the stage or by the command line."""

    def __init__(self, folder: Path, overlay: Path) -> None:
        self.folder, self.data = folder, overlay.parent
        self.config = [ROOT / "config/config.yaml", ROOT / "tests/config/tiny.yaml", overlay]
        self.model, self.log = folder / "model.safetensors", folder / "train.jsonl"
        self.state = folder / "state"

    def here(self) -> None:
        data = (self.data / f"{name}.nc" for name in ("train", "validation"))
        names = ("burgers", "simulation", "small", 0)
        train(self.config, *names, *data, self.model, self.log, self.state, 1)

    def start(self, *more: str, **variables: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "wdno", "train", "--system", "burgers"]
        command += ["--task", "simulation", "--model", "small", "--seed", "0"]
        files = {
            "train": self.data / "train.nc",
            "validation": self.data / "validation.nc",
            "output": self.model,
            "log": self.log,
            "state": self.state,
        }
        for path in self.config:
            command += ["--config", str(path)]
        for name, path in files.items():
            command += [f"--{name}", str(path)]
        return subprocess.Popen(
            [*command, *more], env=environment() | variables, stderr=subprocess.PIPE, text=True
        )

    def equals(self, other: Training) -> None:
        """Check that another training came to the same, but for rounding."""
        own, others = without_times(self.log), without_times(other.log)
        assert [line["step"] for line in own] == [line["step"] for line in others]
        for line, expected in zip(own, others, strict=True):
            for key in line:
                assert line[key] == pytest.approx(expected[key], rel=1e-3), (line, expected)
        weights, expected = load_model(self.model)[0], load_model(other.model)[0]
        assert weights.keys() == expected.keys()
        for name, tensor in expected.items():
            torch.testing.assert_close(weights[name], tensor, rtol=1e-2, atol=1e-4, msg=name)


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    path = folder / "overlay.yaml"
    path.write_text(yaml.safe_dump({"models": {"small": MODEL}}))
    for name, count in (("train", 12), ("validation", 4)):
        make_data(folder / f"{name}.nc", count=count)
    return path


@pytest.fixture(scope="module")
def straight(overlay: Path) -> Training:
    """The training in one process, undisturbed."""
    done = Training(overlay.parent / "straight", overlay)
    done.here()
    return done


def test_a_batch_is_divided_without_repeats_or_losses() -> None:
    for total in range(1, 12):
        for ranks in range(1, total + 1):
            parts = [BatchPart.of(total, rank, ranks) for rank in range(ranks)]
            places = [n for part in parts for n in range(part.first, part.first + part.count)]
            assert places == list(range(total))
            assert min(part.count for part in parts) >= 1
            assert max(part.count for part in parts) - min(part.count for part in parts) <= 1
            assert sum(part.weight for part in parts) == pytest.approx(1.0)


def _of_part(part: BatchPart) -> BatchGenerator:
    generator = BatchGenerator()
    generator.manual_seed(4)
    generator.part = part
    return generator


def test_parts_draw_what_the_whole_batch_draws() -> None:
    def drawn(samples: int, generator: torch.Generator) -> list[Tensor]:
        return [
            normal((samples, 3), generator),
            uniform((samples, 2), generator),
            integers(2, 50, (samples * 4,), generator),  # four rows of each sample
            normal((samples, 1), generator, torch.float64),
        ]

    whole = drawn(5, torch.Generator().manual_seed(4))
    plain = torch.Generator().manual_seed(4)
    assert torch.equal(whole[0], torch.randn(5, 3, generator=plain)), "as PyTorch draws it"
    parts = [BatchPart.of(5, rank, 2) for rank in range(2)]
    found = zip(*(drawn(part.count, _of_part(part)) for part in parts), strict=True)
    for values, expected in zip(found, whole, strict=True):
        assert torch.equal(torch.cat(values), expected)


def test_draws_of_another_first_axis_are_refused() -> None:
    with pytest.raises(ValueError, match="each of the 3 samples of this process, got 4 rows"):
        normal((4, 2), _of_part(BatchPart.of(5, 0, 2)))


@pytest.mark.parametrize(
    "objective",
    [*OBJECTIVES, STEPPING, {"name": "diffusion", "stepping": {"windows": 3, "noise": 0.1}}],
    ids=lambda objective: " ".join(map(str, objective.values())),
)
def test_losses_of_parts_are_those_of_the_batch(
    waves_file: Path, objective: dict[str, Any]
) -> None:
    data = simulation(Trajectories(waves_file))
    model = build(data, representation=REPRESENTATIONS[0], network=NETWORKS[1], objective=objective)
    model.train()
    whole = model.loss_per_sample(data.batch(np.arange(5)), torch.Generator().manual_seed(4))
    parts = [BatchPart.of(5, rank, 2) for rank in range(2)]
    found = [
        model.loss_per_sample(
            data.batch(np.arange(part.first, part.first + part.count)), _of_part(part)
        )
        for part in parts
    ]
    torch.testing.assert_close(torch.cat(found), whole)


@pytest.fixture
def one_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let this process be the first of several, which are not there."""

    def pretend(processes: int) -> None:
        for name in distributed.VARIABLES:
            monkeypatch.setenv(name, "0")
        monkeypatch.setenv("WORLD_SIZE", str(processes))
        monkeypatch.setattr(distributed.distributed, "is_initialized", lambda: True)

    return pretend


def test_fewer_samples_than_processes_are_refused(
    tmp_path: Path, one_of: Callable[[int], None]
) -> None:
    one_of(5)
    with pytest.raises(ValueError, match=r"batch_size of at least 5, a sample for each .* got 4"):
        fit(tmp_path)


def test_what_needs_whole_batches_is_trained_by_one_process(
    overlay: Path,
    tmp_path: Path,
    one_of: Callable[[int], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    training = Training(tmp_path, overlay)
    config, name = training.config, "bppo"
    assert stage.launch(config, "burgers", name, ["train"], 2, 1, 1) is None
    assert "one process trains model 'bppo' instead of 2" in caplog.text
    one_of(2)
    files = (training.data / "train.nc", training.data / "validation.nc", tmp_path / "model")
    with pytest.raises(ConfigError, match="one process trains the objective 'bppo'"):
        train(config, "burgers", "control", name, 0, *files, training.log, training.state, 1)


def test_more_processes_than_samples_are_not_started(overlay: Path, tmp_path: Path) -> None:
    config = Training(tmp_path, overlay).config
    with pytest.raises(ValueError, match=r"--processes 6: model 'small' has .*batch_size = 5"):
        stage.launch(config, "burgers", "small", ["train"], 6, 1, 1)


def test_how_processes_ended(caplog: pytest.LogCaptureFixture) -> None:
    assert _failed({0: 2, 1: -9}, 2) == 137
    assert "process 0 ended with exit code 2" in caplog.text
    assert "process 1 was killed by SIGKILL" in caplog.text
    caplog.clear()
    assert _failed({1: 143}, 2) == 143
    assert not caplog.text, "the training has said that it was interrupted"
    assert _failed({0: 2}, 2) == 2
    assert _failed({0: -15, 1: -9, 2: 2}, 3) == 137


def test_what_cannot_be_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(ValueError, match="same number of processes on each node"):
        launch(["train"], 3, 2)
    with pytest.raises(ValueError, match="expected to be in a SLURM job"):
        launch(["train"], 4, 2)


def test_two_processes_go_on_from_the_state_of_one(
    tmp_path: Path, overlay: Path, straight: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = Training(tmp_path, overlay)

    batch, reads = ProblemData.batch, []

    def signalling(self: ProblemData, indices: np.ndarray) -> dict[str, Tensor]:
        reads.append(1)
        if len(reads) == 20:
            os.kill(os.getpid(), signal.SIGTERM)
        return batch(self, indices)

    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(ProblemData, "batch", signalling)
        training.here()
    srun = tmp_path / "bin" / "srun"
    srun.parent.mkdir()
    srun.write_text(SRUN, encoding="utf-8")
    srun.chmod(0o755)
    # Two nodes that are one machine, whose `srun` starts the same command on both.
    path = f"{srun.parent}:{os.environ['PATH']}"
    nodes = ("--processes", "2", "--nodes", "2", "--threads", "2")
    process = training.start(*nodes, PATH=path, SLURM_JOB_ID="17")
    said = process.communicate(timeout=240)[1]
    assert process.returncode == 0, said
    assert "training in 1 processes on each of 2 machines" in said
    options = (tmp_path / "bin" / "options").read_text(encoding="utf-8").split()
    assert {"--nodes=2", "--ntasks=2", "--ntasks-per-node=1", "--cpus-per-task=2"} <= {*options}
    shutil.rmtree(srun.parent)
    assert said.count("training resumes after step") == 1, "one process speaks"
    training.equals(straight)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != ".") == [
        "model.safetensors",
        "train.jsonl",
    ]


def _ranks(launcher: int) -> dict[int, int]:
    """Process numbers of the processes that a launcher started, by rank."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == launcher:
                variables = (path / "environ").read_bytes().decode().split("\0")
                found |= {
                    int(one[5:]): int(path.name) for one in variables if one.startswith("RANK=")
                }
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc on this system")
def test_one_process_goes_on_where_one_of_two_was_killed(
    tmp_path: Path, overlay: Path, straight: Training, caplog: pytest.LogCaptureFixture
) -> None:
    training = Training(tmp_path, overlay)
    process = training.start("--processes", "2")
    patience = time.monotonic() + 90
    while not (training.state / "state.safetensors").exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < patience, "no state in 90 s"
        time.sleep(0.005)
    ranks = _ranks(process.pid)
    assert ranks.keys() == {0, 1}
    os.kill(ranks[1], signal.SIGKILL)
    said = process.communicate(timeout=45)[1]
    assert process.returncode == 128 + signal.SIGKILL, said
    assert "process 1 was killed by SIGKILL; a machine out of memory kills so" in said, said
    assert "process 0 of 2 (they are counted from 0) has lost the others" in said, said
    assert "The same command continues" in said and "Traceback" not in said, said
    assert not training.model.exists()
    with caplog.at_level("INFO"):
        training.here()
    assert "training resumes after step" in caplog.text
    training.equals(straight)


WATCHED = """
import time
from wdno.training.distributed import _end_with_parent
_end_with_parent()
print("watching", flush=True)
time.sleep(300)
"""
STARTING = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"


def test_a_process_ends_when_the_one_that_started_it_is_killed() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STARTING, WATCHED],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "watching\n"
    process.kill()
    killed = time.monotonic()
    assert process.communicate(timeout=60)[0] == "", "ends only when nobody holds the pipe"
    assert time.monotonic() - killed < 30
