"""Controllers: from cases to controls, a file each, found by name.

A controller is built with its options and a :class:`.base.Setting` (models, J, validation cases)
and is called with cases. Its options, in `options`, say which models and data it needs.
"""

from __future__ import annotations

from wdno.registry import Registry

REGISTRY = Registry("controller", __name__, "Controller", f"{__name__}.options")
