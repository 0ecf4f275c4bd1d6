"""Representations: invertible maps between fields on a grid and the channels a network sees.

Each module that has a class under the name ``Representation``, with its options in
``options/<name>.py``, is a representation; a new pair of files is a new choice. Every class takes
the keywords ``dims``, the number of axes, and ``periodic``, for each spatial axis whether it is.
"""

from __future__ import annotations

from wdno.registry import Registry

REGISTRY = Registry(
    "representation",
    "wdno.representations",
    "Representation",
    "wdno.representations.options",
)
