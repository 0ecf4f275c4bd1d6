r"""What a representation is, and the scale of each of its channels.

A representation is an invertible linear map W between fields u on a space-time grid and the
coefficients c = W u that a network sees as channels; W^{-1} W u = u. With each field it makes K
channels ("sub-bands"), field by field: channel K i + k is sub-band k of field i. A condition of
lower dimension, such as an initial state, is transformed over space alone and repeated in time.

The network is trained on coefficients of unit scale,

.. math::  \hat c_k = (c_k - m_k) / s_k,

where s_k is the standard deviation of channel k over the training split and m_k is zero or, if
asked for, its mean. Both are stored with the model.

A series, which has no space, is transformed over time alone and repeated over space; what is
generated in its channels is averaged over space before it is transformed back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

GRID_AXES = {2: ("time", "x"), 3: ("time", "y", "x")}
"""Names of the axes of a grid, by its number of dimensions."""


class Representation(nn.Module, ABC):
    """Invertible map between fields [B, C, T, *S] and coefficients [B, C K, t, *s].

    Args:
        dims: Dimensions of the grid: 2 for (time, x), 3 for (time, y, x).

    Raises:
        ValueError: If ``dims`` is neither 2 nor 3.
    """

    local_in_time: ClassVar[bool] = False
    """Whether frame k of the coefficients is that of frame k of the fields alone."""

    def __init__(self, dims: int = 2) -> None:
        super().__init__()
        if dims not in GRID_AXES:
            raise ValueError(
                f"representation: expected dims 2 (time, x) or 3 (time, y, x), got {dims!r}"
            )
        self.dims = dims
        self.axes = GRID_AXES[dims]

    @property
    @abstractmethod
    def subbands(self) -> tuple[str, ...]:
        """Names of the K channels of a field, in their order."""

    @property
    @abstractmethod
    def static_subbands(self) -> tuple[str, ...]:
        """Names of the K' channels of a field without time, in their order."""

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Coefficients [B, C K, t, *s] of fields [B, C, T, *S]."""

    @abstractmethod
    def decode(self, c: Tensor, grid: Sequence[int]) -> Tensor:
        """Fields [B, C, T, *S] on ``grid`` = (T, *S) from coefficients [B, C K, t, *s]."""

    @abstractmethod
    def encode_static(self, x: Tensor, frames: int) -> Tensor:
        """Coefficients [B, C K', t, *s] of fields without time [B, C, *S].

        They are those over space, repeated t times, where t belongs to ``frames`` = T time
        steps, so that they concatenate with ``encode``'s. The repetition is a view of one frame:
        copy before writing into it.
        """

    @property
    @abstractmethod
    def series_subbands(self) -> tuple[str, ...]:
        """Names of the K'' channels of a series, in their order."""

    @abstractmethod
    def encode_series(self, x: Tensor, space: Sequence[int]) -> Tensor:
        """Coefficients [B, S K'', t, *s] of series [B, S, T] over time, for a grid ``space`` = S.

        They are repeated over space, as a view, so that they concatenate with ``encode``'s.
        """

    @abstractmethod
    def decode_series(self, c: Tensor, frames: int) -> Tensor:
        """Series [B, S, T] of T = ``frames`` from coefficients [B, S K'', t, *s]: of their mean."""

    @abstractmethod
    def coefficient_grid(self, grid: Sequence[int]) -> tuple[int, ...]:
        """Grid (t, *s) of the coefficients of fields on ``grid`` = (T, *S)."""

    def channels(self, fields: int) -> int:
        """Number of channels of ``encode``'s result for this many fields."""
        return fields * len(self.subbands)

    def static_channels(self, fields: int) -> int:
        """Number of channels of ``encode_static``'s result for this many fields."""
        return fields * len(self.static_subbands)

    def channel_names(self, fields: Sequence[str]) -> list[str]:
        """Names of ``encode``'s channels, as ["u:aa", "u:ad", "u:da", "u:dd", "f:aa", ...]."""
        return _names(fields, self.subbands)

    def static_channel_names(self, fields: Sequence[str]) -> list[str]:
        """Names of ``encode_static``'s channels, as ["u0:a", "u0:d"]."""
        return _names(fields, self.static_subbands)

    def series_channel_names(self, series: Sequence[str]) -> list[str]:
        """Names of ``encode_series``' channels, as ["share:a", "share:d"]."""
        return _names(series, self.series_subbands)

    def _check_data(self, x: Tensor, axes: Sequence[str]) -> None:
        if x.ndim != 2 + len(axes):
            raise ValueError(
                f"{type(self).__name__.lower()} representation with dims={self.dims}: expected "
                f"[batch, channels, {', '.join(axes)}], got shape {tuple(x.shape)}"
            )

    def _check_coefficients(self, c: Tensor, grid: Sequence[int]) -> None:
        name = f"{type(self).__name__.lower()} representation with dims={self.dims}"
        if len(grid) != self.dims:
            raise ValueError(f"{name}: expected a grid ({', '.join(self.axes)}), got {grid}")
        expected, per_field = self.coefficient_grid(grid), len(self.subbands)
        fits = c.ndim == 2 + self.dims and tuple(c.shape[2:]) == expected
        if not fits or c.shape[1] % per_field:
            raise ValueError(
                f"{name}: to decode to the grid {tuple(grid)} expected coefficients "
                f"[batch, {per_field} per field, {', '.join(map(str, expected))}], "
                f"got shape {tuple(c.shape)}"
            )

    def _check_series(self, c: Tensor, frames: int) -> None:
        per_series = len(self.series_subbands)
        if c.ndim != 2 + self.dims or c.shape[2] != frames or c.shape[1] % per_series:
            raise ValueError(
                f"{type(self).__name__.lower()} representation with dims={self.dims}: expected "
                f"coefficients of series [batch, {per_series} per series, {frames}, "
                f"{', '.join(self.axes[1:])}], got shape {tuple(c.shape)}"
            )


def _names(fields: Sequence[str], subbands: Sequence[str]) -> list[str]:
    return [f"{field}:{band}" if band else field for field in fields for band in subbands]


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

    Raises:
        ValueError: If there is not one name per channel.
    """

    mean: Tensor
    scale: Tensor

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
