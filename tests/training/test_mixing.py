"""MixUp and CutMix: what becomes of pictures, of losses, and that training uses them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.optimizing.groups import LayerGroups
from kerasfast.training.mixing import MixedLoss
from kerasfast.training.training_plans import constant_plan
from kerasfast.training.training_stage import Stage


def pictures(count: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(count, 8, 6, 3)).astype(np.uint8)


@pytest.mark.parametrize("mix", [kf.MixUp(0.4), kf.CutMix(1.0)])
def test_pictures_are_mixed_with_the_one_before_by_shares_that_depend_on_the_step_alone(mix):
    inputs = pictures()
    mixed, own = (value.numpy() for value in mix(tf.constant(inputs), tf.constant(3)))
    before = np.roll(inputs, 1, axis=0)
    assert mixed.shape == inputs.shape and own.shape == (6,) and np.all((own >= 0) & (own <= 1))
    if isinstance(mix, kf.MixUp):
        shares = own[:, None, None, None]
        np.testing.assert_allclose(mixed, inputs * shares + before * (1 - shares), rtol=1e-4, atol=1e-3)
    else:
        kept = np.all(mixed == inputs, axis=-1)
        assert np.all(kept | np.all(mixed == before, axis=-1))
        np.testing.assert_allclose(kept.mean(axis=(1, 2)), own, atol=1e-6)
    again, other = (mix(tf.constant(inputs), tf.constant(step))[1].numpy() for step in (3, 4))
    np.testing.assert_array_equal(again, own)
    assert not np.array_equal(other, own)


def test_shares_have_the_distribution_they_should_have():
    shares = kf.MixUp(0.3).shares(tf.constant(20_000), tf.constant(1)).numpy()
    assert shares.mean() == pytest.approx(0.5, abs=0.01)
    assert shares.var() == pytest.approx(0.25 / (2 * 0.3 + 1), rel=0.03)  # of Beta(a, a)


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        ("sparse_categorical_crossentropy", np.array([0, 1, 2])),
        (kf.ClassLoss(label_smoothing=0.1), np.array([0, 1, 2])),
        (keras.losses.BinaryCrossentropy(), np.eye(3, dtype=np.float32)),
        ("mse", np.array([[1.0, 2, 3], [0, 0, 0], [5, 5, 5]], np.float32)),
    ],
)
def test_losses_are_mixed_as_the_pictures_are(loss, targets):
    predictions = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]], np.float32)
    own, mixed = np.array([1.0, 0.25, 0.0], np.float32), MixedLoss(loss)
    plain = keras.losses.get(loss)
    each = plain.call if isinstance(plain, keras.losses.Loss) else plain
    with mixed.mixed(tf.constant(own)):
        found = mixed(targets, predictions)
    expected = own * each(targets, predictions) + (1 - own) * each(np.roll(targets, 1, axis=0), predictions)
    np.testing.assert_allclose(found, np.mean(expected), rtol=1e-5)
    np.testing.assert_allclose(mixed(targets, predictions), np.mean(each(targets, predictions)), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_stage_trains_on_mixed_rows_and_validates_on_plain_ones(jit_compile):
    """Of a batch in which one picture of two is black, a network that sees sums learns what was mixed."""
    seen = []

    class Sums(keras.layers.Layer):
        def call(self, x):
            if not jit_compile:
                tf.py_function(lambda x: seen.append(x.numpy()), [x], [])
            return tf.reduce_sum(tf.cast(x, tf.float32), axis=(1, 2))

    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((4, 4, 1)), Sums(), dense])
    x = np.concatenate([np.zeros((1, 4, 4, 1)), np.ones((1, 4, 4, 1))]).astype(np.float32)
    data = tf.data.Dataset.from_tensor_slices((x, np.array([0, 1]))).batch(2)
    stage = Stage(model, LayerGroups(model, [model.layers]), kf.Datasets(data, data), mix=kf.MixUp(1.0))
    stage.compile("sparse_categorical_crossentropy", ["accuracy"], keras.optimizers.SGD, jit_compile=jit_compile)
    stage.fit(constant_plan(1, 1).scaled(np.array([0.1]), None), [])
    own = stage.mix.shares(2, 0).numpy()  # the black picture holds the share 1 - own of the white one
    sums = 16 * np.array([1 - own[0], own[1]])
    targets = np.array([[own[0], 1 - own[0]], [1 - own[1], own[1]]])
    np.testing.assert_allclose(dense.kernel[0], 0.1 * np.mean((targets - 0.5) * sums[:, None], axis=0), rtol=1e-4)
    if not jit_compile:
        np.testing.assert_allclose([picture.mean() for picture in seen[0]], sums / 16, rtol=1e-5)
        np.testing.assert_array_equal(seen[1], x)
    stage.mix = None
    stage.compile("sparse_categorical_crossentropy", ["accuracy"], keras.optimizers.SGD, jit_compile=jit_compile)
    dense.kernel.assign(np.zeros((1, 2)))
    dense.bias.assign(np.zeros(2))
    stage.fit(constant_plan(1, 1).scaled(np.array([0.1]), None), [])
    np.testing.assert_allclose(dense.kernel[0], [-0.4, 0.4], rtol=1e-4)


def test_what_cannot_be_mixed_is_refused():
    for alpha in (0, -1.0, "much"):
        with pytest.raises(ValueError, match="alpha"):
            kf.MixUp(alpha)
    with pytest.raises(ValueError, match="CutMix"):
        kf.CutMix()(tf.zeros((2, 5)), tf.constant(0))

    def mean_of_all(y, p):
        return tf.reduce_mean(tf.square(y - p))

    mixed = MixedLoss(mean_of_all)
    with mixed.mixed(tf.constant([0.5, 0.5])), pytest.raises(ValueError, match="for each row"):
        mixed(np.zeros((2, 1)), np.ones((2, 1)))
