"""Trials of learning rates: which are made, what they are judged by, and that they leave no trace."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasfast as kf
from kerasfast.training.lr_finder import lowest_between
from kerasfast.training.rate_trials import MOST_TRIALS, Rows, climb


def learner(rows: int = 96, **options) -> kf.Learner:
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    x = random.normal(size=(rows + 64, 6)).astype(np.float32)
    y = (x @ random.normal(size=(6, 1)) + 0.3 * random.normal(size=(rows + 64, 1))).astype(np.float32)
    inputs = keras.Input((6,))
    h = keras.layers.BatchNormalization()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dropout(0.1)(h)))
    train, valid = (tf.data.Dataset.from_tensor_slices(part).batch(16) for part in ((x[64:], y[64:]), (x[:64], y[:64])))
    data = kf.Datasets(train, valid)
    return kf.Learner(model, data, groups=kf.LayerGroups.split(model, [2]), loss="mse", **options)


@pytest.mark.slow
def test_the_suggested_rate_trains_as_well_as_the_best_of_a_sweep_and_leaves_no_trace():
    learn = learner()
    learn.fit(1e-6, 1)
    before = [*learn.model.get_weights(), *(np.asarray(one) for one in learn.model.optimizer.variables)]
    search = learn.lr_find(epochs=4)
    after = [*learn.model.get_weights(), *(np.asarray(one) for one in learn.model.optimizer.variables)]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert 3 <= len(search.tried) <= MOST_TRIALS and search.suggestion == lowest_between(search.tried)

    def loss_at(rate: float) -> float:
        learn.model.set_weights(before[: len(learn.model.weights)])
        for variable, value in zip(learn.model.optimizer.variables, before[len(learn.model.weights) :], strict=True):
            variable.assign(value)
        return learn.fit(rate, 1, cycle_len=4).history["val_loss"][-1]

    sweep = [loss_at(rate) for rate in np.geomspace(1e-4, 1, 9)]
    assert loss_at(search.suggestion) < 1.1 * min(sweep)
    assert loss_at(search.guess) > loss_at(search.suggestion)


@pytest.mark.slow
def test_trials_keep_the_proportions_of_groups_and_are_saved(tmp_path):
    learn = learner(32)
    learn.models_path = tmp_path
    assert learn.lr_find([1e-6, 1e-5], steps=10, trials=False).tried == {}
    search = learn.lr_find([0.0, 1e-5], steps=10, epochs=1)
    assert len(search.tried) >= 3
    learn.save("found")
    learn.lr_find(steps=5, trials=False)
    learn.load("found")
    assert learn.search.tried == search.tried and learn.search.suggestion == search.suggestion


def test_every_row_of_few_is_held_out_once_and_never_trained_on_then():
    rows = Rows((tf.range(50), tf.range(50)), 8)
    held = [part for _, part in rows.folds()]
    assert sorted(np.concatenate(held)) == list(range(50))
    for kept, part in rows.folds():
        trained = np.concatenate([x.numpy() for x, _ in rows.batches(kept, steps=12)])
        assert len(trained) == 96 and not set(trained) & set(part) and set(trained) == set(kept)
    many = Rows(tf.range(1000), 8)
    assert [len(part) for _, part in many.folds()] == [200]
    assert len(list(Rows(tf.range(10), 64).batches(np.arange(8), steps=3))) == 3


def climbed(loss) -> dict[int, float]:
    seen: dict[int, float] = {}
    climb(lambda place: seen.setdefault(place, loss(place)), MOST_TRIALS)
    return seen


def test_rates_move_towards_the_lowest_loss():
    for lowest in (-2, 0, 2):
        seen = climbed(lambda place, lowest=lowest: float((place - lowest) ** 2))
        assert min(seen, key=seen.get) == lowest and {lowest - 1, lowest + 1} <= set(seen)
    assert len(climbed(lambda place: -float(place))) == MOST_TRIALS
    assert lowest_between({0.1: 3.0, 1.0: 1.0, 10.0: 3.0}) == pytest.approx(1.0)
    assert 1.0 < lowest_between({0.1: 3.0, 1.0: 1.0, 10.0: 1.5}) < 10**0.5
    assert lowest_between({0.1: 1.0, 1.0: 2.0}) == 0.1
    assert 0.1 < lowest_between({0.1: 2.0, 1.0: 1.0, 10.0: np.inf}) < 1.0


def test_epochs_and_trials_are_checked():
    with pytest.raises(ValueError, match="epochs"):
        learner(32).lr_find(steps=5, epochs=0)
