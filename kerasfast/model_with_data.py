"""A Keras model with its data and layer groups: frozen, saved, loaded, predicted with and described."""

import contextlib
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasfast.basics import arguments
from kerasfast.basics.arguments import choice, flag, number, sized, whole
from kerasfast.basics.described import Described
from kerasfast.basics.processors import check_process
from kerasfast.basics.quiet import expected_tracing
from kerasfast.datasets import batch_of, batches, check_batches, labels_in_range, sample_shape, targets_of
from kerasfast.keras_internals import use_policy
from kerasfast.optimizing.groups import LayerGroups, checked_model, flat_layers
from kerasfast.optimizing.rates import Rates
from kerasfast.optimizing.train_function import train_function_of
from kerasfast.training import callbacks as kf_callbacks
from kerasfast.training.keeping.resuming import KeptFits
from kerasfast.training.keeping.saved_weights import TrainingState, load_weights, save_weights
from kerasfast.training.keeping.saving import FitSaving
from kerasfast.training.keeping.state import (
    BrokenOffFit,
    fit_in,
    restore_groups,
    restore_optimizer,
    search_in,
    state_of,
)
from kerasfast.training.lr_finder import LearningRateSearch
from kerasfast.training.model_summary import ModelSummary, summarize
from kerasfast.training.replicas import predict_here
from kerasfast.training.training_plans import Plan, cycles_plan, one_cycle_plan
from kerasfast.training.training_stage import OptimizerMaker, Stage

_NAMES = ("accuracy", "acc", "crossentropy", "ce")  # which Keras takes for a metric that suits the loss


def checked_metrics(metrics: Sequence[Any]) -> list[Any]:
    """Return metrics as a list.

    Raises:
        ValueError: If it is none, or has a name that Keras does not know.
    """
    metrics = list(sized("metrics", metrics))
    for metric in metrics:
        if isinstance(metric, str) and metric not in _NAMES:
            try:
                keras.metrics.get(metric)
            except (TypeError, ValueError) as error:
                raise ValueError(f"`metrics` has {metric!r}, which is no metric that Keras knows.") from error
        elif not isinstance(metric, (str, dict)) and not callable(metric):
            raise ValueError(f"`metrics` must be metrics, their names or functions; received {metric!r:.100}.")
    return metrics


def _symbolic_inputs(model: keras.Model) -> Any:
    """Return the inputs of a model; a `Sequential` that was never called on symbols has no `input`."""
    return model.inputs if isinstance(model, keras.Sequential) else model.input


def checked_loss(loss: Any) -> Any:
    """Return a loss, whose name Keras knows where it is a name.

    Raises:
        ValueError: For a name that it does not know.
    """
    if isinstance(loss, str):
        try:
            keras.losses.get(loss)
        except ValueError as error:
            raise ValueError(
                f"`loss` must be a Keras loss, its name or a function (targets, predictions); received {loss!r}."
            ) from error
    return loss


def sgd_with_momentum() -> keras.optimizers.Optimizer:
    """Return the course's default optimizer: SGD with momentum 0.9."""
    return keras.optimizers.SGD(momentum=0.9)


class ModelWithData(Described):
    """What a `Learner` is before it trains; its arguments are those of `Learner`."""

    def __init__(
        self,
        model: keras.Model,
        data: Any,
        *,
        groups: LayerGroups | None = None,
        loss: Any = None,
        metrics: Sequence[Any] = (),
        optimizer: OptimizerMaker = sgd_with_momentum,
        clip: float | None = None,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        path: str | os.PathLike | None = None,
    ):
        if checked_model(model).compiled is False and loss is None:
            raise ValueError("`Learner` needs a `loss`: the model is not compiled, so it has none of its own.")
        if not callable(optimizer) or isinstance(optimizer, keras.optimizers.Optimizer):
            raise ValueError(
                "`optimizer` must be a function that makes an optimizer, such as `keras.optimizers.Adam` or "
                f"`lambda: keras.optimizers.SGD(momentum=0.9)`; received {optimizer!r}."
            )
        self._process = os.getpid()
        groups = groups or LayerGroups(model, [flat_layers(model)])
        self._main = Stage(model, groups, data, whole("steps_per_execution", steps_per_execution))
        self.loss = model.loss if loss is None else checked_loss(loss)
        self.metrics = checked_metrics(metrics)
        self.make_optimizer = optimizer
        self.jit_compile: bool | str = (
            choice("jit_compile", jit_compile, ("auto",))
            if isinstance(jit_compile, str)
            else flag("jit_compile", jit_compile)
        )
        self.clip = None if clip is None else number("clip", clip, above=0)
        self.path = arguments.path("path", getattr(data, "path", ".") if path is None else path)
        self.models_path = self.path / "models"
        self.recorder = kf_callbacks.Recorder()
        self.search: LearningRateSearch | None = None
        self._kept_fits = KeptFits()
        self._broken_off: BrokenOffFit | None = None
        self._saving = FitSaving()

    @property
    def model(self) -> keras.Model:
        """The whole Keras model."""
        check_process(self._process, "this learner")
        return self._main.model

    @property
    def groups(self) -> LayerGroups:
        """The layer groups of the whole model."""
        return self._main.groups

    @property
    def data(self) -> Any:
        """The data that the whole model reads."""
        return self._main.data

    def freeze_to(self, first: int) -> None:
        """Train the layer groups from index `first` on; -1 is the last group alone."""
        self.groups.freeze_to(first)

    def freeze_all_but(self, only: int) -> None:
        """Train one layer group alone."""
        self.groups.freeze_all_but(only)

    def freeze(self) -> None:
        """Train the last layer group alone."""
        self.freeze_to(-1)

    def unfreeze(self) -> None:
        """Train all layer groups."""
        self.freeze_to(0)

    def bn_freeze(self, freeze: bool = True) -> None:
        """Hold the BatchNormalization statistics, or let them move again (see `LayerGroups.bn_freeze`)."""
        self.groups.bn_freeze(freeze)

    def compute_in(self, policy: str) -> None:
        """Compute in another precision from the next call on; weights and what is frozen stay.

        Args:
            policy: A policy of Keras: "mixed_float16" (weights in float32, a scaled loss; fast on a GPU), "float32" or
                "mixed_bfloat16". The last layers, whose outputs the loss is of, stay in float32.
        """
        use_policy(self.model, choice("policy", policy, ("float32", "mixed_float16", "mixed_bfloat16")))
        functions = train_function_of(self.model)
        functions.forget()
        functions.forget_sizes()
        self._main.compiled_for = None  # float16 needs a scaled loss, which Keras gives when it compiles

    def predict(self, is_test: bool = False) -> np.ndarray:
        """Return predictions (n, classes) for the validation set, or the test set, in the order of its file names.

        Of a model with several outputs they are a list or a dict of arrays, as the model gives them.
        """
        check_process(self._process, "this learner")
        stage = self._stage()
        with self._guard(), expected_tracing():
            rows = batches(self._split(stage.data, is_test))
            predictions = stage.model.predict(rows, verbose=0, callbacks=[kf_callbacks.PredictionBar()])
        return keras.tree.map_structure(np.asarray, predictions)

    def predict_with_targs(self, is_test: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions (n, classes) and targets of the validation set, or of a labelled test set."""
        targets = targets_of(self._split(self.data, is_test))
        return self.predict(is_test), targets

    def predict_array(self, inputs: np.ndarray) -> np.ndarray:
        """Return predictions for a batch of inputs as the model takes them; for one image pass `image[None]`.

        Args:
            inputs: An array (b, ...); a list or a dict of arrays where the model has several inputs.

        Raises:
            ValueError: If there are no rows, or the shapes are not those that the model takes.
        """
        return predict_here(self.model, batch_of(inputs, _symbolic_inputs(self.model)))

    def plan(
        self,
        lrs: Rates,
        n_cycle: int,
        wds: Rates | None = None,
        *,
        cycle_len: int | None = None,
        cycle_mult: int = 1,
        use_clr: tuple | None = None,
        use_clr_beta: tuple | None = None,
    ) -> Plan:
        """Return what `fit` with these arguments would follow, and train nothing: `learn.plan(...).plot()` draws it.

        Args:
            lrs, n_cycle, wds, cycle_len, cycle_mult, use_clr, use_clr_beta: As in `fit`.

        Raises:
            ValueError: If the numbers make no sense together.
        """
        stage = self._ready(None)
        plan = cycles_plan(stage.steps(), n_cycle, cycle_len, cycle_mult, use_clr=use_clr, use_clr_beta=use_clr_beta)
        return plan.of_groups(len(stage.groups), lrs=lrs, wds=wds)

    def plan_one_cycle(
        self,
        learning_rates: Rates,
        epochs: int,
        weight_decays: Rates | None = None,
        *,
        div: float = 25.0,
        tail: float = 0.1,
        momentum: tuple[float, float] = (0.95, 0.85),
    ) -> Plan:
        """Return what `fit_one_cycle` with these arguments would follow, and train nothing (see `plan`).

        Args:
            learning_rates, epochs, weight_decays, div, tail, momentum: As in `fit_one_cycle`.

        Raises:
            ValueError: If the numbers make no sense together.
        """
        stage = self._ready(None)
        plan = one_cycle_plan(stage.steps(), epochs, div, tail, momentum)
        return plan.of_groups(len(stage.groups), learning_rates=learning_rates, weight_decays=weight_decays)

    def set_data(self, data: Any) -> None:
        """Go on with other data; weights, groups and what is frozen stay."""
        if not hasattr(data, "train"):
            raise ValueError(f"`data` must have `train`, as `kerasfast.Datasets` has; received {type(data).__name__}.")
        self._main.data = data

    def save(self, name: str) -> pathlib.Path:
        """Save the weights as `models/<name>.weights.h5` below the learner's path and return that file.

        `keras.Model.load_weights` reads it too. Beside the weights it holds the optimizer's slots and rates, the number
        of epochs, which layer groups are frozen, and the finder's result; during a fit, where that is (`continue_fit`).
        """
        self._saving.forget(name)
        return self._write(name)

    def _write(self, name: str) -> pathlib.Path:
        state = state_of(self._trained(), self.groups, self.search, self.recorder)
        return save_weights(self.model, self.models_path, name, state)

    def load(self, name: str, *, weights_only: bool = False) -> None:
        """Load what `save` wrote, all of it or nothing.

        Args:
            name: Of the file.
            weights_only: Leave the optimizer, the number of epochs, frozen layer groups and the finder's result as they
                are.

        Raises:
            FileNotFoundError: If there are none under this name; the message lists those there are.
            ValueError: If the file is damaged or of another network.
        """
        flag("weights_only", weights_only)
        state = load_weights(self.model, self.models_path, name)
        if not weights_only and state.record:
            self._restore(state)

    def _restore(self, state: TrainingState) -> None:
        """Take up a training where it was saved."""
        restore_groups(self.groups, state)
        self._broken_off = fit_in(state)
        self.search = search_in(state) or self.search
        self._trained().epochs = state.record["epochs"]
        if "optimizer" in state.record:
            restore_optimizer(self._ready(None), state)

    def summary(self) -> ModelSummary:
        """Return the lesson's table: input shape, output shape, trainable and number of parameters of every layer."""
        return summarize(self.model, sample_shape(self.data))

    def _facts(self) -> dict[str, str]:
        trains = ["trains" if one else "frozen" for one in self.groups.trainable]
        last = self.recorder.epochs[-1] if self.recorder.epochs else {}
        optimizer = self.model.optimizer if self.model.compiled else None
        return {
            "model": f"{self.model.name}, {self.model.count_params():,} parameters",
            "groups": ", ".join(trains),
            "loss": str(getattr(self.loss, "name", self.loss)),
            "optimizer": "not made yet" if optimizer is None else type(optimizer).__name__,
            "last epoch": ", ".join(f"{name} {value:.4g}" for name, value in last.items()) or "none yet",
            "path": str(self.path),
        }

    def __reduce__(self):
        raise TypeError(
            "A learner cannot be copied or pickled: its optimizer and train function belong to its model. Make another "
            "one and give it the weights (`save`, `load`), or copy `learn.model` (`keras.models.clone_model`)."
        )

    def _stage(self) -> Stage:
        """Return what `fit`, `lr_find` and `predict` work on."""
        return self._main

    def _trained(self) -> Stage:
        """Return what `fit` changes and `save` keeps."""
        return self._stage()

    def _ready(self, metrics: Sequence[Any] | None, make_optimizer: OptimizerMaker | None = None) -> Stage:
        """Return the stage, compiled for the learner's loss, metrics and optimizer."""
        check_process(self._process, "this learner")
        if metrics is not None:
            self.metrics = checked_metrics(metrics)
        stage = self._stage()
        for split in (stage.data.train, stage.data.valid):
            check_batches(split, stage.model, self.loss)
        stage.compile(
            self.loss, self.metrics, make_optimizer or self.make_optimizer, clip=self.clip, jit_compile=self.jit_compile
        )
        return stage

    def _guard(self) -> contextlib.AbstractContextManager:
        """Return the context in which data is read; a learner that knows its data makes errors clear there."""
        return labels_in_range()

    def _split(self, data: Any, is_test: bool) -> Any:
        split = getattr(data, "test" if flag("is_test", is_test) else "valid", None)
        if split is None:
            raise ValueError(f"The data has no {'test' if is_test else 'validation'} set.")
        return split
