"""Records of evaluations with known errors, for the tests of tables and figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wdno.data.scene import SceneMap
from wdno.evaluation.record import Cost, Design, Record, RecordIdentity
from wdno.tasks.simulation.examples import Examples
from wdno.tasks.simulation.scores import Measure, Series, score

DESIGNS: dict[str, dict[str, Any]] = {
    "persistence": {"label": "Persistence"},
    "wdno": {
        "label": "WDNO",
        "representation": "wavelet",
        "network": "unet",
        "objective": "diffusion",
        "sampler": {"name": "ddim", "steps": 10, "eta": 0.0, "spacing": "uniform"},
        "evaluations": 10,
    },
    "ddpm": {
        "label": "DDPM",
        "representation": "identity",
        "network": "unet",
        "objective": "diffusion",
        "sampler": {"name": "ddpm", "steps": 1000, "eta": None, "spacing": "uniform"},
        "evaluations": 1000,
    },
    "fno": {
        "label": "FNO",
        "representation": "identity",
        "network": "fno",
        "objective": "regression",
        "evaluations": 1,
    },
}
NOISE = {"wdno": 0.05, "ddpm": 0.1, "fno": 0.07}


def waves(
    grid: tuple[int, ...], fields: int, cases: int
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Travelling waves `[cases, fields, *grid]` and the coordinates of `grid` = (T, *space)."""
    axes = ("time", "y", "x") if len(grid) == 3 else ("time", "x")
    time = np.linspace(0, 2, grid[0] + 1)[1:]
    coordinates = {"time": time}
    coordinates |= {a: np.linspace(0, 1, n) for a, n in zip(axes[1:], grid[1:], strict=True)}
    rng = np.random.default_rng(0)
    phases = rng.uniform(0, 2 * np.pi, (cases, fields, 3, *[1] * len(grid)))
    mesh = np.meshgrid(*coordinates.values(), indexing="ij")
    space = sum(mesh[1:])
    waves = [
        np.sin(2 * np.pi * k * (space - 0.3 * mesh[0]) + phases[:, :, k - 1]) / k for k in (1, 2, 3)
    ]
    return np.sum(waves, axis=0), coordinates


def scene(cells: int = 16) -> SceneMap:
    """A wall one cell thick, two buckets on the edge, and a control frame one cell wide."""
    centres = (np.arange(cells) + 0.5) / cells
    obstacle, frame = np.zeros((2, cells, cells), dtype=bool)
    obstacle[5, 3:9] = True
    frame[[0, -1]] = frame[:, [0, -1]] = True
    bucket = np.full((cells, cells), -1)
    bucket[-3:, 2:6] = 0
    bucket[6:9, :2] = 1
    return SceneMap(centres, centres.copy(), obstacle, bucket, frame, target=0)


def evaluation(
    method: str = "wdno",
    *,
    seed: int = 0,
    system: str = "burgers",
    grid: tuple[int, ...] = (16, 24),
    fields: tuple[str, ...] = ("u",),
    series: tuple[str, ...] = (),
    cases: int = 12,
    samples: int = 1,
    scale: float | None = None,
    measure: Measure | None = None,
    climatology: NDArray[np.float64] | None = None,
    axes: Mapping[str, NDArray[np.float64]] | None = None,
    units: Mapping[str, str] | None = None,
    given: NDArray[np.float64] | None = None,
    given_time: float = 0.0,
    scene: SceneMap | None = None,
    blocks: Sequence[int] | None = None,
    examples: int = 3,
    **changes: Any,
) -> Record:
    """Evaluate a prediction that is the truth and noise that grows in time.

    Args:
        method: one of `DESIGNS`.
        seed: of the noise.
        system: name of the system.
        grid: (T, *space).
        fields: names.
        series: names; they grow from 0 to 1.
        cases: number of cases.
        samples: samples of each case.
        scale: standard deviation of the noise at the final time; None: by the method.
        measure: what errors are measured with.
        climatology: `[cases, fields, *grid]`, for the anomaly correlation.
        axes: coordinates by name, time first, of as many points as `grid`; None: of the waves.
        units: of axes, fields and series.
        given: the last given frames, `[examples, fields, *space]`; None: the first frame.
        given_time: their time.
        scene: obstacles, buckets and control frame.
        blocks: block of each case.
        examples: cases kept whole.
        **changes: attributes of the record to set, or of its identity, design or cost.
    """
    truth, coordinates = waves(grid, len(fields), cases)
    rng = np.random.default_rng([seed, list(DESIGNS).index(method)])
    if method == "persistence":
        prediction = np.broadcast_to(truth[:, None, :, :1], (cases, 1, *truth.shape[1:]))
    else:
        growth = np.sqrt(coordinates["time"] / 2).reshape(-1, *[1] * (len(grid) - 1))
        level = (NOISE[method] if scale is None else scale) * (1 + 0.2 * rng.standard_normal())
        noise = rng.standard_normal((cases, samples, *truth.shape[1:]))
        prediction = truth[:, None] + level * growth * noise
    learned = method != "persistence"
    true_series = np.broadcast_to(coordinates["time"] / 2, (cases, len(series), grid[0]))
    drawn_series = np.repeat(true_series[:, None], prediction.shape[1], axis=1)
    drawn_series = drawn_series * (1 + NOISE.get(method, -1.0))
    measure = measure or Measure()
    scores = score(
        truth,
        prediction,
        fields,
        measure=dataclasses.replace(measure, deterministic="sampler" not in DESIGNS[method]),
        climatology=climatology,
        series=Series(series, true_series, drawn_series),
    )
    axes = coordinates if axes is None else axes
    units = {"u": "m/s", "time": "s", "x": "m", "y": "m"} if units is None else units
    whole = Examples(
        cases=np.arange(examples),
        axes=axes,
        fields=fields,
        truth=truth[:examples],
        prediction=prediction[:examples, 0],
        given=truth[:examples, :, 0] if given is None else given,
        given_time=given_time,
        series=series,
        series_truth=true_series[:examples],
        series_prediction=drawn_series[:examples, 0],
        units=units,
        scene=scene,
    ).dataset()
    record = Record(
        identity=RecordIdentity(
            run="laptop",
            system=system,
            title=f"{system.capitalize()} equation",
            task="simulation",
            method=method,
            seed=seed,
            grid=dict(zip(axes, grid, strict=True)),
        ),
        design=Design(samples=samples),
        cost=Cost(
            seconds=0.0123,
            training_seconds=90.5 + seed if learned else None,
            training_steps=1000 if learned else None,
            parameters=521_300 if learned else None,
            device="CPU, 2 threads",
        ),
        scores=scores.assign_coords(time=whole["time"]),
        examples=whole,
        provenance={"commit": "abc", "versions": {"numpy": "2"}},
    )
    if blocks is not None:
        record.scores.coords["block"] = ("case", np.asarray(blocks))
    return changed(record, **(DESIGNS[method] | changes))


def changed(record: Record, **values: Any) -> Record:
    """Set attributes of a record, or of its identity, design or cost, by their names."""
    for part in ("identity", "design", "cost"):
        of_part = getattr(record, part)
        names = {item.name for item in dataclasses.fields(of_part)} & set(values)
        new = dataclasses.replace(of_part, **{name: values.pop(name) for name in names})
        record = dataclasses.replace(record, **{part: new})
    return dataclasses.replace(record, **values)


def evaluations(
    methods: tuple[str, ...] = tuple(DESIGNS), seeds: int = 3, **options: Any
) -> list[Record]:
    """Evaluate several methods with several seeds."""
    return [evaluation(name, seed=seed, **options) for name in methods for seed in range(seeds)]
