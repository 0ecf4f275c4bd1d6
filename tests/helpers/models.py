"""Small models on every axis."""

from __future__ import annotations

import torch

from wdno.data.dataset import Trajectories
from wdno.model import Model

REPRESENTATIONS = [
    {"name": "identity"},
    {"name": "wavelet", "family": "bior2.4", "mode": "periodization"},
    {"name": "wavelet", "family": "bior1.3", "mode": "zero"},
]
NETWORKS = [
    {"name": "unet", "width": 8, "multipliers": [1, 2], "groups": 4, "attention": "none"},
    {"name": "fno", "modes": 4, "width": 8, "layers": 2},
]
OBJECTIVES = [{"name": "diffusion", "prediction": "v"}, {"name": "regression"}]
SAMPLING = {"diffusion": {"name": "ddim", "steps": 2, "eta": 0.0}, "regression": None}


def build(data: Trajectories, **axes: dict) -> Model:
    spec = {
        "representation": REPRESENTATIONS[1],
        "network": NETWORKS[0],
        "objective": OBJECTIVES[0],
        **axes,
    }
    torch.manual_seed(0)
    model = Model(spec, data.layout)
    model.fit_scales(data)
    return model.eval()


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(k) for k in range(count)]
