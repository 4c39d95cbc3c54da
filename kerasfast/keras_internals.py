"""All that kerasfast knows of the private parts of Keras and TensorFlow, in one place: a function per need.

Private names may move with any version. None is used elsewhere (`tests/test_structure.py`), and each has a test that
names the function to mend when it moves (`tests/test_keras_internals.py`). Where there is a public way it is taken.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import keras
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.random import seed_generator
from tensorflow.python.eager import context
from tensorflow.python.framework import config as framework_config
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

Metric = TypeVar("Metric")


def patch(instance: Any, **attributes: Any) -> None:
    """Set attributes of one instance past Keras's tracking, which would take them for a part of what it saves."""
    for name, value in attributes.items():
        object.__setattr__(instance, name, value)


# Optimizers


def inner_optimizer(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Return the optimizer that updates the weights: `optimizer`, or the one inside a loss-scale optimizer."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def slot_index(optimizer: keras.optimizers.Optimizer, variable: keras.Variable | tf.Variable) -> int | None:
    """Return the position of a variable among those that an optimizer was built on, None where it is not one of them.

    Authors of optimizers use the same lookup; it knows the copies of a variable on several devices, as an own map by
    identity would not.
    """
    try:
        return optimizer._get_variable_index(variable)
    except KeyError:
        return None


def optimized_variables(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """Return the variables that an optimizer was built on, which it does not tell publicly."""
    return list(optimizer._trainable_variables)


def optimizer_strategy(optimizer: keras.optimizers.Optimizer) -> tf.distribute.Strategy:
    """Return the strategy in whose scope an optimizer was made: its variables are made there."""
    return optimizer._distribution_strategy


def decays_weight(optimizer: keras.optimizers.Optimizer, variable: keras.Variable | tf.Variable) -> bool:
    """Return whether weight decay acts on a variable: `exclude_from_weight_decay` cannot be asked publicly."""
    return optimizer._use_weight_decay(variable)


def adam_slots(optimizer: keras.optimizers.Adam, index: int) -> tuple[keras.Variable, keras.Variable]:
    """Return both moving averages of the variable at `slot_index`; SGD's are public, Adam's are not."""
    return optimizer._momentums[index], optimizer._velocities[index]


def moving_average(optimizer: keras.optimizers.Optimizer, index: int) -> keras.Variable | None:
    """Return the average of the variable at `slot_index` that `use_ema=True` keeps."""
    return optimizer._model_variables_moving_average[index]


def take_over_updates(
    optimizer: keras.optimizers.Optimizer, *, overwrite_with_averages: Callable[[Sequence[Any]], None], **public: Any
) -> None:
    """Put `public` methods (`apply`, `update_step`) in the place of an optimizer's own, and leave out two private ones.

    Keras's weight decay knows one rate for all weights, so it does nothing here. Its overwriting by averages pairs the
    variables that train with the averages of all, which shifts where some are frozen.
    """
    patch(
        optimizer,
        _apply_weight_decay=lambda variables: None,
        _overwrite_model_variables_with_average_value=overwrite_with_averages,
        **public,
    )


# Layers and models


def all_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Return a layer and all inside it at any depth; `model.layers` stops at the first level, layers have none."""
    return layer._flatten_layers()


def trainable_by_design(layer: keras.layers.Layer) -> list[keras.Variable]:
    """Return the variables of a layer that can be trained, frozen or not; the public lists follow the present flags."""
    own = list(layer._trainable_variables)
    for inner in layer._layers:
        own.extend(trainable_by_design(inner))
    return own


def counted_by_layers(model: keras.Model) -> list[keras.Variable]:
    """Return what trainable layers count by themselves, such as the statistics of BatchNormalization, in floats."""
    layers = [layer for layer in all_layers(model) if layer.trainable]
    variables = [variable for layer in layers for variable in layer._non_trainable_variables]
    return [variable for variable in variables if keras.backend.is_float_dtype(variable.dtype)]


def accept_trainable_flags(model: keras.Model) -> None:
    """Tell a compiled model that its present `trainable` flags are those it trains with.

    Keras warns of flags that changed after `compile`, as it goes on with the old train function; Keras 3.12 does not.
    """
    if hasattr(model, "_compiled_trainable_state"):
        model._compiled_trainable_state = {layer: layer.trainable for layer in all_layers(model)}


def write_down_metrics(model: keras.Model, metrics: Sequence[Any]) -> None:
    """Let a compiled model save `metrics` as its own, instead of those it was compiled with."""
    model._compile_config.config["metrics"] = list(metrics)


def write_down_loss(model: keras.Model, loss: str) -> None:
    """Let a compiled model save `loss` as its own, instead of the one it was compiled with."""
    model._compile_config.config["loss"] = loss


def own_strategy(model: keras.Model) -> tf.distribute.Strategy | None:
    """Return the strategy in whose scope a model was made, None outside of all; the public property hides which."""
    return model._distribute_strategy


def build_from_shapes(model: keras.Model, strategy: tf.distribute.Strategy) -> None:
    """Let a model build its losses and metrics from the shapes of the data, where Keras reads a batch for it."""

    def build(iterator=None, data_batch=None) -> None:
        if iterator is not None:
            data_batch = iterator.data_adapter.get_tf_dataset().element_spec
        with strategy.scope():
            model._symbolic_build(data_batch=data_batch)

    patch(model, _maybe_symbolic_build=build)


def build_metrics(model: keras.Model, batch: Any) -> None:
    """Let a compiled model make the variables of its metrics, from the shapes of a batch, before it sees one."""
    model._symbolic_build(data_batch=batch)


# Graphs of layers


def producer(tensor: keras.KerasTensor) -> tuple[keras.Operation, list[keras.KerasTensor], list[keras.KerasTensor]]:
    """Return the call that made a tensor: the operation, what it read and what it made.

    `operation.input` and `operation.output` do not tell for a layer that was called twice.
    """
    operation, number, _ = tensor._keras_history
    node = operation._inbound_nodes[number]
    return operation, list(node.input_tensors), list(node.output_tensors)


def use_policy(model: keras.Model, policy: str) -> None:
    """Let the layers of a functional or Sequential model compute in a policy, those of its outputs in float32."""
    last = {id(producer(output)[0]) for output in model.outputs}
    for layer in all_layers(model):
        layer.dtype_policy = "float32" if id(layer) in last else policy


def run_graph(model: keras.Model, inputs: Any, call: Callable[..., Any]) -> Any:
    """Return what a functional or Sequential model makes of tensors, with `call(operation, *args, **kwargs)` in each.

    The operations stay as they are: nothing is added to their graph.

    Raises:
        TypeError: For a subclassed model, which has no graph.
    """
    graph = model._functional if isinstance(model, keras.Sequential) else model
    if not hasattr(graph, "_run_through_graph"):
        raise TypeError(
            f"Model {model.name!r} is neither functional nor a built Sequential; it has no graph of layers."
        )
    return graph._run_through_graph(inputs, operation_fn=lambda operation: functools.partial(call, operation))


def was_called(layer: keras.layers.Layer) -> bool:
    """Return whether a layer stands in a functional graph, so that it has an `input` and an `output`."""
    return len(layer._inbound_nodes) > 0


def lambda_output_shape(layer: keras.layers.Lambda) -> Any:
    """Return the `output_shape` that a `Lambda` was made with; its config has a serialised form of it."""
    return layer._output_shape


# Metrics


def metric_direction(metric: keras.metrics.Metric) -> str | None:
    """Return "up" or "down" for a metric of which Keras knows whether large values are good, else None."""
    return getattr(metric, "_direction", None)


def better(direction: str) -> Callable[[Metric], Metric]:
    """Return a decorator that says of a metric, a class or a function, whether "up" or "down" is better.

    Keras's own callbacks look for it in a private place of the class.
    """

    def decorate(metric: Any) -> Any:
        metric.lower_is_better = direction == "down"
        if isinstance(metric, type):
            metric._direction = direction
        return metric

    return decorate


# Random numbers


def global_seed_generator() -> keras.random.SeedGenerator | None:
    """Return the generator from which Keras draws seeds when none is given, None where it has not been needed yet.

    Asking Keras for it would make it, and so move Python's random numbers.
    """
    return global_state.get_global_attribute(_SEEDS)


def set_global_seed_generator(generator: keras.random.SeedGenerator | None) -> None:
    """Put a generator, or none yet, in the place from which Keras draws seeds when none is given."""
    global_state.set_global_attribute(_SEEDS, generator)


_SEEDS = getattr(seed_generator, "GLOBAL_SEED_GENERATOR", "global_seed_generator")  # Keras 3.12 has the name alone


# TensorFlow


def with_constants(traced: Any) -> Callable[..., Any]:
    """Return a traced function (`get_concrete_function`) with its variables as constants; there is no public way."""
    return convert_variables_to_constants_v2(traced)


@contextlib.contextmanager
def repeatable_operations() -> Iterator[None]:
    """Let operations on the processor give the same bits in every run; TensorFlow has no public way to end this.

    Nothing is changed without a global seed (`keras.utils.set_random_seed`), as TensorFlow would refuse unseeded
    operations, nor with a GPU, where it costs time.
    """
    was_on = framework_config.is_op_determinism_enabled()
    if was_on or context.global_seed() is None or tf.config.list_physical_devices("GPU"):
        yield
        return
    tf.config.experimental.enable_op_determinism()
    try:
        yield
    finally:
        framework_config.disable_op_determinism()
