"""The recorder, the epoch table and the progress of predictions."""

import keras
import numpy as np
import tensorflow as tf

import kerasfast as kf
from kerasfast.training.callbacks import table_columns

STEPS = 10


def linear_model() -> keras.Model:
    """One weight whose gradient is always 1: each update subtracts just the rate."""
    return keras.Sequential(
        [keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )


def unit_data(steps: int = STEPS) -> tf.data.Dataset:
    ones = np.ones((steps * 2, 1), "float32")
    return tf.data.Dataset.from_tensor_slices((ones, ones)).batch(2)


def test_recorded_losses_are_the_batches_own_not_the_running_mean():
    model = linear_model()
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    x = np.ones((12, 1), "float32")
    y = np.repeat(np.arange(6.0), 2)[:, None].astype("float32")
    recorder = kf.Recorder()
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(2)
    model.fit(data, epochs=2, callbacks=[recorder], shuffle=False, verbose=0)
    np.testing.assert_allclose(recorder.losses, np.tile(np.arange(6.0) ** 2, 2))


def test_the_table_shows_validation_metrics_and_losses(capsys):
    model = linear_model()
    model.compile("sgd", loss="mse", metrics=["mae"])
    model.fit(unit_data(), validation_data=unit_data(), epochs=2, callbacks=[kf.EpochTable()], shuffle=False, verbose=0)
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].split() == ["epoch", "trn_loss", "val_loss", "mae"]
    assert [line.split()[0] for line in lines[1:]] == ["0", "1"]
    assert all(len(line.split()) == 4 for line in lines)


def test_without_validation_the_table_shows_training_metrics():
    assert table_columns({"loss": 1.0, "acc": 0.5}) == {"trn_loss": 1.0, "acc": 0.5}
    both = {"acc": 0.9, "loss": 1.0, "val_acc": 0.5, "val_loss": 2.0}
    assert table_columns(both) == {"trn_loss": 1.0, "val_loss": 2.0, "acc": 0.5}


def test_a_long_prediction_shows_how_far_it_is(monkeypatch):
    bars = []

    class Bar:
        def __init__(self, total: int, shown: bool, delay: float, **_):
            self.total, self.n, self.shown, self.closed = total, 0, shown and delay > 0, False
            bars.append(self)

        def update(self, count: int) -> None:
            self.n += count

        def close(self) -> None:
            self.closed = True

    monkeypatch.setattr("kerasfast.training.callbacks.progress_bar", Bar)
    learn = kf.Learner(linear_model(), kf.Datasets(unit_data(), unit_data(7)), loss="mse")
    assert learn.predict().shape == (14, 1)
    assert [(bar.total, bar.n, bar.shown, bar.closed) for bar in bars] == [(7, 7, True, True)]
