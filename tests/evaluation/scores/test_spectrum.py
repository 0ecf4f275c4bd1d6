"""Energy spectra of waves whose spectra are known."""

from __future__ import annotations

import numpy as np
import pytest

from wdno.evaluation.scores.spectrum import FLOOR, energy_spectrum, spectrum_distance


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("size", [16, 17])
def test_spectrum_of_one_wave(periodic, size):
    cells = np.arange(size) if periodic else np.arange(size) + 0.5
    wave = 3.0 + 2.0 * np.cos(2 * np.pi * 3 * cells / size)
    wavenumber, energy = energy_spectrum(np.stack([wave, wave])[None], [periodic])
    expected = np.where(wavenumber == 0, 9.0, np.where(wavenumber == 3, 2.0, 0.0))
    assert energy[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("periodic", [(True, True), (False, True), (False, False)])
def test_spectrum_in_two_dimensions_is_radial(periodic):
    y, x = np.meshgrid(np.arange(12), np.arange(20), indexing="ij")
    y, x = (y + 0.5 * (not periodic[0])) / 12, (x + 0.5 * (not periodic[1])) / 20
    wave = np.cos(2 * np.pi * 3 * y) * np.cos(2 * np.pi * 4 * x)
    wavenumber, energy = energy_spectrum(wave[None], periodic)
    assert len(wavenumber) == 7, f"Nyquist of the shorter axis is 6, got {wavenumber}"
    assert energy == pytest.approx(np.where(wavenumber == 5, 0.25, 0.0), abs=1e-12)


@pytest.mark.parametrize("periodic", [True, False])
def test_spectrum_sums_to_the_mean_square(periodic):
    fields = np.random.default_rng(0).standard_normal((2, 3, 5, 24))
    total = energy_spectrum(fields, [periodic])[1].sum(axis=-1)
    assert total == pytest.approx((fields**2).mean(axis=(-1, -2)), rel=1e-12)


def test_spectrum_of_a_ramp_has_no_tail_of_a_jump():
    ramp = np.linspace(0, 1, 64)[None]
    tails = {wraps: energy_spectrum(ramp, [wraps])[1][20] for wraps in (True, False)}
    assert tails[False] < 1e-2 * tails[True], f"energy at k = 20 of a ramp: {tails}"


def test_spectrum_distance():
    energy = np.array([5.0, 1.0, 1.0, 0.1])
    assert spectrum_distance(energy, energy) == 0
    assert spectrum_distance(energy, 100 * energy) == pytest.approx(2.0, abs=1e-4)
    assert spectrum_distance(energy, energy + np.eye(4)[0]) == 0, "the mean must not enter"
    faint = np.array([5.0, 1.0, 1e-12, 1e-12])
    decades = spectrum_distance(faint, np.array([5.0, 1.0, 1e-9, 0.0]))
    assert decades < FLOOR * 1e4, f"energies below the floor must not count, got {decades}"
    assert np.isnan(spectrum_distance(np.array([5.0, 0.0, 0.0]), np.array([5.0, 1.0, 1.0])))
