"""What fits save under names: the best epoch of all fits, said at the end, loaded where it is wanted."""

import os

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf


def make_learner(tmp_path, metrics=()) -> kf.Learner:
    keras.utils.set_random_seed(0)
    inputs = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((inputs, inputs.sum(axis=1, keepdims=True))).batch(4)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    return kf.Learner(model, kf.Datasets(data, data, path=tmp_path), loss="mse", metrics=metrics)


def scripted(values, **arguments) -> kf.ArrayMetric:
    """A metric that gives these values, epoch by epoch."""
    left = iter(values)
    return kf.ArrayMetric(lambda targets, predictions: next(left), "score", **arguments)


@pytest.mark.parametrize(("lower", "best"), [(False, 1), (True, 2)])
def test_the_best_epoch_is_that_of_the_stated_direction(tmp_path, capsys, lower, best):
    learn = make_learner(tmp_path)
    weights = []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(learn.model.get_weights()))
    learn.fit(0.01, 4, best_save_name="best", metrics=[scripted([2, 3, 1, 2], lower_is_better=lower)], callbacks=[note])
    said = f"Epoch {best} was the best (score {[2, 3, 1, 2][best]:.5f}) and is saved as 'best'; loaded are the weights"
    assert f"{said} of the last epoch, 3." in capsys.readouterr().out
    np.testing.assert_array_equal(learn.model.get_weights()[0], weights[3][0])
    learn.load("best")
    np.testing.assert_array_equal(learn.model.get_weights()[0], weights[best][0])


def test_the_best_epoch_is_loaded_at_the_end_where_it_is_wanted(tmp_path, capsys):
    learn = make_learner(tmp_path)
    weights = []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(learn.model.get_weights()))
    metrics = [scripted([1, 3, 2], lower_is_better=False)]
    learn.fit(0.01, 3, best_save_name="best", restore_best=True, metrics=metrics, callbacks=[note])
    np.testing.assert_array_equal(learn.model.get_weights()[0], weights[1][0])
    assert "saved as 'best'; loaded are its weights." in capsys.readouterr().out


@pytest.mark.slow
def test_a_later_fit_must_beat_what_the_name_holds(tmp_path, capsys):
    learn = make_learner(tmp_path)
    file = tmp_path / "models" / "best.weights.h5"
    fit = lambda *values: learn.fit(
        0.01, len(values), best_save_name="best", metrics=[scripted(values, lower_is_better=False)]
    )
    fit(1, 5)
    saved = file.read_bytes()
    capsys.readouterr()
    fit(3, 4)
    assert file.read_bytes() == saved
    assert (
        "No epoch was better than one of an earlier fit (score 5.00000), which 'best' still holds"
        in capsys.readouterr().out
    )
    fit(3, 6)
    assert file.read_bytes() != saved
    file.unlink()
    fit(1)
    assert file.is_file(), "a file that is gone holds nothing to beat"
    learn.save("best")
    fit(0.5)
    assert "Epoch 0 was the best (score 0.50000)" in capsys.readouterr().out, "nor does one saved by hand"


def test_a_fit_broken_off_still_counts(tmp_path):
    learn = make_learner(tmp_path)

    def interrupt(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    stop = keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)
    with pytest.raises(KeyboardInterrupt):
        learn.fit(0.01, 3, best_save_name="best", metrics=[scripted([5], lower_is_better=False)], callbacks=[stop])
    saved = (tmp_path / "models" / "best.weights.h5").read_bytes()
    learn.fit(0.01, 1, best_save_name="best", metrics=[scripted([4], lower_is_better=False)])
    assert (tmp_path / "models" / "best.weights.h5").read_bytes() == saved


@pytest.mark.slow
def test_another_metric_or_other_data_begin_anew(tmp_path):
    learn = make_learner(tmp_path)
    learn.fit(0.01, 1, best_save_name="best", metrics=[scripted([5], lower_is_better=False)])
    saved = (tmp_path / "models" / "best.weights.h5").read_bytes()
    learn.fit(0.01, 1, best_save_name="best", metrics=["mae"])
    assert (tmp_path / "models" / "best.weights.h5").read_bytes() != saved


def test_the_first_metric_given_decides_not_the_first_in_the_alphabet(tmp_path, capsys):
    learn = make_learner(tmp_path)
    up = lambda y, p: tf.reduce_mean(tf.abs(y - p), axis=-1)
    up.__name__, up.lower_is_better = "zeta", True
    learn.fit(0.01, 3, best_save_name="best", metrics=[up, "cosine_similarity"])
    assert "was the best (zeta" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"best_save_name": "a/b"}, "a file name without folders; received 'a/b'"),
        ({"best_save_name": ""}, "a file name without folders"),
        ({"best_save_name": 3}, "a file name without folders; received 3"),
        ({"cycle_save_name": "../b", "cycle_len": 1}, "a file name without folders"),
        ({"restore_best": True}, "`restore_best` loads what `best_save_name` saves"),
        (
            {"best_save_name": "best", "metrics": [kf.ArrayMetric(lambda y, p: 0.0, "brier")]},
            "the metric 'brier' are good is not known",
        ),
        ({"best_save_name": "best", "metrics": [lambda y, p: p]}, "is not known"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_training(tmp_path, arguments, message):
    learn = make_learner(tmp_path)
    before = learn.model.get_weights()
    with pytest.raises(ValueError, match=message):
        learn.fit(0.01, 1, **arguments)
    np.testing.assert_array_equal(learn.model.get_weights()[0], before[0])
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("arguments", [{"best_save_name": "best"}, {"resume": True}])
def test_a_folder_that_cannot_be_written_is_named_before_training(tmp_path, monkeypatch, arguments):
    learn = make_learner(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="models can only be read .*`path=`"):
        learn.fit(0.01, 1, **arguments)


@pytest.mark.slow
def test_a_fit_without_names_ends_with_the_best_epoch_and_what_is_loaded(tmp_path, capsys):
    learn = make_learner(tmp_path)
    learn.fit(0.01, 3, metrics=[scripted([2, 3, 1], lower_is_better=False)])
    expected = "Epoch 1 was the best (score 3.00000); loaded are the weights of the last epoch, 2."
    assert capsys.readouterr().out.splitlines()[-1] == expected
    stop = keras.callbacks.EarlyStopping("val_score", patience=1, mode="max", restore_best_weights=True)
    learn.fit(0.01, 5, metrics=[scripted([2, 3, 1, 9, 9], lower_is_better=False)], callbacks=[stop])
    assert "(score 3.00000); loaded are the weights of epoch 1." in capsys.readouterr().out
    learn.fit(0.01, 2, metrics=[scripted([2, 3])], callbacks=[kf.WeightAverage()])
    assert "was the best (val_loss" in (said := capsys.readouterr().out)
    assert "loaded are the averages of the weights." in said
    learn.fit(0.01, 1, metrics=[])
    assert "loaded are" not in capsys.readouterr().out


@pytest.mark.parametrize(("rate", "epoch"), [(1e3, 0), (1e20, 1)])
def test_a_fit_that_diverges_says_which_weights_are_back(tmp_path, capsys, rate, epoch):
    learn = make_learner(tmp_path)
    learn.fit_opt_sched([*[kf.Phase(1, 0.01)] * epoch, kf.Phase(2, rate)])
    said = capsys.readouterr().out
    which = f"the weights of epoch {epoch - 1}" if epoch else "the weights from before this fit"
    assert f"Training stopped in epoch {epoch}" in said and f"loaded are {which}." in said
    assert all(np.all(np.isfinite(weight)) for weight in learn.model.get_weights())
