"""Predictors, and the loop in which they draw samples of the cases of a test set.

What every task needs: a model that is asked case by case with numbers of its own, predictions that
are timed, and those that have diverged refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from wdno.evaluation.memory import peak_memory

if TYPE_CHECKING:
    from wdno.data.dataset import ProblemData
    from wdno.model import Model
    from wdno.objectives.base import Guide, Observe
    from wdno.problem import Batch

MEGABYTE = 1e6
MOST_POINTS = 2_000_000
"""Points of the generated grid in all cases that are predicted at a time."""


class Predictor(Protocol):
    """Predicts the generated parts of a problem from those that are given."""

    def __call__(self, batch: Batch, sample: int) -> dict[str, Tensor]:
        """Return sample number `sample` of the generated parts of each of the B cases.

        Args:
            batch: parts of the problem, and `index` ``[B]``; what is to be generated may stand in
                it too, and is not looked at.
            sample: number of the sample, from 0.

        Returns:
            By name of the part, each with the shape that it has in the batch, on the CPU.
        """


class ModelPredictor:
    """A trained model with its sampler.

    Sample m of case k depends on the seed, k and m alone, not on the batch that it is in.

    Attributes:
        guide: makes what guides the cases whose given parts these are; None: nothing does.
        observe: draws what is given, too, see :class:`wdno.objectives.base.Request`; None: nothing.
    """

    def __init__(
        self,
        model: Model,
        *,
        seed: int,
        sampling: Mapping[str, Any] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Of a model, which is moved to the device.

        Args:
            model: the model.
            seed: of the samples.
            sampling: options of the sampler; None where nothing is sampled.
            device: where it computes.
        """
        self.model = model.to(device).eval()
        self.seed = seed
        self.sampling = sampling
        self.device = torch.device(device)
        self.guide: Callable[[Batch], Guide] | None = None
        self.observe: Observe | None = None

    def __call__(self, batch: Batch, sample: int) -> dict[str, Tensor]:
        """Draw one sample of each case."""
        given = {part.name: batch[part.name].to(self.device) for part in self.model.problem.given}
        drawn = self.model.predict(
            given,
            self.generators(batch, sample),
            self.sampling,
            None if self.guide is None else self.guide(given),
            self.observe,
        )
        return {name: values.cpu() for name, values in drawn.items()}

    def generators(self, batch: Batch, sample: int) -> list[torch.Generator]:
        """Return the sources of noise of one sample of each case, on the CPU."""
        return [
            torch.Generator().manual_seed(sample_seed(self.seed, int(case), sample))
            for case in batch["index"]
        ]


class OnMeasured:
    """A predictor that is given what was measured, in the place of what is true."""

    def __init__(self, predict: Predictor, measured: ProblemData) -> None:
        """Build one.

        Args:
            predict: the predictor.
            measured: the same cases as those that it is asked for, with measured given parts.
        """
        self._predict, self._measured = predict, measured

    def __call__(self, batch: Batch, sample: int) -> dict[str, Tensor]:
        """Return sample number `sample` of each case, from its measured given parts."""
        read = self._measured.batch(batch["index"].numpy())
        given = {part.name: read[part.name] for part in self._measured.problem.given}
        return self._predict({**batch, **given}, sample)


def sample_seed(seed: int, case: int, sample: int) -> int:
    """Return the seed of the noise of one sample of one case."""
    state = np.random.SeedSequence([seed, case, sample]).generate_state(1, np.uint64)
    return int(state[0])


def at_a_time(batch_size: int, grid: Sequence[int]) -> int:
    """Return how many cases are predicted at a time: as asked for, or fewer of a large grid."""
    return min(batch_size, max(1, MOST_POINTS // int(np.prod(grid))))


def samples_of(predict: Predictor, batch: Batch, samples: int) -> dict[str, Tensor]:
    """Return so many samples of each case of a batch, ``[B, M, ...]``, by name of the part."""
    found = [predict(batch, m) for m in range(samples)]
    return {name: torch.stack([one[name] for one in found], dim=1) for name in found[0]}


class Draws:
    """Samples of the first cases of a data set, drawn batch by batch while they are iterated over.

    The first batch is predicted once more beforehand, untimed, so that start-up costs are not
    counted; its memory is measured meanwhile. No batch is held longer than it is used.

    Attributes:
        cases: number of cases N.
        samples: samples M of each case.
        batch_size: cases predicted at a time, fewer than asked for where they have more than
            :data:`MOST_POINTS`.
        seconds: time that predictions have taken so far.
        memory: most that predicting the first batch took at once, beyond the weights, in MB.
    """

    def __init__(
        self,
        predict: Predictor,
        data: ProblemData,
        *,
        cases: int,
        samples: int,
        batch_size: int,
        description: str,
        device: torch.device | str = "cpu",
    ) -> None:
        """Of a method on a data set.

        Args:
            predict: the method.
            data: the test set.
            cases: number of cases N.
            samples: samples M of each case.
            batch_size: most cases predicted at a time.
            description: name of the progress bar, and of the method in messages.
            device: where the method predicts, whose memory is measured.
        """
        self.cases, self.samples, self.seconds, self.memory = cases, samples, 0.0, 0.0
        self.batch_size = at_a_time(batch_size, data.problem.grid)
        self._predict, self._data, self._description = predict, data, description
        self._device = torch.device(device)

    @property
    def seconds_per_sample(self) -> float:
        """Time of one sample of one case, once all are drawn."""
        return self.seconds / (self.cases * self.samples)

    def __iter__(self) -> Iterator[tuple[Batch, dict[str, Tensor]]]:
        """Draw them.

        Yields:
            A batch, and by name of each generated part its M samples ``[B, M, ...]``.

        Raises:
            FloatingPointError: a prediction is not finite; the message names the case.
        """
        self.seconds = 0.0
        first = np.arange(min(self.batch_size, self.cases))
        batch = self._data.batch(first)
        with peak_memory(self._device) as peak:
            self._predict(batch, 0)
        self.memory = peak.bytes / MEGABYTE
        with tqdm(
            total=self.cases, desc=self._description, unit="case", mininterval=1.0
        ) as progress:
            for batch in self._data.batches(self.batch_size, self.cases):
                start = time.perf_counter()
                drawn = samples_of(self._predict, batch, self.samples)
                self.seconds += time.perf_counter() - start
                for values in drawn.values():
                    require_finite(values, batch["index"], self._description)
                yield batch, drawn
                progress.update(len(batch["index"]))


def require_finite(drawn: Tensor, index: Tensor, description: str) -> None:
    """Refuse a prediction that has diverged.

    Args:
        drawn: ``[B, ...]``.
        index: numbers of the cases, ``[B]``.
        description: what predicted them, for the message.

    Raises:
        FloatingPointError: a value is not finite; the message names the first case.
    """
    bad = ~drawn.isfinite().flatten(1).all(1)
    if bad.any():
        raise FloatingPointError(
            f"{description}: the prediction of case {int(index[bad][0])} is not finite "
            f"({int(bad.sum())} of {len(drawn)} cases in its batch); the model has diverged, or "
            "the sampler takes too few steps for it"
        )
