"""A small denoising problem for the tests of training; run as a program, it trains on it."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from wdno.draws import normal
from wdno.training.checkpoint import discard_state, save_model
from wdno.training.distributed import is_main
from wdno.training.interruption import Interrupted
from wdno.training.loop import TrainingResult, train
from wdno.training.settings import TrainingSettings

SETTINGS: dict[str, Any] = {
    "steps": 60,
    "batch_size": 4,
    "learning_rate": 1e-2,
    "final_learning_rate_fraction": 0.0,
    "warmup_steps": 5,
    "weight_decay": 0.01,
    "gradient_clip": 1.0,
    "ema_decay": 0.999,
    "ema_every": 1,
    "precision": "float32",
    "compile": False,
    "log_every": 7,
    "checkpoint_seconds": 1e9,
}


class Denoiser(nn.Module):
    """Convolutions, a norm, dropout, complex spectral weights and a buffer; noise if wanted."""

    def __init__(self, *, dropout: float = 0.1, noise: float = 0.5) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.network = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1),
            nn.GroupNorm(2, 6),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Conv2d(6, 1, 3, padding=1),
        )
        self.spectral = nn.Parameter(0.1 * torch.randn(6, 5, dtype=torch.complex64))
        self.register_buffer("scale", torch.tensor(1.5))
        self.noise = noise

    def loss_per_sample(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        clean = batch["x"] * self.scale
        noise = normal(clean.shape, generator)
        seen = clean + self.noise * noise
        filtered = torch.fft.irfft2(torch.fft.rfft2(seen) * self.spectral, s=seen.shape[-2:])
        error = self.network(seen) + filtered - clean
        return error.square().flatten(1).mean(1)


class Samples:
    """Random images in memory; reading one batch takes `seconds`."""

    def __init__(self, count: int = 22, seed: int = 0, seconds: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        self.x = rng.standard_normal((count, 1, 6, 8)).astype(np.float32)
        self.seconds = seconds

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: np.ndarray) -> dict[str, Tensor]:
        time.sleep(self.seconds)
        return {"x": torch.from_numpy(self.x[indices]), "index": torch.from_numpy(indices)}


def fit(folder: Path, model: nn.Module | None = None, **changes: Any) -> TrainingResult:
    """Train in a folder; changes are settings or arguments of `train`."""
    torch.set_num_threads(1)  # more only wait for each other, on so small a problem
    names = {field.name for field in fields(TrainingSettings)}
    options = SETTINGS | {name: changes.pop(name) for name in names & changes.keys()}
    arguments: dict[str, Any] = {
        "data": Samples(),
        "seed": 3,
        "state_dir": folder / "state",
        "log": folder / "train.jsonl",
        "fingerprint": "problem",
        "device": "cpu",
        "progress": False,
        **changes,
    }
    return train(model or Denoiser(), options=TrainingSettings(**options), **arguments)


def main() -> None:
    """Train in the folder given, write the model and remove the state, or stop at a signal."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--readers", type=int, default=0)
    parser.add_argument("--dropout", type=float, default=0.1)
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    model = Denoiser(dropout=chosen.dropout)
    try:
        result = fit(
            chosen.folder,
            model,
            steps=chosen.steps,
            log_every=1,
            checkpoint_seconds=0.01,
            data=Samples(seconds=chosen.seconds),
            validation=Samples(9, seed=1),
            validate_every=20,
            readers=chosen.readers,
        )
    except Interrupted as interrupted:
        print(interrupted, file=sys.stderr)
        sys.exit(interrupted.exit_code)
    if is_main():
        save_model(chosen.folder / "model.safetensors", result.tensors, {"steps": result.steps})
        discard_state(chosen.folder / "state")


if __name__ == "__main__":
    main()
