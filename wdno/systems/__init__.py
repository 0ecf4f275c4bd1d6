"""Physical systems, one module each, found by the name of the module.

A system module exposes `Options`, the pydantic model of its physics and grid, and `System`, the
class that draws and solves its trajectories. A new file here is a new system: nothing else changes.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

_NOT_SYSTEMS = frozenset({"base"})


class UnknownSystemError(ValueError):
    """A system that has no module here."""


def available() -> list[str]:
    """Return the names of all systems, sorted."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name for name in names if name not in _NOT_SYSTEMS and not name.startswith("_"))


def load(name: str) -> ModuleType:
    """Import the module of a system.

    Args:
        name: Name of the system, one of `available()`.

    Returns:
        The module, with its `Options` and `System`.

    Raises:
        UnknownSystemError: If there is no such system.
    """
    known = available()
    if name not in known:
        raise UnknownSystemError(
            f"system {name!r} does not exist: expected one of {', '.join(known)}; "
            "a new system is a module wdno/systems/<name>.py with `Options` and `System`"
        )
    module = importlib.import_module(f"{__name__}.{name}")
    missing = [part for part in ("Options", "System") if not hasattr(module, part)]
    if missing:
        raise TypeError(
            f"module {module.__name__} lacks {' and '.join(missing)}, which every system exposes"
        )
    return module
