"""Why the defaults are what they are: WDNO with one choice after another, on validation cases.

    snakemake --cores 8 data
    python benchmarks/defaults.py [--systems burgers] [--seeds 0 1 2] [--processes 2]

trains the variants of `CHOICES` with the budget of the default run and evaluates them on its
validation set, never on test cases. Prints for each variant the mean over seeds of the mean squared
error of one draw and of the CRPS of four, with the error of the first and of the last frame. What
is trained is kept in the folder `results/defaults`, so an interrupted run continues.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from wdno import config as configuration
from wdno.evaluation.record import Record

DEFAULT = Path("config/config.yaml")
FOLDER = Path("results/defaults")
CHOICES: dict[str, dict[str, Any]] = {
    "v, periodization or zeros": {
        "representation": {"mode": None},
        "objective": {"prediction": "v", "first_weight": 1.0},
    },
    "x0": {"representation": {"mode": None}, "objective": {"first_weight": 1.0}},
    "x0, mirrored": {"objective": {"first_weight": 1.0}},
    "x0, mirrored, first frames twice": {},
}
STEPS = (2, 4, 10)


def prepare(system: str) -> list[Path]:
    """Write an overlay with the variants of a system as models and methods."""
    models, methods = {}, {}
    base = configuration.model(configuration.load(DEFAULT), system, "wdno")
    plain = base.model_dump(mode="json", exclude_unset=True)
    for number, change in enumerate(CHOICES.values()):
        axes = {axis: {**plain[axis], **values} for axis, values in change.items()}
        models[f"v{number}"] = {**plain, **axes, "label": f"v{number}"}
        for steps in STEPS:
            sampler = {"name": "ddim", "steps": steps, "eta": 0.0}
            methods[f"v{number}_{steps}"] = {
                "label": f"v{number}_{steps}",
                "model": f"v{number}",
                "sampler": sampler,
                "samples": 4,
            }
    task = {"simulation": {"methods": [*methods]}}
    overlay = {
        "models": models,
        "methods": methods,
        "systems": {system: {"tasks": task}},
        "evaluation": {"reference": "v0_2", "show": ["v0_2"]},
        "studies": None,
    }
    path = FOLDER / f"{system}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(overlay), encoding="utf-8")
    return [DEFAULT, path]


def verb(name: str, *arguments: object) -> None:
    """Run a verb of the command line."""
    command = [sys.executable, "-m", "wdno", name, *map(str, arguments)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


def compute(data: Path, job: tuple[int, str, int]) -> list[dict[str, Any]]:
    """Train and evaluate one variant; return a row for each number of steps."""
    seed, system, number = job
    source, folder = data / system / "data", FOLDER / system / f"v{number}" / f"seed{seed}"
    files = [part for path in (DEFAULT, FOLDER / f"{system}.yaml") for part in ("--config", path)]
    common = [*files, "--system", system, "--task", "simulation", "--seed", seed]
    model = folder / "model.safetensors"
    if not model.exists():
        sets = ["--train", source / "train.nc", "--validation", source / "validation.nc"]
        log = ["--log", folder / "train.jsonl", "--state", folder / "state"]
        verb("train", *common, "--model", f"v{number}", *sets, "--output", model, *log)
    rows = []
    for steps in STEPS:
        output = folder / str(steps)
        if not (output / "metrics.json").exists():
            sets = ["--data", f"test={source / 'validation.nc'}"]
            sets += ["--statistics", source / "statistics.nc", "--model", f"model={model}"]
            verb("evaluate", *common, "--method", f"v{number}_{steps}", *sets, "--output", output)
        record = Record.read(output)
        over_time = record.scores["mse_over_time"].mean(["case", "field"]).values
        row = {"system": system, "variant": list(CHOICES)[number], "steps": steps, "seed": seed}
        scores = {"MSE": record.mean("mse"), "CRPS": record.mean("crps")}
        rows.append(row | scores | {"first frame": over_time[0], "last frame": over_time[-1]})
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = configuration.load(DEFAULT).systems
    parser.add_argument("--systems", nargs="+", choices=known, default=["burgers"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--processes", type=int, default=2, help="trainings at a time")
    parser.add_argument("--data", type=Path, default=Path("results/small"), help="run with data")
    arguments = parser.parse_args()
    for system in arguments.systems:
        prepare(system)
    jobs = itertools.product(arguments.seeds, arguments.systems, range(len(CHOICES)))
    with ThreadPoolExecutor(arguments.processes) as pool:
        rows = [row for rows in pool.map(partial(compute, arguments.data), jobs) for row in rows]
    groups = pd.DataFrame(rows).groupby(["system", "variant", "steps"], sort=False)
    table = groups.mean().drop(columns="seed").assign(seeds=groups.size())
    print(table.reset_index().to_markdown(index=False, floatfmt=".3g"))


if __name__ == "__main__":
    main()
