"""`use_swa`, warming up, single layer groups, and what the learner answers with a sentence."""

import keras
import numpy as np
import pytest

from kerasfast.fastai.conv_learner import Callback
from kerasfast.training.averaging import estimate_statistics


class Kept(Callback):
    """Keeps the weights at epoch ends."""

    def __init__(self, model):
        self.model, self.kept = model, []

    def on_epoch_end(self, metrics):
        self.kept.append([np.asarray(variable) for variable in self.model.trainable_variables])


@pytest.mark.slow
def test_averages_are_means_of_epoch_ends_from_the_start_on(learn, capsys):
    kept = Kept(learn.model)
    values, epochs = learn.fit(
        0.05, 4, use_swa=True, swa_start=2, swa_eval_freq=2, callbacks=[kept], use_wd_sched=True, get_ep_vals=True
    )
    assert [len(row) for row in epochs.values()] == [3, 5, 3, 5]
    heads = [line.split() for line in capsys.readouterr().out.splitlines() if "epoch" in line and "trn_loss" in line]
    assert heads[:2] == [heads[0], [*heads[0], "swa_loss", "swa_accuracy"]] and len(learn.sched.rec_metrics) == 4
    before = [np.asarray(variable) for variable in learn.model.variables]
    averaged = learn.swa_model
    for place, variable in enumerate(averaged.trainable_variables):
        np.testing.assert_allclose(variable, np.mean([one[place] for one in kept.kept[1:]], axis=0), atol=1e-6)
    assert any(np.ptp([one[place] for one in kept.kept[1:]], axis=0).max() > 1e-4 for place in range(len(kept.kept[0])))

    plain, own = learn.predict(), learn.predict(use_swa=True)
    assert np.abs(plain - own).max() > 1e-6
    np.testing.assert_array_equal(learn.predict_with_targs(use_swa=True)[0], own)
    targets = learn.data.val_y
    judged = [-own[np.arange(len(own)), targets].mean(), np.mean(own.argmax(axis=1) == targets)]
    np.testing.assert_allclose(values[2:], judged, rtol=1e-4)
    learn.save("averaged")
    learn._average = None
    learn.load("averaged")
    np.testing.assert_array_equal(learn.predict(use_swa=True), own)
    probabilities = np.concatenate([averaged.predict(x, verbose=0) for x, _ in learn.data.val_dl])
    np.testing.assert_allclose(np.exp(own), probabilities, atol=1e-5)
    for variable, value in zip(learn.model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_averaging_says_when_there_is_nothing(learn):
    with pytest.raises(ValueError, match="use_swa=True"):
        learn.predict(use_swa=True)
    with pytest.raises(ValueError, match="after the last of 1 epochs"):
        learn.fit(0.01, 1, use_swa=True, swa_start=2)
    with pytest.raises(ValueError, match="after the last of 3 epochs"):
        learn.fit(0.01, 2, cycle_len=1, cycle_mult=2, use_swa=True, swa_start=4)
    assert not learn.core.recorder.epochs
    with pytest.raises(ValueError, match="swa_start"):
        learn.fit(0.01, 1, use_swa=True, swa_start=0)


def test_statistics_are_means_over_the_batches_and_held_ones_stay():
    rng = np.random.default_rng(0)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.BatchNormalization(name="a"), keras.layers.BatchNormalization(name="b")]
    )
    model.get_layer("b").trainable = False
    parts = [rng.normal(2, 3, (size, 3)).astype("float32") for size in (8, 8, 4)]
    estimate_statistics(model, parts)
    first, second = model.get_layer("a"), model.get_layer("b")
    np.testing.assert_allclose(first.moving_mean, np.concatenate(parts).mean(axis=0), rtol=1e-5)
    variances = np.average([part.var(axis=0) for part in parts], axis=0, weights=[8, 8, 4])
    np.testing.assert_allclose(first.moving_variance, variances, rtol=1e-4)
    assert first.momentum == 0.99
    np.testing.assert_array_equal(second.moving_mean, np.zeros(3))


@pytest.mark.slow
def test_warm_up_rises_to_the_rate(learn):
    values = learn.warm_up(0.04)
    rates = learn.sched.lrs
    assert len(values) == 2 and len(rates) == len(learn.data.trn_dl)
    assert rates[0] == pytest.approx(0.01) and np.all(np.diff(rates) > 0) and rates[-1] <= 0.04 * 1.0001


def test_single_groups_are_frozen_and_trained(learn):
    learn.freeze_groups([1])
    assert learn.core.groups.trainable == [True, False, True]
    learn.freeze()
    learn.unfreeze_groups([0])
    assert learn.core.groups.trainable == [True, False, True]
    with pytest.raises(ValueError, match="3 layer groups"):
        learn.freeze_groups([3])


@pytest.mark.slow
def test_the_head_on_stored_activations_is_averaged_too(learn):
    learn.precompute = True
    kept = Kept(learn.model)
    learn.fit(0.05, 2, use_swa=True, callbacks=[kept])
    for place, variable in enumerate(learn.swa_model.trainable_variables):
        np.testing.assert_allclose(variable, np.mean([one[place] for one in kept.kept], axis=0), atol=1e-6)
    assert learn.predict(use_swa=True).shape == (10, 2)
