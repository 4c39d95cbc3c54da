"""The table learner: an entity-embedding model for the data, predictions of raw tables, vectors and importances."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import pandas as pd

from kerasfast.basics.arguments import flag, whole
from kerasfast.basics.quiet import expected_tracing
from kerasfast.metrics.array_metrics import ArrayMetric
from kerasfast.optimizing.control import Rates, per_group
from kerasfast.optimizing.groups import LayerGroups, flat_layers
from kerasfast.tabular.blending import Companions
from kerasfast.tabular.data import TableData
from kerasfast.tabular.doubling import CYCLES, held_by_members, train_doubling
from kerasfast.tabular.insight.learner import LearnerWithInsight
from kerasfast.tabular.networks.beside import unmix
from kerasfast.tabular.networks.ensemble import EachMember, NumberSpread, ensemble_model
from kerasfast.tabular.networks.model import Sizes, embedding_groups, embedding_widths, entity_embedding_model
from kerasfast.tabular.pipeline.views import TableView
from kerasfast.tabular.predictor import checked_inputs
from kerasfast.tabular.table_metrics import as_array_metrics, of_mean, table_metrics
from kerasfast.tabular.tasks import adam_for, check_same_rows, checked_table, task_of
from kerasfast.training.callbacks import Recorder, checked_callbacks
from kerasfast.training.training_stage import OptimizerMaker, Stage

STEPS_PER_CALL = 32  # a step takes a few milliseconds: not much more than the call that starts it
FORGETTING = 0.99  # the second beta of an ensemble's Adam: a cycle may have a hundred steps
_SAMPLE = 100_000  # rows to measure numbers on


class TableLearner(LearnerWithInsight):
    """A `Learner` for tables. Make one with `TableLearner.entity_embeddings`, or give it a model of your own.

    Three layer groups: embeddings, hidden, output. All are trained; the optimizer is Adam.

    Args:
        model: Takes {"codes", "values"} as `data` gives them.
        data: The rows.
        embedding_widths: Of an `entity_embedding_model`; None for any other model.
        each_member: The model whose outputs (b, members, outputs) `model` is the mean of; see `ensemble`.
        groups, loss, metrics, optimizer, clip, steps_per_execution, jit_compile, path: As in `Learner`. Loss and metric
            follow the kind of target; the metric is `exp_rmspe` where the model learns logarithms. Metrics may also be
            the names "auc", "average_precision", "precision", "recall" and "f1" (see `table_metrics`).

    Raises:
        ValueError: If an argument makes no sense.

    Example:

        learn = TableLearner.ensemble(data)
        learn.train()
        learn.predict_frame(test)
    """

    def __init__(
        self,
        model: keras.Model,
        data: TableData,
        *,
        embedding_widths: Mapping[str, int] | None = None,
        each_member: keras.Model | None = None,
        groups: LayerGroups | None = None,
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        optimizer: OptimizerMaker | None = None,
        clip: float | None = None,
        steps_per_execution: int | None = None,
        jit_compile: bool | str = "auto",
        path: str | os.PathLike | None = None,
    ):
        task = task_of(checked_table(data).target)
        if steps_per_execution is None:
            steps_per_execution = min(STEPS_PER_CALL, int(data.train.dataset().cardinality()))
        trained = model if each_member is None else each_member
        if groups is None and embedding_widths is not None:
            groups = LayerGroups(trained, embedding_groups(trained))
        super().__init__(
            model, data, groups=groups if each_member is None else None, loss=task.loss if loss is None else loss,
            metrics=table_metrics([task.metric()] if metrics is None else metrics, data.target),
            optimizer=adam_for(data.target, FORGETTING if each_member else 0.999) if optimizer is None else optimizer,
            clip=clip,
            steps_per_execution=steps_per_execution, jit_compile=jit_compile, path=path,
        )  # fmt: skip
        self._widths = embedding_widths
        self._companions: Companions | None = None
        self._members: Stage | None = None
        if each_member is not None:
            groups = groups or LayerGroups(each_member, [flat_layers(each_member)])
            self._members = Stage(each_member, groups, data, steps_per_execution)
            self._each_loss = EachMember(self.loss)
            self._of_mean: tuple[list[Any], list[ArrayMetric]] = ([], [])

    @classmethod
    def ensemble(
        cls,
        data: TableData,
        members: int = 8,
        *,
        hidden: Sequence[int] = (128, 128),
        dropout: float = 0.1,
        embedding_sizes: Sizes | None = None,
        mix: bool = True,
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        optimizer: OptimizerMaker | None = None,
        clip: float | None = None,
        steps_per_execution: int | None = None,
        jit_compile: bool | str = "auto",
        path: str | os.PathLike | None = None,
    ) -> "TableLearner":
        """Make the network to begin with on a table of your own: several networks in one model, which is their mean.

        Train it with `train`, which mixes them with a linear model and boosted trees in the same model.

        Args:
            data: The rows.
            members: How many networks; each costs as much as the first.
            hidden, dropout: Of each network (see `ensemble_model`).
            embedding_sizes: As in `entity_embedding_model`.
            mix: Whether there is room for a linear model and trees; never with a `loss` of your own, as both have the
                usual one.
            loss, metrics, ...: As in `TableLearner`.

        Raises:
            ValueError: If an argument makes no sense.

        Example:

            learn = TableLearner.ensemble(TableData.from_csv("adult.csv", "income"))
            learn.train()
        """
        task, width = task_of(checked_table(data).target), embedding_widths(data.cardinalities, embedding_sizes)
        widths = {name: whole("members", members) * count for name, count in width.items()}
        spread = NumberSpread.of(data.train.sample(_SAMPLE).values) if data.value_names else None
        companions = Companions(spread, data.cardinalities, data.target, task.activation)
        mix = flag("mix", mix) and loss is None
        each, model = ensemble_model(
            data.cardinalities, spread, len(data.target.classes), members=members, hidden=hidden, dropout=dropout,
            embedding_widths=widths, activation=task.activation, scale=data.target.scale,
            companions=companions.room if mix else None,
        )  # fmt: skip
        learn = cls(
            model, data, embedding_widths=widths, each_member=each, loss=loss, metrics=metrics, optimizer=optimizer,
            clip=clip, steps_per_execution=steps_per_execution, jit_compile=jit_compile, path=path,
        )  # fmt: skip
        learn._companions = companions if mix else None
        return learn

    @classmethod
    def entity_embeddings(
        cls,
        data: TableData,
        hidden: Sequence[int] = (200, 100),
        *,
        dropout: float | Sequence[float] = 0.0,
        embedding_sizes: Sizes | None = None,
        embedding_dropout: float = 0.0,
        batch_norm: bool = False,
        y_range: tuple[float, float] | None = None,
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        optimizer: OptimizerMaker | None = None,
        clip: float | None = None,
        steps_per_execution: int | None = None,
        jit_compile: bool | str = "auto",
        path: str | os.PathLike | None = None,
    ) -> "TableLearner":
        """Make the lesson's model for the data. A regression is learned standardised and predicted in its own units.

        Args:
            data: The rows.
            hidden, dropout, embedding_sizes, embedding_dropout, batch_norm: See `entity_embedding_model`.
            y_range: Smallest and largest prediction, as the model learns them: logarithms where the data has `log`.
            loss, metrics, ...: As in `TableLearner`.

        Raises:
            ValueError: If an argument makes no sense.

        Example:

            learn = TableLearner.entity_embeddings(
                data, hidden=[1000, 500], dropout=[0.001, 0.01], embedding_dropout=0.04, y_range=(0, 12.7)
            )
            learn.fit(1e-3, 3, cycle_len=1)
        """
        checked_table(data)
        model = entity_embedding_model(
            data.cardinalities, len(data.value_names), len(data.target.classes), hidden=hidden, dropout=dropout,
            embedding_sizes=embedding_sizes, embedding_dropout=embedding_dropout, batch_norm=batch_norm,
            y_range=y_range, activation=task_of(data.target).activation,
            scale=data.target.scale if y_range is None else None,
        )  # fmt: skip
        return cls(
            model, data, embedding_widths=embedding_widths(data.cardinalities, embedding_sizes), loss=loss,
            metrics=metrics, optimizer=optimizer, clip=clip, steps_per_execution=steps_per_execution,
            jit_compile=jit_compile, path=path,
        )  # fmt: skip

    def train(
        self,
        learning_rates: Rates = 2e-3,
        weight_decays: Rates = 1e-2,
        *,
        cycles: int = CYCLES,
        seed: int = 0,
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> pd.DataFrame:
        """Train for as long as it helps, without a number of epochs; print a line per cycle.

        Cycles of the learning rate, each twice as long as the last (from 100 steps or half an epoch), go on until one
        lowers the loss on training rows that were held out by less than a hundredth; the best weights stay. Each member
        of an `ensemble` holds out a part of its own, so that together they see every row; any other model holds out a
        fifth. At the end a linear model and boosted trees of the same rows are mixed with the members of an `ensemble`,
        in the shares that answer held-out rows best. With `valid_dates` spans of days are held out instead of rows.
        Validation rows are not looked at before the end, when the metrics on them are printed.

        Args:
            learning_rates: Largest rate, one or one per layer group.
            weight_decays: One decoupled weight decay, or one per layer group.
            cycles: At most so many, and none but the first of more than 10,000 steps.
            seed: Of the rows that are held out.
            callbacks: Further Keras callbacks, of every cycle.

        Returns:
            A row per cycle: steps so far, loss, loss on the rows held out, seconds, and which was the best.

        Raises:
            ValueError: For rows that are streamed from files; use `fit_one_cycle`.
        """
        checked_callbacks(callbacks)
        view = self.data.train
        if not isinstance(view, TableView):
            raise ValueError("`train` holds out rows in memory, but these come from files; use `fit_one_cycle`.")
        stage = self._trained()
        loss = self.loss if self._members is None else self._each_loss
        stage.compile(loss, (), self.make_optimizer, clip=self.clip, jit_compile=self.jit_compile)
        self.recorder, groups = Recorder(), len(stage.groups)
        table = train_doubling(
            stage, view, 1 if self._members is None else stage.model.output_shape[1],
            per_group("learning_rates", learning_rates, groups), per_group("weight_decays", weight_decays, groups),
            cycles=whole("cycles", cycles), seed=whole("seed", seed, least=0),
            callbacks=[self.recorder, *callbacks],
        )  # fmt: skip
        shares = None
        if self._companions is not None and table["best"].any():
            held = held_by_members(view, stage.model.output_shape[1], seed)
            with expected_tracing():
                shares = self._companions.mix_in(self.model, stage.model, view.rows, held, seed)
        self._say_result(table, shares)
        return table

    def _say_result(self, table: pd.DataFrame, shares: dict[str, float] | None) -> None:
        if not table["best"].any():
            print(
                "no cycle was of use: the loss was not a number; the weights are those of before. "
                "Try a lower learning rate."
            )
            return
        said = f"the weights of cycle {table.index[table['best']][0]} are loaded"
        if shares is not None:
            said += ", mixed: " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
        if self.data.valid is not None:
            predictions, targets = self.predict_with_targs()
            scores = (
                (metric.name, metric(targets, predictions))
                for metric in as_array_metrics(self.metrics, self.data.target)
            )
            said += "; on the validation rows: " + ", ".join(f"{name} {value:.6g}" for name, value in scores)
        print(said)

    def _run(self, stage: Stage, *arguments: Any, **options: Any) -> keras.callbacks.History:
        if self._companions is not None and unmix(self.model):
            print("`fit` trains the networks alone: the linear model and the trees of `train` have no share any more.")
        return super()._run(stage, *arguments, **options)

    @property
    def groups(self) -> LayerGroups:
        """The layer groups of what is trained."""
        return self._trained().groups

    def _trained(self) -> Stage:
        return self._main if self._members is None else self._members

    def set_data(self, data: TableData) -> None:
        """Go on with other rows of the same columns, encoded alike; weights, groups and what is frozen stay.

        Raises:
            ValueError: If columns, levels, scales or classes differ.
        """
        check_same_rows(checked_table(data), self.data)
        super().set_data(data)
        if self._members is not None:
            self._members.data = data

    def _ready(self, metrics: Sequence[Any] | None, make_optimizer: OptimizerMaker | None = None) -> Stage:
        if metrics is not None:
            self.metrics = table_metrics(metrics, self.data.target)
        if self._members is None:
            return super()._ready(None, make_optimizer)
        if self._of_mean[0] != self.metrics:
            self._of_mean = (list(self.metrics), of_mean(self.metrics, self.data.target))
        metrics = () if self.data.valid is None else self._of_mean[1]
        make_optimizer = make_optimizer or self.make_optimizer
        self._members.compile(self._each_loss, metrics, make_optimizer, clip=self.clip, jit_compile=self.jit_compile)
        return self._members

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return predictions for a raw table in the target's own units (see `TablePredictor.predict`)."""
        return self.predictor.predict(frame)

    def predict_array(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return predictions for {"codes": (b, columns), "values": (b, continuous)}.

        Raises:
            ValueError: If the inputs are not those of the model, or have no rows.
        """
        arrays = checked_inputs(self.model, inputs, self.data.cardinalities)
        return np.asarray(self.model.predict(arrays, batch_size=4096, verbose=0))

    def export(self, path: str | os.PathLike) -> pathlib.Path:
        """Write encoder, model and target to one file, which `TablePredictor.load` reads."""
        return self.predictor.save(path)
