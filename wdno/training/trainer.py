"""The usual training: one loss of all weights, one optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from wdno.training import distributed
from wdno.training.optimiser import (
    build_optimiser,
    clip_gradient,
    optimiser_tensors,
    restore_optimiser,
    set_learning_rate,
)
from wdno.training.readers import Batch
from wdno.training.state import Training, below


class _Loss(nn.Module):
    """The model as a module whose forward is its loss, as the compiler wants it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, generator: torch.Generator) -> Tensor:
        losses: Tensor = self.model.loss_per_sample(batch, generator)  # type: ignore[operator]
        return losses.float()


class Trainer(Training):
    """A training of a model that has one loss."""

    def __init__(self, model: nn.Module, samples: int | Sequence[int], **more: Any) -> None:
        """Begin at step 0; arguments as those of `Training`.

        Raises:
            ValueError: The arguments do not fit each other.
        """
        if not callable(getattr(model, "loss_per_sample", None)):
            raise ValueError(
                f"training: {type(model).__name__} has no method loss_per_sample(batch, generator)"
            )
        super().__init__(model, samples, **more)
        self._loss = _Loss(model)
        if self.settings.compile:
            own = type(model).compile is not nn.Module.compile
            (model if own else self._loss).compile()
        self._optimiser = build_optimiser(self._parameters, self.settings)

    def take_step(self, batch: Batch) -> None:
        """See `Training.take_step`; a model must give one loss per sample."""
        rank = distributed.rank()
        generator = self._randomness.start_step(self.seed, self.step, self.part, rank)
        set_learning_rate(self._optimiser, self.settings.learning_rate_at(self.step))
        losses = self._losses(batch, generator)
        if losses.shape != (self.part.count,):
            raise ValueError(
                f"training: expected one loss per sample, shape ({self.part.count},), got "
                f"{tuple(losses.shape)}"
            )
        parameters = list(self._parameters.values())
        distributed.backward(losses.mean(), self.part.weight, parameters)
        norm = clip_gradient(parameters, self.settings.gradient_clip)
        self.watch.record(self.step, losses, norm)
        if self.device.type == "cpu":
            self.require_finite()
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        self._counted()

    def _validation(self, batch: Batch, generator: torch.Generator) -> Tensor:
        return self._losses(batch, generator)

    def _own_tensors(self) -> dict[str, Tensor]:
        moments = optimiser_tensors(self._optimiser, self._parameters)
        return {f"optimiser/{name}": value for name, value in moments.items()}

    def _restore_own(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        restore_optimiser(self._optimiser, self._parameters, below("optimiser/", tensors))

    def _losses(self, batch: Batch, generator: torch.Generator) -> Tensor:
        bf16 = self.settings.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16):
            losses: Tensor = self._loss(self._on_device(batch), generator)
        return losses
