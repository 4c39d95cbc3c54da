"""Arrays as a source: what is accepted, what it becomes, and what is said of the rest."""

import re

import numpy as np
import pytest

from kerasfast.vision.sources.arrays import arrays_source

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3), np.uint8)
CLASSES = np.array([0, 1, 2, 0, 1, 2])
TAGS = np.eye(3)[CLASSES]


def source(images=IMAGES, targets=CLASSES, valid=None, **options):
    return arrays_source(
        "somewhere", (images, targets), (images[:2], targets[:2]) if valid is None else valid, **options
    )


def test_classes_are_named_by_their_numbers():
    made = source(test=IMAGES[:3])
    assert (made.target_kind, made.classes, str(made.root)) == ("single", ("0", "1", "2"), "somewhere")
    np.testing.assert_array_equal(made.train.images, IMAGES)
    np.testing.assert_array_equal(made.train.targets, CLASSES)
    assert made.train.targets.dtype == np.int64
    assert made.valid.files.tolist() == ["000000", "000001"]
    assert len(made.test) == 3 and made.test.targets is None


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.int64])
def test_a_column_of_class_numbers_is_flat(dtype):
    made = source(targets=CLASSES[:, None].astype(dtype))
    assert made.target_kind == "single"
    np.testing.assert_array_equal(made.train.targets, CLASSES)


def test_zeros_and_ones_in_columns_are_tags():
    made = source(targets=TAGS, classes=["x", "y", "z"])
    assert (made.target_kind, made.classes, made.train.targets.dtype) == ("multi", ("x", "y", "z"), np.float32)
    np.testing.assert_array_equal(made.valid.targets, TAGS[:2])


@pytest.mark.parametrize("targets", [np.linspace(-1, 1, 6), np.arange(12).reshape(6, 2), CLASSES])
def test_regression_keeps_values(targets):
    made = source(targets=targets, target_kind="regression")
    assert made.target_kind == "regression" and made.train.targets.dtype == np.float32
    np.testing.assert_allclose(made.train.targets, targets)
    assert len(made.classes) == (targets.shape[1] if targets.ndim == 2 else 1)


def test_a_labelled_test_set_is_a_pair():
    made = source(test=(IMAGES[:3], CLASSES[:3]))
    np.testing.assert_array_equal(made.test.targets, CLASSES[:3])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_scaled(dtype):
    scaled = source(images=(IMAGES / 255).astype(dtype)).train.images
    assert scaled.dtype == np.uint8
    np.testing.assert_array_equal(scaled, IMAGES)


@pytest.mark.parametrize("grey", [IMAGES[..., 0], IMAGES[..., :1]])
def test_grey_is_repeated_in_all_channels(grey):
    np.testing.assert_array_equal(source(images=grey).train.images, np.repeat(IMAGES[..., :1], 3, -1))


def test_validation_pictures_may_have_another_size():
    made = source(valid=(np.zeros((1, 9, 9, 3), np.uint8), [2]))
    assert made.valid.images.shape == (1, 9, 9, 3)


def test_take_keeps_images_targets_and_files_together():
    part = source().train.take([4, 1])
    np.testing.assert_array_equal(part.images, IMAGES[[4, 1]])
    assert part.targets.tolist() == [1, 1] and part.files.tolist() == ["000004", "000001"]
    assert source(test=IMAGES).test.take([0]).targets is None


def nan_images() -> np.ndarray:
    return np.full((6, 5, 7, 3), np.nan)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"images": IMAGES[0, :6, :, 0]},
            "The images of `train` must have shape (n, height, width) or (n, height, width, 1 to 16)",
        ),
        ({"images": IMAGES[..., [0] * 17]}, "no side 0; received (6, 5, 7, 17)"),
        ({"images": IMAGES[:, :0]}, "no side 0; received (6, 0, 7, 3)"),
        ({"images": IMAGES[:0], "targets": CLASSES[:0]}, "no side 0; received (0, 5, 7, 3)"),
        ({"images": IMAGES[0]}, "`train` seems to be one picture, of shape (5, 7, 3)"),
        ({"images": [IMAGES[0], IMAGES[0, 1:]]}, "The images of `train` must be one array of shape"),
        (
            {"images": IMAGES.astype(np.float32)},
            "must be uint8, or floats from 0 to 1; received float32 from 0.0 to 255.0",
        ),
        ({"images": IMAGES / 127.5 - 1}, "received float64 from -1.0 to 1.0"),
        ({"images": nan_images()}, "received float64 from nan to nan"),
        ({"images": IMAGES.astype(np.int64)}, "received int64 from 0 to 255"),
        ({"test": IMAGES[0]}, "`test` seems to be one picture"),
        ({"test": (IMAGES, CLASSES[:2])}, "`test` has 6 images but 2 targets"),
        ({"targets": CLASSES[:4]}, "`train` has 6 images but 4 targets"),
        ({"targets": 1, "valid": (IMAGES, CLASSES)}, "`train` has 6 images but a single value as targets"),
        (
            {"targets": CLASSES / 2},
            "of one class each, must be whole numbers; received float64. For values pass",
        ),
        ({"targets": np.array(list("abcabc"))}, "must be whole numbers; received <U1"),
        ({"targets": CLASSES - 1}, "class indices from 0 to 1; received [-1]"),
        ({"valid": (IMAGES[:1], [7])}, "The targets of `valid` must be class indices from 0 to 2; received [7]"),
        (
            {"valid": (IMAGES[:1], [0.5])},
            "The targets of `valid` must be whole numbers of shape (n,), as those of `train`",
        ),
        ({"valid": (IMAGES[:2], TAGS[:2])}, "The targets of `valid` must be whole numbers of shape (n,)"),
        ({"targets": np.zeros(6, int)}, "A classifier needs two classes or more; the targets of `train` are all 0"),
        ({"targets": CLASSES.reshape(6, 1, 1)}, "must have shape ('n', 1, 1); received (6, 1, 1)"),
        ({"targets": TAGS * 2}, "The targets of `train` must be zeros and ones; received [0. 2.]"),
        (
            {"targets": TAGS, "valid": (IMAGES[:2], TAGS[:2, :2])},
            "targets of `valid` must have shape ('n', 3); received (2, 2)",
        ),
        (
            {"targets": TAGS, "target_kind": "regression", "valid": (IMAGES[:2], CLASSES[:2])},
            "must have shape ('n', 3); received (2,)",
        ),
        ({"targets": CLASSES * np.nan, "target_kind": "regression"}, "The targets of `train` must be finite numbers"),
        ({"targets": np.array(list("abcabc")), "target_kind": "regression"}, "must be finite numbers; received <U1"),
        ({"classes": ["x", "y"]}, "`classes` has 2 names but the targets have 3 classes"),
        ({"targets": TAGS, "classes": ["x", "y"]}, "`classes` has 2 names but the targets have 3 classes"),
        ({"classes": ["x", "y", "x"]}, "`classes` must be different names; received x, y, x"),
        ({"valid": IMAGES}, "`valid` must be a pair (images, targets); received ndarray"),
        ({"valid": (IMAGES, CLASSES, None)}, "`valid` must be a pair (images, targets); received 3 of them"),
    ],
)
def test_unusable_arrays_are_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        source(**arguments)


def test_two_channels_get_their_mean_as_the_third(rng):
    images = rng.integers(0, 256, (4, 5, 6, 2), np.uint8)
    received = source(images, np.array([0, 1, 0, 1])).train.images
    np.testing.assert_array_equal(received[..., :2], images)
    np.testing.assert_array_equal(received[..., 2], np.floor(images.mean(-1) + 0.5))
