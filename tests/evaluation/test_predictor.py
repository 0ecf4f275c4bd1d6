"""Predictors, and the loop that draws with them."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from models import SAMPLING, build
from torch import Tensor

from wdno.data.dataset import Trajectories
from wdno.evaluation import predictor
from wdno.evaluation.predictor import Draws, ModelPredictor, sample_seed
from wdno.tasks.simulation.problem import data as simulation


class Cases:
    """Cases that are numbered, on a grid of 4 points; it counts the batches that are alive."""

    problem = SimpleNamespace(grid=(2, 2))

    def __init__(self) -> None:
        self.read: list[weakref.ref[np.ndarray]] = []

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        values = np.float32(indices)
        self.read.append(weakref.ref(values))
        return {"index": torch.from_numpy(indices), "x": torch.from_numpy(values)}

    def batches(self, size: int, count: int) -> Iterator[dict[str, Tensor]]:
        for start in range(0, count, size):
            yield self.batch(np.arange(start, min(start + size, count)))

    @property
    def alive(self) -> int:
        return sum(reference() is not None for reference in self.read)


def numbers(batch: Mapping[str, Tensor], sample: int) -> dict[str, Tensor]:
    """Predict 10 times the number of the case, and the sample."""
    return {"y": (10 * batch["x"] + sample)[:, None], "z": batch["x"] * 0}


def draws(predict: Any, data: Any = None, **options: Any) -> Draws:
    chosen = {"cases": 5, "samples": 3, "batch_size": 2, "description": "waves wdno"} | options
    return Draws(predict, data or Cases(), **chosen)


def test_samples_of_every_case_come_in_order() -> None:
    found = list(draws(numbers))
    assert [batch["index"].tolist() for batch, _ in found] == [[0, 1], [2, 3], [4]]
    assert [drawn["y"].shape for _, drawn in found] == [(2, 3, 1), (2, 3, 1), (1, 3, 1)]
    together = torch.cat([drawn["y"] for _, drawn in found])[..., 0]
    expected = 10.0 * torch.arange(5)[:, None] + torch.arange(3)
    torch.testing.assert_close(together, expected, rtol=0, atol=0)
    assert sorted(found[0][1]) == ["y", "z"]


def test_the_first_batch_is_predicted_once_more_before_the_clock_runs() -> None:
    called: list[tuple[int, int]] = []

    def slow_at_first(batch: Mapping[str, Tensor], sample: int) -> dict[str, Tensor]:
        time.sleep(0.3 if not called else 0.01)
        called.append((len(batch["x"]), sample))
        return numbers(batch, sample)

    drawn = draws(slow_at_first, samples=2)
    for _ in drawn:
        time.sleep(0.05)  # what is done with a prediction does not count
    assert called == [(2, 0), (2, 0), (2, 1), (2, 0), (2, 1), (1, 0), (1, 1)]
    assert 0.06 <= drawn.seconds < 0.2
    assert drawn.seconds_per_sample == drawn.seconds / 10


def test_many_points_are_predicted_few_cases_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictor, "MOST_POINTS", 3 * 4 + 1)
    assert [len(batch["x"]) for batch, _ in draws(numbers, batch_size=64)] == [3, 2]
    monkeypatch.setattr(predictor, "MOST_POINTS", 3)
    assert draws(numbers).batch_size == 1


def test_batches_are_not_held() -> None:
    data = Cases()
    alive = [data.alive for _ in draws(numbers, data, cases=12)]
    assert max(alive) <= 2, f"batches in memory while each is used: {alive}"


def test_a_prediction_that_is_not_finite_is_refused_by_case() -> None:
    def diverges(batch: Mapping[str, Tensor], sample: int) -> dict[str, Tensor]:
        drawn = numbers(batch, sample)
        drawn["z"][batch["index"] == 3] = torch.inf
        return drawn

    with pytest.raises(FloatingPointError, match=r"waves wdno: .* case 3 is not finite \(1 of 2"):
        list(draws(diverges))


def test_samples_and_seeds_differ(waves: Trajectories) -> None:
    model, data = build(waves), simulation(waves)
    batch = data.batch(np.arange(2))
    drawn = [
        ModelPredictor(model, seed=seed, sampling=SAMPLING["diffusion"])(batch, sample)["state"]
        for seed, sample in ((0, 0), (0, 0), (0, 1), (1, 0))
    ]
    torch.testing.assert_close(drawn[0], drawn[1], rtol=0, atol=0)
    assert drawn[0].shape == batch["state"].shape
    assert not torch.allclose(drawn[0], drawn[2])
    assert not torch.allclose(drawn[0], drawn[3])
    assert len({sample_seed(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)}) == 8


def test_a_sample_does_not_depend_on_its_batch(waves: Trajectories) -> None:
    model, data = build(waves), simulation(waves)
    predict = ModelPredictor(model, seed=1, sampling={"name": "ddim", "steps": 3, "eta": 1.0})
    together = predict(data.batch(np.arange(4)), 2)["state"]
    alone = predict(data.batch(np.array([3])), 2)["state"]
    torch.testing.assert_close(alone[0], together[3], rtol=1e-4, atol=1e-5)


def test_a_model_is_shown_nothing_but_what_is_given(waves: Trajectories) -> None:
    model, data = build(waves), simulation(waves)
    predict = ModelPredictor(model, seed=0, sampling=SAMPLING["diffusion"])
    batch = data.batch(np.arange(2))
    expected = predict(batch, 0)["state"]
    blind = {name: values for name, values in batch.items() if name != "state"}
    torch.testing.assert_close(predict(blind, 0)["state"], expected, rtol=0, atol=0)
