"""Trained models on disk: weights, scales, options, problem, and facts about the training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from wdno.model.coding import AXES
from wdno.model.model import Model
from wdno.problem import Problem
from wdno.training.checkpoint import CheckpointError, load_model, save_model


def save(
    path: Path, trained: Model, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> None:
    """Write a trained model: weights, scales, options, problem, and facts about its training."""
    metadata = {"spec": trained.spec, "problem": trained.problem.to_json(), **facts}
    save_model(path, dict(tensors), metadata)


def load(path: Path) -> tuple[Model, dict[str, Any]]:
    """Read a trained model, ready to predict.

    Returns:
        The model in evaluation mode, and the metadata that it was saved with.

    Raises:
        CheckpointError: the file is truncated, not a model, or of another version.
    """
    tensors, metadata = load_model(path)
    try:
        model = Model(metadata["spec"], Problem.from_json(metadata["problem"]))
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"model {path}: written by another version of this program ({error}); train it again"
        ) from error
    model.load_state_dict(tensors)
    return model.eval(), metadata


def start_from(model: Model, path: Path) -> None:
    """Give a model the weights and scales of a trained one.

    Args:
        model: a model of the same axes and problem.
        path: the trained model.

    Raises:
        CheckpointError: the file is absent or damaged, or of a model of other axes.
        ProblemError: it was trained on another problem.
    """
    trained, _ = load(path)
    for axis in AXES:
        if trained.spec[axis] != model.spec[axis]:
            raise CheckpointError(
                f"model {path}: its {axis} is {trained.spec[axis]}, training is to start from "
                f"{model.spec[axis]}; train it again"
            )
    trained.problem.require(model.problem, "the training set", path)
    model.load_state_dict(trained.state_dict())
