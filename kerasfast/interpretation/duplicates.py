"""Rows of one set that are nearly rows of another, by what a network says of them."""

from typing import Any

import numpy as np
import pandas as pd

from kerasfast.basics.arguments import number

LIKE = 0.8
_AT_ONCE = 1024
_CERTAIN = 0.995
_OTHERS, _NEARER = 10, 0.5


def near_duplicates(features: Any, others: Any, *, least: float = LIKE) -> pd.DataFrame:
    """Return for each row of a set its nearest row of another set, where both are nearly the same; the nearest first.

    Rows are alike by the cosine of the angle between their standardised features. Copies that were compressed, scaled,
    brightened, cropped or mirrored come to 0.8 or more, other photographs hardly ever. Where all pictures are alike
    (forests from the air) others do, too: so a copy is also twice as near (by 1 - similarity) as the tenth nearest row
    of the other set, or has 0.995 or more.

    Args:
        features: (n, features), such as activations of validation pictures.
        others: (m, features), such as those of training pictures.
        least: Least similarity, up to 1.

    Returns:
        Frame with `row`, `other` (positions) and `similarity`.

    Raises:
        ValueError: When the sets have different features.

    Example:
        >>> one, two = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 1.01], [-1.0, -1.0]])
        >>> near_duplicates(one, two)[["row", "other"]].to_numpy().tolist()
        [[1, 0]]
    """
    features, others = np.asarray(features, dtype=np.float32), np.asarray(others, dtype=np.float32)
    if features.ndim != 2 or others.ndim != 2 or features.shape[1] != others.shape[1]:
        raise ValueError(f"Both sets must be (rows, features); received {features.shape} and {others.shape}.")
    least = number("least", least, least=-1, most=1)
    middle, spread = others.mean(axis=0), others.std(axis=0)
    # What hardly varies would be blown up by its own deviation alone.
    scale = np.hypot(spread, spread.mean()) + 1e-12
    features, others = (_directions((part - middle) / scale) for part in (features, others))
    nearest, alike, usual = np.empty(len(features), int), np.empty(len(features)), np.full(len(features), -1.0)
    for start in range(0, len(features), _AT_ONCE):
        part, products = slice(start, start + _AT_ONCE), features[start : start + _AT_ONCE] @ others.T
        nearest[part], alike[part] = products.argmax(axis=1), products.max(axis=1)
        if len(others) >= _OTHERS:
            usual[part] = np.partition(products, -_OTHERS, axis=1)[:, -_OTHERS]
    outstanding = (1 - alike <= _NEARER * (1 - usual)) | (alike >= _CERTAIN)
    rows = np.flatnonzero((alike >= least) & outstanding)
    rows = rows[np.argsort(-alike[rows], kind="stable")]
    return pd.DataFrame({"row": rows, "other": nearest[rows], "similarity": alike[rows]})


def _directions(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
