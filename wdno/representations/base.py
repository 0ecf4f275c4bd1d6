r"""What a representation is, and the scale of each of its channels.

A representation is an invertible linear map W between fields u on a space-time grid and the
coefficients c = W u that a network sees as channels; W^{-1} W u = u. With each field it makes K
channels ("bands"), field by field: channel K i + k is band k of field i.

Fields may lack axes (see :mod:`wdno.problem`). They are transformed over those that they have, and
the coefficients are repeated over the others: an initial state along time, a series over space, a
number over both. What is generated in the channels of a series differs from point to point, and is
averaged over space before it is transformed back.

The network is trained on coefficients of unit scale,

.. math::  \hat c_k = (c_k - m_k) / s_k,

where s_k is the standard deviation of channel k over the training split and m_k is zero or, if
asked for, its mean. Both are stored with the model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from wdno.problem import Span, along

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

    @abstractmethod
    def bands(self, span: Span = "space_time") -> tuple[str, ...]:
        """Names of the K channels of a field of a span, in their order; one "" of a number."""

    @abstractmethod
    def coefficient_grid(self, grid: Sequence[int]) -> tuple[int, ...]:
        """Grid (t, *s) of the coefficients of fields on ``grid`` = (T, *S).

        Raises:
            ValueError: If the grid has other axes, or is too small for the transform.
        """

    @abstractmethod
    def _transform(self, x: Tensor, span: Span) -> Tensor:
        """Coefficients [B, C K, ...] of fields [B, C, ...], on the axes of a span."""

    @abstractmethod
    def _invert(self, c: Tensor, sizes: Sequence[int], span: Span) -> Tensor:
        """Fields [B, C, *sizes] from coefficients [B, C K, ...], on the axes of a span."""

    def encode(self, x: Tensor, grid: Sequence[int], span: Span = "space_time") -> Tensor:
        """Coefficients [B, C K, t, *s] of fields.

        Args:
            x: Fields on the axes of their span, such as [B, C, T, *S] or, of numbers, [B, C].
            grid: The whole grid (T, *S); coefficients are repeated, as a view, over the axes that
                ``x`` lacks, so that those of all spans concatenate. Copy before writing into them.
            span: Which axes ``x`` has.

        Raises:
            ValueError: If ``x`` does not have these axes or sizes, or the grid does not fit.
        """
        expected = along(span, grid)
        if x.ndim != 2 + len(along(span, self.axes)) or tuple(x.shape[2:]) != expected:
            axes = ", ".join(("batch", "channels", *along(span, self.axes)))
            raise ValueError(
                f"{self._name}: on the grid {tuple(grid)} expected [{axes}] of the sizes "
                f"{expected}, got shape {tuple(x.shape)}"
            )
        sizes = self.coefficient_grid(grid)
        c = x if span == "number" else self._transform(x, span)
        if span == "space_time":
            return c
        if span == "space":
            c = c.unsqueeze(2)
        return c[(..., *[None] * (2 + self.dims - c.ndim))].expand(*c.shape[:2], *sizes)

    def decode(self, c: Tensor, grid: Sequence[int], span: Span = "space_time") -> Tensor:
        """Fields from coefficients [B, C K, t, *s], the inverse of ``encode``.

        Args:
            c: Coefficients; of a span without space, their mean over space counts.
            grid: The whole grid (T, *S).
            span: "space_time" or "time".

        Returns:
            Fields [B, C, T, *S], or [B, C, T].

        Raises:
            ValueError: If they are not those of fields on ``grid``, or of another span.
        """
        if span not in ("space_time", "time"):
            raise ValueError(
                f"{self._name}: expected the span 'space_time' or 'time' to decode, got {span!r}"
            )
        expected, per_field = self.coefficient_grid(grid), len(self.bands(span))
        if c.ndim != 2 + self.dims or tuple(c.shape[2:]) != expected or c.shape[1] % per_field:
            raise ValueError(
                f"{self._name}: to decode to the grid {tuple(grid)} expected coefficients "
                f"[batch, {per_field} per field, {', '.join(map(str, expected))}], "
                f"got shape {tuple(c.shape)}"
            )
        if span == "time":
            c = c.flatten(3).mean(3)
        return self._invert(c, along(span, grid), span)

    def channel_names(self, fields: Sequence[str], span: Span = "space_time") -> list[str]:
        """Names of ``encode``'s channels, as ["u:aa", "u:ad", "u:da", "u:dd", "f:aa", ...]."""
        bands = self.bands(span)
        return [f"{field}:{band}" if band else field for field in fields for band in bands]

    def _check_axes(self, grid: Sequence[int]) -> None:
        if len(grid) != self.dims:
            raise ValueError(
                f"{self._name}: expected a grid ({', '.join(self.axes)}), got {tuple(grid)}"
            )

    @property
    def _name(self) -> str:
        return f"{type(self).__name__.lower()} representation with dims={self.dims}"


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
