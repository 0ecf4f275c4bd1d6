"""Combinations of options that cannot work, refused before any job starts."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from wdno.config.axes import (
    AutoregressiveOptions,
    MethodOptions,
    ModelOptions,
    UNetOptions,
    WaveletOptions,
)
from wdno.config.base import ConfigError, suggest
from wdno.config.root import Config, SystemConfig
from wdno.representations.wavelet_defaults import resolve

ModelOf = Callable[[Config, str, str], ModelOptions]
MethodOf = Callable[[Config, str, str], MethodOptions]


def check(config: Config, model: ModelOf, method: MethodOf, systems: Sequence[str]) -> None:
    """Check every reference between sections and every combination of options.

    Args:
        config: a configuration whose sections are each valid.
        model: gives a model's options for a system.
        method: gives a method's options for a system.
        systems: names of the configured systems.

    Raises:
        ConfigError: with one line for each problem.
    """
    problems: list[str] = []
    if not systems:
        problems.append("systems: none is configured; configure at least one, such as `burgers`")
    for name in systems:
        section: SystemConfig[Any] = getattr(config.systems, name)
        problems += _unknown(f"systems.{name}.models", section.models, config.models)
        problems += _unknown(f"systems.{name}.methods", section.methods, config.methods)
        problems += [
            problem
            for key in dict.fromkeys([*section.models, *config.sampler_study.models])
            if key in config.models
            for problem in _check_model(config, name, key, model(config, name, key))
        ]
        for key in section.methods:
            if key in config.methods:
                problems += _check_method(config, name, key, model, method)
        problems += _check_fine(name, section)
        simulation = section.tasks.simulation
        if simulation is None:
            problems.append(f"systems.{name}.tasks: no task is configured; add `simulation`")
            continue
        where = f"systems.{name}.tasks.simulation.methods"
        problems += _unknown(where, simulation.methods, config.methods)
        problems += _repeated(where, simulation.methods)
        for key in dict.fromkeys(simulation.methods):
            if key in config.methods:
                problems += _check_method(config, name, key, model, method)
        reference = config.evaluation.reference
        if reference not in simulation.methods:
            problems.append(
                f"evaluation.reference = {reference!r}: not among {where}; allowed: "
                f"{', '.join(simulation.methods)}"
            )
    problems += _unknown("evaluation.show", config.evaluation.show, config.methods)
    problems += _check_study(config, systems, model)
    if problems:
        lines = "\n".join(f"  {problem}" for problem in dict.fromkeys(problems))
        raise ConfigError(f"invalid configuration:\n{lines}")


def _check_fine(name: str, section: SystemConfig[Any]) -> list[str]:
    fine, where = section.data.fine, f"systems.{name}.data.fine"
    if fine is None:
        return []
    if fine.samples > section.data.samples.test:
        return [
            f"{where}.samples = {fine.samples}: more than the {section.data.samples.test} test "
            "trajectories that they are"
        ]
    try:
        grids = section.fine_options().grid_shape(), section.options.grid_shape()
    except ValidationError as error:
        return [f"{where}.grid = {fine.grid}: {one['msg']}" for one in error.errors()]
    if grids[0] == grids[1] or any(f % c for f, c in zip(*grids, strict=True)):
        shown = (" x ".join(map(str, grid)) for grid in grids)
        return ["{}.grid: {} is no refinement of the stored grid {}".format(where, *shown)]
    return []


def _unknown(where: str, names: Iterable[str], known: Mapping[str, object]) -> list[str]:
    return [
        f"{where}: {name!r} is not configured{suggest(name, known)}; "
        f"allowed: {', '.join(sorted(known))}"
        for name in names
        if name not in known
    ]


def _repeated(where: str, names: Sequence[str]) -> list[str]:
    return [f"{where}: {name!r} appears twice" for name in set(names) if names.count(name) > 1]


def _check_method(
    config: Config, system: str, key: str, model: ModelOf, method: MethodOf
) -> list[str]:
    options = method(config, system, key)
    where = f"methods.{key}"
    if options.model is None:
        calendar = getattr(config.systems, system).options.calendar
        if options.baseline != "persistence" and not calendar:
            return [
                f"systems.{system}: method {key!r} is the baseline {options.baseline!r}, which "
                "needs a calendar, and the samples of this system have none; use `persistence`"
            ]
        return []
    if options.model not in config.models:
        return _unknown(f"{where}.model", [options.model], config.models)
    trained = model(config, system, options.model)
    diffusion = trained.objective.name == "diffusion"
    if diffusion and options.sampler is None:
        return [f"{where}.sampler: missing; model {options.model!r} is a diffusion model"]
    if not diffusion and options.sampler is not None:
        return [
            f"{where}.sampler = {options.sampler.name!r}: model {options.model!r} is trained by "
            f"{trained.objective.name} and has nothing to sample; remove `sampler`"
        ]
    if not diffusion and options.samples > 1:
        return [
            f"{where}.samples = {options.samples}: model {options.model!r} is deterministic; "
            "use samples: 1"
        ]
    return _check_model(config, system, options.model, trained)


def _check_model(config: Config, system: str, key: str, options: ModelOptions) -> list[str]:
    section: SystemConfig[Any] = getattr(config.systems, system)
    where = f"systems.{system}, models.{key}"
    train = section.data.samples.train
    if options.training.batch_size > train:
        return [
            f"{where}.training.batch_size = {options.training.batch_size}: larger than the "
            f"training set, systems.{system}.data.samples.train = {train}"
        ]
    grid = section.options.grid_shape()
    representation = options.representation
    stepwise = isinstance(options.objective, AutoregressiveOptions)
    if stepwise and (representation.name != "identity" or representation.relative):
        return [
            f"{where}.objective.name = 'autoregressive': goes from frame to frame, so it needs "
            "representation.name = 'identity', relative = false, got "
            f"{representation.name!r}, relative = {str(representation.relative).lower()}"
        ]
    if isinstance(representation, WaveletOptions):
        periodic = [kind == "periodic" for kind in section.options.boundaries()]
        family, ends = resolve(representation.family, representation.mode, len(grid), periodic)
        problems = _check_wavelet(where, family, grid)
        if problems:
            return problems
        grid = _coefficient_grid(family, ends, grid)
    grid = grid[1:] if stepwise else grid
    network = options.network
    if isinstance(network, UNetOptions):
        halvings = len(network.multipliers) - 1
        # Three or more axes are (time, y, x), and time is not down-sampled.
        smallest = min(grid if len(grid) < 3 else grid[1:])
        if smallest <= 2 ** (halvings - 1):
            return [
                f"{where}.network.multipliers = {network.multipliers}: a grid of "
                f"{' x '.join(map(str, grid))} cannot be halved {halvings} times; use at most "
                f"{(smallest - 1).bit_length() + 1} levels or a larger grid"
            ]
        return []
    modes = network.modes if isinstance(network.modes, list) else [network.modes] * len(grid)
    if len(modes) != len(grid):
        return [
            f"{where}.network.modes = {network.modes}: {len(modes)} numbers for the {len(grid)} "
            f"axes of a grid of {' x '.join(map(str, grid))}; give one, or one for each axis"
        ]
    if any(kept > size for kept, size in zip(modes, grid, strict=True)):
        return [
            f"{where}.network.modes = {network.modes}: a grid of {' x '.join(map(str, grid))} "
            f"has fewer; allowed: 1 to {min(grid)}, or a list with one for each axis"
        ]
    return []


def _check_wavelet(where: str, family: str, grid: tuple[int, ...]) -> list[str]:
    import pywt

    discrete = pywt.wavelist(kind="discrete")
    if family not in discrete:
        close = difflib.get_close_matches(family, discrete, n=3)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        return [
            f"{where}.representation.family = {family!r}: not a discrete wavelet{hint} "
            f"Families: {', '.join(pywt.families())}"
        ]
    length = pywt.Wavelet(family).dec_len
    if min(grid) < length:
        return [
            f"{where}.representation.family = {family!r}: its filters have {length} taps "
            f"and need as many points on each axis, the grid has "
            f"{' x '.join(map(str, grid))}; use a larger grid or a shorter wavelet such as 'haar'"
        ]
    return []


def _coefficient_grid(family: str, modes: Sequence[str], grid: tuple[int, ...]) -> tuple[int, ...]:
    import pywt

    length = pywt.Wavelet(family).dec_len
    pairs = zip(grid, modes, strict=True)
    return tuple(pywt.dwt_coeff_len(size, length, mode) for size, mode in pairs)


def _check_study(config: Config, systems: Sequence[str], model: ModelOf) -> list[str]:
    study = config.sampler_study
    problems = _unknown("sampler_study.models", study.models, config.models)
    known = type(config.systems).model_fields  # type: ignore[attr-defined]
    problems += _unknown("sampler_study.systems", study.systems or [], known)
    for name in systems:
        for key in study.models:
            if key in config.models and model(config, name, key).objective.name != "diffusion":
                problems.append(
                    f"sampler_study.models: {key!r} is not a diffusion model and has no sampler"
                )
    problems += [
        f"sampler_study.samplers: {sampler.name!r} with eta = {sampler.eta}: only 'ddim' has eta"
        for sampler in study.samplers
        if sampler.eta is not None and sampler.name != "ddim"
    ]
    if study.models and not (study.samplers and study.steps):
        problems.append("sampler_study: models are given, so samplers and steps must be too")
    return problems
