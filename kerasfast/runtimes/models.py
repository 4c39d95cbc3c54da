"""What every runtime needs of a Keras model: its inputs by name and size, and a copy that computes in float32."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

Side = int | tuple[int, int] | None
Signature = tf.TensorSpec | dict[str, tf.TensorSpec]


def signature_of(model: keras.Model, *, batch: int | None = None, side: Side = None) -> Signature:
    """Return the inputs of a model as TensorFlow describes them, with their names.

    Args:
        model: With one input, or a dict of them.
        batch: Samples in a batch; None for any number.
        side: Height and width of pictures, one number or two, where the model takes any.
    """
    sides = side if isinstance(side, tuple) else (side, side)

    def spec(tensor: keras.KerasTensor) -> tf.TensorSpec:
        lengths = zip(tensor.shape[1:], [*sides, *[side] * len(tensor.shape)], strict=False)
        shape = [batch, *(given if length is None else length for length, given in lengths)]
        return tf.TensorSpec(shape, tensor.dtype, tensor.name)

    inputs = model.input
    inputs = inputs[0] if isinstance(inputs, list) and len(inputs) == 1 else inputs
    return {name: spec(tensor) for name, tensor in inputs.items()} if isinstance(inputs, dict) else spec(inputs)


def in_float32(model: keras.Model) -> keras.Model:
    """Return the model, or a copy that computes in float32 where the model mixes precisions."""
    if all(layer.compute_dtype == "float32" for layer in model.layers):
        return model
    config = _with_policy(model.get_config(), "float32")
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def write_saved_model(model: keras.Model, path: str, signature: Signature) -> None:
    """Write a SavedModel whose only signature is the model's prediction."""
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", lambda inputs: model(inputs, training=False), input_signature=[signature])
    archive.write_out(path, verbose=False)


def _with_policy(config: Any, policy: str) -> Any:
    """Return a configuration in which every layer that mixes precisions has another policy."""
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy" and str(config["config"].get("name", "")).startswith("mixed_"):
            return {**config, "config": {**config["config"], "name": policy}}
        return {key: _with_policy(value, policy) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_with_policy(part, policy) for part in config)
    return policy if isinstance(config, str) and config.startswith("mixed_") else config


@contextlib.contextmanager
def quiet_conversion() -> Iterator[None]:
    """Hold back the converter's notes."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        with warnings.catch_warnings():
            # The converter runs int8's samples on TensorFlow's own interpreter, which is on its way out.
            warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated", category=UserWarning)
            yield
    finally:
        logger.setLevel(level)
