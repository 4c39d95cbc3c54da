"""Windows, warps and lighting against slow NumPy references, and the chances with which they happen."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from kerasfast.vision import transforms as module
from kerasfast.vision.transforms import (
    DRAWS,
    Transforms,
    affine_matrices,
    augment,
    transforms_basic,
    transforms_side_on,
    transforms_top_down,
    window,
)

NEVER = 0.99  # above every probability of the course


def draws_of(count: int = 1, **values) -> np.ndarray:
    """(count, DRAWS) numbers for which nothing happens, but for the given ones."""
    draws = np.full((count, DRAWS), NEVER, np.float32)
    draws[:, [module.BRIGHTNESS, module.CONTRAST, module.SHIFT_X, module.SHIFT_Y]] = 0.5
    for name, value in values.items():
        draws[:, getattr(module, name)] = value
    return draws


def random_draws(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, DRAWS), np.float32)


def windows(transforms: Transforms, height: int, width: int, count: int = 500) -> np.ndarray:
    """(count, 4) random windows."""

    @tf.function
    def choose(draws):
        one = lambda draw: window(transforms, tf.constant(height), tf.constant(width), draw)
        return tf.map_fn(one, draws, fn_output_signature=tf.int32)

    return choose(tf.constant(random_draws(count))).numpy()


def reflect(position: np.ndarray, size: int) -> np.ndarray:
    """dcba|abcd|dcba."""
    position = np.mod(position, 2 * size)
    return np.where(position < size, position, 2 * size - 1 - position)


def naive_warp(image: np.ndarray, inverse) -> np.ndarray:
    """Bilinear look-up of `inverse(x, y)`, coordinates from the centre, with reflection at the edges."""
    size = len(image)
    centre = (size - 1) / 2
    warped = np.zeros(image.shape, np.float64)
    for row in range(size):
        for column in range(size):
            x, y = inverse(column - centre, row - centre)
            x, y = x + centre, y + centre
            left, top = int(np.floor(x)), int(np.floor(y))
            for across in (0, 1):
                for down in (0, 1):
                    weight = abs(1 - across - (x - left)) * abs(1 - down - (y - top))
                    warped[row, column] += weight * image[reflect(top + down, size), reflect(left + across, size)]
    return warped


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "`size` must be a whole number of pixels, 1 or more; received 0"),
        ({"size": 224.0}, "`size` must be a whole number"),
        ({"size": True}, "`size` must be a whole number"),
        ({"size": "224"}, "`size` must be a whole number"),
        ({"crop": "centre"}, "`crop` must be one of random, center, squash, area; received 'centre'"),
        ({"padding": "zeros"}, "`padding` must be one of reflect, constant, nearest, wrap; received 'zeros'"),
        ({"max_zoom": 0.9}, "`max_zoom` must be a number from 1 to 100; received 0.9"),
        ({"max_zoom": float("nan")}, "`max_zoom` must be a number from 1 to 100; received nan"),
        ({"max_zoom": "1.1"}, "`max_zoom` must be a number"),
        ({"rotate": -10}, "`rotate` must be a number from 0 to 180; received -10"),
        ({"rotate": None}, "`rotate` must be a number"),
        ({"brightness": 5}, "`brightness` must be a number from 0 to 1"),
        ({"contrast": 1.5}, "`contrast` must be a number from 0 to 1"),
        ({"pad": 0.5}, "`pad` must be a whole number of pixels; received 0.5"),
        ({"size": 8, "pad": 9}, "`pad` must be a number from 0 to 8; received 9"),
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


# ---------------------------------------------------------------- warps


@pytest.fixture
def image(rng) -> np.ndarray:
    return rng.integers(0, 256, (9, 9, 3), np.uint8)


@pytest.mark.parametrize("degrees", [-30.0, -7.0, 10.0, 45.0])
def test_rotation_is_the_naive_one(image, degrees):
    transforms = Transforms(9, rotate=60.0)
    rotated = augment(tf.constant(image[None]), draws_of(ROTATES=0, ANGLE=(degrees / 60 + 1) / 2), transforms)[0].numpy()
    angle = np.deg2rad(degrees)
    expected = naive_warp(
        image, lambda x, y: (np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y)
    )
    assert np.abs(rotated - expected).max() <= 0.5 + 0.05


def test_rotation_happens_three_times_in_four_up_to_its_limit():
    matrices = affine_matrices(tf.constant(random_draws(4000)), Transforms(9, rotate=20.0)).numpy()
    degrees = np.rad2deg(np.arctan2(matrices[:, 3], matrices[:, 0]))
    assert 0.73 < np.mean(degrees != 0) < 0.77
    assert degrees.min() < -19.8 and degrees.max() > 19.8 and np.abs(degrees).max() <= 20.001
    assert abs(degrees.mean()) < 1


@pytest.mark.parametrize("size", [9, 10])
def test_a_flip_is_exact_and_happens_every_second_time(rng, size):
    images = rng.integers(0, 256, (400, size, size, 3), np.uint8)
    flipped = augment(tf.constant(images), random_draws(400), Transforms(size, flip=True)).numpy()
    mirrored = (flipped == images[:, :, ::-1]).all((1, 2, 3))
    assert (mirrored | (flipped == images).all((1, 2, 3))).all()
    assert 0.43 < mirrored.mean() < 0.57


@pytest.mark.parametrize("size", [9, 10])
def test_all_eight_symmetries_are_exact_and_about_equally_frequent(rng, size):
    image = rng.integers(0, 256, (size, size, 3), np.uint8)
    turned = augment(tf.constant(np.stack([image] * 1600)), random_draws(1600), Transforms(size, dihedral=True)).numpy()
    symmetries = [np.rot90(side, turns) for side in (image, image[:, ::-1]) for turns in range(4)]
    counts = [int((turned == symmetry).all((1, 2, 3)).sum()) for symmetry in symmetries]
    assert sum(counts) == 1600
    assert min(counts) > 150 and max(counts) < 250


def test_symmetries_and_rotation_combine(image):
    draws = draws_of(ROTATES=0, ANGLE=0.75, QUARTER_TURNS=0.3, FLIP=0)
    turned = augment(tf.constant(image[None]), draws, Transforms(9, rotate=20.0, dihedral=True))[0].numpy()
    angle = np.deg2rad(10 + 90)
    expected = naive_warp(
        image, lambda x, y: (-np.cos(angle) * x - np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y)
    )
    assert np.abs(turned - expected).max() <= 0.5 + 0.05


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("reflect", [2, 1, 0, 0, 1, 2, 3]),
        ("constant", [-1, -1, -1, 0, 1, 2, 3]),
        ("nearest", [0, 0, 0, 0, 1, 2, 3]),
        ("wrap", [4, 5, 6, 0, 1, 2, 3]),
    ],
)
def test_shifts_fill_in_as_told(rng, padding, expected):
    image = rng.integers(1, 256, (7, 7, 3), np.uint8)
    shifted = augment(tf.constant(image[None]), draws_of(SHIFT_X=0.0), Transforms(7, pad=3, padding=padding))[0].numpy()
    blank = np.zeros((7, 1, 3), np.uint8)
    columns = [blank if column < 0 else image[:, column : column + 1] for column in expected]
    np.testing.assert_array_equal(shifted, np.concatenate(columns, 1))


def test_every_shift_is_equally_frequent():
    matrices = affine_matrices(tf.constant(random_draws(5000)), Transforms(9, pad=2)).numpy()
    for column in (2, 5):
        values, counts = np.unique(matrices[:, column], return_counts=True)
        assert values.tolist() == [-2, -1, 0, 1, 2]
        assert counts.min() > 900


# ---------------------------------------------------------------- lighting


@pytest.mark.parametrize("brightness", [-0.2, 0.0, 0.1])
@pytest.mark.parametrize("contrast", [-0.5, -0.1, 0.0, 0.3])
def test_lighting_is_the_courses(image, brightness, contrast):
    draws = draws_of(BRIGHTNESS=(brightness / 0.4 + 1) / 2, CONTRAST=(contrast / 0.8 + 1) / 2)
    lit = augment(tf.constant(image[None]), draws, Transforms(9, brightness=0.4, contrast=0.8))[0].numpy()
    factor = -1 / (contrast - 1) if contrast < 0 else contrast + 1
    pixels = image / 255
    expected = np.clip((pixels - pixels.mean()) * factor + pixels.mean() + brightness, 0, 1) * 255
    assert np.abs(lit - expected).max() <= 0.5 + 0.05


# ---------------------------------------------------------------- batches


@pytest.mark.parametrize("transforms", [Transforms(9), Transforms(9, flip=True), transforms_basic(9)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_pixels_come_out_as_uint8_of_the_same_shape(image, transforms, dtype):
    received = augment(tf.constant(np.stack([image, image]).astype(dtype)), draws_of(2), transforms)
    assert received.dtype == tf.uint8 and received.shape == (2, 9, 9, 3)
    np.testing.assert_array_equal(received[0], image)


def test_an_unaugmented_batch_is_not_touched(image):
    images = tf.constant(image[None])
    assert augment(images, tf.constant(random_draws(1)), Transforms(9)) is images


def test_equal_draws_give_equal_pictures_and_other_draws_others(image):
    images, transforms = tf.constant(np.stack([image] * 8)), transforms_top_down(9)
    draws = random_draws(8)
    first = augment(images, draws, transforms).numpy()
    np.testing.assert_array_equal(first, augment(images, draws, transforms))
    np.testing.assert_array_equal(first[3], augment(images[:1], draws[3:4], transforms)[0])
    assert len(np.unique(first.reshape(8, -1), axis=0)) == 8
    assert (first != augment(images, random_draws(8, seed=1), transforms).numpy()).any((1, 2, 3)).all()
