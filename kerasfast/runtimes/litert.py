"""LiteRT (TensorFlow Lite): float, dynamic-range and int8 models for phones and small boards, and their interpreter."""

import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.arguments import choice
from kerasfast.basics.files import atomic_path, temporary_folder
from kerasfast.basics.quiet import quiet_start
from kerasfast.runtimes.models import Side, in_float32, quiet_conversion, signature_of, write_saved_model

MODES = ("float", "dynamic", "int8")
Inputs = np.ndarray | Mapping[str, np.ndarray]


def write_litert(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    mode: str = "float",
    side: Side = None,
    representative: Iterable[Inputs] | None = None,
) -> pathlib.Path:
    """Write a model that takes one sample at a time, in LiteRT's own operations alone.

    Args:
        model: A Keras model.
        path: The file; its name usually ends in `.tflite`.
        mode: "float", "dynamic" (weights in 8 bits: a quarter of the size) or "int8" (activations too, for processors
            that know nothing else; pixels come in as uint8, predictions leave as float32).
        side: Height and width of pictures.
        representative: Single samples as the model takes them, a hundred or so of the training set, from which "int8"
            learns the range of every activation.

    Raises:
        ValueError: If the mode is unknown, or "int8" lacks samples.
    """
    choice("mode", mode, MODES)
    if mode == "int8" and representative is None:
        raise ValueError("int8 needs representative samples, a hundred or so of the training set.")
    model = in_float32(model)
    with temporary_folder() as folder, quiet_conversion():
        write_saved_model(model, os.fspath(folder), signature_of(model, batch=1, side=side))
        converter = tf.lite.TFLiteConverter.from_saved_model(os.fspath(folder))
        if mode != "float":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if mode == "int8":
            converter.representative_dataset = lambda: (_as_arguments(sample) for sample in representative)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            if not isinstance(model.input, dict):
                converter.inference_input_type = tf.uint8
        with quiet_start():
            content = converter.convert()
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(content)
    return pathlib.Path(path)


class LiteRTRunner:
    """Predicts with a LiteRT file (extra `litert`).

    Args:
        path: The file.

    Raises:
        ImportError: If ai-edge-litert is not installed.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise ImportError("Running LiteRT models needs ai-edge-litert: pip install 'kerasfast[litert]'.") from error
        # The interpreter reads from the content that it is given for as long as it lives.
        self._content = pathlib.Path(path).read_bytes()
        interpreter = Interpreter(model_content=self._content)
        self._run = interpreter.get_signature_runner()
        self._types = {name: detail["dtype"] for name, detail in self._run.get_input_details().items()}

    def __call__(self, inputs: Inputs) -> np.ndarray:
        """Return predictions (n, outputs) of a batch, one sample after the other."""
        columns = inputs if isinstance(inputs, Mapping) else {next(iter(self._types)): inputs}
        columns = {name: np.asarray(values).astype(self._types[name]) for name, values in columns.items()}
        count = len(next(iter(columns.values())))
        rows = [self._run(**{name: values[i : i + 1] for name, values in columns.items()}) for i in range(count)]
        return np.concatenate([next(iter(row.values())) for row in rows])


def _as_arguments(sample: Inputs) -> Any:
    """Return one sample in the form that the converter takes: by name, in a batch of one, float32 or int32."""
    if isinstance(sample, Mapping):
        return {name: np.asarray(values) for name, values in sample.items()}
    return [np.asarray(sample, np.float32)[None]]
