"""Times of training: the noise levels that a batch is noised to."""

from __future__ import annotations

import torch
from torch import Tensor

from wdno.diffusion.noise import require_cpu
from wdno.draws import integers, uniform


def training_times(
    count: int,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
    steps: int | None = 1000,
) -> Tensor:
    """Times of a training batch, independent and uniform.

    Args:
        count: Number of times.
        generator: CPU generator, so that every device gets the same times.
        device: Where the times are put.
        steps: Draw from the grid k / steps, k = 1..steps, as the papers do; None draws from the
            whole of (0, 1].

    Returns:
        Times, `[count]`, float32.

    Raises:
        ValueError: `steps` is not positive, or the generator is not on the CPU.
    """
    require_cpu(generator)
    if steps is None:
        times = 1 - uniform((count,), generator)
    elif steps >= 1:
        times = integers(1, steps + 1, (count,), generator) / steps
    else:
        raise ValueError(f"training_times: expected steps >= 1 or None, got {steps}")
    return times.to(device)
