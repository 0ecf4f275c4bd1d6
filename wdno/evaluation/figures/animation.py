"""Animation of a field on two space axes: truth and predictions, frame by frame."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from wdno.evaluation.figures.examples import DrawnExamples, of_same_cases
from wdno.evaluation.figures.images import Values, beyond, mse_text, scale_of_field
from wdno.evaluation.figures.plane import Plane
from wdno.evaluation.figures.scene_overlay import TARGET, legend_entries
from wdno.evaluation.figures.style import STYLE, Styles, axis_label, looks
from wdno.evaluation.grouping import only_system
from wdno.evaluation.record import EvaluationError, Record
from wdno.files import atomic_path

MILLISECONDS, LAST_MILLISECONDS = 160, 1000
"""How long each frame stays, and the last one."""
DPI = 100
COLUMNS = 5
"""Panels side by side; further ones stand below."""
_PANEL = 1.9  # inches, width; the height follows, within these bounds.
_LOWEST, _HIGHEST = 1.0, 3.0


def animation(
    records: Iterable[Record],
    path: str | Path,
    *,
    methods: Sequence[str] | None = None,
    case: int | None = None,
) -> None:
    """Draw the first field of one example over time, a panel for the truth and for each method.

    It begins at the last given frame where the records hold it, which is the same in all panels.
    The colour scale is fixed and spans the truth at all times. Below each method's name stands the
    mean squared error of that frame. The last frame stays for a second.

    Args:
        records: of one system, with examples; of several seeds of a method the first is drawn.
        path: without suffix; `{path}.gif` is written. The same animation is the same file.
        methods: methods to draw, in this order; None: all.
        case: position of the example; None: the one whose truth changes most from beginning to end.

    Raises:
        EvaluationError: a method has no evaluation, there are several systems or not two space
            axes, the records were read without examples, or those of the methods differ.
    """
    records = list(records)
    styles = looks(records)
    chosen = [found[0] for found in only_system(records, methods).values()]
    drawn = of_same_cases(chosen, None if case is None else case + 1)
    first = drawn[0]
    if len(first.space) != 2:
        raise EvaluationError(
            f"{first.record.where}: an animation needs two space axes, the examples have "
            f"{', '.join(first.space) or 'none'}"
        )
    if case is None:
        truth = np.asarray(first.truth[:, 0], dtype=np.float64)
        case = int(((truth[:, -1] - truth[:, 0]) ** 2).mean(axis=(1, 2)).argmax())
    time, truth, samples = _frames(drawn, case)
    path = Path(path)
    with mpl.rc_context(STYLE), atomic_path(path.parent / f"{path.name}.gif") as temporary:
        shown = _Animation(drawn, case, truth, samples, styles)
        # One palette without dithering: what stays is the same in all frames, and stored once.
        palette = shown.palette()
        images = [
            _in_palette(shown.pixels(index, float(moment)), palette)
            for index, moment in enumerate(time)
        ]
        durations = [MILLISECONDS] * (len(images) - 1) + [LAST_MILLISECONDS]
        options: dict[str, Any] = {"save_all": True, "duration": durations, "loop": 0}
        images[0].save(temporary, format="GIF", append_images=images[1:], **options)


def _frames(drawn: Sequence[DrawnExamples], case: int) -> tuple[Values, Values, list[Values]]:
    """Return times `[n]`, and truth and samples `[n, ny, nx]` of the first field."""
    first = drawn[0]
    time = np.asarray(first.time, dtype=np.float64)
    arrays = [first.truth, *(item.prediction for item in drawn)]
    values = [np.asarray(array[case, 0], dtype=np.float64) for array in arrays]
    if first.given is not None:
        given = np.asarray(first.given[case, 0], dtype=np.float64)
        time = np.append(first.given_time, time)
        values = [np.concatenate([given[None], frames]) for frames in values]
    return time, values[0], values[1:]


class _Animation:
    """The panels, and what changes in them from frame to frame."""

    def __init__(
        self,
        drawn: Sequence[DrawnExamples],
        case: int,
        truth: Values,
        samples: Sequence[Values],
        styles: Styles,
    ) -> None:
        first, plane = drawn[0], Plane(drawn[0])
        self.frames = [truth, *samples]
        self.given = first.given is not None
        self.unit = first.unit("time")
        panels = len(self.frames)
        columns = min(panels, COLUMNS)
        rows = -(-panels // columns)
        high = float(np.clip(_PANEL * plane.ratio, _LOWEST, _HIGHEST)) + 0.4
        below = 0.3 if plane.scene is not None else 0.0
        size = (_PANEL * columns + 1.0, high * rows + 0.55 + below)
        self.figure = Figure(figsize=size, dpi=DPI, layout="constrained", facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        everywhere = self.figure.subplots(rows, columns, squeeze=False).ravel()
        axes = everywhere[:panels]
        for axis in everywhere[panels:]:
            axis.set_axis_off()
        colours = scale_of_field(truth, light=plane.scene is not None)
        self.images = [
            plane.draw(axis, frames[0], dark=False, **colours)
            for axis, frames in zip(axes, self.frames, strict=True)
        ]
        names = ["Truth", *(item.record.label for item in drawn)]
        colour = ["black", *(styles[item.record.method]["color"] for item in drawn)]
        self.colours = colour
        for index, axis in enumerate(axes):
            if index:
                axis.set(xticks=[], yticks=[])
            axis.annotate(
                textwrap.shorten(names[index], 24),
                (0.5, 1.0),
                (0, 15),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="center",
                weight="bold",
                color=colour[index],
            )
        axes[0].set(xlabel=plane.labels[0], ylabel=plane.labels[1])
        self.titles = [axis.set_title(" ") for axis in axes]
        name = first.fields[0].replace("_", " ")
        label = axis_label(name, unit=first.unit(first.fields[0]))
        bar: dict[str, Any] = {"label": label, "aspect": 18 * rows, "pad": 0.01}
        bar["extend"] = beyond(samples, colours["norm"])
        self.figure.colorbar(self.images[0], ax=everywhere.tolist(), **bar)
        self.heading = f"{first.record.title}, case {first.cases[case]}"
        self.head = self.figure.suptitle(self.heading, x=0.01, ha="left", fontsize=9)
        if plane.scene is not None:
            entries = legend_entries(plane.scene)
            place: dict[str, Any] = {"loc": "outside lower center", "ncols": len(entries)}
            self.figure.legend(handles=entries, **place)
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")

    def palette(self) -> NDArray[np.uint8]:
        """Return the colours of all frames `[256, 3]`: of values, greys, names and their edges."""
        text = np.array([to_rgb(colour) for colour in [*self.colours, *TARGET]])[:20]
        grey = np.linspace(0, 1, 40).reshape(-1, 1).repeat(3, axis=1)
        free = 256 - len(grey) - 2 * len(text)
        values = self.images[0].get_cmap()(np.linspace(0, 1, free))[:, :3]
        colours = np.concatenate([values, grey, text, (text + 1) / 2])
        return np.asarray((255 * colours).round().astype(np.uint8))

    def pixels(self, index: int, time: float) -> NDArray[np.uint8]:
        """Draw a frame, its values, time and errors, `[height, width, 3]`."""
        self.head.set_text(f"{self.heading}, t = {time:.5g} {self.unit}".rstrip())
        truth = self.frames[0][index]
        for number, (frames, image) in enumerate(zip(self.frames, self.images, strict=True)):
            image.set_array(np.ma.masked_invalid(frames[index]))
            if number:
                error = mse_text(frames[index] - truth)
                self.titles[number].set_text("given" if self.given and not index else error)
        canvas: Any = self.canvas
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3]


def _in_palette(pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> Image.Image:
    """Give each pixel the nearest colour; Pillow's own search is coarse and turns white grey."""
    packed = pixels.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    colours, where = np.unique(packed, return_inverse=True)
    parts = np.stack([colours >> 16, (colours >> 8) & 255, colours & 255], axis=-1)
    distance = ((parts[:, None] - palette.astype(np.int64)) ** 2).sum(axis=-1)
    nearest = distance.argmin(axis=1).astype(np.uint8)
    image = Image.fromarray(nearest[where.reshape(packed.shape)])
    image.putpalette(palette.tobytes())
    return image
