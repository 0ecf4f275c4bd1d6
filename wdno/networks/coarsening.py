"""How many wavelet coefficients an axis has from level to level. Without torch."""

from __future__ import annotations

import pywt


def sizes(size: int, family: str, mode: str, levels: int) -> list[int]:
    """Return the samples of an axis, then the coefficients of each level's approximation."""
    length, found = pywt.Wavelet(family).dec_len, [size]
    for _ in range(levels):
        found.append(int(pywt.dwt_coeff_len(found[-1], length, mode)))
    return found


def too_many(size: int, family: str, mode: str, levels: int) -> str | None:
    """Say that an axis cannot be coarsened so often; None if each level is coarser than the last.

    With every mode but periodization an axis as long as the filters, less one, stays as it is.
    """
    found = sizes(size, family, mode, levels)
    possible = next((k for k in range(levels) if found[k + 1] >= found[k]), levels)
    if possible == levels:
        return None
    return (
        f"levels = {levels}: an axis of {size} points gets no coarser than {found[possible]} "
        f"coefficients, after {possible} levels of {family!r} with mode {mode!r}; use at most "
        f"{possible}, or a larger grid"
    )


def refined(size: int, built: int, family: str, mode: str, levels: int) -> int | None:
    """Return the levels that an axis needs for as many coefficients as one that is coarser has.

    Args:
        size: samples of the axis.
        built: samples of the coarser one, or as many.
        family: wavelet.
        mode: extension at the ends.
        levels: levels of the coarser axis.

    Returns:
        The number of levels, one more for each doubling; None if the axis is not the other one
        doubled a number of times, or has another number of coefficients.
    """
    doublings = 0
    while built << (doublings + 1) <= size:
        doublings += 1
    if size != built << doublings:
        return None
    coarsest = sizes(built, family, mode, levels)[-1]
    more = levels + doublings
    return more if sizes(size, family, mode, more)[-1] == coarsest else None
