"""Physical systems, one module each, found by the name of the module.

A system module has `Options`, the section of its physics and grid, and `System`, the class that
draws and solves its trajectories. Both are light: solvers are imported when they are needed. A new
file here is a new system: nothing else changes.
"""

from __future__ import annotations

from wdno.registry import Registry

REGISTRY = Registry("system", __name__, "System")
