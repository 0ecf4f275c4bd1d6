"""Time of a training step of the networks: forward, mean squared error, backward.

    python benchmarks/networks.py [--runs 15] [--threads 1] [--device cpu] [--only unet]

prints one line per case: parameters, and the median over the runs in milliseconds; the optimiser is
not in it. The cases are interleaved, so that a busy machine slows all of them alike. On a CPU with
one thread it is the time of the process, which other work disturbs less; otherwise the time on the
clock.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from wdno.networks import REGISTRY

SMALL: dict[str, Any] = {"width": 16, "multipliers": (1, 2, 4)}
SMALL_CNO = {"width": 16, "levels": 3, "blocks": 1, "middle_blocks": 1, "latent": 16}
# Network, options, channels in and out, batch, grid.
CASES: list[tuple[str, dict[str, Any], int, int, tuple[int, ...], int]] = [
    ("unet", SMALL | {"blocks": 1}, 8, 4, (16, 24), 16),
    ("unet", SMALL | {"blocks": (0, 1, 1)}, 8, 4, (16, 24), 16),
    ("unet", SMALL | {"blocks": 1, "attention": "none"}, 8, 4, (16, 24), 16),
    ("unet", SMALL | {"blocks": 2}, 8, 4, (16, 24), 16),
    ("unet", SMALL | {"blocks": 1, "width": 32}, 8, 4, (16, 24), 16),
    ("unet", SMALL | {"blocks": 1}, 3, 1, (32, 48), 16),
    ("unet", SMALL | {"blocks": 1}, 24, 16, (8, 16, 16), 4),
    ("fno", {"modes": 12, "width": 24, "layers": 4}, 3, 1, (32, 48), 16),
    ("fno", {"modes": 8, "width": 16, "layers": 4}, 6, 3, (16, 32, 32), 4),
    # As in config/networks.yaml.
    ("ffno", {"modes": 12, "width": 24, "layers": 8}, 3, 1, (32, 48), 16),
    ("oformer", {"width": 32, "latent": 32, "heads": 2, "layers": 4}, 3, 1, (32, 48), 16),
    ("transolver", {"width": 32, "heads": 4, "layers": 4, "slices": 32}, 3, 1, (32, 48), 16),
    ("mwt", {"order": 3, "width": 3, "modes": 8}, 3, 1, (32, 48), 16),
    ("wno", {"grid": (32, 48), "levels": 3, "width": 24}, 3, 1, (32, 48), 16),
    ("wno", {"grid": (32, 48), "time": "channels"}, 3, 1, (32, 48), 16),
    ("cno", SMALL_CNO, 3, 1, (32, 48), 16),
    ("mgno", {"width": 16, "layers": 3, "smoothings": (1, 1, 1, 2)}, 3, 1, (32, 48), 16),
    ("uno", {"modes": 12, "width": 16}, 3, 1, (32, 48), 16),
    ("fno", {"modes": 12, "width": 24, "factorization": "tucker"}, 3, 1, (32, 48), 16),
    ("codano", {"modes": 12, "width": 8, "layers": 2, "heads": 1}, 3, 1, (32, 48), 16),
    ("cnn", {"grid": (48,), "width": 16}, 2, 1, (48,), 256),
]


def stepper(
    name: str,
    options: dict[str, Any],
    inputs: int,
    outputs: int,
    grid: tuple[int, ...],
    batch: int,
    device: torch.device,
) -> tuple[Callable[[], None], int]:
    """A function that does a training step, and the number of parameters it trains."""
    network = REGISTRY.build(
        name,
        in_channels=inputs,
        out_channels=outputs,
        dims=len(grid),
        time_conditioned=True,
        **options,
    ).to(device)
    x = torch.randn(batch, inputs, *grid, device=device)
    y = torch.randn(batch, outputs, *grid, device=device)
    t = torch.rand(batch, device=device)

    def step() -> None:
        network.zero_grad(set_to_none=True)
        functional.mse_loss(network(x, t), y).backward()  # type: ignore[no-untyped-call]
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step, sum(p.numel() for p in network.parameters())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15, help="steps timed for each case")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", default="", help="name of the network to time")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    clock = time.process_time if args.threads == 1 and device.type == "cpu" else time.perf_counter
    cases = [case for case in CASES if args.only in ("", case[0])]
    steppers = [stepper(*case, device=device) for case in cases]
    times: list[list[float]] = [[] for _ in cases]
    for run in range(-3, args.runs):
        for (step, _), durations in zip(steppers, times, strict=True):
            start = clock()
            step()
            if run >= 0:
                durations.append(1e3 * (clock() - start))
    print(f"{'ms / step':>9}  {'parameters':>10}  {'grid':>14}  network")
    for case, (_, parameters), durations in zip(cases, steppers, times, strict=True):
        name, options, inputs, outputs, grid, batch = case
        shape = f"{batch} x {' x '.join(map(str, grid))}"
        settings = ", ".join(f"{key} {value}" for key, value in options.items())
        print(
            f"{statistics.median(durations):9.1f}  {parameters:10d}  {shape:>14}  "
            f"{name}, {inputs} -> {outputs} channels, {settings}"
        )


if __name__ == "__main__":
    main()
