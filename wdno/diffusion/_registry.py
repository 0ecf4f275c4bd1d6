"""Objects made by name, with an error that lists what there is."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def construct(kind: str, registry: Mapping[str, type[T]], name: str, options: dict[str, Any]) -> T:
    """Make the object that a registry has under a name.

    Args:
        kind: What the registry holds, for the error.
        registry: Classes by name.
        name: The one wanted.
        options: Keyword arguments of its constructor.

    Returns:
        The object.

    Raises:
        ValueError: Unknown name, or options that the constructor does not have.
    """
    if name not in registry:
        raise ValueError(f"unknown {kind} {name!r}: expected one of {', '.join(sorted(registry))}")
    accepted = inspect.signature(registry[name]).parameters
    unknown = sorted(set(options) - set(accepted))
    if unknown:
        raise ValueError(
            f"{kind} {name!r}: unknown options {', '.join(unknown)}; "
            f"expected some of {', '.join(accepted) or '(none)'}"
        )
    return registry[name](**options)
