"""Simulation: the trajectory from the given frames and the forcing.

A predictor sees the given frames and the forcing and returns the frames after them, which are what
is scored; the given frames never enter a score.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from wdno.data.dataset import Trajectories
from wdno.data.statistics import Statistics
from wdno.evaluation.forecast import latitude_weights
from wdno.evaluation.scores import Measure, Scores, join, score
from wdno.model import Model
from wdno.tasks.baselines import Climatology, Predictor


class ModelPredictor:
    """A trained model with its sampler.

    Sample m of case k depends on the seed, k and m alone, not on the batch that it is in.
    """

    def __init__(
        self,
        model: Model,
        *,
        seed: int,
        sampling: Mapping[str, Any] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.model = model.to(device).eval()
        self.seed = seed
        self.sampling = sampling
        self.device = torch.device(device)

    def __call__(self, batch: Mapping[str, Tensor], sample: int) -> Tensor:
        """Draw one sample of each case."""
        generators = [
            torch.Generator().manual_seed(sample_seed(self.seed, int(case), sample))
            for case in batch["index"]
        ]
        given = {key: batch[key].to(self.device) for key in ("initial", "forcing")}
        return self.model.predict(given, generators, self.sampling).cpu()


def sample_seed(seed: int, case: int, sample: int) -> int:
    """Return the seed of the noise of one sample of one case."""
    state = np.random.SeedSequence([seed, case, sample]).generate_state(1, np.uint64)
    return int(state[0])


@dataclass(frozen=True)
class Outcome:
    """What a method did on a test set.

    Attributes:
        scores: errors on the N cases.
        seconds_per_trajectory: time of one sample of one case.
        example_truth: ``[E, F, T, *space]``, the first E cases.
        example_prediction: ``[E, F, T, *space]``, their first sample.
    """

    scores: Scores
    seconds_per_trajectory: float
    example_truth: np.ndarray
    example_prediction: np.ndarray


def trajectory(initial: Tensor, generated: Tensor) -> Tensor:
    """Put the given frames before the generated ones.

    Args:
        initial: given frames, ``[B, F * g, *space]``.
        generated: ``[B, F, T, *space]``.

    Returns:
        ``[B, F, g + T, *space]``; the given frames are exactly those of `initial`.
    """
    given = torch.unflatten(initial, 1, (generated.shape[1], -1))
    return torch.cat([given, generated], dim=2)


def simulate(
    predict: Predictor,
    data: Trajectories,
    statistics: Statistics,
    *,
    samples: int,
    cases: int,
    batch_size: int,
    examples: int = 0,
    description: str = "simulation",
) -> Outcome:
    """Predict the first cases of a test set and score them.

    Args:
        predict: the method.
        data: the test set.
        statistics: of the training set.
        samples: samples M per case.
        cases: number of cases N.
        batch_size: cases predicted at a time.
        examples: cases whose trajectories are returned.
        description: name of the progress bar.

    Returns:
        Scores and times; the first batch is predicted once more beforehand, untimed, so that
        start-up costs are not counted.

    Raises:
        FloatingPointError: a prediction is not finite; the message names the case.
    """
    layout = data.layout
    measure = _measure(data, statistics)
    climatology = None if data.reference_times is None else Climatology(data, statistics)
    predict(data.batch(np.arange(min(batch_size, cases))), 0)
    seconds = 0.0
    parts: list[Scores] = []
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    with tqdm(total=cases, desc=description, unit="case", mininterval=1.0) as bar:
        for batch in data.batches(batch_size, cases):
            start = time.perf_counter()
            drawn = torch.stack([predict(batch, m) for m in range(samples)], dim=1)
            seconds += time.perf_counter() - start
            _require_finite(drawn, batch["index"], description)
            parts.append(
                score(
                    batch["state"],
                    drawn,
                    layout.state,
                    measure=measure,
                    climatology=None if climatology is None else climatology.generated(batch),
                )
            )
            wanted = max(examples - int(batch["index"][0]), 0)
            kept.append((batch["state"][:wanted].numpy(), drawn[:wanted, 0].numpy()))
            bar.update(len(drawn))
    return Outcome(
        scores=join(parts),
        seconds_per_trajectory=seconds / (cases * samples),
        example_truth=np.concatenate([truth for truth, _ in kept]),
        example_prediction=np.concatenate([prediction for _, prediction in kept]),
    )


def _measure(data: Trajectories, statistics: Statistics) -> Measure:
    """What the errors of a data set are measured with."""
    layout = data.layout
    space = [str(dim) for dim in data.dataset[layout.state[0]].dims[2:]]
    weights = np.ones(layout.grid[1:])
    latitudes = [data.dataset[name].attrs.get("units") == "degrees_north" for name in space]
    for axis, (name, latitude) in enumerate(zip(space, latitudes, strict=True)):
        if latitude:
            shape = [-1 if i == axis else 1 for i in range(len(space))]
            weights = weights * latitude_weights(data.coordinates[name]).reshape(shape)
    return Measure(
        periodic=[kind == "periodic" for kind in layout.boundaries],
        spreads=statistics.standard_deviation if len(layout.state) > 1 else None,
        weights=weights if any(latitudes) else None,
    )


def _require_finite(drawn: Tensor, index: Tensor, description: str) -> None:
    bad = ~drawn.isfinite().flatten(1).all(1)
    if bad.any():
        raise FloatingPointError(
            f"{description}: the prediction of case {int(index[bad][0])} is not finite "
            f"({int(bad.sum())} of {len(drawn)} cases in its batch); the model has diverged, or "
            "the sampler takes too few steps for it"
        )
