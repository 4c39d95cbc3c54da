"""In which shares the answers of several models are mixed, judged by rows that none of them learned from."""

import numpy as np

STEPS = 500


def best_shares(answers: np.ndarray, targets: np.ndarray, activation: str, weights: np.ndarray) -> np.ndarray:
    """Return the shares (models,), which add up to one, with the lowest loss of the mixture.

    Args:
        answers: (models, n, outputs) to rows that the models did not learn from: probabilities, or numbers.
        targets: (n, outputs).
        activation: "linear" (squared errors), "softmax" or "sigmoid" (cross-entropy).
        weights: (n,) of the rows.
    """
    shares = np.full(len(answers), 1 / len(answers))
    weights = weights / weights.sum(dtype=np.float64)
    if activation == "linear":
        errors = (answers - targets) * np.sqrt(weights)[:, None]
        products = np.einsum("anu,bnu->ab", errors, errors)
        products /= max(products.diagonal().min(), 1e-30)
        for _ in range(STEPS):  # exponentiated gradient: shares stay positive
            shares = shares * np.exp(-products @ shares)
            shares /= shares.sum()
        return shares
    if activation == "sigmoid":  # each label is a row of its own
        right = np.where(targets > 0.5, answers, 1 - answers).reshape(len(answers), -1)
        weights = np.repeat(weights, targets.shape[1]) / targets.shape[1]
    else:
        right = np.sum(answers * targets, axis=2)
    right = np.maximum(right, 1e-7)
    for _ in range(STEPS):  # expectation maximisation: whose answer was it?
        shares = (right * (weights / (shares @ right))).sum(axis=1) * shares
    return shares
