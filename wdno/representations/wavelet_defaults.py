"""Which wavelet, and which extension at the ends of each axis, where it is not said.

Without torch, so that a configuration is checked without loading it.
"""

from __future__ import annotations

from collections.abc import Sequence

DEFAULTS = {2: ("bior2.4", "periodization"), 3: ("bior1.3", "zero")}
"""Family and mode by the number of axes, the choices of arXiv 2412.04833."""


def resolve(
    family: str | None,
    mode: str | Sequence[str] | None,
    dims: int,
    periodic: Sequence[bool] | None = None,
) -> tuple[str, tuple[str, ...]]:
    """Return the family, and the mode of each axis.

    On an axis that is periodic the transform wraps around whatever ``mode`` says: there the mode is
    "periodization".

    Args:
        family: Discrete wavelet; None for that of :data:`DEFAULTS`.
        mode: One for all axes, one per axis (time first), or None for that of :data:`DEFAULTS`.
        dims: Number of axes, time included.
        periodic: Whether each spatial axis is periodic; None if none is.

    Raises:
        ValueError: If there is not one mode for each axis, or one entry of ``periodic`` for each
            spatial one.
    """
    chosen = mode or DEFAULTS[dims][1]
    modes = (chosen,) * dims if isinstance(chosen, str) else tuple(chosen)
    if len(modes) != dims:
        raise ValueError(f"wavelet mode: expected one mode or {dims} (one per axis), got {mode!r}")
    wraps = (False,) * (dims - 1) if periodic is None else tuple(periodic)
    if len(wraps) != dims - 1:
        raise ValueError(
            f"wavelet: expected 'periodic' for each of {dims - 1} spatial axes, got {periodic!r}"
        )
    return family or DEFAULTS[dims][0], tuple(
        "periodization" if wrap else name for wrap, name in zip((False, *wraps), modes, strict=True)
    )
