from __future__ import annotations

import math

import pandas as pd
import pytest

from wdno.evaluation.tables.labels import sampler_label
from wdno.evaluation.tables.text import count, number, tex, with_spread
from wdno.tasks.simulation import published


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0093149, "0.00931"),
        (0.00014, "1.40e-4"),
        (12.8329, "12.8"),
        (0.99996, "1.00"),
        (140703, "140703"),
        (2.5e7, "2.50e7"),
        (-0.5, "-0.500"),
        (0.0, "0"),
        (math.nan, "–"),
        (None, "–"),
        (math.inf, "inf"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (0.00931, 0.00042, "0.00931 ± 0.00042"),
        (1.4e-4, 1.2e-5, "(1.40 ± 0.12)e-4"),
        (0.5, 1e-7, "0.500 ± 1e-7"),
        (0.5, 12.34, "0.500 ± 12.340"),
        (0.5, 0.0, "0.500 ± 0.000"),
        (0.5, math.nan, "0.500"),
        (math.nan, math.nan, "–"),
    ],
)
def test_with_spread(mean, sd, text):
    assert with_spread(mean, sd) == text


def test_count():
    found = [count(value) for value in (None, math.nan, pd.NA, 0, 4096, 521300, 140_748_553)]
    assert found == ["–", "–", "–", "0", "4096", "521.3 k", "140.7 M"]


def test_tex():
    assert tex("(1.40 ± 0.12)e-4") == r"(1.40 $\pm$ 0.12)$\times 10^{-4}$"
    assert tex(r"a_b \ 5% {x}") == r"a\_b \textbackslash{} 5\% \{x\}"
    assert tex("one-eye DDIM 10, eta 0") == "one-eye DDIM 10, eta 0"


@pytest.mark.parametrize(
    ("sampler", "samples", "text"),
    [
        (None, 1, "–"),
        ({"name": "ddim", "steps": 50, "eta": 1.0}, 1, "DDIM 50, eta 1"),
        ({"name": "ddim", "steps": 50}, 1, "DDIM 50, eta 0"),
        ({"name": "ddpm", "steps": 1000, "eta": None}, 8, "DDPM 1000, 8 samples"),
        ({"name": "dpmpp_2m", "eta": math.nan}, 1, "DPM-Solver++(2M)"),
        ({"name": "ddpm", "steps": 9, "spacing": "log_snr"}, 1, "DDPM 9, log_snr steps"),
    ],
)
def test_sampler_label(sampler, samples, text):
    assert sampler_label(sampler, samples) == text


def test_published_values():
    values = published.simulation()
    assert values["burgers", "wdno"] == {"mse": 1.4e-4}
    assert values["era5", published.key("U-Net")] == {"mse": 15.51342}
    assert ("burgers", "unet") not in values
    assert values["compressible_ns", "wdno"] == {"mse": 0.2195, "mae": 0.1049, "max_error": 13.0626}
    assert values["compressible_ns", published.key("Diffusion + FFT")]["mae"] == 0.8498
    assert "max_error" not in values["compressible_ns", "ddpm"]
    further = set(published.read("compressible_ns.csv")["method"])
    table = published.read("simulation.csv").set_index("method")
    assert table["era5"].notna().sum() == 6
    smoke = set(published.read("smoke.csv")["method"])
    expected = table.notna().sum().sum() + len(further - set(table.index)) + len(smoke)
    assert len(values) == expected
    # What stands in both tables of the paper agrees.
    both = published.read("compressible_ns.csv").set_index("method")["mse"]
    known = table["compressible_ns"].dropna()
    assert both[known.index].tolist() == known.tolist()
