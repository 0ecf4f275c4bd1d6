"""Several data files as one set of samples."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from calendar_system import Days
from waves import Waves, make_data

from wdno.data.dataset import Trajectories
from wdno.data.joined import JoinedTrajectories
from wdno.data.netcdf import DataError
from wdno.tasks.simulation.problem import data as simulation


@pytest.fixture
def files(tmp_path: Path, waves_file: Path) -> list[Path]:
    return [waves_file, make_data(tmp_path / "more.nc", count=7)]


@pytest.mark.parametrize("in_memory", [True, False])
def test_samples_are_numbered_through(files: list[Path], in_memory: bool) -> None:
    joined = JoinedTrajectories(files, [None, 5], in_memory=in_memory)
    first, second = (Trajectories(path) for path in files)
    assert len(joined) == len(first) + 5 == 25 and joined.in_memory is in_memory
    indices = np.array([24, 3, 20, 3, 19])
    batch = joined.batch(indices)
    expected = [(second, 4), (first, 3), (second, 0), (first, 3), (first, 19)]
    for row, (part, number) in enumerate(expected):
        alone = part.batch(np.array([number]))
        for name in ("state", "forcing", "series"):
            assert torch.equal(batch[name][row], alone[name][0]), (row, name)
    np.testing.assert_array_equal(batch["index"], indices)


def test_it_is_a_set_like_any_other(files: list[Path]) -> None:
    joined = JoinedTrajectories(files, [None, None])
    data = simulation(joined)
    assert len(data) == 27 and data.problem == simulation(Trajectories(files[0])).problem
    seen = torch.cat([batch["index"] for batch in data.batches(4)])
    assert torch.equal(seen, torch.arange(27)) and data.block(8) == 8
    sizes = [Trajectories(path).nbytes for path in files]
    assert joined.nbytes == sum(sizes)
    assert joined.attributes["split"] and joined.attributes["1split"]
    assert set(joined.provenance) == set(map(str, files))
    lazy = simulation(JoinedTrajectories(files, [None, 2], in_memory=False))
    again = pickle.loads(pickle.dumps(lazy))
    assert torch.equal(again.batch(np.array([21]))["state"], data.batch(np.array([21]))["state"])


def test_other_layouts_and_too_few_samples_are_refused(files: list[Path], tmp_path: Path) -> None:
    other = make_data(tmp_path / "other.nc", system=Waves(frames=8), count=2)
    with pytest.raises(DataError, match=r"other\.nc: grid is \(8, 24\), of .*train\.nc \(16, 24\)"):
        JoinedTrajectories([files[0], other], [None, None])
    days = make_data(tmp_path / "days.nc", system=Days(), count=2)
    with pytest.raises(DataError, match=r"days\.nc: system is"):
        JoinedTrajectories([files[0], days], [None, None])
    with pytest.raises(DataError, match=r"more\.nc: 8 samples are asked for, it holds 7"):
        JoinedTrajectories(files, [None, 8])


def test_dates_stay_with_their_samples(tmp_path: Path) -> None:
    paths = [make_data(tmp_path / f"{n}.nc", system=Days(), count=n) for n in (3, 4)]
    joined = JoinedTrajectories(paths, [2, None])
    assert joined.reference_times is not None and len(joined.reference_times) == 6
    read = joined.batch(np.array([5, 0]))["reference_time"]
    np.testing.assert_array_equal(read, joined.reference_times[[5, 0]])
