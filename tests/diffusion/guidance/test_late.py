"""A guidance that is left out until late."""

from __future__ import annotations

import pytest
import torch
from gaussian_prior import SCHEDULE
from torch import Tensor

from wdno.diffusion.guidance.late import late
from wdno.diffusion.samplers.base import sample
from wdno.diffusion.samplers.ddim import DDIM


def halve(x_t: Tensor, t: Tensor) -> Tensor:
    return x_t / 2


def test_it_is_chosen_by_the_time_of_each_sample() -> None:
    x, t = torch.ones(3, 2, 4), torch.tensor([0.5, 0.2, 0.1])
    found = late(halve, lambda x, t: x * 3, 0.2)(x, t)
    assert found[:, 0, 0].tolist() == [0.5, 3.0, 3.0]


def test_neither_is_asked_in_vain() -> None:
    asked: list[tuple[str, float]] = []

    def told(name: str, x_t: Tensor, t: Tensor) -> Tensor:
        asked.append((name, float(t[0])))
        return x_t

    waiting = late(lambda x, t: told("plain", x, t), lambda x, t: told("guided", x, t), 0.2)
    sample(DDIM(), waiting, (2, 1, 3), SCHEDULE, 10, torch.Generator())
    assert [name for name, _ in asked] == ["plain"] * 8 + ["guided"] * 2
    assert asked[8][1] == pytest.approx(0.2)


def test_a_time_that_is_none_is_refused() -> None:
    for below in (0.0, -0.1, 1.5):
        with pytest.raises(ValueError, match=r"below in \(0, 1\]"):
            late(halve, halve, below)
