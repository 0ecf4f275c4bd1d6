"""Units as files write them, converted to those that are expected.

Units are read as the CF conventions and UDUNITS write them (`m s-1`), as ECMWF does (`m s**-1`,
`(0 - 1)`), or in words (`degrees Celsius`); the package pint knows what they are.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

WATER = 1000.0
"""Density, kg m-3, with which an amount of precipitation `kg m-2` is a depth."""

_SPELLINGS = {
    spelling: unit
    for unit, spellings in {
        # "C" and "F" would be coulomb and farad, "k" Boltzmann's constant, "pa" a picoyear.
        "degC": "c degc degreec degreesc celsius degcelsius degreecelsius degreescelsius",
        "degF": "f degf degreef degreesf fahrenheit degfahrenheit degreesfahrenheit",
        "kelvin": "k kelvin kelvins degk degkelvin degreeskelvin",
        "hPa": "hpa mb mbar mbars millibar millibars hectopascal hectopascals",
        "Pa": "pa pascal pascals",
        "kPa": "kpa",
        "knot": "kt kts knot knots",
        "percent": "% pct percent percentage",
        "": "1 (0-1) 0-1 [0-1] fraction (fraction) dimensionless unitless proportion ~",
    }.items()
    for spelling in spellings.split()
}
"""What pint takes for another unit, or does not know: without blanks, in lower case."""

_UNSTATED = frozenset({"", "unknown", "none", "n/a", "-", "?", "undefined"})


class UnitsError(ValueError):
    """Units that are not known, or are of another kind of quantity."""


def stated(text: object) -> bool:
    """Return whether the attribute `units` of a file says anything."""
    return str(text).strip().lower() not in _UNSTATED


def conversion(found: str, wanted: str) -> tuple[float, float]:
    """Return how values in one unit become values in another.

    Args:
        found: Units of the values.
        wanted: Units that they are to have.

    Returns:
        Factor and offset: `factor * value + offset` is in the units `wanted`.

    Raises:
        UnitsError: One of the units is not known, or they measure different quantities.
    """
    if _split(found) == _split(wanted):
        return 1.0, 0.0
    registry = _registry()
    (scale, source), (whole, target) = _parsed(found), _parsed(wanted)
    amount, depth = registry.Unit("kg/m**2"), registry.Unit("m")
    if (source.dimensionality, target.dimensionality) == (
        amount.dimensionality,
        depth.dimensionality,
    ):
        scale, source = scale / WATER, source / registry.Unit("kg/m**3")
    if source.dimensionality != target.dimensionality:
        raise UnitsError(
            f"{found!r} cannot be converted to {wanted!r}: they measure different quantities"
        )
    zero, one = (
        float(registry.Quantity(scale * value, source).to(target).magnitude) / whole
        for value in (0.0, 1.0)
    )
    return one - zero, zero


def _split(text: str) -> tuple[float, str]:
    """Return a factor before units, such as that of `0.1 mm`, and the units in one spelling.

    Exponents are written `s**-1`, factors apart by a blank.
    """
    text = re.sub(r"\s+of\s+water(\s+equivalent)?$", "", text.strip(), flags=re.IGNORECASE)
    if (known := _known(text)) is not None:
        return 1.0, known
    number = re.match(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?=[\s*])[\s*]*", text)
    factor = float(number[0].rstrip(" *")) if number else 1.0
    text = text[number.end() :] if number else text
    if (known := _known(text)) is not None:
        return factor, known
    text = re.sub(r"(?<=[A-Za-z])\s*(?:\*\*|\^)?\s*([+-]?\d+)", r"**\1", text)
    text = re.sub(r"(?<=[A-Za-z0-9])[.·](?=[A-Za-z])", " ", text).replace("%", "percent")
    return factor, " ".join(text.split())


def _known(text: str) -> str | None:
    return _SPELLINGS.get(re.sub(r"[\s_]+", "", text.lower().replace("°", "deg")))


def _parsed(text: str) -> tuple[float, Any]:
    """Return the factor before units, and the units."""
    registry = _registry()
    from pint import errors

    factor, units = _split(text)
    for spelling in (units, units.lower()):
        try:
            return factor, registry.parse_units(spelling)
        except errors.UndefinedUnitError:
            continue
        # Text that is no expression of units ends in whatever its tokens lead to.
        except Exception as error:
            raise UnitsError(f"{text!r} cannot be read as units ({error})") from error
    raise UnitsError(f"{text!r} are not known units")


@cache
def _registry() -> Any:
    try:
        import pint
    except ImportError as error:
        raise UnitsError(
            f"the package pint is missing ({error}), which knows units: pip install pint"
        ) from error
    return pint.UnitRegistry()
