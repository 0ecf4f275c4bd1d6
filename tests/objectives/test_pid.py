"""PID: its form, that it looks at no future, and that it is found through a simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from wdno.objectives.base import Request
from wdno.objectives.pid import Pid

POINTS = 6


def pid(network: torch.nn.Module | None = None, scale: float = 0.3, **options: Any) -> Pid:
    torch.manual_seed(0)
    made = Pid(network or torch.nn.Conv1d(1, 3, 3, padding=1), simulation="own", **options)
    torch.nn.init.constant_(made.scale, scale)
    return made


def asked(state: Tensor, target: Tensor) -> Request:
    repeated = target[:, :, None].expand_as(state)
    return Request(condition=torch.cat([state, repeated], dim=1), channels=1)


def drawn(batch: int = 2, frames: int = 5) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(1)
    shape = (batch, 1, frames, POINTS)
    state = torch.randn(shape, generator=source)
    return state, torch.randn(shape[:2] + shape[3:], generator=source)


class Gains(torch.nn.Module):
    """The same three numbers everywhere."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.values = torch.tensor(values)

    def forward(self, x: Tensor) -> Tensor:
        return self.values[:, None].expand(len(x), 3, x.shape[2])


def test_it_is_a_sum_of_three_terms() -> None:
    state, target = drawn()
    made = pid(Gains(-1.0, 0.5, 3.0), scale=1.0, largest_gain=2.0, largest_control=1e9)
    found = made.predict(asked(state, target), (), None)
    error = state - target[:, :, None]
    change = torch.diff(error, dim=2, prepend=error[:, :, :1])
    expected = -error + 2 / 3 * error.cumsum(2) + 1.5 * change
    torch.testing.assert_close(found, expected)
    cut = pid(Gains(-1.0, 0.5, 3.0), scale=1.0, largest_gain=2.0, largest_control=0.7)
    torch.testing.assert_close(
        cut.predict(asked(state, target), (), None), expected.clamp(-0.7, 0.7)
    )


def test_no_deviation_is_no_control_and_nothing_is_done_at_first() -> None:
    state, target = drawn()
    there = target[:, :, None].expand_as(state)
    assert not pid().predict(asked(there, target), (), None).any()
    fresh = Pid(torch.nn.Conv1d(1, 3, 3, padding=1), simulation="own")
    assert not fresh.predict(asked(state, target), (), None).any()


@pytest.mark.parametrize("frame", range(5))
def test_the_future_changes_no_control(frame: int) -> None:
    state, target = drawn()
    made = pid()
    before = made.predict(asked(state, target), (), None)
    other = state.clone()
    other[:, :, frame:] += 1.0
    after = made.predict(asked(other, target), (), None)
    assert torch.equal(after[:, :, :frame], before[:, :, :frame])
    assert not torch.isclose(after[:, :, frame:], before[:, :, frame:]).all()


def test_what_it_does_not_do_is_refused() -> None:
    assert Pid.in_channels(2, 4) == 2 and Pid.out_channels(2, 4) == 6
    with pytest.raises(ValueError, match="3 given channels; use it for a system with a target"):
        Pid.in_channels(2, 3)
    state, target = drawn()
    request = asked(state, target)
    with pytest.raises(ValueError, match="needs a closed loop"):
        pid().loss(request, torch.Generator())
    sampling: Mapping[str, Any] = {"name": "ddim"}
    with pytest.raises(ValueError, match="pid has nothing to sample"):
        pid().predict(request, (), sampling)
