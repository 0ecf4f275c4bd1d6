"""The scales of the channels of a model, measured on training data."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import torch

from wdno.data.dataset import ProblemData
from wdno.model.coding import Coding, level_of
from wdno.representations.scaling import ChannelScaler, fit_scalers

if TYPE_CHECKING:
    from wdno.augmentation import Augmentation
    from wdno.problem import Batch

SCALE_SAMPLES = 4096


@torch.no_grad()
def fit_scales(coding: Coding, data: ProblemData, augmentation: Augmentation | None) -> None:
    """Measure the mean of every field and the scale of every channel.

    Of a large set on its first samples, which are independent draws or in random order. Where given
    parts are noised, scales are those of channels with noise.

    Args:
        coding: whose scales they are.
        data: the training set.
        augmentation: what noises given parts, if anything does.

    Raises:
        ValueError: a channel is constant or not finite; the message names it.
    """
    size, problem = data.block(), coding.problem
    buffers = {p.name: coding.get_buffer(f"mean_{p.name}") for p in problem.generated}
    means = {name: buffer.double().zero_() for name, buffer in buffers.items()}
    seen = 0
    for batch in data.batches(size, SCALE_SAMPLES):
        cases = len(batch["index"])
        seen += cases
        for name, mean in means.items():
            values = batch[name].double().transpose(0, 1).flatten(1).mean(1)
            mean += (values - mean) * (cases / seen)
    for name, buffer in buffers.items():
        buffer.copy_(means[name])
    levels = range(problem.levels) if problem.levels > 1 else [None]
    for level in levels:
        of: Iterable[Batch] = data.batches(size, SCALE_SAMPLES, group=level)
        if augmentation is not None:
            of = _noised(augmentation, data, size, level)
        fit_scalers(
            [scalers.at(level or 0) for scalers in coding.scalers],
            ((coding.target(batch), coding.condition(batch)) for batch in of),
        )
    if problem.levels > 1 and augmentation is None:
        _bend(coding, data)


def _bend(coding: Coding, data: ProblemData) -> None:
    """Measure how the ratio of scales changes from level to level, if there are three."""
    twin = coding.representation.shortest()
    fitted = []
    for level in range(3):
        batches = data.of_level(level, data.block(), SCALE_SAMPLES)
        if batches is None:
            return
        scaler = ChannelScaler(coding.channels, center=True, keep_constant=True)
        fitted.append(scaler.fit(coding.target(batch, twin) for batch in batches))
    coding.scalers[0].bend_by(*fitted)


def _noised(
    augmentation: Augmentation, data: ProblemData, size: int, level: int | None
) -> Iterable[Batch]:
    """Measure the unit of noise, and return the batches noised."""
    assert data.noise is not None
    of = partial(data.batches, size, SCALE_SAMPLES, group=level)
    augmentation.fit(level or 0, data.noise, of())
    spread = partial(augmentation.spread, data.noise)
    generator = torch.Generator().manual_seed(0)
    return (spread(batch, level_of(batch), generator) for batch in of())
