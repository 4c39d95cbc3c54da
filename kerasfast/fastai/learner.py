"""The course's Learner around kerasfast's: its order of arguments, its metrics, its log-probabilities."""

import contextlib
import math
import os
import pathlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasfast.basics.arguments import number, sized
from kerasfast.fastai.dataset import ModelData
from kerasfast.fastai.internals.array_metrics import array_metrics, as_keras_loss, log_of
from kerasfast.fastai.internals.attributes import KnownAttributes
from kerasfast.fastai.internals.basic_models import BasicModel, SingleModel, in_front  # noqa: F401
from kerasfast.fastai.internals.below_learner import *
from kerasfast.fastai.internals.groups import CourseGroups
from kerasfast.fastai.internals.rate_search import RateSearch
from kerasfast.fastai.internals.stars import names_of
from kerasfast.fastai.layer_optimizer import TorchLike
from kerasfast.fastai.parts.further_training import FurtherTraining, supported
from kerasfast.fastai.parts.views import Views
from kerasfast.fastai.sgdr import (
    LossRecorder,
    LR_Finder,
    TrainingPhase,
    as_keras,
    averaged_values,
    rules_of,
    validation_values,
)
from kerasfast.fastai.swa import AveragedWeights
from kerasfast.fastai.torch_names.methods import with_torch_methods
from kerasfast.fastai.torch_names.module_models import core_learner, usual_crit
from kerasfast.learner import Learner as CoreLearner
from kerasfast.optimizing.rates import Rates
from kerasfast.optimizing.torch_rules import TorchRules
from kerasfast.training.training_plans import Phase
from kerasfast.vision.data import ImageData
from kerasfast.vision.prediction.tta import predict_views

__all__ = names_of(["internals.below_learner"], ("BasicModel", "Learner", "SingleModel", "in_front", "log_of"))


class Learner(AveragedWeights, CourseGroups, RateSearch, FurtherTraining, KnownAttributes):
    """Trains a model on the course's data; the work is done by kerasfast's learner, `learn.core`.

    Args:
        data: Such as `ImageClassifierData`.
        models: A `BasicModel` (see `from_model_data`), or kerasfast's learner of the same data.
        opt_fn: Makes the optimizer of a `BasicModel`; SGD with momentum 0.9 by default.
        tmp_name: Not used here.
        models_name: Folder below the data's that weights are saved in.
        metrics: Functions (preds, targs) of arrays, over the whole validation set, or Keras metrics.
        clip: Largest norm of the gradients of a `BasicModel`.
        crit: Loss: a function (preds, targs) of tensors, or a Keras loss; by default by the kind of target.

    Attributes:
        sched: After a fit its `LossRecorder`, after `lr_find` an `LR_Finder`.
        metrics: May be assigned; the next fit uses them.
    """

    core: CoreLearner
    metrics: list
    sched: LossRecorder | LR_Finder | None

    def __init__(
        self,
        data: ModelData,
        models: CoreLearner | BasicModel,
        opt_fn: Callable | None = None,
        tmp_name: str = "tmp",
        models_name: str = "models",
        metrics: Sequence[Callable] | None = None,
        clip: float | None = None,
        crit: Any = None,
    ):
        if isinstance(models, BasicModel):
            crit = usual_crit(models.model, data) if crit is None else crit
            models = core_learner(models, data, opt_fn, clip)
        self._data, self.core = data, models
        with_torch_methods(self.core.model)
        self.opt_fn = self.core.make_optimizer
        self.metrics, self.sched = list(metrics or []), None
        self.models_path = os.path.join(data.path, models_name)
        if crit is not None:
            self.crit = crit

    @classmethod
    def from_model_data(
        cls,
        m: keras.Model,
        data: ModelData,
        opt_fn: Callable | None = None,
        metrics: Sequence[Callable] | None = None,
        clip: float | None = None,
        crit: Any = None,
        **names: str,
    ) -> "Learner":
        """Train a model of your own; each of its layers, or models in it, is a layer group, as in the course.

        It gives probabilities (softmax) for classes, where the course's models give their logarithms. Pictures are
        normalised by the statistics of `tfms_from_stats` before they reach it.

        Args:
            m: A Keras model, a `nn.Module` or `nn.Sequential` whose outputs for classes are log-probabilities, or a
                `BasicModel` that says what its layer groups are.
            data: The data.
            opt_fn: Makes the optimizer; SGD with momentum 0.9 by default.
            metrics: Functions (preds, targs).
            clip: Largest norm of the gradients.
            crit: Loss.
            **names: `tmp_name`, `models_name`.
        """
        models = m if isinstance(m, BasicModel) else BasicModel(m)
        return cls(data, models, opt_fn=opt_fn, metrics=metrics, clip=clip, crit=crit, **names)

    @property
    def data(self) -> ModelData:
        """The data."""
        return self._data

    @property
    def model(self) -> keras.Model:
        """The Keras model."""
        return self.core.model

    @property
    def children(self) -> list[keras.layers.Layer]:
        """The layers of the model."""
        return list(self.model.layers)

    @property
    def crit(self) -> Any:
        """The loss: a function (preds, targs), or a Keras loss."""
        return self._crit if hasattr(self, "_crit") else self.core.loss

    @crit.setter
    def crit(self, crit: Any) -> None:
        self._crit = crit
        self.core.loss = as_keras_loss(crit, self._as_course, self.gives_logs)

    @property
    def opt_fn(self) -> Callable:
        """Makes the optimizer, of which every fit begins with a new one, as in the course."""
        return self.core.make_optimizer.opt_fn

    @opt_fn.setter
    def opt_fn(self, opt_fn: Callable) -> None:
        if not callable(opt_fn) or isinstance(opt_fn, keras.optimizers.Optimizer):
            raise TypeError(
                f"`opt_fn` is a function that makes an optimizer, such as `optim.Adam`; received {opt_fn!r}."
            )
        self.core.make_optimizer = TorchLike(opt_fn)

    @property
    def clip(self) -> float | None:
        """Largest norm of the gradients, from the next fit on; None for any."""
        return self.core.clip

    @clip.setter
    def clip(self, clip: float | None) -> None:
        self.core.clip = None if clip is None else number("clip", clip, above=0)

    @property
    def models_path(self) -> str:
        """Folder that weights are saved in and loaded from."""
        return str(self.core.models_path)

    @models_path.setter
    def models_path(self, path: str | os.PathLike) -> None:
        self.core.models_path = pathlib.Path(path)

    def get_model_path(self, name: str) -> str:
        """Return the file of weights of this name."""
        return f"{os.path.join(self.models_path, name)}.weights.h5"

    @property
    def gives_logs(self) -> bool:
        """Whether predictions are log-probabilities: for one class per example."""
        return not (self.data.is_multi or self.data.is_reg)

    def __getitem__(self, i: int) -> keras.layers.Layer:
        return self.children[i]

    def __repr__(self) -> str:
        return str(self.summary())

    def fit(
        self,
        lrs: Rates,
        n_cycle: int,
        wds: Rates | None = None,
        *,
        metrics: Sequence[Callable] | None = None,
        callbacks: Sequence[Any] | None = None,
        get_ep_vals: bool = False,
        use_wd_sched: bool = False,
        use_swa: bool = False,
        swa_start: int = 1,
        swa_eval_freq: int | None = None,
        **schedule,
    ) -> list[float] | tuple:
        """Train and print a line per epoch; see `kerasfast.Learner.fit`.

        Args:
            lrs: One rate, or one per layer group.
            n_cycle: Cycles; epochs without `cycle_len`.
            wds: Weight decay, one or one per layer group, added to the gradient as torch does.
            metrics: Metrics for this fit instead of `learn.metrics`.
            callbacks: The course's callbacks or Keras's.
            get_ep_vals: Return the values of all epochs too.
            use_wd_sched: Decouple the weight decay, so that it follows the rate and not the gradient's history.
            use_swa: Average the weights at epoch ends: `learn.swa_model`, `learn.predict(use_swa=True)`. They are
                judged in columns of the table (`swa_loss` ...), and saved with the others.
            swa_start: First epoch of this fit that the average takes in, from 1.
            swa_eval_freq: After how many epochs the average is judged again, at the end always; by default then alone.
            **schedule: `cycle_len`, `cycle_mult`, `use_clr`, `use_clr_beta`, `cycle_save_name`, `best_save_name`.

        Returns:
            [validation loss, metrics ...] of the last epoch, and with `use_swa` those of the average; with
            `get_ep_vals` also {epoch: [training loss, ...]}.
        """
        schedule = supported(schedule)
        rules = [] if schedule.get("resume") else [TorchRules(decay_in_gradient=not use_wd_sched)]
        more = self._with(metrics, [*rules, *(callbacks or [])])
        if use_swa:
            more["callbacks"].append(self._average_from(swa_start, swa_eval_freq, more["metrics"], n_cycle, **schedule))
        return self._trained([self.core.fit(lrs, n_cycle, wds, **schedule, **more)], get_ep_vals)

    def fit_opt_sched(
        self,
        phases: Sequence[TrainingPhase],
        *,
        stop_div: bool = True,
        callbacks: Sequence[Any] | None = None,
        best_save_name: str | None = None,
        get_ep_vals: bool = False,
        **others,
    ) -> list[float] | tuple:
        """Train through phases; `stop_div` has no effect: only a loss that is not a number stops the training."""
        supported(others)
        core_phases = [phase.as_core() for phase in phases]
        more = self._with(None, [*rules_of(phases), *(callbacks or [])])
        histories = self.core.fit_opt_sched(core_phases, best_save_name=best_save_name, **more)
        return self._trained(histories, get_ep_vals)

    def warm_up(self, lr: Rates, wds: Rates | None = None) -> list[float]:
        """Train one epoch while the rates rise from a quarter to all of `lr`; return its values as `fit` does."""
        rates = np.asarray(lr, dtype=float)
        phase = Phase(1, ((rates / 4).tolist(), rates.tolist()), "linear", weight_decay=wds)
        return self._trained(self.core.fit_opt_sched([phase], **self._with(None, [TorchRules()])), get_ep_vals=False)

    def predict(self, is_test: bool = False, use_swa: bool = False) -> np.ndarray:
        """Return predictions of the validation set or the test set: log-probabilities for one class per example.

        Args:
            is_test: The test set.
            use_swa: Those of the averaged weights, after `fit(..., use_swa=True)`.
        """
        with self._average_in_place() if use_swa else contextlib.nullcontext():
            return self._as_course(self.core.predict(is_test))

    def predict_with_targs(self, is_test: bool = False, use_swa: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions and targets; zeros as targets of unlabelled examples."""
        return self.predict(is_test, use_swa), (self.data.test_ds if is_test else self.data.val_ds).y

    def predict_dl(self, dl: Any) -> np.ndarray:
        """Return predictions for the batches of a loader."""
        return np.concatenate([self.predict_array(x) for x, _ in dl])

    def predict_array(self, arr: np.ndarray) -> np.ndarray:
        """Return predictions for a batch; for one picture pass `im[None]`, channels last."""
        arr = np.asarray(arr)
        if arr.ndim == 4 and arr.shape[-1] != 3 and arr.shape[1] == 3:
            raise ValueError(f"Pictures have the channels last, (n, height, width, 3); received {arr.shape}.")
        return self._as_course(self.core.predict_array(arr))

    def set_data(self, data: ModelData) -> None:
        """Go on with other data of the same kind; the weights stay."""
        self.core.set_data(data.core)
        self._data = data

    def TTA(self, n_aug: int = 4, is_test: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Predict pictures with test-time augmentation.

        Args:
            n_aug: Augmented views; for every four (or part of four) of them there is one plain view.
            is_test: The test set instead of the validation set.

        Returns:
            Predictions (views, n, classes), log-probabilities for one class per picture, and the targets. As an array
            the pair is the mean of the views, which `TTA()` was in lessons before 0.7.
        """
        if not isinstance(self.data.core, ImageData):
            raise TypeError("Test-time augmentation is for pictures; this learner has a table.")
        views = predict_views(self.model, self.data.core, n_aug, is_test)
        plain = np.repeat(views[:1], max(1, math.ceil(n_aug / 4)), axis=0)
        targets = (self.data.test_ds if is_test else self.data.val_ds).y
        return Views((self._as_course(np.concatenate([plain, views[1:]])), targets))

    def save(self, name: str) -> None:
        """Save the weights as `models/<name>.weights.h5` in the folder of the data; averaged ones as `<name>-swa`."""
        self.core.save(name)
        self._save_average(name)

    def load(self, name: str) -> None:
        """Load weights that `save` wrote, and the averaged ones beside them."""
        self.core.load(name, weights_only=True)
        self._load_average(name)

    def save_cycle(self, name: str, cycle: int) -> None:
        """Save the weights as those of a cycle."""
        self.save(f"{name}_cyc_{cycle}")

    def load_cycle(self, name: str, cycle: int) -> None:
        """Load the weights that `fit(..., cycle_save_name=name)` saved after a cycle."""
        self.load(f"{name}_cyc_{cycle}")

    def summary(self) -> OrderedDict:
        """Return shapes, parameters and trainability of every layer; prints as a table."""
        return self.core.summary()

    def _as_course(self, predictions: Any) -> Any:
        return log_of(predictions) if self.gives_logs else predictions

    def _with(self, metrics: Sequence[Callable] | None, callbacks: Sequence[Any] | None) -> dict[str, list]:
        return {
            "metrics": array_metrics(self.metrics if metrics is None else sized("metrics", metrics), self._as_course),
            "callbacks": [as_keras(callback) for callback in callbacks or []],
        }

    def _trained(self, histories: list[keras.callbacks.History], get_ep_vals: bool) -> list[float] | tuple:
        self.sched = LossRecorder(self.core.recorder)
        logs = [
            dict(zip(h.history, values, strict=True))
            for h in histories
            for values in zip(*h.history.values(), strict=True)
        ]
        rows = [validation_values(log) for log in logs]
        for row, recorded in zip(rows[::-1], self.core.recorder.epochs[::-1], strict=False):
            row += averaged_values(recorded)
        losses = [float(log["loss"]) for log in logs]
        epochs = OrderedDict((i, [loss, *row]) for i, (loss, row) in enumerate(zip(losses, rows, strict=True)))
        return (rows[-1], epochs) if get_ep_vals else rows[-1]
