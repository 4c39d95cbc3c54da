"""The course's functions on models: fit, predict and summarize a Keras model without a learner."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasfast.fastai.core import is_listy, to_np
from kerasfast.fastai.dataset import ModelData
from kerasfast.fastai.parts.absent import absent
from kerasfast.fastai.torch_imports import children
from kerasfast.optimizing.control import control_of
from kerasfast.optimizing.torch_rules import keep_slots
from kerasfast.training.model_summary import ModelSummary, summarize

_LEARNERS: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()  # of `fit`, by optimizer
__all__ = [
    "cut_model", "fit", "get_prediction", "model_summary", "num_features", "predict", "predict_batch",
    "predict_with_targs", "validate",
]  # fmt: skip
_REFUSED = absent(
    {
        "Stepper": "the training step is Keras's; override `train_step` of your own `keras.Model`",
        "IterBatch validate_next": "`learn.lr_find2()` judges a validation batch after each step",
        "predict_to_bcolz": "write `np.save(file, learn.predict())`",
        "append_stats print_stats": "`learn.fit(..., get_ep_vals=True)` returns the values of all epochs",
        "no_grad_context torch_item": "a prediction takes no gradients; write `float(x)` of a tensor of one",
        "set_train_mode": "a fit trains, a prediction does not; `learn.bn_freeze(True)` holds the statistics",
    }
)
globals().update(_REFUSED)
__all__ += [*_REFUSED]


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


def cut_model(m: Any, cut: int) -> list:
    """Return the first `cut` children of a model, or without a number a list of the model."""
    return children(m)[:cut] if cut else [m]


def num_features(m: Any) -> int | None:
    """Return the channels of a model's last feature map; of a list of layers the last one's that has some."""
    if isinstance(m, (list, tuple)):
        return next((found for found in map(num_features, reversed(m)) if found is not None), None)
    shape = getattr(m, "output_shape", None) if getattr(m, "built", True) else None
    return shape[-1] if isinstance(shape, tuple) and len(shape) > 1 else None


def get_prediction(x: Any) -> np.ndarray:
    """Return a prediction as an array; of several the first."""
    return to_np(x[0] if is_listy(x) else x)
