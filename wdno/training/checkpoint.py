"""Trained models and interrupted training, as safetensors files; nothing is ever unpickled.

A file holds tensors by name and, in its header, one JSON text: the kind of file, a checksum of the
tensors and the metadata. It is one text because safetensors orders the entries of its header at
random, and two equal models should be equal files.

A training state is one such file in a folder of its own. It is replaced in one step, so that the
folder always holds one complete state.
"""

from __future__ import annotations

import json
import logging
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from wdno.files import atomic_path, remove_leftovers

logger = logging.getLogger(__name__)

HEADER = "wdno"
"""Entry of the safetensors header that holds the JSON text."""

VERSION = 1
"""Of the format; a file of another version is refused."""

STATE_NAME = "state.safetensors"


class CheckpointError(ValueError):
    """A file of weights is absent, damaged or of another kind."""


def save_model(path: str | Path, tensors: Mapping[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write a trained model.

    Args:
        path: The file, `*.safetensors`.
        tensors: Weights and buffers by name, as of `state_dict`.
        metadata: What is needed to build the model again and to know where it comes from:
            dictionaries with string keys, lists, strings, finite numbers, booleans and None.

    Raises:
        ValueError: Something cannot be stored; the message names it.
        DiskFullError: No space left.
    """
    _write(Path(path), "model", tensors, metadata)


def load_model(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a trained model.

    Args:
        path: A file written by `save_model`.

    Returns:
        Tensors by name, on the CPU, and the metadata.

    Raises:
        CheckpointError: The file is absent, truncated, damaged, or no model of this package.
    """
    return _read(Path(path), "model", "delete it and train the model again")


def save_state(folder: str | Path, tensors: Mapping[str, Tensor], values: dict[str, Any]) -> None:
    """Write, or replace in one step, the state of a training.

    Args:
        folder: Its folder, of no other use.
        tensors: By name.
        values: JSON values; `fingerprint` says what the state is a state of.

    Raises:
        ValueError: Something cannot be stored; the message names it.
        DiskFullError: No space left; the state before is kept.
    """
    _write(Path(folder) / STATE_NAME, "state", tensors, values)


def load_state(
    folder: str | Path, fingerprint: str
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read the state of a training, if there is one that fits.

    Args:
        folder: Its folder.
        fingerprint: Of the configuration and data of the training to resume.

    Returns:
        Tensors, on the CPU, and values; None if there is no state, or one of another fingerprint,
        or a damaged one. The last two are logged.
    """
    path = Path(folder) / STATE_NAME
    if not path.exists():
        return None
    try:
        tensors, values = _read(path, "state", "it will be replaced")
    except CheckpointError as error:
        logger.warning("%s; training starts afresh", error)
        return None
    if values.get("fingerprint") != fingerprint:
        logger.warning(
            "the training state %s belongs to other settings, code or data (fingerprint %s, "
            "expected %s); training starts afresh",
            path,
            values.get("fingerprint"),
            fingerprint,
        )
        return None
    return tensors, values


def tidy_state(folder: str | Path) -> None:
    """Remove what a killed process left half-written beside the state."""
    remove_leftovers(Path(folder) / STATE_NAME)
    # safetensors writes to a name of its own first.
    for leftover in Path(folder).glob(f".tmp{'[0-9A-Za-z]' * 6}"):
        leftover.unlink(missing_ok=True)


def discard_state(folder: str | Path) -> None:
    """Remove the state of a training, once its model is written; nothing happens if there is none.

    The folder goes with it if nothing else is in it.
    """
    folder = Path(folder)
    if not folder.exists():
        return
    (folder / STATE_NAME).unlink(missing_ok=True)
    tidy_state(folder)
    if not any(folder.iterdir()):
        folder.rmdir()


def _write(path: Path, kind: str, tensors: Mapping[str, Tensor], metadata: dict[str, Any]) -> None:
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f"cannot write {path}: {name!r} is a {type(value).__name__}, expected a tensor"
            )
    stored: dict[str, Tensor] = {}
    storages: set[int] = set()
    for name, tensor in sorted(tensors.items()):
        plain = tensor.detach().to("cpu").contiguous()
        storage = plain.untyped_storage()
        # safetensors refuses views and tensors that share memory, as tied weights do.
        if storage.nbytes() != plain.nbytes or storage.data_ptr() in storages:
            plain = plain.clone()
        storages.add(plain.untyped_storage().data_ptr())
        stored[name] = plain
    header = {"kind": kind, "version": VERSION, "checksum": _checksum(stored)}
    for key, value in metadata.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"cannot write {path}: metadata {key!r} is no JSON value ({error})"
            ) from error
    text = json.dumps({**header, "metadata": metadata}, allow_nan=False)
    size = len(text) + sum(t.nbytes + 100 for t in stored.values())
    with atomic_path(path, size=size) as temporary:
        save_file(stored, temporary, metadata={HEADER: text})


def _read(path: Path, kind: str, advice: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    header = _header(path, kind, advice)
    with safe_open(path, framework="pt", device="cpu") as file:
        tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    if _checksum(tensors) != header["checksum"]:
        raise CheckpointError(
            f"{path} is damaged: the checksum of its tensors is not the one stored; {advice}"
        )
    return tensors, dict(header["metadata"])


def _header(path: Path, kind: str, advice: str) -> dict[str, Any]:
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}; train the model first")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = json.loads((file.metadata() or {})[HEADER])
        found, version = header["kind"], header["version"]
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is no complete safetensors file ({error}): it was truncated, damaged, or is "
            f"something else; {advice}"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is a safetensors file, but was not written by this package; {advice}"
        ) from error
    if (found, version) != (kind, VERSION):
        raise CheckpointError(
            f"{path} holds a {found} of format {version}, expected a {kind} of format {VERSION}; "
            f"{advice}"
        )
    return dict(header)


def _checksum(tensors: Mapping[str, Tensor]) -> int:
    """CRC-32 of names, types, shapes and bytes, in the order of the names."""
    value = 0
    for name in sorted(tensors):
        tensor = tensors[name]
        value = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode(), value)
        if math.prod(tensor.shape):
            value = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, value)
    return value
