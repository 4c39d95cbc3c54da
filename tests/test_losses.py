"""Losses for classes and tags: plain where nothing is asked for, and what each option adds."""

import keras
import numpy as np
import pytest

from kerasfast.losses import ClassLoss, TagLoss, balanced_weights

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.25, 0.25, 0.5]], np.float32)
CLASSES = np.array([0, 1, 2])
TAGS = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0]], np.float32)


def value(loss, targets, predictions=PROBABILITIES) -> float:
    return float(loss(targets, predictions))


def test_without_options_they_are_kerass_own():
    assert value(ClassLoss(), CLASSES) == pytest.approx(
        value(keras.losses.SparseCategoricalCrossentropy(), CLASSES), rel=1e-5
    )
    assert value(ClassLoss(), CLASSES[:, None]) == pytest.approx(value(ClassLoss(), CLASSES))
    assert value(TagLoss(), TAGS) == pytest.approx(value(keras.losses.BinaryCrossentropy(), TAGS), rel=1e-5)


def test_smoothing_is_kerass():
    smooth = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)
    assert value(ClassLoss(label_smoothing=0.2), CLASSES) == pytest.approx(value(smooth, np.eye(3)[CLASSES]), rel=1e-5)
    smooth = keras.losses.BinaryCrossentropy(label_smoothing=0.2)
    assert value(TagLoss(label_smoothing=0.2), TAGS) == pytest.approx(value(smooth, TAGS), rel=1e-5)


def test_weights_count_rows_of_a_class_and_tags_that_are_there():
    losses = -np.log(PROBABILITIES[np.arange(3), CLASSES])
    assert value(ClassLoss(class_weights=[1, 5, 0]), CLASSES) == pytest.approx((losses * [1, 5, 0]).mean(), rel=1e-5)
    elements = np.where(TAGS == 1, -np.log(PROBABILITIES) * [1, 5, 0], -np.log(1 - PROBABILITIES))
    assert value(TagLoss(tag_weights=[1, 5, 0]), TAGS) == pytest.approx(elements.mean(), rel=1e-5)


def test_focus_is_kerass_focal_loss_and_the_margin_forgives():
    focal = keras.losses.BinaryFocalCrossentropy(gamma=2.0)
    assert value(TagLoss(focus=(2, 2)), TAGS) == pytest.approx(value(focal, TAGS), rel=1e-5)
    absent = np.zeros((1, 3))
    assert value(TagLoss(margin=0.05, focus=(0, 4)), absent, np.full((1, 3), 0.04, np.float32)) == 0
    expected = -np.log(1 - 0.45) * 0.45**4
    assert value(TagLoss(margin=0.05, focus=(0, 4)), absent, np.full((1, 3), 0.5, np.float32)) == pytest.approx(
        expected
    )


@pytest.mark.parametrize("loss", [ClassLoss(class_weights=[1, 2, 3], label_smoothing=0.1), TagLoss(focus=(0, 4))])
def test_they_can_be_written_down(loss):
    again = type(loss).from_config(loss.get_config())
    targets = CLASSES if isinstance(loss, ClassLoss) else TAGS
    assert value(again, targets) == value(loss, targets)


def test_balanced_weights_make_classes_and_tags_count_alike():
    classes = np.repeat([0, 1, 3], [10, 5, 1])
    weights = balanced_weights(classes)
    np.testing.assert_allclose([weights[k] * np.sum(classes == k) for k in (0, 1, 3)], 16 / 3)
    assert weights[2] == 1
    np.testing.assert_allclose(balanced_weights(np.array([[1, 0, 0]] * 3 + [[0, 0, 1]])), [1 / 3, 1, 3])
    assert balanced_weights(np.array([0] + [1] * 999)).max() == 20


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ClassLoss(label_smoothing=1), "`label_smoothing`"),
        (lambda: TagLoss(focus=(-1, 0)), "`focus`"),
        (lambda: ClassLoss(class_weights=[1, -1]), "`weights`"),
        (lambda: value(ClassLoss(class_weights=[1, 2]), CLASSES), "2 weights but the model has 3 outputs"),
        (lambda: balanced_weights(np.zeros((2, 2, 2))), "`targets` must be"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
