"""Simulation: the trajectory from the given frames and the forcing.

A predictor sees the given frames and the forcing and returns the frames after them, which are what
is scored; the given frames never enter a score.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from wdno.data.dataset import Generated, Trajectories
from wdno.data.scene import Scene
from wdno.data.statistics import Statistics
from wdno.evaluation.scores.flow import Flow
from wdno.evaluation.scores.forecast import latitude_weights
from wdno.model import Model
from wdno.tasks.simulation.baselines import Climatology, Predictor
from wdno.tasks.simulation.scores import Measure, Scores, Series, join, score

MOST_POINTS = 2_000_000
"""Points of the generated grid in all cases that are predicted at a time."""


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

    def __call__(self, batch: Mapping[str, Tensor], sample: int) -> Generated:
        """Draw one sample of each case."""
        generators = [
            torch.Generator().manual_seed(sample_seed(self.seed, int(case), sample))
            for case in batch["index"]
        ]
        given = {
            key: batch[key].to(self.device) for key in ("initial", "forcing", "initial_series")
        }
        state, series = self.model.predict(given, generators, self.sampling)
        return Generated(state.cpu(), series.cpu())


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
        example_truth: the first E cases: state ``[E, F, T, *space]``, series ``[E, S, T]``.
        example_prediction: their first sample.
    """

    scores: Scores
    seconds_per_trajectory: float
    example_truth: Generated
    example_prediction: Generated


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
        batch_size: cases predicted at a time, fewer where they have more than `MOST_POINTS`.
        examples: cases whose trajectories are returned.
        description: name of the progress bar.

    Returns:
        Scores and times; the first batch is predicted once more beforehand, untimed, so that
        start-up costs are not counted.

    Raises:
        FloatingPointError: a prediction is not finite; the message names the case.
    """
    layout = data.layout
    batch_size = min(batch_size, max(1, MOST_POINTS // int(np.prod(layout.grid))))
    measure = _measure(data, statistics)
    climatology = None if data.reference_times is None else Climatology(data, statistics)
    predict(data.batch(np.arange(min(batch_size, cases))), 0)
    seconds = 0.0
    parts: list[Scores] = []
    kept: list[tuple[Generated, Generated]] = []
    with tqdm(total=cases, desc=description, unit="case", mininterval=1.0) as bar:
        for batch in data.batches(batch_size, cases):
            start = time.perf_counter()
            found = [predict(batch, m) for m in range(samples)]
            drawn = Generated(*(torch.stack(each, dim=1) for each in zip(*found, strict=True)))
            seconds += time.perf_counter() - start
            for part in drawn:
                _require_finite(part, batch["index"], description)
            true = Generated(batch["state"], batch["series"])
            parts.append(
                score(
                    true.state,
                    drawn.state,
                    layout.state,
                    measure=measure,
                    climatology=None if climatology is None else climatology.generated(batch),
                    series=Series(layout.series, true.series, drawn.series),
                )
            )
            wanted = max(examples - int(batch["index"][0]), 0)
            if wanted or not kept:
                # Copies: a view would hold the whole batch.
                truth = Generated(*(part[:wanted].clone() for part in true))
                kept.append((truth, Generated(*(part[:wanted, 0].clone() for part in drawn))))
            bar.update(len(batch["index"]))
    return Outcome(
        scores=join(parts),
        seconds_per_trajectory=seconds / (cases * samples),
        example_truth=_together([truth for truth, _ in kept]),
        example_prediction=_together([prediction for _, prediction in kept]),
    )


def _together(parts: Sequence[Generated]) -> Generated:
    return Generated(*(torch.cat(pieces) for pieces in zip(*parts, strict=True)))


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
        flow=_flow(data, space),
    )


def _flow(data: Trajectories, space: Sequence[str]) -> Flow | None:
    """What the data file says of its mass and its velocity; None: nothing."""
    dataset, state = data.dataset, data.layout.state
    density = dataset.attrs.get("mass_density")
    velocity = str(dataset.attrs.get("divergence_free", "")).split()
    if density is None and not velocity:
        return None
    scene = Scene.from_dataset(dataset)
    return Flow(
        density=None if density is None else state.index(density),
        velocity=tuple(state.index(name) for name in velocity),
        spacing=tuple(float(np.diff(data.coordinates[name]).mean()) for name in space),
        inside=None if scene is None else scene.free(data.layout.grid[1:]),
    )


def _require_finite(drawn: Tensor, index: Tensor, description: str) -> None:
    bad = ~drawn.isfinite().flatten(1).all(1)
    if bad.any():
        raise FloatingPointError(
            f"{description}: the prediction of case {int(index[bad][0])} is not finite "
            f"({int(bad.sum())} of {len(drawn)} cases in its batch); the model has diverged, or "
            "the sampler takes too few steps for it"
        )
