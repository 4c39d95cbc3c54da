"""A stage of training: a model with its groups and data, compiled when something changed and fitted along a plan."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.notebook import not_repeated
from kerasfast.datasets import batches, batches_of_epoch
from kerasfast.keras_internals import build_metrics, inner_optimizer, write_down_loss, write_down_metrics
from kerasfast.metrics.array_metrics import ArrayValidation, array_metrics
from kerasfast.optimizing.control import GroupControl, control_for, control_of
from kerasfast.optimizing.groups import LayerGroups
from kerasfast.optimizing.optimizers import grouped
from kerasfast.optimizing.train_function import Step, train_function_of
from kerasfast.training.averaging import WeightAverage
from kerasfast.training.callbacks import EpochTable
from kerasfast.training.divergence import StopOnDivergence
from kerasfast.training.following import Follower
from kerasfast.training.mixing import MixedLoss, Mixing, mixing_step
from kerasfast.training.replicas import AverageStatistics, prepare
from kerasfast.training.training_plans import Plan

OptimizerMaker = Callable[[], keras.optimizers.Optimizer]


@dataclass(frozen=True)
class Moment:
    """Where inside a fit something is.

    Attributes:
        epochs: That lie behind.
        batches: Of the next epoch that lie behind, a multiple of the stage's `steps_per_execution`.
        updates: That the optimizer made for these batches.
    """

    epochs: int = 0
    batches: int = 0
    updates: int = 0


@dataclass
class Stage:
    """What is trained at present.

    Attributes:
        model: The model.
        groups: Its layer groups.
        data: An object with `train` and `valid`.
        steps_per_execution: Batches per call of the train function; 1 with several replicas.
        epochs: Epochs trained so far, which the shuffling goes on from.
        compiled_for: What the model was compiled for.
        array_metrics: Metrics that are computed outside Keras, over the whole validation set.
        start_loss: Loss at the first steps that it was ever trained for with the present loss.
        transform: Makes the model's inputs of a training batch's, on the device and inside the training step; None for
            inputs as the data gives them.
        mix: Mixes the rows of a training batch, after `transform`; None to leave them.
        place: Where a fit is, while there is one.
    """

    model: keras.Model
    groups: LayerGroups
    data: Any
    steps_per_execution: int = 1
    epochs: int = 0
    compiled_for: tuple | None = None
    array_metrics: Sequence[Any] = ()
    start_loss: float | None = None
    transform: Callable[[Any], Any] | None = None
    mix: Mixing | None = None
    place: "FitPlace | None" = None

    def __post_init__(self):
        if not hasattr(self.data, "train"):
            raise ValueError(
                "`data` must have `train`, and `valid` where there is a validation set, as `kerasfast.Datasets` and "
                f"`ImageData` have; received {type(self.data).__name__}."
            )
        prepare(self.model)
        if self.model.distribute_strategy.num_replicas_in_sync > 1:
            self.steps_per_execution = 1  # Keras's loop of several steps fails with several replicas

    def compile(
        self,
        loss: Any,
        metrics: Sequence[Any],
        make_optimizer: OptimizerMaker,
        *,
        clip: float | None = None,
        jit_compile: bool | str = "auto",
    ) -> None:
        """Compile where loss, metrics or optimizer changed, never because rates or frozen layers did.

        Raises:
            ValueError: If XLA is asked for with several replicas, which it cannot compile a step of.
        """
        if jit_compile is True and self.model.distribute_strategy.num_replicas_in_sync > 1:
            raise ValueError("`jit_compile=True` does not work with several replicas; pass False (or leave it out).")
        self.array_metrics = array_metrics(metrics)
        metrics = [] if self.array_metrics else metrics
        wanted = (
            loss, tuple(metrics), make_optimizer, clip, jit_compile, self.steps_per_execution, self.transform, self.mix
        )  # fmt: skip
        if self.compiled_for is None or self.compiled_for[0] != loss:
            self.start_loss = None
        if self.compiled_for != wanted or control_of(self.model.optimizer) is None:
            train_function = train_function_of(self.model)
            wrapper = None if self.transform is None else _transforming(self.transform)
            train_function.wrap("train_step", "transform", wrapper)
            compiled_loss = loss if self.mix is None else MixedLoss(loss)
            wrapper = None if self.mix is None else mixing_step(self.model, self.mix, compiled_loss)
            train_function.wrap("train_step", "mix", wrapper)
            with self.model.distribute_strategy.scope():
                optimizer = make_optimizer()
                if clip is not None:
                    inner_optimizer(optimizer).global_clipnorm = clip
                self.model.compile(
                    grouped(optimizer, self.groups),
                    loss=compiled_loss,
                    metrics=[_copied(metric) for metric in metrics],
                    steps_per_execution=self.steps_per_execution,
                    jit_compile=jit_compile is True,  # Keras's "auto" is XLA wherever there is one GPU
                )
            # A saved model must load where kerasfast is unknown; ours cannot, so they are not written down.
            known = [metric for metric in metrics if not type(metric).__module__.startswith("kerasfast.")]
            write_down_metrics(self.model, known)
            if hasattr(compiled_loss, "plain"):
                write_down_loss(self.model, compiled_loss.plain)
            self.compiled_for = wanted
        self.groups.sync()

    def steps(self) -> int:
        """Return the optimizer steps of an epoch; the model must be compiled."""
        cardinality = int(batches(self.data.train).cardinality())
        if cardinality == 0:
            raise ValueError("The training data has not a single batch.")
        if cardinality < 0:
            raise ValueError(
                "The training data does not say how many batches an epoch has; "
                "use `dataset.apply(tf.data.experimental.assert_cardinality(n))`."
            )
        return max(1, cardinality // (control_of(self.model.optimizer).optimizer.gradient_accumulation_steps or 1))

    def train_batches(self) -> tf.data.Dataset:
        """Return the training batches of the next epochs."""
        return batches(self.data.train, self.epochs)

    def _train_inputs(self) -> Iterator[Any]:
        """Yield what the model takes, batch by batch, of one epoch."""
        for batch in self.train_batches():
            yield batch[0] if self.transform is None else self.transform(batch[0])

    def metric_variables(self) -> list[keras.Variable]:
        """Return what the metrics count in; the model must be compiled."""
        batch = self.train_batches().element_spec
        if self.transform is not None:
            pixels = tf.function(self.transform).get_concrete_function(batch[0]).structured_outputs
            batch = (pixels, *batch[1:])
        build_metrics(self.model, batch)
        return self.model.metrics_variables

    def settle(self, plan: Plan) -> None:
        """Use the largest rates of `plan` from now on, as `fit` does at its end."""
        control_for(self.model).set_rates(np.max(plan.learning_rates, axis=0))

    def fit(
        self,
        plan: Plan,
        callbacks: Sequence[keras.callbacks.Callback],
        watch: StopOnDivergence | None = None,
        *,
        start: Moment = Moment(),
    ) -> keras.callbacks.History:
        """Train along `plan`; afterwards the largest rates of the plan go on as constant ones.

        A fit that diverged leaves slots of the optimizer that are of no use; the next begins with a new one.

        Args:
            plan: The rates of every step.
            callbacks: Keras callbacks.
            watch: Notices that the fit diverges; one of its own by default.
            start: What of the plan lies behind.
        """
        watch = watch or StopOnDivergence()
        watch.start_loss, watch.within = self.start_loss, start.epochs if start.batches else None
        self.settle(plan)
        valid = getattr(self.data, "valid", None)
        place = FitPlace(self, plan, start)
        own = [place, _FollowPlan(plan), watch]
        for follower in (one for one in (*own, *callbacks) if isinstance(one, Follower)):
            follower.updates_behind = start.updates
        if self.model.distribute_strategy.num_replicas_in_sync > 1:
            own.append(AverageStatistics())
        if self.array_metrics:
            own.append(self._array_validation(valid))
            valid = None
        if start.batches:
            own.append(_RestOfEpoch(self, start))
        for callback in callbacks:
            if isinstance(callback, WeightAverage) and callback.inputs is None:
                callback.inputs = self._train_inputs()
        self.place = place
        try:
            history = self.model.fit(
                batches(self.data.train, self.epochs + (start.batches > 0)),
                validation_data=None if valid is None else batches(valid),
                epochs=plan.epochs,
                initial_epoch=start.epochs,
                callbacks=[*own, *callbacks],
                shuffle=False,
                verbose=0,
            )
            return not_repeated(history)
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(_too_large(self.model, self.data.train)) from error
        finally:
            self.place = None
            train_function_of(self.model).finish()
            for callback in callbacks:
                if isinstance(callback, EpochTable):
                    callback.on_train_end()  # of a fit that was interrupted too: its bar goes
            self.start_loss = watch.start_loss
            if watch.diverged:
                self.compiled_for = None

    def _array_validation(self, valid: Any) -> ArrayValidation:
        if valid is None:
            names = ", ".join(metric.name for metric in self.array_metrics)
            raise ValueError(f"The array metrics {names} need a validation set, which the data does not have.")
        return ArrayValidation(self.array_metrics, valid, self.model.loss)


def _too_large(model: keras.Model, train: Any) -> str:
    """Return what to do when the device has no room for a step."""
    shapes = [tuple(spec.shape) for spec in tf.nest.flatten(batches(train).element_spec)[:1]]
    device = "the GPU" if tf.config.list_physical_devices("GPU") else "this machine"
    return (
        f"{device.capitalize()} has no memory left for a training step of {model.name!r} on batches of shape "
        f"{shapes[0]}. Lower the batch size (half of it is a good next try) or the size of the pictures, or train "
        "fewer layer groups."
    )


def _transforming(transform: Callable[[Any], Any]) -> Callable[[Step], Step]:
    """Return a wrapper of a step that transforms the inputs of its batch."""

    def wrapper(step: Step) -> Step:
        return lambda batch: step((transform(batch[0]), *batch[1:]))

    return wrapper


class _FollowPlan(Follower):
    """Follow a plan; a fit that is resumed follows it from there."""

    def __init__(self, plan: Plan):
        super().__init__()
        tables = {
            "learning_rates": plan.learning_rates,
            "momentum": plan.momentum,
            "weight_decays": plan.weight_decays,
        }
        self._tables = {name: table for name, table in tables.items() if table is not None}
        self.parts = list(self._tables)

    def tables(self, steps: int, epochs: int) -> dict[str, np.ndarray]:
        """Return the tables of the plan; weight decays that stay have a row too."""
        wide = {"weight_decays": np.ndim(self._tables.get("weight_decays")) == 1}
        return {name: table[None] if wide.get(name) else table for name, table in self._tables.items()}


class _RestOfEpoch(keras.callbacks.Callback):
    """Train only the rest of the epoch that a fit was stopped in; the batches behind it pass without training."""

    def __init__(self, stage: Stage, start: Moment):
        super().__init__()
        self._stage, self._start = stage, start

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        if epoch != self._start.epochs:
            return
        stage, behind = self._stage, self._start.batches
        rest = batches_of_epoch(stage.data.train, stage.epochs, behind)
        calls = -(-self.params["steps"] // stage.steps_per_execution)
        train_function_of(stage.model).go_on(iter(rest), behind=behind // stage.steps_per_execution, calls=calls)


class FitPlace(keras.callbacks.Callback):
    """Knows where in its plan a fit is, and counts the epochs of the stage, those of an interrupted fit too.

    Attributes:
        plan: What is followed.
    """

    def __init__(self, stage: Stage, plan: Plan, start: Moment):
        super().__init__()
        self.plan = plan
        self._stage, self._start = stage, start
        self._epoch, self._batches, self._before = start.epochs, start.batches, -start.updates

    @property
    def moment(self) -> Moment:
        """Where the fit is; of a call for several batches the last one counts."""
        updates = self._control.iterations - self._before if self._batches else 0
        return Moment(self._epoch, self._batches, updates)

    @property
    def _control(self) -> GroupControl:
        return control_for(self._stage.model)

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        behind = self._start if epoch == self._start.epochs else Moment()
        self._epoch, self._batches = epoch, behind.batches
        self._before = self._control.iterations - behind.updates

    def on_train_batch_end(self, batch: int, logs=None) -> None:
        self._batches = max(self._batches, min(batch + 1, self.params["steps"]))

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        self._stage.epochs += 1
        self._epoch, self._batches = epoch + 1, 0


def _copied(metric: Any) -> Any:
    """Return a metric of its own for each compiled model: one instance cannot count for two."""
    return type(metric).from_config(metric.get_config()) if isinstance(metric, keras.metrics.Metric) else metric
