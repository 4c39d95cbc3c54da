"""The Learner: a Keras model, its data and its layer groups, trained with the course's few words."""

import contextlib
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasfast.arguments import number
from kerasfast.datasets import batches, sample_shape, targets_of
from kerasfast.described import Described
from kerasfast.optimizing.groups import LayerGroups, flat_layers
from kerasfast.optimizing.rates import Rates, per_group
from kerasfast.quiet import expected_tracing
from kerasfast.training import callbacks as kf_callbacks
from kerasfast.training.divergence import StopOnDivergence
from kerasfast.training.keeping.resuming import FitCheckpoint, checkpoint_file, fit_from
from kerasfast.training.keeping.saved_weights import TrainingState, load_weights, save_weights
from kerasfast.training.keeping.saving import FitSaving, SaveNames, saving_whole
from kerasfast.training.keeping.state import restore_groups, restore_optimizer, search_in, state_of
from kerasfast.training.lr_finder import LearningRateSearch, find_learning_rate
from kerasfast.training.model_summary import ModelSummary, summarize
from kerasfast.training.replicas import is_chief, predict_here
from kerasfast.training.training_plans import Phase, Plan, cycles_plan, one_cycle_plan, optimizer_runs, phases_plan
from kerasfast.training.training_stage import OptimizerMaker, Stage


def sgd_with_momentum() -> keras.optimizers.Optimizer:
    """Return the course's default optimizer: SGD with momentum 0.9."""
    return keras.optimizers.SGD(momentum=0.9)


class Learner(Described):
    """Trains `model` on `data` with discriminative rates, restarts, freezing and a rate finder.

    Args:
        model: A built `keras.Model`; it stays reachable as `learn.model` and stays a plain Keras model.
        data: `ImageData`, `Datasets`, or any object with `train`, `valid` and `test` (datasets or None) and `path`.
        groups: Layer groups; one group with all layers by default.
        loss: A Keras loss; by default that of the compiled model.
        metrics: Keras metrics, their names, or functions (y_true, y_pred); or `ArrayMetric`s alone.
        optimizer: A function that makes an optimizer, such as a Keras optimizer class; by default SGD with
            momentum 0.9.
        clip: Largest global norm of the gradients of the whole model.
        steps_per_execution: Batches per call of the train function; above 1 the progress bar moves in such steps.
        jit_compile: As in `keras.Model.compile`.
        path: Folder for `models/`; the data's by default.

    Attributes:
        recorder: `Recorder` of the last fit: loss, rates and momentum of every step.
        search: Result of the last `lr_find`.
        models_path: Folder that `save` writes to; `models/` below the path.

    Raises:
        ValueError: If there is no loss, or `optimizer` is no function.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
        >>> rows = np.random.default_rng(0).normal(size=(64, 3))
        >>> batches = tf.data.Dataset.from_tensor_slices((rows[:, :2], rows[:, 2:])).batch(16)
        >>> train, valid = batches.skip(1), batches.take(1)
        >>> learn = Learner(model, kf.Datasets(train, valid), groups=LayerGroups.split(model, [1]), loss="mse")
        >>> ax = learn.lr_find(steps=20).plot()
        >>> history = learn.fit([1e-3, 1e-2], 2, cycle_len=1, cycle_mult=2)  # doctest: +ELLIPSIS
        epoch    trn_loss    val_loss
            0  ...
        >>> len(history.epoch), learn.predict().shape
        (3, (16, 1))
    """

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
        if loss is None and not model.compiled:
            raise ValueError("`Learner` needs a `loss`: the model is not compiled, so it has none of its own.")
        if not callable(optimizer) or isinstance(optimizer, keras.optimizers.Optimizer):
            raise ValueError(
                "`optimizer` must be a function that makes an optimizer, such as `keras.optimizers.Adam` or "
                f"`lambda: keras.optimizers.SGD(momentum=0.9)`; received {optimizer!r}."
            )
        groups = groups or LayerGroups(model, [flat_layers(model)])
        self._main = Stage(model, groups, data, steps_per_execution)
        self.loss = model.loss if loss is None else loss
        self.metrics = list(metrics)
        self.make_optimizer, self.jit_compile = optimizer, jit_compile
        self.clip = None if clip is None else number("clip", clip, above=0)
        self.path = pathlib.Path(getattr(data, "path", ".") if path is None else path)
        self.models_path = self.path / "models"
        self.recorder = kf_callbacks.Recorder()
        self.search: LearningRateSearch | None = None
        self._kept_fits: dict[str, int] = {}
        self._saving = FitSaving()

    @property
    def model(self) -> keras.Model:
        """The whole Keras model."""
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

    def fit(
        self,
        lrs: Rates,
        n_cycle: int,
        wds: Rates | None = None,
        *,
        cycle_len: int | None = None,
        cycle_mult: int = 1,
        use_clr: tuple | None = None,
        use_clr_beta: tuple | None = None,
        cycle_save_name: str | None = None,
        best_save_name: str | None = None,
        restore_best: bool = False,
        metrics: Sequence[Any] | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        resume: bool | str = False,
    ) -> keras.callbacks.History:
        """Train; print a line per epoch.

        Without `cycle_len`, `n_cycle` epochs at constant rates. With it, SGDR: `n_cycle` cosine cycles, the first of
        `cycle_len` epochs and each `cycle_mult` times longer than the last; the first 5% of the first cycle's batches
        run at a hundredth of the rate, unless it has fewer than four. A fit that diverges stops (`StopOnDivergence`).

        Args:
            lrs: One rate, or one per layer group.
            n_cycle: Number of cycles; of epochs without `cycle_len`.
            wds: One decoupled weight decay, or one per layer group.
            cycle_len: Epochs of the first cycle.
            cycle_mult: How many times longer each cycle is than the last.
            use_clr: (div, cut_div[, max momentum, min momentum]): triangular cycles that start at rate / div and rise
                for 1 / cut_div of the cycle.
            use_clr_beta: (div, pct[, max momentum, min momentum]): one-cycle policy, the last pct percent fading out.
            cycle_save_name: Save the weights after cycle i as `<name>_cyc_<i>`.
            best_save_name: Save the weights of the best epoch (first metric, else loss) under this name, over those of
                an earlier fit only if they are better, by the same metric and data.
            restore_best: Load what `best_save_name` holds at the end.
            metrics: Metrics from now on, instead of the learner's.
            callbacks: Further Keras callbacks.
            resume: Keep the fit's state after its epochs in `models/resume-<i>.resume.npz`, for the i-th fit of this
                learner that is so kept, and go on from there where a killed run of the same program left off: with the
                same rates, order and augmentation to the same weights (to the last bit on a CPU under
                `tf.config.experimental.enable_op_determinism()`). A fit that was finished is not repeated. An epoch in
                progress is lost; callbacks of your own and the order of a `tf.data.Dataset` of your own begin anew. A
                text instead of True is used in the place of `resume`.

        Returns:
            Keras's history: `history.history` has a list per column, a value per epoch.

        Raises:
            ValueError: If the numbers make no sense together; before anything is trained.
        """
        names, stage = SaveNames(cycle_save_name, best_save_name, restore_best), self._ready(metrics)
        steps, groups = stage.steps(), len(stage.groups)
        if cycle_len is None and cycle_save_name is not None:
            raise ValueError("`cycle_save_name` needs a `cycle_len`.")
        plan = cycles_plan(steps, n_cycle, cycle_len, cycle_mult, use_clr=use_clr, use_clr_beta=use_clr_beta)
        plan = plan.scaled(per_group("lrs", lrs, groups), None if wds is None else per_group("wds", wds, groups))
        return self._run(stage, plan, names, callbacks, resume)

    def fit_one_cycle(
        self,
        learning_rates: Rates,
        epochs: int,
        weight_decays: Rates | None = None,
        *,
        div: float = 25.0,
        tail: float = 0.1,
        momentum: tuple[float, float] = (0.95, 0.85),
        best_save_name: str | None = None,
        restore_best: bool = False,
        metrics: Sequence[Any] | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        resume: bool | str = False,
    ) -> keras.callbacks.History:
        """Train one cycle: up from a `div`-th of the rates and back, a fade-out at the end, the momentum the other way.

        Args:
            learning_rates: Largest rate, one or one per layer group.
            epochs: Length of the cycle.
            weight_decays: One decoupled weight decay, or one per layer group.
            div: The first rates are `learning_rates / div`.
            tail: Fraction of the cycle that fades out to `learning_rates / (100 * div)`.
            momentum: Largest and smallest momentum (first beta for the Adam family).
            best_save_name, restore_best, metrics, callbacks, resume: As in `fit`.

        Returns:
            Keras's history.
        """
        names, stage = SaveNames(best=best_save_name, restore_best=restore_best), self._ready(metrics)
        groups = len(stage.groups)
        plan = one_cycle_plan(stage.steps(), epochs, div, tail, momentum)
        decays = None if weight_decays is None else per_group("weight_decays", weight_decays, groups)
        plan = plan.scaled(per_group("learning_rates", learning_rates, groups), decays)
        return self._run(stage, plan, names, callbacks, resume)

    def fit_opt_sched(
        self,
        phases: Sequence[Phase],
        *,
        best_save_name: str | None = None,
        restore_best: bool = False,
        metrics: Sequence[Any] | None = None,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        resume: bool | str = False,
    ) -> list[keras.callbacks.History]:
        """Train through `phases`; consecutive ones with the same optimizer make one fit.

        A phase with an optimizer of its own starts with fresh slots, and so does the one that follows it. `resume` as
        in `fit`, where each of these fits counts.

        Returns:
            A history per fit.
        """
        names = SaveNames(best=best_save_name, restore_best=restore_best)
        runs, groups = optimizer_runs(phases), len(self._stage().groups)
        for _, run in runs:
            phases_plan(run, 2, groups)  # a mistake in the last phase must not cost the training of the first
        histories = []
        for make_optimizer, run in runs:
            stage = self._ready(metrics, make_optimizer)
            plan = phases_plan(run, stage.steps(), groups)
            last = len(histories) == len(runs) - 1
            histories.append(self._run(stage, plan, names if last else SaveNames(best=names.best), callbacks, resume))
        return histories

    def lr_find(
        self,
        start: Rates = 1e-5,
        end: float = 10.0,
        weight_decays: Rates | None = None,
        *,
        linear: bool = False,
        steps: int = 100,
    ) -> LearningRateSearch:
        """Run the learning-rate finder (see `find_learning_rate`); the model and everything else stay as they were."""
        stage = self._ready(None)
        with self._guard():
            self.search = find_learning_rate(
                stage.model,
                batches(stage.data.train, stage.epochs),
                start=start,
                end=end,
                steps=steps,
                linear=linear,
                weight_decays=weight_decays,
            )
        return self.search

    def predict(self, is_test: bool = False) -> np.ndarray:
        """Return predictions (n, classes) for the validation set, or the test set, in the order of its file names."""
        stage = self._stage()
        with self._guard(), expected_tracing():
            rows = batches(self._split(stage.data, is_test))
            return np.asarray(stage.model.predict(rows, verbose=0, callbacks=[kf_callbacks.PredictionBar()]))

    def predict_with_targs(self, is_test: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return predictions (n, classes) and targets of the validation set, or of a labelled test set."""
        targets = targets_of(self._split(self.data, is_test))
        return self.predict(is_test), targets

    def predict_array(self, inputs: np.ndarray) -> np.ndarray:
        """Return predictions for a batch of inputs as the model takes them; for one image pass `image[None]`."""
        inputs = np.asarray(inputs)
        expected = self.model.input_shape
        if inputs.ndim != len(expected):
            raise ValueError(
                f"`predict_array` takes a batch of shape {expected}; received shape {inputs.shape}. "
                "For a single input add an axis: `inputs[None]`."
            )
        return predict_here(self.model, inputs)

    def set_data(self, data: Any) -> None:
        """Go on with other data; weights, groups and what is frozen stay."""
        self._main.data = data

    def save(self, name: str) -> pathlib.Path:
        """Save the weights as `models/<name>.weights.h5` below the learner's path and return that file.

        `keras.Model.load_weights` reads it too. Beside the weights it holds the optimizer's slots and rates, the number
        of epochs, which layer groups are frozen, and the finder's result.
        """
        self._saving.forget(name)
        return self._write(name)

    def _write(self, name: str) -> pathlib.Path:
        state = state_of(self._stage(), self.groups, self.search)
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
        state = load_weights(self.model, self.models_path, name)
        if not weights_only and state.record:
            self._restore(state)

    def _restore(self, state: TrainingState) -> None:
        """Take up a training where it was saved."""
        restore_groups(self.groups, state)
        self.search = search_in(state) or self.search
        stage = self._stage()
        stage.epochs = state.record["epochs"]
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

    def _ready(self, metrics: Sequence[Any] | None, make_optimizer: OptimizerMaker | None = None) -> Stage:
        """Return the stage, compiled for the learner's loss, metrics and optimizer."""
        if metrics is not None:
            self.metrics = list(metrics)
        stage = self._stage()
        stage.compile(
            self.loss, self.metrics, make_optimizer or self.make_optimizer, clip=self.clip, jit_compile=self.jit_compile
        )
        return stage

    def _run(
        self,
        stage: Stage,
        plan: Plan,
        names: SaveNames,
        callbacks: Sequence[keras.callbacks.Callback],
        resume: bool | str,
    ) -> keras.callbacks.History:
        self.recorder, watch = kf_callbacks.Recorder(), StopOnDivergence()
        savers = self._saving.callbacks(
            names, self._write, self.models_path, cycle_ends=plan.cycle_ends, metrics=self.metrics, data=self.data,
            sound=lambda: not watch.diverged,
        )  # fmt: skip
        whole = [saving_whole(callback, self.model) for callback in callbacks]
        every = [self.recorder, kf_callbacks.EpochTable(), *savers, *whole]
        with self._guard(), expected_tracing():
            history = self._kept(resume, stage, plan, every, watch) if resume else stage.fit(plan, every, watch)
        load = lambda name: self.load(name, weights_only=True)
        self._saving.finish(names, load, speaks=is_chief(self.model.distribute_strategy))
        return history

    def _kept(
        self, resume: bool | str, stage: Stage, plan: Plan, callbacks: list, watch: StopOnDivergence
    ) -> keras.callbacks.History:
        """Train with the state of the fit kept in a file, from where that left off."""
        name = "resume" if resume is True else resume
        number = self._kept_fits.get(name, 0) + 1
        file = checkpoint_file(self.models_path, name, number)
        history = fit_from(FitCheckpoint(file, self.model, stage, plan, self.recorder, callbacks), callbacks, watch)
        self._kept_fits[name] = number
        return history

    def _guard(self) -> contextlib.AbstractContextManager:
        """Return the context in which data is read; a learner that knows its data makes errors clear there."""
        return contextlib.nullcontext()

    def _split(self, data: Any, is_test: bool) -> Any:
        split = getattr(data, "test" if is_test else "valid", None)
        if split is None:
            raise ValueError(f"The data has no {'test' if is_test else 'validation'} set.")
        return split
