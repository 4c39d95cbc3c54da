"""What a learner is before it trains: models of several inputs and outputs predict as they are."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf


def learner(outputs, targets, inputs=None):
    x = inputs or keras.Input((3,))
    hidden = keras.layers.Concatenate()(x) if isinstance(x, list) else x
    made = {name: keras.layers.Dense(width, name=name)(hidden) for name, width in (("a", 1), ("b", 2))}
    model = keras.Model(x, outputs(made))
    rows = tuple(np.ones((6, tensor.shape[1]), "f4") for tensor in x) if isinstance(x, list) else np.ones((6, 3), "f4")
    data = tf.data.Dataset.from_tensor_slices((rows, targets)).batch(4)
    return kf.Learner(model, kf.Datasets(data, data), loss="mse")


def test_several_outputs_are_predicted_as_the_model_gives_them():
    a, b = np.ones((6, 1), "f4"), np.zeros((6, 2), "f4")
    listed = learner(lambda made: [made["a"], made["b"]], (a, b))
    predictions, targets = listed.predict_with_targs()
    assert [part.shape for part in predictions] == [(6, 1), (6, 2)]
    np.testing.assert_array_equal(targets[1], b)
    assert [part.shape for part in listed.predict_array(np.ones((2, 3)))] == [(2, 1), (2, 2)]
    named = learner(lambda made: made, {"a": a, "b": b})
    predictions, targets = named.predict_with_targs()
    assert {name: part.shape for name, part in predictions.items()} == {"a": (6, 1), "b": (6, 2)}
    np.testing.assert_array_equal(targets["a"], a)


def test_several_inputs_are_taken_as_the_model_takes_them():
    learn = learner(lambda made: made["a"], np.ones((6, 1), "f4"), [keras.Input((3,)), keras.Input((2,))])
    assert learn.predict_array([np.ones((2, 3)), np.ones((2, 2))]).shape == (2, 1)
    for wrong in (np.ones((2, 3)), [np.ones((2, 3))], [np.ones((2, 3)), np.ones((2, 4))], None):
        with pytest.raises(ValueError, match="`predict_array` takes a batch of"):
            learn.predict_array(wrong)


def test_data_without_training_rows_is_named():
    with pytest.raises(ValueError, match="`data` must have `train`.*received NoneType"):
        kf.Learner(learner(lambda made: made["a"], np.ones((6, 1))).model, None, loss="mse")
