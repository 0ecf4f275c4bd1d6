"""Scales of channels on grids of several levels."""

from __future__ import annotations

import pytest
import torch

from wdno.representations.scaling import ChannelScaler, LevelScalers, fit_scalers


def fitted(*spreads: tuple[float, float]) -> LevelScalers:
    """Two channels of these spreads, the finest level first; of 0 a channel is constant."""
    scalers = LevelScalers(len(spreads), 2, center=True, keep_constant=True)
    pattern = torch.tensor([-1.0, 1.0]).repeat(8)
    for level, pair in enumerate(spreads):
        values = torch.stack([3.0 + spread * pattern for spread in pair])
        fit_scalers([scalers.at(level)], [[values[None]]])
    return scalers


def test_scales_go_on_at_a_constant_ratio() -> None:
    scalers = fitted((0.1, 2.0), (0.4, 2.0))
    assert scalers.at(1).scale.tolist() == pytest.approx([0.4, 2.0])
    assert scalers.at(0).scale.tolist() == pytest.approx([0.1, 2.0])
    # s(2N) = s(N)^2 / s(N/2), again and again.
    assert scalers.at(-1).scale.tolist() == pytest.approx([0.1**2 / 0.4, 2.0], rel=1e-5)
    assert scalers.at(-2).scale.tolist() == pytest.approx([0.1 / 16, 2.0], rel=1e-5)
    assert scalers.at(-1).mean.tolist() == pytest.approx([3.0 / 4, 3.0], rel=1e-5)


def test_a_constant_channel_keeps_its_last_scale() -> None:
    scalers = fitted((0.5, 0.0), (0.0, 2.0))
    assert scalers.at(0).constant.tolist() == [False, True]
    assert scalers.at(-1).scale.tolist() == pytest.approx([0.5, 1.0])


def test_one_scaler_is_that_of_all_levels() -> None:
    scalers = fitted((0.5, 1.5))
    assert scalers.at(3) is scalers.at(-3) is scalers.at(0)


def test_a_level_coarser_than_any_is_refused() -> None:
    with pytest.raises(ValueError, match="scales of level 2: expected one below 2"):
        fitted((1.0, 1.0), (1.0, 1.0)).at(2)


def test_what_was_measured_is_stored_and_what_follows_is_not() -> None:
    scalers = fitted((0.1, 2.0), (0.4, 2.0))
    scalers.at(-1)
    restored = LevelScalers(2, 2, center=True)
    restored.load_state_dict(scalers.state_dict())
    assert torch.equal(restored.at(-3).scale, scalers.at(-3).scale)
    assert isinstance(restored.at(0), ChannelScaler)


def test_the_ratio_bends_as_it_did_between_three_levels() -> None:
    scalers = fitted((0.2, 2.0), (0.4, 2.0))
    levels = [fitted(pair).at(0) for pair in ((0.2, 2.0), (0.4, 1.0), (0.6, 0.5))]
    scalers.bend_by(*levels)
    # 0.2 / 0.4 = 1/2 after 0.4 / 0.6 = 2/3; never the other way.
    assert scalers.bend.tolist() == pytest.approx([0.75, 1.0])
    assert scalers.at(-1).scale.tolist() == pytest.approx([0.2 * 0.375, 2.0], rel=1e-5)
    third = 0.2 * 0.375 * 0.375 * 0.75
    assert scalers.at(-2).scale.tolist() == pytest.approx([third, 2.0], rel=1e-5)
    constant = [fitted(pair).at(0) for pair in ((0.2, 0.0), (0.4, 1.0), (0.6, 1.0))]
    scalers.bend_by(*constant)
    assert scalers.bend.tolist() == pytest.approx([0.75, 1.0])
