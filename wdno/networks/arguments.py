"""What networks are made with and called with: checked, and refused in one wording."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from wdno.options import shown

AXES = {1: ("x",), 2: ("time or y", "x"), 3: ("time", "y", "x")}
"""Names of the axes of a grid, by its number of dimensions; a frame has no time."""


def check_axes(network: str, dims: int, padding: Sequence[str]) -> tuple[str, ...]:
    """Check the number of axes and the padding of each.

    Returns:
        The padding, one of "zeros" and "circular" for each axis.

    Raises:
        ValueError: On any other number of axes or padding.
    """
    if dims not in AXES:
        known = " or ".join(f"{number} ({', '.join(names)})" for number, names in AXES.items())
        raise ValueError(f"{network}: expected dims {known}, got {dims!r}")
    if isinstance(padding, str) or len(padding) != dims:
        raise ValueError(
            f"{network}: expected a padding for each of the axes {', '.join(AXES[dims])}, "
            f"got {padding!r}"
        )
    for axis, kind in zip(AXES[dims], padding, strict=True):
        if kind not in ("zeros", "circular"):
            raise ValueError(
                f"{network}: padding of axis {axis!r} is {kind!r}, expected 'zeros' or 'circular'"
            )
    return tuple(padding)


def check_positive(network: str, **values: int) -> None:
    """Refuse options below 1.

    Raises:
        ValueError: Naming the first of them.
    """
    for name, value in values.items():
        if value < 1:
            raise ValueError(f"{network}: expected {name} of 1 or more, got {value}")


def check_input(
    network: str, x: Tensor, t: Tensor | None, *, channels: int, dims: int, time_conditioned: bool
) -> None:
    """Check what a network is called with.

    Raises:
        ValueError: If ``x`` is not [B, channels, *grid], or ``t`` is not [B], missing or unwanted.
    """
    if x.ndim != dims + 2 or x.shape[1] != channels:
        raise ValueError(
            f"{network}: expected an input [batch, {channels}, {', '.join(AXES[dims])}], "
            f"got one of shape {tuple(x.shape)}"
        )
    if time_conditioned and (t is None or t.shape != x.shape[:1]):
        got = "none" if t is None else f"one of shape {tuple(t.shape)}"
        raise ValueError(
            f"{network}: expected a diffusion time of shape ({x.shape[0]},), got {got}; "
            "build it with time_conditioned=False to call it without"
        )
    if t is not None and not time_conditioned:
        raise ValueError(
            f"{network}: got a diffusion time, but was built with time_conditioned=False"
        )


def check_modes(network: str, modes: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """Check the Fourier modes of each axis.

    Returns:
        One number for each axis.

    Raises:
        ValueError: If there is not one number, or one for each axis, or one is below 1.
    """
    found = (modes,) * dims if isinstance(modes, int) else tuple(modes)
    if len(found) != dims or min(found) < 1:
        raise ValueError(
            f"{network}: expected modes as one number, or one for each of the axes "
            f"{', '.join(AXES[dims])}, all 1 or more; got {modes}"
        )
    return found


def check_points(network: str, grid: Sequence[int], modes: Sequence[int]) -> None:
    """Check that each axis of a grid has as many points as modes are kept.

    Raises:
        ValueError: If one has fewer.
    """
    for name, size, kept in zip(AXES[len(grid)], grid, modes, strict=True):
        if size < kept:
            raise ValueError(
                f"{network}: a grid of {shown(grid)} has {size} modes along axis {name!r}, the "
                f"network keeps {kept}; give modes of at most {min(grid)}, or one number for each "
                "axis, or a larger grid"
            )


def check_own_grid(network: str, own: Sequence[int], grid: Sequence[int]) -> None:
    """Check that a grid is the one that a network was built for, whose weights fit no other.

    Raises:
        ValueError: Naming both.
    """
    if tuple(grid) != tuple(own):
        raise ValueError(
            f"{network}: built for the grid {list(own)}, got {list(grid)}; its weights fit no other"
        )


class GridNetwork(nn.Module):
    """A network that takes grids of one to three axes of any size, or says which.

    Attributes:
        mixed_precision: whether it may compute in half precision where training asks for that.
        name: of the network, for messages.
        in_channels: channels of the input.
        dims: axes of the grid.
        padding: "zeros" or "circular" for each axis.
        time_conditioned: whether it is told the diffusion time.

    Raises:
        ValueError: On any other number of axes or padding.
    """

    mixed_precision: ClassVar[bool] = True

    def __init__(
        self,
        name: str,
        in_channels: int,
        dims: int,
        padding: Sequence[str] | None,
        *,
        time_conditioned: bool,
    ) -> None:
        super().__init__()
        self.name, self.in_channels, self.dims = name, in_channels, dims
        self.padding = check_axes(name, dims, ("zeros",) * dims if padding is None else padding)
        self.time_conditioned = time_conditioned

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        """Map channels on a grid to channels on the same grid.

        Args:
            x: Input, [B, in_channels, *grid].
            t: Diffusion time in [0, 1], [B]; None if not time-conditioned.

        Returns:
            Output, [B, out_channels, *grid].

        Raises:
            ValueError: If a shape is wrong, ``t`` is missing or unwanted, or the grid is refused.
        """
        self.check_input(x, t)
        self.check_grid(x.shape[2:])
        if self.mixed_precision:
            return self._map(x, t).contiguous()
        with torch.autocast(x.device.type, enabled=False):
            return self._map(x if x.dtype == torch.float64 else x.float(), t).contiguous()

    def check_grid(self, grid: Sequence[int]) -> None:
        """Refuse a grid that the network cannot take; here none.

        Raises:
            ValueError: Naming what does not fit.
        """

    @abstractmethod
    def _map(self, x: Tensor, t: Tensor | None) -> Tensor:
        """Map an input that was checked, as :meth:`forward` says."""

    def check_input(self, x: Tensor, t: Tensor | None) -> None:
        """Check what the network is called with; see :func:`check_input`."""
        check_input(
            self.name,
            x,
            t,
            channels=self.in_channels,
            dims=self.dims,
            time_conditioned=self.time_conditioned,
        )
