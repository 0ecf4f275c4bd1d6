"""What every kind of training keeps: the order of its samples, its state, its averaged weights."""

from __future__ import annotations

import hashlib
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wdno.draws import BatchPart
from wdno.training import distributed
from wdno.training.batches import VALIDATION, BatchOrder, Data, StepRandomness, groups_of
from wdno.training.checkpoint import STATE_NAME, load_state, save_state, tidy_state
from wdno.training.ema import WeightAverage
from wdno.training.log import Line, lines_from_tensor, lines_to_tensor
from wdno.training.optimiser import Named, trained_parameters
from wdno.training.readers import Batch
from wdno.training.settings import TrainingSettings
from wdno.training.watch import NonFiniteError, Watch

logger = logging.getLogger(__name__)

WITHOUT_EFFECT = ("checkpoint_seconds", "log_every")
"""Settings that do not change the weights."""


class Training(ABC):
    """Everything that a training state is made of.

    Attributes:
        step: Steps taken.
        seconds: Seconds that they took; kept by the loop.
        lines: Lines of the log; kept by the loop.
        order: Sample numbers of each step.
        watch: Means of loss and gradient norm.
        part: Of each batch, what this process has.
    """

    def __init__(
        self,
        model: nn.Module,
        samples: int | Sequence[int],
        *,
        settings: TrainingSettings,
        seed: int,
        state_dir: Path,
        fingerprint: str,
        device: torch.device,
    ) -> None:
        """Begin at step 0; arguments as those of `train`.

        Args:
            model: What is trained.
            samples: Size of the training set, or of each of its groups.
            settings: How to train.
            seed: Of the order of the samples and of all random numbers.
            state_dir: Folder of the state.
            fingerprint: Of configuration, code and data.
            device: Where it computes.

        Raises:
            ValueError: The arguments do not fit each other.
        """
        ranks = distributed.world_size()
        if settings.batch_size < ranks:
            raise ValueError(
                f"training: expected a batch_size of at least {ranks}, a sample for each process, "
                f"got {settings.batch_size}; start at most {settings.batch_size} processes, or "
                "raise batch_size, which changes the result"
            )
        self.settings, self.seed, self.device = settings, seed, device
        self.state_dir = state_dir
        self.fingerprint = _fingerprint(fingerprint, settings, seed)
        self.step, self.seconds, self.lines = 0, 0.0, list[Line]()
        self.order = BatchOrder(samples, settings.batch_size, seed)
        self.part = BatchPart.of(settings.batch_size, distributed.rank(), ranks)
        self.watch = Watch(device, self.part.weight)
        self._model = model.to(device).train()
        self._randomness = StepRandomness(device)
        self._parameters: Named = trained_parameters(model)
        self._average = WeightAverage(list(self._parameters.values()), settings.ema_decay)

    @abstractmethod
    def take_step(self, batch: Batch) -> None:
        """Take one step.

        Args:
            batch: This process's part of the batch.

        Raises:
            NonFiniteError: Loss or gradient are not finite. On a GPU, where looking would wait
                for it, only `require_finite` looks.
            ValueError: The model does not give what the training needs.
        """

    @abstractmethod
    def _validation(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Losses of the samples of a batch, ``[B]``, in evaluation, without gradients."""

    @abstractmethod
    def _own_tensors(self) -> dict[str, Tensor]:
        """What the state holds beside model, average and log: moments of optimisers and the like.

        All of it must be finite.
        """

    @abstractmethod
    def _restore_own(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        """Take up what `_own_tensors` gave, among the tensors and values of a state."""

    @torch.no_grad()
    def validate(self, data: Data) -> float:
        """Mean loss of the averaged weights over a data set, with the same noise every time."""
        ranks, size = distributed.world_size(), self.settings.batch_size
        groups = groups_of(data)
        batches = [
            end - samples + part
            for end, samples in zip(np.cumsum(groups), groups, strict=True)
            for part in np.array_split(np.arange(samples), -(-samples // size))
        ]
        sums = torch.zeros(2, dtype=torch.float64)
        self._average.swap()
        self._model.eval()
        for number in range(distributed.rank(), len(batches), ranks):
            generator = self._randomness.start(self.seed, VALIDATION, number)
            losses = self._validation(data.batch(batches[number]), generator)
            sums += torch.tensor([losses.double().sum().item(), len(losses)])
        self._model.train()
        self._average.swap()
        loss, samples = distributed.total(sums).tolist()
        return float(loss / samples)

    def require_finite(self) -> None:
        """Stop if a step so far was not finite; waits for the device.

        Raises:
            NonFiniteError: Names the step and its samples.
        """
        found = self.watch.first_bad()
        if found is None:
            return
        step, bad = found
        samples = self.order.indices(step)
        own = samples[self.part.first : self.part.first + self.part.count]
        guilty = own[np.asarray(bad)].tolist()
        what = f"the loss of samples {guilty}" if guilty else "the gradient"
        raise NonFiniteError(
            f"training step {step}: {what} is not finite, in the batch of samples "
            f"{samples.tolist()}. {self._kept()} Look at these samples, or lower learning_rate or "
            "gradient_clip, or lengthen warmup_steps, or use precision float32"
        )

    def averaged(self) -> dict[str, Tensor]:
        """Averaged weights and the buffers, by their names in `state_dict`, on the CPU."""
        averages = dict(zip(self._parameters.values(), self._average.tensors, strict=True))
        return {
            name: averages.get(value, value).detach().to("cpu", copy=True)
            for name, value in self._model.state_dict(keep_vars=True).items()
        }

    def save(self) -> None:
        """Write the state, replacing the one before; only the first process does.

        Raises:
            NonFiniteError: Something in it is not finite; the state before is kept.
            DiskFullError: No space left; the state before is kept.
        """
        self.require_finite()
        if not distributed.is_main():
            return
        own = self._own_tensors()
        checked = [*self._parameters.values(), *self._average.tensors, *own.values()]
        norms = torch.stack([n.cpu() for n in torch._foreach_norm(checked, float("inf"))])
        if not torch.isfinite(norms).all():
            raise NonFiniteError(
                f"training step {self.step - 1}: the update made weights that are not finite. "
                f"{self._kept()} Lower learning_rate or gradient_clip"
            )
        averages = zip(self._parameters, self._average.tensors, strict=True)
        tensors = {
            **{f"model/{name}": value for name, value in self._model.state_dict().items()},
            **{f"average/{name}": value for name, value in averages},
            **own,
            "sums": self.watch.sums,
            "lines": lines_to_tensor(self.lines),
        }
        values = {
            "fingerprint": self.fingerprint,
            "step": self.step,
            "seconds": self.seconds,
            "updates": self._average.updates,
        }
        save_state(self.state_dir, tensors, values)

    def resume(self) -> None:
        """Take up the saved state, if there is one that fits.

        Raises:
            ValueError: The processes found different states.
        """
        if distributed.is_main():
            tidy_state(self.state_dir)
        found = load_state(self.state_dir, self.fingerprint)
        if found is not None and self._fits(found[0]):
            tensors, values = found
            self._model.load_state_dict(below("model/", tensors))
            self._restore_own(tensors, values)
            averages = below("average/", tensors)
            self._average.restore([averages[name] for name in self._parameters], values["updates"])
            self.watch.sums.copy_(tensors["sums"])
            self.lines = lines_from_tensor(tensors["lines"])
            self.step, self.seconds = values["step"], values["seconds"]
            logger.info("training resumes after step %d, from %s", self.step, self.state_dir)
        if distributed.largest(self.step) + distributed.largest(-self.step):
            raise ValueError(
                f"training: the processes found different states; {self.state_dir} must be on a "
                "file system that all of them share"
            )
        distributed.spread([*self._model.state_dict().values(), *self._average.tensors])

    def _fits(self, tensors: dict[str, Tensor]) -> bool:
        found = {name: value.shape for name, value in below("model/", tensors).items()}
        wanted = {name: value.shape for name, value in self._model.state_dict().items()}
        if found == wanted:
            return True
        logger.warning(
            "the training state in %s is of another network, in spite of its fingerprint; "
            "training starts afresh",
            self.state_dir,
        )
        return False

    def _counted(self) -> None:
        """Count a step, and update the average if it is due."""
        self.step += 1
        if self.step % self.settings.ema_every == 0 or self.step == self.settings.steps:
            self._average.update()

    def _on_device(self, batch: Batch) -> Batch:
        return {name: t.to(self.device, non_blocking=True) for name, t in batch.items()}

    def _kept(self) -> str:
        if (self.state_dir / STATE_NAME).exists():
            return f"The last good state is kept in {self.state_dir}."
        return "No state had been saved yet."


def _fingerprint(given: str, settings: TrainingSettings, seed: int) -> str:
    """The caller's fingerprint with the seed and the settings that change the weights."""
    relevant = {k: v for k, v in asdict(settings).items() if k not in WITHOUT_EFFECT}
    text = json.dumps([given, seed, relevant], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
