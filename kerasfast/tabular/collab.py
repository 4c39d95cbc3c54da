"""Collaborative filtering: users and items as vectors, whose dot product with two biases is the rating."""

import os
from collections.abc import Sequence
from typing import Any

import keras
import pandas as pd
from keras import ops

from kerasfast.basics.arguments import whole
from kerasfast.optimizing.groups import LayerGroups
from kerasfast.tabular.data import TableData
from kerasfast.tabular.learner import TableLearner
from kerasfast.tabular.tasks import checked_table
from kerasfast.training.training_stage import OptimizerMaker


def dot_bias_model(
    users: int, items: int, *, factors: int = 50, y_range: tuple[float, float] | None = None
) -> keras.Model:
    """Return the course's `EmbeddingDotBias`: {"codes": (b, 2) int32, user and item} -> (b, 1).

    `user vector . item vector + user bias + item bias`, through a sigmoid scaled to `y_range` where there is one.
    Vectors and biases start uniform in +-0.05 and +-0.01.

    Args:
        users, items: Number of codes.
        factors: Width of the vectors.
        y_range: Smallest and largest rating.

    Raises:
        ValueError: If a number makes no sense.
    """
    for name, count in (("users", users), ("items", items), ("factors", factors)):
        whole(name, count)
    if y_range is not None and not y_range[0] < y_range[1]:
        raise ValueError(f"`y_range` must be (smallest, largest); received {y_range!r}.")
    codes = keras.Input((2,), dtype="int32", name="codes")
    vectors, biases = [], []
    for position, (name, rows) in enumerate((("user", users), ("item", items))):
        vectors.append(_embedding(rows, factors, 0.05, f"{name}_vectors")(codes[:, position]))
        biases.append(_embedding(rows, 1, 0.01, f"{name}_biases")(codes[:, position]))
    rating = ops.sum(vectors[0] * vectors[1], axis=1, keepdims=True) + biases[0] + biases[1]
    if y_range is not None:
        low, high = map(float, y_range)
        rating = keras.layers.Rescaling(high - low, offset=low, name="rating")(ops.sigmoid(rating))
    return keras.Model({"codes": codes}, rating, name="dot_bias")


class CollabFilter(TableLearner):
    """A `TableLearner` for ratings of items by users.

    Users and items unknown to the training rows get the *unknown* vectors, which random masking trains.

    Args:
        data: A regression from two categorical columns, first the users, then the items.
        factors: Width of the vectors.
        y_range: Smallest and largest rating; the range of the training ratings by default.
        groups, loss, metrics, ...: As in `TableLearner`.

    Raises:
        ValueError: If the data has other columns.

    Example:
        >>> stars = [1.0, 5.0, 2.0, 5.0, 1.0]
        >>> ratings = pd.DataFrame({"user": [1, 1, 2, 2, 3], "film": [7, 8, 7, 8, 7], "stars": stars})
        >>> data = TableData.from_frame(ratings, "stars", categorical=["user", "film"], valid_indices=[4])
        >>> CollabFilter(data, factors=3).biases("film").index.tolist()
        ['unknown', 7, 8]

    As in the course's lesson 5:

        data = TableData.from_frame(ratings, "rating", categorical=["userId", "movieId"])
        learn = CollabFilter(data, factors=50)
        learn.fit(1e-2, 2, cycle_len=1, cycle_mult=2)
        learn.biases("movieId").nlargest(10)
    """

    def __init__(
        self,
        data: TableData,
        factors: int = 50,
        *,
        y_range: tuple[float, float] | None = None,
        groups: LayerGroups | None = None,
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        optimizer: OptimizerMaker | None = None,
        clip: float | None = None,
        steps_per_execution: int | None = None,
        jit_compile: bool | str = "auto",
        path: str | os.PathLike | None = None,
    ):
        if len(checked_table(data).cardinalities) != 2 or data.value_names or data.target_kind != "regression":
            raise ValueError(
                "collaborative filtering needs a regression with two categorical columns, users and items, and no "
                f"continuous one; received {list(data.cardinalities)}, {list(data.value_names)}, {data.target_kind}."
            )
        users, items = data.cardinalities.values()
        if y_range is None:
            y_range = _range_of(data)
        model = dot_bias_model(users, items, factors=factors, y_range=y_range)
        super().__init__(
            model, data, groups=groups or LayerGroups(model, [[layer for layer in model.layers if layer.weights]]),
            loss=loss, metrics=metrics, optimizer=optimizer, clip=clip, steps_per_execution=steps_per_execution,
            jit_compile=jit_compile, path=path,
        )  # fmt: skip

    def embeddings(self) -> dict[str, pd.DataFrame]:
        """Return the vectors by column: a frame with a row per level, "unknown" first."""
        return self._weights_by_level("vectors")

    def biases(self, column: str) -> pd.Series:
        """Return the bias of each user, or of each item: what is liked beyond all taste."""
        found = self._weights_by_level("biases")
        if column not in found:
            raise ValueError(f"{column!r} is neither users nor items; these are {', '.join(found)}.")
        return found[column][0].rename("bias")

    def _weights_by_level(self, kind: str) -> dict[str, pd.DataFrame]:
        layers = [self.model.get_layer(f"{name}_{kind}") for name in ("user", "item")]
        predictor = self.predictor
        return {
            column: pd.DataFrame(layer.get_weights()[0], predictor.level_names(column))
            for column, layer in zip(self.data.cardinalities, layers, strict=True)
        }


def _embedding(rows: int, width: int, bound: float, name: str) -> keras.layers.Embedding:
    return keras.layers.Embedding(rows, width, keras.initializers.RandomUniform(-bound, bound), name=name)


def _range_of(data: TableData) -> tuple[float, float] | None:
    targets = data.train.targets
    low, high = float(targets.min()), float(targets.max())
    return (low, high) if low < high else None
