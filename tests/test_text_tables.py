from __future__ import annotations

import math

import pandas as pd
import pytest

from wdno.text_tables import count, number, tex, with_spread


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


def test_digits():
    assert number(0.0093149, 2) == "0.0093"
    assert number(1.4e-4, 5) == "1.4000e-4"
    assert with_spread(0.00931, 0.00042, 2) == "0.0093 ± 0.0004"
    assert with_spread(1.4e-4, 1.2e-5, 4) == "(1.400 ± 0.120)e-4"
