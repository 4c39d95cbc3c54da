"""Changes beyond the fields of `Transforms` against slow references, and how often they happen."""

import numpy as np
import pytest

from kerasfast.vision.pipeline.augment import augment, choices
from kerasfast.vision.pipeline.changes import (
    AreaWindow,
    Blur,
    Change,
    Cutout,
    Mirror,
    OneOf,
    Rotation,
    Scale,
    Stretch,
    Zoom,
    further_numbers,
)
from kerasfast.vision.pipeline.on_device import Mover, moves
from kerasfast.vision.pipeline.transforms import DRAWS, Transforms, windows

SIZE, COUNT = 32, 400


@pytest.fixture
def draws(rng) -> np.ndarray:
    return rng.random((COUNT, DRAWS), np.float32)


@pytest.fixture
def smooth() -> np.ndarray:
    """A picture that is linear in both directions: bilinear look-ups of it are exact."""
    down, across = np.mgrid[:SIZE, :SIZE]
    return np.stack([60 + 2 * down + across, 200 - 3 * down, 40 + 4 * across], 2).astype(np.uint8)


def with_changes(*changes: Change, **fields) -> Transforms:
    return Transforms(SIZE, changes=changes, **fields)


def test_numbers_beyond_the_draws_are_uniform_and_belong_to_a_row(draws):
    numbers = further_numbers(draws, 5)
    assert numbers.min() >= 0 and numbers.max() < 1
    np.testing.assert_allclose(numbers.mean(0), 0.5, atol=0.06)
    assert np.abs(np.corrcoef(numbers.T) - np.eye(5)).max() < 0.2
    np.testing.assert_array_equal(further_numbers(draws[7:9], 5), numbers[7:9])


@pytest.mark.parametrize("change", [Zoom(0.5, 0.2), Stretch(0.4)])
def test_zoom_and_stretch_look_up_pixels_nearer_to_the_centre(smooth, draws, change):
    transforms = with_changes(change)
    chosen = choices(draws, transforms)
    received = augment(np.stack([smooth] * 20), draws[:20], transforms)
    centre = (SIZE - 1) / 2
    down, across = (places - centre for places in np.mgrid[:SIZE, :SIZE])
    for picture, (wide, high) in zip(received, chosen.scales, strict=False):
        rows, columns = down / high + centre, across / wide + centre
        expected = np.stack([60 + 2 * rows + columns, 200 - 3 * rows, 40 + 4 * columns], 2)
        below = expected - picture
        assert below.min() > -0.55 and below.max() < 1.05  # OpenCV rounds to the nearest, Pillow down


def test_zoom_enlarges_every_picture_and_stretch_one_of_its_sides(draws):
    zooms = choices(draws, with_changes(Zoom(0.5, 0.2))).scales
    assert zooms.min() >= 1.2 and zooms.max() <= 1.5 and np.ptp(zooms) > 0.28 and (zooms[:, 0] == zooms[:, 1]).all()
    stretches = choices(draws, with_changes(Stretch(0.4))).scales
    assert ((stretches > 1).sum(1) == 1).mean() > 0.99 and stretches.max() <= 1.4
    assert 0.4 < (stretches[:, 0] > 1).mean() < 0.6


def test_shares_are_those_asked_for(draws):
    turned = np.rad2deg(choices(draws, with_changes(Rotation(30, 0.25))).angles)
    assert 0.2 < (turned != 0).mean() < 0.3 and np.abs(turned).max() <= 30.001 and np.abs(turned).max() > 27
    assert 0.85 < choices(draws, with_changes(Mirror(0.9))).mirrored.mean() < 0.95
    sides = choices(draws, with_changes(Blur((3, 9), 0.5))).blurs
    assert set(sides) == {1, 3, 9} and 0.4 < (sides == 1).mean() < 0.6
    cut = choices(draws, with_changes(Cutout(2, 8, 0.7))).holes
    assert cut.shape == (COUNT, 2, 3) and 0.63 < (cut[:, 0, 2] == 8).mean() < 0.77


def test_one_of_several_changes_is_made(draws):
    one = OneOf((Rotation(20, 1.0), Zoom(0.5), Stretch(0.5)), (0.25, 0.25, 0.25))
    chosen = choices(draws, with_changes(one))
    rotated, zoomed = chosen.angles != 0, (chosen.scales > 1).all(1)
    stretched = (chosen.scales > 1).sum(1) == 1
    assert not (rotated & (zoomed | stretched)).any() and not (zoomed & stretched).any()
    for kind in (rotated, zoomed, stretched, ~(rotated | zoomed | stretched)):
        assert 0.18 < kind.mean() < 0.32


@pytest.mark.parametrize("side", [3, 5, 7, 9])
def test_a_blur_is_opencvs(rng, draws, side):
    cv2 = pytest.importorskip("cv2")
    images = rng.integers(0, 256, (4, SIZE, SIZE, 3), np.uint8)
    blurred = augment(images, draws[:4], with_changes(Blur((side,), 1.0)))
    for image, received in zip(images, blurred, strict=True):
        expected = cv2.GaussianBlur(image.astype(np.float32), (side, side), 0)
        assert np.abs(received - expected).max() < (0.51 if side < 9 else 2.0)  # OpenCV 5 has rounded taps of 9


def test_a_blur_of_three_pixels_by_its_definition(draws):
    point = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    point[0, 10, 10] = 160
    blurred = augment(point, draws[:1], with_changes(Blur((3,), 1.0)))[0, 9:12, 9:12, 0]
    np.testing.assert_array_equal(blurred, [[10, 20, 10], [20, 40, 20], [10, 20, 10]])


def test_holes_are_black_squares_that_may_reach_over_the_edge(draws):
    white = np.full((COUNT, SIZE, SIZE, 3), 255, np.uint8)
    cut = augment(white, draws, with_changes(Cutout(1, 8, 1.0)))
    black = (cut == 0).all(3)
    assert (
        set(np.unique(cut)) == {0, 255} and (black.sum((1, 2)) <= 64).all() and (black.sum((1, 2)) == 64).mean() > 0.5
    )
    assert black.any(0).all()  # every pixel is hit by one of them
    rows, columns = black[0].any(1), black[0].any(0)
    assert black[0].sum() == rows.sum() * columns.sum()


def test_all_that_warps_is_one_warp_on_the_device_too(smooth, draws):
    one = OneOf((Rotation(40, 1.0), Zoom(0.5), Stretch(0.5)), (0.4, 0.3, 0.3))
    transforms = with_changes(one, Zoom(0.3), dihedral=True, rotate=15.0, contrast=0.1)
    pixels = np.stack([smooth] * 24)
    expected = augment(pixels, draws[:24], transforms).astype(float)
    received = Mover(transforms.padding)({"pixels": pixels, "moves": moves(draws[:24], transforms)}).numpy()
    assert np.abs(received - expected).max() < 1.1 and np.abs(expected - pixels).mean() > 3


def test_a_scale_and_area_windows_are_drawn_as_told(draws):
    heights, widths = np.full(COUNT, 200, np.int32), np.full(COUNT, 300, np.int32)
    sides = windows(with_changes(Scale(2.0, 1.25, 0.5)), heights, widths, draws).numpy()[:, 2]
    assert 0.43 < (sides == 200).mean() < 0.57 and sides.min() >= 100 and sides[sides < 200].max() <= 160
    wide = with_changes(AreaWindow(0.5, 1.0, 1.2, 0.0), crop="area")
    _, _, rows, columns = windows(wide, heights, widths, draws).numpy().T
    assert (rows * columns > 0.49 * 60000).all() and (columns / rows > 0.98).all() and (columns / rows < 1.22).all()


@pytest.mark.parametrize("make", [
    lambda: Blur((4,)), lambda: Blur(()), lambda: Zoom(0.1, 0.2), lambda: Rotation(10, 1.5), lambda: Cutout(0, 8),
    lambda: OneOf((Mirror(),), (0.5, 0.5)), lambda: Scale(0.9), lambda: AreaWindow(0.0),
    lambda: with_changes(np.fliplr),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(ValueError, match="received"):
        make()
