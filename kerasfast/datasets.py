"""What a learner asks of data: batches for training, validation and test, and their targets."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics import arguments

_ROW_BY_ROW = (  # losses whose targets have the shape of the predictions
    "mse", "mae", "mean_squared_error", "mean_absolute_error", "mean_squared_logarithmic_error", "huber", "log_cosh",
    "binary_crossentropy", "categorical_crossentropy", "kl_divergence", "poisson",
)  # fmt: skip


class Split(Protocol):
    """One part of the data: batches for each epoch, and the targets in their order."""

    @property
    def targets(self) -> np.ndarray | None:
        """(n, ...) targets in order, or None without any."""

    def dataset(self, epoch: int = 0) -> tf.data.Dataset:
        """Return batches (inputs, targets), or of inputs alone; each pass over them is the next epoch."""


class Data(Protocol):
    """What a `Learner` trains on. A tf.data dataset of batches does for a `Split`, see `as_split`."""

    @property
    def train(self) -> Split | tf.data.Dataset:
        """Batches (inputs, targets) of known number."""

    @property
    def valid(self) -> Split | tf.data.Dataset | None:
        """The same for validation."""

    @property
    def test(self) -> Split | tf.data.Dataset | None:
        """Batches of inputs, or (inputs, anything)."""

    @property
    def path(self) -> str | os.PathLike:
        """Folder in which the learner keeps `models/`."""


@dataclass(frozen=True)
class Datasets:
    """Batched datasets for a `Learner`; each may also be a view: an object with `dataset(epoch)` and `targets`.

    Args:
        train: Batches (inputs, targets) of known number.
        valid: The same for validation.
        test: Batches of inputs, or (inputs, anything).
        path: Folder in which the learner keeps `models/`.

    Example:
        >>> rows = tf.data.Dataset.from_tensor_slices((np.ones((8, 2)), np.ones((8, 1)))).batch(4)
        >>> targets_of(Datasets(train=rows, valid=rows).valid).shape
        (8, 1)
    """

    train: Split | tf.data.Dataset
    valid: Split | tf.data.Dataset | None = None
    test: Split | tf.data.Dataset | None = None
    path: str | os.PathLike = "."

    def __post_init__(self) -> None:
        for split in (self.train, self.valid, self.test):
            if split is self.train or split is not None:
                as_split(split)
        arguments.path("path", self.path)


@dataclass(frozen=True)
class DatasetSplit:
    """The `Split` of a dataset that is the same in every epoch, or shuffles itself."""

    batched: tf.data.Dataset

    @property
    def targets(self) -> np.ndarray | None:
        """(n, ...) targets, or a structure of them, for which all batches are read; None for inputs alone."""
        if not isinstance(self.batched.element_spec, tuple) or len(self.batched.element_spec) < 2:
            return None
        parts = [batch[1] for batch in self.batched]
        return keras.tree.map_structure(lambda *several: np.concatenate([np.asarray(one) for one in several]), *parts)

    def dataset(self, epoch: int = 0) -> tf.data.Dataset:
        """Return the dataset."""
        return self.batched


def as_split(split: Any) -> Split:
    """Return a split as it is, and a dataset as one.

    Raises:
        ValueError: For anything else.
    """
    if isinstance(split, tf.data.Dataset):
        return DatasetSplit(split)
    if hasattr(split, "dataset"):
        return split
    raise ValueError(
        "`train`, `valid` and `test` must be tf.data datasets of batches, or views with `dataset(epoch)`, `targets`; "
        f"received {type(split).__name__}. Make batches of arrays: `tf.data.Dataset.from_tensor_slices(...).batch(64)`."
    )


def batches(split: Any, epoch: int = 0) -> tf.data.Dataset:
    """Return the dataset of a split: of a view of `ImageData` from `epoch` on, or the dataset itself."""
    return sharded_by_samples(as_split(split).dataset(epoch))


def sharded_by_samples(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Return a dataset of which every worker takes its own part of each batch, unless it says itself how to be shared.

    TensorFlow would give every worker some of the files, where it can, and so other batches than a single device has.
    """
    policies = tf.data.experimental.AutoShardPolicy
    if dataset.options().experimental_distribute.auto_shard_policy != policies.AUTO:
        return dataset
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = policies.DATA
    return dataset.with_options(options)


def batches_of_epoch(split: Any, epoch: int, first: int) -> tf.data.Dataset:
    """Return the batches of one epoch from the batch `first` on; a split may have a quick way, `rest_of_epoch`."""
    rest = getattr(split, "rest_of_epoch", None)
    return batches(split, epoch).skip(first) if rest is None else rest(epoch, first)


def targets_of(split: Any) -> np.ndarray:
    """Return the targets of a split in order, without decoding a picture where the split knows them."""
    targets = as_split(split).targets
    if targets is None:
        raise ValueError("This set has no targets; use `predict`.")
    return targets


def sample_shape(data: Data) -> tuple | None:
    """Return the shape of a batch of inputs, None where it has no single one."""
    spec = batches(data.train if data.valid is None else data.valid).element_spec
    inputs = spec[0] if isinstance(spec, tuple) else spec
    return tuple(inputs.shape) if hasattr(inputs, "shape") else None


def batch_of(inputs: Any, expected: Any) -> Any:
    """Return inputs for one call of a model as arrays.

    Args:
        inputs: An array, or a list or dict of arrays.
        expected: The model's symbolic inputs.

    Raises:
        ValueError: If there are no rows, or the shapes are not those that the model takes.
    """
    if isinstance(expected, (list, tuple)) and len(expected) == 1:
        (expected,) = expected
    shapes = keras.tree.map_structure(lambda tensor: str(tuple(tensor.shape)), expected)
    try:
        arrays = keras.tree.map_structure_up_to(expected, np.asarray, inputs)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`predict_array` takes a batch of {shapes}; received {inputs!r:.100}.") from error
    for array, tensor in zip(keras.tree.flatten(arrays), keras.tree.flatten(expected), strict=True):
        wanted, received = tuple(tensor.shape), array.shape
        if len(wanted) != len(received):
            raise ValueError(
                f"`predict_array` takes a batch of shape {wanted}; received shape {received}. For a single input add "
                "an axis: `inputs[None]`."
            )
        sides = zip(wanted[1:], received[1:], strict=True)
        if not received[0] or any(side not in (None, given) for side, given in sides):
            raise ValueError(f"`predict_array` takes a batch of shape {wanted}, a row or more; received {received}.")
        if array.dtype.kind not in "biufV" and tensor.dtype != "string":
            raise ValueError(f"`predict_array` takes numbers; received {array.dtype}.")
    return arrays


def check_batches(split: Any, model: keras.Model, loss: Any) -> None:
    """Check the batches of a plain dataset by their declared types and shapes; nothing is read.

    Args:
        split: A dataset; anything else, such as None or a view, checks its own rows.
        model: With one input and one output; others are left to Keras.
        loss: Of the fit.

    Raises:
        ValueError: If there are no targets, they are text, or inputs or targets have another shape than the model's.
    """
    if not isinstance(split, tf.data.Dataset):
        return
    spec = split.element_spec
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        kind = f"{len(spec)} parts" if isinstance(spec, tuple) else "inputs without targets"
        raise ValueError(f"Training needs batches (inputs, targets); received {kind}.")
    if any(getattr(part, "dtype", None) == tf.string for part in keras.tree.flatten(spec[1])):
        raise ValueError("Training needs targets that are numbers; received text. Number the classes from 0.")
    pairs = (("inputs", spec[0], model.inputs), ("targets", spec[1], model.outputs))
    for what, given, wanted in pairs:
        if not isinstance(given, tf.TensorSpec) or len(wanted or ()) != 1 or given.shape.rank is None:
            return
        if what == "inputs" or _is_row_by_row(loss):
            _check_shape(what, tuple(given.shape), tuple(wanted[0].shape))


def _check_shape(what: str, given: tuple, wanted: tuple) -> None:
    if what == "targets" and len(given) == len(wanted) - 1 and wanted[-1] in (None, 1):
        return
    same = len(given) == len(wanted) and all(
        None in sides or sides[0] == sides[1] for sides in zip(given[1:], wanted[1:], strict=True)
    )
    if not same:
        hint = "; make batches: `dataset.batch(64)`" if len(given) == len(wanted) - 1 else ""
        raise ValueError(f"The model takes {what} of shape {wanted}; received {given}{hint}.")


def _is_row_by_row(loss: Any) -> bool:
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
    return str(name).lower() in _ROW_BY_ROW


@contextlib.contextmanager
def labels_in_range() -> Iterator[None]:
    """Turn TensorFlow's error about a class number that is none into a sentence."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        said = str(error)
        if "label value" not in said:
            raise
        start = said.index("Received a label value") if "Received a label value" in said else said.index("label value")
        raise ValueError(
            f"The targets must be class numbers from 0 to one below the model's outputs: {said[start:].splitlines()[0]}"
        ) from error
