"""Moving pictures: the same field on two space axes in panels side by side, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver
from numpy.typing import NDArray
from PIL import Image

from wdno.evaluation.figures.images import Values
from wdno.evaluation.figures.plane import Plane
from wdno.evaluation.figures.scene_overlay import TARGET, legend_entries
from wdno.evaluation.figures.style import STYLE, show_as_written
from wdno.files import atomic_path
from wdno.text_tables import number

MILLISECONDS, LAST_MILLISECONDS = 160, 1000
"""How long each frame stays, and the last one."""
DPI = 100
COLUMNS = 5
"""Panels side by side; further ones stand below."""
ARROW = "#D55E00"
MOST_LETTERS = 24
"""Most letters of a name above a panel."""
_PANEL = 1.9  # inches, width; the height follows, within these bounds.
_LOWEST, _HIGHEST = 1.0, 3.0


@dataclass(frozen=True, eq=False)
class Arrows:
    """Vectors that move with the frames.

    Attributes:
        y: places along the first axis of space, ``[a]``.
        x: places along the second one, ``[a]``.
        vectors: components along y and x, ``[n, 2, a]``.
    """

    y: Values
    x: Values
    vectors: Values


@dataclass(frozen=True, eq=False)
class MovingPanel:
    """A panel, and what changes in it.

    Attributes:
        name: heading.
        colour: of the heading.
        frames: values of the field, ``[n, ny, nx]``.
        said: line below the heading, of each frame.
        arrows: over the field; None: none.
    """

    name: str
    colour: str
    frames: Values
    said: Sequence[str]
    arrows: Arrows | None = None


@dataclass(frozen=True, eq=False)
class MovingPicture:
    """What all panels have in common.

    Attributes:
        heading: above all, before the time.
        time: of the n frames.
        unit: of the time; empty: none.
        plane: the axes of space, and what lies over the images.
        colours: colour map and scale, as :func:`wdno.evaluation.figures.images.scale_of_field`.
        extend: ends of the scale that values go beyond.
        label: of the colour bar.
        arrow_label: what arrows are, before the length of the one in the key.
        arrow_length: length of that one, which is a sixth of a panel's width.
    """

    heading: str
    time: Sequence[float]
    unit: str
    plane: Plane
    colours: dict[str, Any]
    extend: str
    label: str
    arrow_label: str = ""
    arrow_length: float = 1.0

    def save(self, path: str | Path, panels: Sequence[MovingPanel]) -> None:
        """Draw panels as `{path}.gif`; the same picture is the same file.

        Args:
            path: without suffix.
            panels: side by side, in this order.
        """
        path = Path(path)
        with mpl.rc_context(STYLE), atomic_path(path.parent / f"{path.name}.gif") as temporary:
            drawn = _Drawn(self, panels)
            # One palette without dithering: what stays is the same in all frames, and stored once.
            palette = drawn.palette()
            images = [_in_palette(drawn.pixels(k), palette) for k in range(len(self.time))]
            durations = [MILLISECONDS] * (len(images) - 1) + [LAST_MILLISECONDS]
            options: dict[str, Any] = {"save_all": True, "duration": durations, "loop": 0}
            images[0].save(temporary, format="GIF", append_images=images[1:], **options)


class _Drawn:
    """The panels as a figure whose content is exchanged from frame to frame."""

    def __init__(self, picture: MovingPicture, panels: Sequence[MovingPanel]) -> None:
        self.picture, self.panels = picture, panels
        plane = picture.plane
        columns = min(len(panels), COLUMNS)
        rows = -(-len(panels) // columns)
        high = float(np.clip(_PANEL * plane.ratio, _LOWEST, _HIGHEST)) + 0.4
        entries = [] if plane.scene is None else legend_entries(plane.scene)
        # All in one line, where the panels leave room for it.
        across = len(entries) if columns > 2 else 2
        below = 0.1 + 0.2 * -(-len(entries) // max(across, 1)) if entries else 0.0
        size = (_PANEL * columns + 1.0, high * rows + 0.55 + below)
        self.figure = Figure(figsize=size, dpi=DPI, layout="constrained", facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        everywhere = self.figure.subplots(rows, columns, squeeze=False).ravel()
        axes = everywhere[: len(panels)]
        for axis in everywhere[len(panels) :]:
            axis.set_axis_off()
        self.images, self.arrows = [], []
        for index, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
            self.images.append(plane.draw(axis, panel.frames[0], dark=False, **picture.colours))
            self.arrows.append(self._quiver(axis, panel.arrows))
            if index:
                axis.set(xticks=[], yticks=[])
            axis.annotate(
                _shortened(panel.name),
                (0.5, 1.0),
                (0, 15),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="center",
                weight="bold",
                color=panel.colour,
            )
        axes[0].set(xlabel=plane.labels[0], ylabel=plane.labels[1])
        self.titles = [axis.set_title(" ") for axis in axes]
        bar: dict[str, Any] = {"label": picture.label, "aspect": 18 * rows, "pad": 0.01}
        bar["extend"] = picture.extend
        self.figure.colorbar(self.images[0], ax=everywhere.tolist(), **bar)
        self.head = self.figure.suptitle(picture.heading, x=0.01, ha="left", fontsize=9)
        if entries:
            place: dict[str, Any] = {"loc": "outside lower center", "ncols": across}
            self.figure.legend(handles=entries, **place)
        self._arrow_key()
        show_as_written(self.figure)
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")

    def _quiver(self, axis: Any, arrows: Arrows | None) -> Quiver | None:
        if arrows is None:
            return None
        style: dict[str, Any] = {"color": ARROW, "width": 0.012, "zorder": 3}
        style |= {"angles": "xy", "scale_units": "width", "scale": 6 * self.picture.arrow_length}
        first = arrows.vectors[0]
        found: Quiver = axis.quiver(arrows.x, arrows.y, first[1], first[0], **style)
        return found

    def _arrow_key(self) -> None:
        """Draw the key of the arrows at the upper right."""
        known = [one for one in self.arrows if one is not None]
        if known:
            length = self.picture.arrow_length
            text = f"{self.picture.arrow_label} {number(length, 2)}"
            place: dict[str, Any] = {"coordinates": "figure", "labelpos": "W", "labelsep": 0.05}
            axis: Any = known[0].axes
            axis.quiverkey(known[0], 0.9, 0.97, length, text, **place)

    def palette(self) -> NDArray[np.uint8]:
        """Return the colours of all frames `[256, 3]`: of values, greys, names and their edges."""
        named = [*(panel.colour for panel in self.panels), *TARGET]
        named += [ARROW] if any(one is not None for one in self.arrows) else []
        text = np.array([to_rgb(colour) for colour in named])[-20:]
        grey = np.linspace(0, 1, 40).reshape(-1, 1).repeat(3, axis=1)
        free = 256 - len(grey) - 2 * len(text)
        values = self.images[0].get_cmap()(np.linspace(0, 1, free))[:, :3]
        colours = np.concatenate([values, grey, text, (text + 1) / 2])
        return np.asarray((255 * colours).round().astype(np.uint8))

    def pixels(self, index: int) -> NDArray[np.uint8]:
        """Draw a frame, its values, arrows, time and lines, `[height, width, 3]`."""
        picture = self.picture
        self.head.set_text(
            f"{picture.heading}, t = {picture.time[index]:.5g} {picture.unit}".rstrip()
        )
        for panel, image, arrows, title in zip(
            self.panels, self.images, self.arrows, self.titles, strict=True
        ):
            image.set_array(np.ma.masked_invalid(panel.frames[index]))
            title.set_text(panel.said[index])
            if arrows is not None and panel.arrows is not None:
                arrows.set_UVC(*panel.arrows.vectors[index][::-1])
        canvas: Any = self.canvas
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3]


def _shortened(name: str) -> str:
    """Return a name that fits above a panel."""
    return name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1].rstrip()}…"


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
