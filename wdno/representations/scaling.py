r"""The scale of each channel of a representation, measured on training data.

The network is trained on coefficients of unit scale,

.. math::  \hat c_k = (c_k - m_k) / s_k,

where s_k is the standard deviation of channel k over the training split and m_k is zero or, if
asked for, its mean. Both are stored with the model.

Trained on grids of several levels, each level has scales of its own. On a finer grid than any of
them they are continued with the ratio of the two finest,

.. math::  s_k(2 N) = b_k s_k(N)^2 / s_k(N / 2),

again and again, N being the finest grid of training. The ratio may bend: a solution that is smooth
on some scale has ever less on finer ones. $b_k \le 1$ is the ratio of two successive ratios, of the
three finest grids that can be measured, and 1 where there are but two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn


class ChannelScaler(nn.Module):
    """Shift and scale of each channel, measured on training data.

    Until ``fit`` (or ``load_state_dict``) it changes nothing: mean 0, scale 1.

    Args:
        channels: Number C of channels.
        keep_constant: Accept a constant channel that is not zero, with scale 1; otherwise it is
            refused. For conditions, where a constant one does no harm.
        center: Whether to subtract the mean; otherwise ``mean`` stays zero. Ask for it where a
            channel's mean exceeds its spread, as that of a temperature in kelvin.
        names: Names of the channels for messages; by default their numbers.

    Attributes:
        mean: [C], float32, a buffer.
        scale: [C], float32, a buffer.
        constant: Whether there was nothing to measure, so that the scale is 1, [C], a buffer.

    Raises:
        ValueError: If there is not one name per channel.
    """

    mean: Tensor
    scale: Tensor
    constant: Tensor

    def __init__(
        self,
        channels: int,
        *,
        center: bool = False,
        keep_constant: bool = False,
        names: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.center, self.keep_constant = center, keep_constant
        self.names = [str(i) for i in range(channels)] if names is None else list(names)
        if len(self.names) != channels:
            raise ValueError(
                f"channel scaler: expected {channels} names, one per channel, got {self.names}"
            )
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))
        self.register_buffer("constant", torch.zeros(channels, dtype=torch.bool))

    @torch.no_grad()
    def fit(self, batches: Iterable[Tensor]) -> ChannelScaler:
        """Measure mean and standard deviation over all samples and positions of ``batches``.

        One pass in float64, merging the moments of each batch (Chan, Golub and LeVeque 1983,
        The American Statistician 37(3), 242): the split into batches does not matter.

        Args:
            batches: Tensors [B, C, ...] of coefficients.

        Returns:
            Itself. A channel that is zero throughout gets scale 1.

        Raises:
            ValueError: If there are no data, a value is NaN or infinite, or a channel is constant
                but not zero; the message names the channel.
        """
        fit_scalers([self], ([batch] for batch in batches))
        return self

    def normalise(self, c: Tensor) -> Tensor:
        """Coefficients [B, C, ...] to unit scale: (c - mean) / scale."""
        mean, scale = self._broadcast(c)
        return (c - mean) / scale

    def denormalise(self, c: Tensor) -> Tensor:
        """Coefficients [B, C, ...] back from unit scale: c * scale + mean."""
        mean, scale = self._broadcast(c)
        return c * scale + mean

    def _set(self, mean: Tensor, deviation: Tensor) -> None:
        zero = (mean == 0) & (deviation == 0)
        # A spread below the rounding error of the mean is that of a constant in float32.
        constant = deviation <= torch.finfo(torch.float32).eps * mean.abs()
        if self.keep_constant:
            zero = zero | constant
        scale = torch.where(zero, 1.0, deviation).float()
        unusable = ((constant & ~zero) | (scale == 0) | ~scale.isfinite()).nonzero().flatten()
        if len(unusable):
            channel = int(unusable[0])
            raise ValueError(
                f"channel scaler: channel {self.names[channel]!r} has no usable spread: mean "
                f"{float(mean[channel]):.6g}, standard deviation {float(deviation[channel]):.3g}; "
                "a constant field is no information for the model: leave it out, or check the data"
            )
        self.scale.copy_(scale)
        self.constant.copy_(zero)
        self.mean.copy_(mean if self.center else torch.zeros_like(mean))

    def _check(self, c: Tensor) -> None:
        if c.ndim < 2 or c.shape[1] != len(self.names):
            raise ValueError(
                f"channel scaler: expected [batch, {len(self.names)}, ...] with channels "
                f"{', '.join(self.names)}; got shape {tuple(c.shape)}"
            )

    def _broadcast(self, c: Tensor) -> tuple[Tensor, Tensor]:
        self._check(c)
        shape = (-1, *(1,) * (c.ndim - 2))
        return self.mean.view(shape), self.scale.view(shape)


class LevelScalers(nn.Module):
    """Scalers of the same channels on grids of several levels.

    Args:
        levels: Number L of levels that are measured, at least one. A single one is that of all.
        channels: Number of channels.
        options: Further arguments of :class:`ChannelScaler`.

    Attributes:
        measured: L scalers, that of the finest grid first.
        bend: b of each channel, [C], a buffer; 1 until it is set.
    """

    bend: Tensor

    def __init__(self, levels: int, channels: int, **options: Any) -> None:
        super().__init__()
        self._options = {"channels": channels, **options}
        scalers = [ChannelScaler(**self._options) for _ in range(levels)]
        self.measured = cast(Sequence[ChannelScaler], nn.ModuleList(scalers))
        self.register_buffer("bend", torch.ones(channels))

    def at(self, level: int) -> ChannelScaler:
        """Scaler of a level; see the module's text for those of unseen ones.

        A channel that is constant on one of the two finest levels keeps its last scale.

        Args:
            level: Halvings of the finest measured grid; negative for doublings.

        Raises:
            ValueError: If the level is coarser than all that were measured.
        """
        if len(self.measured) == 1:
            return self.measured[0]
        if level >= len(self.measured):
            raise ValueError(
                f"scales of level {level}: expected one below {len(self.measured)}, as so many "
                "were measured"
            )
        if level >= 0:
            return self.measured[level]
        fine, coarse = self.measured[0], self.measured[1]
        ratio = torch.where(fine.constant | coarse.constant, 1.0, fine.scale / coarse.scale)
        steps = -level
        factor = ratio**steps * self.bend ** (steps * (steps + 1) / 2)
        continued = ChannelScaler(**self._options).to(fine.scale.device)
        continued.scale.copy_(fine.scale * factor)
        continued.mean.copy_(fine.mean * factor)
        return continued

    @torch.no_grad()
    def bend_by(self, fine: ChannelScaler, middle: ChannelScaler, coarse: ChannelScaler) -> None:
        """Set the bend from scalers of three successive levels, of the same bands.

        Args:
            fine: Of the finest level.
            middle: Of the next coarser one.
            coarse: Of the one after it.
        """
        ratio = fine.scale * coarse.scale / middle.scale.square()
        flat = fine.constant | middle.constant | coarse.constant
        self.bend.copy_(torch.where(flat, 1.0, ratio.clamp(max=1.0)))


def fit_scalers(scalers: Sequence[ChannelScaler], batches: Iterable[Sequence[Tensor]]) -> None:
    """Fit several scalers in one pass; see :meth:`ChannelScaler.fit`.

    Args:
        scalers: The scalers.
        batches: For each batch, the coefficients [B, C, ...] of each scaler.

    Raises:
        ValueError: As :meth:`ChannelScaler.fit`.
    """
    moments = [_Moments(scaler) for scaler in scalers]
    for index, batch in enumerate(batches):
        for sums, coefficients in zip(moments, batch, strict=True):
            sums.add(coefficients, index)
    for scaler, sums in zip(scalers, moments, strict=True):
        if sums.count == 0:
            raise ValueError("channel scaler: expected batches to fit to, got no data at all")
        scaler._set(sums.mean, (sums.moment / sums.count).sqrt())


class _Moments:
    """Number, mean [C] and summed squared deviations [C] of what was added, in float64."""

    def __init__(self, scaler: ChannelScaler) -> None:
        self.scaler, self.count = scaler, 0
        self.mean, self.moment = (torch.zeros_like(scaler.mean.double()) for _ in range(2))

    @torch.no_grad()
    def add(self, batch: Tensor, index: int) -> None:
        self.scaler._check(batch)
        rows = batch.double().transpose(0, 1).flatten(1)
        finite = rows.isfinite()
        if not finite.all():
            channel = int((~finite).sum(1).argmax())
            raise ValueError(
                f"channel scaler: batch {index}, channel {self.scaler.names[channel]!r} has "
                f"{int((~finite[channel]).sum())} of {rows.shape[1]} values NaN or infinite; "
                "check the data that it was computed from"
            )
        if rows.shape[1] == 0:
            return
        new, mean = rows.shape[1], rows.mean(1)
        shift, total = mean - self.mean, self.count + rows.shape[1]
        self.moment += (rows - mean[:, None]).square().sum(1)
        self.moment += shift.square() * (self.count * new / total)
        self.mean, self.count = self.mean + shift * (new / total), total
