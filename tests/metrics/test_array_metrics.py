import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf


def root_mean_square(targets, predictions):
    return np.sqrt(np.mean((targets - predictions) ** 2))


def learner(metrics, valid=True, **arguments):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(24, 3)).astype("float32")
    targets = inputs.sum(axis=1, keepdims=True)
    train = tf.data.Dataset.from_tensor_slices((inputs[:16], targets[:16])).batch(4)
    held = tf.data.Dataset.from_tensor_slices((inputs[16:], targets[16:])).batch(5)  # uneven batches
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.1))])
    data = kf.Datasets(train, held if valid else None)
    return kf.Learner(model, data, loss="mse", metrics=metrics, **arguments), inputs[16:], targets[16:]


def test_the_function_sees_the_whole_validation_set_after_each_epoch():
    seen = []
    learn, inputs, targets = learner([kf.ArrayMetric(lambda *arrays: seen.append(arrays) or 7.0, "seven")])
    history = learn.fit(0.01, 2).history
    assert history["val_seven"] == [7.0, 7.0]
    np.testing.assert_array_equal(seen[1][0], targets)
    np.testing.assert_allclose(seen[1][1], learn.model.predict(inputs, verbose=0), rtol=1e-6)


def test_loss_and_metric_are_those_of_keras_over_all_rows():
    learn, inputs, targets = learner([kf.ArrayMetric(root_mean_square)])
    history = learn.fit(0.01, 1).history
    expected = learn.model.evaluate(inputs, targets, verbose=0)
    assert history["val_loss"][0] == pytest.approx(expected, rel=1e-5)  # the penalty of the regularizer included
    errors = learn.model.predict(inputs, verbose=0) - targets
    assert history["val_root_mean_square"][0] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-5)


def test_flat_targets_get_the_shape_of_the_predictions():
    learn, inputs, targets = learner([kf.ArrayMetric(root_mean_square)])
    flat = tf.data.Dataset.from_tensor_slices((inputs, targets[:, 0])).batch(4)
    learn = kf.Learner(learn.model, kf.Datasets(flat, flat), loss="mse", metrics=learn.metrics)
    history = learn.fit(0.0, 1).history
    errors = learn.model.predict(inputs, verbose=0) - targets
    assert history["val_root_mean_square"][0] == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-5)


def test_a_keras_metric_counts_each_epoch_anew():
    learn, _, _ = learner([kf.ArrayMetric(keras.metrics.RootMeanSquaredError()), kf.ArrayMetric(root_mean_square)])
    history = learn.fit(0.05, 3).history
    np.testing.assert_allclose(history["val_root_mean_squared_error"], history["val_root_mean_square"], rtol=1e-5)


@pytest.mark.slow
def test_table_and_best_epoch_use_them(capsys, tmp_path):
    learn, inputs, targets = learner(
        [kf.ArrayMetric(root_mean_square, "rms_error", lower_is_better=True)], path=tmp_path
    )
    history = learn.fit(0.3, 6, best_save_name="best").history
    learn.load("best")
    errors = learn.model.predict(inputs, verbose=0) - targets
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(min(history["val_rms_error"]), rel=1e-5)
    assert "rms_error" in capsys.readouterr().out.splitlines()[0]


def test_changing_them_does_not_compile_again():
    traces = []
    learn, _, _ = learner([kf.ArrayMetric(root_mean_square)])
    learn.loss = lambda y, p: (traces.append(1), tf.reduce_mean(tf.square(y - p)))[1]
    learn.fit(0.01, 1)
    count, optimizer = len(traces), learn.model.optimizer
    history = learn.fit(0.01, 1, metrics=[kf.ArrayMetric(lambda targets, predictions: 1.0, "one")]).history
    # The loss of the validation is computed outside Keras, once per epoch.
    assert len(traces) == count + 1 and learn.model.optimizer is optimizer
    assert history["val_one"] == [1.0]


def test_what_cannot_work_says_so():
    with pytest.raises(ValueError, match="mixes array metrics"):
        learner([kf.ArrayMetric(root_mean_square), "mae"])[0].fit(0.1, 1)
    with pytest.raises(ValueError, match="need a validation set"):
        learner([kf.ArrayMetric(root_mean_square)], valid=False)[0].fit(0.1, 1)
    with pytest.raises(ValueError, match="different names"):
        learner([kf.ArrayMetric(root_mean_square), kf.ArrayMetric(root_mean_square)])[0].fit(0.1, 1)
    with pytest.raises(ValueError, match="takes a function"):
        kf.ArrayMetric("accuracy")
