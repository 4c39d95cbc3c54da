"""Test-time augmentation from one decoding: the plain and the augmented views of each picture, batch by batch."""

from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.arguments import flag, whole
from kerasfast.basics.bars import progress_bar
from kerasfast.basics.processors import usable_processors
from kerasfast.training.epoch_order import epoch_random, unhindered
from kerasfast.vision.data import ImageData
from kerasfast.vision.networks.constant_graph import folded
from kerasfast.vision.pipeline.views import View, augmented
from kerasfast.vision.sources.decoding.reading import cropped, squared


def predict_views(model: keras.Model, data: ImageData, n_aug: int, is_test: bool = False) -> np.ndarray:
    """Return predictions (1 + n_aug, n, classes): the plain view of each picture, then the augmented ones.

    Args:
        model: From pixels 0..255 to predictions.
        data: The pictures.
        n_aug: Number of augmented views.
        is_test: Whether to predict the test set instead of the validation set.
    """
    n_aug = whole("n_aug", n_aug, least=0)
    plain, augmented = (data.test, data.test_augmented) if flag("is_test", is_test) else (data.valid, data.augmented)
    if plain is None:
        raise ValueError("The data has no test set.")
    views = view_batches(plain, augmented, n_aug)
    predict = folded(model, [None, *views.element_spec.shape[1:]])
    bar = progress_bar(views, desc="test-time augmentation", unit="batch", delay=2, leave=False)
    predictions = np.concatenate([predict(pixels).numpy() for pixels in bar])
    return by_view(predictions, 1 + n_aug, plain.batch_size)


def view_batches(plain: View, varied: View, count: int) -> tf.data.Dataset:
    """Return batches of pixels (b, size, size, 3) uint8: of the first b pictures 1 + count views, then of the next.

    They are those of `plain.dataset()` and of `varied.dataset(epoch)` for the epochs 0 to count - 1. (Of JPEGs that are
    decoded at a fraction of their size, to rounding: the fraction is the same for all views here.)

    Args:
        plain: The pictures without augmentation.
        varied: The same pictures, augmented.
        count: Number of augmented views.
    """
    size, workers = plain.transforms.size, usable_processors()
    plain = replace(plain, samples=varied.samples)  # those in memory are cropped to the plain view
    sides, views = np.stack(plain.samples.sides, 1), range(1 + count)
    seeds = [epoch_random(varied.seed, epoch, shuffle=False)[1] for epoch in range(count)]
    chosen = [plain.boxes_and_draws(0), *(varied.boxes_and_draws(seed) for seed in seeds)]
    boxes, draws = (tf.stack(parts, 1) for parts in zip(*chosen, strict=True))
    read = plain.samples.reader(size)

    def load(index: tf.Tensor, sides: tf.Tensor, boxes: tf.Tensor, draws: tf.Tensor):
        whole = read(index, tf.concat([[0, 0], sides], 0))
        return tf.stack([squared(cropped(whole, sides, boxes[view]), size) for view in views]), draws

    def finish(pixels: tf.Tensor, draws: tf.Tensor):
        return tf.data.Dataset.from_tensor_slices(
            tf.stack(
                [augmented(pixels[:, view], draws[:, view], (varied if view else plain).transforms) for view in views]
            )
        )

    with tf.device("CPU:0"):
        dataset = tf.data.Dataset.from_tensor_slices((np.arange(len(plain)), sides, boxes, draws))
        dataset = dataset.map(load, num_parallel_calls=workers).batch(plain.batch_size).prefetch(1)
        dataset = dataset.interleave(finish, cycle_length=1)
        dataset = dataset.apply(
            tf.data.experimental.assert_cardinality(len(views) * -(-len(plain) // plain.batch_size))
        )
    return unhindered(dataset.prefetch(2))


def by_view(predictions: np.ndarray, views: int, batch_size: int) -> np.ndarray:
    """Return (views, n, classes) from the predictions (views * n, classes) for `view_batches`."""
    count = len(predictions) // views
    parts = [
        predictions[views * start : views * min(start + batch_size, count)] for start in range(0, count, batch_size)
    ]
    return np.concatenate([part.reshape(views, -1, *part.shape[1:]) for part in parts], 1)
