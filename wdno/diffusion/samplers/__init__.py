"""Samplers: from noise to data along a falling grid of times; see `base`.

Each module that has a class under the name ``Rule``, with its options in ``options/<name>.py``, is
a sampler; a new pair of files is a new choice.
"""

from __future__ import annotations

from wdno.registry import Registry

REGISTRY = Registry("sampler", "wdno.diffusion.samplers", "Rule", "wdno.diffusion.samplers.options")
