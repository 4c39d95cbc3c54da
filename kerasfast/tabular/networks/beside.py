"""Layers that hold a linear model and boosted trees beside the networks, and the shares in which all are mixed."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

PARTS = ("networks", "linear", "trees")
_ALONE = np.array([1, 0, 0], np.float32)
_FIXED = {"trainable": False, "dtype": "float32"}


def mixed(
    networks: keras.KerasTensor,
    numbers: keras.KerasTensor | None,
    codes: keras.KerasTensor | None,
    cardinalities: Sequence[int],
    activation: str,
    means: int,
    trees: tuple[int, int, int],
) -> keras.KerasTensor:
    """Return the mixture (b, outputs) of the networks, a linear model and trees; at first the networks alone.

    All layers hold weights that are set, not trained (see `set_mixture`).

    Args:
        networks: (b, outputs) answers of the networks.
        numbers: (b, columns) drawn in and standardised; None without any.
        codes: (b, columns) of categories; None without any.
        cardinalities: Number of codes of each categorical column.
        activation: Of the answers.
        means: Numbers that the trees know of each level.
        trees: How many groups of trees, how many trees in each, and how many questions each tree asks.
    """
    outputs, linear, known = networks.shape[-1], [], []
    if numbers is not None:
        linear.append(keras.layers.Dense(outputs, name="linear_numbers", **_FIXED)(numbers))
        known.append(numbers)
    if codes is not None:
        starts = np.append(0, np.cumsum(cardinalities)[:-1])
        levels = codes - np.array([-starts], np.int32)
        count = int(np.sum(cardinalities))
        terms = keras.layers.Embedding(count, outputs, "zeros", name="linear_levels", **_FIXED)(levels)
        linear.append(ops.sum(terms, axis=1))
        told = keras.layers.Embedding(count, means, "zeros", name="level_means", **_FIXED)(levels)
        known += [ops.reshape(told, (-1, means * len(cardinalities))), ops.cast(codes, "float32")]
    answers = [networks, _activated(linear[0] if len(linear) == 1 else linear[0] + linear[1], activation)]
    known = known[0] if len(known) == 1 else ops.concatenate(known, axis=1)
    groups, count, depth = trees
    grown = [_trees(known, outputs, count, depth, group) for group in range(1, groups + 1)]
    answers.append(_activated(keras.layers.Add(name="trees")(grown), activation))
    mixture = keras.layers.EinsumDense("bpu,p->bu", (outputs,), name="shares", **_FIXED)
    found = mixture(ops.stack(answers, axis=1))
    mixture.set_weights([_ALONE])
    return found


def unmix(model: keras.Model) -> bool:
    """Leave the answer of a model of `mixed` to the networks; return whether others had a share in it."""
    layer = model.get_layer("shares")
    others = not np.array_equal(layer.get_weights()[0], _ALONE)
    layer.set_weights([_ALONE])
    return others


def _activated(outputs: keras.KerasTensor, activation: str) -> keras.KerasTensor:
    return outputs if activation == "linear" else keras.layers.Activation(activation)(outputs)


def _trees(known: keras.KerasTensor, outputs: int, count: int, depth: int, group: int) -> keras.KerasTensor:
    """Return the sum of the leaves (b, outputs) that a row falls into, one of each tree."""
    questions, name = count * depth, f"tree_leaves_{group}"
    asked = keras.layers.Dense(questions, kernel_initializer="zeros", name=f"tree_questions_{group}", **_FIXED)(known)
    yes = ops.reshape(ops.cast(asked > 0, "float32"), (-1, count, depth))
    place = ops.sum(yes * (2.0 ** np.arange(depth)[::-1]).astype(np.float32), axis=2)
    leaf = ops.cast(place, "int32") - np.array([-(2**depth) * np.arange(count)], np.int32)
    return ops.sum(keras.layers.Embedding(count * 2**depth, outputs, "zeros", name=name, **_FIXED)(leaf), axis=1)


def set_mixture(
    model: keras.Model,
    shares: np.ndarray,
    linear: tuple[np.ndarray, np.ndarray, np.ndarray],
    means: np.ndarray,
    trees: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Set what the layers of `mixed` hold.

    Args:
        model: With these layers.
        shares: (3,) of the networks, the linear model and the trees.
        linear: Kernel (columns, outputs), bias (outputs,), terms (codes of all columns, outputs).
        means: (codes of all columns, means).
        trees: Start (outputs,), columns (trees, depth), thresholds (trees, depth), leaves (trees, 2**depth, outputs);
            no more than there is room for.
    """
    layers = {layer.name: layer for layer in model.layers}
    kernel, bias, terms = linear
    if "linear_numbers" in layers:
        layers["linear_numbers"].set_weights([kernel, bias])
    if "linear_levels" in layers:
        first = "linear_numbers" not in layers and model.input["codes"].shape[1]
        layers["linear_levels"].set_weights([terms + bias / first if first else terms])
        layers["level_means"].set_weights([means])
    start, columns, thresholds, grown = trees
    depth, outputs = columns.shape[1], len(start)
    groups = [layer for name, layer in layers.items() if name.startswith("tree_questions_")]
    count = groups[0].units // depth
    for number, questions in enumerate(groups):
        part = slice(number * count, (number + 1) * count)
        asked, zero = (
            np.zeros((questions.input.shape[1], count * depth), np.float32),
            np.zeros(count * depth, np.float32),
        )
        place = np.arange(columns[part].size)
        asked[columns[part].ravel(), place], zero[place] = 1, -thresholds[part].ravel()
        questions.set_weights([asked, zero])
        leaves = np.zeros((count * 2**depth, outputs), np.float32)
        leaves[: grown[part].size // outputs] = grown[part].reshape(-1, outputs)
        if not number:
            leaves[: 2**depth] += start
        layers[questions.name.replace("questions", "leaves")].set_weights([leaves])
    layers["shares"].set_weights([shares.astype(np.float32)])
