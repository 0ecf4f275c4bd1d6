"""What papers report."""

from __future__ import annotations

from wdno.tasks.simulation import published


def test_published_values() -> None:
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
