"""Arguments and presets of the transforms, and the windows that they choose."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from kerasfast.vision.pipeline import transforms as module
from kerasfast.vision.pipeline.transforms import (
    DRAWS,
    Transforms,
    transforms_basic,
    transforms_side_on,
    transforms_top_down,
)


def random_draws(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, DRAWS), np.float32)


def windows(transforms: Transforms, height: int, width: int, count: int = 500) -> np.ndarray:
    """(count, 4) random windows."""
    sides = (tf.fill([count], side) for side in (height, width))
    return module.windows(transforms, *sides, tf.constant(random_draws(count))).numpy()


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "`size` must be a whole number, 1 or more; received 0"),
        ({"size": 224.0}, "`size` must be a whole number"),
        ({"size": True}, "`size` must be a whole number"),
        ({"size": "224"}, "`size` must be a whole number"),
        ({"crop": "centre"}, "`crop` must be one of 'random', 'center', 'squash', 'area'; received 'centre'"),
        ({"padding": "zeros"}, "`padding` must be one of 'reflect', 'constant', 'nearest', 'wrap'; received 'zeros'"),
        ({"max_zoom": 0.9}, "`max_zoom` must be a number, 1 or more and 100 or less; received 0.9"),
        ({"max_zoom": float("nan")}, "`max_zoom` must be a number, 1 or more and 100 or less; received nan"),
        ({"max_zoom": "1.1"}, "`max_zoom` must be a number"),
        ({"rotate": -10}, "`rotate` must be a number, 0 or more and 180 or less; received -10"),
        ({"rotate": None}, "`rotate` must be a number"),
        ({"brightness": 5}, "`brightness` must be a number, 0 or more and 1 or less"),
        ({"contrast": 1.5}, "`contrast` must be a number, 0 or more and 1 or less"),
        ({"pad": 0.5}, "`pad` must be a whole number, from 0 to 224; received 0.5"),
        ({"size": 8, "pad": 9}, "`pad` must be a whole number, from 0 to 8; received 9"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Transforms(**arguments)


def test_numpy_sizes_become_plain_numbers():
    assert type(Transforms(np.int64(64)).size) is int


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        (transforms_basic, {}),
        (transforms_side_on, {"flip": True}),
        (transforms_top_down, {"dihedral": True}),
    ],
)
def test_presets_are_the_courses_and_can_be_changed(preset, expected):
    basic = {"size": 64, "rotate": 10.0, "brightness": 0.05, "contrast": 0.05}
    assert preset(64) == Transforms(**basic, **expected)
    assert preset(64, max_zoom=1.1, rotate=20) == Transforms(**{**basic, **expected, "max_zoom": 1.1, "rotate": 20})
    assert not preset(64, flip=False, dihedral=False).flip
    assert not preset(64, flip=False, dihedral=False).dihedral


@pytest.mark.parametrize(
    ("crop", "expected"), [("random", "center"), ("center", "center"), ("area", "center"), ("squash", "squash")]
)
def test_validation_keeps_size_and_kind_of_crop_only(crop, expected):
    transforms = transforms_top_down(32, crop=crop, max_zoom=1.2, pad=3)
    assert transforms.validation() == Transforms(32, expected)
    assert transforms.at_size(64) == dataclasses.replace(transforms, size=64)


# ---------------------------------------------------------------- windows


@pytest.mark.parametrize(("height", "width"), [(10, 10), (10, 13), (13, 10), (10, 14), (1, 7), (7, 1), (375, 500)])
def test_validation_takes_the_courses_centre_whatever_the_draw(height, width):
    side = min(height, width)
    expected = [int(np.ceil((height - side) / 2)), int(np.ceil((width - side) / 2)), side, side]
    assert (windows(transforms_side_on(32, max_zoom=1.5).validation(), height, width, 20) == expected).all()


def test_squash_takes_the_whole_picture():
    assert (windows(Transforms(32, "squash", max_zoom=1.5), 20, 30, 20) == [0, 0, 20, 30]).all()


@pytest.mark.parametrize(("height", "width"), [(10, 14), (14, 10)])
def test_random_windows_reach_both_ends_equally_often(height, width):
    top, left, rows, columns = windows(Transforms(32), height, width, 2000).T
    assert (rows == 10).all() and (columns == 10).all()
    long, short = (left, top) if width > height else (top, left)
    assert (short == 0).all()
    counts = np.bincount(long, minlength=5)
    assert len(counts) == 5
    assert counts.min() > 320 and counts.max() < 480


def test_zoom_makes_smaller_windows_inside_the_picture_three_times_in_four():
    top, left, rows, columns = windows(Transforms(32, max_zoom=2.0), 100, 130, 2000).T
    assert (rows == columns).all()
    assert 0.72 < np.mean(rows < 100) < 0.78
    zooms = 100 / rows[rows < 100]
    assert zooms.max() <= 2.0 and zooms.max() > 1.98
    assert abs(zooms.mean() - 1.5) < 0.03
    assert top.min() == left.min() == 0
    assert (top + rows).max() == 100 and (left + columns).max() == 130
    assert len(np.unique(top[rows < 60])) > 30


def test_zoomed_centre_windows_stay_in_the_centre():
    top, left, rows, columns = windows(Transforms(32, "center", max_zoom=2.0), 100, 130).T
    np.testing.assert_array_equal(top, np.ceil((100 - rows) / 2))
    np.testing.assert_array_equal(left, np.ceil((130 - columns) / 2))


def test_zoom_never_asks_for_an_empty_window():
    assert (windows(Transforms(32, max_zoom=100), 2, 3)[:, 2:] >= 1).all()


@pytest.mark.parametrize(("height", "width"), [(300, 200), (200, 300), (240, 240)])
def test_area_windows_have_every_size_aspect_and_place(height, width):
    top, left, rows, columns = windows(Transforms(32, "area"), height, width, 2000).T
    area, aspect = rows * columns / (height * width), columns / rows
    assert 0.079 < area.min() < 0.1 and area.max() > 0.75
    assert 0.74 < aspect.min() < 0.77 and 1.3 < aspect.max() < 1.35
    assert 0.35 < np.mean(aspect > 1) < 0.65
    assert top.min() == left.min() == 0
    assert (top + rows).max() == height and (left + columns).max() == width
    assert len(np.unique(top)) > 80


@pytest.mark.parametrize(("height", "width"), [(1, 500), (500, 1), (1, 1), (20, 900)])
def test_area_windows_of_odd_pictures_lie_inside_them(height, width):
    top, left, rows, columns = windows(Transforms(32, "area"), height, width, 100).T
    assert rows.min() >= 1 and columns.min() >= 1 and top.min() >= 0 and left.min() >= 0
    assert (top + rows).max() <= height and (left + columns).max() <= width


def test_area_falls_back_to_the_central_square():
    assert (windows(Transforms(32, "area"), 4, 999, 10) == [0, 498, 4, 4]).all()
