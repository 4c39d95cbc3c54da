"""Whether small or large values of a metric are good: said or known, never guessed from its name."""

import functools

import keras
import pytest

import kerasfast as kf
from kerasfast.fastai import metrics as course
from kerasfast.fastai import planet
from kerasfast.metrics.direction import lower_is_better


def brier(targets, predictions):
    return 0.0


class Loud(keras.metrics.Mean):
    """A metric of one's own that says nothing."""


def test_what_keras_or_kerasfast_know_is_known():
    up = ["accuracy", "acc", "AUC", keras.metrics.AUC(), "cosine_similarity", kf.FBeta(), kf.ThresholdAccuracy(),
          kf.f2(), kf.fbeta_score, course.accuracy, course.accuracy_thresh(0.5), planet.f2,
          functools.partial(kf.fbeta_score, beta=1), kf.ArrayMetric(keras.metrics.AUC()),
          kf.ArrayMetric(kf.fbeta_score)]  # fmt: skip
    down = ["mae", "mse", "crossentropy", "binary_crossentropy", keras.metrics.mean_absolute_error,
            keras.losses.Huber(), keras.losses.mean_squared_error, kf.rmspe(), kf.exp_rmspe(), kf.rmspe_score,
            kf.ArrayMetric(keras.metrics.RootMeanSquaredError())]  # fmt: skip
    assert [metric for metric in up if lower_is_better(metric)] == []
    assert [metric for metric in down if not lower_is_better(metric)] == []


def test_what_is_said_counts():
    assert lower_is_better(kf.ArrayMetric(brier, lower_is_better=True))
    assert not lower_is_better(kf.ArrayMetric(kf.rmspe_score, lower_is_better=False))
    loud = Loud()
    loud.lower_is_better = True
    assert lower_is_better(loud)
    with pytest.raises(ValueError, match="must be True, False or None; received 'down'"):
        kf.ArrayMetric(brier, lower_is_better="down")


@pytest.mark.parametrize("metric", [brier, kf.ArrayMetric(brier, "rms_error"), Loud(name="loss_of_mine"), "no_such"])
def test_a_name_is_no_reason_to_guess(metric):
    with pytest.raises(ValueError, match=r"is not known.*`ArrayMetric\(function, lower_is_better=True\)`"):
        lower_is_better(metric)
