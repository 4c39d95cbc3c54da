"""The cheapest other models of the same rows, which a network has to beat to be worth its time."""

import importlib.util
from typing import Any

import numpy as np

from kerasfast.basics.arguments import TARGET_KINDS, choice
from kerasfast.optimizing.linear_fit import fit_linear

ACTIVATIONS = {"single": "softmax", "multi": "sigmoid", "regression": "linear"}


def linear_peer(features: np.ndarray, targets: np.ndarray, others: np.ndarray, kind: str, classes: int) -> np.ndarray:
    """Return what a logistic regression (for numbers a ridge regression) says of other rows, (m, outputs).

    Args:
        features: (n, features) of the training rows.
        targets: (n,) class indices, (n, tags) of 0 and 1, or (n, outputs) numbers.
        others: (m, features) of the rows to predict.
        kind: "single", "multi" or "regression".
        classes: Number of outputs.

    Example:
        >>> rows, targets = np.array([[0.0], [0.1], [0.9], [1.0]]), np.array([0, 0, 1, 1])
        >>> likely = linear_peer(rows, targets, [[0.0], [1.0]], "single", 2)
        >>> likely.argmax(axis=1).tolist()
        [0, 1]
    """
    activation = ACTIVATIONS[choice("kind", kind, TARGET_KINDS)]
    targets = np.eye(classes, dtype=np.float32)[targets] if kind == "single" else np.asarray(targets, np.float32)
    outputs = fit_linear(features, targets.reshape(len(targets), -1), activation).outputs(np.asarray(others))
    if kind == "single":
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    return 0.5 * (1 + np.tanh(outputs / 2)) if kind == "multi" else outputs


def has_boosted_trees() -> bool:
    """Return whether LightGBM is installed."""
    return importlib.util.find_spec("lightgbm") is not None


def boosted_peer(
    features: np.ndarray, targets: np.ndarray, others: np.ndarray, kind: str, categorical: list[int], classes: int
) -> np.ndarray:
    """Return what LightGBM with its own settings says of other rows, (m, outputs).

    Args:
        features, targets, others, kind, classes: As in `linear_peer`.
        categorical: Columns that hold codes.
    """
    import lightgbm

    options: dict[str, Any] = {"verbosity": -1, "random_state": 42, "n_jobs": 2, "deterministic": True}
    model = lightgbm.LGBMRegressor if kind == "regression" else lightgbm.LGBMClassifier
    given = {"categorical_feature": categorical} if categorical else {}
    columns = targets.reshape(len(targets), -1).T
    if kind == "single":
        fitted = model(**options).fit(features, columns[0], **given)
        likely = np.zeros((len(others), classes))
        likely[:, fitted.classes_.astype(int)] = fitted.predict_proba(others)
        return likely
    said = [model(**options).fit(features, column, **given) for column in columns]
    if kind == "regression":
        return np.stack([fitted.predict(others) for fitted in said], axis=1)
    # A label that no training row has, or each, is one class.
    ones = [
        fitted.predict_proba(others)[:, list(fitted.classes_).index(1)] if 1 in fitted.classes_ else None
        for fitted in said
    ]
    return np.stack([np.zeros(len(others)) if column is None else column for column in ones], axis=1)
