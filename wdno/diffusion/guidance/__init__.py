"""Guidance: what draws samples towards low J; see `base`.

Each module that has a class under the name ``Guidance``, with its options in
``options/<name>.py``, is a guidance; a new pair of files is a new choice. `project`, `reweight`
and `late` change a denoiser without an energy, and are combined with a guidance by the caller:
first the estimate is projected, then guided.
"""

from __future__ import annotations

from wdno.registry import Registry

REGISTRY = Registry("guidance", __name__, "Guidance", f"{__name__}.options")
