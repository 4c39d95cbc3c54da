"""The table learner: an entity-embedding model for the data, predictions of raw tables, vectors and importances."""

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd

from kerasfast.learner import Learner
from kerasfast.metrics.percentage_errors import exp_rmspe
from kerasfast.metrics.tags import ThresholdAccuracy
from kerasfast.tabular.data import TableData
from kerasfast.tabular.encoding.targets import Target
from kerasfast.tabular.importance import Score, permutation_importance
from kerasfast.tabular.model import Sizes, embedding_groups, embedding_widths, entity_embedding_model
from kerasfast.tabular.predictor import TablePredictor
from kerasfast.training.groups import LayerGroups


@dataclass(frozen=True)
class Task:
    """What a kind of target asks of the model: its last activation, its loss and its usual metric."""

    activation: str
    loss: str
    metric: Callable[[], Any]


STEPS_PER_CALL = 32  # a step takes a few milliseconds: not much more than the call that starts it


def task_of(target: Target) -> Task:
    """Return the task that a target sets."""
    if target.kind == "single":
        return Task("softmax", "sparse_categorical_crossentropy", lambda: "accuracy")
    if target.kind == "multi":
        return Task("sigmoid", "binary_crossentropy", ThresholdAccuracy)
    rmse = lambda: keras.metrics.RootMeanSquaredError(name="rmse")
    return Task("linear", "mean_squared_error", exp_rmspe if target.log else rmse)


class TableLearner(Learner):
    """A `Learner` for tables. Make one with `TableLearner.entity_embeddings`, or give it a model of your own.

    Three layer groups: embeddings, hidden, output. All are trained; the optimizer is Adam.

    Args:
        model: Takes {"codes", "values"} as `data` gives them.
        data: The rows.
        embedding_widths: Of an `entity_embedding_model`; None for any other model.
        **arguments: Of `Learner`: `groups`, `loss`, `metrics`, `optimizer`, `clip`, `jit_compile`, `path`,
            `steps_per_execution`. Loss and metric follow the kind of target; the metric is `exp_rmspe` where the model
            learns logarithms.

    Example:

        learn = TableLearner.entity_embeddings(
            data, hidden=[1000, 500], dropout=[0.001, 0.01], embedding_dropout=0.04, y_range=(0, 12.7)
        )
        learn.lr_find().plot()
        learn.fit(1e-3, 3, cycle_len=1)
        learn.predict_frame(test)
    """

    def __init__(
        self,
        model: keras.Model,
        data: TableData,
        *,
        embedding_widths: Mapping[str, int] | None = None,
        **arguments,
    ):
        task = task_of(data.target)
        arguments.setdefault("loss", task.loss)
        arguments.setdefault("metrics", [task.metric()])
        arguments.setdefault("optimizer", keras.optimizers.Adam)
        arguments.setdefault("steps_per_execution", min(STEPS_PER_CALL, int(data.train.dataset().cardinality())))
        if embedding_widths is not None:
            arguments.setdefault("groups", LayerGroups(model, embedding_groups(model)))
        super().__init__(model, data, **arguments)
        self._widths = embedding_widths

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
        **arguments,
    ) -> "TableLearner":
        """Make the lesson's model for the data.

        Args:
            data: The rows.
            hidden, dropout, embedding_sizes, embedding_dropout, batch_norm: See `entity_embedding_model`.
            y_range: Smallest and largest prediction, as the model learns them: logarithms where the data has `log`.
            **arguments: See `TableLearner`.
        """
        model = entity_embedding_model(
            data.cardinalities, len(data.value_names), len(data.target.classes), hidden=hidden, dropout=dropout,
            embedding_sizes=embedding_sizes, embedding_dropout=embedding_dropout, batch_norm=batch_norm,
            y_range=y_range, activation=task_of(data.target).activation,
        )  # fmt: skip
        return cls(model, data, embedding_widths=embedding_widths(data.cardinalities, embedding_sizes), **arguments)

    @property
    def predictor(self) -> TablePredictor:
        """The model with all that it needs to predict raw tables.

        Raises:
            ValueError: For data from arrays, which has no encoder.
        """
        if self.data.encoder is None:
            raise ValueError("this data came as arrays, without an encoder; use `predict` and `predict_array`.")
        return TablePredictor(self.model, self.data.encoder, self.data.target, self._widths)

    def predict_frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return predictions for a raw table in the target's own units (see `TablePredictor.predict`)."""
        return self.predictor.predict(frame)

    def predict_array(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return predictions for {"codes": (b, columns), "values": (b, continuous)}."""
        return np.asarray(self.model.predict(dict(inputs), batch_size=4096, verbose=0))

    def export(self, path: str | os.PathLike) -> pathlib.Path:
        """Write encoder, model and target to one file, which `TablePredictor.load` reads."""
        return self.predictor.save(path)

    def embeddings(self) -> dict[str, pd.DataFrame]:
        """Return the learned vectors as frames (see `TablePredictor.embeddings`)."""
        return self.predictor.embeddings()

    def plot_embeddings(self, column: str, ax=None):
        """Plot a column's vectors along their two principal axes, named; return the axes."""
        from kerasfast.plots.curves import plot_projection

        vectors = self.embeddings()
        if column not in vectors:
            raise ValueError(f"{column!r} is no categorical column; these are {', '.join(vectors)}.")
        levels = vectors[column].drop(index=["unknown", "missing"], errors="ignore")
        return plot_projection(levels.to_numpy(), [str(level) for level in levels.index], title=column, ax=ax)

    def importance(
        self, loss: Score | None = None, *, rows: int = 10_000, repeats: int = 1, seed: int = 0
    ) -> pd.Series:
        """Return how much the loss on validation rows grows when each column is shuffled, the largest first.

        Args:
            loss: Of (targets, predictions), smaller is better; the learner's own by default.
            rows: Validation rows to use, at most.
            repeats: Shuffles per column, averaged.
            seed: Of the rows and the shuffles.
        """
        sample = self._split(self.data, is_test=False).sample(rows, seed)
        own = keras.losses.get(self.loss)
        score = loss or (lambda targets, predictions: float(np.mean(own(targets, predictions))))
        return permutation_importance(self.model, sample, self._columns(), score, repeats=repeats, seed=seed)

    def _columns(self) -> dict[str, tuple[list[int], list[int]]]:
        """Return the positions of each column among codes and values."""
        encoder = self.data.encoder
        names = self.data.value_names if encoder is None else encoder.continuous
        flags = {} if encoder is None else dict(encoder.flag_positions)
        categorical = {name: ([position], []) for position, name in enumerate(self.data.cardinalities)}
        numbers = {name: ([], [i, flags[i]] if i in flags else [i]) for i, name in enumerate(names)}
        return categorical | numbers
