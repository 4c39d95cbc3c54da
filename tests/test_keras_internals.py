"""One contract per private name of Keras and TensorFlow: it is still there and still means what we use it for."""

import ast
import inspect
import random
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import config as framework_config

from kerasfast import keras_internals as internals


def small_model() -> keras.Model:
    keras.utils.set_random_seed(0)
    inner = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, name="inside"), keras.layers.BatchNormalization()]
    )
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1, name="head")(inner(inputs)))
    model.compile(keras.optimizers.Adam(0.1), loss="mse", metrics=["mae"])
    return model


def built(optimizer: keras.optimizers.Optimizer, model: keras.Model) -> keras.optimizers.Optimizer:
    optimizer.build(model.trainable_variables)
    return optimizer


def index_of_a_variable() -> None:
    model = small_model()
    optimizer = built(keras.optimizers.SGD(0.1), model)
    for index, variable in enumerate(model.trainable_variables):
        assert internals.slot_index(optimizer, variable) == internals.slot_index(optimizer, variable.value) == index
    assert internals.slot_index(optimizer, keras.Variable(1.0)) is None


def variables_of_an_optimizer() -> None:
    model = small_model()
    found = internals.optimized_variables(built(keras.optimizers.SGD(0.1), model))
    assert [id(variable) for variable in found] == [id(variable) for variable in model.trainable_variables]


def strategy_of_an_optimizer() -> None:
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope():
        optimizer = keras.optimizers.SGD(0.1)
    assert internals.optimizer_strategy(optimizer) is strategy


def weight_decay_of_a_variable() -> None:
    model = small_model()
    optimizer = keras.optimizers.SGD(0.1, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    built(optimizer, model)
    head = model.get_layer("head")
    assert internals.decays_weight(optimizer, head.kernel) and not internals.decays_weight(optimizer, head.bias)


def slots_of_adam(which: int) -> None:
    model = small_model()
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    names = ("momentum", "velocity")
    for index, variable in enumerate(model.trainable_variables):
        slot = internals.adam_slots(model.optimizer, index)[which]
        assert slot.shape == variable.shape and names[which] in slot.name


def averages_by_ema() -> None:
    model = small_model()
    optimizer = built(keras.optimizers.SGD(0.1, use_ema=True), model)
    head = model.get_layer("head").kernel
    average = internals.moving_average(optimizer, internals.slot_index(optimizer, head))
    assert average.shape == head.shape and "average" in average.name


def decay_and_averages_are_ours_to_do() -> None:
    model, calls = small_model(), []
    optimizer = keras.optimizers.SGD(0.1, weight_decay=0.5, use_ema=True, ema_overwrite_frequency=1)
    internals.take_over_updates(
        optimizer, overwrite_with_averages=calls.append, update_step=lambda gradient, variable, rate: None
    )
    model.compile(optimizer, loss="mse", run_eagerly=True)
    before = model.get_weights()[0]
    model.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before)  # Keras's own decay would have shrunk it
    assert calls


def layers_at_any_depth() -> None:
    names = [layer.name for layer in internals.all_layers(small_model())]
    assert {"inside", "head"} <= set(names) and len(names) == len(set(names))


def variables_that_can_be_trained() -> None:
    model = small_model()
    before = [variable.path for variable in model.trainable_variables]
    model.trainable = False
    assert sorted(variable.path for variable in internals.trainable_by_design(model)) == sorted(before)


def statistics_of_layers() -> None:
    model = small_model()
    names = {variable.name for variable in internals.counted_by_layers(model)}
    assert names == {"moving_mean", "moving_variance"}


def flags_without_a_warning() -> None:
    model = small_model()
    if keras.version() < "3.15" and not hasattr(model, "_compiled_trainable_state"):
        return  # Keras warns since one of the versions after 3.12
    model.get_layer("head").trainable = False
    with pytest.warns(UserWarning, match="trainable"):
        model._warn_if_trainable_state_changed()
    model = small_model()
    model.get_layer("head").trainable = False
    internals.accept_trainable_flags(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model._warn_if_trainable_state_changed()


def metrics_written_down() -> None:
    model = small_model()
    internals.write_down_metrics(model, ["mse"])
    assert model.get_compile_config()["metrics"] == ["mse"]
    assert model.get_compile_config()["loss"] == "mse"


def strategy_of_a_model() -> None:
    assert internals.own_strategy(small_model()) is None
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope():
        assert internals.own_strategy(small_model()) is strategy


def metrics_are_built_without_a_batch() -> None:
    strategy, read = tf.distribute.OneDeviceStrategy("CPU:0"), []

    def batches():
        read.append(1)
        yield np.ones((4, 3), "float32"), np.ones((4, 1), "float32")

    with strategy.scope():
        model = small_model()
    internals.build_from_shapes(model, strategy)
    data = tf.data.Dataset.from_generator(batches, output_signature=(tf.TensorSpec((4, 3)), tf.TensorSpec((4, 1))))
    model.fit(data, epochs=1, verbose=0)
    assert len(read) == 1


def call_that_made_a_tensor() -> None:
    inputs, layer = keras.Input((3,)), keras.layers.Dense(3)
    once = layer(inputs)
    twice = layer(once)
    for tensor, source in ((once, inputs), (twice, once)):
        operation, read, made = internals.producer(tensor)
        assert operation is layer and read[0] is source and made[0] is tensor


def graph_run_by_hand() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(2.0), keras.layers.ReLU()])
    called = []
    call = lambda operation, *args, **kwargs: (called.append(operation), operation(*args, **kwargs))[1]
    assert np.asarray(internals.run_graph(model, keras.ops.ones((1, 3)), call)).tolist() == [[2.0, 2.0, 2.0]]
    assert called == model.layers


def called_or_not() -> None:
    layer = keras.layers.Dense(3)
    assert not internals.was_called(layer)
    layer(keras.Input((3,)))
    assert internals.was_called(layer)


def shape_of_a_lambda() -> None:
    assert internals.lambda_output_shape(keras.layers.Lambda(lambda x: x, output_shape=(3,))) == (3,)


def direction_of_a_metric() -> None:
    assert internals.metric_direction(keras.metrics.MeanSquaredError()) == "down"
    assert internals.metric_direction(keras.metrics.AUC()) == "up"
    assert internals.metric_direction(keras.metrics.Mean()) is None
    ours = internals.better("down")(type("Ours", (keras.metrics.Mean,), {}))
    assert internals.metric_direction(ours()) == "down"


def seeds_of_keras() -> None:
    keras.utils.set_random_seed(0)
    internals.set_global_seed_generator(None)
    state = random.getstate()
    assert internals.global_seed_generator() is None
    assert random.getstate() == state
    keras.random.uniform(())
    generator = internals.global_seed_generator()
    assert isinstance(generator, keras.random.SeedGenerator)
    internals.set_global_seed_generator(None)
    keras.random.uniform(())
    assert internals.global_seed_generator() is not generator


def variables_become_constants() -> None:
    weight = tf.Variable(2.0)
    traced = tf.function(lambda x: weight * x).get_concrete_function(tf.TensorSpec((), tf.float32))
    constant = internals.with_constants(traced)
    weight.assign(5.0)
    assert float(tf.nest.flatten(constant(tf.constant(3.0)))[0]) == 6.0


def operations_repeat_for_a_while() -> None:
    keras.utils.set_random_seed(0)
    gpu = bool(tf.config.list_physical_devices("GPU"))
    with internals.repeatable_operations():
        assert framework_config.is_op_determinism_enabled() != gpu
    assert not framework_config.is_op_determinism_enabled()


def a_seed_is_known() -> None:
    tf.random.set_seed(3)
    assert context.global_seed() == 3


# name -> (function of `keras_internals` to mend, what must hold)
CONTRACTS = {
    "_get_variable_index": ("slot_index", index_of_a_variable),
    "_trainable_variables": ("optimized_variables and trainable_by_design", variables_of_an_optimizer),
    "_distribution_strategy": ("optimizer_strategy", strategy_of_an_optimizer),
    "_use_weight_decay": ("decays_weight", weight_decay_of_a_variable),
    "_momentums": ("adam_slots", lambda: slots_of_adam(0)),
    "_velocities": ("adam_slots", lambda: slots_of_adam(1)),
    "_model_variables_moving_average": ("moving_average", averages_by_ema),
    "_apply_weight_decay": ("take_over_updates", decay_and_averages_are_ours_to_do),
    "_overwrite_model_variables_with_average_value": ("take_over_updates", decay_and_averages_are_ours_to_do),
    "_flatten_layers": ("all_layers", layers_at_any_depth),
    "_layers": ("trainable_by_design", variables_that_can_be_trained),
    "_non_trainable_variables": ("counted_by_layers", statistics_of_layers),
    "_compiled_trainable_state": ("accept_trainable_flags", flags_without_a_warning),
    "_compile_config": ("write_down_metrics", metrics_written_down),
    "_distribute_strategy": ("own_strategy", strategy_of_a_model),
    "_symbolic_build": ("build_from_shapes and build_metrics", metrics_are_built_without_a_batch),
    "_maybe_symbolic_build": ("build_from_shapes", metrics_are_built_without_a_batch),
    "_functional": ("run_graph", graph_run_by_hand),
    "_run_through_graph": ("run_graph", graph_run_by_hand),
    "_keras_history": ("producer", call_that_made_a_tensor),
    "_inbound_nodes": ("producer and was_called", called_or_not),
    "_output_shape": ("lambda_output_shape", shape_of_a_lambda),
    "_direction": ("metric_direction and better", direction_of_a_metric),
    "keras.src.backend.common.global_state": ("global_seed_generator", seeds_of_keras),
    "keras.src.random.seed_generator": ("set_global_seed_generator", seeds_of_keras),
    "tensorflow.python.eager.context": ("repeatable_operations", a_seed_is_known),
    "tensorflow.python.framework.config": ("repeatable_operations", operations_repeat_for_a_while),
    "tensorflow.python.framework.convert_to_constants": ("with_constants", variables_become_constants),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTRACTS)
def test_a_private_name_still_means_what_we_use_it_for(name):
    function, holds = CONTRACTS[name]
    try:
        holds()
    except Exception as error:  # whatever a moved name leads to
        raise AssertionError(
            f"Keras or TensorFlow changed `{name}`, see `kerasfast.keras_internals.{function}`"
        ) from error


def test_every_private_name_in_use_has_a_contract():
    tree = ast.parse(inspect.getsource(internals))
    nodes = list(ast.walk(tree))
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    used |= {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
    asks = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr")]
    used |= {node.args[1].value for node in asks}
    used = {name for name in used if name.startswith("_") and not name.startswith("__")}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module.startswith(("keras.src", "tensorflow.python")):
            paths = {f"{node.module}.{alias.name}" for alias in node.names}
            used |= paths & CONTRACTS.keys() or {node.module}
    assert used == set(CONTRACTS)
