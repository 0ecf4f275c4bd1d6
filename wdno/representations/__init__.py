"""Representations: invertible maps between fields on a grid and the channels a network sees.

Each module of this package that defines a class under the alias ``Representation`` is a
representation under the module's name; a new file is a new choice. They are imported when asked
for, so that importing this package is cheap.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wdno.representations.base import Representation

_HELPERS = frozenset({"base", "wavelet_defaults", "wavelet_transform", "pytorch_wavelets_backend"})


def available() -> tuple[str, ...]:
    """Names that ``build`` accepts, in alphabetical order."""
    modules = pkgutil.iter_modules(__path__)
    return tuple(sorted(module.name for module in modules if module.name not in _HELPERS))


def build(name: str, **options: Any) -> Representation:
    """Make the representation ``name``, as ``build("wavelet", dims=2, family="bior2.4")``.

    Args:
        name: One of ``available()``.
        **options: Arguments of its class; all have defaults. Every class takes ``dims``, the number
            of axes, and ``periodic``, for each spatial axis whether it is.

    Raises:
        ValueError: If the name is unknown, or the class has no such option.
    """
    if name not in available():
        raise ValueError(
            f"unknown representation {name!r}: expected one of {', '.join(available())}"
        )
    cls: type[Representation] = importlib.import_module(f"{__name__}.{name}").Representation
    accepted = inspect.signature(cls).parameters
    unknown = sorted(set(options) - set(accepted))
    if unknown:
        raise ValueError(
            f"representation {name!r}: unknown option(s) {', '.join(unknown)}; "
            f"expected {', '.join(accepted)}"
        )
    return cls(**options)
