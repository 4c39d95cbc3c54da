"""Layer-group optimizers against independent optimizers per group, and the traps of Keras that they avoid."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.optimizing.control import GroupControl, control_of, per_group
from kerasfast.optimizing.optimizers import ensure_built

RATES = [0.001, 0.01, 0.1]
OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "momentum": lambda **k: keras.optimizers.SGD(momentum=0.9, **k),
    "nesterov": lambda **k: keras.optimizers.SGD(momentum=0.9, nesterov=True, **k),
    "adam": keras.optimizers.Adam,
    "amsgrad": lambda **k: keras.optimizers.Adam(amsgrad=True, **k),
    "adamw": lambda **k: keras.optimizers.AdamW(**{"weight_decay": 0.01, **k}),
    "rmsprop": lambda **k: keras.optimizers.RMSprop(momentum=0.5, **k),
    "lion": keras.optimizers.Lion,
    "adagrad": keras.optimizers.Adagrad,
    "nadam": keras.optimizers.Nadam,
    "adamax": keras.optimizers.Adamax,
    "adadelta": keras.optimizers.Adadelta,
    "ftrl": keras.optimizers.Ftrl,
}


def make_model(seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(3, "tanh"), keras.layers.Dense(1)]
    )


def batches(steps: int = 6) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    return random.normal(size=(8 * steps, 4)).astype("float32"), random.normal(size=(8 * steps, 1)).astype("float32")


def train_independently(make, rates, decays=None, *, clip=None, steps: int = 6) -> list[np.ndarray]:
    """The reference: one optimizer per layer, the gradients clipped together."""
    model = make_model()
    layers = [layer for layer in model.layers if layer.weights]
    extra = [{} if decays is None else {"weight_decay": decay} for decay in decays or rates]
    optimizers = [make(learning_rate=rate, **more) for rate, more in zip(rates, extra, strict=True)]
    x, y = batches(steps)
    for step in range(steps):
        rows = slice(8 * step, 8 * step + 8)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x[rows]) - y[rows]))
        gradients = tape.gradient(loss, model.trainable_variables)
        if clip:
            gradients, _ = tf.clip_by_global_norm(gradients, clip)
        for index, (optimizer, layer) in enumerate(zip(optimizers, layers, strict=True)):
            optimizer.apply(gradients[2 * index : 2 * index + 2], layer.trainable_variables)
    return model.get_weights()


def train_grouped(make, rates, decays=None, *, steps: int = 6, compile_arguments=None, clip=None) -> keras.Model:
    model = make_model()
    groups = kf.LayerGroups.split(model, [1, 2])
    optimizer = make(**({"global_clipnorm": clip} if clip else {}))
    optimizer = kf.grouped(optimizer, groups, learning_rates=rates, weight_decays=decays)
    model.compile(optimizer, loss="mse", **(compile_arguments or {}))
    x, y = batches(steps)
    model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(8, drop_remainder=True), shuffle=False, verbose=0)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_group_is_trained_as_by_an_optimizer_of_its_own(name):
    want = train_independently(OPTIMIZERS[name], RATES)
    got = train_grouped(OPTIMIZERS[name], RATES).get_weights()
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=5e-7)


@pytest.mark.parametrize("name", ["momentum", "adam", "adamw", "rmsprop"])
def test_weight_decay_is_per_group_and_scaled_by_the_groups_rate(name):
    decays = [0.5, 0.1, 0.0]
    want = train_independently(OPTIMIZERS[name], RATES, decays)
    got = train_grouped(OPTIMIZERS[name], RATES, decays).get_weights()
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=5e-7)


def test_global_norm_clipping_sees_the_whole_model():
    want = train_independently(OPTIMIZERS["momentum"], RATES, clip=0.1)
    got = train_grouped(OPTIMIZERS["momentum"], RATES, clip=0.1).get_weights()
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [{"steps_per_execution": 3}, {"jit_compile": True}, {"run_eagerly": True}])
def test_the_way_of_execution_does_not_change_the_result(arguments):
    want = train_independently(OPTIMIZERS["adam"], RATES)
    got = train_grouped(OPTIMIZERS["adam"], RATES, compile_arguments=arguments).get_weights()
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_gradient_accumulation_uses_one_row_per_update():
    make = lambda **k: keras.optimizers.SGD(gradient_accumulation_steps=2, **k)
    want = train_independently(make, RATES)
    got = train_grouped(make, RATES).get_weights()
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=5e-7)


def test_mixed_precision_trains_the_groups_and_logs_the_loss():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = make_model()
        groups = kf.LayerGroups.split(model, [1, 2])
        model.compile(kf.grouped(keras.optimizers.SGD, groups, learning_rates=[0.0, 0.01, 0.1]), loss="mse")
        first = [v.numpy() for v in model.layers[0].weights]
        last = [v.numpy() for v in model.layers[-1].weights]
        x, y = batches()
        recorder = kf.Recorder()
        model.fit(x, y, batch_size=8, epochs=3, callbacks=[recorder], verbose=0)
    finally:
        keras.config.set_dtype_policy(before)
    for a, b in zip(first, model.layers[0].weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(a, b) for a, b in zip(last, model.layers[-1].weights, strict=True))
    assert np.all(np.isfinite(recorder.losses)) and len(recorder.losses) == model.optimizer.inner_optimizer.iterations


def test_moving_averages_go_to_their_own_variables_when_layers_are_frozen():
    """Keras pairs the trainable variables with the averages of all of them, in order."""
    model = make_model()
    groups = kf.LayerGroups.split(model, [1, 2])
    model.compile(kf.grouped(keras.optimizers.SGD(0.1, use_ema=True), groups), loss="mse")
    groups.freeze_to(-1)
    frozen = [v.numpy() for v in model.layers[0].weights]
    x, y = batches()
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    for a, b in zip(frozen, model.layers[0].weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_rate_changed_by_another_callback_scales_every_group():
    model = make_model()
    groups = kf.LayerGroups.split(model, [1, 2])
    model.compile(kf.grouped(keras.optimizers.SGD, groups, learning_rates=RATES), loss="mse")
    x, y = batches()
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch == 0 else rate / 2)
    recorder = kf.Recorder()
    model.fit(x, y, batch_size=8, epochs=2, callbacks=[halve, recorder], verbose=0)
    np.testing.assert_allclose(recorder.learning_rates[0], RATES, rtol=1e-6)
    np.testing.assert_allclose(recorder.learning_rates[-1], np.array(RATES) / 2, rtol=1e-6)


def test_changing_rates_traces_nothing_again():
    model = make_model()
    groups = kf.LayerGroups.split(model, [1, 2])
    optimizer = kf.grouped(keras.optimizers.Adam, groups, learning_rates=RATES)
    traces = []
    loss = lambda y, p: (traces.append(1), tf.reduce_mean(tf.square(y - p)))[1]
    model.compile(optimizer, loss=loss)
    x, y = batches()
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8, drop_remainder=True)
    model.fit(data, shuffle=False, verbose=0)
    count = len(traces)
    for rates in ([0.1, 0.2, 0.3], 0.5, [0.0, 0.0, 1.0]):
        control_of(optimizer).set_rates(rates)
        model.fit(data, shuffle=False, verbose=0)
    assert len(traces) == count


@pytest.mark.slow
def test_a_saved_model_loads_where_kerasfast_is_unknown(tmp_path):
    model = train_grouped(OPTIMIZERS["adam"], RATES)
    model.save(tmp_path / "model.keras")
    code = (
        "import sys, keras; sys.modules['kerasfast'] = None; m = keras.models.load_model(sys.argv[1]);"
        "o = m.optimizer; y = float(m(keras.ops.ones((1, 4)))[0, 0]);"
        "print(type(o).__name__, int(o.iterations), len(o.variables), y)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model.keras")], capture_output=True, text=True, check=True
    )
    name, iterations, slots, value = done.stdout.split()
    assert (name, int(iterations), int(slots)) == ("Adam", 6, len(model.optimizer.variables))
    assert float(value) == pytest.approx(float(model(np.ones((1, 4)))[0, 0]), rel=1e-5)


def test_widening_an_optimizer_keeps_iterations_and_slots():
    model = make_model()
    model.layers[0].trainable = False
    model.compile("adam", loss="mse")
    x, y = batches()
    model.fit(x, y, batch_size=8, verbose=0)
    old = {v.name: v.numpy() for v in model.optimizer.variables}
    model.layers[0].trainable = True
    wider, rebuilt = ensure_built(model.optimizer, model.trainable_variables)
    assert rebuilt and len(wider.variables) > len(old)
    kept = {v.name: v.numpy() for v in wider.variables}
    assert all(np.array_equal(kept[name], value) for name, value in old.items())


@pytest.mark.parametrize(
    ("values", "groups", "message"),
    [
        ([1.0, 2.0], 3, r"`lrs` has 2 values but the model has 3 layer groups; pass 1 or 3 values\."),
        ([1.0, 2.0], 1, r"`lrs` has 2 values but the model has 1 layer group; pass 1 value\."),
        ([], 3, "`lrs` has 0 values"),
        ([[1.0]], 3, "shape"),
        ([0.1, -0.1, 0.1], 3, "0 or more; received"),
        (float("nan"), 3, "finite"),
    ],
)
def test_wrong_numbers_of_rates_name_both_counts(values, groups, message):
    with pytest.raises(ValueError, match=message):
        per_group("lrs", values, groups)


def test_grouped_refuses_stray_arguments_and_missing_momentum():
    model = make_model()
    groups = kf.LayerGroups.split(model, [1, 2])
    with pytest.raises(ValueError, match="momentum.*optimizer class"):
        kf.grouped(keras.optimizers.SGD(), groups, momentum=0.9)
    with pytest.raises(ValueError, match="has no momentum to schedule"):
        GroupControl(_built(keras.optimizers.Adagrad(), model), groups.variables).program(
            np.ones((2, 3)), momentum=np.ones(2)
        )


def _built(optimizer, model):
    optimizer.build(model.trainable_variables)
    return optimizer
