"""The course's functions on models: fit, predict and summarize a Keras model without a learner."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasfast.fastai.dataset import ModelData
from kerasfast.optimizing.control import control_of
from kerasfast.optimizing.torch_rules import keep_slots
from kerasfast.training.model_summary import ModelSummary, summarize

_LEARNERS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # of `fit`, by optimizer
__all__ = ["fit", "model_summary", "predict", "predict_batch", "predict_with_targs", "validate"]


def fit(
    model: Any,
    data: ModelData,
    n_epochs: int,
    opt: keras.optimizers.Optimizer,
    crit: Any,
    metrics: Sequence[Callable] | None = None,
    callbacks: Sequence[Any] | None = None,
) -> list[float]:
    """Train a Keras model or a module at the optimizer's own rate; return [validation loss, metrics ...].

    Called again with the same model, data, optimizer and loss it goes on, at the rate that `set_lrs` gave in between.
    """
    from kerasfast.fastai.learner import Learner  # whose star has this module's names

    learn, made = _LEARNERS.get(opt, (None, None))
    if learn is None or made != (id(model), id(data), crit):
        learn = Learner.from_model_data(model, data, opt_fn=lambda: keep_slots(opt), crit=crit)
        _LEARNERS[opt] = learn, (id(model), id(data), crit)
    learn.metrics = list(metrics or [])
    control = control_of(opt)
    rate = float(opt.learning_rate) if control is None else float(control.learning_rates[-1])
    return learn.fit(rate, n_epochs, callbacks=callbacks)


def validate(model: keras.Model, dl: Any, metrics: Sequence[Callable]) -> list[float]:
    """Return metrics (preds, targs) of the model's own predictions for all batches of a loader."""
    predictions, targets = predict_with_targs(model, dl)
    return [float(metric(predictions, targets)) for metric in metrics]


def predict(m: keras.Model, dl: Any) -> np.ndarray:
    """Return the model's own predictions for all batches of a loader."""
    return predict_with_targs(m, dl)[0]


def predict_with_targs(m: keras.Model, dl: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the model's own predictions and the targets of all batches of a loader."""
    pairs = [(predict_batch(m, x), y) for x, y in dl]
    return np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs])


def predict_batch(m: keras.Model, x: Any) -> np.ndarray:
    """Return the model's own predictions for a batch."""
    return np.asarray(m.predict_on_batch(np.asarray(x)))


def model_summary(m: keras.Model, input_size: Sequence[int]) -> ModelSummary:
    """Return shapes, parameters and trainability of every layer for inputs of this shape, channels last."""
    return summarize(m, (None, *input_size))
