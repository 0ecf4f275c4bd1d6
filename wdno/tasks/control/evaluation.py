"""From a method and a test set to a record: controls, what the true solver makes of them, J.

One path for all: a controller is called with cases and returns controls; the solver starts from the
given initial states and is driven by them alone, or by what noise leaves of them. A control that is
none (another shape, not finite, where none may act, or one that the solver diverges under) ends the
evaluation of this method: its record has no scores and says why, and the others go on.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from tqdm import tqdm

from wdno.data.dataset import ProblemData, Trajectories
from wdno.data.scene import SceneMap
from wdno.evaluation.record import Record
from wdno.provenance import provenance
from wdno.solvers.grids import DivergedError
from wdno.tasks.control import controllers
from wdno.tasks.control.cases import Cases, cases
from wdno.tasks.control.controllers.base import Controller
from wdno.tasks.control.metrics import BETTER, CALLS, GRADIENTS, LARGEST, PER_GRADIENT, J
from wdno.tasks.control.objective import ControlError, CountedObjective
from wdno.tasks.control.options import controller_of
from wdno.tasks.control.setting import setting_of

if TYPE_CHECKING:
    from wdno.evaluation.job import Job

logger = logging.getLogger(__name__)


def evaluate(job: Job) -> Record:
    """Control the test cases with a method and let the solver judge.

    Args:
        job: the method, its options and its files: the data of the split `test` and of those that
            its controller reads, and the checkpoint with the role `model` if it has one.

    Raises:
        EvaluationError: a file is not among the job's.
        ProblemError: the model was trained on other data, a weight is of no term of J, or noise has
            bounds of another number of components.
        DataError: the test set is damaged.
    """
    setting, test = setting_of(job)
    objective, chosen = setting.objective, controller_of(job.options)
    noise = objective.noise
    count = job.cases(len(test))
    failed = ""
    controller: Controller | None = None
    try:
        controller = controllers.REGISTRY.load(chosen.name)(setting, chosen)
        scores, examples, seconds = _control(job, objective, controller, test, count)
    except (ControlError, DivergedError, FloatingPointError) as error:
        failed = str(error)
        logger.error("%s failed: %s", job.description, failed)
        scores, examples, seconds = _nothing(test, count), xr.Dataset(), float("nan")
    notes = dict(controller.notes) if controller is not None else {}
    if noise is not None:
        notes["noise"] = {"low": list(noise.low), "high": list(noise.high)}
    if not math.isnan(objective.seconds_per_gradient):
        notes[PER_GRADIENT] = objective.seconds_per_gradient
    if failed:
        notes = {**notes, "failed": failed}
    model = controller.model if controller is not None else None
    cost = job.cost(model, controller.metadata if controller else {}, seconds, setting.device)
    if controller is not None:
        cost = cost.with_evaluations(controller.evaluations)
    grid = dict(zip(_dims(test), test.problem.grid, strict=True))
    return Record(
        identity=job.identity(test.trajectories, grid),
        design=job.design(
            model,
            controller=chosen.name,
            start=getattr(chosen, "start", ""),
            noise=noise.probability if noise is not None else 0.0,
        ),
        cost=cost,
        scores=scores,
        examples=examples,
        notes=notes,
        provenance=provenance(),
    )


def _control(
    job: Job, objective: CountedObjective, controller: Controller, test: ProblemData, count: int
) -> tuple[xr.Dataset, xr.Dataset, float]:
    """Return scores, examples and the seconds of a case."""
    size, kept = job.batch_size, min(job.evaluation.examples, count)
    # Compiled and warm before it is timed.
    controller(next(cases(test, min(2, count), count)))
    objective.restart_counting()
    judge = CountedObjective(objective.system, objective.weights, threads=objective.threads)
    parts: list[xr.Dataset] = []
    shown: list[dict[str, Tensor]] = []
    seconds = 0.0
    with tqdm(total=count, desc=job.description, unit="case", mininterval=1.0) as progress:
        for some in cases(test, size, count):
            started = time.perf_counter()
            found = controller(some)
            seconds += time.perf_counter() - started
            control = objective.require(some, found)
            own = some.own * judge.mask
            if objective.noise is not None:
                control, own = (objective.noise.applied(some, one) for one in (control, own))
            scores, outcome = _judge(judge, some, control, own)
            scores[CALLS.name] = _counted(objective.calls, some)
            scores[GRADIENTS.name] = _counted(objective.gradients, some)
            parts.append(_dataset(scores, controller.curve))
            wanted = kept - int(some.index[0])
            if wanted > 0:
                whole = {
                    "control": control,
                    "state": outcome["state"],
                    "first": some.first,
                    "target": some.target if some.target is not None else some.first,
                }
                shown.append({name: values[:wanted].clone() for name, values in whole.items()})
            progress.update(len(some))
    joined = xr.concat(parts, dim="case")
    return joined, _examples(test, shown, objective), seconds / count


def _judge(
    judge: CountedObjective, some: Cases, control: Tensor, own: Tensor
) -> tuple[dict[str, Tensor], Any]:
    """Scores of controls by the solver, beside those of the cases' own, and the solutions."""
    terms, outcome = judge.solve(some, control)
    total = torch.stack(list(terms.values())).sum(0)
    rival = judge.value(some, own)
    further = judge.system.reported(some.first, outcome, control, threads=judge.threads)
    scores = {J.name: total, BETTER.name: (total < rival).double(), **terms, **further}
    scores[LARGEST.name] = control.abs().flatten(1).amax(1)
    return scores, outcome


def _counted(counts: Mapping[int, int], some: Cases) -> Tensor:
    return torch.tensor([float(counts.get(case, 0)) for case in some.index.tolist()])


def _dataset(scores: Mapping[str, Tensor], curve: Tensor | None) -> xr.Dataset:
    variables: dict[str, Any] = {
        name: ("case", values.double().numpy()) for name, values in scores.items()
    }
    if curve is not None:
        variables["j_after_gradients"] = (("case", "gradient"), curve.numpy())
    dataset = xr.Dataset(variables)
    if curve is not None:
        dataset = dataset.assign_coords(gradient=np.arange(1, curve.shape[1] + 1))
    return dataset


def _nothing(test: ProblemData, count: int) -> xr.Dataset:
    """The scores of a method that failed."""
    return xr.Dataset({J.name: ("case", np.full(count, np.nan))})


def _dims(test: ProblemData) -> list[str]:
    data = test.trajectories
    return [str(name) for name in data.dataset[data.layout.state[0]].dims[1:]]


def _examples(
    test: ProblemData, shown: list[dict[str, Tensor]], objective: CountedObjective
) -> xr.Dataset:
    """A few cases whole: control, state that it leads to, start, target."""
    data, layout = test.trajectories, test.trajectories.layout
    together = {
        name: torch.cat([one[name] for one in shown]).numpy().astype(np.float32)
        for name in shown[0]
    }
    time_, *space = _dims(test)
    interval = str(data.dataset[layout.forcing[0]].dims[1])
    variables: dict[str, Any] = {
        "state": (("example", "field", time_, *space), together["state"]),
        "control": (("example", "component", interval, *space), together["control"]),
        "first": (("example", "field", *space), together["first"]),
    }
    if objective.system.has_target:
        variables["target"] = (("example", "field", *space), together["target"])
    scene = SceneMap.from_dataset(data.dataset)
    if scene is not None:
        variables |= scene.to_variables()
    coordinates: dict[str, Any] = {
        name: (name, data.coordinates[name], {"units": _units(data, name)})
        for name in (interval, *space)
    }
    coordinates[time_] = (
        time_,
        data.coordinates[time_][layout.given_frames :],
        {"units": _units(data, time_)},
    )
    coordinates |= {
        "example": ("example", data.dataset["sample"].to_numpy()[: len(together["state"])]),
        "field": ("field", list(layout.state)),
        "component": ("component", list(layout.forcing)),
    }
    start = float(data.coordinates[time_][layout.given_frames - 1])
    return xr.Dataset(variables, coordinates, {"given_time": start})


def _units(data: Trajectories, name: str) -> str:
    return str(data.dataset[name].attrs.get("units", ""))
