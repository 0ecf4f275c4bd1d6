"""Scenes over frames, animations, the figure of a scene, and that of series."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from drawn_figures import kept, on_map, panels, texts
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.path import Path as Polygon
from PIL import Image
from small_smoke import smoke
from synthetic_evaluations import changed, evaluation, evaluations, scene
from waves import make_data

from wdno.data.netcdf import DataError
from wdno.evaluation import figures as drawings
from wdno.evaluation.figures import plane as figure_plane
from wdno.evaluation.figures.scene_overlay import outline, rectangles
from wdno.evaluation.record import EvaluationError

pytestmark = pytest.mark.filterwarnings("error")
GRID = (5, 8, 8)


def with_scene(method: str = "wdno", **changes):
    """A record with a scene and the frame before the first generated one."""
    given = np.full((3, 1, 8, 8), 0.25)
    options = {"grid": GRID, "fields": ("density",), "scene": scene(), "given": given}
    return evaluation(method, **(options | changes))


def covered(polygons, where) -> np.ndarray:
    """Count the polygons that cover each of the centres `[Y, X]`."""
    points = np.stack(np.meshgrid(where.x, where.y), axis=-1).reshape(-1, 2)
    counts = sum(Polygon(polygon).contains_points(points).astype(int) for polygon in polygons)
    return np.asarray(counts).reshape(len(where.y), len(where.x))


def solid(axis) -> PolyCollection:
    """The obstacles of a panel."""
    return next(item for item in axis.collections if isinstance(item, PolyCollection))


def gif(path: Path) -> tuple[list[np.ndarray], list[int]]:
    """The frames of an animation and how long they are shown, in ms."""
    with Image.open(path) as image:
        frames, durations = [], []
        for index in range(image.n_frames):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB"), dtype=int))
            durations.append(image.info["duration"])
    return frames, durations


def test_rectangles_cover_a_mask_once():
    where = scene()
    rng = np.random.default_rng(0)
    for mask in (where.obstacle, where.control_frame, rng.random((16, 16)) < 0.5):
        assert np.array_equal(covered(rectangles(where, mask), where), mask.astype(int))
    assert len(rectangles(where, where.obstacle)) == 1


@pytest.mark.parametrize("falling", [False, True])
def test_outlines_are_where_a_mask_begins(falling):
    where = scene()
    if falling:
        where = dataclasses.replace(where, y=where.y[::-1])
    sides = outline(where, where.bucket == 0)
    assert sum(np.abs(np.diff(side, axis=0)).sum() for side in sides) * 16 == pytest.approx(14)
    ends = np.concatenate(sides)
    assert (ends.min(axis=0) * 16).tolist() == [2, 0 if falling else 13]
    assert (ends.max(axis=0) * 16).tolist() == [6, 3 if falling else 16]
    assert len(outline(where, where.control_frame, border=False)) == 4


def test_a_scene_lies_over_every_frame(tmp_path, drawn):
    drawings.trajectories([with_scene()], tmp_path / "a")
    where = scene()
    shown = panels(drawn[0])
    assert len(shown) == 9
    for axis in shown:
        polygons = [path.vertices[:4] for path in solid(axis).get_paths()]
        assert np.array_equal(covered(polygons, where), where.obstacle.astype(int))
        lines = [item for item in axis.collections if isinstance(item, LineCollection)]
        assert len(lines) == 3, "the control frame and two buckets"
        widths = [item.get_linewidths()[0] for item in lines]
        assert widths[-1] > max(widths[:-1]), "the target is drawn last and wider"
        assert np.concatenate(lines[-1].get_segments()).min() * 16 == pytest.approx(2)
        assert axis.get_xlim() == pytest.approx((-1 / 14, 15 / 14)), "the limits are the image's"
    names = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert names[:3] == ["obstacle", "target bucket (0)", "other buckets"]


def test_without_a_scene_frames_are_as_they_were(tmp_path, drawn):
    drawings.trajectories([evaluation("wdno", grid=GRID)], tmp_path / "a")
    assert [len(axis.collections) for axis in panels(drawn[0])] == [1] * 9
    assert not drawn[0].legends


def test_animation(tmp_path):
    records = [with_scene("wdno"), with_scene("persistence")]
    drawings.animation(records, tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]
    frames, durations = gif(tmp_path / "a.gif")
    assert len(frames) == GRID[0] + 1, "the given frame, and those that are generated"
    assert durations == GRID[0] * [160] + [1000]
    size = (tmp_path / "a.gif").stat().st_size
    assert size < 500_000
    assert (frames[0][0, -1] == 255).all(), "white stays white"
    # In the given frame all panels are the same: of one colour but for the scene.
    changes = [np.abs(frame - frames[0]).sum(axis=2) > 60 for frame in frames[1:]]
    columns = np.array_split(changes[-1][60:160], 3, axis=1)
    assert all(part.mean() > 0.2 for part in columns), [part.mean() for part in columns]


def test_an_animation_says_the_errors_of_each_frame(tmp_path, monkeypatch):
    said = []

    def keep(self):
        draw(self)
        axes = self.figure.axes[:3]
        titles = [axis.get_title() for axis in axes]
        values = [np.array(axis.collections[0].get_array()) for axis in axes]
        norms = [axis.collections[0].norm for axis in axes]
        said.append((self.figure.get_suptitle(), titles, values, norms))

    draw = FigureCanvasAgg.draw
    monkeypatch.setattr(FigureCanvasAgg, "draw", keep)
    records = [with_scene("wdno"), with_scene("persistence")]
    drawings.animation(records, tmp_path / "a", methods=["persistence", "wdno"], case=0)
    assert len(said) == GRID[0] + 1
    assert said[0][0] == "Burgers equation, case 0, t = 0 s"
    assert said[0][1] == [" ", "given", "given"]
    assert all((values == 0.25).all() for values in said[0][2])
    truth, error = kept(records[0], "truth")[0, 0], kept(records[0], "prediction")[0, 0]
    error = error - truth
    for index, (heading, titles, values, norms) in enumerate(said[1 : GRID[0] + 1]):
        assert heading.endswith(f"t = {kept(records[0], 'time')[index]:.5g} s")
        assert float(titles[2].split()[1]) == pytest.approx((error[index] ** 2).mean(), rel=0.06)
        assert values[0] == pytest.approx(truth[index])
        assert values[1] == pytest.approx(kept(records[1], "prediction")[0, 0, index])
        assert {norm.vmax for norm in norms} == {np.abs(truth).max()}, "one scale at all times"


def test_an_animation_is_of_the_example_that_changes_most(tmp_path, monkeypatch):
    headings = []

    def keep(self):
        draw(self)
        headings.append(self.figure.get_suptitle())

    draw = FigureCanvasAgg.draw
    monkeypatch.setattr(FigureCanvasAgg, "draw", keep)
    record = with_scene()
    kept(record, "truth")[1, 0, -1] += 10.0
    drawings.animation([record], tmp_path / "a")
    assert {heading.split(",")[1] for heading in headings if heading} == {" case 1"}


def test_the_same_animation_is_the_same_file(tmp_path):
    for name in ("a", "b"):
        drawings.animation([with_scene()], tmp_path / name)
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_animation_of_a_map_without_given_frames(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(figure_plane, "coastlines", lambda *box: asked.append(box) or [])
    record = on_map(GRID)
    record = changed(record, examples=record.shown().drop_vars("given"))
    drawings.animation([record], tmp_path / "a")
    frames, _ = gif(tmp_path / "a.gif")
    assert len(frames) == GRID[0]
    assert len(asked) == 1, "coastlines are asked for once"


def test_animations_of_what_cannot_be_drawn_are_refused(tmp_path):
    with pytest.raises(EvaluationError, match="needs two space axes"):
        drawings.animation([evaluation("wdno")], tmp_path / "a")
    with pytest.raises(EvaluationError, match="4 examples asked for, 3 are recorded"):
        drawings.animation([with_scene()], tmp_path / "a", case=3)
    record = with_scene()
    kept(record, "prediction")[0, 0, 2] = np.nan
    drawings.animation([record], tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["b.gif"]


def test_series(tmp_path, drawn):
    records = evaluations(("wdno", "persistence"), seeds=1, grid=GRID, series=("share", "rest"))
    drawings.series(records, tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png"]
    axes = drawn[0].axes
    assert len(axes) == 2 * 3
    assert [axis.get_title() for axis in axes] == ["case 0", "case 1", "case 2", "", "", ""]
    assert [axis.get_ylabel() for axis in axes] == ["share", "", "", "rest", "", ""]
    for position, axis in enumerate(axes):
        row, column = divmod(position, 3)
        truth, *others = axis.lines
        assert truth.get_color() == "black"
        assert truth.get_linewidth() > max(line.get_linewidth() for line in others)
        assert truth.get_ydata() == pytest.approx(kept(records[0], "series_truth")[column, row])
        for line, record in zip(others, records, strict=True):
            values = kept(record, "series_prediction")[column, row]
            assert line.get_ydata() == pytest.approx(values)
    names = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert names == ["Truth", "WDNO", "Persistence"]


def test_series_that_diverge_do_not_hide_the_truth(tmp_path, drawn):
    record = evaluation("wdno", grid=GRID, series=("share",))
    kept(record, "series_prediction")[:] = 1e6
    drawings.series([record], tmp_path / "a")
    truth = kept(record, "series_truth")
    assert drawn[0].axes[0].get_ylim()[1] <= truth.max() + np.ptp(truth) + 1e-6
    with pytest.raises(EvaluationError, match="has no series"):
        drawings.series([evaluation("wdno", grid=GRID)], tmp_path / "b")


def test_the_figure_of_a_scene(tmp_path, drawn):
    system = smoke(cells=32, steps=8, grid={"time": 4, "cells": 16})
    path = make_data(tmp_path / "train.nc", system=system, count=5)
    drawings.scene(path, tmp_path / "figures" / "a")
    names = sorted(file.name for file in (tmp_path / "figures").iterdir())
    assert names == ["a.pdf", "a.png"]
    axis = drawn[0].axes[0]
    assert (axis.get_xlim(), axis.get_ylim()) == ((0, 128), (0, 128))
    assert axis.get_aspect() == 1.0
    assert sorted(text.get_text() for text in axis.texts) == list("0123456")
    bold = [text.get_text() for text in axis.texts if text.get_weight() == "bold"]
    assert bold == ["1"], "the target stands out"
    data = system.generate([system.sample_seed("train", k) for k in range(5)])
    mesh = np.asarray(axis.collections[0].get_array())
    assert mesh == pytest.approx(data["density"][:, 0].mean(axis=0), abs=1e-6)
    obstacles = next(c for c in axis.collections if isinstance(c, PolyCollection) and c.zorder > 2)
    centres = np.arange(2, 128, 4.0)
    where = dataclasses.replace(scene(), y=centres, x=centres)
    polygons = [item.vertices[:4] for item in obstacles.get_paths()]
    assert np.array_equal(covered(polygons, where), system.drawing.solid.astype(int))
    legend = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert "target bucket (1)" in legend and "mean start of 5 samples" in legend
    assert legend[-3:] == ["t = 0", "t = 128", "t = 256"]


def test_a_file_without_a_scene_is_refused(tmp_path, waves_file):
    with pytest.raises(DataError, match="has no scene"):
        drawings.scene(waves_file, tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_texts_of_frames_stay(tmp_path, drawn):
    drawings.trajectories([with_scene()], tmp_path / "a")
    assert texts(drawn[0])[::2] == ["Truth", "WDNO"]
