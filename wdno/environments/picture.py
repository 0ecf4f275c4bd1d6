"""Pictures of an episode: the state beside its target, and the control so far."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from wdno.data.scene import SceneMap
from wdno.environments.cases import GIVEN
from wdno.environments.core import Core
from wdno.environments.plant import Plant
from wdno.evaluation.figures.images import image, scale_of_field
from wdno.evaluation.figures.scene_overlay import draw_scene
from wdno.evaluation.figures.style import STYLE, axis_label, finish, look
from wdno.files import atomic_path

Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]

WIDTH, HEIGHT, DPI = 9.4, 2.6, 100  # inches; dots per inch.
MILLISECONDS, LAST_MILLISECONDS = 160, 1000


def save_gif(core: Core, member: int, path: str | Path) -> None:
    """Write an animation of an episode so far; colours are the same in all its frames.

    Args:
        core: what holds the episode.
        member: its number.
        path: of the file, which ends in `.gif`.

    Raises:
        ValueError: the path ends otherwise.
        RuntimeError: the episode has not begun.
    """
    path = Path(path)
    if path.suffix != ".gif":
        raise ValueError(f"expected a path that ends in .gif, got {path}")
    core.episodes.case(member)
    done = int(core.episodes.history.done[member])
    shown = pictures(core, member, range(done + 1))
    # The last frame has all colours; one palette without dithering, so that what stays is still.
    palette = Image.fromarray(shown[-1]).quantize(256, dither=Image.Dither.NONE)
    frames = [Image.fromarray(p).quantize(palette=palette, dither=Image.Dither.NONE) for p in shown]
    durations = [MILLISECONDS] * (len(frames) - 1) + [LAST_MILLISECONDS]
    with atomic_path(path) as temporary:
        options: dict[str, Any] = {"save_all": True, "duration": durations, "loop": 0}
        frames[0].save(temporary, format="GIF", append_images=frames[1:], **options)


def pictures(core: Core, member: int, frames: Sequence[int] | None = None) -> list[Pixels]:
    """Draw an episode at some of its frames.

    Args:
        core: what holds the episode.
        member: its number.
        frames: numbers of frames from 0, the initial one; None: the last one that there is.

    Returns:
        Of each frame red, green and blue, ``[height, width, 3]``.

    Raises:
        RuntimeError: the episode has not begun.
    """
    case, history, plant = core.episodes.case(member), core.episodes.history, core.plant
    done = int(history.done[member])
    episode = _Episode(
        plant,
        history.state[member, :, : done + 1],
        history.series[member, :, : done + 1],
        history.control[member, :, :done],
        case.target,
    )
    title = plant.system.title
    title += "" if case.split == GIVEN else f", {case.split} case {case.number}"
    panels = {1: _line_panels, 2: _plane_panels}.get(len(plant.space))
    if panels is None:
        raise ValueError(
            f"system {plant.system.name!r}: pictures are of one or two axes of space, it has "
            f"{len(plant.space)}"
        )
    found = []
    for k in [done] if frames is None else frames:
        with mpl.rc_context(STYLE):
            figure = Figure((WIDTH, HEIGHT), DPI)
            # Panels stay where they are from frame to frame.
            figure.subplots_adjust(0.055, 0.17, 0.975, 0.8, wspace=0.25)
            canvas: Any = FigureCanvasAgg(figure)
            time = plant.system.coordinates()["time"]
            figure.suptitle(f"{title}, t = {time[k]:.4g} of {time[-1]:.4g}", fontsize=9)
            panels(figure, episode, k)
            canvas.draw()
            found.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return found


class _Episode:
    """What is drawn: state ``[F, k + 1, *S]``, series ``[S, k + 1]``, control ``[C, k, *S]``."""

    def __init__(
        self, plant: Plant, state: Array, series: Array, control: Array, target: Array | None
    ) -> None:
        self.plant, self.state, self.series, self.control = plant, state, series, control
        self.target = target
        fields = plant.system.fields
        self.names = {f.name: axis_label(f.long_name, unit=f.units) for f in fields}
        self.controls = [f.name for f in fields if f.role == "forcing"]
        coordinates = plant.system.coordinates()
        self.time, self.interval = coordinates["time"], coordinates["interval"]
        self.axes = [coordinates[axis.name] for axis in plant.system.axes]
        self.labels = [axis_label(axis.long_name, unit=axis.units) for axis in plant.system.axes]


def _line_panels(figure: Figure, episode: _Episode, k: int) -> None:
    """Draw the first field of the state as a line, over time, and the control over time."""
    curves, past, control = figure.subplots(1, 3)
    x, state, name = episode.axes[0], episode.state[0], episode.plant.state[0]
    curves.plot(x, state[0], color="0.7", label="initial")
    if episode.target is not None:
        curves.plot(x, episode.target[0], **{**look(1), "marker": ""}, label="target")
    curves.plot(x, state[k], **{**look(0), "marker": ""}, label="now")
    everything = [state] if episode.target is None else [state, episode.target[0]]
    low, high = min(v.min() for v in everything), max(v.max() for v in everything)
    room = 0.05 * (high - low) or 1.0
    curves.set(xlabel=episode.labels[0], ylim=(low - room, high + 5 * room))
    curves.legend(loc="upper center", ncols=3, handlelength=1.2, columnspacing=0.8)
    finish(curves, f"{episode.names[name]} now")
    options = scale_of_field(np.concatenate(everything, axis=None))
    title = f"{episode.names[name]} so far"
    _over_time(past, episode, episode.time, state[: k + 1], title, options)
    strongest = float(np.abs(episode.control[0]).max(initial=0.0)) or 1.0
    options = {"cmap": "PuOr", "norm": Normalize(-strongest, strongest)}
    title = f"{episode.names[episode.controls[0]]} so far"
    _over_time(control, episode, episode.interval, episode.control[0, :k], title, options)


def _over_time(
    axis: Axes, episode: _Episode, time: Array, values: Array, title: str, options: dict[str, Any]
) -> None:
    """Draw values ``[k, X]`` of the first k of all times; what is to come is grey."""
    known = np.full((len(time), values.shape[1]), np.nan)
    known[: len(values)] = values
    shown = image(axis, time, episode.axes[0], known.T, **options)
    axis.set_facecolor("0.93")
    axis.set(xlabel=axis_label("time", "t", episode.plant.system.time_units), title=title)
    axis.set(xlim=(episode.time[0], episode.time[-1]), ylabel=episode.labels[0])
    axis.figure.colorbar(shown, ax=axis, pad=0.02)


def _plane_panels(figure: Figure, episode: _Episode, k: int) -> None:
    """Draw the first field of the state, its target or the series, and the control just applied."""
    left, middle, right = figure.subplots(1, 3)
    plant, state = episode.plant, episode.state[0]
    name = episode.names[plant.state[0]]
    of = state if episode.target is None else np.concatenate([state, episode.target[:1]])
    scene = _scene(plant)
    _map(left, episode, state[k], of, name, scene)
    if episode.target is not None:
        _map(right, episode, episode.target[0], of, f"target of {name}", scene)
    else:
        for number, series in enumerate(plant.series):
            style = {**look(number), "marker": ""}
            right.plot(episode.time[: k + 1], episode.series[number, : k + 1], **style)
            finish(right, textwrap.fill(episode.names[series], 32))
        low, high = episode.series.min(), episode.series.max()
        room = max(0.05 * (high - low), 1e-3)  # Rounding errors are no event.
        right.set(ylim=(low - room, high + room))
        right.set(xlim=(episode.time[0], episode.time[-1]))
        right.set(xlabel=axis_label("time", "t", plant.system.time_units))
    strength = np.sqrt((episode.control**2).sum(axis=0))
    now = strength[k - 1] if k else np.zeros(plant.space)
    now = np.where(plant.mask.any(axis=0), now, np.nan)
    _map(middle, episode, now, strength, "strength of the control" if k else "no control yet", None)
    if k and len(plant.mask) == 2:
        step = max(1, plant.space[0] // 16)
        rows, columns = (np.arange(step // 2, n, step) for n in plant.space)
        allowed = plant.mask.any(axis=0)
        points = [(r, c) for r in range(plant.space[0]) for c in range(plant.space[1])
                  if allowed[r, c] and (r in rows or c in columns)]  # fmt: skip
        r, c = np.array(points).T
        along_y, along_x = episode.control[:, k - 1, r, c]
        middle.quiver(episode.axes[1][c], episode.axes[0][r], along_x, along_y, width=0.004)


def _map(
    axis: Axes, episode: _Episode, values: Array, of: Array, title: str, scene: SceneMap | None
) -> None:
    y, x = episode.axes
    options = scale_of_field(of if of.size else np.zeros(1), light=True)
    shown = image(axis, x, y, values, **options)
    axis.set_facecolor("1.0")
    if scene is not None:
        draw_scene(axis, scene)
    axis.set(title=title, xlabel=episode.labels[1], ylabel=episode.labels[0], aspect="equal")
    axis.figure.colorbar(shown, ax=axis, pad=0.02)


def _scene(plant: Plant) -> SceneMap | None:
    """Return what stands in the domain; None: nothing."""
    found = {static.name: static for static in plant.system.static()}
    if not {"obstacle", "bucket", "control_frame"} <= found.keys():
        return None
    bucket = found["bucket"]
    y, x = (found[dim].values for dim in bucket.dims)
    target = bucket.attributes.get("target")
    return SceneMap(
        y,
        x,
        found["obstacle"].values.astype(bool),
        bucket.values,
        found["control_frame"].values.astype(bool),
        None if target is None else int(target),
    )
