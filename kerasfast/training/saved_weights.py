"""Weights on disk by name: `<folder>/<name>.weights.h5`, the optimizer's state left out."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

import keras

from kerasfast.files import atomic_path

SUFFIX = ".weights.h5"


def save_weights(model: keras.Model, folder: pathlib.Path, name: str) -> pathlib.Path:
    """Write the weights of `model` and return the file."""
    target = _file(folder, name)
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as unfinished, _weights_only(model):
        model.save_weights(unfinished)
    return target


def load_weights(model: keras.Model, folder: pathlib.Path, name: str) -> None:
    """Read weights that `save_weights` wrote.

    Raises:
        FileNotFoundError: If there are none under this name; the message lists those there are.
    """
    target = _file(folder, name)
    if not target.is_file():
        saved = sorted(file.name.removesuffix(SUFFIX) for file in folder.glob(f"*{SUFFIX}"))
        raise FileNotFoundError(f"No weights named {name!r} in {folder}; saved: {', '.join(saved) or 'none'}.")
    with _weights_only(model):
        model.load_weights(target)


def _file(folder: pathlib.Path, name: str) -> pathlib.Path:
    if not name or name != os.path.basename(name):
        raise ValueError(f"A name of saved weights is a file name without folders; received {name!r}.")
    return folder / f"{name}{SUFFIX}"


@contextlib.contextmanager
def _weights_only(model: keras.Model) -> Iterator[None]:
    """Hide the optimizer, whose state Keras would write and read with the weights."""
    optimizer = getattr(model, "optimizer", None)
    model.optimizer = None
    try:
        yield
    finally:
        model.optimizer = optimizer
