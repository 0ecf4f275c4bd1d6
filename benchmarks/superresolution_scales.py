"""What the scales of unseen grids are worth to super-resolution of Burgers' equation.

    python benchmarks/superresolution_scales.py results/small [--cases 100] [--doublings 2]

takes the super-resolution model `srm` of a run and doubles exact solutions of validation cases,
whose finer grids it draws anew. It prints, for scales continued at a constant ratio, at a bending
ratio, and for the true scales of the finer grids, the mean squared error (times 1000) and the
spectrum error of the new wavenumbers on every grid, and the residual's true scales by level and
sub-band.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from wdno import config as configuration
from wdno import model as models
from wdno import systems
from wdno.config.root import FineOptions
from wdno.data.dataset import Trajectories
from wdno.data.generate import generate
from wdno.representations.scaling import ChannelScaler
from wdno.tasks.superresolution.cascade import Cascade, Learned
from wdno.tasks.superresolution.evaluation import levels_of, predict_and_score
from wdno.tasks.superresolution.options import Options
from wdno.tasks.superresolution.problem import LevelData

SAMPLING = {"name": "ddim", "steps": 4, "eta": 0.0}


def finer(run: Path, cases: int, doublings: int, folder: Path) -> tuple[Trajectories, Options]:
    """Validation cases on a finer grid, and the options of the task."""
    config = configuration.load(run / "config.yaml")
    section = configuration.system(config, "burgers")
    task = configuration.tasks(config, "burgers")["superresolution"]
    assert isinstance(task, Options)
    grid = {name: 2**doublings * n for name, n in section.options.grid.model_dump().items()}
    fine = section.model_copy(
        update={
            "data": section.data.model_copy(update={"fine": FineOptions(samples=cases, grid=grid)})
        }
    )
    path = folder / "fine.nc"
    generate(
        systems.REGISTRY.load("burgers")(fine.fine_options()),
        split="validation",
        count=cases,
        seed=section.data.seed,
        settings={},
        output=path,
        state=folder / "parts",
        threads=1,
    )
    return Trajectories(path), task


def main() -> None:
    """Compare the rules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--doublings", type=int, default=2)
    chosen = parser.parse_args()
    checkpoint = chosen.run / "burgers/superresolution/models/srm/seed0/model.safetensors"
    model, _ = models.load(checkpoint)
    with tempfile.TemporaryDirectory() as name:
        fine, task = finer(chosen.run, chosen.cases, chosen.doublings, Path(name))
        grids = levels_of(fine, model.problem.grid, task)
        scalers = model.scalers[0]
        bend, measured = scalers.bend.clone(), scalers.at
        true = _true_scales(model, fine, chosen.doublings)

        def at(level: int) -> ChannelScaler:
            if level >= 0:
                return measured(level)
            scaler = ChannelScaler(model.channels, center=True, names=model.target_scaler.names)
            scaler.scale.copy_(true[level])
            return scaler

        rules: dict[str, tuple[torch.Tensor, Callable[[int], ChannelScaler]]] = {
            "constant ratio": (torch.ones_like(bend), measured),
            "bending ratio": (bend, measured),
            "true scales": (bend, at),
        }
        for rule, (bent, scaler_of) in rules.items():
            scalers.bend.copy_(bent)
            scalers.at = scaler_of  # type: ignore[method-assign, assignment]
            cascade = Cascade(grids, None, Learned(model, SAMPLING))
            scores, _ = predict_and_score(
                cascade, fine, samples=1, cases=chosen.cases, batch_size=50, description=rule
            )
            for level in scores["level"].values[1:]:
                of = scores.sel(level=level)
                mse, spectrum = (
                    float(of[f"level_{name}"].mean()) for name in ("mse", "spectrum_error_new")
                )
                print(f"{rule:15s} {level!s:>10s}  {1000 * mse:.3f}  {spectrum:.2f}")


def _true_scales(
    model: models.Model, fine: Trajectories, doublings: int
) -> dict[int, torch.Tensor]:
    """Standard deviations of the residual's channels on the finer grids; printed for all."""
    levels = LevelData(fine, model.problem, doublings)
    found = {}
    print("residual", "  ".join(model.target_scaler.names))
    for number in range(doublings):
        (batch,) = levels.batches(len(fine), group=number)
        level = number - doublings
        target = model.target({**batch, "grid_level": torch.full((len(fine),), level)})
        found[level] = target.transpose(0, 1).flatten(1).std(1)
        print(f"level {level}", "  ".join(f"{scale:.4f}" for scale in found[level].tolist()))
    for level in (0, 1):
        scales = model.scalers[0].at(level).scale.tolist()
        print(f"level {level}", "  ".join(f"{scale:.4f}" for scale in scales))
    return found


if __name__ == "__main__":
    main()
