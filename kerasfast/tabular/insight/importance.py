"""Permutation importance: how much worse a model gets when a column is shuffled (Breiman, 2001)."""

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
import pandas as pd

from kerasfast.basics.arguments import function, number, whole
from kerasfast.basics.bars import progress_bar
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.pipeline.rows import Rows
from kerasfast.tabular.predictor import predict_rows

Score = Callable[[np.ndarray, np.ndarray], float]
LEAST = 1e-7


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
    function("loss", loss)
    before = number("loss(targets, predictions)", loss(rows.targets, predict_rows(model, rows)))
    random, growth = np.random.default_rng(seed), {}
    for name, (codes, values) in progress_bar(columns.items(), desc="columns", leave=False, delay=2):
        losses = [
            loss(rows.targets, predict_rows(model, shuffled(rows, codes, values, random))) for _ in range(repeats)
        ]
        growth[name] = np.mean(losses) - before
    return pd.Series(growth, name="importance").sort_values(ascending=False)


def column_positions(
    cardinalities: Mapping[str, int], value_names: Sequence[str], encoder: TableEncoder | None = None
) -> dict[str, tuple[list[int], list[int]]]:
    """Return the positions of each column among codes and values: a number's flag goes with it.

    Args:
        cardinalities: Number of codes of each categorical column.
        value_names: The continuous columns and their missing-value flags.
        encoder: What knows the flags; None for arrays.
    """
    names = value_names if encoder is None else encoder.continuous
    flags = {} if encoder is None else dict(encoder.flag_positions)
    categorical = {name: ([position], []) for position, name in enumerate(cardinalities)}
    numbers = {name: ([], [i, flags[i]] if i in flags else [i]) for i, name in enumerate(names)}
    return categorical | numbers


def shuffled(rows: Rows, codes: Sequence[int], values: Sequence[int], random: np.random.Generator) -> Rows:
    """Return the rows with some columns shuffled, all in the same way."""
    order = random.permutation(rows.count)
    changed_codes, changed_values = rows.codes.copy(), rows.values.copy()
    changed_codes[:, codes] = rows.codes[order][:, codes]
    changed_values[:, values] = rows.values[order][:, values]
    return rows._replace(codes=changed_codes, values=changed_values)


def grid(rows: Rows, codes: Sequence[int], values: Sequence[int], points: int) -> tuple[Rows, np.ndarray]:
    """Return one row for each of several values of a column, and how many of the rows are nearest to it.

    Args:
        rows: Where the values come from.
        codes, values: Positions of the column; a flag after its number.
        points: How many values: the most frequent codes, in order, or evenly spread quantiles of what is not missing.
    """
    if codes:
        counts = np.bincount(rows.codes[:, codes[0]])
        chosen = np.sort(np.argsort(-counts, kind="stable")[: min(points, np.count_nonzero(counts))])
        first = [int(np.argmax(rows.codes[:, codes[0]] == code)) for code in chosen]
        return rows.take(np.array(first)), counts[chosen]
    number, *flag = values
    known = rows if not flag else rows.take(np.flatnonzero(rows.values[:, flag[0]] < 0.5))
    own = known.values[:, number]
    tried = np.unique(np.quantile(own, np.linspace(0, 1, points), method="nearest"))
    made = known.take(np.array([int(np.argmax(own == value)) for value in tried]))
    middles = (tried[1:] + tried[:-1]) / 2
    return made, np.bincount(np.searchsorted(middles, own), minlength=len(tried))


def row_losses(kind: str, predictions: np.ndarray, targets: np.ndarray, variance: np.ndarray | None) -> np.ndarray:
    """Return (n,) losses of rows: squared errors over the variance, or the logarithm of what was held likely.

    Args:
        kind: "single" or "multi" for probabilities.
        predictions: (n, outputs).
        targets: (n,) class numbers, or (n, outputs).
        variance: (outputs,) of a regression's targets; None for probabilities.
    """
    if variance is not None:
        return (np.square(predictions - targets) / variance).mean(axis=1)
    likely = np.clip(predictions, LEAST, 1 - LEAST)
    if kind == "multi":
        return -np.where(targets > 0.5, np.log(likely), np.log1p(-likely)).mean(axis=1)
    return -np.log(likely[np.arange(len(likely)), targets])
