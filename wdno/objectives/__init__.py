"""Objectives: how a network is trained, and how a prediction is drawn from it.

Each module that has a class under the name ``Objective``, with its options in
``options/<name>.py``, is an objective; a new pair of files is a new choice. Any of them can be made
to go from frame to frame, see :mod:`wdno.objectives.stepping`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from wdno.registry import Registry

if TYPE_CHECKING:
    from wdno.objectives.stepping import Stepping

REGISTRY = Registry("objective", "wdno.objectives", "Objective", "wdno.objectives.options")


def load_stepping() -> type[Stepping]:
    """Import what makes an objective go from frame to frame; as a piece, only when asked for."""
    loaded: type[Stepping] = importlib.import_module(f"{__name__}.stepping").Stepping
    return loaded
