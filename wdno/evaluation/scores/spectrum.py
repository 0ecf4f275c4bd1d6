r"""Energy spectra over space, and a distance between them.

The mean square of a field splits over wavenumbers, $\langle u^2 \rangle = \sum_k E(k)$ (Parseval):
with the discrete Fourier transform along periodic axes, and along the others with the cosine
transform (DCT-II), whose even extension has no jump at the ends that would hide the small scales
under a $k^{-2}$ tail. The wavenumber $k$ counts cycles per length of the domain, radially for
several axes, in shells of width one; corners beyond the shortest axis' Nyquist wavenumber are left
out.

The distance of two spectra is

$$ d = \frac1K \sum_{k=1}^{K} \left\lvert \log_{10}
       \frac{E_x(k) + \delta}{E_y(k) + \delta} \right\rvert, \qquad
   \delta = 10^{-6} \sum_{k \ge 1} E_y(k), $$

in decades, of spectra averaged over time: 0 for equal spectra, about 0.3 where all scales carry
twice the energy. The mean $k = 0$ is left out; the floor $\delta$ keeps round-off, and scales
without a visible share of the energy (amplitudes below a thousandth), from deciding it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from wdno.evaluation.metric import Metric

SPECTRUM_ERROR = Metric(
    "spectrum_error",
    "Spectrum error",
    "decades",
    note="Spectrum error: mean distance of the spatial energy spectra of prediction and truth, in "
    "decades (0.3: a factor of two at every scale).",
)

FLOOR = 1e-6
"""Energy below this share of the truth's fluctuations is not told from none."""


def energy_spectrum(
    fields: NDArray[np.floating], periodic: Sequence[bool]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Energy spectrum over space, averaged over time.

    Args:
        fields: `[..., T, *S]`, as many space axes as `periodic` has entries.
        periodic: for each space axis whether the domain is periodic.

    Returns:
        Wavenumbers `[K]` in cycles per length of the domain, from 0, and energies `[..., K]`.

    Raises:
        ValueError: there are fewer axes than time and those of space.
    """
    axes = len(periodic)
    if axes < 1 or fields.ndim < axes + 1:
        raise ValueError(
            f"energy_spectrum: expected [..., time, *space] with {axes} periodic flags for as many "
            f"space axes, got shape {fields.shape}"
        )
    space = fields.shape[-axes:]
    coefficients: NDArray[np.complexfloating] | NDArray[np.floating] = fields
    squares = np.zeros(space)
    nyquist = []
    for axis, (size, wraps) in enumerate(zip(space, periodic, strict=True)):
        position = axis - axes
        if wraps:
            coefficients = fft.fft(coefficients, axis=position, norm="forward")
            wavenumber = np.abs(fft.fftfreq(size, 1.0 / size))
        else:
            coefficients = fft.dct(coefficients, axis=position, norm="ortho") / np.sqrt(size)
            wavenumber = np.arange(size) / 2.0
        squares = squares + (wavenumber**2).reshape([-1 if i == axis else 1 for i in range(axes)])
        nyquist.append(int(np.floor(wavenumber.max() + 0.5)))
    shell = np.floor(np.sqrt(squares) + 0.5).astype(int).reshape(-1)
    shells = np.arange(min(nyquist) + 1)
    energy = (np.abs(coefficients) ** 2).mean(axis=-axes - 1)
    sums = energy.reshape(*energy.shape[:-axes], -1) @ (shell[:, None] == shells).astype(float)
    return shells.astype(np.float64), sums


def spectrum_distance(
    truth: NDArray[np.float64], prediction: NDArray[np.float64], above: int = 0
) -> NDArray[np.float64]:
    """Mean absolute log10 ratio of two spectra, `[...]`, in decades.

    Args:
        truth: energies `[..., K]`, the first of wavenumber 0.
        prediction: energies `[..., K]`; leading axes broadcast against the truth's.
        above: compare the wavenumbers above this one; the floor is that of all.

    Returns:
        NaN where the truth has no fluctuations at all (its energy beyond wavenumber 0 is zero).
    """
    y, x = np.broadcast_arrays(truth[..., 1:], prediction[..., 1:])
    floor = FLOOR * y.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(np.log10((x + floor) / (y + floor)))[..., above:].mean(axis=-1)
    return np.where(floor[..., 0] > 0, distance, np.nan)
