"""Networks: maps from tensor to tensor that know nothing of physics or of diffusion.

Each module of this package that defines a class under the name ``Network`` is a network under the
module's name; a new file is a new choice. Modules are imported when asked for, so that importing
this package is cheap.

Every network is a :class:`torch.nn.Module` made with the keywords ``in_channels``,
``out_channels``, ``dims``, ``time_conditioned`` and ``padding``, plus options of its own, and is
called as ``network(x, t)``: ``x`` is ``[B, in_channels, *grid]``, ``t`` is the diffusion time in
[0, 1], ``[B]``, or None for a network that is not time-conditioned; the result is
``[B, out_channels, *grid]``.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

_HELPERS = frozenset({"blocks"})


def available() -> tuple[str, ...]:
    """Names that ``build`` accepts, in alphabetical order."""
    modules = pkgutil.iter_modules(__path__)
    return tuple(sorted(module.name for module in modules if module.name not in _HELPERS))


def build(name: str, **options: Any) -> nn.Module:
    """Make the network ``name``, as ``build("unet", in_channels=8, out_channels=4, dims=2, ...)``.

    Args:
        name: One of ``available()``.
        **options: Arguments of its class.

    Returns:
        The network, with random weights drawn from PyTorch's global generator.

    Raises:
        ValueError: If the name is unknown, or the class has no such option.
    """
    if name not in available():
        raise ValueError(f"unknown network {name!r}: expected one of {', '.join(available())}")
    cls: type[nn.Module] = importlib.import_module(f"{__name__}.{name}").Network
    accepted = inspect.signature(cls).parameters
    unknown = sorted(set(options) - set(accepted))
    if unknown:
        raise ValueError(
            f"network {name!r}: unknown option(s) {', '.join(unknown)}; "
            f"expected {', '.join(accepted)}"
        )
    return cls(**options)


def parameters(network: nn.Module) -> int:
    """Number of trainable real numbers of a network; a complex number counts as two."""
    return sum(
        p.numel() * (2 if p.is_complex() else 1) for p in network.parameters() if p.requires_grad
    )
