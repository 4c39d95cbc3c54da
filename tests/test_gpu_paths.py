"""What a GPU does otherwise than a processor, as far as it can be tried without one."""

import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.basics import trials
from kerasfast.optimizing.control import control_of
from kerasfast.vision.fitting import acceleration
from kerasfast.vision.networks.constant_graph import folded

BATCH, STEPS = 8, 6


def datasets(inputs: np.ndarray) -> kf.Datasets:
    rows = tf.data.Dataset.from_tensor_slices((inputs, np.arange(len(inputs)) % 3)).batch(BATCH)
    return kf.Datasets(train=rows, valid=rows)


def inputs() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(BATCH * STEPS, 4)).astype(np.float32)


def learner(tmp_path, data=None, layer=None, **arguments) -> kf.Learner:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4,)), *([layer] if layer else []), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential(layers)
    arguments = {"loss": "sparse_categorical_crossentropy", "path": tmp_path, **arguments}
    return kf.Learner(model, data or datasets(inputs()), **arguments)


def test_steps_that_overflow_in_half_precision_are_neither_recorded_nor_scheduled(tmp_path):
    """Keras skips the update; losses, rates and the schedule go on from one update to the next."""
    overflowing = inputs()
    overflowing[BATCH * 2] = np.inf
    scaled = lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(momentum=0.9), initial_scale=16.0)
    # The overflow makes the loss of the epoch infinite, which is what stops an ordinary fit.
    learn = learner(tmp_path, datasets(overflowing), optimizer=scaled, clip=1.0)
    stage = learn._ready(None)
    before = learn.model.get_weights()
    control = control_of(learn.model.optimizer)
    rates = np.geomspace(1e-2, 1e-3, STEPS)
    control.program(rates[:, None])
    control.start_log(STEPS)
    learn.model.fit(stage.train_batches(), epochs=1, shuffle=False, verbose=0)
    losses, logged, _ = control.read_log()
    assert len(losses) == STEPS - 1 and np.isfinite(losses).all()
    np.testing.assert_allclose(logged[:, 0], rates[: STEPS - 1], rtol=1e-6)
    assert all(np.isfinite(weight).all() for weight in learn.model.get_weights())
    assert any((old != new).any() for old, new in zip(before, learn.model.get_weights(), strict=True))
    assert float(learn.model.optimizer.dynamic_scale) == 8.0


def test_xla_is_used_where_it_is_asked_for_alone(tmp_path):
    for wanted, expected in (("auto", False), (True, True), (False, False)):
        learn = learner(tmp_path, jit_compile=wanted)
        learn._ready(None)
        assert learn.model.jit_compile is expected


@pytest.mark.parametrize("wrong", ["yes", None, 2])
def test_a_word_that_is_no_choice_of_xla_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="jit_compile"):
        learner(tmp_path, jit_compile=wrong)


@pytest.mark.slow
def test_a_step_compiled_by_xla_trains_as_one_that_is_not(tmp_path):
    curves = []
    for jit_compile in (False, True):
        learn = learner(tmp_path, jit_compile=jit_compile)
        learn.fit(0.1, 1)
        curves.append(learn.recorder.losses)
    np.testing.assert_allclose(*curves, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [keras.optimizers.Adam, "scaled"])
def test_xla_compiles_a_step_once_not_every_time(tmp_path, optimizer):
    """A table that is read by `table[position]` made the step a constant, and so each step another program."""
    if optimizer == "scaled":
        optimizer = lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(momentum=0.9))
    learn = learner(tmp_path, layer=keras.layers.Dropout(0.1), jit_compile=True, optimizer=optimizer, clip=1.0)
    learn.freeze_all_but(0)
    times = []
    note = lambda batch, logs: times.append(time.perf_counter())
    watch = keras.callbacks.LambdaCallback(on_train_batch_begin=note, on_train_batch_end=note)
    learn.fit_one_cycle(0.01, 2, weight_decays=1e-3, callbacks=[watch])
    first, *others = np.diff(times)[::2]
    assert np.median(others) < first / 5, (first, others)
    assert max(others) < first / 2, (first, others)  # the first step of the second epoch among them


def test_xla_with_several_replicas_is_refused_by_name(tmp_path, monkeypatch):
    learn = learner(tmp_path, jit_compile=True)

    class Two:
        num_replicas_in_sync = 2

    monkeypatch.setattr(type(learn.model), "distribute_strategy", Two())
    with pytest.raises(ValueError, match="`jit_compile=True` does not work with several replicas"):
        learn._ready(None)


def test_no_room_for_a_step_says_what_to_lower(tmp_path):
    @keras.saving.register_keras_serializable()
    class Huge(keras.layers.Layer):
        def call(self, x):
            def fail(x):
                raise MemoryError("OOM when allocating tensor")

            return tf.ensure_shape(tf.numpy_function(fail, [x], tf.float32), x.shape)

        def compute_output_shape(self, shape):
            return shape

    learn = learner(tmp_path, layer=Huge())
    with pytest.raises(MemoryError, match=r"batches of shape \(None, 4\). Lower the batch size"):
        learn.fit(0.1, 1)


@pytest.mark.parametrize("broken", [False, True])
def test_trials_tell_what_fails(broken, monkeypatch):
    def fail(*args, **kwargs):
        raise tf.errors.InternalError(None, None, "libdevice not found at ./libdevice.10.bc\nmore")

    if broken:
        monkeypatch.setattr(tf, "function", fail)
        monkeypatch.setattr(tf.nn, "conv2d", fail)
    for failure in (trials.failure_of_xla(), trials.failure_of_convolution()):
        assert failure == ("InternalError: libdevice not found at ./libdevice.10.bc" if broken else None)


def test_acceleration_goes_on_without_xla_where_xla_does_not_work(monkeypatch):
    monkeypatch.setattr(acceleration, "failure_of_xla", lambda: "InternalError: no libdevice")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["GPU"])
    with pytest.warns(UserWarning, match="XLA does not work here.*no libdevice"):
        assert acceleration.jit_compile_of_gpu() == "auto"


def test_a_network_in_half_precision_is_folded_too():
    layers = keras.layers
    with acceleration.precision(True):
        inputs = keras.Input((16, 16, 3), dtype="uint8")
        x = layers.Conv2D(4, 3, use_bias=False)(layers.Rescaling(1 / 255)(inputs))
        x = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))
        model = keras.Model(inputs, layers.Dense(2, dtype="float32")(x))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    received = folded(model, [None, 16, 16, 3])(tf.constant(pixels)).numpy()
    np.testing.assert_allclose(received, model(pixels, training=False), atol=2e-3)


def test_the_finder_fetches_each_step_once(tmp_path, monkeypatch):
    learn = learner(tmp_path)
    learn._ready(None)
    control = control_of(learn.model.optimizer)
    fetched, read = [], control.read_log

    def counted(first: int = 0):
        found = read(first)
        fetched.append(len(found[0]))
        return found

    monkeypatch.setattr(control, "read_log", counted)
    kf.find_learning_rate(learn.model, datasets(inputs()).train, steps=12, end=1.0)
    assert fetched[:-1] == [1] * 12 and fetched[-1] == 12
