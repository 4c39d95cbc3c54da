"""Scaling of windows, and JPEGs decoded at a fraction of their size, against the slow way."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasfast.vision.sources.decoding.decode import open_image
from kerasfast.vision.sources.decoding.reading import file_reader, squared
from kerasfast.vision.sources.decoding.scanning import scan


@pytest.mark.parametrize(("height", "width"), [(40, 40), (16, 16), (17, 16), (33, 90)])
def test_shrinking_averages_areas(rng, area_scaled, height, width):
    pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
    received = squared(tf.constant(pixels), 16)
    assert received.dtype == tf.uint8
    assert np.abs(received.numpy() - area_scaled(pixels, 16)).max() <= 0.51


@pytest.mark.parametrize(("height", "width"), [(7, 7), (1, 30), (15, 40)])
def test_a_side_that_grows_is_interpolated(rng, height, width):
    pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
    expected = Image.fromarray(pixels).resize((16, 16), Image.Resampling.BILINEAR)
    assert np.abs(squared(tf.constant(pixels), 16).numpy().astype(int) - np.asarray(expected)).max() <= 1


def test_a_fine_pattern_becomes_grey_and_no_moire():
    checks = np.indices((375, 375)).sum(0)[..., None].repeat(3, -1) % 2 * 255
    for size in (64, 187, 224):
        scaled = squared(tf.constant(checks.astype(np.uint8)), size).numpy()
        assert abs(scaled.mean() - 127.5) < 2
        assert scaled.std() < 60  # 127 without a filter


@pytest.fixture(scope="module")
def photograph(tmp_path_factory) -> str:
    """A JPEG of 600 x 800 pixels, smooth with some noise."""
    random, file = np.random.default_rng(0), tmp_path_factory.mktemp("photograph") / "large.jpg"
    coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), np.uint8)).resize(
        (800, 600), Image.Resampling.BICUBIC
    )
    noisy = np.asarray(coarse) + random.normal(0, 8, (600, 800, 1))
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, quality=90)
    return str(file)


@pytest.mark.parametrize(("size", "ratio"), [(32, 8), (64, 4), (128, 2), (220, 1)])
@pytest.mark.parametrize("box", [(0, 0, 600, 600), (13, 121, 577, 577), (0, 0, 600, 800)])
def test_large_windows_are_decoded_at_a_fraction_and_look_the_same(photograph, box, size, ratio):
    read = file_reader([photograph], scan("", [photograph]), size)
    # The window's edges move to the nearest decoded pixel: by at most a third of a pixel of the square.
    top, left, bottom, right = ((edge + ratio // 2) // ratio for edge in (*box[:2], box[0] + box[2], box[1] + box[3]))
    decoded = tf.function(read)(tf.constant(0), tf.constant(box))
    assert decoded.shape == (bottom - top, right - left, 3)
    whole = tf.constant(open_image(photograph)[top * ratio : bottom * ratio, left * ratio : right * ratio])
    difference = squared(decoded, size).numpy().astype(int) - squared(whole, size).numpy()
    assert np.abs(difference).mean() < 1.5 and abs(difference.mean()) < 0.3


@pytest.mark.parametrize("box", [(0, 0, 300, 300), (13, 112, 301, 303), (7, 497, 303, 303), (300, 33, 300, 301)])
def test_a_window_is_the_whole_pictures_to_the_last_column(photograph, box):
    read = tf.function(file_reader([photograph], scan("", [photograph]), 224))
    top, left, height, width = box
    whole = tf.io.decode_jpeg(tf.io.read_file(photograph), dct_method="INTEGER_ACCURATE").numpy()
    np.testing.assert_array_equal(
        read(tf.constant(0), tf.constant(box)), whole[top : top + height, left : left + width]
    )
