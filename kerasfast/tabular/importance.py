"""Permutation importance: how much worse a model gets when a column is shuffled (Breiman, 2001)."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import pandas as pd

from kerasfast.basics.arguments import whole
from kerasfast.basics.bars import progress_bar
from kerasfast.tabular.pipeline.rows import Rows
from kerasfast.tabular.predictor import predict_rows

Score = Callable[[np.ndarray, np.ndarray], float]


def permutation_importance(
    model: keras.Model,
    rows: Rows,
    columns: dict[str, tuple[Sequence[int], Sequence[int]]],
    loss: Score,
    *,
    repeats: int = 1,
    seed: int = 0,
) -> pd.Series:
    """Return by how much the loss grows when each column alone is shuffled, the most important column first.

    Args:
        model: Takes {"codes", "values"}.
        rows: Labelled rows that it was not trained on.
        columns: Positions among the codes and among the values that belong together, by name: a number and its flag
            are shuffled as one.
        loss: Of (targets, predictions); smaller is better.
        repeats: Shuffles per column, averaged.
        seed: Of the shuffles.
    """
    repeats = whole("repeats", repeats)
    before = loss(rows.targets, predict_rows(model, rows))
    random, growth = np.random.default_rng(seed), {}
    for name, (codes, values) in progress_bar(columns.items(), desc="columns", leave=False, delay=2):
        losses = [
            loss(rows.targets, predict_rows(model, _shuffled(rows, codes, values, random))) for _ in range(repeats)
        ]
        growth[name] = np.mean(losses) - before
    return pd.Series(growth, name="importance").sort_values(ascending=False)


def _shuffled(rows: Rows, codes: Sequence[int], values: Sequence[int], random: np.random.Generator) -> Rows:
    order = random.permutation(rows.count)
    changed_codes, changed_values = rows.codes.copy(), rows.values.copy()
    changed_codes[:, codes] = rows.codes[order][:, codes]
    changed_values[:, values] = rows.values[order][:, values]
    return rows._replace(codes=changed_codes, values=changed_values)
