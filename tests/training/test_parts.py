"""The parts of training: learning rate, average, batches, random numbers, watch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from training_problem import SETTINGS, Samples, fit

from wdno.config.models import TrainingOptions
from wdno.training.batches import STEP, Batches, BatchOrder, StepRandomness
from wdno.training.ema import WeightAverage, ema_decay
from wdno.training.settings import TrainingSettings
from wdno.training.watch import Watch

REQUIRED: dict[str, Any] = SETTINGS | {
    "steps": 100,
    "learning_rate": 2.0,
    "warmup_steps": 0,
}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 0.2),
        (4, 1.0),
        (9, 2.0),
        (10, 2.0),
        (55, 1.1),
        (99, 0.2 + 0.9 * (1 + math.cos(math.pi * 89 / 90))),
    ],
)
def test_learning_rate(step: int, expected: float) -> None:
    warm = {"warmup_steps": 10, "final_learning_rate_fraction": 0.1}
    settings = TrainingSettings(**REQUIRED | warm)
    found = settings.learning_rate_at(step)
    assert found == pytest.approx(expected, rel=1e-12), f"step {step}: {found}, not {expected}"


def test_learning_rate_ends_near_zero() -> None:
    last = TrainingSettings(**REQUIRED).learning_rate_at(99)
    assert 0 < last < 3e-4 * 2.0, last


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0),
        ("batch_size", 0),
        ("learning_rate", 0.0),
        ("final_learning_rate_fraction", 1.1),
        ("warmup_steps", 100),
        ("weight_decay", -1.0),
        ("betas", (0.9, 1.0)),
        ("gradient_clip", 0.0),
        ("ema_decay", 1.0),
        ("ema_every", 0),
        ("precision", "float16"),
        ("checkpoint_seconds", -1.0),
        ("log_every", 0),
    ],
)
def test_settings_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"expected {name} "):
        TrainingSettings(**{**REQUIRED, name: value})


def test_settings_are_the_options_of_the_configuration() -> None:
    options = TrainingOptions().model_dump(exclude={"validate_every", "tensorboard"})
    found = TrainingSettings(**options)
    assert {name: getattr(found, name) for name in options} == options


@pytest.mark.parametrize(("decay", "updates"), [(0.9999, 30), (0.5, 30), (0.0, 3)])
def test_average_is_the_recursion(decay: float, updates: int) -> None:
    parameter = nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    average = WeightAverage([parameter], decay)
    expected = parameter.detach().clone()
    for n in range(updates):
        parameter.data += 1.0
        d = min(decay, (1 + n) / (10 + n))
        expected = d * expected + (1 - d) * parameter.detach()
        average.update()
    torch.testing.assert_close(average.tensors[0], expected, rtol=1e-12, atol=0)
    if decay == 0:
        assert torch.equal(average.tensors[0], parameter)


@pytest.mark.parametrize("updates", [1, 30, 400])
def test_share_of_the_initial_weights(updates: int) -> None:
    share = math.prod(ema_decay(n, 0.9999) for n in range(updates))
    exact = math.factorial(9) / math.prod(range(updates + 1, updates + 10))
    assert share == pytest.approx(exact, rel=1e-10)
    assert updates < 30 or share < 1e-8, share


def test_swapping_twice_changes_no_bit() -> None:
    parameter = nn.Parameter(torch.randn(50))
    average = WeightAverage([parameter], 0.9)
    parameter.data.normal_()
    weights, mean = parameter.detach().clone(), average.tensors[0].clone()
    average.swap()
    assert torch.equal(parameter, mean) and torch.equal(average.tensors[0], weights)
    average.swap()
    assert torch.equal(parameter, weights) and torch.equal(average.tensors[0], mean)


@pytest.mark.parametrize(("samples", "size"), [(12, 4), (10, 4), (3, 8), (1, 2)])
def test_every_epoch_is_a_permutation(samples: int, size: int) -> None:
    order = BatchOrder(samples, size, seed=0)
    stream = np.concatenate([order.indices(step) for step in range(samples)])
    epochs = stream.reshape(-1, samples)
    assert all(sorted(epoch) == list(range(samples)) for epoch in epochs)
    assert samples < 10 or len({tuple(epoch) for epoch in epochs}) == len(epochs)


def test_order_depends_on_seed_and_step_alone() -> None:
    straight, jumping = BatchOrder(50, 8, seed=1), BatchOrder(50, 8, seed=1)
    batches = [straight.indices(step) for step in range(20)]
    for step in (13, 2, 19, 0):
        assert np.array_equal(jumping.indices(step), batches[step])
    assert not np.array_equal(BatchOrder(50, 8, seed=2).indices(0), batches[0])


def test_processes_share_the_batch() -> None:
    data, order = Samples(), BatchOrder(22, 6, seed=0)
    shares = [Batches(data, order, 5, rank, 3).get(4)["index"] for rank in range(3)]
    assert torch.cat(shares).tolist() == order.indices(4).tolist()


@pytest.mark.parametrize("seconds", [0.0, 0.004])
def test_reading_ahead_gives_the_same_batches(seconds: float) -> None:
    order = BatchOrder(22, 4, seed=0)
    batches = Batches(Samples(seconds=seconds), order, 12, 0, 1)
    for step in range(3, 12):
        assert batches.get(step)["index"].tolist() == order.indices(step).tolist()
        batches.settle()
    batches.close()


def test_an_error_of_reading_ahead_arrives(tmp_path: Path) -> None:
    class Broken(Samples):
        def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
            if 7 in indices:
                raise ValueError("sample 7 is broken")
            return super().batch(indices)

    with pytest.raises(ValueError, match="sample 7 is broken"):
        fit(tmp_path, data=Broken(seconds=0.002))


def test_random_numbers_depend_on_every_number() -> None:
    randomness = StepRandomness(torch.device("cpu"))
    seen = set()
    with torch.random.fork_rng():
        for numbers in [
            (0, STEP, 0, 0),
            (1, STEP, 0, 0),
            (0, 2, 0, 0),
            (0, STEP, 1, 0),
            (0, STEP, 0, 1),
        ]:
            for _ in range(2):
                generator = randomness.start(*numbers)
                drawn = (torch.rand(1, generator=generator).item(), torch.rand(1).item())
            seen.add(drawn)
    assert len(seen) == 5 and all(own != default for own, default in seen)


def test_watch_keeps_the_first_bad_step_and_the_means() -> None:
    watch = Watch(torch.device("cpu"))
    for step, losses in enumerate([[1.0, 3.0], [2.0, 4.0]]):
        watch.record(step, torch.tensor(losses), torch.tensor(step + 0.5))
    assert watch.first_bad() is None
    assert watch.means() == (2.5, 1.0)
    assert all(math.isnan(value) for value in watch.means()), "nothing recorded since"
    for step, losses in enumerate([[1.0, 1.0], [math.nan, 1.0], [1.0, math.inf], [1.0, 1.0]]):
        watch.record(step, torch.tensor(losses), torch.tensor(1.0))
    assert watch.first_bad() == (1, [True, False])


def test_groups_take_turns_each_in_an_order_of_its_own() -> None:
    order = BatchOrder((10, 4), 2, seed=3)
    drawn = [order.indices(step) for step in range(20)]
    assert all((one < 10).all() for one in drawn[::2])
    assert all((one >= 10).all() for one in drawn[1::2])
    assert sorted(np.concatenate(drawn[::2][:5])) == list(range(10))
    assert sorted(np.concatenate(drawn[1::2][:2])) == [10, 11, 12, 13]
    jumping = BatchOrder((10, 4), 2, seed=3)
    for step in (17, 4, 19, 0):
        np.testing.assert_array_equal(jumping.indices(step), drawn[step])
    alone = BatchOrder(10, 2, seed=3)
    np.testing.assert_array_equal(BatchOrder((10,), 2, seed=3).indices(7), alone.indices(7))
    with pytest.raises(ValueError, match="empty"):
        BatchOrder((3, 0), 2, seed=0)
