"""The Learner: a Keras model, its data and its layer groups, trained with the course's few words."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras

from kerasfast.basics.arguments import flag, text, whole
from kerasfast.basics.quiet import expected_tracing
from kerasfast.datasets import batches
from kerasfast.model_with_data import ModelWithData
from kerasfast.optimizing.rates import Rates, per_group
from kerasfast.training import callbacks as kf_callbacks
from kerasfast.training.divergence import StopOnDivergence
from kerasfast.training.keeping.progress import FitProgress, GoOn
from kerasfast.training.keeping.resuming import FitCheckpoint, checkpoint_file, fit_from
from kerasfast.training.keeping.saving import SaveNames, saving_whole
from kerasfast.training.lr_finder import LearningRateSearch, find_learning_rate
from kerasfast.training.rate_trials import try_rates
from kerasfast.training.replicas import is_chief
from kerasfast.training.training_plans import (
    Phase,
    Plan,
    check_phases,
    cycles_plan,
    one_cycle_plan,
    optimizer_runs,
    phases_plan,
)
from kerasfast.training.training_stage import Moment, Stage


class Learner(ModelWithData):
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
        jit_compile: Whether XLA compiles the steps. "auto" is False here, on a GPU too (unlike in Keras): ask
            for it with True, or with `ImageLearner.pretrained(accelerate=True)`.
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
        >>> learn = Learner(model, kf.Datasets(train, valid), groups=kf.LayerGroups.split(model, [1]), loss="mse")
        >>> ax = learn.lr_find(steps=20).plot()
        >>> history = learn.fit([1e-3, 1e-2], 2, cycle_len=1, cycle_mult=2)  # doctest: +ELLIPSIS
        epoch    trn_loss    val_loss
            0  ...
        >>> len(history.epoch), learn.predict().shape
        (3, (16, 1))
    """

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
            resume: Keep the fit's state every few seconds (in 3% of the time at most) in
                `models/resume-<i>.resume.npz`, for the i-th fit of this learner that is so kept, and go on from there
                where a killed run of the same program left off, within an epoch too: with the same rates, order and
                augmentation to the same weights, on a CPU to the last bit if the program begins with
                `keras.utils.set_random_seed`. A fit that was finished is not repeated, unless it was over in seconds.
                Callbacks of your own begin anew and hear the steps of that epoch again; the order of a
                `tf.data.Dataset` of your own begins anew. A text instead of True is used in the place of `resume`.

        Returns:
            Keras's history: `history.history` has a list per column, a value per epoch.

        Raises:
            ValueError: If the numbers make no sense together; before anything is trained.
        """
        names, stage = SaveNames(cycle_save_name, best_save_name, restore_best), self._ready(metrics)
        if cycle_len is None and cycle_save_name is not None:
            raise ValueError("`cycle_save_name` needs a `cycle_len`.")
        plan = cycles_plan(stage.steps(), n_cycle, cycle_len, cycle_mult, use_clr=use_clr, use_clr_beta=use_clr_beta)
        plan = plan.of_groups(len(stage.groups), lrs=lrs, wds=wds)
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
        plan = one_cycle_plan(stage.steps(), epochs, div, tail, momentum)
        plan = plan.of_groups(len(stage.groups), learning_rates=learning_rates, weight_decays=weight_decays)
        return self._run(stage, plan, names, callbacks, resume)

    def continue_fit(
        self,
        *,
        cycle_save_name: str | None = None,
        best_save_name: str | None = None,
        restore_best: bool = False,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        resume: bool | str = False,
    ) -> keras.callbacks.History:
        """Train the rest of the fit during which the loaded weights were saved, with its rates, from where it was.

        Weights are saved during a fit by `cycle_save_name`, `best_save_name`, or `save` in a callback of your own.

        Args:
            cycle_save_name, best_save_name, restore_best, callbacks, resume: As in `fit`.

        Returns:
            Keras's history, of the epochs that are trained now.

        Raises:
            ValueError: If the weights were saved outside a fit, or the data or the groups are others.
        """
        fit, stage = self._broken_off, self._ready(None)
        if fit is None:
            raise ValueError("There is no fit to continue: load weights that were saved during one, then continue it.")
        table = stage.steps() * fit.plan.epochs, len(stage.groups)
        if fit.plan.learning_rates.shape != table:
            raise ValueError(
                f"The fit that was saved has {fit.plan.learning_rates.shape} steps and groups, this learner {table}."
            )
        if fit.progress.moment.epochs >= fit.plan.epochs:
            raise ValueError(f"The fit that was saved is at its end, after {fit.plan.epochs} epochs.")
        names = SaveNames(cycle_save_name, best_save_name, restore_best)
        return self._run(stage, fit.plan, names, callbacks, resume, fit.progress)

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
            check_phases(run, groups)  # a mistake in the last phase must not cost the training of the first
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
        steps: int | None = None,
        epochs: int = 5,
        trials: bool | None = None,
        validate: bool = False,
    ) -> LearningRateSearch:
        """Run the learning-rate finder (see `find_learning_rate`), and try rates about what it suggests.

        The trials are short trainings from the weights as they are; `suggestion` is the rate after which training rows
        that they did not see have the lowest loss. The model and everything else stay as they were.

        Args:
            start, end, weight_decays, linear: As of `find_learning_rate`.
            steps: Of the curve; by default those of two epochs, but 100 to 200, or from 50 on where trials follow.
            epochs: Length of the fit that the rate is for: in short fits larger rates are best.
            trials: Whether to make trials, of three to seven times `epochs` epochs together. By default where they are
                cheap: always but on pictures themselves, and not with several replicas.
            validate: Judge a batch of the validation set after each step of the curve.
        """
        stage = self._ready(None)
        tries = self._tries_rates() if trials is None else trials
        steps = min(max(2 * stage.steps(), 50 if tries else 100), 200) if steps is None else steps
        with self._guard():
            self.search = find_learning_rate(
                stage.model,
                batches(stage.data.train, stage.epochs),
                start=start,
                end=end,
                steps=steps,
                linear=linear,
                weight_decays=weight_decays,
                valid=batches(stage.data.valid) if validate else None,
            )
            if tries:
                first = per_group("start", start, len(stage.groups))
                tried = try_rates(stage, self.search.guess, first / first[-1], whole("epochs", epochs), weight_decays)
                self.search = replace(self.search, tried=tried)
        return self.search

    def _tries_rates(self) -> bool:
        """Whether `lr_find` makes trials where it is not told."""
        return self.model.distribute_strategy.num_replicas_in_sync == 1

    def _run(
        self,
        stage: Stage,
        plan: Plan,
        names: SaveNames,
        callbacks: Sequence[keras.callbacks.Callback],
        resume: bool | str,
        progress: FitProgress | None = None,
    ) -> keras.callbacks.History:
        kf_callbacks.checked_callbacks(callbacks)
        text("resume", resume) if isinstance(resume, str) else flag("resume", resume)
        self.recorder, watch, self._broken_off = kf_callbacks.Recorder(), StopOnDivergence(), None
        progress = progress or FitProgress.of(stage, self.recorder, Moment())
        savers = self._saving.callbacks(
            names, self._write, self.models_path, cycle_ends=plan.cycle_ends, metrics=self.metrics, data=self.data,
            sound=lambda: not watch.diverged,
        )  # fmt: skip
        whole = [saving_whole(callback, self.model) for callback in callbacks]
        adding = [one for one in whole if hasattr(one, "added_columns")]  # to the logs that are recorded and shown
        rest = [kf_callbacks.WithoutColumns(adding), *savers, *(one for one in whole if one not in adding)]
        every = [*adding, self.recorder, kf_callbacks.EpochTable(), *rest]
        with self._guard(), expected_tracing():
            if resume:
                history = self._kept(resume, stage, plan, every, watch, progress)
            else:
                progress.restore(stage, self.recorder)
                history = stage.fit(plan, [*every, GoOn(progress)], watch, start=progress.moment)
        load = lambda name: self.load(name, weights_only=True)
        self._saving.finish(
            names, load, epochs=self.recorder.epochs, metrics=self.metrics, callbacks=callbacks,
            good_epoch=watch.good_epoch if watch.diverged else None, speaks=is_chief(self.model.distribute_strategy),
        )  # fmt: skip
        return history

    def _kept(
        self,
        resume: bool | str,
        stage: Stage,
        plan: Plan,
        callbacks: list,
        watch: StopOnDivergence,
        progress: FitProgress,
    ) -> keras.callbacks.History:
        """Train with the state of the fit kept in a file, from where that left off."""
        name = "resume" if resume is True else text("resume", resume)
        number = self._kept_fits.numbers.get(name, 0) + 1
        file = checkpoint_file(self.models_path, name, number)
        history = fit_from(
            FitCheckpoint(file, self.model, stage, plan, self.recorder, progress, callbacks, watch, self._kept_fits)
        )
        self._kept_fits.numbers[name] = number
        return history
