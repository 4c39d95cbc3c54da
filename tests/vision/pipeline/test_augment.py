"""Warps and lighting against slow NumPy references, and the chances with which they happen."""

import dataclasses

import numpy as np
import pytest

from kerasfast.vision.pipeline import transforms as module
from kerasfast.vision.pipeline import warps
from kerasfast.vision.pipeline.augment import augment, choices
from kerasfast.vision.pipeline.transforms import DRAWS, Transforms, transforms_basic, transforms_top_down

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


@pytest.fixture(autouse=True, params=["pillow", "opencv"])
def engine(request, monkeypatch) -> str:
    if request.param == "pillow":
        monkeypatch.setattr(warps, "opencv", lambda: None)
    elif warps.opencv() is None:
        pytest.skip("needs OpenCV 5")
    return request.param


def assert_rounded(received: np.ndarray, expected: np.ndarray, engine: str) -> None:
    """Pillow rounds down, OpenCV to the nearest."""
    below = expected - received + (0.5 if engine == "opencv" else 0.0)
    assert below.min() > -0.05 and below.max() < 1.05


# ---------------------------------------------------------------- warps


@pytest.fixture
def image(rng) -> np.ndarray:
    return rng.integers(0, 256, (9, 9, 3), np.uint8)


@pytest.mark.parametrize("degrees", [-30.0, -7.0, 10.0, 45.0])
def test_rotation_is_the_naive_one(image, degrees, engine):
    transforms = Transforms(9, rotate=60.0)
    draws = draws_of(ROTATES=0, ANGLE=(degrees / 60 + 1) / 2)
    rotated = augment(image[None], draws, transforms)[0]
    angle = np.deg2rad(degrees)
    expected = naive_warp(
        image, lambda x, y: (np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y)
    )
    assert_rounded(rotated, expected, engine)


def test_rotation_happens_three_times_in_four_up_to_its_limit():
    degrees = np.rad2deg(choices(random_draws(4000), Transforms(9, rotate=20.0)).angles)
    assert 0.73 < np.mean(degrees != 0) < 0.77
    assert degrees.min() < -19.8 and degrees.max() > 19.8 and np.abs(degrees).max() <= 20.001
    assert abs(degrees.mean()) < 1


@pytest.mark.parametrize("size", [9, 10])
def test_a_flip_is_exact_and_happens_every_second_time(rng, size):
    images = rng.integers(0, 256, (400, size, size, 3), np.uint8)
    flipped = augment(images, random_draws(400), Transforms(size, flip=True))
    mirrored = (flipped == images[:, :, ::-1]).all((1, 2, 3))
    assert (mirrored | (flipped == images).all((1, 2, 3))).all()
    assert 0.43 < mirrored.mean() < 0.57


@pytest.mark.parametrize("size", [9, 10])
def test_all_eight_symmetries_are_exact_and_about_equally_frequent(rng, size):
    image = rng.integers(0, 256, (size, size, 3), np.uint8)
    turned = augment(np.stack([image] * 1600), random_draws(1600), Transforms(size, dihedral=True))
    symmetries = [np.rot90(side, turns) for side in (image, image[:, ::-1]) for turns in range(4)]
    counts = [int((turned == symmetry).all((1, 2, 3)).sum()) for symmetry in symmetries]
    assert sum(counts) == 1600
    assert min(counts) > 150 and max(counts) < 250


def test_symmetries_and_rotation_combine(image, engine):
    draws = draws_of(ROTATES=0, ANGLE=0.75, QUARTER_TURNS=0.3, FLIP=0)
    turned = augment(image[None], draws, Transforms(9, rotate=20.0, dihedral=True))[0]
    angle = np.deg2rad(10 + 90)
    expected = naive_warp(
        image, lambda x, y: (-np.cos(angle) * x - np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y)
    )
    assert_rounded(turned, expected, engine)


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
    shifted = augment(image[None], draws_of(SHIFT_X=0.0), Transforms(7, pad=3, padding=padding))[0]
    blank = np.zeros((7, 1, 3), np.uint8)
    columns = [blank if column < 0 else image[:, column : column + 1] for column in expected]
    np.testing.assert_array_equal(shifted, np.concatenate(columns, 1))


def test_every_shift_is_equally_frequent():
    for shifts in choices(random_draws(5000), Transforms(9, pad=2)).shifts.T:
        values, counts = np.unique(shifts, return_counts=True)
        assert values.tolist() == [-2, -1, 0, 1, 2]
        assert counts.min() > 900


# ---------------------------------------------------------------- lighting


@pytest.mark.parametrize("brightness", [-0.2, 0.0, 0.1])
@pytest.mark.parametrize("contrast", [-0.5, -0.1, 0.0, 0.3])
def test_lighting_is_the_courses(image, brightness, contrast):
    draws = draws_of(BRIGHTNESS=(brightness / 0.4 + 1) / 2, CONTRAST=(contrast / 0.8 + 1) / 2)
    lit = augment(image[None], draws, Transforms(9, brightness=0.4, contrast=0.8))[0]
    factor = -1 / (contrast - 1) if contrast < 0 else contrast + 1
    pixels = image / 255
    expected = np.clip((pixels - pixels.mean()) * factor + pixels.mean() + brightness, 0, 1) * 255
    assert np.abs(lit - expected).max() <= 0.5 + 0.05


@pytest.mark.parametrize(("rotate", "brightness"), [(45.0, 0.0), (180.0, 0.0), (10.0, 0.0)])
def test_a_picture_reflected_at_its_edges_has_no_seam(rotate, brightness):
    grey = np.full((40, 21, 21, 3), 200, np.uint8)
    turned = augment(grey, random_draws(40), Transforms(21, rotate=rotate, pad=5))
    assert turned.min() >= 199 and turned.max() <= 200


def test_lighting_makes_up_for_rounding_down(rng, engine):
    smooth = np.broadcast_to(np.linspace(60, 190, 64), (64, 64))[None, ..., None].repeat(3, -1).astype(np.uint8)
    draws = draws_of(50, ROTATES=0)
    draws[:, module.ANGLE] = rng.random(50)
    transforms = Transforms(64, rotate=10.0)
    darker = augment(smooth.repeat(50, 0), draws, transforms).mean() - smooth.mean()
    made_up = (
        augment(smooth.repeat(50, 0), draws, dataclasses.replace(transforms, contrast=1e-6)).mean() - smooth.mean()
    )
    assert -0.6 < darker < -0.3 if engine == "pillow" else abs(darker) < 0.1
    assert abs(made_up) < 0.1


# ---------------------------------------------------------------- batches


@pytest.mark.parametrize("transforms", [Transforms(9), Transforms(9, flip=True), transforms_basic(9, pad=2)])
def test_draws_that_change_nothing_change_nothing(image, transforms):
    received = augment(np.stack([image, image]), draws_of(2), transforms)
    assert received.dtype == np.uint8 and received.shape == (2, 9, 9, 3)
    np.testing.assert_array_equal(received, [image, image])


def test_equal_draws_give_equal_pictures_and_other_draws_others(image):
    images, transforms = np.stack([image] * 8), transforms_top_down(9)
    draws = random_draws(8)
    first = augment(images, draws, transforms)
    np.testing.assert_array_equal(first, augment(images, draws, transforms))
    np.testing.assert_array_equal(first[3], augment(images[:1], draws[3:4], transforms)[0])
    assert len(np.unique(first.reshape(8, -1), axis=0)) == 8
    assert (first != augment(images, random_draws(8, seed=1), transforms)).any((1, 2, 3)).all()
