"""What an objective must offer: channels of its network, a loss, a prediction."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from wdno.diffusion.guidance.energy import Energy
    from wdno.diffusion.samplers.base import Denoise
    from wdno.diffusion.schedule import Schedule

    Guide = Callable[[Denoise, Schedule], Denoise]
    Observe = Callable[[Denoise, Schedule, Energy], Denoise]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rewards:
    """What a policy learns from in training, beside what it imitates.

    Attributes:
        values: reward of each interval, ``[B, T]``.
        acts: where what is generated has an effect, ``[B, C, *space]``, bool.
        own: whether what is given is what the trajectory was made for, ``[B]``, bool; else the
            rewards are its own, but it is nothing to imitate.
    """

    values: Tensor
    acts: Tensor
    own: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """What is asked of an objective; all in normalised channels of any representation.

    Attributes:
        condition: channels that are given, ``[B, D, *grid]``.
        channels: number C of channels that are generated.
        target: those channels, ``[B, C, *grid]``, in training.
        weight: weights of them in the loss, ``[C, *grid]`` with 1 for axes along which they do not
            vary; None for 1.
        first: of them the frame before the first, ``[B, C, *space]``, where there is one.
        origin: what is generated as a departure from it, ``[B, C, *grid]``; None for zero. The
            network gives the departure, the objective the sum.
        guide: wraps the denoiser of a prediction that is drawn, given its schedule, such as by a
            guidance (:mod:`wdno.diffusion.guidance`); None for none.
        observe: of an objective that generates what is given, too: draws it towards what it is,
            by the energy of what is missed, as `wrap` of a guidance does; None for another way.
        rewards: in training of an objective that is rewarded.
    """

    condition: Tensor
    channels: int
    target: Tensor | None = None
    weight: Tensor | None = None
    first: Tensor | None = None
    origin: Tensor | None = None
    guide: Guide | None = None
    observe: Observe | None = None
    rewards: Rewards | None = None

    def wanted(self) -> Tensor:
        """Return the target.

        Raises:
            ValueError: there is none.
        """
        if self.target is None:
            raise ValueError("objective: a loss needs the target channels, but was given none")
        return self.target

    def rewarded(self) -> Rewards:
        """Return the rewards.

        Raises:
            ValueError: there are none.
        """
        if self.rewards is None:
            raise ValueError(
                "objective: it learns from rewards, but was given none; train it on the rewarded "
                "data of a task, such as wdno.tasks.control.rewards"
            )
        return self.rewards

    def refuse_guide(self, what: str) -> None:
        """Refuse a guide, in the name of an objective that it cannot be applied to.

        Raises:
            ValueError: there is one.
        """
        if self.guide is not None:
            raise ValueError(
                f"{what} has no denoiser of whole trajectories to guide; use a model with the "
                "objective diffusion, without stepping, or leave the guidance out"
            )

    def refuse_observing(self) -> None:
        """Refuse to draw what is given, in the name of an objective that is given it as it is.

        Raises:
            ValueError: it is asked for.
        """
        if self.observe is not None:
            raise ValueError(
                "what is given is to be drawn, too, which a model with the objective "
                "joint_diffusion does, without stepping; name one, or leave the observation out"
            )

    def refuse_drawing(self, what: str, sampling: Mapping[str, Any] | None) -> None:
        """Refuse a guide and a sampler, in the name of an objective that draws nothing.

        Raises:
            ValueError: there is one.
        """
        self.refuse_guide(what)
        self.refuse_observing()
        if sampling is not None:
            raise ValueError(f"{what} has nothing to sample, but was given {dict(sampling)}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Loss:
    """What a loss comes to.

    Attributes:
        per_sample: ``[B]``.
        estimate: the generated channels as they are predicted, ``[B, C, *grid]``, with gradients;
            None of an objective that is not deterministic.
    """

    per_sample: Tensor
    estimate: Tensor | None = None


class Objective(nn.Module, ABC):
    """A network with the way it is trained and the way it predicts.

    Attributes:
        time_conditioned: whether the network is told the diffusion time.
        deterministic: whether a prediction is one number for each channel and point, and not drawn.
        network: the network, an attribute or a property of the subclass.
    """

    time_conditioned: ClassVar[bool]
    deterministic: ClassVar[bool]
    framewise: ClassVar[bool] = False

    @staticmethod
    @abstractmethod
    def in_channels(target: int, condition: int) -> int:
        """Return the network's input channels for so many target and condition channels."""

    @staticmethod
    def out_channels(target: int, condition: int) -> int:
        """Return the network's output channels for so many target and condition channels."""
        return target

    @staticmethod
    def further(target: int, condition: int) -> Mapping[str, tuple[int, int]]:
        """Return further networks of the same kind: name -> input and output channels.

        They are keywords of the objective beside `network`.

        Args:
            target: channels that are generated.
            condition: channels that are given.
        """
        return {}

    def surround(self, wrap: Callable[[nn.Module], nn.Module]) -> None:
        """Put something around the network, such as tiles, for all that follows."""
        self.add_module("network", wrap(self.get_submodule("network")))

    def prepare(self, steps: int) -> None:
        """Learn, before the training, how many steps it will take."""
        return None

    @abstractmethod
    def loss(self, request: Request, generator: torch.Generator) -> Loss:
        """Return the loss of each sample.

        Args:
            request: with the target.
            generator: CPU generator of all randomness.

        Raises:
            ValueError: there is no target.
        """

    @abstractmethod
    def predict(
        self,
        request: Request,
        generators: Sequence[torch.Generator],
        sampling: Mapping[str, Any] | None,
    ) -> Tensor:
        """Draw one prediction for each sample.

        Args:
            request: a target is not looked at.
            generators: one CPU generator per sample, so that a prediction does not depend on the
                batch that it is in.
            sampling: name, steps and options of the sampler, where there is one.

        Returns:
            Generated channels, ``[B, C, *grid]``.

        Raises:
            ValueError: `sampling` is missing or unwanted, or a guide is unwanted.
        """

    def denoiser_of(self, request: Request) -> Denoise:
        """Return what a prediction is drawn by, with the request's guide around it.

        Returns:
            Maps noisy channels ``[B, C, *grid]`` and times ``[B]`` to clean ones.

        Raises:
            ValueError: the objective has no denoiser of whole trajectories.
        """
        raise without_denoiser(type(self).__name__.lower())

    @abstractmethod
    def evaluations(self, sampling: Mapping[str, Any] | None, frames: int) -> int:
        """Return the network evaluations of one prediction of so many frames."""


def without_denoiser(what: str) -> ValueError:
    """Return the refusal of an objective that is asked for its denoiser."""
    return ValueError(
        f"{what} has no denoiser of whole trajectories; use a model with the objective diffusion, "
        "without stepping"
    )


def add(x: Tensor, origin: Tensor | None) -> Tensor:
    """Return a departure and what it departs from, ``[B, C, *grid]``."""
    return x if origin is None else origin + x


def weigh(error: Tensor, weight: Tensor | None) -> Tensor:
    """Return errors ``[B, C, *grid]`` times their weights, see :class:`Request`."""
    return error if weight is None else error * weight
