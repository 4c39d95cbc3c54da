"""A linear model of encoded rows: numbers drawn in, and a term for each level that is not rare."""

from dataclasses import dataclass

import numpy as np

from kerasfast.optimizing.linear_fit import fit_linear, out_of_fold

LEVELS = 500  # with a term of their own, the most frequent ones
ROWS = 20_000  # at most, drawn: a linear model does not need more


@dataclass(frozen=True)
class LinearPart:
    """Outputs before the activation: `numbers @ kernel + bias` and a term for each level.

    Attributes:
        kernel: (numbers, outputs).
        bias: (outputs,).
        terms: (levels, outputs), the levels of all columns below each other.
    """

    kernel: np.ndarray
    bias: np.ndarray
    terms: np.ndarray


def solved(
    numbers: np.ndarray,
    levels: np.ndarray,
    count: int,
    targets: np.ndarray,
    activation: str,
    weights: np.ndarray,
    fold_of: np.ndarray,
    seed: int,
) -> tuple[LinearPart, np.ndarray]:
    """Return the model of all rows, and outputs (n, outputs) of each row by a model of the rows of other folds.

    Args:
        numbers: (n, columns).
        levels: (n, columns) of all columns counted through.
        count: Of the levels.
        targets, activation, weights: As in `optimizing.linear_fit.fit_linear`.
        fold_of: (n,) the number of the fold of each row.
        seed: Of the folds that choose the weight decay.
    """
    often = np.bincount(levels.ravel(), minlength=count)
    kept = np.flatnonzero(often > 1)
    kept = kept[np.argsort(-often[kept], kind="stable")[:LEVELS]]
    place = np.full(count, len(kept))
    place[kept] = np.arange(len(kept))
    hot = np.zeros((len(levels), len(kept) + 1), np.float32)
    for column in levels.T:
        hot[np.arange(len(hot)), place[column]] = 1
    features = np.concatenate([numbers, hot[:, :-1]], axis=1)
    fit = fit_linear(features, targets, activation, weights=weights, seed=seed)
    kernel = fit.kernel / fit.scale[:, None]
    terms = np.zeros((count, targets.shape[1]), np.float32)
    terms[kept] = kernel[numbers.shape[1] :]
    part = LinearPart(kernel[: numbers.shape[1]], fit.bias - fit.mean @ kernel, terms)
    return part, out_of_fold(fit, features, targets, activation, fold_of, weights=weights)
