"""What a learner asks of data: batches for training, validation and test, and their targets."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from kerasfast.training.replicas import sharded_by_samples


@dataclass(frozen=True)
class Datasets:
    """Batched datasets for a `Learner`; each may also be a view: an object with `dataset(epoch)` and `targets`.

    Args:
        train: Batches (inputs, targets) of known number.
        valid: The same for validation.
        test: Batches of inputs, or (inputs, anything).
        path: Folder in which the learner keeps `models/`.
    """

    train: tf.data.Dataset
    valid: tf.data.Dataset | None = None
    test: tf.data.Dataset | None = None
    path: str | os.PathLike = "."


def batches(split: Any, epoch: int = 0) -> tf.data.Dataset:
    """Return the dataset of a split: of a view of `ImageData` from `epoch` on, or the dataset itself."""
    return sharded_by_samples(split.dataset(epoch) if hasattr(split, "dataset") else split)


def targets_of(split: Any) -> np.ndarray:
    """Return the targets of a split in order, without decoding a picture where the split knows them."""
    if hasattr(split, "dataset"):
        if split.targets is None:
            raise ValueError("This set has no targets; use `predict`.")
        return split.targets
    return np.concatenate([np.asarray(targets) for _, targets in split])


def sample_shape(data: Any) -> tuple | None:
    """Return the shape of a batch of inputs, None where it has no single one."""
    valid = getattr(data, "valid", None)
    spec = batches(data.train if valid is None else valid).element_spec
    inputs = spec[0] if isinstance(spec, tuple) else spec
    return tuple(inputs.shape) if hasattr(inputs, "shape") else None
