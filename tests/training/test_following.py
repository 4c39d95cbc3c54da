"""Schedules inside the graph: what they move, who may set what, and that they end."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf

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
    with pytest.raises(ValueError, match="`unit` must be one of 'epochs', 'steps'; received 'days'"):
        kf.Schedule(unit="days")
    model = linear_model()
    model.compile("sgd", loss="mse")
    endless = unit_data().filter(lambda x, y: True)
    with pytest.raises(ValueError, match="pass `steps_per_epoch`"):
        model.fit(endless, callbacks=[kf.Schedule(learning_rate=kf.constant(1.0))], shuffle=False, verbose=0)


def compiled(optimizer=None) -> keras.Model:
    model = linear_model()
    model.compile(optimizer or keras.optimizers.SGD(0.5, momentum=0.5), loss=lambda y, p: tf.reduce_mean(p))
    return model


def fit(model: keras.Model, *callbacks, epochs: int = 1) -> np.ndarray:
    """Train and return the rates of every step."""
    recorder = kf.Recorder()
    model.fit(unit_data(), epochs=epochs, callbacks=[recorder, *callbacks], shuffle=False, verbose=0)
    return recorder.learning_rates[:, 0]


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C in the middle of an epoch."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == STEPS // 2:
            raise KeyboardInterrupt


def test_a_schedule_whose_fit_is_broken_off_is_over():
    model = compiled()
    with pytest.raises(KeyboardInterrupt):
        fit(model, kf.Schedule(learning_rate=kf.linear(1.0, 0.0, 3)), Interrupt(), epochs=3)
    model.fit(unit_data(), shuffle=False, verbose=0)
    before = model.weights[0].numpy().item()
    np.testing.assert_allclose(fit(model), 0.5, rtol=1e-6)
    assert model.weights[0].numpy().item() < before
    with pytest.raises(KeyboardInterrupt):
        fit(model, kf.Schedule(learning_rate=kf.linear(1.0, 0.0, 3)), Interrupt(), epochs=3)
    found = kf.find_learning_rate(model, unit_data(), start=1e-3, end=0.1, steps=5)
    np.testing.assert_allclose(found.learning_rates[:, 0], np.geomspace(1e-3, 0.1, 5), rtol=1e-5)


def test_two_schedules_of_different_things_go_together_in_any_order():
    results = []
    for order in (1, -1):
        rate = kf.Schedule(learning_rate=kf.linear(1.0, 0.1, STEPS), unit="steps")
        momentum = kf.Schedule(momentum=kf.linear(0.9, 0.1, STEPS), unit="steps")
        recorder, model = kf.Recorder(), compiled()
        callbacks = [rate, momentum, recorder][::order]
        model.fit(unit_data(), callbacks=callbacks, shuffle=False, verbose=0)
        np.testing.assert_allclose(
            recorder.learning_rates[:, 0], 0.5 * kf.linear(1.0, 0.1, STEPS)(np.arange(STEPS)), rtol=1e-6
        )
        np.testing.assert_allclose(recorder.momentums, kf.linear(0.9, 0.1, STEPS)(np.arange(STEPS)), rtol=1e-6)
        results.append(model.get_weights()[0])
    np.testing.assert_array_equal(*results)


def test_two_schedules_of_the_same_thing_are_refused_and_leave_nothing_behind():
    model = compiled()
    two = [kf.Schedule(learning_rate=kf.linear(1.0, 0.1, 1)) for _ in range(2)]
    before = model.get_weights()[0]
    with pytest.raises(ValueError, match="Two schedules set learning_rates in one fit"):
        fit(model, *two)
    np.testing.assert_array_equal(model.get_weights()[0], before)
    np.testing.assert_allclose(fit(model), 0.5, rtol=1e-6)


@pytest.mark.slow
def test_a_schedule_of_keras_and_rates_of_ours_do_not_multiply_silently():
    falling = keras.optimizers.schedules.ExponentialDecay(0.5, decay_steps=1, decay_rate=0.5)
    model = compiled(keras.optimizers.SGD(falling, momentum=0.5))
    np.testing.assert_allclose(fit(model), 0.5 * 0.5 ** np.arange(STEPS), rtol=1e-5)
    with pytest.raises(ValueError, match="follows a learning-rate schedule of its own"):
        fit(model, kf.Schedule(learning_rate=kf.linear(1.0, 0.1, 1)))
    fit(model, kf.Schedule(momentum=kf.linear(0.9, 0.1, 1)))
    with pytest.raises(ValueError, match="follows a learning-rate schedule of its own"):
        kf.find_learning_rate(model, unit_data(), steps=5)
    groups = kf.LayerGroups.split(linear_and_another(), [1])
    with pytest.raises(ValueError, match="follows a learning-rate schedule of its own"):
        kf.grouped(keras.optimizers.SGD(falling), groups, learning_rates=[0.1, 0.2])
    kf.grouped(keras.optimizers.SGD(falling), groups)


def linear_and_another() -> keras.Model:
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1), keras.layers.Dense(1)])


@pytest.mark.parametrize("schedule", [kf.sgdr(1), kf.linear(0.0, 1.0, 1), kf.one_cycle(1)])
def test_a_fit_that_would_see_nothing_but_the_warm_up_is_refused(schedule):
    model = compiled()
    with pytest.raises(ValueError, match="train at the warm-up's rate alone"):
        model.fit(unit_data(1), callbacks=[kf.Schedule(learning_rate=schedule)], shuffle=False, verbose=0)


def test_a_fit_of_few_steps_beyond_the_warm_up_is_not():
    model = compiled()
    model.fit(unit_data(1), epochs=3, callbacks=[kf.Schedule(learning_rate=kf.sgdr(3))], shuffle=False, verbose=0)
    assert model.get_weights()[0].item() < -0.1


def outcome_of(order: tuple[int, ...]) -> tuple[list[float], list[tuple]]:
    """Train with all our callbacks in an order; return all numbers that come of it, and what was saved."""
    model, recorder, saved = compiled(), kf.Recorder(), []

    def save(*which):
        saved.append((*which, model.get_weights()[0].item()))

    callbacks = [
        kf.Schedule(learning_rate=kf.sgdr(1, cycle_mult=2)),
        recorder,
        kf.EpochTable(),
        kf.CycleSaver([1, 3], lambda cycle: save("cycle", cycle)),
        kf.BestSaver(lambda: save("best"), lower_is_better=True),
    ]
    history = model.fit(unit_data(4), epochs=3, callbacks=[callbacks[i] for i in order], shuffle=False, verbose=0)
    numbers = [*model.get_weights()[0].ravel(), *recorder.losses, *recorder.learning_rates.ravel()]
    return [*numbers, *recorder.epochs[-1].values(), *history.history["loss"]], sorted(saved)


@pytest.mark.slow
def test_callbacks_do_the_same_in_any_order():
    orders = [order for order in itertools.permutations(range(5)) if order[0] < order[-1]][::5]
    outcomes = [outcome_of(order) for order in orders]
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert len(outcomes[0][1]) == 5
