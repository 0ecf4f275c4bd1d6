"""Our U-Net beside that of the program that was published with arXiv 2412.04833.

    python benchmarks/official.py PATH [--width 16] [--batch 16] [--runs 15] [--threads 1]

PATH is a checkout of https://github.com/AI4Science-WestlakeU/wdno, whose `burgers/ddpm_burgers`
holds the network; it needs the package einops. One line for each network: its parameters, and
medians over the runs of a training step (forward, mean squared error, backward, Adam) and of an
evaluation, in milliseconds, the step also as a ratio to that of the published program. All are run
in turn within each round, so that a busy machine slows all alike.

The published program fills the 41 x 60 coefficients of a trajectory up to 64 x 64; ours takes grids
of any size. So ours stands there twice: on 64 x 64, like for like, and on the grid that it sees.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from wdno.networks.unet import UNet

CHANNELS = 9
MULTIPLIERS = (1, 2, 4, 8)
PADDED, OWN = (64, 64), (40, 60)


@dataclass
class Case:
    """A network and what it is timed on.

    Attributes:
        name: of the row.
        network: called with an input and a diffusion time.
        x: input, [batch, 9, *grid].
        t: diffusion time, [batch].
    """

    name: str
    network: nn.Module
    x: Tensor
    t: Tensor

    def __post_init__(self) -> None:
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=1e-4)
        self.target = torch.randn_like(self.x)

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def step(self) -> None:
        """Do a training step."""
        self.optimiser.zero_grad()
        functional.mse_loss(self.network(self.x, self.t), self.target).backward()
        self.optimiser.step()

    def evaluate(self) -> None:
        """Evaluate the network, as a sampler does."""
        with torch.no_grad():
            self.network(self.x, self.t)


def published(path: Path, width: int) -> nn.Module:
    """Build the network of the published program.

    Args:
        path: a checkout of it.
        width: channels of the first level; it runs with 128 and one group in all normalisations.
    """
    folder = path / "burgers"
    if not (folder / "ddpm_burgers" / "unet.py").is_file():
        raise SystemExit(f"{path}: expected a checkout with burgers/ddpm_burgers/unet.py")
    sys.path.insert(0, str(folder))
    module = importlib.import_module("ddpm_burgers.unet")
    network: nn.Module = module.Unet2D(
        dim=width,
        dim_mults=MULTIPLIERS,
        channels=CHANNELS,
        out_dim=CHANNELS,
        resnet_block_groups=1,
    )
    return network


def ours(width: int, attention: str) -> nn.Module:
    """Build our network with as many levels and blocks."""
    return UNet(
        CHANNELS,
        CHANNELS,
        dims=2,
        time_conditioned=True,
        width=width,
        multipliers=MULTIPLIERS,
        blocks=2,
        attention=attention,  # type: ignore[arg-type]
        groups=1,
    )


def cases(options: argparse.Namespace) -> list[Case]:
    """Return the networks, that of the published program first."""
    width, device = options.width, torch.device(options.device)

    def case(name: str, network: nn.Module, grid: tuple[int, int], times: float) -> Case:
        x = torch.randn(options.batch, CHANNELS, *grid, device=device)
        t = times * torch.rand(options.batch, device=device)
        return Case(f"{name}, {grid[0]} x {grid[1]}", network.to(device), x, t)

    rows = [case("published", published(options.path, width), PADDED, 1000.0)]
    for attention in ("linear", "middle"):
        for grid in (PADDED, OWN):
            rows.append(case(f"ours, attention {attention}", ours(width, attention), grid, 1.0))
    if options.softmax:
        rows.append(case("ours, attention all", ours(width, "all"), OWN, 1.0))
    return rows


def milliseconds(run: Callable[[], None], device: torch.device) -> float:
    """Return how long one run takes."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    """Time all networks and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", type=Path, help="checkout of the published program")
    parser.add_argument("--width", type=int, default=16, help="channels of the first level")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--softmax", action="store_true", help="also full attention everywhere")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    rows = cases(options)
    device = torch.device(options.device)
    steps: dict[str, list[float]] = {row.name: [] for row in rows}
    evaluations: dict[str, list[float]] = {row.name: [] for row in rows}
    for number in range(options.runs + 1):
        for row in rows:
            found = milliseconds(row.step, device), milliseconds(row.evaluate, device)
            if number:  # the first round warms up
                steps[row.name].append(found[0])
                evaluations[row.name].append(found[1])
    first = statistics.median(steps[rows[0].name])
    print("| network | parameters | training step (ms) | ratio | evaluation (ms) |")
    print("|---|---|---|---|---|")
    for row in rows:
        step = statistics.median(steps[row.name])
        evaluation = statistics.median(evaluations[row.name])
        print(
            f"| {row.name} | {row.parameters:,} | {step:.0f} | {step / first:.2f} "
            f"| {evaluation:.0f} |"
        )


if __name__ == "__main__":
    main()
