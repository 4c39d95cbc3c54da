"""What a table learner tells of what it learned: vectors of levels, importance of columns, where it is wrong."""

from collections.abc import Mapping

import keras
import numpy as np
import pandas as pd

from kerasfast.basics.arguments import whole
from kerasfast.learner import Learner
from kerasfast.tabular.insight.importance import Score, column_positions, permutation_importance
from kerasfast.tabular.insight.interpretation import MOST_ROWS, TableInterpretation
from kerasfast.tabular.predictor import TablePredictor, predict_rows


class LearnerWithInsight(Learner):
    """A learner of a table that can be asked what it learned."""

    _widths: Mapping[str, int] | None = None

    @property
    def predictor(self) -> TablePredictor:
        """The model with all that it needs to predict raw tables.

        Raises:
            ValueError: For data from arrays, which has no encoder.
        """
        if self.data.encoder is None:
            raise ValueError("this data came as arrays, without an encoder; use `predict` and `predict_array`.")
        return TablePredictor(self.model, self.data.encoder, self.data.target, self._widths)

    def embeddings(self) -> dict[str, pd.DataFrame]:
        """Return the learned vectors as frames (see `TablePredictor.embeddings`)."""
        return self.predictor.embeddings()

    def plot_embeddings(self, column: str, ax=None):
        """Plot a column's vectors along their two principal axes, named; return the axes."""
        from kerasfast.plots.curves import plot_projection

        vectors = self.embeddings()
        if not isinstance(column, str) or column not in vectors:
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
        sample = self._split(self.data, is_test=False).sample(whole("rows", rows), whole("seed", seed, least=0))
        columns = column_positions(self.data.cardinalities, self.data.value_names, self.data.encoder)
        own = keras.losses.get(self.loss)
        score = loss if loss is not None else (lambda targets, predictions: float(np.mean(own(targets, predictions))))
        return permutation_importance(self.model, sample, columns, score, repeats=repeats, seed=seed)

    def interpret(self, is_test: bool = False) -> TableInterpretation:
        """Predict the validation rows once and return what tells where the model is wrong, and why.

        Args:
            is_test: Whether to look at labelled test rows instead.

        Raises:
            ValueError: If there are no such rows, or their targets are not known.
        """
        rows = self._split(self.data, is_test).sample(MOST_ROWS)
        return TableInterpretation(
            rows, lambda part: predict_rows(self.model, part), self.data.target,
            column_positions(self.data.cardinalities, self.data.value_names, self.data.encoder),
            cardinalities=self.data.cardinalities, encoder=self.data.encoder, train=self.data.train.sample(MOST_ROWS),
            facts=self._facts(), recorders={"training": self.recorder},
        )  # fmt: skip
