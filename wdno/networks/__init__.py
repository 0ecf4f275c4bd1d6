"""Networks: maps from tensor to tensor that know nothing of physics or of diffusion.

Each module that has a class under the name ``Network``, with its options in ``options/<name>.py``,
is a network; a new pair of files is a new choice.

Every network is a :class:`torch.nn.Module` made with the keywords ``in_channels``,
``out_channels``, ``dims``, ``time_conditioned`` and ``padding``, plus options of its own, and is
called as ``network(x, t)``: ``x`` is ``[B, in_channels, *grid]``, ``t`` is the diffusion time in
[0, 1], ``[B]``, or None for a network that is not time-conditioned; the result is ``[B,
out_channels, *grid]``. Its weights are drawn from PyTorch's global generator. One may also have
losses of its own, see :mod:`wdno.networks.auxiliary`.
"""

from __future__ import annotations

from wdno.registry import Registry

REGISTRY = Registry("network", "wdno.networks", "Network", "wdno.networks.options")
