"""How well stored data reproduce themselves: re-solving (u0, f) of the data set, against its u.

A trajectory is drawn with 1280 forcing intervals; what is stored of the forcing on a coarser grid
decides whether the stored state still solves the equation with the stored forcing. Prints a table
of the mean squared error of the re-solved trajectories for both kinds of storage.

    python benchmarks/stored_forcing.py --samples 32
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from wdno.systems.burgers import BurgersGridOptions, Options, System

GRIDS = ((80, 120), (40, 60), (32, 48))


def reproduction_error(storage: str, grid: tuple[int, int], samples: int) -> float:
    """Return the MSE of re-solved trajectories, without the initial frame.

    Args:
        storage: ``interval_mean`` or ``left_sample``.
        grid: stored intervals and points.
        samples: number of test samples.
    """
    time, x = grid
    system = System(Options(grid=BurgersGridOptions(time=time, x=x), storage=storage))  # type: ignore[arg-type]
    stored = system.generate(system.sample_seeds("test", range(samples)), threads=2)
    again = np.asarray(system.solve(stored["u"][:, 0], stored["f"], threads=2))
    return float(np.mean((again[:, 1:] - stored["u"][:, 1:]) ** 2))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=32, help="test samples")
    samples = parser.parse_args().samples
    rows = [
        {"grid": f"{grid[0]} x {grid[1]}"}
        | {
            storage: reproduction_error(storage, grid, samples)
            for storage in ("interval_mean", "left_sample")
        }
        for grid in GRIDS
    ]
    print(pd.DataFrame(rows).to_markdown(index=False, floatfmt=".2g"))


if __name__ == "__main__":
    main()
