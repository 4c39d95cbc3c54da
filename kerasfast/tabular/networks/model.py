"""The entity-embedding model: categories as learned vectors beside normalised numbers, in a functional model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real

import keras
import numpy as np
from keras import ops

from kerasfast.basics.arguments import choice, flag, number, sized, whole
from kerasfast.tabular.encoding.targets import NumberScale

Sizes = Mapping[str, int] | Sequence[int] | Sequence[tuple[int, int]]


@dataclass(frozen=True)
class EmbeddingTable:
    """One embedding layer for all columns whose vectors have one width: few large gathers instead of many small ones.

    Attributes:
        width: Of the vectors.
        columns: Names of the columns.
        positions: Of the columns among the codes.
        offsets: The row at which each column's vectors begin.
        rows: Of the table.
    """

    width: int
    columns: tuple[str, ...]
    positions: tuple[int, ...]
    offsets: tuple[int, ...]
    rows: int

    @property
    def name(self) -> str:
        """The name of the layer."""
        return f"embeddings_{self.width}"


def embedding_widths(cardinalities: Mapping[str, int], sizes: Sizes | None = None) -> dict[str, int]:
    """Return the width of each column's vectors; by the course's rule, half the cardinality and at most 50.

    Args:
        cardinalities: Number of codes by column.
        sizes: Widths by column (others follow the rule), or of all columns in order, or the course's pairs of
            (cardinality, width).

    Raises:
        ValueError: Naming the column, where sizes do not fit.
    """
    widths = {name: min(50, (count + 1) // 2) for name, count in cardinalities.items()}
    if sizes is None:
        return widths
    if not isinstance(sizes, Mapping):
        sizes = list(sized("embedding_sizes", sizes))
        if len(sizes) != len(widths):
            raise ValueError(
                f"`embedding_sizes` has {len(sizes)} entries, but there are {len(widths)} categorical columns: "
                f"{', '.join(widths)}."
            )
        sizes = dict(zip(widths, sizes, strict=True))
    strangers = sorted(set(sizes) - set(widths))
    if strangers:
        raise ValueError(f"`embedding_sizes` names {strangers}, which are no categorical columns: {', '.join(widths)}.")
    return widths | {name: _width(name, size, cardinalities[name]) for name, size in sizes.items()}


def embedding_tables(cardinalities: Mapping[str, int], widths: Mapping[str, int]) -> list[EmbeddingTable]:
    """Return the embedding layers that hold these columns, narrow ones first."""
    names = list(cardinalities)
    tables = []
    for width in sorted(set(widths.values())):
        columns = [name for name in names if widths[name] == width]
        ends = np.cumsum([cardinalities[name] for name in columns])
        offsets = [0, *ends[:-1].tolist()]
        positions = [names.index(name) for name in columns]
        tables.append(EmbeddingTable(width, tuple(columns), tuple(positions), tuple(offsets), int(ends[-1])))
    return tables


def embedding_vectors(model: keras.Model, tables: Sequence[EmbeddingTable]) -> dict[str, np.ndarray]:
    """Return the vectors (codes, width) of each column; row 0 is *unknown*."""
    vectors = {}
    for table in tables:
        weights = model.get_layer(table.name).get_weights()[0]
        vectors |= zip(table.columns, np.split(weights, table.offsets[1:]), strict=True)
    return vectors


def entity_embedding_model(
    cardinalities: Mapping[str, int] | Sequence[int],
    continuous: int,
    outputs: int = 1,
    *,
    hidden: Sequence[int] = (200, 100),
    dropout: float | Sequence[float] = 0.0,
    embedding_sizes: Sizes | None = None,
    embedding_dropout: float = 0.0,
    batch_norm: bool = False,
    y_range: tuple[float, float] | None = None,
    activation: str = "linear",
    scale: NumberScale | None = None,
) -> keras.Model:
    """Return the model of the Rossmann lesson (Guo and Berkhahn, "Entity Embeddings of Categorical Variables", 2016).

    The vectors of all categories (after dropout) and the batch-normalised numbers go through hidden layers of
    ReLU [-> BatchNormalization] -> dropout. Vectors start uniform in +-2 / (width + 1), dense layers He-normal.

    Args:
        cardinalities: Number of codes by categorical column.
        continuous: Number of continuous columns, flags included.
        outputs: Width of the last layer.
        hidden: Widths of the hidden layers.
        dropout: Share dropped after each hidden layer; one value, or one per layer.
        embedding_sizes: See `embedding_widths`.
        embedding_dropout: Share of the vectors' elements dropped.
        batch_norm: Whether to normalise after each hidden layer.
        y_range: Smallest and largest prediction, through a scaled sigmoid; linear outputs only.
        activation: Of the last layer: "linear", "softmax" or "sigmoid".
        scale: Of the numbers to predict; the last layer learns them standardised, and a further one gives their own
            units. Not with `y_range`.

    Returns:
        A plain functional model: {"codes": (b, columns) int32, "values": (b, continuous)} -> (b, outputs). A kind of
        column that is not there has no input. It saves and loads without kerasfast.

    Raises:
        ValueError: If there is no column, or arguments do not fit.

    Example:
        >>> model = entity_embedding_model({"city": 5, "day": 8}, continuous=2, hidden=[10])
        >>> model.output_shape, model.get_layer("embeddings_4").input_dim
        ((None, 1), 8)
    """
    if not isinstance(cardinalities, Mapping):
        cardinalities = {f"code_{place}": count for place, count in enumerate(sized("cardinalities", cardinalities))}
    cardinalities = {name: whole(f"cardinalities[{name!r}]", count) for name, count in cardinalities.items()}
    whole("continuous", continuous, least=0)
    if not cardinalities and not continuous:
        raise ValueError("an embedding model needs categorical or continuous columns; received neither.")
    tables = embedding_tables(cardinalities, embedding_widths(cardinalities, embedding_sizes))
    hidden = hidden_widths(hidden)
    rates = _rates(dropout, hidden)
    inputs, parts = {}, []
    if tables:
        inputs["codes"] = keras.Input((len(cardinalities),), dtype="int32", name="codes")
        parts.append(_embedded(inputs["codes"], tables, embedding_dropout))
    if continuous:
        inputs["values"] = keras.Input((continuous,), name="values")
        parts.append(keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name="values_norm")(inputs["values"]))
    x = keras.layers.Concatenate(name="features")(parts) if len(parts) > 1 else parts[0]
    x = _hidden(x, hidden, rates, batch_norm)
    x = _output(x, outputs, y_range, activation)
    if scale is not None:
        if y_range is not None:
            raise ValueError("`scale` and `y_range` both say how large predictions are; pass one of them.")
        x = target_units(scale)(x)
    return keras.Model(inputs, x, name="entity_embeddings")


def hidden_widths(hidden: Sequence[int]) -> list[int]:
    """Return the widths of hidden layers, checked.

    Raises:
        ValueError: For anything but a sequence of whole numbers, 1 or more.
    """
    no_list = isinstance(hidden, (str, bytes)) or not isinstance(hidden, (Sequence, np.ndarray))
    if no_list or not getattr(hidden, "ndim", 1):
        raise ValueError(f"`hidden` must be a list with the width of each hidden layer; received {hidden!r}.")
    return [whole("hidden", units) for units in hidden]


def target_units(scale: NumberScale, name: str = "target_units") -> keras.layers.Layer:
    """Return the layer that takes standardised predictions (..., outputs) back to the target's own units."""
    variance = [deviation**2 for deviation in scale.deviation]
    return keras.layers.Normalization(mean=list(scale.mean), variance=variance, invert=True, name=name)


def embedding_groups(model: keras.Model) -> list[list[keras.layers.Layer]]:
    """Return the layers of an entity-embedding model by group: embeddings (where there are any), hidden, output."""
    kind = lambda layer: 0 if layer.name.startswith("embeddings_") else 2 if layer.name.startswith("output") else 1
    layers = [layer for layer in model.layers if layer.weights]
    groups = [[layer for layer in layers if kind(layer) == number] for number in range(3)]
    return [group for group in groups if group]


def _embedded(codes: keras.KerasTensor, tables: Sequence[EmbeddingTable], dropout: float) -> keras.KerasTensor:
    order = [position for table in tables for position in table.positions]
    offsets = [offset for table in tables for offset in table.offsets]
    # Subtracted, since Keras adds a row as a bias, which LiteRT cannot do with whole numbers.
    rows = ops.take(codes, order, axis=1) - np.array([-offset for offset in offsets], np.int32)
    vectors, start = [], 0
    for table in tables:
        end = start + len(table.columns)
        bound = 2 / (table.width + 1)
        initializer = keras.initializers.RandomUniform(-bound, bound)
        layer = keras.layers.Embedding(table.rows, table.width, initializer, name=table.name)
        vectors.append(ops.reshape(layer(rows[:, start:end]), (-1, table.width * len(table.columns))))
        start = end
    x = keras.layers.Concatenate(name="embeddings")(vectors) if len(vectors) > 1 else vectors[0]
    return _dropped(x, number("embedding_dropout", dropout, least=0, below=1), "embedding_dropout")


def _hidden(x: keras.KerasTensor, widths: list[int], rates: list[float], batch_norm: bool) -> keras.KerasTensor:
    for place, (units, rate) in enumerate(zip(widths, rates, strict=True), start=1):
        x = keras.layers.Dense(units, "relu", kernel_initializer="he_normal", name=f"hidden_{place}")(x)
        if flag("batch_norm", batch_norm):
            x = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"hidden_norm_{place}")(x)
        x = _dropped(x, rate, f"hidden_dropout_{place}")
    return x


def _dropped(x: keras.KerasTensor, rate: float, name: str) -> keras.KerasTensor:
    return keras.layers.Dropout(rate, name=name)(x) if rate else x


def _output(
    x: keras.KerasTensor, outputs: int, y_range: tuple[float, float] | None, activation: str
) -> keras.KerasTensor:
    choice("activation", activation, ("linear", "softmax", "sigmoid"))
    outputs = whole("outputs", outputs)
    if y_range is None:
        return keras.layers.Dense(outputs, activation, kernel_initializer="he_normal", name="output")(x)
    low, high = _range(y_range, activation)
    x = keras.layers.Dense(outputs, "sigmoid", kernel_initializer="he_normal", name="output")(x)
    return keras.layers.Rescaling(high - low, offset=low, name="output_range")(x)


def _range(y_range: tuple[float, float], activation: str) -> tuple[float, float]:
    if activation != "linear":
        raise ValueError(f"`y_range` is for regressions; received activation={activation!r} with it.")
    try:
        low, high = (float(end) for end in y_range)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`y_range` must be (smallest, largest); received {y_range!r}.") from error
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"`y_range` must be two finite numbers that rise; received {y_range!r}.")
    return low, high


def _width(name: str, size: int | tuple[int, int], cardinality: int) -> int:
    if isinstance(size, (tuple, list)):
        if len(size) != 2 or size[0] != cardinality:
            raise ValueError(
                f"the embedding size of {name!r} is {tuple(size)}, but the column has {cardinality} codes (the unknown "
                f"one included); pass ({cardinality}, width) or the width alone."
            )
        size = size[1]
    return whole(f"embedding_sizes[{name!r}]", size)


def _rates(dropout: float | Sequence[float], hidden: Sequence[int]) -> list[float]:
    single = isinstance(dropout, Real) or not hasattr(dropout, "__len__")
    rates = [dropout] * len(hidden) if single else list(sized("dropout", dropout))
    if len(rates) != len(hidden):
        raise ValueError(f"`dropout` has {len(rates)} values for {len(hidden)} hidden layers; pass 1 or {len(hidden)}.")
    return [number("dropout", rate, least=0, below=1) for rate in rates]
