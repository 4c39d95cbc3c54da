"""Training as several replicas, on one machine or several: what Keras lacks for `tf.distribute` strategies."""

from collections.abc import Callable

import keras
import tensorflow as tf


def is_chief(strategy: tf.distribute.Strategy | None = None) -> bool:
    """Return whether this process speaks for all: it is the only one, or the first worker of several.

    Args:
        strategy: The strategy; that of the present scope by default.
    """
    return (strategy or tf.distribute.get_strategy()).extended.should_checkpoint


def sharded_by_samples(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return a dataset of which every worker takes its own part of each batch, unless it says itself how to be shared.

    TensorFlow would give every worker some of the files, where it can, and so other batches than a single device has.
    """
    policies = tf.data.experimental.AutoShardPolicy
    if dataset.options().experimental_distribute.auto_shard_policy != policies.AUTO:
        return dataset
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = policies.DATA
    return dataset.with_options(options)


def prepare(model: keras.Model) -> None:
    """Make `fit` and `evaluate` of a compiled model right under the strategy in whose scope it was made.

    Keras 3 builds losses and metrics from a batch that it reads and averages over the replicas: this fails with several
    workers, and costs data that count their epochs one of them. Here the shapes of the data are enough. And Keras
    averages the logs of several workers along an axis, which they are given here (keras-team/keras issue 20585).

    A `Learner` does this for its models; call it before `model.fit` under `tf.distribute.MultiWorkerMirroredStrategy`.
    Without a strategy nothing changes.
    """
    strategy = model._distribute_strategy
    if strategy is None or "_maybe_symbolic_build" in vars(model):
        return

    def build(iterator=None, data_batch=None) -> None:
        if iterator is not None:
            data_batch = iterator.data_adapter.get_tf_dataset().element_spec
        with strategy.scope():
            model._symbolic_build(data_batch=data_batch)

    # Past Keras's tracking, which would take these for parts of the model.
    object.__setattr__(model, "_maybe_symbolic_build", build)
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and strategy.num_replicas_in_sync > 1:
        for name in ("train_step", "test_step"):
            object.__setattr__(model, name, _with_axis(getattr(model, name)))


def _with_axis(step: Callable) -> Callable:
    def step_with_axis(data):
        return keras.tree.map_structure(lambda value: keras.ops.expand_dims(value, 0), step(data))

    return step_with_axis
