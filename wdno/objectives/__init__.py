"""Objectives: how a network is trained, and how a prediction is drawn from it.

Each module that has a class under the name ``Objective``, with its options in
``options/<name>.py``, is an objective; a new pair of files is a new choice. Any of them can be made
to go from frame to frame, see :mod:`wdno.objectives.stepping`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wdno.registry import Registry, construct

if TYPE_CHECKING:
    from torch import nn

    from wdno.objectives.base import Objective
    from wdno.objectives.stepping import Stepping

REGISTRY = Registry("objective", "wdno.objectives", "Objective", "wdno.objectives.options")


def sees_frames(name: str) -> bool:
    """Return whether an objective predicts each frame by itself.

    Raises:
        UnknownPieceError: there is no such objective.
    """
    return bool(REGISTRY.light(name).Options.framewise)


def build(
    name: str,
    *,
    target: int,
    condition: int,
    network: Callable[..., nn.Module],
    stepping: Mapping[str, Any] | None = None,
    **options: Any,
) -> Objective | Stepping:
    """Make an objective with its network, or networks.

    Args:
        name: of the objective.
        target: number of channels that are generated.
        condition: number of channels that are given; with stepping, in each step.
        network: makes the network with the keywords `in_channels`, `out_channels` and
            `time_conditioned`.
        stepping: options of :class:`~wdno.objectives.stepping.Stepping`; None: all frames at once.
        **options: of the objective.

    Raises:
        UnknownPieceError: there is no such objective.
        ValueError: it has no such option, or refuses a value.
    """
    kind: type[Objective] = REGISTRY.load(name)
    # What a step is given is the frame before it, too.
    given = condition if stepping is None else target + condition
    channels = {"network": (kind.in_channels(target, given), kind.out_channels(target, given))}
    for key, (taken, made) in {**channels, **kind.further(target, given)}.items():
        options[key] = network(
            in_channels=taken, out_channels=made, time_conditioned=kind.time_conditioned
        )
    objective = construct("objective", name, kind, options)
    if stepping is None:
        return objective
    # As a piece: imported only where it is asked for.
    wrapper: type[Stepping] = importlib.import_module(f"{__name__}.stepping").Stepping
    return wrapper(objective, **stepping)
