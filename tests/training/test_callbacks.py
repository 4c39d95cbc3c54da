"""Schedules inside the graph, the recorder, the savers and the epoch table."""

import keras
import numpy as np
import pytest
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


def fit_recorded(optimizer, schedule, *, epochs=3, **compile_arguments):
    model, recorder = linear_model(), kf.Recorder()
    model.compile(optimizer, loss=lambda y, p: tf.reduce_mean(p), **compile_arguments)
    weights = []
    if compile_arguments.get("steps_per_execution", 1) == 1:
        note = lambda batch, logs: weights.append(float(model.weights[0].numpy()[0, 0]))
        weights.append(0.0)
        callbacks = [schedule, recorder, keras.callbacks.LambdaCallback(on_train_batch_end=note)]
    else:
        callbacks = [schedule, recorder]
    model.fit(unit_data(), epochs=epochs, callbacks=callbacks, shuffle=False, verbose=0)
    return model, recorder, -np.diff(weights)


def test_the_scheduled_rate_is_the_one_that_moves_the_weights():
    schedule = kf.Schedule(learning_rate=kf.sgdr(cycle_len=1, cycle_mult=2))
    _model, recorder, moves = fit_recorded(keras.optimizers.SGD(0.5), schedule)
    want = 0.5 * kf.sgdr(STEPS, cycle_mult=2)(np.arange(3 * STEPS))
    np.testing.assert_allclose(recorder.learning_rates[:, 0], want, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(moves, want, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("unit", ["steps", "epochs"])
@pytest.mark.parametrize(
    "optimizer", [lambda: keras.optimizers.SGD(0.1, momentum=0.9), lambda: keras.optimizers.Adam(0.1)]
)
def test_logs_are_the_same_for_one_and_fifty_steps_per_execution(unit, optimizer):
    length = 3 if unit == "epochs" else 3 * STEPS
    logs = []
    for steps_per_execution in (1, 50):
        schedule = kf.Schedule(
            learning_rate=kf.one_cycle(length),
            momentum=kf.one_cycle(length, start=0.95, peak=0.85, end=0.95),
            unit=unit,
        )
        _, recorder, _ = fit_recorded(optimizer(), schedule, steps_per_execution=steps_per_execution)
        logs.append(recorder)
    for name in ("losses", "learning_rates", "momentums"):
        np.testing.assert_array_equal(getattr(logs[0], name), getattr(logs[1], name))
    assert len(logs[0].losses) == 3 * STEPS
    want = kf.one_cycle(3 * STEPS, start=0.95, peak=0.85, end=0.95)(np.arange(3 * STEPS))
    np.testing.assert_allclose(logs[0].momentums, want, rtol=1e-6)


def test_scheduled_momentum_acts_on_the_weights():
    """Keras bakes `momentum` into the traced step; a naive loop shows what it must do."""
    momentum = kf.linear(0.9, 0.1, STEPS)
    _, _, moves = fit_recorded(
        keras.optimizers.SGD(0.1, momentum=0.5), kf.Schedule(momentum=momentum, unit="steps"), epochs=1
    )
    velocity, want = 0.0, []
    for value in momentum(np.arange(STEPS)):
        velocity = value * velocity + 0.1
        want.append(velocity)
    np.testing.assert_allclose(moves, want, rtol=1e-4)


def test_scheduled_beta_equals_a_naive_adam():
    beta = kf.linear(0.95, 0.5, STEPS)
    schedule = kf.Schedule(momentum=beta, unit="steps")
    _, _, moves = fit_recorded(keras.optimizers.Adam(0.1), schedule, epochs=1)
    first = second = 0.0
    for step, value in enumerate(beta(np.arange(STEPS))):
        first = value * first + (1 - value)
        second = 0.999 * second + 0.001
        want = 0.1 * np.sqrt(1 - 0.999 ** (step + 1)) / (1 - value ** (step + 1)) * first / (np.sqrt(second) + 1e-7)
        assert moves[step] == pytest.approx(want, rel=1e-3)


def test_after_training_the_constant_rate_is_back():
    schedule = kf.Schedule(learning_rate=kf.linear(1.0, 0.0, 3))
    model, _, _ = fit_recorded(keras.optimizers.SGD(0.5), schedule)
    recorder = kf.Recorder()
    model.fit(unit_data(), callbacks=[recorder], shuffle=False, verbose=0)
    np.testing.assert_allclose(recorder.learning_rates, 0.5)
    assert float(model.optimizer.learning_rate) == 0.5


def test_a_resumed_fit_goes_on_in_the_schedule():
    whole = kf.linear(1.0, 0.0, 4)
    model = linear_model()
    model.compile(keras.optimizers.SGD(0.5), loss=lambda y, p: tf.reduce_mean(p))
    recorder = kf.Recorder()
    model.fit(
        unit_data(),
        initial_epoch=2,
        epochs=4,
        callbacks=[kf.Schedule(learning_rate=whole), recorder],
        shuffle=False,
        verbose=0,
    )
    want = 0.5 * whole(np.arange(2 * STEPS, 4 * STEPS) / STEPS)
    np.testing.assert_allclose(recorder.learning_rates[:, 0], want, rtol=1e-6, atol=1e-9)


def test_recorded_losses_are_the_batches_own_not_the_running_mean():
    model = linear_model()
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    x = np.ones((12, 1), "float32")
    y = np.repeat(np.arange(6.0), 2)[:, None].astype("float32")
    recorder = kf.Recorder()
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(2)
    model.fit(data, epochs=2, callbacks=[recorder], shuffle=False, verbose=0)
    np.testing.assert_allclose(recorder.losses, np.tile(np.arange(6.0) ** 2, 2))


@pytest.mark.slow
def test_jit_compiled_training_follows_the_schedule():
    schedule = kf.Schedule(learning_rate=kf.cosine(1.0, 0.0, 3))
    model, recorder, _ = fit_recorded(keras.optimizers.SGD(0.5), schedule, jit_compile=True)
    want = 0.5 * kf.cosine(1.0, 0.0, 3 * STEPS)(np.arange(3 * STEPS))
    np.testing.assert_allclose(recorder.learning_rates[:, 0], want, rtol=1e-5, atol=1e-8)
    assert -model.weights[0].numpy()[0, 0] == pytest.approx(want.sum(), rel=1e-4)


def test_a_scheduled_weight_decay_shrinks_the_weights_and_needs_one_to_scale():
    decay = kf.Schedule(weight_decay=kf.linear(1.0, 0.0, STEPS), unit="steps")
    model = linear_model()
    model.layers[0].set_weights([np.ones((1, 1), "float32")])
    model.compile(keras.optimizers.SGD(0.5, weight_decay=0.1), loss=lambda y, p: 0.0 * tf.reduce_mean(p))
    model.fit(unit_data(), callbacks=[decay], shuffle=False, verbose=0)
    want = np.prod(1 - 0.5 * 0.1 * kf.linear(1.0, 0.0, STEPS)(np.arange(STEPS)))
    assert model.weights[0].numpy()[0, 0] == pytest.approx(want, rel=1e-5)
    model.compile("sgd", loss="mse")
    with pytest.raises(ValueError, match="has no weight decay to schedule"):
        model.fit(unit_data(), callbacks=[decay], shuffle=False, verbose=0)


def test_unknown_units_and_unknown_lengths_are_refused():
    with pytest.raises(ValueError, match="`unit` must be 'epochs' or 'steps'; received 'days'"):
        kf.Schedule(unit="days")
    model = linear_model()
    model.compile("sgd", loss="mse")
    endless = unit_data().filter(lambda x, y: True)
    with pytest.raises(ValueError, match="pass `steps_per_epoch`"):
        model.fit(endless, callbacks=[kf.Schedule(learning_rate=kf.constant(1.0))], shuffle=False, verbose=0)


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


def test_cycles_are_saved_at_their_ends():
    saved = []
    saver = kf.CycleSaver([1, 3], saved.append)
    for epoch in range(3):
        saver.on_epoch_end(epoch, {})
    assert saved == [0, 1]


@pytest.mark.parametrize(
    ("logs", "lower", "want"),
    [
        ([{"val_loss": 3}, {"val_loss": 2}, {"val_loss": 2.5}, {"val_loss": 1}], False, [0, 1, 3]),
        (
            [{"val_loss": 3, "val_acc": 0.5}, {"val_loss": 1, "val_acc": 0.4}, {"val_loss": 2, "val_acc": 0.5}],
            False,
            [0, 2],
        ),
        ([{"val_loss": 3, "val_err": 0.5}, {"val_loss": 9, "val_err": 0.4}], True, [0, 1]),
        ([{"val_loss": float("nan")}, {"val_loss": 1}], False, [1]),
    ],
)
def test_the_best_epoch_is_saved(logs, lower, want):
    saved = []
    saver = kf.BestSaver(lambda: saved.append(now), lower_is_better=lower)
    for now, entry in enumerate(logs):
        saver.on_epoch_end(now, entry)
    assert saved == want


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
