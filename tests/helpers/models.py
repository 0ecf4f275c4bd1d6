"""Small models on every axis."""

from __future__ import annotations

from typing import Any

import torch

from wdno.data.dataset import ProblemData, Trajectories
from wdno.model import Model
from wdno.tasks.simulation.problem import data as simulation

REPRESENTATIONS: list[dict[str, Any]] = [
    {"name": "identity"},
    {"name": "wavelet", "family": "bior2.4", "mode": "periodization"},
    {"name": "wavelet", "family": "bior1.3", "mode": "zero"},
]
NETWORKS: list[dict[str, Any]] = [
    {"name": "unet", "width": 8, "multipliers": [1, 2], "groups": 4, "attention": "none"},
    {"name": "fno", "modes": 4, "width": 8, "layers": 2},
]
OBJECTIVES: list[dict[str, Any]] = [
    {"name": "diffusion", "prediction": "v"},
    {"name": "regression"},
    {"name": "flow_matching"},
    {"name": "joint_diffusion", "prediction": "v"},
]
STEPPING: dict[str, Any] = {"name": "regression", "stepping": {"windows": 2}}
SAMPLING: dict[str, Any] = {
    "diffusion": {"name": "ddim", "steps": 2, "eta": 0.0},
    "regression": None,
    "flow_matching": {"name": "heun", "steps": 2},
    "joint_diffusion": {"name": "ddim", "steps": 2, "eta": 0.0},
}


def build(data: ProblemData | Trajectories, **axes: dict[str, Any]) -> Model:
    """A model with random weights for a problem, by default simulation; its scales are fitted."""
    data = data if isinstance(data, ProblemData) else simulation(data)
    spec = {
        "representation": REPRESENTATIONS[1],
        "network": NETWORKS[0],
        "objective": OBJECTIVES[0],
        **axes,
    }
    torch.manual_seed(0)
    model = Model(spec, data.problem)
    model.fit_scales(data)
    return model.eval()


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(k) for k in range(count)]
