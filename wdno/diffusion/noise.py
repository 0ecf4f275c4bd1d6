"""Standard normal noise that is the same on every device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from wdno.draws import normal


def gaussian_noise(
    shape: Sequence[int],
    generator: torch.Generator | Sequence[torch.Generator],
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Standard normal noise, drawn on the CPU so that every device gets the same values.

    Args:
        shape: `[batch, ...]`.
        generator: One CPU generator for the batch, or one per sample: then a sample's noise does
            not depend on the batch that it is in.
        device: Where the noise is put.
        dtype: Its dtype, in which it is also drawn.

    Returns:
        Noise of that shape.

    Raises:
        ValueError: A generator is not on the CPU, or there is not one per sample.
    """
    if isinstance(generator, torch.Generator):
        require_cpu(generator)
        return normal(shape, generator, dtype).to(device)
    if len(generator) != shape[0]:
        raise ValueError(
            f"gaussian_noise: expected one generator per sample, shape {tuple(shape)} has "
            f"{shape[0]}, got {len(generator)} generators"
        )
    rows = [gaussian_noise(shape[1:], each, "cpu", dtype) for each in generator]
    return torch.stack(rows).to(device)


def require_cpu(generator: torch.Generator) -> None:
    """Raise ValueError if a generator is not on the CPU."""
    if generator.device.type != "cpu":
        raise ValueError(
            "diffusion: expected a CPU generator, so that results do not depend on the device, "
            f"got one on {generator.device}; make it with torch.Generator()"
        )
