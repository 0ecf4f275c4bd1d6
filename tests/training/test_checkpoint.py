"""Model files and training states: what goes in comes out, and damage is said."""

from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_disk import small_disk_fixture  # noqa: F401

from wdno.files import DiskFullError
from wdno.training.checkpoint import (
    CheckpointError,
    discard_state,
    load_model,
    load_state,
    save_model,
    save_state,
    tidy_state,
)

METADATA = {
    "grid": [81, 120],
    "spec": {"network": {"name": "unet", "width": 16}},
    "seconds": 0.1 + 0.2,
    "label": None,
    "unit": "m s⁻¹",
}


def some_tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "weight": torch.randn(4, 3, 5, 5),
        "strided": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "view": torch.randn(6, 6)[1:4, ::2],
        "half": torch.randn(7).bfloat16(),
        "count": torch.tensor(12),
        "mask": torch.tensor([True, False]),
        "empty": torch.zeros(0, 3),
    }


def test_round_trip_is_exact(tmp_path: Path) -> None:
    tensors = some_tensors()
    save_model(tmp_path / "new" / "model.safetensors", tensors, METADATA)
    read, metadata = load_model(tmp_path / "new" / "model.safetensors")
    assert metadata == METADATA
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype, name
        assert torch.equal(read[name], tensor), name


def test_tied_weights_are_stored(tmp_path: Path) -> None:
    weight = torch.randn(3, 3)
    save_model(tmp_path / "m.safetensors", {"a": weight, "b": weight, "c": weight[1]}, {})
    read, _ = load_model(tmp_path / "m.safetensors")
    assert all(torch.equal(read[name], weight) for name in "ab")
    assert torch.equal(read["c"], weight[1])


def test_equal_models_are_equal_files(tmp_path: Path) -> None:
    # safetensors orders several entries of its header at random, even within one process.
    files = [tmp_path / f"{number}.safetensors" for number in range(8)]
    for file in files:
        save_model(file, some_tensors(), METADATA)
    assert len({file.read_bytes() for file in files}) == 1


def test_writing_to_a_loaded_tensor_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, some_tensors(), {})
    before = path.read_bytes()
    load_model(path)[0]["weight"].zero_()
    assert path.read_bytes() == before
    load_model(path)


@pytest.mark.parametrize(
    "metadata", [{"when": object()}, {"loss": float("nan")}, {"loss": np.float32(1)}]
)
def test_metadata_that_is_no_json_is_named(tmp_path: Path, metadata: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(metadata))):
        save_model(tmp_path / "m.safetensors", {}, metadata)
    assert not list(tmp_path.iterdir())


def test_what_is_no_tensor_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'scale' is a float"):
        save_model(tmp_path / "m.safetensors", {"scale": 1.0}, {})  # type: ignore[dict-item]


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_said(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, some_tensors(), METADATA)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(CheckpointError) as caught:
        load_model(path)
    assert str(path) in str(caught.value) and "train the model again" in str(caught.value)


def test_any_changed_byte_of_the_tensors_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, some_tensors(), {})
    content = bytearray(path.read_bytes())
    data = 8 + int.from_bytes(content[:8], "little")
    for position in range(data, len(content), 131):
        changed = content.copy()
        changed[position] ^= 16
        path.write_bytes(changed)
        with pytest.raises(CheckpointError, match="damaged"):
            load_model(path)


@pytest.mark.parametrize(
    "content",
    [pickle.dumps({"weight": 1}), b"\x89HDF\r\n\x1a\n" + bytes(200), b"step,loss\n", bytes(64)],
    ids=["pickle", "hdf5", "text", "zeros"],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load_model(path)


def test_safetensors_of_others_and_other_kinds_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(1)}, tmp_path / "plain.safetensors")
    with pytest.raises(CheckpointError, match="not written by this package"):
        load_model(tmp_path / "plain.safetensors")
    header = {"wdno": json.dumps([1, 2])}
    save_file({"weight": torch.zeros(1)}, tmp_path / "odd.safetensors", metadata=header)
    with pytest.raises(CheckpointError, match="not written by this package"):
        load_model(tmp_path / "odd.safetensors")
    save_state(tmp_path / "state", {}, {"fingerprint": "f"})
    with pytest.raises(CheckpointError, match="holds a state of format 1, expected a model"):
        load_model(tmp_path / "state" / "state.safetensors")


def test_an_absent_file_and_a_folder_are_said(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match="there is no file"):
            load_model(path)


def test_a_state_comes_back_to_its_own_fingerprint_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    assert load_state(folder, "mine") is None
    assert not caplog.records, "nothing is wrong with a training that begins"
    values = {"fingerprint": "mine", "step": 3}
    save_state(folder, {"w": torch.arange(3.0)}, values)
    found = load_state(folder, "mine")
    assert found is not None
    assert found[1] == values and torch.equal(found[0]["w"], torch.arange(3.0))
    with caplog.at_level(logging.WARNING):
        assert load_state(folder, "another") is None
    assert "starts afresh" in caplog.text and "mine" in caplog.text and "another" in caplog.text


def test_a_damaged_state_is_logged_and_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_state(tmp_path, {"w": torch.arange(300.0)}, {"fingerprint": "f"})
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    assert load_state(tmp_path, "f") is None
    assert "starts afresh" in caplog.text and str(path) in caplog.text


def test_a_full_disk_keeps_the_state_before(small_disk: Path) -> None:
    folder = small_disk / "state"
    save_state(folder, {"w": torch.ones(1000)}, {"fingerprint": "f", "step": 1})
    with pytest.raises(DiskFullError, match=r"state\.safetensors.*400\.\d kB needed"):
        save_state(folder, {"w": torch.ones(100_000)}, {"fingerprint": "f", "step": 2})
    found = load_state(folder, "f")
    assert found is not None and found[1]["step"] == 1
    assert [entry.name for entry in folder.iterdir()] == ["state.safetensors"]


def test_a_half_written_state_is_tidied_away(tmp_path: Path) -> None:
    save_state(tmp_path, {}, {"fingerprint": "f"})
    (tmp_path / ".0123456789ab.state.safetensors").write_bytes(b"half")
    tidy_state(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.safetensors"]


def test_discarding_removes_the_state_and_nothing_of_others(tmp_path: Path) -> None:
    discard_state(tmp_path / "absent")
    for folder, others in ((tmp_path / "a", []), (tmp_path / "b", ["notes.txt"])):
        save_state(folder, {}, {"fingerprint": "f"})
        for name in others:
            (folder / name).write_text("mine")
        discard_state(folder)
        assert folder.exists() == bool(others)
    assert [entry.name for entry in (tmp_path / "b").iterdir()] == ["notes.txt"]


def test_what_a_killed_process_left_goes_with_the_state(tmp_path: Path) -> None:
    save_state(tmp_path / "state", {"a": torch.zeros(3)}, {})
    for name in (".tmpG6iY1j", ".0123456789ab.state.safetensors"):
        (tmp_path / "state" / name).write_bytes(b"half")
    discard_state(tmp_path / "state")
    assert not (tmp_path / "state").exists()
