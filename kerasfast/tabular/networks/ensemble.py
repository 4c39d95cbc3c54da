"""Networks that are trained side by side in one graph, each on its own share of the rows, and predict by their mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasfast.basics.arguments import number, whole
from kerasfast.tabular.encoding.targets import NumberScale
from kerasfast.tabular.networks.beside import mixed
from kerasfast.tabular.networks.model import EmbeddingTable, embedding_tables, hidden_widths, target_units

PIECES = 16  # of the range of each number, with as many rows in each
PIECE_WIDTH = 8  # numbers that each number becomes
_FAR = 3.0  # deviations from the middle beyond which numbers are drawn in
_MEMBERS = "members"


@dataclass(frozen=True)
class NumberSpread:
    """How numbers are spread: by median and quartiles, drawn in smoothly so that no outlier is far, and in pieces.

    `z = (value - middle) / width`, `z / sqrt(1 + (z / 3)^2)`, and that standardised.

    Attributes:
        middle, width: Median, and distance of the quartiles in units of a normal deviation, by column.
        mean, deviation: Of what that gives.
        slope, begin: (columns, pieces) with which `slope * value + begin` goes from 0 to 1 within each of the pieces
            between quantiles; 0 for pieces that a column of few different values does not have.
    """

    middle: np.ndarray
    width: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    slope: np.ndarray
    begin: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "NumberSpread":
        """Return the spread of values (rows, columns)."""
        values = np.asarray(values, np.float64)
        low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        width = (high - low) / 1.349
        # A column of few different values, such as a flag, may have no distance of quartiles.
        width = np.where(width > 0, width, np.maximum(np.ptp(values, axis=0) / 2, 1e-9))
        near = drawn_in((values - middle) / width)
        mean, deviation = near.mean(axis=0), np.maximum(near.std(axis=0), 1e-6)
        slope, begin = np.zeros((2, values.shape[1], PIECES), np.float32)
        for column, numbers in enumerate(((near - mean) / deviation).T):
            edges = np.unique(np.quantile(numbers, np.linspace(0, 1, PIECES + 1)).astype(np.float32))
            pieces = slice(len(edges) - 1)
            slope[column, pieces] = 1 / np.maximum(np.diff(edges), 1e-6)
            begin[column, pieces] = -edges[:-1] * slope[column, pieces]
        return cls(middle, width, mean, deviation, slope, begin)

    def near(self, values: np.ndarray) -> np.ndarray:
        """Return values (rows, columns) drawn in and standardised, float32."""
        return ((drawn_in((values - self.middle) / self.width) - self.mean) / self.deviation).astype(np.float32)


def drawn_in(z: Any) -> Any:
    """Return numbers with none beyond 3 in size: nearly as they are around 0."""
    return z / (1 + (z / _FAR) ** 2) ** 0.5


def ensemble_model(
    cardinalities: Mapping[str, int],
    spread: NumberSpread | None,
    outputs: int = 1,
    *,
    members: int = 8,
    hidden: Sequence[int] = (128, 128),
    dropout: float = 0.1,
    embedding_widths: Mapping[str, int],
    activation: str = "linear",
    scale: NumberScale | None = None,
    companions: tuple[int, tuple[int, int, int]] | None = None,
) -> tuple[keras.Model, keras.Model]:
    """Return the model whose outputs are those of all members, and the one whose output is their mean.

    Each member has its own embeddings and weights: vectors of its categories, a piecewise linear function of each
    number into 8 numbers (Gorishniy et al., "On Embeddings for Numerical Features", 2022), then hidden layers of ReLU
    and dropout.

    Args:
        cardinalities: Number of codes by categorical column.
        spread: Of the continuous columns, flags included; None without any.
        outputs: Width of the last layer.
        members: How many networks.
        hidden: Widths of the hidden layers of each.
        dropout: Share dropped after each hidden layer.
        embedding_widths: Width of the vectors of each categorical column, those of all members side by side.
        activation: Of the last layer: "linear", "softmax" or "sigmoid".
        scale: Of the numbers to predict; outputs are standardised by it inside the model.
        companions: Room for a linear model and trees beside the networks (see `beside.mixed`): the numbers that trees
            know of each level, and how many trees. None for none.

    Returns:
        Two plain functional models on the same weights, the second with the companions: {"codes": (b, columns) int32,
        "values": (b, continuous)} -> (b, members, outputs), and -> (b, outputs).
    """
    whole("members", members)
    number("dropout", dropout, least=0, below=1)
    inputs, parts, near = {}, [], None
    if cardinalities:
        inputs["codes"] = keras.Input((len(cardinalities),), dtype="int32", name="codes")
        tables = embedding_tables(cardinalities, embedding_widths)
        parts += _vectors(inputs["codes"], tables, members)
    if spread is not None:
        inputs["values"] = keras.Input((len(spread.middle),), name="values")
        near = _near(inputs["values"], spread)
        parts.append(_pieces(near, spread, members))
    x = keras.layers.Concatenate(name="features")(parts) if len(parts) > 1 else parts[0]
    for place, units in enumerate(hidden_widths(hidden), start=1):
        x = _dense(x, members, units, "relu", f"hidden_{place}")
        if dropout:  # the same units of all members: random numbers would take longer than the products
            x = keras.layers.Dropout(dropout, noise_shape=(1, None, units), name=f"hidden_dropout_{place}")(x)
    x = ops.transpose(_dense(x, members, whole("outputs", outputs), activation, "output"), (1, 0, 2))
    mean = keras.layers.GlobalAveragePooling1D(name="mean_of_members")(x)
    if companions is not None:
        counts = list(cardinalities.values())
        mean = mixed(mean, near, inputs.get("codes"), counts, activation, *companions)
    if scale is not None:
        x, mean = target_units(scale)(x), target_units(scale, "mixture_units")(mean)
    return keras.Model(inputs, x, name=_MEMBERS), keras.Model(inputs, mean, name="table_ensemble")


class EachMember(keras.losses.Loss):
    """A loss of every member's own prediction (b, members, outputs): the mean of their losses, not that of their mean.

    Args:
        loss: A Keras loss, or its name. Sample weights may be (b,), or (b, members).
    """

    def __init__(self, loss: Any):
        super().__init__(name="loss_of_each_member")
        loss = keras.losses.get(loss)
        self._per_sample = loss.call if isinstance(loss, keras.losses.Loss) else loss

    def call(self, y_true: Any, y_pred: Any) -> Any:
        members = y_pred.shape[1]
        targets = ops.repeat(y_true, members, axis=0)  # row by row: members of a row stand together
        found = self._per_sample(targets, ops.reshape(y_pred, (-1, *y_pred.shape[2:])))
        return ops.reshape(found, (-1, members))


def member_shares(rows: int, members: int, folds: int, seed: int, spans: np.ndarray | None = None) -> np.ndarray:
    """Return which rows (rows, members) each member does not train on: a different one of `folds` parts for each.

    Args:
        rows: Number of training rows.
        members: Number of members; from the `folds`th on, parts are left out again.
        folds: Number of parts, of equal size to a row.
        seed: Of the draw.
        spans: (rows,) numbers of groups that are left out as a whole.
    """
    random = np.random.default_rng([seed, rows])
    if spans is None:
        part = random.permutation(rows) % folds
    else:
        found, number = np.unique(spans, return_inverse=True)
        part = (random.permutation(len(found)) % folds)[number]
    return part[:, None] == np.arange(members) % folds


def _vectors(codes: keras.KerasTensor, tables: Sequence[EmbeddingTable], members: int) -> list[keras.KerasTensor]:
    """Return the vectors (members, b, columns * width) of each table, whose width is that of all members together."""
    found = []
    for table in tables:
        rows = ops.take(codes, table.positions, axis=1) + np.array([table.offsets], np.int32)
        width, columns = table.width // members, len(table.columns)
        bound = 2 / (width + 1)
        initializer = keras.initializers.RandomUniform(-bound, bound)
        vectors = keras.layers.Embedding(table.rows, table.width, initializer, name=table.name)(rows)
        found.append(_by_member(vectors, columns, members, width))
    return found


def _by_member(x: keras.KerasTensor, columns: int, members: int, width: int) -> keras.KerasTensor:
    """Return (b, columns, members * width) as (members, b, columns * width)."""
    parts = ops.transpose(ops.reshape(x, (-1, columns, members, width)), (2, 0, 1, 3))
    return ops.reshape(parts, (members, -1, columns * width))


def _near(values: keras.KerasTensor, spread: NumberSpread) -> keras.KerasTensor:
    first, second = (
        keras.layers.Normalization(mean=mean.tolist(), variance=np.square(deviation).tolist(), name=name)
        for name, mean, deviation in (
            ("values_quartiles", spread.middle, spread.width),
            ("values_norm", spread.mean, spread.deviation),
        )
    )
    return second(drawn_in(first(values)))


def _pieces(values: keras.KerasTensor, spread: NumberSpread, members: int) -> keras.KerasTensor:
    """Return each number (b, columns) as a piecewise linear function of it, (members, b, columns * PIECE_WIDTH)."""
    columns = values.shape[1]
    placed = ops.expand_dims(values, -1)
    passed = ops.clip(placed * spread.slope + spread.begin, 0.0, 1.0)
    bent = keras.layers.EinsumDense(
        "bdp,dpw->bdw", (columns, members * PIECE_WIDTH), bias_axes="dw", activation="relu", name="numbers",
        kernel_initializer=keras.initializers.RandomNormal(stddev=PIECES**-0.5),
        bias_initializer=keras.initializers.RandomNormal(stddev=0.1),
    )(ops.concatenate([passed, 2.0 * placed], axis=-1))  # fmt: skip
    return _by_member(bent, columns, members, PIECE_WIDTH)


def _dense(x: keras.KerasTensor, members: int, units: int, activation: str, name: str) -> keras.KerasTensor:
    """Apply a dense layer of each member to (members, b, features), in a form that LiteRT can convert."""
    gain = 2.0 if activation == "relu" else 1.0
    # He's by hand: versions of Keras differ in whether the members count among the inputs of a unit.
    normal = keras.initializers.RandomNormal(stddev=(gain / x.shape[-1]) ** 0.5)
    options = {"activation": activation, "kernel_initializer": normal, "name": name}
    if units == 1:
        single = keras.layers.EinsumDense("mbi,mi->mb", (None,), bias_axes="m", **options)(x)
        return ops.expand_dims(single, -1)
    return keras.layers.EinsumDense("mbi,mio->mbo", (None, units), bias_axes="mo", **options)(x)
