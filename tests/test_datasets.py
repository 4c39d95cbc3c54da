"""What a learner asks of data."""

import pytest
import tensorflow as tf

from kerasfast.datasets import sharded_by_samples

POLICIES = tf.data.experimental.AutoShardPolicy


@pytest.mark.parametrize("chosen", [None, POLICIES.OFF, POLICIES.FILE])
def test_workers_share_by_samples_unless_told_otherwise(chosen):
    dataset = tf.data.Dataset.range(3)
    if chosen is not None:
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = chosen
        dataset = dataset.with_options(options)
    found = sharded_by_samples(dataset).options().experimental_distribute.auto_shard_policy
    assert found == (POLICIES.DATA if chosen is None else chosen)
