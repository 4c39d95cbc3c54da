"""Keras models written in the form of a runtime, and run by it."""

import contextlib
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np

from kerasfast.basics.arguments import choice
from kerasfast.basics.files import atomic_folder, atomic_path, temporary_folder
from kerasfast.runtimes.litert import LiteRTRunner, write_litert
from kerasfast.runtimes.models import Side, signature_of, write_saved_model
from kerasfast.runtimes.onnx import OnnxRunner, write_onnx

FORMATS = ("keras", "savedmodel", "litert", "litert-dynamic", "litert-int8", "onnx")
RUNTIMES = ("keras", "onnx", "litert")


def export_model(
    model: keras.Model,
    path: str | os.PathLike,
    form: str,
    *,
    side: Side = None,
    representative: Iterable[Any] | None = None,
) -> pathlib.Path:
    """Write a model and return the path; whole or not at all.

    Args:
        model: A Keras model.
        path: The file; of "savedmodel" a folder that is not there yet.
        form: One of `FORMATS`.
        side: Height and width of pictures.
        representative: For "litert-int8", see `write_litert`.

    Raises:
        ValueError: If the format is unknown, or the path does not fit it.
        FileExistsError: If the folder of a SavedModel is there.
        ImportError: If a package is missing that the format needs.
    """
    choice("form", form, FORMATS)
    if form == "keras":
        if pathlib.Path(path).suffix != ".keras":
            raise ValueError(f"Keras wants a name that ends in '.keras'; received {str(path)!r}.")
        with atomic_path(path) as unfinished:
            model.save(unfinished)
    elif form == "savedmodel":
        with whole_folder(path) as unfinished:
            write_saved_model(model, unfinished, signature_of(model, side=side))
    elif form == "onnx":
        write_onnx(model, path, side=side)
    else:
        mode = form.removeprefix("litert").removeprefix("-") or "float"
        write_litert(model, path, mode=mode, side=side, representative=representative)
    return pathlib.Path(path)


def runner_of(model: keras.Model, runtime: str, *, side: Side = None) -> Callable[[Any], np.ndarray] | None:
    """Return the function from batches to predictions that a runtime makes of a model; None for Keras itself.

    Raises:
        ValueError: If the runtime is unknown.
        ImportError: If a package is missing that it needs.
    """
    choice("runtime", runtime, RUNTIMES)
    if runtime == "keras":
        return None
    runner = {"onnx": OnnxRunner, "litert": LiteRTRunner}[runtime]
    with temporary_folder() as folder:
        return runner(export_model(model, folder / "model", runtime, side=side))


@contextlib.contextmanager
def whole_folder(path: str | os.PathLike) -> Iterator[str]:
    """Give a folder to write to, which takes the place of `path` when it is complete.

    Raises:
        FileExistsError: If there is such a file or folder.
    """
    path = pathlib.Path(path)
    if path.exists():
        raise FileExistsError(f"{path} exists; remove it, or choose another path.")
    with atomic_folder(path) as unfinished:
        yield os.fspath(unfinished)
