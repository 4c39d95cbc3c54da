"""Training as several replicas, on one machine or several: what Keras lacks for `tf.distribute` strategies."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasfast import keras_internals as internals
from kerasfast.optimizing.train_function import Step, train_function_of

__all__ = ["AverageStatistics", "is_chief", "prepare"]


def is_chief(strategy: tf.distribute.Strategy | None = None) -> bool:
    """Return whether this process speaks for all: it is the only one, or the first worker of several.

    Args:
        strategy: The strategy; that of the present scope by default.

    Example:
        >>> is_chief()  # without a strategy
        True
    """
    return (strategy or tf.distribute.get_strategy()).extended.should_checkpoint


def has_workers(strategy: tf.distribute.Strategy) -> bool:
    """Return whether a strategy spans several processes."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return False
    tasks = strategy.cluster_resolver.cluster_spec().as_dict()
    return len(tasks.get("chief", ())) + len(tasks.get("worker", ())) > 1


def predict_here(model: keras.Model, inputs: Any) -> np.ndarray:
    """Return the predictions for one batch, computed by this process alone: no other one need take part."""
    alone = model.distribute_strategy.num_replicas_in_sync == 1
    predictions = model.predict_on_batch(inputs) if alone else model(inputs, training=False)
    return keras.tree.map_structure(np.asarray, predictions)


def prepare(model: keras.Model) -> None:
    """Make `fit`, `evaluate` and `predict` of a model right under the strategy in whose scope it was made.

    - Keras 3 builds losses and metrics from a batch that it reads and averages over the replicas. This fails with
      several workers, and costs data that count their epochs one of them. Here the shapes of the data are enough.
    - It averages the logs of several workers along an axis, which they are given here (keras-team/keras issue 20585).
    - The last batch of a set can be too small for all replicas. Those without samples sit out: TensorFlow's fused
      convolution fails on no pictures.

    A `Learner` does this for its models; call it before `model.fit` under `tf.distribute.MultiWorkerMirroredStrategy`.
    Without a strategy nothing changes.

    Args:
        model: Made in the scope of the strategy, compiled or not.

    Raises:
        ValueError: In the scope of a strategy, if the model was made outside.

    Example:
        >>> with tf.distribute.get_strategy().scope():  # a MultiWorkerMirroredStrategy where there are several workers
        ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        ...     model.compile("sgd", "mse")
        >>> prepare(model)
    """
    strategy = internals.own_strategy(model)
    if strategy is None and tf.distribute.has_strategy():
        name = type(tf.distribute.get_strategy()).__name__
        raise ValueError(
            f"Model {model.name!r} was made outside the scope of the {name}; make it inside, like the learner."
        )
    if strategy is None or "_kerasfast_prepared" in vars(model):
        return

    internals.build_from_shapes(model, strategy)
    internals.patch(model, _kerasfast_prepared=True)
    owner = train_function_of(model)
    if strategy.num_replicas_in_sync > 1:
        owner.wrap("test_step", "empty", lambda step: _unless_empty(step, model.get_metrics_result))
        owner.wrap("predict_step", "empty", _filled_up)
    if has_workers(strategy):
        owner.wrap("train_step", "axis", _with_axis)
        owner.wrap("test_step", "axis", _with_axis)


class AverageStatistics(keras.callbacks.Callback):
    """Average over the replicas, at the end of each epoch and before validation, what layers count by themselves.

    Each replica moves the statistics of its BatchNormalization layers alone, in Keras 3 for ever: predictions would
    depend on the replica that makes them, and weights on the worker that saves them.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.ones((4, 2)), np.ones(4), verbose=0, callbacks=[AverageStatistics()])
    """

    def on_train_begin(self, logs=None) -> None:
        variables = internals.counted_by_layers(self.model)

        def average() -> None:
            means = tf.distribute.get_replica_context().all_reduce(
                "mean", [tf.identity(variable) for variable in variables]
            )
            for variable, mean in zip(variables, means, strict=True):
                variable.assign(mean)

        run = lambda: self.model.distribute_strategy.run(average) if variables else None
        self._average = tf.function(run, autograph=False)

    def on_test_begin(self, logs=None) -> None:
        self._average()

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        self._average()


def _with_axis(step: Step) -> Step:
    return lambda data: keras.tree.map_structure(lambda value: keras.ops.expand_dims(value, 0), step(data))


def _unless_empty(step: Step, present: Callable[[], Any]) -> Step:
    """Return a `test_step` that leaves the metrics as they are, and gives their `present` values, without samples."""
    return lambda data: tf.cond(_count(data) > 0, lambda: step(data), present)


def _filled_up(step: Step) -> Step:
    """Return a `predict_step` that never sees an empty batch."""

    def filled_step(data):
        count = _count(data)
        missing = tf.cast(count == 0, tf.int32)
        fill = lambda part: tf.concat([part, tf.zeros(tf.concat([[missing], tf.shape(part)[1:]], 0), part.dtype)], 0)
        return keras.tree.map_structure(lambda output: output[:count], step(keras.tree.map_structure(fill, data)))

    return filled_step


def _count(data: Any) -> tf.Tensor:
    return tf.shape(keras.tree.flatten(data)[0])[0]
