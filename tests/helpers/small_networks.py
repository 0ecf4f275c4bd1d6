"""Small networks of each kind, for tests that hold for all of them."""

from __future__ import annotations

import torch
from torch import nn

from wdno.networks import REGISTRY

CHANNELS = {"in_channels": 3, "out_channels": 2}
UNET = {"width": 8, "multipliers": (1, 2, 2), "blocks": 1, "heads": 2, "head_dim": 4}
FNO = {"modes": 4, "width": 6, "layers": 2}
WNO = {"family": "db2", "levels": 1, "width": 6, "layers": 2}
FFNO = {"modes": 3, "width": 6, "layers": 2}
OFORMER = {"width": 24, "latent": 32, "heads": 2, "layers": 2, "resolution": 16}
MWT = {"order": 2, "width": 3, "modes": 3, "layers": 2}
TRANSOLVER = {"width": 12, "heads": 2, "layers": 2, "slices": 5, "references": 2}
CNN = {"width": 8}
CNO = {"width": 8, "levels": 2, "blocks": 1, "middle_blocks": 1, "latent": 8}
MGNO = {"width": 6, "layers": 2, "smoothings": (2, 1)}
UNO = {"modes": 4, "width": 6, "levels": 1}
CODANO = {"modes": 4, "width": 6, "layers": 2, "heads": 2, "encoding": 3, "encoding_modes": 2}
SMALL = {
    "unet": UNET,
    "fno": FNO,
    "wno": WNO,
    "ffno": FFNO,
    "oformer": OFORMER,
    "mwt": MWT,
    "transolver": TRANSOLVER,
    "cnn": CNN,
    "cno": CNO,
    "mgno": MGNO,
    "uno": UNO,
    "codano": CODANO,
}
NAMES = sorted(SMALL)
GRIDS = {1: (12,), 2: (8, 12), 3: (4, 8, 8)}
ON_ONE_GRID = {"wno", "cnn"}
"""Those whose weights fit the grid that they are built for."""
BATCH = (4, 6)
"""Grid of a batch that is learnt by heart."""
WIDER = {
    "unet": {"width": 16},
    "fno": {"width": 32, "layers": 4, "domain_padding": 0.0},
    "wno": {"width": 24},
    "ffno": {"width": 32, "layers": 4, "modes": (3, 4), "domain_padding": 0.0},
    "oformer": {"width": 48, "latent": 64, "resolution": 64, "frequency": 2.0},
    "mwt": {"width": 4, "order": 3},
    "transolver": {"width": 24, "slices": 16, "expansion": 2},
    "cnn": {"width": 16},
    "cno": {"width": 16, "latent": 16},
    "mgno": {"width": 24},
    "uno": {"width": 24, "domain_padding": 0.0},
    "codano": {"width": 12, "encoding": 8, "domain_padding": 0.0},
}
"""Options of those with room for that, beside those of small ones."""


def options(name: str, dims: int = 2, grid: tuple[int, ...] | None = None) -> dict:
    """Options of a small network, for a grid if it needs one."""
    return SMALL[name] | ({"grid": grid or GRIDS[dims]} if name in ON_ONE_GRID else {})


def make(
    name: str,
    dims: int = 2,
    *,
    grid: tuple[int, ...] | None = None,
    timed: bool = True,
    seed: int = 0,
    **others,
) -> nn.Module:
    """A small network whose layers that start at zero do not: its output depends on everything."""
    torch.manual_seed(seed)
    given = {"padding": ("zeros",) * dims} | CHANNELS | options(name, dims, grid) | others
    network = REGISTRY.build(name, dims=dims, time_conditioned=timed, **given)
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1)
    return network


def call(network: nn.Module, grid: tuple[int, ...], *, batch: int = 2, timed: bool = True):
    """Output for random input."""
    generator = torch.Generator().manual_seed(1)
    dtype = next(network.parameters()).dtype
    x = torch.randn(batch, 3, *grid, generator=generator, dtype=dtype)
    return network(x, torch.linspace(0.1, 0.9, batch, dtype=dtype) if timed else None)


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    """Relative error of a to b."""
    return ((a - b).norm() / b.norm()).item()


def count(network: nn.Module) -> int:
    """Number of parameters."""
    return sum(p.numel() for p in network.parameters())


def descend(
    network: nn.Module, target: torch.Tensor, *inputs: torch.Tensor, steps: int, share: float
) -> list[float]:
    """Losses of steps with Adam, until one is below a share of the first."""
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3, fused=True)
    losses: list[float] = []
    for _ in range(steps):
        loss = nn.functional.mse_loss(network(*inputs), target)
        losses.append(loss.item())
        if losses[-1] < share * losses[0]:
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses
