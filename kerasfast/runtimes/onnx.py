"""ONNX: models for onnxruntime, which predicts faster than TensorFlow on a processor, and that runtime."""

import os
import pathlib
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.files import atomic_path
from kerasfast.keras_internals import with_constants
from kerasfast.runtimes.models import Side, in_float32, quiet_conversion, signature_of

Inputs = np.ndarray | Mapping[str, np.ndarray]


def write_onnx(model: keras.Model, path: str | os.PathLike, *, side: Side = None) -> pathlib.Path:
    """Write a model that takes batches of any size (extra `onnx`).

    Args:
        model: A Keras model.
        path: The file.
        side: Height and width of pictures.

    Raises:
        ImportError: If tf2onnx is not installed.
    """
    try:
        import tf2onnx
    except ImportError as error:
        raise ImportError("Writing ONNX needs tf2onnx: pip install 'kerasfast[onnx]'.") from error
    model = in_float32(model)
    function = tf.function(
        lambda inputs: model(inputs, training=False), input_signature=[signature_of(model, side=side)]
    )
    # Constants that a layer holds, such as the mean of a `Normalization`, would else become inputs.
    frozen = with_constants(function.get_concrete_function())
    names = {"input_names": frozen.inputs, "output_names": frozen.outputs}
    names = {key: [tensor.name for tensor in tensors] for key, tensors in names.items()}
    with atomic_path(path) as unfinished, quiet_conversion():
        tf2onnx.convert.from_graph_def(frozen.graph.as_graph_def(), **names, output_path=os.fspath(unfinished))
    return pathlib.Path(path)


class OnnxRunner:
    """Predicts with an ONNX file (extra `onnx`).

    Args:
        path: The file.

    Raises:
        ImportError: If onnxruntime is not installed.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError("Running ONNX models needs onnxruntime: pip install 'kerasfast[onnx]'.") from error
        self._session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
        kinds = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(uint8)": np.uint8}
        self._types = {one.name.partition(":")[0]: (one.name, kinds[one.type]) for one in self._session.get_inputs()}

    def __call__(self, inputs: Inputs) -> np.ndarray:
        """Return predictions (n, outputs) of a batch."""
        columns = inputs if isinstance(inputs, Mapping) else {next(iter(self._types)): inputs}
        feeds = {}
        for name, values in columns.items():
            own, kind = self._types[name]
            feeds[own] = np.asarray(values, kind)
        return self._session.run(None, feeds)[0]
