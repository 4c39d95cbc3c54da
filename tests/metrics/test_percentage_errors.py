import keras
import numpy as np
import pytest

import kerasfast as kf
from kerasfast.metrics.direction import lower_is_better


def naive(targets, predictions):
    shares = [((t - p) / t) ** 2 for t, p in zip(targets, predictions, strict=True) if t != 0]
    return (sum(shares) / len(shares)) ** 0.5


@pytest.fixture
def sales(rng):
    targets = rng.uniform(1000, 20000, 200)
    return targets, targets * rng.uniform(0.7, 1.4, 200)


def test_batches_add_up_to_the_error_of_all_rows(sales):
    targets, predictions = sales
    metric = kf.rmspe()
    for part in np.array_split(np.arange(200), 7):
        metric.update_state(targets[part], predictions[part, None])
    assert float(metric.result()) == pytest.approx(naive(targets, predictions), rel=1e-5)
    assert kf.rmspe_score(targets, predictions) == pytest.approx(naive(targets, predictions))


def test_the_lessons_metric_takes_logarithms(sales):
    targets, predictions = sales
    metric = kf.exp_rmspe()
    metric.update_state(np.log(targets)[:, None], np.log(predictions)[:, None])
    assert metric.name == "exp_rmspe"
    assert float(metric.result()) == pytest.approx(naive(targets, predictions), rel=1e-4)


def test_targets_of_zero_are_left_out(sales):
    targets, predictions = sales
    targets[::3] = 0
    metric = kf.rmspe()
    metric.update_state(targets, predictions)
    assert float(metric.result()) == pytest.approx(naive(targets, predictions), rel=1e-5)
    assert kf.rmspe_score(targets, predictions) == pytest.approx(naive(targets, predictions))


def test_weights_count_rows_as_often(sales):
    targets, predictions = sales
    weights = np.arange(200) % 3
    metric = kf.rmspe()
    metric.update_state(targets, predictions, sample_weight=weights)
    assert float(metric.result()) == pytest.approx(
        naive(np.repeat(targets, weights), np.repeat(predictions, weights)), rel=1e-5
    )


def test_no_batch_is_no_error_and_reset_forgets():
    metric = kf.rmspe()
    assert float(metric.result()) == 0
    metric.update_state([1.0], [2.0])
    metric.reset_state()
    assert float(metric.result()) == 0


def test_the_configuration_rebuilds_the_metric():
    rebuilt = keras.metrics.deserialize(keras.metrics.serialize(kf.exp_rmspe()))
    assert (rebuilt.log, rebuilt.name) == (True, "exp_rmspe")


def test_smaller_is_better():
    assert lower_is_better(kf.exp_rmspe())


@pytest.mark.parametrize(
    ("targets", "predictions", "message"),
    [([1, 2], [1], "must agree"), ([0.0, 0.0], [1.0, 2.0], "no target differs from 0")],
)
def test_arrays_without_an_error_are_refused(targets, predictions, message):
    with pytest.raises(ValueError, match=message):
        kf.rmspe_score(np.array(targets), np.array(predictions))
