r"""A synthetic record for machines that have neither the sample nor a network.

Hourly temperature on the grid and at the times of the sample: March 2019, 33 x 49 points of 0.25
degrees. It is drawn from a stated model, with a fixed seed, and is no measurement of anything:

$$ T(t, y, x) = M(y, x) + A(y, x) (1 + q(t)) c(t) + s(y, x) g(t, y, x). $$

- $L$ in [0, 1], how much land: a Gaussian random field, squashed by a logistic function.
- $M = 280.8 - 0.35 (\phi - 54) - 1.2 (L - \bar L) + 0.5 r$ K at latitude $\phi$; r a Gaussian
  random field: colder in the north, inland and on hills.
- $c(t) = \cos(2 \pi (h - 14.5) / 24) + 0.2 \cos(4 \pi (h - 14.5) / 24)$, h the hour of the day:
  warmest at half past two. $A = 0.15 + 2.4 L$ K, its amplitude; q, an Ornstein-Uhlenbeck process
  (deviation 0.4, memory 48 h), makes days clear or dull.
- g, weather: a Gaussian random field of variance 1 on a periodic domain of twice the size, with the
  spectrum $(1 + |\ell k|^2)^{-2}$, carried by a wind and forgotten at the rate 1 / tau, that is an
  Ornstein-Uhlenbeck process for each Fourier mode k,
  $d g_k = -(1 / \tau + i k \cdot U(t)) g_k dt + noise$, stepped exactly. The wind U(t) is constant
  over the domain: 6 m/s from the west on the mean, with an Ornstein-Uhlenbeck process (3 m/s, 36 h)
  in both components. $s = 1.2 + 1.3 L$ K.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

TITLE = "ERA5 stand-in (synthetic)"
SOURCE = "synthetic: a stochastic model, wdno.archives.stand_in; no real data"
SEED = 14
"""One whose record comes near the sample's mean, spread and scores of trivial predictors."""

LATITUDES = np.linspace(50.0, 58.0, 33)
LONGITUDES = np.linspace(-10.0, 2.0, 49)
HOURS = 744
DOMAIN = (66, 98)
"""Points of the periodic domain of the weather, twice the grid."""

SPACING = (27.8, 16.3)
"""Kilometres between points, to the north and to the east at 54 N."""

LENGTH = 320.0
"""Length l of the weather, km."""

MEMORY = 36.0
"""Memory tau of the weather, hours."""

WIND, GUSTS, WIND_MEMORY = (0.0, 6.0), 3.0, 36.0
"""Mean and deviation of the wind to the north and to the east, m/s, and its memory in hours."""

Array = NDArray[np.float64]


def make(seed: int = SEED) -> xr.DataArray:
    """Draw the record.

    Args:
        seed: Seed of all its randomness.

    Returns:
        `t2m` `[744, 33, 49]` in K, with the coordinates `time`, `latitude`, `longitude`.
    """
    rng = np.random.default_rng(seed)
    land = 1 / (1 + np.exp(-6 * _smooth(rng, length=120.0)))
    north = (LATITUDES - 54.0)[:, None]
    mean = 280.8 - 0.35 * north - 1.2 * (land - land.mean()) + 0.5 * _smooth(rng, length=60.0)
    angle = 2 * np.pi * (np.arange(HOURS) % 24 - 14.5) / 24
    cycle = np.cos(angle) + 0.2 * np.cos(2 * angle)
    clear = 1 + 0.4 * _ornstein_uhlenbeck(rng, memory=48.0)
    daily = (0.15 + 2.4 * land) * (clear * cycle)[:, None, None]
    temperature = mean + daily + (1.2 + 1.3 * land) * _weather(rng)
    times = np.datetime64("2019-03-01T00", "ns") + np.arange(HOURS) * np.timedelta64(1, "h")
    return xr.DataArray(
        temperature.astype(np.float32),
        coords={"time": times, "latitude": LATITUDES, "longitude": LONGITUDES},
        dims=("time", "latitude", "longitude"),
        name="t2m",
        attrs={"units": "K", "long_name": "2 m temperature"},
    )


def _weather(rng: np.random.Generator) -> Array:
    """The anomalies g `[time, latitude, longitude]`, variance 1."""
    k_north, k_east, spread = _modes(LENGTH)
    keep = np.exp(-1 / MEMORY)
    wind = [3.6 * (mean + GUSTS * _ornstein_uhlenbeck(rng, memory=WIND_MEMORY)) for mean in WIND]
    modes = spread * _white(rng)
    fields = np.empty((HOURS, LATITUDES.size, LONGITUDES.size))
    for hour in range(HOURS):
        fields[hour] = _on_grid(modes)
        moved = np.exp(-1j * (k_north * wind[0][hour] + k_east * wind[1][hour]))
        modes = keep * moved * modes + np.sqrt(1 - keep**2) * spread * _white(rng)
    return fields


def _smooth(rng: np.random.Generator, length: float) -> Array:
    """A Gaussian random field of variance 1 and a length in km, on the grid."""
    return _on_grid(_modes(length)[2] * _white(rng))


def _modes(length: float) -> tuple[Array, Array, Array]:
    """Wave numbers to the north and to the east, 1/km, and the deviation of each mode."""
    k_north: Array = 2 * np.pi * np.fft.fftfreq(DOMAIN[0], SPACING[0]).astype(float)[:, None]
    k_east: Array = 2 * np.pi * np.fft.rfftfreq(DOMAIN[1], SPACING[1]).astype(float)[None, :]
    variance = (1 + length**2 * (k_north**2 + k_east**2)) ** -2.0
    # Modes of the half spectrum stand for two, but for the first and the last.
    twice = np.full(k_east.size, 2.0)
    twice[[0, -1]] = 1.0
    spread: Array = np.sqrt(variance / (variance * twice).sum())
    return k_north, k_east, spread


def _white(rng: np.random.Generator) -> NDArray[np.complex128]:
    """The Fourier modes of white noise of variance 1, those of a real field."""
    modes: NDArray[np.complex128] = np.fft.rfft2(rng.normal(size=DOMAIN), norm="ortho")
    return modes


def _on_grid(modes: NDArray[np.complex128]) -> Array:
    """The field of Fourier modes on the grid."""
    field: Array = np.fft.irfft2(modes, s=DOMAIN, norm="forward")
    return field[: LATITUDES.size, : LONGITUDES.size]


def _ornstein_uhlenbeck(rng: np.random.Generator, memory: float) -> Array:
    """A stationary process of variance 1 with a memory in hours, `[time]`."""
    keep = np.exp(-1 / memory)
    noise = rng.normal(size=HOURS)
    values = np.empty(HOURS)
    values[0] = noise[0]
    for hour in range(1, HOURS):
        values[hour] = keep * values[hour - 1] + np.sqrt(1 - keep**2) * noise[hour]
    return values
