"""Stage ``evaluate``: from trained models to errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wdno import config as configuration
from wdno import model as models
from wdno.data.dataset import Trajectories, last_given
from wdno.data.scene import Scene
from wdno.data.statistics import read_statistics
from wdno.evaluation.record import Evaluation
from wdno.provenance import provenance
from wdno.runtime import resolve_device, set_threads
from wdno.studies.sampler_study import write_sampler_study
from wdno.tasks.simulation import baselines
from wdno.tasks.simulation.evaluation import ModelPredictor, simulate


def evaluate(
    config: Sequence[Path],
    system: str,
    method: str,
    seed: int,
    data: Path,
    statistics: Path,
    checkpoint: Path | None,
    output: Path,
    threads: int,
) -> None:
    """Predict all test cases with a method and write its errors.

    Args:
        config: configuration files.
        system: name of the system.
        method: name of the method.
        seed: seed of the training, and of the samples.
        data: test set.
        statistics: of the training set.
        checkpoint: trained model; None for a baseline.
        output: folder of ``metrics.json`` and ``evaluation.nc``.
        threads: processor threads.

    Raises:
        ConfigError: the configuration is invalid, or the method and the checkpoint do not fit.
        LayoutError: the model was trained on another grid or other fields.
    """
    loaded = configuration.load(*config)
    options = configuration.method(loaded, system, method)
    if (options.model is None) != (checkpoint is None):
        raise configuration.ConfigError(
            f"method {method!r} has model = {options.model!r}, but --checkpoint is {checkpoint}; "
            "give one exactly where the method has a model"
        )
    set_threads(threads)
    test = Trajectories(data)
    sampling = options.sampler.model_dump(exclude_none=True) if options.sampler else None
    known = read_statistics(statistics)
    facts: dict[str, Any] = {}
    device = "cpu"
    evaluations = 0
    predictor: baselines.Predictor
    if checkpoint is None:
        predictor = baselines.build(str(options.baseline), test, known)
    else:
        device = str(resolve_device())
        trained, metadata = models.load(checkpoint)
        trained.require(test.layout, data, checkpoint)
        predictor = ModelPredictor(trained, seed=seed, sampling=sampling, device=device)
        evaluations = trained.objective.evaluations(sampling, test.layout.grid[0])
        facts = {
            **{axis: trained.spec[axis]["name"] for axis in trained.spec},
            "training_seconds": metadata["training_seconds"],
            "training_steps": metadata["training_steps"],
            "parameters": trained.parameter_count(),
        }
    outcome = simulate(
        predictor,
        test,
        known,
        samples=options.samples,
        cases=len(test),
        batch_size=loaded.evaluation.batch_size,
        examples=min(loaded.evaluation.examples, len(test)),
        description=f"{system} {method}",
    )
    examples = np.arange(len(outcome.example_truth.state))
    Evaluation(
        run=loaded.run,
        system=system,
        title=test.layout.title,
        task="simulation",
        method=method,
        label=options.label or method,
        seed=seed,
        scores=outcome.scores,
        coordinates=_coordinates(test),
        example_cases=test.dataset["sample"].to_numpy()[examples],
        example_truth=outcome.example_truth.state.numpy(),
        example_prediction=outcome.example_prediction.state.numpy(),
        example_given=last_given(test.batch(examples), test.layout).state[:, :, 0].numpy(),
        given_time=float(test.coordinates["time"][test.layout.given_frames - 1]),
        scene=Scene.from_dataset(test.dataset),
        example_series_truth=outcome.example_truth.series.numpy(),
        example_series_prediction=outcome.example_prediction.series.numpy(),
        sampler=sampling,
        samples=options.samples,
        evaluations=evaluations,
        seconds_per_trajectory=outcome.seconds_per_trajectory,
        device=device,
        units=_units(test),
        blocks=_blocks(test),
        stand_in=test.dataset.attrs.get("stand_in") == "true",
        provenance=provenance(),
        **facts,
    ).write(output)


def _coordinates(data: Trajectories) -> dict[str, Any]:
    """Return the times of the generated frames and the spatial axes, in the arrays' order."""
    space = data.dataset[data.layout.state[0]].dims[2:]
    generated = data.coordinates["time"][data.layout.given_frames :]
    return {"time": generated, **{str(name): data.coordinates[str(name)] for name in space}}


def _blocks(data: Trajectories) -> NDArray[np.int64] | None:
    """Number the windows' lengths of time that the cases begin in; None without a calendar."""
    if data.reference_times is None:
        return None
    time = data.coordinates["time"]
    length = int(time[-1] - time[0]) + int(time[1] - time[0])
    blocks: NDArray[np.int64] = (data.reference_times - data.reference_times.min()) // length
    return blocks


def _units(data: Trajectories) -> dict[str, str]:
    return {
        str(name): str(variable.attrs.get("units", ""))
        for name, variable in data.dataset.variables.items()
    }


def study(
    config: Sequence[Path],
    system: str,
    model: str,
    seed: int,
    data: Path,
    statistics: Path,
    checkpoint: Path,
    output: Path,
    threads: int,
) -> None:
    """Measure a diffusion model's error for every configured sampler and number of steps.

    Args:
        config: configuration files.
        system: name of the system.
        model: name of the model.
        seed: seed of the training, and of the samples.
        data: test set.
        statistics: of the training set.
        checkpoint: trained model.
        output: the CSV file.
        threads: processor threads.

    Raises:
        ConfigError: the configuration is invalid.
        LayoutError: the model was trained on another grid or other fields.
    """
    loaded = configuration.load(*config)
    options = loaded.sampler_study
    set_threads(threads)
    test = Trajectories(data)
    trained, _ = models.load(checkpoint)
    trained.require(test.layout, data, checkpoint)
    device = resolve_device()
    known = read_statistics(statistics)
    rows = []
    cases = min(options.cases, len(test))
    for sampler in options.samplers:
        for steps in options.steps:
            sampling = {**sampler.model_dump(exclude_none=True), "steps": steps}
            outcome = simulate(
                ModelPredictor(trained, seed=seed, sampling=sampling, device=device),
                test,
                known,
                samples=1,
                cases=cases,
                batch_size=loaded.evaluation.batch_size,
                description=f"{model} {sampler.name} {steps}",
            )
            rows.append(
                {
                    "system": system,
                    "title": test.layout.title,
                    "task": "simulation",
                    "model": model,
                    "seed": seed,
                    "sampler": sampler.name,
                    "eta": sampler.eta,
                    "steps": steps,
                    "cases": cases,
                    "mse": float(outcome.scores.cases["mse"].mean()),
                    "seconds_per_trajectory": outcome.seconds_per_trajectory,
                }
            )
    write_sampler_study(output, rows)
