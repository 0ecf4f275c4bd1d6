"""What an objective must offer: channels of its network, a loss, a prediction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class Objective(nn.Module, ABC):
    """A network with the way it is trained; works on normalised channels of any representation.

    Attributes:
        time_conditioned: whether the network is told the diffusion time.
        stepwise: whether the network maps a frame to the next one, on grids without time; the
            condition is then that of every step, without the given frames.
        network: the network, an attribute or a property of the subclass.
    """

    time_conditioned: ClassVar[bool]
    stepwise: ClassVar[bool] = False

    @staticmethod
    @abstractmethod
    def in_channels(target: int, condition: int) -> int:
        """Return the network's input channels for so many target and condition channels."""

    @abstractmethod
    def loss_per_sample(
        self,
        target: Tensor,
        condition: Tensor,
        generator: torch.Generator,
        weight: Tensor | None,
        first: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of each sample.

        Args:
            target: normalised channels to be generated, ``[B, C, *grid]``.
            condition: normalised channels that are given, ``[B, D, *grid]``.
            generator: CPU generator of all randomness.
            weight: weights of the target channels, ``[C]``; None for 1.
            first: target channels of the last given frame, ``[B, C, *space]``, if stepwise.

        Returns:
            Losses, ``[B]``.
        """

    @abstractmethod
    def predict(
        self,
        condition: Tensor,
        channels: int,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
        first: Tensor | None = None,
    ) -> Tensor:
        """Draw one prediction for each sample.

        Args:
            condition: normalised given channels, ``[B, D, *grid]``.
            channels: number C of target channels.
            generators: one CPU generator per sample, so that a prediction does not depend on the
                batch that it is in.
            sampling: name, steps and options of the sampler, where there is one.
            first: target channels of the last given frame, ``[B, C, *space]``, if stepwise.

        Returns:
            Normalised target channels, ``[B, C, *grid]``.

        Raises:
            ValueError: `sampling` is missing or unwanted.
        """

    @staticmethod
    @abstractmethod
    def evaluations(sampling: Mapping[str, Any] | None, frames: int) -> int:
        """Return the network evaluations of one prediction of so many frames."""
