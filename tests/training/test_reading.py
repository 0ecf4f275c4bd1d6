"""Reading batches in other processes: the same training, ended cleanly, errors as they are."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from processes import HELPERS, environment, same, steps_logged, without_times
from torch import Tensor
from training_problem import Denoiser, Samples, fit
from waves import make_data

from wdno import runtime
from wdno.data import dataset
from wdno.data.dataset import Trajectories
from wdno.data.netcdf import DataError
from wdno.stages import train as stage
from wdno.tasks.simulation.problem import data as simulation
from wdno.training.batches import Batches, BatchOrder
from wdno.training.checkpoint import load_model
from wdno.training.interruption import Interrupted
from wdno.training.readers import affordable


@pytest.mark.parametrize(("processes", "rank", "ranks"), [(1, 0, 1), (2, 0, 1), (2, 1, 2)])
def test_batches_are_the_same_whatever_reads_them(
    waves_file: Path, processes: int, rank: int, ranks: int
) -> None:
    data = simulation(Trajectories(waves_file, in_memory=False))
    order = BatchOrder(len(data), 6, seed=1)
    batches = Batches(data, order, 14, rank, ranks, processes=processes)
    held = simulation(Trajectories(waves_file))
    for step in range(5, 14):  # from within the second epoch to within the fifth
        batch = batches.get(step)
        expected = held.batch(np.array_split(order.indices(step), ranks)[rank])
        assert batch.keys() == expected.keys()
        assert all(torch.equal(batch[k], tensor) for k, tensor in expected.items()), step
        if step > 5:
            assert len(multiprocessing.active_children()) == processes
        batches.settle()
    batches.close()
    assert not multiprocessing.active_children()


class Stopping(Denoiser):
    """Sends its process a signal at one of its losses."""

    def __init__(self, losses: int) -> None:
        super().__init__()
        self.losses = losses

    def loss_per_sample(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        self.losses -= 1
        if self.losses == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().loss_per_sample(batch, generator)


def test_training_is_the_same_whatever_reads_and_wherever_it_stops(tmp_path: Path) -> None:
    straight = fit(tmp_path / "straight", steps=20)
    assert same(straight.tensors, fit(tmp_path / "two", steps=20, readers=2).tensors)
    folder = tmp_path / "stopped"
    for readers, losses in ((2, 8), (0, 4)):
        with pytest.raises(Interrupted):
            fit(folder, Stopping(losses), steps=20, readers=readers)
        assert not multiprocessing.active_children()
    assert same(straight.tensors, fit(folder, steps=20, readers=2).tensors)
    assert without_times(folder / "train.jsonl") == without_times(
        tmp_path / "straight" / "train.jsonl"
    )


def test_random_numbers_of_the_caller_are_left_alone() -> None:
    torch.manual_seed(8)
    expected = torch.rand(3)
    torch.manual_seed(8)
    batches = Batches(Samples(), BatchOrder(22, 4, 0), 3, 0, 1, processes=1)
    batches.get(0), batches.get(1)
    batches.close()
    assert torch.equal(torch.rand(3), expected)


def _until(condition: object, seconds: float = 60.0) -> bool:
    patience = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > patience:
            return False
        time.sleep(0.01)
    return True


def _nobody_left(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("steps", [1, 15], ids=["while readers start", "while they read"])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_all_processes(tmp_path: Path, signum: signal.Signals, steps: int) -> None:
    """A terminal sends Ctrl-C, and a batch system SIGTERM, to the readers too."""
    program = [sys.executable, str(HELPERS / "training_problem.py"), str(tmp_path)]
    process = subprocess.Popen(
        [*program, "--readers", "2", "--seconds", "0.02", "--steps", "200"],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # As in the foreground of a terminal, wherever the tests run.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert _until(lambda: steps_logged(tmp_path) >= steps or process.poll() is not None)
    if signum == signal.SIGKILL:
        process.kill()  # alone: its readers must notice
    else:
        os.killpg(process.pid, signum)
    said = process.communicate(timeout=60)[1]
    assert _until(lambda: _nobody_left(process.pid), 15), "readers outlive the training"
    if signum == signal.SIGKILL:
        return
    assert process.returncode == 128 + signum, said
    assert f"interrupted by {signum.name}" in said, said
    assert "Traceback" not in said and "leaked" not in said, said


def test_two_training_processes_with_readers_equal_one(tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    program = [str(HELPERS / "training_problem.py"), str(tmp_path / "two"), "--dropout", "0"]
    done = subprocess.run(
        [*torchrun, "--nproc-per-node", "2", *program, "--steps", "10", "--readers", "1"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    one = fit(tmp_path / "one", Denoiser(dropout=0.0), steps=10)
    tensors, _ = load_model(tmp_path / "two" / "model.safetensors")
    for name, tensor in one.tensors.items():
        torch.testing.assert_close(tensors[name], tensor, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("held", "readers"), [(2**31, 0), (0, 3)])
def test_the_stage_reads_large_sets_with_the_threads_to_spare(
    tmp_path: Path, waves_file: Path, monkeypatch: pytest.MonkeyPatch, held: int, readers: int
) -> None:
    class Reached(Exception):
        pass

    def reached(*arguments: object, **options: object) -> None:
        assert options["readers"] == readers
        raise Reached

    monkeypatch.setattr(stage, "fit", reached)
    monkeypatch.setattr(stage, "set_threads", lambda threads: threads)
    monkeypatch.setattr(runtime, "available_processors", lambda: 8)
    monkeypatch.setattr(dataset, "IN_MEMORY_BYTES", held)
    config = [HELPERS.parents[1] / "config/config.yaml", HELPERS.parent / "config/tiny.yaml"]
    paths = waves_file, waves_file, *(tmp_path / name for name in ("model", "log", "state"))
    with pytest.raises(Reached):
        stage.train(config, "burgers", "simulation", "fno", 0, *paths, threads=4)


def test_an_error_in_a_reader_arrives_as_it_is(tmp_path: Path, waves_file: Path) -> None:
    with xr.open_dataset(waves_file, decode_times=False) as file:
        changed = file.load()
    order = BatchOrder(20, 4, seed=0)
    sample = int(order.indices(3)[1])
    changed["f"][sample, 2, 1] = np.inf
    path = tmp_path / "broken.nc"
    changed.to_netcdf(path)
    data = simulation(Trajectories(path, in_memory=False))
    batches = Batches(data, order, 10, 0, 1, processes=2)
    for step in range(3):
        batches.get(step)
    with pytest.raises(DataError, match=rf"broken\.nc: field 'f' of sample {sample}") as caught:
        batches.get(3)
    assert "\n" not in str(caught.value)
    batches.close()
    assert not multiprocessing.active_children()


def test_a_reader_that_is_killed_is_said(tmp_path: Path) -> None:
    batches = Batches(Samples(seconds=0.05), BatchOrder(22, 4, 0), 200, 0, 1, processes=1)
    batches.get(0), batches.get(1)
    multiprocessing.active_children()[0].kill()
    with pytest.raises(RuntimeError, match=r"worker.*(killed|exited)"):
        for step in range(2, 200):
            batches.get(step)
    batches.close()


def test_a_lazy_data_set_travels_by_its_path(waves_file: Path) -> None:
    data = Trajectories(waves_file, in_memory=False)
    content = pickle.dumps(data)
    assert len(content) < 50_000
    indices = np.array([7, 2, 7, 19])
    for key, values in pickle.loads(content).batch(indices).items():
        assert torch.equal(values, data.batch(indices)[key]), key


def test_a_damaged_sample_is_named(tmp_path: Path) -> None:
    path = make_data(tmp_path / "train.nc", count=400)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    path.write_bytes(content)
    data = Trajectories(path, in_memory=False)
    with pytest.raises(DataError, match=r"train\.nc: field '[uf]' of sample \d+ cannot be read"):
        data.batch(np.arange(400))


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("free", "processes"), [(64e6, 0), (200e6, 2), (1e9, 5), (1e12, 5)])
def test_batches_in_flight_fit_in_the_shared_memory(
    monkeypatch: pytest.MonkeyPatch, free: float, processes: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, int(free)))
    monkeypatch.setattr(Path, "is_dir", lambda path: True)
    batch = {"state": torch.empty(4_000_000, dtype=torch.float32)}
    assert affordable(5, batch) == processes
