"""Averages of weights: which ones, what is validated and left in the model, and when nothing is."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.training.averaging import QUICK_START


def rows() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(32, 3)).astype(np.float32)
    return x, (x @ [[1.0], [-2.0], [0.5]] + random.normal(size=(32, 1))).astype(np.float32)


def model_of(*layers: keras.layers.Layer, rate: float = 0.1, **options) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(rate), loss="mse", **options)
    return model


class Kernels(keras.callbacks.Callback):
    """The kernel after every batch, or every epoch."""

    def __init__(self, when: str):
        super().__init__()
        self.seen: list[np.ndarray] = []
        setattr(self, f"on_{when}_end", lambda *_, **logs: self.seen.append(np.array(self.model.layers[-1].kernel)))


def moving(values: list[np.ndarray], decay: float) -> np.ndarray:
    average = np.zeros((3, 1))
    for step, value in enumerate(values):
        kept = min(decay, (1 + step) / (QUICK_START + step))
        average = kept * average + (1 - kept) * value
    return average


@pytest.mark.slow
def test_a_moving_average_is_validated_and_left_while_training_goes_on_from_the_weights():
    each, ends = Kernels("train_batch"), Kernels("epoch")
    plain = model_of()
    plain.fit(*rows(), batch_size=8, epochs=3, shuffle=False, callbacks=[each], verbose=0)
    model = model_of()
    history = model.fit(
        *rows(), batch_size=8, epochs=3, shuffle=False, validation_data=rows(), callbacks=[kf.WeightAverage(0.6), ends],
        verbose=0,
    )  # fmt: skip
    expected = [moving(each.seen[: 4 * epochs], 0.6) for epochs in (1, 2, 3)]
    np.testing.assert_allclose(ends.seen, expected, rtol=1e-5)
    np.testing.assert_array_equal(model.layers[-1].kernel, ends.seen[-1])
    assert history.history["val_loss"][-1] == pytest.approx(model.evaluate(*rows(), verbose=0), rel=1e-5)
    assert not np.allclose(ends.seen[-1], each.seen[-1], rtol=1e-3)


def test_several_steps_a_call_move_the_average_once_by_as_much():
    model, average = model_of(steps_per_execution=4), kf.WeightAverage(0.6)
    model.fit(*rows(), batch_size=8, epochs=2, shuffle=False, callbacks=[average], verbose=0)
    assert average.count == 8
    kept = [min(0.6, (1 + step) / (QUICK_START + step)) for step in range(8)]
    ends = Kernels("epoch")
    model_of().fit(*rows(), batch_size=8, epochs=2, shuffle=False, callbacks=[ends], verbose=0)
    first, second = np.prod(kept[:4]), np.prod(kept[4:])
    np.testing.assert_allclose(
        average.values[0], (1 - first) * ends.seen[0] * second + (1 - second) * ends.seen[1], rtol=1e-5
    )


def test_the_mean_of_epoch_ends_is_loaded_with_statistics_of_its_own():
    ends = Kernels("epoch")
    model = model_of(keras.layers.BatchNormalization(momentum=0.5))
    data = kf.Datasets(tf.data.Dataset.from_tensor_slices(rows()).batch(8))
    learn = kf.Learner(model, data, loss="mse", optimizer=lambda: keras.optimizers.SGD(0.1))
    learn.fit(0.1, 3, callbacks=[ends, kf.WeightAverage(start=2)])
    np.testing.assert_allclose(model.layers[-1].kernel, np.mean(ends.seen[1:], axis=0), rtol=1e-5)
    norm, (x, _) = model.layers[0], rows()
    np.testing.assert_allclose(norm.moving_mean, x.mean(axis=0), atol=1e-6)


def test_a_diverging_fit_leaves_finite_weights():
    data = kf.Datasets(tf.data.Dataset.from_tensor_slices(rows()).batch(8))
    learn = kf.Learner(model_of(), data, loss="mse")
    learn.fit(0.05, 1)
    for average in (kf.WeightAverage(0.9), kf.WeightAverage()):
        learn.fit(1e30, 2, callbacks=[average])
        assert np.all(np.isfinite(learn.model.layers[-1].kernel))


def test_what_makes_no_sense_is_refused(tmp_path):
    for arguments in ({"decay": 1.0}, {"decay": 0.0}, {"start": 0}, {"decay": 0.9, "load": False}):
        with pytest.raises(ValueError, match="decay|start"):
            kf.WeightAverage(**arguments)
    data = kf.Datasets(tf.data.Dataset.from_tensor_slices(rows()).batch(8), path=tmp_path)
    with pytest.raises(ValueError, match="keeps no averages"):
        kf.Learner(model_of(), data, loss="mse").fit(0.1, 1, callbacks=[kf.WeightAverage(0.9)], resume=True)


def test_early_stopping_of_keras_leaves_the_best_weights():
    data = kf.Datasets(*[tf.data.Dataset.from_tensor_slices(rows()).batch(8)] * 2)
    learn = kf.Learner(model_of(), data, loss="mse", optimizer=keras.optimizers.SGD)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    rates = kf.Phase(1, 0.1), kf.Phase(4, (0.1, 3.0), "exponential")
    (history,) = learn.fit_opt_sched(rates, callbacks=[stop])
    losses = history.history["val_loss"]
    assert len(losses) < 5 and losses[-1] > min(losses)
    assert learn.model.evaluate(*rows(), verbose=0) == pytest.approx(min(losses), rel=1e-4)
