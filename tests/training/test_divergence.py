"""A fit that diverges says so during the epoch and leaves the last good weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf

STEPS = 12


def make_learner(tmp_path, **arguments) -> kf.Learner:
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    inputs = random.normal(size=(STEPS * 4, 3)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((inputs, inputs.sum(axis=1, keepdims=True))).batch(4)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    return kf.Learner(model, kf.Datasets(data, data, path=tmp_path), loss="mse", **arguments)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1e3, 1e30])
@pytest.mark.parametrize("valid", [True, False])
def test_the_weights_from_before_the_epoch_come_back(tmp_path, capsys, rate, valid):
    learn = make_learner(tmp_path)
    if not valid:
        learn.data.__dict__["valid"] = None
    learn.fit(0.01, 2)
    before, predictions = learn.model.get_weights(), learn.predict_array(np.ones((2, 3), "float32"))
    learn.fit(rate, 3, cycle_len=1, cycle_save_name="cycle", best_save_name="best")
    out = capsys.readouterr().out
    assert "Training stopped in epoch 0" in out and "try lower learning rates" in out
    assert len(learn.recorder.epochs) == 1
    for now, old in zip(learn.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, old)
    assert not list((tmp_path / "models").iterdir()), "nothing of a diverged epoch is saved"
    learn.fit(0.01, 1)
    assert np.all(np.isfinite(learn.predict_array(np.ones((2, 3), "float32"))))
    assert np.abs(learn.predict_array(np.ones((2, 3), "float32")) - predictions).max() < 1.0


@pytest.mark.slow
def test_weights_that_are_no_numbers_are_seen_though_the_loss_is_one(tmp_path, capsys):
    learn = make_learner(tmp_path)
    learn.fit(0.01, 1)
    before = learn.model.get_weights()

    class Spoil(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == STEPS - 1:
                self.model.layers[0].bias.assign([np.nan] + [0.0] * 7)

    learn.loss = lambda y, p: (
        tf.reduce_mean(tf.square(y)) + 0.0 * tf.reduce_mean(tf.where(tf.math.is_finite(p), p, 0.0))
    )
    learn.fit(0.01, 2, callbacks=[Spoil()])
    assert "a weight is no finite number any more" in capsys.readouterr().out
    for now, old in zip(learn.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, old)


def test_a_loss_that_rises_is_said_once_and_training_goes_on(tmp_path, capsys):
    learn = make_learner(tmp_path)
    scale = tf.Variable(1.0)
    learn.loss = lambda y, p: scale + 0.0 * tf.reduce_mean(p)
    rise = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: scale.assign([1.0, 10, 10, 1][epoch]))
    history = learn.fit(0.01, 4, callbacks=[rise])
    out = capsys.readouterr().out
    assert out.count("Epoch 1: the loss has risen to 10 from 1 at the start") == 1 and "are back" not in out
    assert len(history.history["loss"]) == 4


@pytest.mark.slow
@pytest.mark.parametrize("steps", [STEPS, 3])
def test_a_fit_that_ends_far_above_its_start_leaves_the_weights_from_before_the_rise(tmp_path, capsys, steps):
    learn = make_learner(tmp_path)
    data = learn.data.train.take(steps)
    learn.set_data(kf.Datasets(data, data, path=tmp_path))
    learn.fit(0.01, 1)
    scale, weights = tf.Variable(1.0), []
    plain = keras.losses.get("mse")
    learn.loss = lambda y, p: scale * plain(y, p)
    learn.fit(0.0, 1)
    rise = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: scale.assign(1.0 if batch == 0 and not weights else 50.0),
        on_epoch_end=lambda epoch, logs: weights.append(learn.model.get_weights()),
    )
    before = learn.model.get_weights()
    learn.fit(1e-6, 2, callbacks=[rise])
    out = capsys.readouterr().out
    assert "Epoch 0: the loss has risen" in out and "At the end the loss was far above its start" in out
    assert "loaded are the weights from before this fit." in out
    for now, old in zip(learn.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, old)
    assert not np.array_equal(weights[-1][0], before[0])


def test_a_nan_does_not_take_the_place_of_a_saved_cycle(tmp_path):
    learn = make_learner(tmp_path)
    learn.fit(0.01, 1, cycle_len=1, cycle_save_name="run")
    saved = (tmp_path / "models" / "run_cyc_0.weights.h5").read_bytes()
    learn.fit(1e30, 1, cycle_len=1, cycle_save_name="run")
    assert (tmp_path / "models" / "run_cyc_0.weights.h5").read_bytes() == saved


def test_an_ordinary_fit_says_nothing_and_trains_as_before(tmp_path, capsys):
    learn = make_learner(tmp_path)
    learn.fit(0.05, 4, cycle_len=1)
    out = capsys.readouterr().out
    assert "stopped" not in out and "risen" not in out
